"""Why an app has no plan: which limits cannot hold, and the best each could be with the others kept.

Every limit is given up alone, and the exact method finds the best value that it could have then. Where no limit
alone is to blame, the report gives what each could be at best without any other, and says so. A deadline ends the
searches: what they have found until then is stated as a bound, and what they have not found is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.diagnosis.capacities import (
    Sustained,
    alone_bytes,
    largest_rate,
    oversized_blocks,
    slowest_part,
    sustained_rate,
)
from planner.fin.diagnosis.reachability import unreachable
from planner.fin.diagnosis.rows import at_most, kind_of, limit_row, noun_of
from planner.fin.diagnosis.searches import any_plan, best_plan, least_figure
from planner.fin.diagnosis.together import limits_of, relaxed, together
from planner.fin.instance.decision import evaluate
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats
from planner.fin.method import Options
from planner.fin.methods.program_size import has_small_program
from planner.schemas.planning.placement import BrokenLimit, Diagnosis
from planner.schemas.reading.quantities import format_quantity, told_apart

_MOST_NODES = 8
_STEP = 1e-6
"""Memory that counts as the same, as a part of what is enough."""
_NEAR = 0.98
"""Ratio of the memory that is too little and that is enough from which on a plan just below is asked for."""
_STOPPED = "the time limit came before every limit was examined"
_UNEXAMINED = "that is proved; the time limit came before it was found which limits are to blame"
_UNLIMITED = Deadline()


def diagnose(instance: Instance, all_points: Instance, without_pins: Bools, until: Deadline = _UNLIMITED) -> Diagnosis:
    """Explain why an instance has no plan.

    Args:
        instance: The app as asked for.
        all_points: The same with all operating points of the model.
        without_pins: (L, N) hosts of each block if nothing were pinned.
        until: When to stop searching.

    Returns:
        One sentence, and every limit that cannot hold with the best value that it could have.
    """
    free = relaxed(all_points, all_points, (*limits_of(all_points, all_points), "memory", "rate"))
    somewhere = replace(free, allowed=instance.allowed)
    broken, stopped = list(unreachable(somewhere)), False
    if not broken:
        broken, stopped = _alone(instance, all_points, without_pins, until)
    if not broken and stopped:
        broken = list(oversized_blocks(instance))
    elif not broken:
        stopped = _explain_rest(instance, all_points, free, until, broken)
    reasons = [row.message for row in broken[:3]] or [_UNEXAMINED if stopped else "the limits exclude each other"]
    reasons += [_STOPPED] if stopped and broken else []
    return Diagnosis(summary=f"no plan for {instance.name!r}: {'; '.join(reasons)}", limits=tuple(broken))


def _alone(
    instance: Instance, all_points: Instance, without_pins: Bools, until: Deadline
) -> tuple[list[BrokenLimit], bool]:
    """Give up each kind of limit alone; each may take half of the time left, and the last one all of it.

    Returns:
        The limits that are to blame alone, and whether the deadline left some out.
    """
    rows: list[BrokenLimit] = []
    stopped = False
    for limit in _LIMITS:
        share = until if limit is _LIMITS[-1] else until.fraction(0.5)
        try:
            for row in limit(instance, all_points, without_pins, share):
                rows.append(row)
        except DeadlineReachedError:
            stopped = True
    return rows, stopped


def _explain_rest(
    instance: Instance, all_points: Instance, free: Instance, until: Deadline, rows: list[BrokenLimit]
) -> bool:
    """Add rows on limits of which none alone is to blame; return whether the deadline left some out."""
    try:
        if any_plan(replace(free, allowed=instance.allowed), until) is None:
            message = "no exit can be reached: pins and links leave no path through the blocks of any operating point"
            rows.append(limit_row("reachability", instance.name, None, None, "", message))
        else:
            for row in together(instance, all_points, free, until):
                rows.append(row)
    except DeadlineReachedError:
        return True
    return False


def _figures(instance: Instance, all_points: Instance, without_pins: Bools, until: Deadline) -> Iterator[BrokenLimit]:
    """The least of each limited figure, with its own limit given up."""
    for kind in instance.limits.kinds:
        asked, unit = instance.limits.most(kind), instance.unit_of(kind)
        found = least_figure(instance, kind, until)
        if found is not None:
            least, limit = told_apart(found.value, asked, unit)
            what = f"{instance.statistic} latency" if kind == "latency" else noun_of(kind)
            message = f"the least {what} is {at_most(found.proved)}{least}, the limit {limit}"
            message += slowest_part(replace(instance, minimise=kind), found.plan) if kind == "latency" else ""
            yield limit_row(kind_of(kind), instance.name, asked, found.value, unit, message)


def _accuracy(instance: Instance, all_points: Instance, without_pins: Bools, until: Deadline) -> Iterator[BrokenLimit]:
    """The best accuracy that can be reached: fewer points are accurate enough the more is asked, so bisect."""
    asked = instance.limits.min_accuracy
    levels = np.unique(all_points.points.accuracy)
    low, high = -1, int(np.searchsorted(levels, asked * (1.0 - TOLERANCE)))
    while high - low > 1:
        middle = (low + high) // 2
        enough = all_points.only_points(all_points.points.accuracy >= levels[middle])
        try:
            low, high = (middle, high) if any_plan(enough, until) is not None else (low, middle)
        except DeadlineReachedError:
            if low < 0:
                raise
            break
    if low >= 0:
        best = float(levels[low])
        what = "that the model offers" if low + 1 == len(levels) else "within the other limits"
        reached, limit = told_apart(best, asked, "")
        at_least = "at least " if high - low > 1 else ""
        message = f"the best accuracy {what} is {at_least}{reached}, the limit {limit}"
        yield limit_row("accuracy", instance.name, asked, best, "fraction", message)


def _memory(instance: Instance, all_points: Instance, without_pins: Bools, until: Deadline) -> Iterator[BrokenLimit]:
    """Memory that is missing: on one node where that is enough, else on each node of the best plan without limit."""
    memory = instance.network.memory_bytes
    if not np.isfinite(memory).any():
        return
    free = _with_memory(instance, np.full(len(memory), np.inf))
    decision, _ = best_plan(free, until)
    if decision is None:
        return
    used = evaluate(free, decision).memory_bytes
    short = [int(node) for node in np.flatnonzero(used > memory * (1.0 + TOLERANCE))]
    if short:
        yield from oversized_blocks(instance)
    alone, proved = [], True
    try:
        for node in short[:_MOST_NODES]:
            if (needed := _enough_alone(instance, node, until)) is not None:
                alone.append((node, *needed))
    except DeadlineReachedError:
        proved = False
    for node, need, least in alone or [(node, float(used[node]), proved) for node in short]:
        yield _memory_row(instance, node, need, least)
    if not proved:
        raise DeadlineReachedError


def _with_memory(instance: Instance, memory_bytes: Floats) -> Instance:
    return replace(instance, network=replace(instance.network, memory_bytes=memory_bytes))


def _enough_alone(instance: Instance, node: int, until: Deadline) -> tuple[float, bool] | None:
    """Memory that the node alone would need for a plan, None where it is not to blame; whether less is not enough."""
    memory = instance.network.memory_bytes.copy()
    memory[node] = np.inf
    relaxed = _with_memory(instance, memory)
    decision = any_plan(relaxed, until)
    if decision is None:
        return None
    return _least_memory(instance, node, float(evaluate(relaxed, decision).memory_bytes[node]), until)


def _least_memory(instance: Instance, node: int, enough: float, until: Deadline) -> tuple[float, bool]:
    """Bisect on the memory of one node between what it has and what is known to be enough.

    Near the end, every other step is just below the plan that is known: where none needs less, that is the proof. No
    step is finer than messages tell apart; finer ones are the hardest.
    """
    low, just_below = float(instance.network.memory_bytes[node]), False
    while enough - low > (least_step := max(1.0, _STEP * enough)):
        just_below = not just_below and low > _NEAR * enough
        memory = instance.network.memory_bytes.copy()
        memory[node] = enough - 0.99 * least_step if just_below else 0.5 * (low + enough)
        trial = _with_memory(instance, memory)
        try:
            decision = any_plan(trial, until)
        except DeadlineReachedError:
            return enough, False
        if decision is None:
            low = float(memory[node])
        else:
            enough = float(evaluate(trial, decision).memory_bytes[node])
    return enough, True


def _memory_row(instance: Instance, node: int, needed: float, proved: bool) -> BrokenLimit:
    name, has = instance.network.names[node], float(instance.network.memory_bytes[node])
    alone = np.array([alone_bytes(instance, block) for block in range(len(instance.block_names))])
    largest = int(np.where(instance.allowed[:, node], alone, -1.0).argmax())
    held, takes = told_apart(has, needed, "B")
    bound = at_most(proved)
    message = f"{name} has {held} of memory and needs {bound}{takes} "
    message += f"({bound}{format_quantity(needed - has, 'B')} are missing; "
    message += f"the largest block it may run is {instance.block_names[largest]}, "
    message += f"{format_quantity(float(alone[largest]), 'B')})"
    return limit_row("memory", name, has, needed, "bytes", message)


def _rate(instance: Instance, all_points: Instance, without_pins: Bools, until: Deadline) -> Iterator[BrokenLimit]:
    asked = instance.rate_per_s
    best = _sustained(instance, until) if asked > 0.0 else None
    if best is None or best.rate_per_s >= asked:
        return
    best_rate, asked = (rate * instance.batch for rate in (best.rate_per_s, asked))  # of samples, not of batches
    most, wanted = told_apart(best_rate, asked, "")
    bound = "at most" if best.proved else "the most is at least"
    message = f"{bound} {most} inferences per second, asked for {wanted}"
    message += f"; {best.bottleneck} is fully used then"
    yield limit_row("rate", instance.name, asked, best_rate, "1/s", message)


def _sustained(instance: Instance, until: Deadline) -> Sustained | None:
    """Return the largest rate within the other limits; of small programs by these, beyond chains quicker than steps."""
    if has_small_program(instance):
        from planner.fin.maximise.integer_program import LargestRateByProgram  # few diagnoses need a solver

        until.check()
        at_rest = replace(instance, minimise="rate", rate_per_s=0.0)
        found = LargestRateByProgram().solve(at_rest, Options(time_limit_s=until.limit_s))
        if found.plan is not None:
            return replace(sustained_rate(instance, found.plan), proved=found.status == "optimal")
        if found.status == "infeasible":
            return None
    return largest_rate(instance, lambda each: any_plan(each, until))


def _pins(instance: Instance, all_points: Instance, without_pins: Bools, until: Deadline) -> Iterator[BrokenLimit]:
    pinned = np.flatnonzero((instance.allowed != without_pins).any(axis=1))
    for block in pinned:
        allowed = instance.allowed.copy()
        allowed[block] = without_pins[block]
        if any_plan(replace(instance, allowed=allowed), until) is not None:
            name = instance.block_names[block]
            yield limit_row("pin", name, None, None, "", f"there is a plan if {name} may run elsewhere")


_LIMITS: tuple[Callable[[Instance, Instance, Bools, Deadline], Iterator[BrokenLimit]], ...] = (
    _figures, _accuracy, _memory, _rate, _pins,
)  # fmt: skip
