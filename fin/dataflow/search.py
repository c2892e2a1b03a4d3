"""Label search of one operating point, and capacities by decremental state space relaxation.

Capacities couple blocks that share a node or a medium; they are tracked only where an optimum without them breaks them
(Boland, Dethridge and Dumitrescu, OR Letters 34, 2006; Righini and Salani, Networks 51, 2008). Where labels would be
too many, what is left of the point is solved by its integer program. A small program is solved as soon as labels are
dropped, or one of many capacities is broken: tracking these mostly takes longer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.dataflow.bounds import Bounded, bounded, without_useless
from planner.fin.dataflow.extension import extend
from planner.fin.dataflow.labels import Labels, LabelSpace
from planner.fin.dataflow.problem import Capacity, PointProblem, build_node_figures, build_problem
from planner.fin.dataflow.routing import cheapest_routes
from planner.fin.deadline import Deadline
from planner.fin.exact.incumbent import Incumbent
from planner.fin.instance.decision import evaluate, within_limits
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Floats, Ints
from planner.fin.methods.program_size import has_small_program

_TABLES = (50_000, 1_000_000, 8_000_000)
"""Entries of a table at most, round after round."""
_WIDTHS = (100, 2_000)
"""Labels of a block at most, round after round, before the point's integer program is tried."""
_WIDE = (20_000, 200_000)
"""The same where the integer program is of no help."""
_TIE_WIDTHS = (2_000,)
_GUESSES = (1.1, 1.5)
"""Where the optimum may be, over the lower bound."""
_MOST_OFFERS = 64
_BETWEEN = 4
"""Labels per width between the inputs of a block."""
_DIVE_WIDTH = 200
_FEW = 4
"""Scarce capacities that are tracked all at once."""


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
    broken: list[Capacity]
    """Capacities that the cheapest path breaks."""
    dropped: bool = False
    """Whether labels were dropped that plans of interest might extend."""


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

    Returns:
        The bounds, with the state of the search.

    Raises:
        DeadlineReachedError: The deadline came first.
    """

    def offer(some: PointProblem, places: Ints, weights: Floats) -> None:
        if (decision := cheapest_routes(some, places, weights)) is not None:
            incumbent.offer(decision)

    found = bounded(problem, most, start, offer, incumbent.cutoff, deadline)
    return PointState(found, found.lower_bound)


class PointSearch:
    """The search of one operating point; its lower bound holds whenever it is stopped."""

    def __init__(
        self, state: PointState, incumbent: Incumbent, deadline: Deadline, most_labels: int | None = None
    ) -> None:
        self.lower_bound = state.lower_bound
        self._state, self._incumbent, self._deadline, self._most = state, incumbent, deadline, most_labels
        self._tracked: frozenset[Capacity] = frozenset()
        self._tight: tuple[float, int] | None = None  # cutoff and number of capacities that hosts were dropped for

    def solve(self) -> float:
        """Search to the end; better plans go to the incumbent.

        Returns:
            A lower bound on the objective of the point's plans; it reaches the cutoff where nothing was left out.

        Raises:
            DeadlineReachedError: The deadline came first.
        """
        current: PointState | None = self._state
        while current is not None and self.lower_bound < self._incumbent.cutoff:
            known = (self._incumbent.cutoff, len(current.found.problem.capacities))
            tight = current if known == self._tight else _tightened(current, self._incumbent, self._deadline)
            if tight is None:
                break
            self._tight = (self._incumbent.cutoff, len(tight.found.problem.capacities))
            self.lower_bound = max(self.lower_bound, tight.lower_bound)
            if self.lower_bound >= self._incumbent.cutoff:
                break
            small = not self._incumbent.ties and has_small_program(tight.found.problem.instance)
            widths = _TIE_WIDTHS if self._incumbent.ties else _WIDTHS[:1] if small else _WIDTHS
            found = _widening(tight.found, self._tracked, self._incumbent, widths, self._deadline)
            self.lower_bound = max(self.lower_bound, found.lower_bound)
            more = frozenset(found.broken) - self._tracked
            hard = self._incumbent.gap >= 1.0 or _has_many(tight.found.problem, more)  # any plan is asked for at limits
            left = found.dropped or (small and bool(more) and hard)
            if small and left and self._most is not None:
                return self.lower_bound  # the caller has a program for all that is left
            by_program = left and self._most is None and not self._incumbent.ties
            if by_program and self._solved_by_program(tight.found.problem):
                return self.lower_bound
            if found.dropped and not self._incumbent.ties:
                wide = tuple(width for width in _WIDE if self._most is None or width <= self._most)
                if wide:
                    found = _widening(tight.found, self._tracked, self._incumbent, wide, self._deadline)
                    self.lower_bound = max(self.lower_bound, found.lower_bound)
                    more = frozenset(found.broken) - self._tracked
            if not more or (found.dropped and self._incumbent.ties):  # which plans tie stays open
                return self.lower_bound
            current = self._with_capacities(tight, more)
        return max(self.lower_bound, self._incumbent.cutoff)

    def _solved_by_program(self, problem: PointProblem) -> bool:
        """Solve what is left of the point by its integer program; return whether that ended with a proof."""
        from planner.fin.methods.integer_program import ProgramClock, solve_point  # few searches need a solver

        instance = problem.instance
        allowed = np.zeros_like(instance.allowed)
        for block, hosts in enumerate(problem.hosts):
            allowed[block, hosts] = True
        left = replace(instance, allowed=allowed)
        clock = ProgramClock(self._deadline)
        bound, termination = solve_point(left, problem.point, self._incumbent, self._incumbent.gap, clock)
        self.lower_bound = max(self.lower_bound, bound)
        return termination.proved

    def _with_capacities(self, state: PointState, more: frozenset[Capacity]) -> PointState:
        """Price every scarce capacity and dive with all of them tracked; then track those that were broken."""
        known = state.found.problem.capacities
        if any(row not in known for row in more):
            every = tuple(dict.fromkeys((*known, *scarce_capacities(state.found.problem), *sorted(more))))
            state = _tracking(state, every, self._incumbent, self._deadline)
            if state.found.feasible:
                dive = LabelSpace(state.found.problem, state.found.multipliers, frozenset(every))
                for below in (*_guesses(state.found, self._incumbent), np.inf):
                    cutoff = self._incumbent.cutoff
                    complete, _ = _search(state.found, dive, min(below, cutoff), _DIVE_WIDTH, self._deadline)
                    _offer_best(dive, complete, self._incumbent)
                    if self._incumbent.cutoff < cutoff:
                        break
        known = state.found.problem.capacities
        self._tracked |= frozenset(known) if len(known) <= _FEW else more
        return state


def _tracking(
    state: PointState, capacities: tuple[Capacity, ...], incumbent: Incumbent, deadline: Deadline
) -> PointState:
    """Return the same point with more capacities as figures, the multipliers so far as a start."""
    old = state.found.problem
    problem = build_problem(old.instance, old.point, capacities, old.hosts, deadline)
    start = np.zeros(len(problem.limits))
    start[: len(old.limits)] = state.found.multipliers
    return bound_point(problem, incumbent, deadline, _TABLES[0], start)


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


def _widening(
    found: Bounded, tracked: frozenset[Capacity], incumbent: Incumbent, widths: tuple[int, ...], deadline: Deadline
) -> _Found:
    """Search with more and more labels until none that matters had to be dropped."""
    result = _Found(found.lower_bound, [])
    if not found.feasible:
        return _Found(np.inf, [])
    space = LabelSpace(found.problem, found.multipliers, tracked, incumbent.ties)
    guesses = _guesses(found, incumbent)
    for below, width in (*((guess, widths[0]) for guess in guesses), *((np.inf, width) for width in widths)):
        cutoff = min(below, incumbent.cutoff)
        complete, lost = _search(found, space, cutoff, width, deadline)
        broken, cheapest = _offer_best(space, complete, incumbent)
        # every plan of interest is among the labels, or costs no less than what was dropped
        dropped = lost < (cutoff if incumbent.ties else min(cheapest, cutoff))
        result = _Found(min(lost, cheapest, cutoff), broken, dropped)
        if not dropped and (cheapest < cutoff or cutoff == incumbent.cutoff):
            break
    return result


def _guesses(found: Bounded, incumbent: Incumbent) -> list[float]:
    """Return guesses at the optimum, where the best plan known is far above the bound: searches below are short."""
    guesses = [] if incumbent.ties else [share * found.lower_bound for share in _GUESSES]
    return [guess for guess in guesses if 0.0 < guess < incumbent.cutoff]


def _search(found: Bounded, space: LabelSpace, cutoff: float, width: int, deadline: Deadline) -> tuple[Labels, float]:
    """Extend labels block by block; return complete ones, and the least bound of those that were dropped."""
    lost = np.inf
    labels = space.root()
    for block in range(found.problem.depth):
        extended = extend(space, found, labels, block, cutoff, _BETWEEN * width, deadline)
        kept, dropped = space.thinned(extended.labels, extended.values, width, block)
        lost = min(lost, min(extended.lost, dropped) - found.bounds[0].constant)
        labels = extended.labels.take(kept)
        if labels.count == 0:
            break
    return labels, lost


def _offer_best(space: LabelSpace, labels: Labels, incumbent: Incumbent) -> tuple[list[Capacity], float]:
    """Offer complete labels, cheapest first; return what to track further, and the cost of the cheapest.

    That is what the cheapest breaks, and what it pays for without using it up. Labels that break by rounding what they
    track are no plans.
    """
    costs = space.costs(labels)
    order = np.argsort(costs, kind="stable")
    more: list[Capacity] = []
    cheapest = np.inf
    for number, row in enumerate(order.tolist()):
        decision = space.decision(labels, row)
        breaks = [Capacity(each.kind, each.index) for each in incumbent.offer(decision)]
        holds = not breaks and within_limits(incumbent.instance, evaluate(incumbent.instance, decision))
        if not holds and all(each in space.tracked for each in breaks):
            continue
        if np.isinf(cheapest):
            cheapest, more = float(costs[row]), breaks + _priced(space)
        if number >= _MOST_OFFERS or (holds and not incumbent.ties and not more):
            break
    return more, cheapest


def _priced(space: LabelSpace) -> list[Capacity]:
    """Return the capacities that labels pay for, which leaves a gap between their costs and the objective."""
    rows = np.flatnonzero(space.prices[space.problem.base :] > 0.0).tolist()
    return [space.problem.capacities[row] for row in rows]


def _has_many(problem: PointProblem, more: frozenset[Capacity]) -> bool:
    """Tell whether labels would have to track many capacities at once."""
    return len({*problem.capacities, *scarce_capacities(problem), *more}) > _FEW


def scarce_capacities(problem: PointProblem) -> tuple[Capacity, ...]:
    """Return every capacity of a node that the blocks which may run there could break together.

    Args:
        problem: The operating point.
    """
    network = problem.instance.network
    found = []
    for node in np.unique(np.concatenate(problem.hosts)).tolist():
        own = tuple(Capacity(kind, node) for kind in ("memory", "utilization"))
        figures = build_node_figures(problem.instance, problem.point, own)
        may = np.array([node in hosts for hosts in problem.hosts])
        memory, busy = figures[may, -2, node].sum(), figures[may, -1, node].sum()
        if problem.instance.memory is not None:
            blocks = np.flatnonzero(may)
            heads = np.flatnonzero(problem.instance.points.on[problem.point])
            memory += problem.instance.memory.beyond_sum(blocks.tolist(), heads.tolist())
        if memory > network.memory_bytes[node] * (1.0 + TOLERANCE):
            found.append(own[0])
        if busy > network.max_utilization[node] * (1.0 + TOLERANCE):
            found.append(own[1])
    return tuple(found)
