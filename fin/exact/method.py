"""The exact method: all scenarios bounded at once, then searched in order of their bounds until none can be better."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from planner.fin.bounds.dual import DualBounds, dual_bounds
from planner.fin.bounds.relaxation import Relaxation, relax
from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.incumbent import Incumbent, decision_of
from planner.fin.exact.scenario import MediumOverloadError, solve_scenario
from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.feasible import FeasibleGraph, build_feasible
from planner.fin.graph.scenarios import exits_have_own_deadlines
from planner.fin.instance.decision import Decision, evaluate, objective_of
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Ints
from planner.fin.method import Options
from planner.fin.outcome import PROVED, Outcome, Termination
from planner.fin.presolve.points import undominated_points
from planner.fin.presolve.reduction import below_cutoff, most_promising, reduced

_CLOSED = 5e-9
"""Relative gap that counts as none; above the tolerance of limits, so that a bisection on a limit can reach it."""
_OUT_OF_TIME = Termination.at_limit("time", "the time limit came before the proof")
_ROUNDING = 1e-11
"""Relative difference of bounds that is rounding of sums."""
FEW_NODES = 128
"""Nodes up to which a network is not narrowed."""
_STARTING_SHARE = 0.1
"""Share of the time limit that starting plans may take."""

_LABELS_OF_BISECTION = 2_000
"""Labels of a layer with which a deadline is proved infeasible, or all is left to integer programs, beyond chains."""

_Solve = Callable[[Instance, Options, Deadline], Outcome[Decision]]
"""Solves an instance whose objective and limit are single sums."""


class Exact:
    """Lagrangian bounds, reduced-cost fixing, label setting; capacities by decremental state space relaxation."""

    name = "exact"
    description = "optimal, with proof (default)"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app; optimal unless the time limit comes first.

        Of plans that tie, the one that further criteria prefer is returned where no gap is allowed.

        Args:
            instance: The app.
            options: Gap and time limit.
        """
        until = Deadline.after(options.time_limit_s)
        if instance.limits.of_paths:
            from planner.fin.path_resources.relaxation import without_path_limits  # few apps have such a limit

            if (relaxed := without_path_limits(instance, options, self.solve)) is not None:
                return relaxed
        bisects = instance.minimise == "latency" and exits_have_own_deadlines(instance)
        if instance.is_plain and not bisects:
            return _solve_narrowed(instance, options, until)
        points, some, solve = undominated_points(instance), instance, _solve
        if len(points) < instance.points.count:
            some = instance.only_points(np.isin(np.arange(instance.points.count), points))
        if not instance.is_plain:
            from planner.fin.dataflow.method import solve_dataflow

            solve = _by_integer_program if instance.limits.of_paths else solve_dataflow
        found = _least_deadline(some, options, until, solve) if bisects else solve(some, options, until)
        if found.plan is None or some is instance:
            return found
        return replace(found, plan=replace(found.plan, point=int(points[found.plan.point])))


def _by_integer_program(instance: Instance, options: Options, until: Deadline) -> Outcome[Decision]:
    """Solve an instance beyond chains that limits a path resource, which labels of chains alone carry."""
    from planner.fin.methods.integer_program import IntegerProgram

    return IntegerProgram().solve(instance, replace(options, time_limit_s=until.limit_s))


@dataclass(frozen=True)
class _Bounded:
    """Some scenarios of an instance with their bounds."""

    feasible: FeasibleGraph
    duals: DualBounds

    def relaxation(self, scenario: int, incumbent: Incumbent, until: Deadline) -> Relaxation:
        """Return the relaxation of a scenario without capacities, its vertices fixed out at the incumbent's cutoff."""
        multiplier = float(self.duals.multiplier[scenario])
        further = None if self.duals.further is None else self.duals.further[scenario]
        part, before = self.feasible.single(scenario), self.duals.before.get(scenario)
        if before is not None:
            before = before.take(slice(None), part.graph.shape[1])
        return relax(part, multiplier, incumbent.cutoff, until, incumbent.ties, further, before)

    def mixed(self, scenario: int, layers: int) -> Ints:
        """(P, D) nodes, in so many layers, of the paths whose mixture bounds a scenario; none where that is unknown."""
        return self.duals.mixed.get(scenario, np.zeros((0, layers), dtype=np.int64))[:, :layers]


def _solve_narrowed(instance: Instance, options: Options, until: Deadline) -> Outcome[Decision]:
    """Solve an instance on those nodes alone that bounds leave, where its network is large and dense."""
    began, nodes = time.perf_counter(), None
    if options.gap == 0.0 and instance.network.size > FEW_NODES:
        from planner.fin.presolve.narrowing import narrowed_nodes  # few networks are large

        with suppress(DeadlineReachedError):
            nodes = narrowed_nodes(instance, until)
    if nodes is None:
        return _solve(instance, options, until)
    from planner.fin.instance.subnetwork import on_nodes, on_whole_network  # few networks are large

    spent = time.perf_counter() - began
    found = _solve(on_nodes(instance, nodes), options, until)
    plan = None if found.plan is None else on_whole_network(found.plan, nodes)
    return replace(found, plan=plan, build_s=found.build_s + spent)


