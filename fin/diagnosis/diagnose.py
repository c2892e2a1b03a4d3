"""Why an app has no plan: which limits cannot hold, and the best each could be with the others kept.

Every limit is given up alone, and the exact method finds the best value that it could have then. Where no limit
alone is to blame, the report gives what each could be at best without any other, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from planner.fin.diagnosis.capacities import alone_bytes, largest_rate, oversized_blocks, slowest_part
from planner.fin.diagnosis.reachability import unreachable
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import Decision, evaluate
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats
from planner.fin.method import Options
from planner.schemas.planning.placement import BrokenLimit, Diagnosis, LimitKind
from planner.schemas.planning.workload import LIMITED_FIGURES, MAXIMISED
from planner.schemas.reading.quantities import format_quantity, told_apart

_MOST_NODES = 8
_KINDS: dict[str, LimitKind] = {row.kind: row.kind for row in LIMITED_FIGURES}
"""Kinds of limits of the figures that every plan has; those of metrics are of the kind `metric`."""
_NOUNS: dict[str, str] = {row.kind: row.noun for row in LIMITED_FIGURES}


def diagnose(instance: Instance, all_points: Instance, without_pins: Bools) -> Diagnosis:
    """Explain why an instance has no plan.

    Args:
        instance: The app as asked for.
        all_points: The same with all operating points of the model.
        without_pins: (L, N) hosts of each block if nothing were pinned.

    Returns:
        One sentence, and every limit that cannot hold with the best value that it could have.
    """
    free = _without_capacities(_without_limits(all_points))
    broken = list(unreachable(replace(free, allowed=instance.allowed)))
    if not broken:
        broken = [row for limit in _LIMITS for row in limit(instance, all_points, without_pins)]
    if not broken and _any_plan(replace(free, allowed=instance.allowed)) is None:
        message = "no exit can be reached: pins and links leave no path through the blocks of any operating point"
        broken = [_row("reachability", instance.name, None, None, "", message)]
    if not broken:
        broken = list(_together(instance, free))
    summary = f"no plan for {instance.name!r}: " + (
        "; ".join(row.message for row in broken[:3]) or "the limits exclude each other"
    )
    return Diagnosis(summary=summary, limits=tuple(broken))


def _any_plan(instance: Instance) -> Decision | None:
    """Return some plan within the limits; whether there is one does not depend on what is minimised."""
    first = replace(instance, minimise="energy")
    return Exact().solve(first, Options(gap=1.0)).plan if instance.points.count else None


def _best_plan(instance: Instance) -> Decision | None:
    """Return the best plan within the limits; of what is maximised, the plan of least energy."""
    first = replace(instance, minimise="energy") if instance.minimise in MAXIMISED else instance
    return Exact().solve(first, Options()).plan if instance.points.count else None


def _least(instance: Instance, kind: str) -> tuple[Decision, float] | None:
    """Return the plan within the limits of the least figure, with the figure; None where there is no plan.

    A sum is minimised. Any other figure is limited below that of each plan in turn, until there is none.
    """
    if kind not in instance.limits.of_paths:
        decision = _best_plan(replace(instance, limits=instance.limits.without(kind), minimise=kind))
        return None if decision is None else (decision, evaluate(instance, decision).figure(kind))
    found, below = None, np.inf
    while (decision := _any_plan(instance.limited(kind, below))) is not None:
        value = evaluate(instance, decision).figure(kind)
        found, below = (decision, value), value * (1.0 - 4.0 * TOLERANCE)
        if value <= 0.0:
            break
    return found


def _without_limits(instance: Instance) -> Instance:
    limits = instance.limits
    for kind in limits.kinds:
        limits = limits.without(kind)
    return replace(instance, limits=limits)


def _without_capacities(instance: Instance) -> Instance:
    size = instance.network.size
    network = replace(instance.network, memory_bytes=np.full(size, np.inf))
    return replace(instance, network=network, rate_per_s=0.0)


def _figures(instance: Instance, all_points: Instance, without_pins: Bools) -> Iterator[BrokenLimit]:
    """The least of each limited figure (latency, energy, metrics), with its own limit given up."""
    for kind in instance.limits.kinds:
        asked, unit = instance.limits.most(kind), instance.unit_of(kind)
        found = _least(instance, kind)
        if found is not None:
            decision, best = found
            least, limit = told_apart(best, asked, unit)
            what = f"{instance.statistic} latency" if kind == "latency" else _NOUNS.get(kind, kind)
            message = f"the least {what} is {least}, the limit {limit}"
            message += slowest_part(replace(instance, minimise=kind), decision) if kind == "latency" else ""
            yield _row(_KINDS.get(kind, "metric"), instance.name, asked, best, unit, message)


def _accuracy(instance: Instance, all_points: Instance, without_pins: Bools) -> Iterator[BrokenLimit]:
    """The best accuracy that can be reached: fewer points are accurate enough the more is asked, so bisect."""
    asked = instance.limits.min_accuracy
    levels = np.unique(all_points.points.accuracy)
    low, high = -1, int(np.searchsorted(levels, asked * (1.0 - TOLERANCE)))
    while high - low > 1:
        middle = (low + high) // 2
        enough = all_points.points.accuracy >= levels[middle]
        low, high = (middle, high) if _any_plan(all_points.only_points(enough)) is not None else (low, middle)
    if low >= 0:
        best = float(levels[low])
        what = "that the model offers" if low + 1 == len(levels) else "within the other limits"
        reached, limit = told_apart(best, asked, "")
        message = f"the best accuracy {what} is {reached}, the limit {limit}"
        yield _row("accuracy", instance.name, asked, best, "fraction", message)


def _memory(instance: Instance, all_points: Instance, without_pins: Bools) -> Iterator[BrokenLimit]:
    """Memory that is missing: on one node where that is enough, else on each node of the best plan without limit."""
    memory = instance.network.memory_bytes
    if not np.isfinite(memory).any():
        return
    free = _with_memory(instance, np.full(len(memory), np.inf))
    decision = _best_plan(free)
    if decision is None:
        return
    used = evaluate(free, decision).memory_bytes
    short = [int(node) for node in np.flatnonzero(used > memory * (1.0 + TOLERANCE))]
    alone = [(node, need) for node in short[:_MOST_NODES] if (need := _enough_alone(instance, node)) is not None]
    if short:
        yield from oversized_blocks(instance)
    for node, need in alone or [(node, float(used[node])) for node in short]:
        yield _memory_row(instance, node, need)


def _with_memory(instance: Instance, memory_bytes: Floats) -> Instance:
    return replace(instance, network=replace(instance.network, memory_bytes=memory_bytes))


def _enough_alone(instance: Instance, node: int) -> float | None:
    """Memory that the node alone would need for a plan, None where its memory alone is not to blame."""
    memory = instance.network.memory_bytes.copy()
    memory[node] = np.inf
    relaxed = _with_memory(instance, memory)
    decision = _any_plan(relaxed)
    if decision is None:
        return None
    return _least_memory(instance, node, float(evaluate(relaxed, decision).memory_bytes[node]))


def _least_memory(instance: Instance, node: int, enough: float) -> float:
    """Bisect on the memory of one node between what it has and what is known to be enough.

    What is tried stays clear of the tolerance of limits, within which the plan that is known would be found for ever.
    """
    low = float(instance.network.memory_bytes[node])
    while enough - low > max(1.0, 4.0 * TOLERANCE * enough):
        memory = instance.network.memory_bytes.copy()
        memory[node] = 0.5 * (low + enough)
        trial = _with_memory(instance, memory)
        decision = _any_plan(trial)
        if decision is None:
            low = float(memory[node])
        else:
            enough = float(evaluate(trial, decision).memory_bytes[node])
    return enough


def _memory_row(instance: Instance, node: int, needed: float) -> BrokenLimit:
    name, has = instance.network.names[node], float(instance.network.memory_bytes[node])
    alone = np.array([alone_bytes(instance, block) for block in range(len(instance.block_names))])
    largest = int(np.where(instance.allowed[:, node], alone, -1.0).argmax())
    held, takes = told_apart(has, needed, "B")
    message = f"{name} has {held} of memory and needs {takes} ({format_quantity(needed - has, 'B')} are missing; "
    message += f"the largest block it may run is {instance.block_names[largest]}, "
    message += f"{format_quantity(float(alone[largest]), 'B')})"
    return _row("memory", name, has, needed, "bytes", message)


def _rate(instance: Instance, all_points: Instance, without_pins: Bools) -> Iterator[BrokenLimit]:
    asked = instance.rate_per_s
    best = largest_rate(instance, _any_plan) if asked > 0.0 else None
    if best is None or best.rate_per_s >= asked:
        return
    best_rate, asked = (rate * instance.batch for rate in (best.rate_per_s, asked))  # of samples, not of batches
    most, wanted = told_apart(best_rate, asked, "")
    message = f"at most {most} inferences per second, asked for {wanted}"
    message += f"; {best.bottleneck} is fully used then"
    yield _row("rate", instance.name, asked, best_rate, "1/s", message)


def _pins(instance: Instance, all_points: Instance, without_pins: Bools) -> Iterator[BrokenLimit]:
    pinned = np.flatnonzero((instance.allowed != without_pins).any(axis=1))
    for block in pinned:
        allowed = instance.allowed.copy()
        allowed[block] = without_pins[block]
        if _any_plan(replace(instance, allowed=allowed)) is not None:
            name = instance.block_names[block]
            yield _row("pin", name, None, None, "", f"there is a plan if {name} is not pinned")


_LIMITS: tuple[Callable[[Instance, Instance, Bools], Iterator[BrokenLimit]], ...] = (
    _figures, _accuracy, _memory, _rate, _pins,
)  # fmt: skip


def _together(instance: Instance, free: Instance) -> Iterator[BrokenLimit]:
    """No limit alone is to blame: report what each could be at best if all others were given up."""
    limits = instance.limits
    note = "not enough by itself, other limits must give way too"
    if instance.points.count == 0:
        best = instance.most_accurate
        message = f"the best accuracy that the model offers is {best:.4g}; {note}"
        yield _row("accuracy", instance.name, limits.min_accuracy, best, "fraction", message)
    for kind in limits.kinds:
        asked, unit = limits.most(kind), instance.unit_of(kind)
        found = _least(free.limited(kind, asked), kind)
        if found is not None:
            _, best = found
            least, limit = told_apart(best, asked, unit)
            message = f"without any other limit the least {_NOUNS.get(kind, kind)} is {least}, the limit {limit}"
            yield _row(_KINDS.get(kind, "metric"), instance.name, asked, best, unit, f"{message}; {note}")
    for row in oversized_blocks(instance):
        yield row.model_copy(update={"message": f"{row.message}; {note}"})
    memory = instance.network.memory_bytes[instance.allowed.any(axis=0)]
    if np.isfinite(memory).any():
        more = 0.0 if instance.memory is None else instance.memory.beyond_sum(range(len(instance.block_bytes)), [])
        needed, has = float(instance.block_bytes.sum()) + more, float(memory.sum())
        takes, held = told_apart(needed, has, "B")
        message = f"all blocks take {takes}, the nodes that may host one hold {held}; {note}"
        yield _row("memory", instance.name, has if np.isfinite(has) else None, needed, "bytes", message)
    if instance.rate_per_s > 0:
        rate = instance.inferences_per_s
        yield _row("rate", instance.name, rate, None, "1/s", f"the rate loads nodes and links; {note}")


def _row(
    kind: LimitKind, subject: str, demand: float | None, best: float | None, unit: str, message: str
) -> BrokenLimit:
    return BrokenLimit(kind=kind, subject=subject, demand=demand, best=best, unit=unit, message=message)
