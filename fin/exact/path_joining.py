"""Path joining: a good plan from the best paths to and from each vertex, at the price of about one recursion.

At a good multiplier the best path from the source to each vertex and the best path from each vertex to the end are all
near the optimum, and some within the limit. Joining two of them over every link between vertices that bounds leave
open, and keeping the cheapest join within the limit, often meets the optimum itself. Where no direct link joins two
vertices, or one of several links might be better, labels do this instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.exact.relaxation import Relaxation
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.network import Floats, Ints

_WIDEST = 32


@dataclass(frozen=True)
class _Layer:
    """A layer cut down to Q vertices, with the arcs into it from the Q' of the layer before."""

    node: Ints
    cost: Floats
    """(Q,) vertex cost at its best option."""
    limited: Floats
    option: Ints
    arc_cost: Floats
    """(Q', Q) cost of the link."""
    arc_limited: Floats


@dataclass(frozen=True)
class _BestPaths:
    """Best paths to (or from) the vertices of one layer."""

    cost: Floats
    limited: Floats
    next: Ints
    """Vertex that each path goes on over, as an index into its layer."""


def joined_path(relaxation: Relaxation) -> Paths | None:
    """Return the cheapest join of a best path in and a best path out that keeps the limit, None where there is none.

    Args:
        relaxation: A scenario on a network in which every path is a single link.
    """
    layers = _layers(relaxation)
    if layers is None:
        return None
    paths_in = _paths_in(layers, relaxation.multiplier)
    zero = np.zeros(len(layers[-1].node))
    paths_out = [_BestPaths(zero, zero, np.zeros(0, dtype=np.int64))]
    best, seam = np.inf, None
    for index in reversed(range(len(layers))):
        layer, before, behind = layers[index], paths_in[index], paths_out[-1]
        cost = layer.arc_cost + (layer.cost + behind.cost)
        limited = layer.arc_limited + (layer.limited + behind.limited)
        in_time = before.limited[:, None] + limited <= relaxation.most
        joined = np.where(in_time, before.cost[:, None] + cost, np.inf)
        place = int(joined.argmin())
        if joined.flat[place] < best:
            best, seam = float(joined.flat[place]), (index, *divmod(place, joined.shape[1]))
        onward = (cost + relaxation.multiplier * limited).argmin(axis=1)
        rows = np.arange(len(onward))
        paths_out.append(_BestPaths(cost[rows, onward], limited[rows, onward], onward))
    return None if seam is None else _joined(layers, paths_in, paths_out[::-1], *seam)


def _paths_in(layers: list[_Layer], multiplier: float) -> list[_BestPaths]:
    """Return the best paths to the vertices before each layer, the source first."""
    zero = np.zeros(1)
    found = [_BestPaths(zero, zero, np.zeros(0, dtype=np.int64))]
    for layer in layers[:-1]:
        before = found[-1]
        cost, limited = before.cost[:, None] + layer.arc_cost, before.limited[:, None] + layer.arc_limited
        best = (cost + multiplier * limited).argmin(axis=0)
        columns = np.arange(len(best))
        found.append(_BestPaths(cost[best, columns] + layer.cost, limited[best, columns] + layer.limited, best))
    return found


def _layers(relaxation: Relaxation) -> list[_Layer] | None:
    """Cut every layer down to the vertices of least bound."""
    graph = relaxation.graph
    before = np.array([graph.source])
    found = []
    for layer in range(graph.shape[1]):
        node = np.flatnonzero(relaxation.alive[layer])
        if len(node) > _WIDEST:
            node = np.sort(node[np.argsort(relaxation.reduced[layer, node], kind="stable")[:_WIDEST]])
        if len(node) == 0:
            return None
        arc_cost, arc_limited = _arcs(relaxation, layer, before, node)
        cost, limited = graph.vertex_cost[0, layer, node], graph.vertex_limited[0, layer, node]  # (Q, O)
        combined = np.where(graph.open[0, layer, node], cost + relaxation.multiplier * limited, np.inf)
        option = np.asarray(combined.argmin(axis=1), dtype=np.int64)
        rows = np.arange(len(node))
        found.append(_Layer(node, cost[rows, option], limited[rows, option], option, arc_cost, arc_limited))
        before = node
    return found


def _arcs(relaxation: Relaxation, layer: int, before: Ints, node: Ints) -> Floats:
    """(2, Q', Q) cost and limited sum of the links between vertices."""
    graph = relaxation.graph
    link = graph.links.between(before[:, None], node)
    coefficients = np.stack([graph.arc_cost[0, layer], graph.arc_limited[0, layer]])
    figures = graph.links.metrics[:, link.ravel()]
    return np.asarray((coefficients @ figures).reshape(2, *link.shape))


def _joined(
    layers: list[_Layer], paths_in: list[_BestPaths], paths_out: list[_BestPaths], index: int, before: int, behind: int
) -> Paths:
    """Follow both paths from a seam into layer `index`; `paths_out` begins with the paths from the source."""
    chosen = [0] * len(layers)
    for layer in range(index - 1, -1, -1):
        chosen[layer] = before
        before = int(paths_in[layer + 1].next[before])
    for layer in range(index, len(layers)):
        chosen[layer] = behind
        behind = int(paths_out[layer + 1].next[behind]) if layer + 1 < len(layers) else 0
    rows = list(zip(layers, chosen, strict=True))
    node = np.array([[layer.node[vertex] for layer, vertex in rows]], dtype=np.int64)
    option = np.array([[layer.option[vertex] for layer, vertex in rows]], dtype=np.int64)
    return Paths(node, option, np.full((*node.shape, 0), -1, dtype=np.int64))
