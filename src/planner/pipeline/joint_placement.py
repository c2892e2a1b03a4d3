"""From an outcome for several apps to the placement that users get."""

from __future__ import annotations

import math

from planner.clear.allocation.app_view import view_of_plan, viewed_instance
from planner.clear.allocation.plan import Plan
from planner.clear.objectives.accuracy import mean_accuracy
from planner.clear.problem.instance import JointInstance
from planner.fin.outcome import Outcome
from planner.pipeline.placement import app_placement, certificate_of, termination_of, upper_certificate_of
from planner.schemas.planning.placement import (
    AppPlacement,
    Certificate,
    Diagnosis,
    Placement,
    Provenance,
    Shares,
    Timing,
    Total,
)


def joint_placement_of(
    joint: JointInstance, outcome: Outcome[Plan], provenance: Provenance, build_s: float, diagnosis: Diagnosis | None
) -> Placement:
    """Write an outcome as a placement; `build_s` is what was spent before the method began, in seconds.

    Args:
        joint: The arrays that the method searched on.
        outcome: What the method answered.
        provenance: Version, method and hashes of inputs.
        build_s: Time spent before the method began, in seconds.
        diagnosis: Why there is no plan; None where that is not proved.

    Returns:
        The placement, not verified yet.
    """
    plan = outcome.plan
    apps = () if plan is None else tuple(_app(joint, plan, place) for place in range(joint.count))
    total = None if plan is None else _total(joint, plan, apps)
    return Placement(
        status=outcome.status,
        message=outcome.termination.detail,
        termination=termination_of(outcome),
        apps=apps,
        total=total,
        metric_units=dict(joint.network.metrics.unit_of),
        node_speeds={} if plan is None else _speeds(joint, plan),
        certificate=_certificate(joint, outcome, total),
        diagnosis=diagnosis,
        timing=Timing(build_s=build_s + outcome.build_s, search_s=outcome.search_s),
        provenance=provenance,
    )


def _app(joint: JointInstance, plan: Plan, place: int) -> AppPlacement:
    """Write one app with its shares; its figures are those on its slices of nodes and media."""
    column = plan.columns[place]
    sliced = viewed_instance(
        joint.apps[column.app].chosen_by(column.decision), view_of_plan(joint.network, plan, place)
    )
    return app_placement(sliced, column.decision).model_copy(update={"shares": _shares(joint, plan, place)})


def _shares(joint: JointInstance, plan: Plan, place: int) -> Shares:
    network, column = joint.network, plan.columns[place]
    node_shares, medium_shares = plan.allocation.node_shares[place], plan.allocation.medium_shares[place]
    nodes = zip(column.nodes.tolist(), node_shares.tolist(), strict=True)
    media = zip(column.media.tolist(), medium_shares.tolist(), strict=True)
    return Shares(
        nodes={network.names[node]: share for node, share in nodes if share > 0.0},
        media={network.medium_name(medium): share for medium, share in media if share > 0.0},
    )


def _speeds(joint: JointInstance, plan: Plan) -> dict[str, float]:
    """Return the speed of every node in use that has a choice, or that does not run at its nominal speed."""
    network, speed = joint.network, plan.allocation.speed
    used = sorted({int(node) for column in plan.columns for node in column.nodes})
    return {
        network.names[node]: float(speed[node])
        for node in used
        if network.slowest[node] < network.fastest[node] or speed[node] != 1.0
    }


def _total(joint: JointInstance, plan: Plan, apps: tuple[AppPlacement, ...]) -> Total:
    used = sorted({int(node) for column in plan.columns for node in column.nodes})
    rated = zip(plan.columns, apps, strict=True)
    power_w = sum(joint.apps[column.app].inferences_per_s * app.energy_j for column, app in rated)
    rates = [joint.apps[column.app].inferences_per_s for column in plan.columns]
    metrics = {
        name: math.fsum(rate * app.metrics[name] for rate, app in zip(rates, apps, strict=True))
        for name in joint.network.metrics.names
    }
    return Total(
        energy_j=math.fsum(app.energy_j for app in apps),
        power_w=power_w + float(joint.network.idle_power_w[used].sum()),
        nodes_used=len(used),
        node_share_sum=math.fsum(share for app in apps for share in app.shares.nodes.values()),
        media_share_sum=math.fsum(share for app in apps for share in app.shares.media.values()),
        metrics=metrics,
        latency_over_limit=_latency_over_limit(joint, plan, apps) if joint.objective == "latency" else None,
        mean_accuracy=mean_accuracy(joint, plan) if joint.objective == "accuracy" else None,
    )


def _latency_over_limit(joint: JointInstance, plan: Plan, apps: tuple[AppPlacement, ...]) -> float:
    """Return the largest latency over its limit, of the latencies that the placement says."""
    limits_s = [joint.apps[column.app].most_s for column in plan.columns]
    return max(app.latency_s / limit_s for app, limit_s in zip(apps, limits_s, strict=True))


def _certificate(joint: JointInstance, outcome: Outcome[Plan], total: Total | None) -> Certificate | None:
    """State the bound; an infeasible request has none (its diagnosis says why)."""
    if outcome.status == "infeasible":
        return None
    if joint.objective == "accuracy":
        return upper_certificate_of(-outcome.lower_bound, None if total is None else total.mean_accuracy, "accuracy")
    name = {"power": "power_w", "latency": "latency_over_limit"}.get(joint.objective, joint.objective)
    value: float | None = None
    if total is not None:
        value = total.metrics[name] if name in total.metrics else getattr(total, name)
    return certificate_of(outcome.lower_bound, value, name)