def _solve(instance: Instance, options: Options, until: Deadline) -> Outcome[Decision]:
    """Solve an instance whose limit is a single sum; labels track the load of media only where it proves necessary."""
    began = time.perf_counter()
    tracked: frozenset[int] = frozenset()
    incumbent = Incumbent(instance, options.gap, options.gap == 0.0, options.most_labels)
    groups: list[_Bounded] = []
    build_s, lower_bound, termination = 0.0, 0.0, _OUT_OF_TIME
    try:
        while True:
            restarted = time.perf_counter()
            groups = _bounds(instance, tracked, incumbent, until)
            build_s += time.perf_counter() - restarted
            if not groups:
                return Outcome("infeasible", None, np.inf, build_s=build_s)
            try:
                lower_bound, termination = _best_bound_first(groups, incumbent, until)
                break
            except MediumOverloadError as error:
                tracked |= error.media
    except DeadlineReachedError:  # while something was built
        build_s = time.perf_counter() - began
    if groups and incumbent.decision is None and lower_bound < incumbent.cutoff and not until.expired:
        _offer_starts(build_extended(instance), instance, incumbent, until)
    spent = time.perf_counter() - began
    return _outcome(incumbent, lower_bound, termination, options, build_s, spent - build_s)


def _bounds(instance: Instance, tracked_media: frozenset[int], incumbent: Incumbent, until: Deadline) -> list[_Bounded]:
    """Build the three stages' arrays and the dual bounds; none where no scenario has a path within the limit.

    Where time is limited, starting plans are offered in between. The most promising scenario goes first: one recursion
    at its multiplier mostly shows that no other one is better.
    """
    if instance.points.count == 0:
        return []
    graph = build_extended(instance, tracked_media=tuple(sorted(tracked_media)), deadline=until)
    if np.isfinite(until.at_s) and incumbent.decision is None:
        _offer_starts(graph, instance, incumbent, until, _STARTING_SHARE)
    may_drop, found = graph.further is None and incumbent.ties, []
    if may_drop:
        graph = reduced(graph, incumbent, until)
    graph = graph.take(_of_undominated_points(graph, instance))
    if may_drop and graph.shape[0] > 1:
        first = np.arange(graph.shape[0]) == most_promising(graph)
        if bounded := _bounded(graph.take(first), incumbent, until):
            _offer_path(bounded, 0, incumbent)
            graph, found = graph.take(~first), [bounded]
            if np.isfinite(incumbent.value):
                graph = below_cutoff(graph, float(bounded.duals.multiplier[0]), incumbent.cutoff, until)
    if graph.shape[0] and (bounded := _bounded(graph, incumbent, until)):
        found.append(bounded)
    return found


def _bounded(graph: ExtendedGraph, incumbent: Incumbent, until: Deadline) -> _Bounded | None:
    """Return some scenarios with their dual bounds; None where none of them has a path within the limit."""
    feasible = build_feasible(graph, incumbent.instance.network, until)
    if feasible.graph.shape[0] == 0:
        return None
    if graph.further is None:
        return _Bounded(feasible, dual_bounds(feasible, until, incumbent.value))
    from planner.fin.bounds.cutting_planes import bounds_of_several  # few requests have several limits

    return _Bounded(feasible, bounds_of_several(feasible, until))


def _offer_path(bounded: _Bounded, scenario: int, incumbent: Incumbent) -> None:
    """Offer the cheapest path within the limit that bounding a scenario has met."""
    if np.isfinite(bounded.duals.cost[scenario]):
        graph, paths = bounded.feasible.graph, bounded.duals.paths
        incumbent.offer(decision_of(graph, incumbent.instance, paths, scenario, scenario))


def _of_undominated_points(graph: ExtendedGraph, instance: Instance) -> Bools:
    """(K,) scenarios of the operating points that no other one of the graph dominates."""
    point = graph.scenarios.point
    held = np.isin(np.arange(instance.points.count), point)
    kept = np.flatnonzero(held)[undominated_points(instance.only_points(held))]
    return np.isin(point, kept)


def _offer_starts(
    graph: ExtendedGraph, instance: Instance, incumbent: Incumbent, until: Deadline, share: float = 1.0
) -> None:
    """Offer starting plans, whose module loads where time is limited or a search found nothing."""
    from planner.fin.presolve.starts import offer_starting_plans

    offer_starting_plans(graph, instance, incumbent, until, share)


