"""Diagnosis of infeasible workloads: an app that has no plan alone, else capacities that are short together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from planner.clear.allocation.app_view import most_favourable
from planner.clear.diagnosis.flow_relaxation import MaximumRates, Row, maximum_rates
from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import JointApp
from planner.fin.deadline import Deadline
from planner.fin.diagnosis.diagnose import diagnose
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Network
from planner.fin.method import Options
from planner.schemas.planning.placement import BrokenLimit, Diagnosis, LimitKind
from planner.schemas.reading.quantities import format_quantity, told_apart

_MOST_ROWS = 8
_SHORT = 1.0 - 1e-6
_SEARCHING = 0.5
"""Part of the time for proofs that searches for plans of single apps have; the program of loads has the rest."""
_UNLIMITED = Deadline()


def contradiction(
    joint: JointInstance,
    all_points: Sequence[JointApp],
    proving: Deadline = _UNLIMITED,
    until: Deadline = _UNLIMITED,
) -> Diagnosis | None:
    """Prove that there is no plan, by each app alone or by loads together; None where neither does.

    Args:
        joint: The apps as asked for.
        all_points: Each app with all operating points of its models.
        proving: When each app's search for a plan of its own, and the program of loads, have to end; what is not found
            out then proves nothing.
        until: When to stop searching for which limits of an app are to blame; the proof does not need it.

    Returns:
        The limits that cannot hold, or None.
    """
    alone: list[BrokenLimit] = []
    searching = proving.fraction(_SEARCHING)
    for index, (app, every) in enumerate(zip(joint.apps, all_points, strict=True)):
        share = 1.0 / (joint.count - index)
        alone += _alone(app, every, searching.fraction(share), until.fraction(share))
    if alone:
        summary = f"no plan, whatever the others do: {'; '.join(row.message for row in alone[:3])}"
        return Diagnosis(summary=summary, limits=tuple(alone))
    if not all(app.possible for app in joint.apps):
        return None
    most = maximum_rates(joint, proving)
    if most.part >= _SHORT:
        row = _memory(joint, [])
        too_little = row.demand is not None and row.best is not None and row.demand > row.best * (1.0 + TOLERANCE)
        return Diagnosis(summary=f"no plan for all apps together: {row.message}", limits=(row,)) if too_little else None
    rows = tuple(_short(joint, most))
    return Diagnosis(summary=f"no plan for all apps together: {rows[0].message}", limits=rows)


def no_room(joint: JointInstance, until: Deadline = _UNLIMITED) -> Diagnosis:
    """Say what is known of apps that have no plan together, which no other diagnosis explains.

    Args:
        joint: The apps, which are proved to have no plan.
        until: When to stop; where it has come, nothing is said of what each app could do alone.
    """
    rows = []
    for index, app in enumerate(joint.apps):
        rows += list(_deadline(app, until.fraction(1.0 / (joint.count - index))))
        if until.expired:
            why = "the time limit came before it was found which limits are to blame"
            return Diagnosis(summary=f"no plan for all apps together: {why}", limits=tuple(rows))
    what = "shares" if all(variant.memory is None for variant in joint.variants) else "memory, or the shares,"
    summary = (
        "no plan for all apps together: each could be served alone, and what they load fits, but the "
        f"{what} that keep the limits of some leave too little for others"
    )
    return Diagnosis(summary=summary, limits=tuple(rows))


def _alone(app: JointApp, all_points: JointApp, proving: Deadline, until: Deadline) -> list[BrokenLimit]:
    """Return what rules every variant of an app out, even if every node were its own; nothing if one is not."""
    rows: list[BrokenLimit] = []
    for index, (variant, whole) in enumerate(zip(app.variants, all_points.variants, strict=True)):
        share = 1.0 / (len(app.variants) - index)
        found = _variant_alone(variant, whole, proving.fraction(share), until.fraction(share))
        if not found:
            return []
        rows += found
    return rows


def _variant_alone(instance: Instance, all_points: Instance, proving: Deadline, until: Deadline) -> list[BrokenLimit]:
    """Return what rules a variant out even if every node were its own, at once fast and frugal."""
    best = most_favourable(instance)
    options = Options(gap=1.0, time_limit_s=proving.limit_s)
    if best.points.count and Exact().solve(best, options).status != "infeasible":
        return []
    unpinned = np.broadcast_to(best.blocks.can_run, best.allowed.shape)
    rows = diagnose(best, most_favourable(all_points), unpinned, until).limits or (_unexamined(instance),)
    label = instance.name if instance.model is None and instance.batch == 1 else f"{instance.name} ({instance.variant})"
    return [row.model_copy(update={"message": f"{label}: {row.message}"}) for row in rows]


def _unexamined(instance: Instance) -> BrokenLimit:
    """Say that an app has no plan even alone, where the time was too short to find out why."""
    most_s = instance.limits.latency_s
    message = "there is no plan even alone; the time limit came before it was found which limits are to blame"
    return _row("latency", instance.name, most_s if np.isfinite(most_s) else None, None, "s", message)


def _short(joint: JointInstance, most: MaximumRates) -> Iterator[BrokenLimit]:
    """Name the capacities that bound the rates; what is asked of each, if apps keep to the same routes."""
    memory = [row for row in most.short if row[0] == "memory"]
    if most.part > 0.0:
        names = ", ".join(_name(joint.network, row, most) for row in most.short[:_MOST_ROWS])
        message = f"nodes and media bear at most {100 * most.part:.4g} % of all rates; what is short: {names}"
        yield _row("rate", "all apps", 1.0, most.part, "of the rates asked for", message)
    else:
        yield _memory(joint, [node for _, node in memory])
    for kind, place in most.short[:_MOST_ROWS] if most.part > 0.0 else ():
        if kind == "memory":
            continue
        what: LimitKind = "utilization" if kind == "node" else "medium"
        has = float(joint.network.max_utilization[place]) if kind == "node" else 1.0
        name = _node(joint.network, place, most) if kind == "node" else joint.network.medium_name(place)
        message = f"{name} is full at {100 * most.part:.4g} % of all rates; "
        message += f"all would take {100 * has / most.part:.4g} % of its time"
        yield _row(what, name, has / most.part, has, "fraction", message)


def _memory(joint: JointInstance, nodes: Sequence[int]) -> BrokenLimit:
    """Sum up what the blocks that every operating point deploys take, and what there is."""
    needed = sum(min(_least_bytes(variant) for _, variant in app.possible) for app in joint.apps)
    needed += _shared_bytes(joint)
    hosts = np.any([app.allowed.any(axis=0) for app in joint.variants], axis=0)
    has = float(joint.network.memory_bytes[hosts].sum())
    names = ", ".join(joint.network.names[node] for node in nodes[:_MOST_ROWS]) or "all nodes"
    held = format_quantity(needed, "B")
    kinds = (
        "parameters" if all(one.memory is None for one in joint.variants) else "parameters, states and working memory"
    )
    message = f"all apps together hold at least {held} of {kinds}; what is short is the memory of {names}"
    return _row("memory", "all apps", needed, has if np.isfinite(has) else None, "bytes", message)


def _least_bytes(instance: Instance) -> float:
    """Return the memory that the blocks of every operating point hold, and the largest that one needs to work."""
    depth, memory = int(instance.points.depth.min()), instance.memory
    working = 0.0 if memory is None else float(memory.block_working[:depth].max(initial=0.0))
    return float(instance.block_bytes[:depth].sum()) + working


def _shared_bytes(joint: JointInstance) -> float:
    """Return the size of the named parameters that every variant of some app uses at every point, each once."""
    sizes: dict[tuple[str, str], float] = {}
    for app in joint.apps:
        if len(app.possible) == 1 and (memory := app.possible[0][1].memory) is not None:
            uses = np.asarray(memory.block_uses[: int(app.possible[0][1].points.depth.min())].any(axis=0))
            named = zip(memory.param_names, memory.param_bytes.tolist(), uses.tolist(), strict=True)
            sizes |= {(memory.model, name): size for name, size, used in named if used}
    return sum(sizes.values())


def _name(network: Network, row: Row, most: MaximumRates) -> str:
    kind, place = row
    return (
        f"medium {network.medium_name(place)}"
        if kind == "medium"
        else f"{_WORDS[kind]} of {_node(network, place, most)}"
    )


def _node(network: Network, node: int, most: MaximumRates) -> str:
    """Name a node; one that stands for equal ones with their number."""
    others = most.equal.get(node, 1) - 1
    return network.names[node] + (f" (and {others} equal {'node' if others == 1 else 'nodes'})" if others else "")


_WORDS = {"node": "time", "memory": "memory"}


def _deadline(app: JointApp, until: Deadline) -> Iterator[BrokenLimit]:
    """Compare an app's deadline with its least latency alone, of all variants."""
    asked, statistic = app.most_s, app.variants[0].statistic
    if not np.isfinite(asked):
        return
    least_s = [found for _, variant in app.possible if (found := _least_latency_s(variant, until)) is not None]
    if least_s:
        least, limit = told_apart(min(least_s), asked, "s")
        message = f"{app.name}: the least {statistic} latency alone is {least}, the limit {limit}"
        yield _row("latency", app.name, asked, min(least_s), "s", message)


def _least_latency_s(instance: Instance, until: Deadline) -> float | None:
    """Return the least latency of a variant alone, with everything at its best; None where none is found in time."""
    quickest = replace(most_favourable(instance).with_limits(latency_s=np.inf), minimise="latency")
    found = Exact().solve(quickest, Options(time_limit_s=until.limit_s))
    return evaluate(quickest, found.plan).latency_s if found.status == "optimal" and found.plan is not None else None


def _row(
    kind: LimitKind, subject: str, demand: float | None, best: float | None, unit: str, message: str
) -> BrokenLimit:
    return BrokenLimit(kind=kind, subject=subject, demand=demand, best=best, unit=unit, message=message)
