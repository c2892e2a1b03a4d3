"""The exact method beyond chains: operating points in order of their bounds, each by elimination and label setting."""

from __future__ import annotations

import heapq
import time

import numpy as np

from planner.fin.dataflow.equal_nodes import in_topology_order
from planner.fin.dataflow.problem import PointProblem, build_problem
from planner.fin.dataflow.routing import cheapest_routes
from planner.fin.dataflow.search import PointSearch, PointState, bound_point
from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.incumbent import Incumbent
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.method import Options
from planner.fin.outcome import PROVED, Outcome, Termination

_OUT_OF_TIME = Termination.at_limit("time", "the time limit came before the proof")
_DROPPED = Termination.at_limit("size", "the search had to drop labels")
_CLOSED = 5e-9
"""Relative gap that counts as none; above the tolerance of limits, so that a bisection on a limit can reach it."""
_ROUNDING = 1e-11


def solve_dataflow(instance: Instance, options: Options, until: Deadline) -> Outcome[Decision]:
    """Place an app whose blocks are no chain, or whose memory is more than a sum over blocks.

    Args:
        instance: The app; what it minimises is a sum over blocks and routes.
        options: Gap and time limit.
        until: When to give up.

    Returns:
        The outcome with its bound; where no gap is allowed, of plans that tie the preferred one.
    """
    began = time.perf_counter()
    incumbent = Incumbent(instance, options.gap)
    states, lower_bound, termination = _solved(instance, incumbent, until, options.most_labels)
    if incumbent.decision is None:
        spent = time.perf_counter() - began
        if termination.proved and lower_bound >= incumbent.cutoff:
            return Outcome("infeasible", None, np.inf, search_s=spent)
        return Outcome("unknown", None, lower_bound, termination if not termination.proved else _DROPPED, 0.0, spent)
    plan, value = incumbent.decision, incumbent.value
    closed = lower_bound >= value * (1.0 - max(options.gap, _CLOSED))
    if closed and options.gap == 0.0:
        plan = _preferred(instance, states, incumbent, until)
    if lower_bound >= value * (1.0 - _ROUNDING):
        lower_bound = value
    if not closed and termination.proved:
        termination = _DROPPED
    return Outcome(
        "optimal" if closed else "feasible",
        plan,
        min(lower_bound, value),
        PROVED if closed else termination,
        search_s=time.perf_counter() - began,
    )


def _solved(
    instance: Instance, incumbent: Incumbent, until: Deadline, most_labels: int | None
) -> tuple[list[PointState], float, Termination]:
    """Search operating points in order of their bounds; return their states, and the bound over all of them."""
    states: list[PointState] = []
    ended = np.inf
    try:
        for point in range(instance.points.count):
            if incumbent.decision is not None and incumbent.gap >= 1.0:  # any plan was asked for
                return states, 0.0, PROVED
            problem = build_problem(instance, point, until=until)
            states.append(bound_point(problem, incumbent, until))
            if incumbent.decision is None:
                _offer_single_nodes(problem, incumbent)
    except DeadlineReachedError:
        return states, 0.0, _OUT_OF_TIME
    queue = [(state.lower_bound, number) for number, state in enumerate(states)]
    heapq.heapify(queue)
    while queue and queue[0][0] < incumbent.cutoff:
        _, number = heapq.heappop(queue)
        search = PointSearch(states[number], incumbent, until, most_labels)
        try:
            ended = min(ended, search.solve())
        except DeadlineReachedError:
            left = min((bound for bound, _ in queue), default=np.inf)
            return states, min(ended, search.lower_bound, left, incumbent.value), _OUT_OF_TIME
    still_open = queue[0][0] if queue else np.inf
    return states, min(ended, still_open, incumbent.value), PROVED


def _offer_single_nodes(problem: PointProblem, incumbent: Incumbent) -> None:
    """Offer all blocks on one node, for every node that could run them."""
    if not all(map(len, problem.hosts)):
        return
    common = set(problem.hosts[0].tolist()).intersection(*(hosts.tolist() for hosts in problem.hosts))
    weights = np.zeros(len(problem.limits))
    for figure in {problem.objective, *problem.limited}:
        weights[:] = 0.0
        weights[figure] = 1.0
        for node in sorted(common):
            places = np.array([int(np.flatnonzero(hosts == node)[0]) for hosts in problem.hosts])
            if (decision := cheapest_routes(problem, places, weights)) is not None:
                incumbent.offer(decision)


def _preferred(instance: Instance, states: list[PointState], incumbent: Incumbent, until: Deadline) -> Decision:
    """Return the plan that further criteria prefer among those that tie with an optimum."""
    held = incumbent.decision
    assert held is not None
    tied = Incumbent(instance, ties=True)
    tied.offer(held)
    try:
        for state in sorted(states, key=lambda state: state.lower_bound):
            if state.lower_bound < tied.cutoff:
                PointSearch(state, tied, until).solve()
    except DeadlineReachedError:
        pass
    return in_topology_order(instance, tied.decision or held)