def _best_bound_first(groups: list[_Bounded], incumbent: Incumbent, until: Deadline) -> tuple[float, Termination]:
    """Search scenarios in order of their bounds; return the bound over all of them, and what stopped the search."""
    queue = [
        (bound, group, scenario)
        for group, bounded in enumerate(groups)
        for scenario, bound in enumerate(bounded.duals.lower_bound.tolist())
    ]
    heapq.heapify(queue)
    ended = np.inf  # least bound of the scenarios that were searched to their end
    while queue:
        bound, group, scenario = queue[0]
        if bound >= incumbent.cutoff:
            break
        _offer_path(groups[group], scenario, incumbent)
        if bound >= incumbent.cutoff:
            break
        try:
            plain = groups[group].relaxation(scenario, incumbent, until)
            mixed = groups[group].mixed(scenario, plain.graph.shape[1])
            found = solve_scenario(plain, bound, incumbent, incumbent.instance.network, until, mixed)
        except DeadlineReachedError:
            return min(ended, bound, incumbent.value), _OUT_OF_TIME
        heapq.heappop(queue)
        ended = min(ended, found)
    still_open = queue[0][0] if queue else np.inf
    return min(ended, still_open, incumbent.value), PROVED


def _outcome(
    incumbent: Incumbent,
    lower_bound: float,
    termination: Termination,
    options: Options,
    build_s: float,
    search_s: float,
) -> Outcome[Decision]:
    """Name the answer by what is held and what is proved."""
    if incumbent.decision is None:
        proved = termination.proved and lower_bound >= incumbent.cutoff
        if proved:
            return Outcome("infeasible", None, np.inf, PROVED, build_s, search_s)
        return Outcome("unknown", None, lower_bound, _unfinished(termination), build_s, search_s)
    closed = lower_bound >= incumbent.value * (1.0 - max(options.gap, _CLOSED))
    if lower_bound >= incumbent.value * (1.0 - _ROUNDING):
        lower_bound = incumbent.value
    return Outcome(
        "optimal" if closed else "feasible",
        incumbent.decision,
        min(lower_bound, incumbent.value),
        PROVED if closed else _unfinished(termination),
        build_s,
        search_s,
    )


def _unfinished(termination: Termination) -> Termination:
    """Say why a search without a proof ended, where no limit did."""
    return Termination.at_limit("size", "the search had to drop labels") if termination.proved else termination


def _least_deadline(instance: Instance, options: Options, until: Deadline, solve: _Solve) -> Outcome[Decision]:
    """Minimise a latency that any of several exits may determine: bisect on the deadline of the energy problem.

    The optimum is that of a plan, one of finitely many: where no plan is within half the gap, the next deadline is just
    below the plan held, and the first of these that no plan keeps is the proof.
    """
    began = time.perf_counter()
    energy_first = replace(instance, minimise="energy")
    latest = instance.limits.latency_s
    lower, held, value = 0.0, None, np.inf
    termination = PROVED
    gap = max(options.gap, 0.8 * _CLOSED)
    most_labels = None if instance.is_plain else _LABELS_OF_BISECTION
    stalled = False  # no plan was within half the gap of the one held, and none just below it was asked for yet
    while held is None or lower < value * (1.0 - gap):
        latency_s = latest if held is None else 0.5 * (lower + value)
        just_below_s = value * (1.0 - 0.75 * gap)
        if stalled:
            latency_s = max(latency_s, just_below_s)
        stalled = False
        outcome = solve(energy_first.with_limits(latency_s=latency_s), Options(gap=1.0, most_labels=most_labels), until)
        if outcome.plan is not None:
            incumbent = Incumbent(instance)
            incumbent.offer(outcome.plan)
            held, value = outcome.plan, min(incumbent.value, value)
        elif outcome.status != "infeasible":
            termination = outcome.termination
            break
        elif held is None:
            return replace(outcome, search_s=time.perf_counter() - began)
        else:
            lower, stalled = latency_s, latency_s < just_below_s
    if termination.limit == "size" and most_labels is not None:
        found = _finished_by_program(instance, held, options, until)
        if found.plan is None:
            return replace(found, search_s=time.perf_counter() - began)
        held, value, termination = found.plan, _objective(instance, found.plan), found.termination
        lower = max(lower, found.lower_bound)
    if held is not None and termination.proved and options.gap == 0.0:
        held = _least_energy(energy_first.with_limits(latency_s=value), held, until, solve)
    final = Incumbent(instance, options.gap)
    if held is not None:
        final.offer(held)
    return _outcome(final, lower, termination, options, 0.0, time.perf_counter() - began)


def _finished_by_program(
    instance: Instance, held: Decision | None, options: Options, until: Deadline
) -> Outcome[Decision]:
    """Close what a bisection left open by integer programs, where labels would be too many."""
    from planner.fin.methods.integer_program import IntegerProgram  # few searches need a solver

    return IntegerProgram().improve(instance, held, replace(options, time_limit_s=until.limit_s))


def _objective(instance: Instance, plan: Decision) -> float:
    return objective_of(instance, evaluate(instance, plan))


def _least_energy(instance: Instance, held: Decision, until: Deadline, solve: _Solve) -> Decision:
    """Return the plan of least energy within the limits, or one that is held where the time limit comes first."""
    if until.expired:
        return held
    outcome = solve(instance, Options(time_limit_s=until.limit_s), until)
    return held if outcome.plan is None else outcome.plan
