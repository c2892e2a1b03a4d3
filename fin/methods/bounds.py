"""The Lagrangian root bound, which every heuristic states with its answer, and the answer built from it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from planner.fin.bounds.dual import DualBounds, dual_bounds
from planner.fin.deadline import Deadline
from planner.fin.exact.incumbent import Incumbent
from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.feasible import FeasibleGraph, build_feasible
from planner.fin.graph.scenarios import exits_have_own_deadlines
from planner.fin.instance.decision import Decision, Overload
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Network
from planner.fin.links.interface import Links
from planner.fin.links.representation import links_of
from planner.fin.method import Options
from planner.fin.outcome import PROVED, Outcome, Termination
from planner.schemas.planning.placement import Status

_NO_PROOF = Termination.incomplete("a heuristic: no proof beyond the root bound")
_CLOSED = 1e-9
"""Relative gap that counts as none."""


@dataclass(frozen=True)
class Root:
    """The feasible graph of an instance, bounded once."""

    feasible: FeasibleGraph
    duals: DualBounds
    lower_bound: float
    """No plan within the limits has a smaller objective (joules or seconds); infinite: there is no plan."""


def searchable(instance: Instance) -> Instance:
    """Return an instance whose extended graph may be built.

    A graph has one governing exit per scenario. Where any of several exits may determine the latency that is
    minimised, its limit cannot be a limit of the graph, and is left to whoever judges the decisions.
    """
    if instance.minimise == "latency" and exits_have_own_deadlines(instance):
        return instance.with_limits(latency_s=np.inf)
    return instance


def in_time(graph: ExtendedGraph) -> ExtendedGraph:
    """Return a graph without the result options that give up samples as late.

    Where exits have deadlines of their own, whether a sample may be late depends on the whole path.
    """
    if graph.deadline is None or graph.results is None:
        return graph
    options = np.arange(graph.open.shape[-1])
    return graph.restricted(graph.open & (options < graph.results.options))


def relaxed(instance: Instance) -> Instance:
    """Return an instance whose paths cost no more than the plans of this one.

    The latest of several results is never earlier than the last exit's, so for `worst` that is the
    searchable one. A percentile may be reached by a deeper exit whose result has a faster route back; the time
    until enough samples have left, without routes back, is a lower bound on all of these.
    """
    of_any_exit = instance.minimise == "latency" and exits_have_own_deadlines(instance)
    if of_any_exit and instance.percentile is not None:
        return replace(instance, destination=None)
    return searchable(instance)


def search_root(instance: Instance, links: Links | None = None) -> Root | None:
    """Build the feasible graph of an instance and bound it; None where no scenario has a path within the limit.

    Args:
        instance: The app to place.
        links: Links of its network, if they are known already.
    """
    if instance.points.count == 0:
        return None
    links = links_of(instance.network) if links is None else links
    feasible = build_feasible(build_extended(searchable(instance), links), instance.network)
    if feasible.graph.shape[0] == 0:
        return None
    duals = dual_bounds(feasible)
    bounding = relaxed(instance)
    if bounding.destination != instance.destination:
        bound = root_bound(bounding, links)
    else:
        bound = float(duals.lower_bound.min())
    return Root(feasible, duals, np.inf if bound > own_limit(instance) * (1.0 + 2.0 * TOLERANCE) else bound)


def root_bound(instance: Instance, links: Links | None = None) -> float:
    """Return the least Lagrangian bound over all scenarios, in joules or seconds.

    It is infinite where no scenario has a path within the limit, or where the bound is above the limit on the
    objective itself: then there is no plan.
    """
    root = search_root(instance, links)
    return np.inf if root is None else root.lower_bound


def own_limit(instance: Instance) -> float:
    """Return the limit on the objective itself, in joules or seconds."""
    return instance.own_limit


@dataclass
class HeuristicRun:
    """A run of a heuristic: its incumbent, its clock, and the limits that its plans broke."""

    instance: Instance
    options: Options
    began: float = field(default_factory=time.perf_counter)
    build_s: float = 0.0
    broken: dict[str, None] = field(default_factory=dict)
    """What broke a plan, in words and in order."""
    offered: int = 0
    out_of_time: bool = False

    def __post_init__(self) -> None:
        self.incumbent = Incumbent(self.instance)
        self.deadline = Deadline.after(self.options.time_limit_s)

    def built(self) -> None:
        """Note that all graphs are built."""
        self.build_s = time.perf_counter() - self.began

    def time_is_up(self) -> bool:
        """Tell whether the caller's time limit is over."""
        self.out_of_time |= self.deadline.expired
        return self.out_of_time

    def offer(self, decision: Decision) -> bool:
        """Judge a decision; tell whether it keeps every limit and is better than what was held."""
        before = self.incumbent.decision
        overloads = self.incumbent.offer(decision)
        self.offered += 1
        if self.incumbent.decision is not before:
            return True
        self.note([_words(row, self.instance.network) for row in overloads])
        return False

    def note(self, broken: Iterable[str] = ()) -> None:
        """Remember what a plan breaks: capacities, else a limit on one of the limited figures."""
        figures = " or ".join(self.instance.limits.kinds) or "the objective"
        self.broken.update(dict.fromkeys(list(broken) or [f"a limit on {figures}"]))

    def outcome(self, lower_bound: float, nothing: str = "", **statistics: float) -> Outcome[Decision]:
        """Name the answer by what is held and what is proved.

        Args:
            lower_bound: A bound on every plan; infinite where it is proved that there is none.
            nothing: What to say where no plan was even offered.
            statistics: Counts for reports.

        Returns:
            `optimal` where the bound reaches the plan held, else `feasible`; without a plan `infeasible` or `unknown`.
        """
        search_s = time.perf_counter() - self.began - self.build_s
        statistics["offered"] = float(self.offered)
        decision, value = self.incumbent.decision, self.incumbent.value
        if decision is not None:
            closed = lower_bound >= value * (1.0 - max(self.options.gap, _CLOSED))
            status: Status = "optimal" if closed else "feasible"
            bound, termination = min(lower_bound, value), PROVED if closed else _NO_PROOF
        elif np.isinf(lower_bound):
            status, bound, termination = "infeasible", np.inf, PROVED
        else:
            status, bound, termination = "unknown", lower_bound, self._why_nothing(nothing)
        return Outcome(status, decision, bound, termination, self.build_s, search_s, statistics)

    def _why_nothing(self, nothing: str) -> Termination:
        if self.out_of_time:
            return Termination.at_limit("time", "the time limit came before a plan")
        if not self.broken:
            return Termination.incomplete(nothing)
        words = list(self.broken)
        shown = ", ".join(words[:4]) + (", ..." if len(words) > 4 else "")
        return Termination.incomplete(f"none of the plans that it looked at keeps every limit: they break {shown}")


def _words(overload: Overload, network: Network) -> str:
    if overload.kind == "medium":
        return f"the capacity of medium {network.medium_name(overload.index)}"
    return f"the {overload.kind} of {network.names[overload.index]}"
