"""The independent verifier: recomputes a plan from the input files and the placement alone.

It shares no code with the solvers. What does not stand is reported, never raised; an empty list means that
the placement stands. Every comparison is written so that NaN fails it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from planner.schemas import App, AppPlacement, Breakdown, Certificate, Model, Placement, Topology
from planner.schemas.planning.variants import Pair, by_app, chosen_by
from planner.schemas.planning.workload import LIMITED_FIGURES, MAXIMISED, LimitedFigure
from planner.schemas.reading.quantities import FRACTION, told_apart
from planner.verifier.form import check_no_plan, check_plan_form
from planner.verifier.joint_objectives import (
    JointFigures,
    check_objective_named,
    check_sums_of_objective,
    value_of_objective,
)
from planner.verifier.maximised import check_sustained, check_upper_bound, gap_below, rate_of_plan
from planner.verifier.metrics import check_metric_limits, check_metrics, check_units
from planner.verifier.network import Network, expand
from planner.verifier.points import best_accuracy
from planner.verifier.recompute import SLACK, Recomputed, latency_of
from planner.verifier.sharing import (
    check_queues,
    check_share_sums,
    check_speeds,
    check_sum_claims,
    check_together,
    has_shares,
    summed,
)
from planner.verifier.structure import check_structure
from planner.verifier.violations import Violation, check_claim, check_limit, fault_of

__all__ = ["DEFAULT_GAP", "Violation", "verify"]

DEFAULT_GAP = 1e-6
_UNITS = {"energy_j": "J", "latency_s": "s", "power_w": "W", "latency_over_limit": FRACTION}
_OBJECTIVES = {"latency": {"latency_s"}, "energy": {"energy_j", "power_w"}}


@dataclass(frozen=True)
class _Checked:
    """An app whose plan could be recomputed."""

    app: App
    plan: AppPlacement
    cost: Recomputed

    @property
    def figures(self) -> JointFigures:
        """What objectives of all apps together are sums or maxima of."""
        cost = self.cost
        return JointFigures(
            self.app.rate_per_s, self.latency_s, self.app.max_latency_s, cost.point.accuracy, cost.metrics
        )

    @property
    def latency_s(self) -> float:
        return latency_of(self.app.latency, self.cost.exits)[0]

    def figure(self, row: LimitedFigure) -> float:
        """Return a figure that apps may limit, as recomputed; a property of assignments and routes as the plan has it.

        Assignments and routes are checked by themselves.
        """
        recomputed = {"latency_s": self.latency_s, "energy_j": self.cost.energy_j}
        return recomputed[row.name] if row.name in AppPlacement.model_fields else row.value_of(self.plan)


def verify(
    placement: Placement,
    topology: Topology,
    apps: Sequence[tuple[App, Model]],
    gap: float = DEFAULT_GAP,
    per_exit_thresholds: bool = False,
    objective: str = "power",
) -> list[Violation]:
    """Recompute a placement and check every claim and every limit.

    Args:
        placement: The placement to check.
        topology: The topology that it was made for.
        apps: Every app with its model; with each of them in turn where it names several.
        gap: Largest relative gap that still counts as `optimal` (no unit).
        per_exit_thresholds: Whether operating points may be designed with one threshold per exit, which decides what
            the best accuracy is that an app gets by default.
        objective: What all apps together were planned for, as the workload says.

    Returns:
        What does not stand, with the values of both sides; empty if the placement stands.
    """
    if placement.status in ("infeasible", "unknown"):
        return list(check_no_plan(placement))
    groups = by_app(apps)
    network, shared = expand(topology), has_shares(placement, len(groups)) or objective != "power"
    found = [
        *_check_names(placement, groups),
        *check_plan_form(placement),
        *check_units(placement.metric_units, network),
    ]
    if shared:
        found += [*check_together([pairs[0][0] for pairs in groups.values()]), *check_speeds(placement, network)]
    plans = {plan.name: plan for plan in reversed(placement.apps)}
    checked: list[_Checked] = []
    for name, pairs in groups.items():
        plan = plans.get(name)
        chosen = None if plan is None else chosen_by(plan, pairs)
        if plan is not None and chosen is None:
            found.append(_no_variant(plan, pairs))
        if plan is not None and chosen is not None:
            app, model = chosen
            models = [each for _, each in pairs]
            cost, faults = check_structure(app, model, plan, network, placement.node_speeds)
            found += faults
            if cost is not None:
                checked.append(_Checked(app, plan, cost))
                asked = app.model_copy(update={"objective": objective}) if objective == "accuracy" else app
                limited = _Checked(asked, plan, cost)  # by default a least accuracy is asked for unless it is maximised
                found += [*_check_claims(checked[-1]), *_check_limits(limited, models, per_exit_thresholds)]
                found += check_metrics(app.name, plan.metrics, cost.metrics, network)
                found += check_metric_limits(app.name, app.limits, cost.metrics, network)
                found += check_sustained(app, plan, cost, network)
    found += _check_memory(checked, network)
    found += _check_shared(checked, network) if shared else _check_utilization(checked, network)
    if len(checked) < len(groups):  # sums over a part of the apps would only repeat what is reported already
        return found
    return [*found, *_check_total(placement, checked, network, gap, objective)]


def _check_names(placement: Placement, groups: Mapping[str, Sequence[Pair]]) -> Iterator[Violation]:
    counts = Counter(plan.name for plan in placement.apps)
    for name in sorted({*groups, *counts}):
        apps = [app for app, _ in groups.get(name, ())]
        if name not in groups:
            yield fault_of(name, "apps", "no app of this name was asked for")
        elif not _are_variants(apps):
            yield fault_of(name, "apps", f"{len(apps)} apps have this name, so their plans cannot be told apart")
        elif counts[name] != 1:
            yield fault_of(name, "apps", f"planned {counts[name]} times, not once")


def _are_variants(apps: Sequence[App]) -> bool:
    """Tell whether apps of one name are one app with different models."""
    alike = [app.model_copy(update={"model": "", "pin": {}}) for app in apps]
    return len({app.models for app in apps}) == len(apps) and all(app == alike[0] for app in alike)


def _no_variant(plan: AppPlacement, pairs: Sequence[Pair]) -> Violation:
    """Say that a plan names none of the models that the app may run."""
    names = ", ".join(path for app, _ in pairs for path in app.models)
    says = "does not say which model it runs" if plan.model is None else f"runs {plan.model!r}"
    return fault_of(plan.name, "model", f"{says}; the models to choose from are {names}")


def _check_claims(checked: _Checked) -> Iterator[Violation]:
    name, plan, cost = checked.app.name, checked.plan, checked.cost
    latency_s, parts = latency_of(checked.app.latency, cost.exits)
    for row in LIMITED_FIGURES:
        if (claim := row.told_by(plan)) is not None:
            yield from check_claim(name, row.name, claim, checked.figure(row), row.unit)
    claimed: Breakdown = plan.breakdown
    yield from check_claim(name, "breakdown.compute_j", claimed.compute_j, cost.compute_j, "J", whole=cost.energy_j)
    yield from check_claim(name, "breakdown.transfer_j", claimed.transfer_j, cost.transfer_j, "J", whole=cost.energy_j)
    filling_s = cost.exits[0].filling_s if cost.exits else 0.0
    yield from check_claim(name, "breakdown.filling_s", claimed.filling_s, filling_s, "s", whole=latency_s)
    found = [
        [
            *check_claim(name, "breakdown.compute_s", claimed.compute_s, compute_s, "s", whole=latency_s),
            *check_claim(name, "breakdown.transfer_s", claimed.transfer_s, transfer_s, "s", whole=latency_s),
        ]
        for compute_s, transfer_s in parts
    ]
    yield from min(found, key=len, default=[])


def _check_limits(checked: _Checked, models: Sequence[Model], per_exit_thresholds: bool) -> Iterator[Violation]:
    app, cost = checked.app, checked.cost
    for row in LIMITED_FIGURES:
        yield from check_limit(app.name, row.field, row.limit_of(app), checked.figure(row), row.unit)
    yield from _check_accuracy(app, cost.point.accuracy, models, per_exit_thresholds)


def _check_accuracy(
    app: App, accuracy: float | None, models: Sequence[Model], per_exit_thresholds: bool
) -> Iterator[Violation]:
    """Check the least accuracy: that asked for, else the best that any of the app's models offers."""
    by_default: float | None = None
    if app.min_accuracy is None and app.objective != "accuracy":
        offered = [best_accuracy(model, per_exit_thresholds) for model in models]
        by_default = max((best for best in offered if best is not None), default=None)
    least = app.min_accuracy if app.min_accuracy is not None else by_default
    if accuracy is None:
        if app.min_accuracy:
            yield fault_of(app.name, "min_accuracy", "the model does not say how accurate it is")
    elif least is not None and not accuracy >= least * (1.0 - SLACK):
        reached, asked = told_apart(accuracy, least, FRACTION)
        message = f"accuracy is {reached}, less than {asked}"
        yield Violation(app.name, "min_accuracy", least, accuracy, FRACTION, message)


