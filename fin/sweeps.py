"""Dense min-plus sweeps over the layered graph, many scenarios at once.

A sweep evaluates ``cost_weight * cost + limit_weight * limited`` along every path at the price of one dense min-plus
product per layer. With weights (1, m) that is the Lagrangian at multiplier m; with (0, 1) the least use of the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fin.extended import ExtendedGraph
from fin.network import Floats, Ints

_CELLS_AT_ONCE = 4_000_000


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
    values = _combine(weights, graph.vertex_cost, graph.vertex_limited)
    if values.shape == graph.open.shape and values.shape[-1] == 1:
        return np.where(graph.open, values, np.inf)[..., 0]
    return np.asarray(np.where(graph.open, values, np.inf).min(axis=-1), dtype=np.float64)


def _combine(weights: Weights, cost: Floats, limited: Floats) -> Floats:
    shape = (-1,) + (1,) * (cost.ndim - 1)
    return weights.cost.reshape(shape) * cost + weights.limited.reshape(shape) * limited


def arc_values(graph: ExtendedGraph, weights: Weights, layer: int) -> Floats:
    """(K, N, N) weighted cost of the best route from each node (second index) to each (third), into a layer."""
    coefficients = _combine(weights, graph.arc_cost[:, layer], graph.arc_limited[:, layer])
    metrics = graph.routes.metrics
    nodes, options = metrics.shape[-1], graph.routes.options
    values = (coefficients @ metrics.reshape(3, -1)).reshape(-1, options, nodes, nodes)
    if not graph.routes.valid.all():
        values[:, ~graph.routes.valid] = np.inf
    return values[:, 0] if options == 1 else np.asarray(values.min(axis=1), dtype=np.float64)


def _chunks(graph: ExtendedGraph) -> Iterator[slice]:
    scenarios, _, nodes = graph.shape
    size = max(1, _CELLS_AT_ONCE // (nodes * nodes * graph.routes.options))
    for start in range(0, scenarios, size):
        yield slice(start, min(start + size, scenarios))


class _ArcCache:
    """Hands the arc values of a layer out again when the next layer's coefficients are the same."""

    def __init__(self, graph: ExtendedGraph, weights: Weights) -> None:
        self._graph, self._weights = graph, weights
        self._layer, self._values = -1, np.empty(0)

    def __call__(self, layer: int) -> Floats:
        graph, known = self._graph, self._layer
        same = known >= 0 and all(
            np.array_equal(part[:, layer], part[:, known]) for part in (graph.arc_cost, graph.arc_limited)
        )
        if not same:
            self._values = arc_values(graph, self._weights, layer)
            self._layer = layer
        return self._values


def forward(graph: ExtendedGraph, weights: Weights) -> Floats:
    """(K, D, N) least weighted cost from the source to each vertex, the vertex included."""
    scenarios, layers, nodes = graph.shape
    result = np.empty((scenarios, layers, nodes))
    vertices = vertex_values(graph, weights)
    for part in _chunks(graph):
        some = graph if part == slice(0, scenarios) else graph.take(np.arange(part.start, part.stop))
        arcs = _ArcCache(some, Weights(weights.cost[part], weights.limited[part]))
        result[part, 0] = arcs(0)[:, graph.source] + vertices[part, 0]
        for layer in range(1, layers):
            arriving = (result[part, layer - 1, :, None] + arcs(layer)).min(axis=1)
            result[part, layer] = arriving + vertices[part, layer]
    return result


def backward(graph: ExtendedGraph, weights: Weights) -> Floats:
    """(K, D, N) least weighted cost from each vertex to the end, the vertex left out."""
    scenarios, layers, nodes = graph.shape
    result = np.zeros((scenarios, layers, nodes))
    vertices = vertex_values(graph, weights)
    for part in _chunks(graph):
        some = graph if part == slice(0, scenarios) else graph.take(np.arange(part.start, part.stop))
        arcs = _ArcCache(some, Weights(weights.cost[part], weights.limited[part]))
        for layer in range(layers - 2, -1, -1):
            onward = result[part, layer + 1] + vertices[part, layer + 1]
            result[part, layer] = (arcs(layer + 1) + onward[:, None, :]).min(axis=2)
    return result


def best_paths(graph: ExtendedGraph, weights: Weights, values: Floats) -> Paths:
    """Trace the best path of each scenario back through the values of a forward sweep."""
    scenarios, layers, _ = graph.shape
    rows = np.arange(scenarios)
    node, option, route = (np.zeros((scenarios, layers), dtype=np.int64) for _ in range(3))
    current = values[:, -1].argmin(axis=1)
    metrics, valid = graph.routes.metrics, graph.routes.valid
    for layer in range(layers - 1, -1, -1):
        node[:, layer] = current
        choices = _combine(weights, graph.vertex_cost[rows, layer, current], graph.vertex_limited[rows, layer, current])
        option[:, layer] = np.where(graph.open[rows, layer, current], choices, np.inf).argmin(axis=1)
        coefficients = _combine(weights, graph.arc_cost[:, layer], graph.arc_limited[:, layer])
        into = metrics[:, :, :, current]  # (3, P, N, K)
        arriving = np.einsum("kc,cpnk->knp", coefficients, into)
        arriving = np.where(valid[:, :, current].transpose(2, 1, 0), arriving, np.inf)
        if layer == 0:
            route[:, 0] = arriving[:, graph.source].argmin(axis=1)
        else:
            totals = arriving + values[:, layer - 1, :, None]
            best = totals.reshape(scenarios, -1).argmin(axis=1)
            current, route[:, layer] = np.divmod(best, graph.routes.options)
    return Paths(node, option, route)


def path_sums(graph: ExtendedGraph, paths: Paths) -> tuple[Floats, Floats]:
    """(K,) cost and limited sum of one path per scenario."""
    scenarios, layers, _ = graph.shape
    rows = np.arange(scenarios)[:, None]
    depth = np.arange(layers)
    before = np.concatenate([np.full((scenarios, 1), graph.source), paths.node[:, :-1]], axis=1)
    figures = graph.routes.metrics[:, paths.route, before, paths.node]  # (3, K, D)
    sums = []
    for vertex, arc in ((graph.vertex_cost, graph.arc_cost), (graph.vertex_limited, graph.arc_limited)):
        at = np.broadcast_to(vertex, graph.open.shape)[rows, depth, paths.node, paths.option]
        sums.append(at.sum(axis=1) + np.einsum("kdc,ckd->k", arc, figures))
    return sums[0], sums[1]
