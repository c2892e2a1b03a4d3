"""FIN's own algorithm: the cheapest path through the feasible graph replicated over latency levels.

The limit is cut into `gamma` levels. An arc (a transfer and the block it enters) takes its latency in whole
levels, rounded up, so every path through the levels is in time, but not every path in time is a path
through the levels. The cheapest path to every (block, node, level) follows from those one block before.

Source: FIN (Singhal et al., IEEE INFOCOM 2024, doi 10.1109/INFOCOM52122.2024.10621218), stages 2 and 3.
Route options, result routes and the latency objective (levels of energy) go beyond the paper. Like the
paper's graphs, these do not see what blocks on one node or transfers on one medium take together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.routes import RouteTable, efficient_routes
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats, Ints
from planner.fin.instance.refusal import refuse_general
from planner.fin.method import Options
from planner.fin.methods.bounds import HeuristicRun, Root, search_root
from planner.fin.methods.routed import RoutedPaths, arcs_into, offered_options, routed_decision
from planner.fin.outcome import Outcome

_CELLS_AT_ONCE = 2_000_000
_MOST_PATHS = 200
"""Paths of one scenario that are offered before the next scenario's turn."""
_ROUNDING = 1e-12
"""Relative excess over whole levels that is rounding of floats, far within the tolerance of limits."""