def _check_memory(checked: Sequence[_Checked], network: Network) -> Iterator[Violation]:
    memory_bytes = summed(each.cost.memory_bytes for each in checked)
    held: set[tuple[str, tuple[str, ...], str]] = set()
    for each in checked:  # apps of one model share its parameters
        for node_name, params in each.cost.params.items():
            for param, size in params.items():
                if (key := (node_name, each.app.models, param)) not in held:
                    held.add(key)
                    memory_bytes[node_name] += size
    for name, needed_bytes in memory_bytes.items():
        if (node := network.nodes[name]) is not None:
            yield from check_limit("", "memory_bytes", node.memory_bytes, needed_bytes, "B", subject=name)


def _check_utilization(checked: Sequence[_Checked], network: Network) -> Iterator[Violation]:
    for each in checked:
        for name, busy_s in each.cost.node_busy_s.items():
            use = each.app.rate_per_s * busy_s
            if (node := network.nodes[name]) is not None:
                yield from check_limit("", "max_utilization", node.max_utilization, use, "fraction", subject=name)
        for medium, busy_s in each.cost.medium_busy_s.items():
            use, subject = each.app.rate_per_s * busy_s, " -> ".join(medium)
            yield from check_limit("", "medium_utilization", 1.0, use, "fraction", subject=subject)


