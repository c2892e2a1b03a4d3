"""From a method's outcome to the fleet placement that users get."""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Floats, Ints
from planner.fleet.answer.groups import Writer, tier_power
from planner.fleet.answer.impossible import why_impossible
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.pool import columns_of
from planner.fleet.method import FleetOutcome, Short, Solution
from planner.schemas.fleets.placement import (
    Change,
    FleetCertificate,
    FleetDiagnosis,
    FleetPlacement,
    FleetTiming,
    FleetTotal,
    Load,
    Shortage,
    Unserved,
)
from planner.schemas.planning.placement import Provenance
from planner.schemas.reading.quantities import format_quantity

_MOST_SHORT = 20


def fleet_placement(
    instance: FleetInstance, outcome: FleetOutcome, provenance: Provenance, build_s: float, change: Change | None
) -> FleetPlacement:
    """Write an outcome as a placement; `build_s` is what was spent before the method began, in seconds.

    Args:
        instance: The fleet.
        outcome: What the method answered.
        provenance: Method and hashes of the inputs.
        build_s: Seconds spent before the method began.
        change: Who moved, for placements that began from another one.

    Returns:
        The placement.
    """
    solution = outcome.solution
    writer = Writer(instance)
    total = None if solution is None else _total(instance, writer, solution)
    return FleetPlacement(
        fleet=instance.columns.name,
        status=outcome.status,
        message=outcome.message,
        groups=() if solution is None else writer.groups(solution),
        total=total,
        loads=() if solution is None else tuple(_loads(instance, solution, outcome.prices)),
        certificate=_certificate(instance, outcome, total),
        unserved=() if solution is None else _unserved(instance, solution.unserved),
        diagnosis=None if outcome.short is None else diagnosis_of(instance, outcome.short),
        metric_units={} if solution is None else dict(instance.network.metrics.unit_of),
        change=change,
        timing=FleetTiming(build_s=build_s, linear_s=outcome.linear_s, whole_s=outcome.whole_s),
        provenance=provenance,
    )


def nothing_placed(name: str, provenance: Provenance, spent_s: float, needed_s: float) -> FleetPlacement:
    """Write the placement of a fleet whose time limit was over before its plans were known.

    Args:
        name: Name of the fleet.
        provenance: Method and hashes of the inputs.
        spent_s: Seconds spent.
        needed_s: Seconds that writing and verifying a placement takes at least.

    Returns:
        A placement of status `unknown`, without users, and with a lower bound of 0 W.
    """
    return FleetPlacement(
        fleet=name,
        status="unknown",
        message="the time limit leaves no time to place users; "
        f"the answer alone takes about {format_quantity(needed_s, 's')}",
        certificate=FleetCertificate(lower_bound=0.0, relative_gap=None, complete=False),
        timing=FleetTiming(build_s=spent_s, linear_s=0.0, whole_s=0.0),
        provenance=provenance,
    )


def _total(instance: FleetInstance, writer: Writer, solution: Solution) -> FleetTotal:
    tiers, hosting = tier_power(instance, writer, solution)
    network = instance.network
    idle_w = 0.0
    for node in sorted(hosting.tolist(), key=lambda each: network.names[each]):
        watts = float(network.idle_power_w[node])
        idle_w += watts
        if watts:
            tiers[network.tiers[node]] = tiers.get(network.tiers[node], 0.0) + watts
    columns = columns_of(instance, solution.pair, solution.plan)
    rate = instance.rate_per_s[columns.owner]
    power = float((rate * solution.users * columns.energy_j).sum())
    return FleetTotal(
        power_w=power + idle_w,
        idle_power_w=idle_w,
        users=int(instance.count.sum()),
        served=int(solution.users.sum()),
        nodes_used=len(hosting),
        tier_w=tiers,
        metrics=writer.metrics(metrics_per_s(instance, solution)),
    )


def metrics_per_s(instance: FleetInstance, solution: Solution) -> Floats:
    """(M,) sums of the metrics of all users, per second."""
    kind = instance.pair_kind[solution.pair]
    per_s = instance.rate_per_s[instance.pair_class[solution.pair]] * solution.users
    found = np.zeros(instance.network.metrics.count)
    for number in np.unique(kind) if len(found) else ():
        here = kind == number
        found += per_s[here] @ instance.kinds[number].plans.metrics[solution.plan[here]]
    return found


def _loads(instance: FleetInstance, solution: Solution, prices: Floats) -> list[Load]:
    """Return all resources that are loaded, in the order of their rows."""
    resources = instance.resources
    columns = columns_of(instance, solution.pair, solution.plan)
    load = columns.load_of(instance.rate_per_s[columns.owner] * solution.users, resources.count)
    return [
        Load(
            name=resources.names[row], kind="node" if row < resources.nodes else "medium",
            utilization=float(load[row]), capacity=float(resources.capacity[row]), price_w=float(prices[row]),
        )
        for row in np.flatnonzero(load > 0.0).tolist()
    ]  # fmt: skip


def _certificate(instance: FleetInstance, outcome: FleetOutcome, total: FleetTotal | None) -> FleetCertificate | None:
    """State the bound; an infeasible request has none (its diagnosis says why)."""
    if outcome.status == "infeasible":
        return None
    bound = max(0.0, outcome.lower_bound_w) if np.isfinite(outcome.lower_bound_w) else 0.0
    gap = None
    if total is not None:
        bound = min(bound, total.power_w)
        gap = (total.power_w - bound) / total.power_w if total.power_w > 0.0 else 0.0
    return FleetCertificate(
        lower_bound=bound, relative_gap=gap, linear_gap=outcome.linear_gap, complete=instance.complete
    )


def _unserved(instance: FleetInstance, unserved: Ints) -> tuple[Unserved, ...]:
    names = instance.columns.class_names
    return tuple(
        Unserved.model_validate({"class": str(names[index]), "count": int(unserved[index])})
        for index in np.flatnonzero(unserved).tolist()
    )


def diagnosis_of(instance: FleetInstance, short: Short) -> FleetDiagnosis:
    """Say what is short, the scarcest first."""
    resources, columns = instance.resources, instance.columns
    tenth = 0.1 * short.users_per_capacity * resources.capacity
    order = [row for row in np.argsort(-tenth, kind="stable").tolist() if tenth[row] > 1e-6][:_MOST_SHORT]
    users = int(instance.count.sum())
    parts = [f"{short.most_served:,} of {users:,} users can be served at most"]
    if order:
        names = ", ".join(resources.names[row] for row in order[:3])
        parts.append(f"short: {names}" + (f" and {len(order) - 3} more" if len(order) > 3 else ""))
    if len(short.impossible):
        parts.append(_impossible_text(instance, short.impossible))
    return FleetDiagnosis(
        summary="; ".join(parts),
        most_served=short.most_served,
        short=tuple(
            Shortage(
                name=resources.names[row], kind="node" if row < resources.nodes else "medium",
                capacity=float(resources.capacity[row]), users_per_tenth=float(tenth[row]),
            )
            for row in order
        ),
        impossible=tuple(str(columns.class_names[index]) for index in short.impossible[:_MOST_SHORT].tolist()),
    )  # fmt: skip


def _impossible_text(instance: FleetInstance, impossible: Ints) -> str:
    """Name the first class that no plan can serve, and which of its limits cannot hold."""
    index, count = int(impossible[0]), len(impossible)
    first, why = str(instance.columns.class_names[index]), why_impossible(instance, index)
    if count == 1:
        return f"class {first} has no plan within its limits: {why}"
    return f"{count:,} classes have no plan within their limits; those of the first, {first}: {why}"