class Gamma:
    """Cheapest path through latency levels; the first in order of cost that keeps what the levels cannot see."""

    name = "gamma"
    description = "FIN as published: latency rounded up to levels"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app."""
        refuse_general(instance, self.name)
        run = HeuristicRun(instance, options)
        root = search_root(instance)
        routes = efficient_routes(instance.network)
        run.built()
        if root is None or np.isinf(root.lower_bound):
            return run.outcome(np.inf)
        levels = options.gamma if np.isfinite(root.feasible.graph.limit) else 0
        searched = _search(root, routes, levels, run)
        nothing = f"no path in {levels} levels: rounding up may hide plans; take more levels, or exact"
        scenarios = root.feasible.graph.shape[0]
        return run.outcome(root.lower_bound, nothing, scenarios=scenarios, searched=searched, levels=levels)


def _search(root: Root, routes: RouteTable, levels: int, run: HeuristicRun) -> int:
    """Offer paths of all scenarios that may be cheaper than the plan held; return how many were searched.

    A scenario whose lower bound is above the plan held has no cheaper path, so it need not be looked at.
    """
    graph, incumbent = root.feasible.graph, run.incumbent
    order = np.argsort(root.duals.lower_bound, kind="stable")
    for searched, scenario in enumerate(order.tolist()):
        if root.duals.lower_bound[scenario] >= incumbent.value or run.time_is_up():
            return searched
        single = graph.single(scenario)
        for cost, paths in _paths(single, routes, levels):
            if cost >= incumbent.value:
                break
            run.offer(routed_decision(single, routes, run.instance, paths))
    return len(order)


@dataclass(frozen=True, eq=False)
class _Layer:
    """The cheapest paths to the replicas of one layer, and where they come from."""

    value: Floats
    """(N, G+1) least cost by node and level; infinite where no path ends on just that level."""
    arc: Ints
    """(N, G+1) arc taken, an index over (route, result option, node before)."""
    level_before: Ints
    """(N, G+1) level at the layer before."""


def _paths(graph: ExtendedGraph, routes: RouteTable, levels: int) -> Iterator[tuple[float, RoutedPaths]]:
    """Yield the cheapest paths to the replicas of the last layer with their costs, cheapest first."""
    layers = list(_layers(graph, routes, levels))
    if len(layers) < graph.shape[1]:
        return
    value = layers[-1].value
    # a replica that costs no less than one of fewer levels has nothing to offer
    fewer = np.minimum.accumulate(np.pad(value, ((0, 0), (1, 0)), constant_values=np.inf), axis=1)[:, :-1]
    value = np.where(value < fewer, value, np.inf)
    for flat in np.argsort(value, axis=None, kind="stable")[:_MOST_PATHS].tolist():
        node, level = divmod(flat, levels + 1)
        if np.isinf(value[node, level]):
            return
        yield float(value[node, level]), _trace(graph, layers, node, level)


def _layers(graph: ExtendedGraph, routes: RouteTable, levels: int) -> Iterator[_Layer]:
    """Yield the replicated layers of a single scenario, first to last, as far as any path comes."""
    nodes = graph.shape[2]
    before = np.full((nodes, levels + 1), np.inf)
    before[graph.source, 0] = 0.0
    for layer in range(graph.shape[1]):
        cost, limited = (part[0] for part in arcs_into(graph, routes, layer))
        taken = _whole_levels(limited, graph.limit, levels)
        reached = _step(before, cost, taken, _latest_level(graph, layer, cost.shape[1], levels))
        before = reached.value
        if np.isinf(before).all():
            return
        yield reached


def _whole_levels(limited: Floats, limit: float, levels: int) -> Ints:
    """Round a limited sum up to whole levels; one more than there are where it does not fit."""
    if levels == 0:
        return np.where(np.isfinite(limited), 0, 1)
    if limit > 0.0:
        scaled = np.ceil(limited * (levels / limit) * (1.0 - _ROUNDING))
    else:
        scaled = np.where(limited > 0.0, np.inf, 0.0)
    return np.minimum(scaled, levels + 1).astype(np.int64)


def _latest_level(graph: ExtendedGraph, layer: int, options: int, levels: int) -> Ints:
    """(O, N) last level at which a result option is still in time for the deadline of its own exit."""
    if graph.deadline is None:
        return np.full((options, graph.shape[2]), levels)
    latest = np.floor(graph.deadline[0, layer, :, :options].T * (levels / graph.limit) * (1.0 + _ROUNDING))
    return np.clip(latest, -1, levels).astype(np.int64)


def _step(before: Floats, cost: Floats, taken: Ints, latest: Ints) -> _Layer:
    """Extend the cheapest paths by a layer of arcs: (P, O, N, N) cost and levels, (O, N) last level allowed."""
    nodes, width = before.shape
    reached = np.flatnonzero(np.isfinite(before).any(axis=1))
    cost, some_taken = cost[:, :, reached], taken[:, :, reached]
    padded = np.concatenate([np.full((len(reached), width), np.inf), before[reached]], axis=1)
    rows = np.arange(len(reached))[:, None]
    arc, value = np.zeros((nodes, width), dtype=np.int64), np.empty((nodes, width))
    size = max(1, _CELLS_AT_ONCE // cost.size)
    for first in range(0, width, size):
        level = np.arange(first, min(first + size, width))
        some = padded[rows, (level + width)[:, None, None, None, None] - some_taken] + cost
        if (latest < width - 1).any():
            some = np.where((level[:, None, None] <= latest)[:, None, :, None, :], some, np.inf)
        arc[:, level], value[:, level] = _cheapest(some.reshape(len(level), -1, nodes))
    taken_arc, row = np.divmod(arc, len(reached))
    arc = taken_arc * nodes + reached[row]
    column = np.arange(width) - taken.reshape(-1, nodes)[arc, np.arange(nodes)[:, None]]
    return _Layer(value, arc, column)


def _cheapest(values: Floats) -> tuple[Ints, Floats]:
    """(L, A, N) values to (N, L) best arc and its value."""
    best = values.argmin(axis=1)
    return best.T, np.take_along_axis(values, best[:, None], axis=1)[:, 0].T


def _trace(graph: ExtendedGraph, layers: list[_Layer], node: int, level: int) -> RoutedPaths:
    """Follow the arcs back from a replica of the last layer."""
    nodes = graph.shape[2]
    options = offered_options(graph)
    rows = []
    for layer in reversed(layers):
        choice, origin = divmod(int(layer.arc[node, level]), nodes)
        route, option = divmod(choice, options)
        rows.append((node, option, route))
        node, level = origin, int(layer.level_before[node, level])
    columns = zip(*reversed(rows), strict=True)
    return RoutedPaths(*(np.array([column], dtype=np.int64) for column in columns))
