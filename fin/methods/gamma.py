"""FIN's own algorithm: the cheapest path through the feasible graph replicated over latency levels.

The limit is cut into `gamma` levels. An arc (a transfer and the block it enters) takes its latency in whole
levels, rounded up, so every path through the levels is in time, but not every path in time is a path
through the levels. A replica (block, node, level) is a label of the exact search whose limited sum is rounded up to a
whole level wherever it enters a block; bounds on sums that are not rounded hold for these labels too.

Source: FIN (Singhal et al., IEEE INFOCOM 2024, doi 10.1109/INFOCOM52122.2024.10621218), stages 2 and 3.
Paths of several links, result routes and the latency objective (levels of energy) go beyond the paper. Like the
paper's graphs, these do not see what blocks on one node or transfers on one medium take together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from planner.fin.bounds.relaxation import relax
from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.incumbent import decision_of
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.feasible import FeasibleGraph
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats
from planner.fin.instance.refusal import refuse_general
from planner.fin.labels.search import search
from planner.fin.method import Options
from planner.fin.methods.bounds import HeuristicRun, Root, in_time, search_root
from planner.fin.outcome import Outcome

_MOST_PATHS = 200
"""Paths of one scenario that are offered before the next scenario's turn."""
_ROUNDING = 1e-12
"""Relative excess over whole levels that is rounding of floats, far within the tolerance of limits."""
_GUESSES = (1.02, 1.1, 1.5)
"""Where the cheapest path may be, over the lower bound."""


class Gamma:
    """Cheapest path through latency levels; the first in order of cost that keeps what the levels cannot see."""

    name = "gamma"
    description = "FIN as published: latency rounded up to levels"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app."""
        refuse_general(instance, self.name)
        run = HeuristicRun(instance, options)
        root = search_root(instance)
        run.built()
        if root is None or np.isinf(root.lower_bound):
            return run.outcome(np.inf)
        levels = options.gamma if np.isfinite(root.feasible.graph.limit) else 0
        searched = _search(root, levels, run)
        nothing = f"no path in {levels} levels: rounding up may hide plans; take more levels, or exact"
        scenarios = root.feasible.graph.shape[0]
        return run.outcome(root.lower_bound, nothing, scenarios=scenarios, searched=searched, levels=levels)


def _search(root: Root, levels: int, run: HeuristicRun) -> int:
    """Offer paths of all scenarios that may be cheaper than the plan held; return how many were searched.

    A scenario whose lower bound is above the plan held has no cheaper path, so it need not be looked at.
    """
    duals, incumbent = root.duals, run.incumbent
    order = np.argsort(duals.lower_bound, kind="stable")
    for searched, scenario in enumerate(order.tolist()):
        if duals.lower_bound[scenario] >= incumbent.value or run.time_is_up():
            return searched
        single = root.feasible.single(scenario)
        try:
            multiplier = float(duals.multiplier[scenario])
            for path in cheapest_paths(single, multiplier, levels, incumbent.value, run.deadline):
                if run.offer(decision_of(single.graph, run.instance, path)):
                    break
        except DeadlineReachedError:
            return searched
    return len(order)


def cheapest_paths(
    feasible: FeasibleGraph, multiplier: float, levels: int, known: float, until: Deadline
) -> Iterator[Paths]:
    """Yield the cheapest paths to the replicas of the last layer of a scenario, cheapest first.

    A search grows with the gap that it closes, so paths below guesses at the cheapest one are looked for first.

    Args:
        feasible: The scenario.
        multiplier: Multiplier of its limit, for bounds.
        levels: Levels of the limit; 0 where nothing is limited.
        known: Only paths of a smaller cost, in joules or seconds, are of interest.
        until: When to give up.

    Yields:
        One path after the other, as `Paths` of one row.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    graph = replace(in_time(feasible.graph), path_limits=None)
    relaxation = relax(replace(feasible, graph=graph), multiplier, np.inf, until)
    relaxation = replace(relaxation, raised=_up_to_levels(graph, levels))
    replicas, yielded = graph.open[0].sum() * (levels + 1), 0
    for cutoff in (*(min(guess * relaxation.lower_bound, known) for guess in _GUESSES), known):
        found = search(relaxation.fixed(cutoff), cutoff, int(replicas), until, keep_paths=_MOST_PATHS)
        yield from found.paths[yielded:]
        yielded = len(found.paths)
        if yielded == _MOST_PATHS or cutoff == known:
            return


def _up_to_levels(graph: ExtendedGraph, levels: int) -> Callable[[Floats, Floats], tuple[Floats, Floats]] | None:
    """Return what rounds limited sums up to whole levels; None where nothing is limited."""
    if levels == 0 or graph.limit == 0.0:
        return None
    step = graph.limit / levels

    def rounded_up(cost: Floats, limited: Floats) -> tuple[Floats, Floats]:
        return cost, np.ceil(limited / step * (1.0 - _ROUNDING)) * step

    return rounded_up