def _check_shared(checked: Sequence[_Checked], network: Network) -> Iterator[Violation]:
    for each in checked:
        yield from check_queues(each.app, each.cost)
    yield from check_share_sums([each.cost for each in checked], network)


def _check_total(
    placement: Placement, checked: Sequence[_Checked], network: Network, gap: float, objective: str
) -> Iterator[Violation]:
    used = {name for each in checked for name in each.cost.node_busy_s}
    idle_w = sum(node.idle_power_w for name in sorted(used) if (node := network.nodes[name]) is not None)
    energy_j = sum(each.cost.energy_j for each in checked)
    power_w = sum(each.app.rate_per_s * each.cost.energy_j for each in checked) + idle_w
    metrics = {name: sum(each.app.rate_per_s * each.cost.metrics[name] for each in checked) for name in network.metrics}
    if placement.total is not None:
        yield from check_claim("", "total.energy_j", placement.total.energy_j, energy_j, "J")
        yield from check_claim("", "total.power_w", placement.total.power_w, power_w, "W")
        yield from check_claim("", "total.nodes_used", placement.total.nodes_used, len(used), "nodes")
        shared = has_shares(placement, len(checked)) or objective != "power"
        yield from check_sum_claims(placement.total, [each.cost for each in checked], shared)
        yield from check_metrics("", placement.total.metrics, metrics, network)
        yield from check_sums_of_objective(placement.total, objective, [each.figures for each in checked])
    if placement.certificate is not None and objective != "power":
        value = value_of_objective(objective, [each.figures for each in checked])
        if faults := list(check_objective_named(placement.certificate, objective, network.metrics)):
            yield from faults
        elif objective in MAXIMISED:
            yield from _check_maximised(placement, placement.certificate, objective, value, gap)
        else:
            yield from _check_certificate(placement.certificate, value, network)
            yield from _check_proof(placement, value, gap)
    elif placement.certificate is not None:
        if len(checked) == 1 and checked[0].app.objective in MAXIMISED and not has_shares(placement, 1):
            rate, accuracy = rate_of_plan(checked[0].cost, network), checked[0].cost.point.accuracy
            maximised = checked[0].app.objective
            value = rate if maximised == "rate" else accuracy or 0.0
            yield from _check_maximised(placement, placement.certificate, maximised, value, gap)
            return
        latency_s = sum(each.latency_s for each in checked)
        values = {"energy_j": energy_j, "latency_s": latency_s, "power_w": power_w}
        alone = checked[0].cost.metrics if len(checked) == 1 else {}
        yield from _check_objective(placement.certificate, [each.app for each in checked])
        if (found := {**alone, **values}.get(placement.certificate.objective)) is not None:
            yield from _check_certificate(placement.certificate, found, network)
            yield from _check_proof(placement, found, gap)


