"""Plans stitched from the best ways in and the best ways out: a good incumbent at the price of about one sweep.

At a good multiplier the best way from the source to each vertex and the best way from each vertex to the end are all
near the optimum, and some within the limit. Joining a way in and a way out over every arc that bounds leave open, and
keeping the cheapest join within the limit, often meets the optimum itself.
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
    """(Q', Q) cost of the best route."""
    arc_limited: Floats
    route: Ints


@dataclass(frozen=True)
class _Ways:
    """Best ways to (or from) the vertices of one layer."""

    cost: Floats
    limited: Floats
    next: Ints
    """Vertex that each way goes on over, as an index into its layer."""


def stitched(relaxation: Relaxation) -> Paths | None:
    """Return the cheapest join of a way in and a way out that keeps the limit, None where there is none."""
    layers = _layers(relaxation)
    if layers is None:
        return None
    ways_in = _ways_in(layers, relaxation.multiplier)
    zero = np.zeros(len(layers[-1].node))
    ways_out = [_Ways(zero, zero, np.zeros(0, dtype=np.int64))]
    best, seam = np.inf, None
    for index in reversed(range(len(layers))):
        layer, before, behind = layers[index], ways_in[index], ways_out[-1]
        cost = layer.arc_cost + (layer.cost + behind.cost)
        limited = layer.arc_limited + (layer.limited + behind.limited)
        in_time = before.limited[:, None] + limited <= relaxation.most
        joined = np.where(in_time, before.cost[:, None] + cost, np.inf)
        place = int(joined.argmin())
        if joined.flat[place] < best:
            best, seam = float(joined.flat[place]), (index, *divmod(place, joined.shape[1]))
        onward = (cost + relaxation.multiplier * limited).argmin(axis=1)
        rows = np.arange(len(onward))
        ways_out.append(_Ways(cost[rows, onward], limited[rows, onward], onward))
    return None if seam is None else _joined(layers, ways_in, ways_out[::-1], *seam)


def _ways_in(layers: list[_Layer], multiplier: float) -> list[_Ways]:
    """Return the best ways to the vertices before each layer, the source first."""
    zero = np.zeros(1)
    found = [_Ways(zero, zero, np.zeros(0, dtype=np.int64))]
    for layer in layers[:-1]:
        before = found[-1]
        cost, limited = before.cost[:, None] + layer.arc_cost, before.limited[:, None] + layer.arc_limited
        best = (cost + multiplier * limited).argmin(axis=0)
        columns = np.arange(len(best))
        found.append(_Ways(cost[best, columns] + layer.cost, limited[best, columns] + layer.limited, best))
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
        arc_cost, arc_limited, route = _arcs(relaxation, layer, before, node)
        cost, limited = graph.vertex_cost[0, layer, node], graph.vertex_limited[0, layer, node]  # (Q, O)
        combined = np.where(graph.open[0, layer, node], cost + relaxation.multiplier * limited, np.inf)
        option = np.asarray(combined.argmin(axis=1), dtype=np.int64)
        rows = np.arange(len(node))
        found.append(_Layer(node, cost[rows, option], limited[rows, option], option, arc_cost, arc_limited, route))
        before = node
    return found


def _arcs(relaxation: Relaxation, layer: int, before: Ints, node: Ints) -> tuple[Floats, Floats, Ints]:
    """(Q', Q) cost (infinite: no route), limited sum and index of the best route between vertices."""
    graph, routes = relaxation.graph, relaxation.graph.routes
    figures = routes.between(before, node)  # (3, P, Q', Q)
    shape = figures.shape[1:]
    coefficients = np.stack([graph.arc_cost[0, layer], graph.arc_limited[0, layer]])
    cost, limited = (coefficients @ figures.reshape(3, -1)).reshape(2, *shape)
    if not routes.complete:
        cost = np.where(routes.valid[:, before[:, None], node], cost, np.inf)
    if routes.options == 1:
        return cost[0], limited[0], np.zeros(shape[1:], dtype=np.int64)
    route = (cost + relaxation.multiplier * limited).argmin(axis=0)[None]
    return np.take_along_axis(cost, route, 0)[0], np.take_along_axis(limited, route, 0)[0], np.asarray(route[0])


def _joined(
    layers: list[_Layer], ways_in: list[_Ways], ways_out: list[_Ways], index: int, before: int, behind: int
) -> Paths:
    """Follow both ways from a seam into layer `index`; `ways_out` begins with the ways from the source."""
    chosen = [0] * len(layers)
    for layer in range(index - 1, -1, -1):
        chosen[layer] = before
        before = int(ways_in[layer + 1].next[before])
    for layer in range(index, len(layers)):
        chosen[layer] = behind
        behind = int(ways_out[layer + 1].next[behind]) if layer + 1 < len(layers) else 0
    previous = [0, *chosen[:-1]]
    rows = list(zip(layers, chosen, previous, strict=True))
    node = np.array([[layer.node[vertex] for layer, vertex, _ in rows]], dtype=np.int64)
    option = np.array([[layer.option[vertex] for layer, vertex, _ in rows]], dtype=np.int64)
    route = np.array([[layer.route[last, vertex] for layer, vertex, last in rows]], dtype=np.int64)
    return Paths(node, option, route)
