"""From a method's outcome to the placement that users get."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from planner.fin.instance.decision import Decision, Evaluation, evaluate
from planner.fin.instance.instance import Instance
from planner.fin.outcome import Outcome
from planner.schemas.planning.placement import (
    AppPlacement,
    Assignment,
    Breakdown,
    BusyTimes,
    Certificate,
    Diagnosis,
    Placement,
    Provenance,
    Route,
    Shares,
    Termination,
    Timing,
    Total,
)
from planner.schemas.planning.workload import LIMITED_FIGURES, MAXIMISED

_FIELDS: dict[str, str] = {row.kind: row.name for row in LIMITED_FIGURES}


def placement_of(
    instance: Instance, outcome: Outcome[Decision], provenance: Provenance, build_s: float, diagnosis: Diagnosis | None
) -> Placement:
    """Write an outcome as a placement; `build_s` is what was spent before the method began, in seconds.

    Args:
        instance: The arrays that the method searched on.
        outcome: What the method answered.
        provenance: Version, method and hashes of inputs.
        build_s: Time spent before the method began, in seconds.
        diagnosis: Why there is no plan; None where that is not proved.

    Returns:
        The placement, not verified yet.
    """
    plan = None if outcome.plan is None else app_placement(instance, outcome.plan)
    return Placement(
        status=outcome.status,
        message=outcome.termination.detail,
        termination=termination_of(outcome),
        apps=() if plan is None else (plan,),
        total=None if plan is None else _total(instance, plan),
        metric_units=dict(instance.network.metrics.unit_of),
        certificate=_certificate(instance, outcome, plan),
        diagnosis=diagnosis,
        timing=Timing(build_s=build_s + outcome.build_s, search_s=outcome.search_s),
        provenance=provenance,
    )


def termination_of(outcome: Outcome[object]) -> Termination | None:
    """Write why a search ended without a proof; None where its status is proved."""
    ended = outcome.termination
    return None if ended.proved else Termination(reason=ended.reason, limit=ended.limit, detail=ended.detail)


def _certificate(instance: Instance, outcome: Outcome[Decision], plan: AppPlacement | None) -> Certificate | None:
    """State the bound; an infeasible request has none (its diagnosis says why)."""
    if outcome.status == "infeasible":
        return None
    if instance.minimise in MAXIMISED:
        return _maximised(instance, outcome, plan)
    figures: dict[str, float] = {}
    if plan is not None:
        figures = {**plan.metrics, **{row.kind: row.value_of(plan) for row in LIMITED_FIGURES}}
    name = _FIELDS.get(instance.minimise, instance.minimise)
    return certificate_of(outcome.lower_bound, figures.get(instance.minimise), name)


def certificate_of(lower_bound: float, value: float | None, objective: str) -> Certificate:
    """State a lower bound on what is minimised, and the relative gap to a plan.

    Args:
        lower_bound: What a method proved, in the unit of the objective.
        value: The plan's value in that unit; None without a plan.
        objective: Name of the figure, such as `energy_j`.

    Returns:
        The certificate; its bound is at most the plan's value and at least 0.
    """
    bound = lower_bound if value is None else min(lower_bound, value)
    bound = max(0.0, bound) if math.isfinite(bound) else 0.0
    gap = None if value is None else (value - bound) / value if value > 0.0 else 0.0
    return Certificate(lower_bound=bound, relative_gap=gap, objective=objective)


def _maximised(instance: Instance, outcome: Outcome[Decision], plan: AppPlacement | None) -> Certificate:
    """State the upper bound on a rate (one over a busy time of the bottleneck) or an accuracy."""
    least = outcome.lower_bound
    if instance.minimise == "rate":
        name, bound = "rate_per_s", math.inf if least <= 0.0 else 1.0 / least
    else:
        name, bound = "accuracy", max(0.0, min(-least, 1.0))
    if plan is None:
        return Certificate(upper_bound=bound if math.isfinite(bound) else None, relative_gap=None, objective=name)
    value = plan.accuracy or 0.0
    if instance.minimise == "rate":
        value = math.inf if plan.rate_per_s is None else plan.rate_per_s
    if math.isinf(bound):  # a gap is unknown unless nothing is busy
        return Certificate(relative_gap=0.0 if math.isinf(value) else None, objective=name)
    return upper_certificate_of(bound, value, name)


def upper_certificate_of(upper_bound: float, value: float | None, objective: str) -> Certificate:
    """State a finite upper bound on what is maximised, and the relative gap to a plan.

    Args:
        upper_bound: What a method proved, in the unit of the objective.
        value: The plan's value in that unit; None without a plan.
        objective: Name of the figure, such as `accuracy`.

    Returns:
        The certificate; its bound is at least the plan's value.
    """
    if value is None:
        return Certificate(upper_bound=max(upper_bound, 0.0), relative_gap=None, objective=objective)
    bound = max(upper_bound, value)
    return Certificate(upper_bound=bound, relative_gap=1.0 - value / bound if bound > 0.0 else 0.0, objective=objective)


def _sustained(instance: Instance, costs: Evaluation) -> dict[str, Any]:
    """Return the fields of a plan whose rate is maximised: the rate, busy times and the bottleneck."""
    network, busiest_s = instance.network, costs.bottleneck_s
    nodes = {network.names[node]: float(costs.node_busy_s[node]) for node in np.flatnonzero(costs.node_busy_s)}
    used = np.flatnonzero(costs.media_busy_s)
    media = {network.medium_name(int(medium)): float(costs.media_busy_s[medium]) for medium in used}
    with np.errstate(divide="ignore"):  # a node that must not be busy bounds the rate to 0
        over = {name: float(busy_s / network.max_utilization[network.index(name)]) for name, busy_s in nodes.items()}
    loads = {**over, **media}
    return {
        "rate_per_s": None if busiest_s == 0.0 else 1.0 / busiest_s,
        "busy_s": BusyTimes(nodes=nodes, media=media),
        "bottleneck": next((name for name, load in loads.items() if load == busiest_s), None),
    }


def app_placement(instance: Instance, decision: Decision) -> AppPlacement:
    """Write a decision with what it costs."""
    points, names = instance.points, instance.network.names
    costs = evaluate(instance, decision)
    on = [index for index in range(len(points.exit_names)) if points.on[decision.point, index]]
    designed = decision.point >= len(points.given_names)
    thresholds = {
        points.exit_names[index]: None if index == on[-1] else float(points.thresholds[decision.point, index])
        for index in on
    }
    nodes = [names[node] for node in decision.nodes]
    return AppPlacement(
        name=instance.name,
        model=instance.model,
        batch=instance.batch,
        operating_point=points.name(decision.point),
        exit_fractions={points.exit_names[index]: float(points.fraction[decision.point, index]) for index in on},
        thresholds=thresholds if designed else None,
        assignments=tuple(
            Assignment(block=block, node=node) for block, node in zip(instance.block_names, nodes, strict=False)
        ),
        routes=tuple(_routes(instance, decision)),
        shares=Shares(),
        accuracy=float(points.accuracy[decision.point]) if points.accuracy_known else None,
        breakdown=Breakdown(
            compute_j=costs.compute_j,
            transfer_j=max(0.0, costs.energy_j - costs.compute_j),
            compute_s=costs.compute_s,
            transfer_s=max(0.0, costs.latency_s - costs.compute_s - instance.filling_s),
            filling_s=instance.filling_s,
        ),
        metrics=dict(costs.metrics),
        **_limited_figures(costs),
        **(_sustained(instance, costs) if instance.minimise == "rate" else {}),
    )


def _limited_figures(costs: Evaluation) -> dict[str, Any]:
    """Return the figures that apps may limit and that a placement has fields for, by the name of the field."""
    return {row.name: costs.figure(row.kind) for row in LIMITED_FIGURES if row.name in AppPlacement.model_fields}


def _routes(instance: Instance, decision: Decision) -> list[Route]:
    """List the routes of more than one node: of all that blocks read, then of results."""
    names, blocks, points = instance.network.names, instance.block_names, instance.points
    found = []
    for row, path in zip(instance.inputs(len(decision.nodes)), decision.transfers, strict=True):
        if len(path) > 1:
            after = blocks[row.producer] if row.producer >= 0 else None
            to = None if instance.dataflow is None else blocks[row.reader]
            nodes = tuple(names[node] for node in path)
            found.append(Route(after=after, to=to, tensor=row.name, path=nodes, bits=row.bits))
    for head, path in sorted(decision.results.items()):
        if len(path) > 1:
            after, nodes = blocks[points.exit_block[head]], tuple(names[node] for node in path)
            bits = float(instance.result_bits[head])
            found.append(Route(after=after, path=nodes, bits=bits, result_of=points.exit_names[head]))
    return found


def _total(instance: Instance, plan: AppPlacement) -> Total:
    used = {assignment.node for assignment in plan.assignments}
    idle_w = sum(float(instance.network.idle_power_w[instance.network.index(name)]) for name in sorted(used))
    rate_per_s = instance.inferences_per_s
    power_w = rate_per_s * plan.energy_j + idle_w
    metrics = {name: rate_per_s * value for name, value in plan.metrics.items()}
    return Total(energy_j=plan.energy_j, power_w=power_w, nodes_used=len(used), metrics=metrics)