def _check_maximised(
    placement: Placement, certificate: Certificate, objective: str, value: float, gap: float
) -> Iterator[Violation]:
    yield from check_upper_bound(certificate, objective, value)
    bound = float("inf") if certificate.upper_bound is None else certificate.upper_bound
    true_gap = gap_below(bound, value)
    if placement.status == "optimal" and not (true_gap is not None and true_gap <= gap + SLACK):
        message = f"optimal, but the proved gap is {true_gap}, more than {gap:.12g}"
        yield Violation("", "status", gap, true_gap, "fraction", message)


def _check_objective(certificate: Certificate, apps: Sequence[App]) -> Iterator[Violation]:
    """Check what is proved: apps that are planned together minimise power, one alone what it asks for."""
    alone = _OBJECTIVES.get(apps[0].objective, {apps[0].objective})
    if certificate.objective not in (alone if len(apps) == 1 else {"power_w"}):
        yield fault_of("", "certificate.objective", f"{certificate.objective} is not what the apps minimise")


def _check_certificate(certificate: Certificate, value: float, network: Network) -> Iterator[Violation]:
    name = certificate.objective
    unit = _UNITS.get(name) or network.metrics[name].unit
    if certificate.lower_bound is None or certificate.upper_bound is not None:
        yield fault_of("", "certificate.lower_bound", "the objective is minimised, so its bound is a lower one")
        return
    if not certificate.lower_bound <= value * (1.0 + SLACK):
        bound, has = told_apart(certificate.lower_bound, value, unit)
        message = f"the bound {bound} is above the plan's {has}"
        yield Violation("", "certificate.lower_bound", certificate.lower_bound, value, unit, message)
    true_gap = _relative_gap(value, certificate.lower_bound)
    if certificate.relative_gap is None:
        yield fault_of("", "certificate.relative_gap", "there is a plan, so it has a gap")
    elif not isclose(certificate.relative_gap, true_gap, rel_tol=SLACK, abs_tol=SLACK):
        says, found = told_apart(certificate.relative_gap, true_gap, FRACTION)
        message = f"claims a gap of {says}, is {found}"
        yield Violation("", "certificate.relative_gap", certificate.relative_gap, true_gap, "fraction", message)


def _check_proof(placement: Placement, value: float, gap: float) -> Iterator[Violation]:
    if placement.status != "optimal" or placement.certificate is None or placement.certificate.lower_bound is None:
        return
    true_gap = _relative_gap(value, placement.certificate.lower_bound)
    if not true_gap <= gap + SLACK:
        proved, most = told_apart(true_gap, gap, FRACTION)
        message = f"optimal, but the proved gap is {proved}, more than {most}"
        yield Violation("", "status", gap, true_gap, "fraction", message)


def _relative_gap(value: float, lower_bound: float) -> float:
    """Gap as a fraction of the plan's value; no plan can be better than one whose value is 0."""
    return 0.0 if value == 0.0 or lower_bound >= value else (value - lower_bound) / value
