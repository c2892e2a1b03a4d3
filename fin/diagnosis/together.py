"""Limits that exclude each other, by a deletion filter: which to relax together, and what each could be at best.

Where no limit alone is to blame, several have to be relaxed. The filter drops the limits one at a time. If the app is
still infeasible without a limit, that limit is not in the irreducible infeasible subset (IIS) and stays dropped;
otherwise it is put back. All limits of the IIS are then relaxed, and the next IIS is sought, until the app is feasible.
The result is a union of disjoint IISs: relaxing it suffices, but it need not be the smallest such set. Limits in no IIS
that was found can all be kept, and are not reported.

Source: J. W. Chinneck and E. W. Dravnieks, Locating minimal infeasible constraint sets in linear programs, ORSA
Journal on Computing 3 (1991): the deletion filter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.diagnosis.capacities import oversized_blocks
from planner.fin.diagnosis.rows import at_most, kind_of, limit_row, noun_of
from planner.fin.diagnosis.searches import any_plan, least_figure
from planner.fin.instance.instance import Instance
from planner.schemas.planning.placement import BrokenLimit
from planner.schemas.reading.quantities import told_apart

_NOTE = "not enough by itself, other limits must give way too"
_ACCURACY, _MEMORY, _RATE = "accuracy", "memory", "rate"


def relaxed(instance: Instance, all_points: Instance, given_up: Collection[str]) -> Instance:
    """Return an app without some of its limits.

    Args:
        instance: The app as asked for.
        all_points: The same with all operating points of the model.
        given_up: Kinds of limited figures, names of metrics, `accuracy`, `memory` and `rate`.

    Returns:
        The app that keeps all other limits, and its pins.
    """
    found = replace(all_points, allowed=instance.allowed) if _ACCURACY in given_up else instance
    limits = instance.limits
    for kind in limits.kinds:
        limits = limits.without(kind) if kind in given_up else limits
    found = replace(found, limits=limits)
    if _RATE in given_up:
        found = replace(found, rate_per_s=0.0)
    if _MEMORY in given_up:
        unlimited = np.full(found.network.size, np.inf)
        found = replace(found, network=replace(found.network, memory_bytes=unlimited))
    return found


def limits_of(instance: Instance, all_points: Instance) -> tuple[str, ...]:
    """Return all that `relaxed` can give up and that limits an app, in the order of reports.

    Args:
        instance: The app as asked for.
        all_points: The same with all operating points of the model.

    Returns:
        Kinds of limited figures, names of metrics, `accuracy`, `memory` and `rate`.
    """
    accuracy = [_ACCURACY] if all_points.points.count > instance.points.count else []
    memory = [_MEMORY] if np.isfinite(instance.network.memory_bytes[instance.allowed.any(axis=0)]).any() else []
    return (*accuracy, *instance.limits.kinds, *memory, *([_RATE] if instance.rate_per_s > 0 else []))


def contradicting(instance: Instance, all_points: Instance, until: Deadline) -> list[str]:
    """Return a union of irreducible infeasible subsets: with all of these limits given up, there is a plan.

    Args:
        instance: The app, which has no plan, but has one if all limits are given up.
        all_points: The same with all operating points of the model.
        until: When to stop.

    Returns:
        Limits as `limits_of` names them, in its order; every limit where the deadline came first.
    """
    every = limits_of(instance, all_points)
    blamed: set[str] = set()
    try:
        while len(blamed) < len(every) and any_plan(relaxed(instance, all_points, blamed), until) is None:
            subset = [each for each in reversed(every) if each not in blamed]
            for each in tuple(subset):
                given_up = {*set(every).difference(subset), each}
                if any_plan(relaxed(instance, all_points, given_up), until) is None:
                    subset.remove(each)
            blamed.update(subset)
    except DeadlineReachedError:
        return list(every)
    return [each for each in every if each in blamed]


def together(instance: Instance, all_points: Instance, free: Instance, until: Deadline) -> Iterator[BrokenLimit]:
    """Yield limits of which none alone is to blame, each with what it could be at best if all others were given up.

    Args:
        instance: The app as asked for.
        all_points: The same with all operating points of the model.
        free: The app without any limit.
        until: When to stop searching; half of the time is for finding the limits that contradict each other.

    Yields:
        One row for each limit; of memory, also one for each block that fits nowhere.

    Raises:
        DeadlineReachedError: The deadline came before every limit was examined.
    """
    for name in contradicting(instance, all_points, until.fraction(0.5)):
        if name == _ACCURACY:
            asked, best = instance.limits.min_accuracy, instance.most_accurate
            reached, limit = told_apart(best, asked, "")
            message = f"the best accuracy that the model offers is {reached}, the limit {limit}; {_NOTE}"
            yield limit_row("accuracy", instance.name, asked, best, "fraction", message)
        elif name == _MEMORY:
            yield from _memory(instance)
        elif name == _RATE:
            message = f"the rate loads nodes and links; {_NOTE}"
            yield limit_row("rate", instance.name, instance.inferences_per_s, None, "1/s", message)
        else:
            yield from _figure(instance, free, name, until)


def _figure(instance: Instance, free: Instance, kind: str, until: Deadline) -> Iterator[BrokenLimit]:
    asked, unit = instance.limits.most(kind), instance.unit_of(kind)
    found = least_figure(free, kind, until)
    if found is not None:
        least, limit = told_apart(found.value, asked, unit)
        message = f"without any other limit the least {noun_of(kind)} is {at_most(found.proved)}{least}, "
        message += f"the limit {limit}; {_NOTE}"
        yield limit_row(kind_of(kind), instance.name, asked, found.value, unit, message)


def _memory(instance: Instance) -> Iterator[BrokenLimit]:
    for row in oversized_blocks(instance):
        yield row.model_copy(update={"message": f"{row.message}; {_NOTE}"})
    memory = instance.network.memory_bytes[instance.allowed.any(axis=0)]
    limited = memory[np.isfinite(memory)]
    which = "the nodes that may host one" if len(limited) == len(memory) else "those of these nodes that have a limit"
    more = 0.0 if instance.memory is None else instance.memory.beyond_sum(range(len(instance.block_bytes)), [])
    needed, has = float(instance.block_bytes.sum()) + more, float(limited.sum())
    takes, held = told_apart(needed, has, "B")
    message = f"all blocks take {takes}, {which} hold {held}; {_NOTE}"
    yield limit_row("memory", instance.name, has, needed, "bytes", message)
