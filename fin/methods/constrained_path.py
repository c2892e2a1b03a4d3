"""The multi-constrained-path baseline: the path whose largest normalised weight is least, one weight per arc.

An arc (a transfer and the block it enters) weighs the largest of its latency over the latency limit and its
energy over the energy limit, of those that are limited. Energy without a limit is not looked at. Operating
points rank by the largest of their path's normalised sums and of the ratio of the least accuracy to theirs.

Source: MCP as the authors of FIN use it (released code, github.com/chetna-iitd/orchestrate_dynamic_DNN,
commit ec4484d, `weighted_fn1.m`: the largest of delay over its limit and accuracy limit over accuracy),
here with a shortest path where that code goes block by block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.routes import RouteTable, efficient_routes
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.instance.refusal import refuse_general
from planner.fin.method import Options
from planner.fin.methods.bounds import HeuristicRun, root_bound, searchable
from planner.fin.methods.routed import RoutedPaths, arcs_into, routed_decision, routed_sums
from planner.fin.outcome import Outcome

_CELLS_AT_ONCE = 1_000_000


class MultiConstrainedPath:
    """Shortest path on the largest normalised weight of each arc."""

    name = "mcp"
    description = "baseline: least largest normalised weight"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app at the best-ranked operating point whose path keeps every limit."""
        refuse_general(instance, self.name)
        run = HeuristicRun(instance, options)
        routes = efficient_routes(instance.network)
        lower_bound = root_bound(instance)
        if np.isinf(lower_bound):
            return run.outcome(lower_bound)
        graph = build_extended(searchable(instance))
        run.built()
        paths = _joined(list(_best_paths(graph, routes, instance)))
        rank = _rank(graph, routes, instance, paths)
        for scenario in np.argsort(rank, kind="stable").tolist():
            if np.isinf(rank[scenario]) or run.time_is_up():
                break
            if run.offer(routed_decision(graph, routes, instance, paths, scenario, scenario)):
                break
        return run.outcome(lower_bound, "no operating point has a path", scenarios=float(len(rank)))


def _time_and_energy(instance: Instance, cost: Floats, limited: Floats) -> tuple[Floats, Floats]:
    """Name the two sums of a graph."""
    return (limited, cost) if instance.minimise == "energy" else (cost, limited)


def _largest_share(instance: Instance, time_s: Floats, energy_j: Floats) -> Floats:
    """Return the largest of time and energy over their limits; seconds where nothing is limited."""
    limited = instance.limits.limited(latency_s=time_s, energy_j=energy_j)
    shares = [_share(values, limit) for values, limit in limited]
    return np.maximum.reduce(shares) if shares else time_s


def _share(values: Floats, limit: float) -> Floats:
    return values / limit if limit > 0.0 else np.where(values > 0.0, np.inf, 0.0)


def _best_paths(graph: ExtendedGraph, routes: RouteTable, instance: Instance) -> Iterator[RoutedPaths]:
    """Yield the path of least weight of every scenario, some scenarios at once."""
    scenarios, _, nodes = graph.shape
    cells = nodes * nodes * routes.options * graph.open.shape[-1]
    size = max(1, _CELLS_AT_ONCE // cells)
    for first in range(0, scenarios, size):
        yield _lightest(graph.take(np.arange(first, min(first + size, scenarios))), routes, instance)


def _joined(parts: list[RoutedPaths]) -> RoutedPaths:
    columns = ([getattr(part, name) for part in parts] for name in ("node", "option", "route"))
    return RoutedPaths(*(np.concatenate(column) for column in columns))


def _lightest(graph: ExtendedGraph, routes: RouteTable, instance: Instance) -> RoutedPaths:
    """Sweep forward over the weights of arcs, then trace back."""
    scenarios, layers, nodes = graph.shape
    value = np.full((scenarios, nodes), np.inf)
    value[:, graph.source] = 0.0
    arcs: list[Ints] = []
    options = 1
    for layer in range(layers):
        cost, limited = arcs_into(graph, routes, layer)
        options = cost.shape[2]
        weight = _largest_share(instance, *_time_and_energy(instance, cost, limited))
        reaching = (value[:, None, None, :, None] + weight).reshape(scenarios, -1, nodes)
        arcs.append(reaching.argmin(axis=1))
        value = reaching.min(axis=1)
    rows, current = np.arange(scenarios), value.argmin(axis=1)
    node, option, route = (np.zeros((scenarios, layers), dtype=np.int64) for _ in range(3))
    for layer in range(layers - 1, -1, -1):
        node[:, layer] = current
        choice, current = np.divmod(arcs[layer][rows, current], nodes)
        route[:, layer], option[:, layer] = np.divmod(choice, options)
    return RoutedPaths(node, option, route)


def _rank(graph: ExtendedGraph, routes: RouteTable, instance: Instance, paths: RoutedPaths) -> Floats:
    """(K,) what the scenarios are compared by, less is better; infinite where there is no path."""
    share = _largest_share(instance, *_time_and_energy(instance, *routed_sums(graph, routes, paths)))
    limits = instance.limits
    if np.isfinite(min(instance.own_limit, instance.other_limit)):
        accuracy = instance.points.accuracy[graph.scenarios.point]
        needed = np.full(len(accuracy), limits.min_accuracy)
        wanting = np.divide(needed, accuracy, out=np.ones(len(accuracy)), where=accuracy > 0.0)
        share = np.maximum(share, wanting)
    return np.where(_exists(graph, routes, paths), share, np.inf)


def _exists(graph: ExtendedGraph, routes: RouteTable, paths: RoutedPaths) -> Bools:
    """(K,) whether every vertex and arc of a path is there."""
    scenarios, layers, _ = graph.shape
    rows, depth = np.arange(scenarios)[:, None], np.arange(layers)
    before = np.concatenate([np.full((scenarios, 1), graph.source), paths.node[:, :-1]], axis=1)
    vertices = graph.open[rows, depth, paths.node, paths.option]
    return np.asarray((vertices & routes.valid[paths.route, before, paths.node]).all(axis=1))
