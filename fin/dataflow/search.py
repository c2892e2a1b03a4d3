"""Label search of one operating point, and capacities by decremental state space relaxation.

Capacities couple blocks that share a node or a medium; they are tracked only where an optimum without them breaks them
(Boland, Dethridge and Dumitrescu, OR Letters 34, 2006; Righini and Salani, Networks 51, 2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.dataflow.bounds import Bounded, bounded, without_useless
from planner.fin.dataflow.extension import extend
from planner.fin.dataflow.labels import Labels, LabelSpace
from planner.fin.dataflow.problem import Capacity, PointProblem, build_problem
from planner.fin.dataflow.routing import cheapest_routes
from planner.fin.deadline import Deadline
from planner.fin.exact.incumbent import Incumbent
from planner.fin.instance.decision import Overload
from planner.fin.instance.network import Floats, Ints

_TABLES = (50_000, 1_000_000, 8_000_000)
"""Entries of a table at most, round after round."""
_WIDTHS = (100, 2_000, 20_000, 200_000)
"""Labels of a block at most, round after round."""
_MOST_OFFERS = 64


@dataclass(frozen=True)
class PointState:
    """What is known of one operating point."""

    found: Bounded
    lower_bound: float
    """No plan of the point has a smaller objective; at least the cutoff where none better is left."""


@dataclass(frozen=True)
class _Found:
    lower_bound: float
    """No plan of the problem is below this, or below the cutoff."""
    broken: list[Overload]
    """Capacities that the cheapest path breaks."""


def bound_point(
    problem: PointProblem, incumbent: Incumbent, deadline: Deadline, most: int = _TABLES[0], start: Floats | None = None
) -> PointState:
    """Bound an operating point; the paths that attain the bounds go to the incumbent.

    Args:
        problem: The operating point.
        incumbent: The best plan so far.
        deadline: When to give up.
        most: Entries of a table at most.
        start: (F,) multipliers to begin with.

    Raises:
        DeadlineReachedError: The deadline came first.
    """

    def offer(some: PointProblem, places: Ints, weights: Floats) -> None:
        if (decision := cheapest_routes(some, places, weights)) is not None:
            incumbent.offer(decision)

    found = bounded(problem, most, start, offer, deadline)
    return PointState(found, found.lower_bound)


def solve_point(state: PointState, incumbent: Incumbent, deadline: Deadline) -> float:
    """Search one operating point; better plans go to the incumbent.

    Args:
        state: The point with its bounds.
        incumbent: The best plan so far, and what is of interest.
        deadline: When to give up.

    Returns:
        A lower bound on the objective of its plans; it reaches the cutoff where the point was searched to its end.

    Raises:
        DeadlineReachedError: The deadline came first; the bound of the state still holds.
    """
    lower_bound = state.lower_bound
    tracked: list[Capacity] = list(state.found.problem.capacities)
    current = state
    while True:
        tight = _tightened(current, incumbent, deadline)
        if tight is None:
            return incumbent.cutoff
        lower_bound = max(lower_bound, tight.lower_bound)
        if lower_bound >= incumbent.cutoff:
            return lower_bound
        found = _widening(tight.found, incumbent, deadline)
        lower_bound = max(lower_bound, found.lower_bound)
        more = [Capacity(row.kind, row.index) for row in found.broken]
        more = [row for row in more if row not in tracked]
        if not more or lower_bound >= incumbent.cutoff:
            return lower_bound
        tracked += more
        instance, point = tight.found.problem.instance, tight.found.problem.point
        problem = build_problem(instance, point, tuple(tracked), tight.found.problem.hosts)
        start = np.zeros(len(problem.limits))
        start[: len(tight.found.multipliers)] = tight.found.multipliers
        current = bound_point(problem, incumbent, deadline, _TABLES[0], start)


def _tightened(state: PointState, incumbent: Incumbent, deadline: Deadline) -> PointState | None:
    """Drop hosts that no better plan can use and couple more blocks, in turns; None where no better plan is left."""
    for most in _TABLES:
        shrunk = True
        while shrunk:
            if not state.found.feasible or (fewer := without_useless(state.found, incumbent.cutoff)) is None:
                return None
            shrunk = _vertices(fewer) < 0.9 * _vertices(state.found.problem)
            if not shrunk and (state.found.scopes.complete or most == _TABLES[-1]):
                return state
            state = bound_point(fewer, incumbent, deadline, most, state.found.multipliers)
    return state


def _vertices(problem: PointProblem) -> int:
    """Return the number of pairs of a block and a host."""
    return sum(map(len, problem.hosts))


def _widening(found: Bounded, incumbent: Incumbent, deadline: Deadline) -> _Found:
    """Search with more and more labels until none that matters had to be dropped."""
    result = _Found(found.lower_bound, [])
    if not found.feasible:
        return _Found(np.inf, [])
    for width in _WIDTHS:
        cutoff = incumbent.cutoff
        complete, lost = _search(found, cutoff, width, incumbent.ties, deadline)
        broken, cheapest = _offer_best(found.problem, complete, incumbent)
        # every plan below the cutoff is among the labels, or costs no less than what was dropped
        result = _Found(min(lost, cheapest, cutoff), broken)
        if lost >= min(cheapest, incumbent.cutoff):
            break
    return result


def _search(
    found: Bounded, cutoff: float, width: int, ties: bool, deadline: Deadline
) -> tuple[tuple[LabelSpace, Labels], float]:
    """Extend labels block by block; return complete ones, and the least bound of those that were dropped."""
    space, lost = LabelSpace(found.problem, ties), np.inf
    labels = space.root()
    for block in range(found.problem.depth):
        extended = extend(space, found, labels, block, cutoff, deadline)
        kept = np.flatnonzero(space.undominated(extended.labels, block))
        if len(kept) > width:
            kept = kept[np.argsort(extended.values[kept], kind="stable")]
            lost = min(lost, float(extended.values[kept[width]]) - found.bounds[0].constant)
            kept = kept[:width]
        labels = extended.labels.take(kept)
        if labels.count == 0:
            break
    return (space, labels), lost


def _offer_best(
    problem: PointProblem, complete: tuple[LabelSpace, Labels], incumbent: Incumbent
) -> tuple[list[Overload], float]:
    """Offer complete labels, cheapest first, until one keeps every capacity; return what the cheapest breaks."""
    space, labels = complete
    if labels.count == 0:
        return [], np.inf
    costs = labels.usage[:, problem.objective]
    order = np.argsort(costs, kind="stable")
    broken: list[Overload] = []
    for number, row in enumerate(order[:_MOST_OFFERS].tolist()):
        breaks = incumbent.offer(space.decision(labels, row))
        if number == 0:
            broken = breaks
        if not breaks and not incumbent.ties:
            break
    return broken, float(costs[order[0]])
