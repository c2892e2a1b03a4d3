"""Dense min-plus sweeps over the layered graph, many scenarios at once.

A sweep evaluates ``cost_weight * cost + limit_weight * limited`` along every path at the price of one dense min-plus
product per layer. With weights (1, m) that is the Lagrangian at multiplier m; with (0, 1) the least use of the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.routes import RouteTable
from planner.fin.instance.network import Bools, Floats, Ints

_CELLS_AT_ONCE = 4_000_000
_CELLS_IN_CACHE = 16_000


@dataclass(frozen=True)
class Weights:
    """(K,) weights of cost and of the limited sum."""

    cost: Floats
    limited: Floats

    @classmethod
    def lagrangian(cls, multiplier: Floats) -> Weights:
        """Cost plus multiplier times the limited sum."""
        return cls(np.ones_like(multiplier), multiplier)

    @classmethod
    def limited_only(cls, scenarios: int) -> Weights:
        """The limited sum alone."""
        return cls(np.zeros(scenarios), np.ones(scenarios))


@dataclass(frozen=True)
class Paths:
    """One path per scenario."""

    node: Ints
    """(K, D) node of each layer."""
    option: Ints
    """(K, D) result option taken at each layer."""
    route: Ints
    """(K, D) route option into each layer."""


def vertex_values(graph: ExtendedGraph, weights: Weights) -> Floats:
    """(K, D, N) weighted cost of each vertex at its best result option, infinite where it is closed."""
    values = np.where(graph.open, _combine(weights, graph.vertex_cost, graph.vertex_limited), np.inf)
    return values[..., 0] if values.shape[-1] == 1 else np.asarray(values.min(axis=-1), dtype=np.float64)


def _combine(weights: Weights, cost: Floats, limited: Floats) -> Floats:
    shape = (-1,) + (1,) * (cost.ndim - 1)
    return weights.cost.reshape(shape) * cost + weights.limited.reshape(shape) * limited


class Arcs:
    """Weighted costs of the best route between all pairs of nodes, into each layer.

    On small graphs the arcs of all layers are made in one product. On large ones they are never held: every use makes
    those that it needs anew, a few rows at a time, so that they stay in the processor's cache.
    """

    def __init__(self, graph: ExtendedGraph, weights: Weights) -> None:
        self._routes = graph.routes
        self._source = graph.source
        self._coefficients = _combine(weights, graph.arc_cost, graph.arc_limited)  # (K, D, 3)
        cells = graph.shape[0] * graph.shape[1] * graph.routes.valid.size
        self._all = self._product() if cells <= _CELLS_AT_ONCE else None
        self._scratch = np.empty((3, 0, 0))

    def from_source(self) -> Floats:
        """(K, N) cost from the source to each node, into the first layer."""
        if self._all is not None:
            return self._all[:, 0, self._source]
        row = np.array([self._source])
        return np.stack([self._rows(self._routes, one[0], row)[0].copy() for one in self._coefficients])

    def least_into(self, layer: int, before: Floats, wanted: Bools) -> Floats:
        """(K, N) least of (K, N) values before a layer plus the arc to each node; not exact where not `wanted`."""
        if self._all is not None:
            return np.asarray((before[:, :, None] + self._all[:, layer]).min(axis=1), dtype=np.float64)
        rows = zip(self._coefficients[:, layer], before, wanted, strict=True)
        return np.stack([self._least(self._routes, *row) for row in rows])

    def least_onward(self, layer: int, behind: Floats, wanted: Bools, leaving: bool = False) -> Floats:
        """(K, N) least of the arc into a layer plus (K, N) values there, from each node; to another if `leaving`.

        Not exact where not (K, N) `wanted`.
        """
        if self._all is not None:
            arcs = self._all[:, layer] + behind[:, None, :]
            if leaving:
                arcs[:, np.arange(arcs.shape[1]), np.arange(arcs.shape[1])] = np.inf
            return np.asarray(arcs.min(axis=2), dtype=np.float64)
        rows = zip(self._coefficients[:, layer], behind, wanted, strict=True)
        return np.stack([self._least(self._routes.reversed, *row, leaving) for row in rows])

    def into(self, layer: int, target: Ints) -> Floats:
        """(K, N) cost from each node to one target per scenario."""
        if self._all is not None:
            return self._all[np.arange(len(target)), layer, :, target]
        metrics, valid = self._routes.metrics[:, :, :, target], self._routes.valid[:, :, target]
        values = np.einsum("kc,cpnk->kpn", self._coefficients[:, layer], metrics)
        values = np.where(valid.transpose(2, 0, 1), values, np.inf)
        return np.asarray(values.min(axis=1), dtype=np.float64)

    def best_routes(self, before: Ints, node: Ints) -> Ints:
        """(K, D) best route option between given nodes of each layer."""
        routes = self._routes
        if routes.options == 1:
            return np.zeros(node.shape, dtype=np.int64)
        values = np.einsum("kdc,cpkd->kdp", self._coefficients, routes.metrics[:, :, before, node])
        possible = np.where(routes.valid[:, before, node].transpose(1, 2, 0), values, np.inf)
        return np.asarray(possible.argmin(axis=2), dtype=np.int64)

    def _product(self) -> Floats:
        """(K, D, N, N) arcs of all scenarios and layers."""
        routes = self._routes
        values = self._coefficients.reshape(-1, 3) @ routes.metrics.reshape(3, -1)
        values = values.reshape(*self._coefficients.shape[:2], *routes.valid.shape)
        if not routes.complete:
            values[:, :, ~routes.valid] = np.inf
        return values[:, :, 0] if routes.options == 1 else np.asarray(values.min(axis=2), dtype=np.float64)

    def _least(
        self, routes: RouteTable, coefficients: Floats, values: Floats, wanted: Bools, leaving: bool = False
    ) -> Floats:
        """(N,) least of (N,) values plus the arc from there to each node.

        The least values come first, and the rest is left out as soon as it could improve nothing that is wanted even
        over the shortest arcs there are. What is left out cannot change the result, not even its rounding.
        """
        nodes = len(values)
        order = np.argsort(values, kind="stable")
        least_arc = np.empty(nodes)
        self._weighted(coefficients, routes.least_into, least_arc, np.empty(nodes))
        least_arc[~wanted] = np.inf
        result = np.full(nodes, np.inf) if leaving else values.copy()  # nothing is closer than the node itself
        size = max(1, _CELLS_IN_CACHE // nodes)
        for start in range(0, nodes, size):
            rows = order[start : start + size]
            if not (values[rows[0]] + least_arc < result).any():
                break
            arcs = self._rows(routes, coefficients, rows)
            arcs += values[rows, None]
            if leaving:
                arcs[np.arange(len(rows)), rows] = np.inf
            np.minimum(result, arcs.min(axis=0), out=result)
        return result

    def _rows(self, routes: RouteTable, coefficients: Floats, rows: Ints) -> Floats:
        """(rows, N) arcs of one scenario from some nodes, in memory that the next call uses again."""
        shape = (len(rows), routes.valid.shape[-1])
        if self._scratch.shape[1:] != shape:
            self._scratch = np.empty((3, *shape))
        best, values, term = self._scratch
        for option in range(routes.options):
            target = best if option == 0 else values
            self._weighted(coefficients, routes.metrics[:, option], target, term, rows)
            if not routes.complete:
                target[~routes.valid[option, rows]] = np.inf
            if option:
                np.minimum(best, values, out=best)
        return best

    def _weighted(
        self, coefficients: Floats, metrics: Floats, total: Floats, term: Floats, rows: Ints | None = None
    ) -> None:
        """Write the weighted sum of three metrics (of some rows) into `total`; those that are zero are left out."""
        used = [index for index in range(3) if coefficients[index] != 0.0 and self._routes.varied[index]]
        if not used:
            total[:] = 0.0
        for place, index in enumerate(used):
            out = term if place else total
            if rows is None:
                np.multiply(metrics[index], coefficients[index], out=out)
            else:
                metrics[index].take(rows, axis=0, out=out, mode="clip")  # any other mode copies once more
                out *= coefficients[index]
            if place:
                total += term


def _parts(graph: ExtendedGraph, weights: Weights) -> Iterator[tuple[slice, ExtendedGraph, Weights]]:
    """Split the scenarios so that one layer's arcs fit into memory."""
    scenarios = graph.shape[0]
    size = max(1, _CELLS_AT_ONCE // graph.routes.valid.size)
    if size >= scenarios:
        yield slice(0, scenarios), graph, weights
        return
    for start in range(0, scenarios, size):
        part = slice(start, min(start + size, scenarios))
        some = graph.take(np.arange(part.start, part.stop))
        yield part, some, Weights(weights.cost[part], weights.limited[part])


def forward(graph: ExtendedGraph, weights: Weights) -> Floats:
    """(K, D, N) least weighted cost from the source to each vertex, the vertex included."""
    return np.concatenate([_forward(some, part, Arcs(some, part)) for _, some, part in _parts(graph, weights)])


def _forward(graph: ExtendedGraph, weights: Weights, arcs: Arcs) -> Floats:
    result = vertex_values(graph, weights)
    wanted = np.isfinite(result)
    result[:, 0] += arcs.from_source()
    for layer in range(1, graph.shape[1]):
        result[:, layer] += arcs.least_into(layer, result[:, layer - 1], wanted[:, layer])
    return result


def backward(graph: ExtendedGraph, weights: Weights) -> Floats:
    """(K, D, N) least weighted cost from each open vertex to the end, the vertex left out; infinite where closed."""
    vertices = vertex_values(graph, weights)
    wanted = np.isfinite(vertices)
    result = np.where(wanted, 0.0, np.inf)
    for part, some, some_weights in _parts(graph, weights):
        arcs = Arcs(some, some_weights)
        for layer in range(graph.shape[1] - 2, -1, -1):
            behind = result[part, layer + 1] + vertices[part, layer + 1]
            result[part, layer] += arcs.least_onward(layer + 1, behind, wanted[part, layer])
    return result


def best_paths(graph: ExtendedGraph, weights: Weights) -> tuple[Paths, Floats]:
    """Return the path of least weighted cost of every scenario, and (K,) these costs."""
    found = []
    for _, some, part in _parts(graph, weights):
        arcs = Arcs(some, part)
        values = _forward(some, part, arcs)
        found.append((_trace(some, part, arcs, values), values[:, -1].min(axis=1)))
    return _joined([paths for paths, _ in found]), np.concatenate([values for _, values in found])


def traced(graph: ExtendedGraph, weights: Weights, values: Floats) -> Paths:
    """Return the path of least weighted cost of every scenario, given the values of a forward sweep."""
    found = [_trace(some, part, Arcs(some, part), values[rows]) for rows, some, part in _parts(graph, weights)]
    return _joined(found)


def _joined(parts: list[Paths]) -> Paths:
    columns = [np.concatenate([getattr(paths, name) for paths in parts]) for name in ("node", "option", "route")]
    return Paths(*columns)


def _trace(graph: ExtendedGraph, weights: Weights, arcs: Arcs, values: Floats) -> Paths:
    """Follow the values of a forward sweep back from the best end."""
    scenarios, layers, _ = graph.shape
    node = np.empty((scenarios, layers), dtype=np.int64)
    node[:, -1] = values[:, -1].argmin(axis=1)
    for layer in range(layers - 1, 0, -1):
        node[:, layer - 1] = (arcs.into(layer, node[:, layer]) + values[:, layer - 1]).argmin(axis=1)
    before = _nodes_before(graph, node)
    option = np.zeros_like(node)
    if graph.open.shape[-1] > 1:
        at = (np.arange(scenarios)[:, None], np.arange(layers), node)
        choices = _combine(weights, graph.vertex_cost[at], graph.vertex_limited[at])
        option = np.where(graph.open[at], choices, np.inf).argmin(axis=2)
    return Paths(node, option, arcs.best_routes(before, node))


def _nodes_before(graph: ExtendedGraph, node: Ints) -> Ints:
    """(K, D) node that the data of each layer comes from."""
    return np.concatenate([np.full((len(node), 1), graph.source), node[:, :-1]], axis=1)


def path_sums(graph: ExtendedGraph, paths: Paths) -> tuple[Floats, Floats]:
    """(K,) cost and limited sum of one path per scenario."""
    scenarios, layers, _ = graph.shape
    rows = np.arange(scenarios)[:, None]
    depth = np.arange(layers)
    before = _nodes_before(graph, paths.node)
    figures = graph.routes.metrics[:, paths.route, before, paths.node]  # (3, K, D)
    sums = []
    for vertex, arc in ((graph.vertex_cost, graph.arc_cost), (graph.vertex_limited, graph.arc_limited)):
        at = vertex[rows, depth, paths.node, paths.option]
        sums.append(at.sum(axis=1) + np.einsum("kdc,ckd->k", arc, figures))
    return sums[0], sums[1]
