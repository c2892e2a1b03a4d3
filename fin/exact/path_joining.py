"""Path joining: a good plan from the best paths to and from each vertex, at the price of about one recursion.

At a good multiplier the best path from the source to each vertex and the best path from each vertex to the end are all
near the optimum, and some within the limits. Joining two of them over every link between vertices that bounds leave
open, and keeping the cheapest join within the limit, often meets the optimum itself. Where no direct link joins two
vertices, or one of several links might be better, labels do this instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.exact.relaxation import Relaxation
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.network import Bools, Floats, Ints

_WIDEST = 32


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer cut down to Q vertices, with the arcs into it from the Q' of the layer before; S sums, the cost first."""

    node: Ints
    sums: Floats
    """(S, Q) cost, limited sum and further sums of each vertex at its best option."""
    option: Ints
    arc: Floats
    """(S, Q', Q) the same of the link."""


@dataclass(frozen=True, eq=False)
class _BestPaths:
    """Best paths to (or from) the vertices of one layer."""

    sums: Floats
    """(S, Q)"""
    next: Ints
    """Vertex that each path goes on over, as an index into its layer."""


@dataclass(frozen=True, eq=False)
class _Limits:
    """Weights of the sums in the Lagrangian, and their limits with tolerance."""

    weights: Floats
    """(S,)"""
    most: Floats
    """(S,) infinite where there is none."""

    @classmethod
    def of(cls, relaxation: Relaxation) -> _Limits:
        """Return those of a relaxation."""
        further = relaxation.further
        weights, most = [1.0, relaxation.multiplier], [np.inf, relaxation.most]
        if further is None:
            return cls(np.array(weights), np.array(most))
        return cls(np.array([*weights, *further.multiplier]), np.array([*most, *further.most]))

    def weighted(self, sums: Floats) -> Floats:
        """Return the weighted sum over the first axis; what weighs nothing is left out."""
        total = sums[0]
        for weight, each in zip(self.weights[1:].tolist(), sums[1:], strict=True):
            total = total + weight * each if weight > 0.0 else total
        return np.asarray(total)

    def keep(self, before: Floats, sums: Floats) -> Bools:
        """(Q', Q) whether (S, Q') sums before a seam and (S, Q', Q) sums behind it keep every limit together."""
        kept = np.ones(sums.shape[1:], dtype=bool)
        for row in np.flatnonzero(np.isfinite(self.most)).tolist():
            kept &= before[row][:, None] + sums[row] <= self.most[row]
        return kept


def joined_path(relaxation: Relaxation) -> Paths | None:
    """Return the cheapest join of a best path in and a best path out that keeps the limits, None where there is none.

    Args:
        relaxation: A scenario on a network in which every path is a single link.
    """
    layers = _layers(relaxation)
    if layers is None:
        return None
    limits = _Limits.of(relaxation)
    paths_in = _paths_in(layers, limits)
    paths_out = [_BestPaths(np.zeros_like(layers[-1].sums), np.zeros(0, dtype=np.int64))]
    best, seam = np.inf, None
    for index in reversed(range(len(layers))):
        layer, before, behind = layers[index], paths_in[index], paths_out[-1]
        sums = layer.arc + (layer.sums + behind.sums)[:, None]
        joined = np.where(limits.keep(before.sums, sums), before.sums[0][:, None] + sums[0], np.inf)
        place = int(joined.argmin())
        if joined.flat[place] < best:
            best, seam = float(joined.flat[place]), (index, *divmod(place, joined.shape[1]))
        onward = limits.weighted(sums).argmin(axis=1)
        paths_out.append(_BestPaths(sums[:, np.arange(len(onward)), onward], onward))
    return None if seam is None else _joined(layers, paths_in, paths_out[::-1], *seam)


def _paths_in(layers: list[_Layer], limits: _Limits) -> list[_BestPaths]:
    """Return the best paths to the vertices before each layer, the source first."""
    found = [_BestPaths(np.zeros((len(limits.most), 1)), np.zeros(0, dtype=np.int64))]
    for layer in layers[:-1]:
        sums = found[-1].sums[:, :, None] + layer.arc
        best = limits.weighted(sums).argmin(axis=0)
        found.append(_BestPaths(sums[:, best, np.arange(len(best))] + layer.sums, best))
    return found


def _layers(relaxation: Relaxation) -> list[_Layer] | None:
    """Cut every layer down to the vertices of least bound."""
    graph, limits = relaxation.graph, _Limits.of(relaxation)
    before = np.array([graph.source])
    found = []
    for layer in range(graph.shape[1]):
        node = np.flatnonzero(relaxation.alive[layer])
        if len(node) > _WIDEST:
            node = np.sort(node[np.argsort(relaxation.reduced[layer, node], kind="stable")[:_WIDEST]])
        if len(node) == 0:
            return None
        further = () if graph.further is None else graph.further.vertex[0][:, layer, node]
        sums = np.stack(
            [graph.vertex_cost[0, layer, node], graph.vertex_limited[0, layer, node], *further]
        )  # (S, Q, O)
        combined = np.where(graph.open[0, layer, node], limits.weighted(sums), np.inf)
        option = np.asarray(combined.argmin(axis=1), dtype=np.int64)
        arc = _arcs(relaxation, layer, before, node)
        found.append(_Layer(node, sums[:, np.arange(len(node)), option], option, arc))
        before = node
    return found


def _arcs(relaxation: Relaxation, layer: int, before: Ints, node: Ints) -> Floats:
    """(S, Q', Q) sums of the links between vertices."""
    graph = relaxation.graph
    link = graph.links.between(before[:, None], node)
    further = () if graph.further is None else graph.further.arc[0, :, layer]
    coefficients = np.stack([graph.arc_cost[0, layer], graph.arc_limited[0, layer], *further])
    figures = graph.links.metrics[:, link.ravel()]
    return np.asarray((coefficients @ figures).reshape(-1, *link.shape))


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
