"""Lagrangian dual of the limit: a lower bound, a multiplier and an incumbent for many scenarios at once.

With multiplier m >= 0 the least of ``cost + m * (limited - limit)`` over all paths is below every path within the
limit. As a function of m it is concave and piecewise linear, each path a line; the best m is where the line of a path
within the limit and that of one beyond it meet with no path below them (Handler and Zang, Networks 10, 1980).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.graph.feasible import FeasibleGraph
from planner.fin.graph.min_plus import Paths, Recursion, Weights, best_paths_and_recursion, traced
from planner.fin.graph.path_sums import path_sums
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints

_MOST_ROUNDS = 40
_WORTH = 1e-3
"""Part of the gap to the best plan known that a round must be able to close."""
_WORTH_ALONE = 0.03
"""The same for a single scenario, which is searched whatever its bound."""


@dataclass(frozen=True, eq=False)
class DualBounds:
    """Bounds of K scenarios."""

    lower_bound: Floats
    """(K,) no path within the limit costs less."""
    multiplier: Floats
    """(K,) best multiplier found."""
    paths: Paths
    """Cheapest path within the limit that was met, per scenario."""
    cost: Floats
    """(K,) its cost, infinite where none was met."""
    further: Floats | None = None
    """(K, R) best multipliers found of further limits, None where there are none."""
    before: Mapping[int, Recursion] = field(default_factory=dict)
    """Forward recursion of a scenario at its best multiplier, where that is kept."""
    mixed: Mapping[int, Ints] = field(default_factory=dict)
    """(P, D) nodes of the paths whose mixture costs what the bound of a scenario is, where several limits hold."""


def dual_bounds(feasible: FeasibleGraph, deadline: Deadline | None = None, known: float = np.inf) -> DualBounds:
    """Ascend on the multiplier of every scenario by cutting planes (Handler and Zang).

    Args:
        feasible: K scenarios, every one of which has a path within the limit.
        deadline: When to give up; what is found of the bounds until then holds.
        known: Cost of a plan that is known; scenarios above need no better bound.

    Returns:
        The bounds with the multipliers that attain them.

    Raises:
        DeadlineReachedError: The deadline came before the first bound.
    """
    until = deadline or Deadline()
    graph = feasible.graph
    scenarios, layers, _ = graph.shape
    most = graph.limit * (1.0 + TOLERANCE)
    best = Incumbents(scenarios, layers)
    zero, worth = np.zeros(scenarios), _WORTH if scenarios > 1 else _WORTH_ALONE
    paths, value, recursion = best_paths_and_recursion(graph, Weights.lagrangian(zero), until)
    cost, limited = path_sums(graph, paths)
    lower, multiplier, before = value, zero.copy(), kept_recursions(recursion, np.arange(scenarios))
    within = limited <= most
    best.update(np.arange(scenarios), within, cost, paths)
    active = np.flatnonzero(~within)
    if len(active) == 0:
        return DualBounds(lower, multiplier, best.paths, best.cost, before=before)

    beyond_cost, beyond_limited = cost.copy(), limited.copy()
    paths = traced(graph.take(active), Weights.limited_only(len(active)), feasible.earliest.take(active))
    cost, limited = path_sums(graph.take(active), paths)
    best.update(active, limited <= most, cost, paths)
    within_cost, within_limited = np.full(scenarios, np.nan), np.full(scenarios, np.nan)
    within_cost[active], within_limited[active] = cost, limited
    for _ in range(_MOST_ROUNDS):
        step = (within_cost[active] - beyond_cost[active]) / (beyond_limited[active] - within_limited[active])
        step = np.maximum(step, 0.0)
        ceiling = beyond_cost[active] + step * (beyond_limited[active] - most)  # the bound is below, at any multiplier
        go_on = worth_a_round(ceiling, lower[active], best.cost[active], min(known, best.cost.min()), worth)
        active, step = active[go_on], step[go_on]
        if len(active) == 0 or until.expired:
            break
        part = graph.take(active)
        paths, value, recursion = best_paths_and_recursion(part, Weights.lagrangian(step))
        cost, limited = path_sums(part, paths)
        bound = value - step * most
        improves = bound > lower[active]
        lower[active] = np.where(improves, bound, lower[active])
        multiplier[active] = np.where(improves, step, multiplier[active])
        before |= kept_recursions(recursion, np.where(improves, active, -1))
        inside = limited <= most
        best.update(active, inside, cost, paths)
        for mask, costs, sums in ((inside, within_cost, within_limited), (~inside, beyond_cost, beyond_limited)):
            costs[active] = np.where(mask, cost, costs[active])
            sums[active] = np.where(mask, limited, sums[active])
    return DualBounds(np.minimum(lower, best.cost), multiplier, best.paths, best.cost, before=before)


def kept_recursions(recursion: Recursion | None, scenarios: Ints) -> dict[int, Recursion]:
    """Return the rows of a recursion by their scenarios, those of scenario -1 left out; none where it is not kept."""
    if recursion is None:
        return {}
    rows = enumerate(scenarios.tolist())
    return {scenario: recursion.take(slice(row, row + 1)) for row, scenario in rows if scenario >= 0}


def worth_a_round(ceiling: Floats, lower: Floats, cost: Floats, least_cost: float, worth: float = _WORTH) -> Bools:
    """Mark the scenarios whose bound may still rise by enough to matter.

    One whose bound is above some plan already known needs no better bound.

    Args:
        ceiling: (K,) largest value that the bound of each scenario may still reach.
        lower: (K,) bounds so far.
        cost: (K,) cheapest plans so far, infinite where there is none.
        least_cost: Cheapest plan of all scenarios.
        worth: Part of the gap to the cheapest plan of its own that a round must be able to close.

    Returns:
        (K,) mask of the scenarios.
    """
    gap = np.where(np.isfinite(cost), cost - lower, 0.0)
    rises = ceiling - lower > worth * gap + 1e-12 * np.abs(lower)
    return np.asarray(rises & (lower < least_cost))


class Incumbents:
    """The cheapest path within the limit, per scenario."""

    def __init__(self, scenarios: int, layers: int) -> None:
        self.cost = np.full(scenarios, np.inf)
        node, option = (np.zeros((scenarios, layers), dtype=np.int64) for _ in range(2))
        self.paths = Paths(node, option, np.full((scenarios, layers, 0), -1, dtype=np.int64))

    def update(self, rows: Ints, within: Bools, cost: Floats, paths: Paths) -> None:
        """Keep the paths that are within the limit and cheaper than what is held.

        Args:
            rows: (R,) scenario of each path.
            within: (R,) whether it keeps the limit.
            cost: (R,) its cost.
            paths: R paths.
        """
        better = within & (cost < self.cost[rows])
        chosen = rows[better]
        self.cost[chosen] = cost[better]
        self.paths.node[chosen] = paths.node[better]
        self.paths.option[chosen] = paths.option[better]
        most = max(paths.relays.shape[2], self.paths.relays.shape[2])
        self.paths = self.paths.with_room(most)
        self.paths.relays[chosen] = paths.with_room(most).relays[better]
