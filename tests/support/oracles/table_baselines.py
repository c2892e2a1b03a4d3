"""Oracle of `gamma` and `mcp`: every arc weighed over a table of all efficient routes of all pairs of nodes.

Levels and weights of an arc are not sums of those of its links, so the table holds every route that may matter. It
shares vertices with the product, and neither bounds nor labels.
"""

from __future__ import annotations

import numpy as np

from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.routes import RouteTable
from planner.fin.instance.network import Floats


def least_cost_in_levels(graph: ExtendedGraph, routes: RouteTable, levels: int) -> float:
    """Return the least cost of a path of one scenario whose arcs take the limit in whole levels, rounded up."""
    nodes = graph.shape[2]
    value = np.full((levels + 1, nodes), np.inf)
    value[0, graph.source] = 0.0
    for layer in range(graph.shape[1]):
        cost, limited = _arcs_into(graph, routes, layer)
        finite = np.where(np.isfinite(limited), limited, 0.0)
        taken = np.where(np.isfinite(limited), np.ceil(finite * (levels / graph.limit) * (1.0 - 1e-12)), levels + 1)
        reached = np.full_like(value, np.inf)
        for level in range(levels + 1):
            before = level - taken.astype(np.int64)
            origin = np.arange(nodes)[:, None]
            some = np.where(before >= 0, value[np.maximum(before, 0), origin] + cost, np.inf)
            reached[level] = some.reshape(-1, nodes).min(axis=0)
        value = reached
    return float(value.min())


def least_weight(graph: ExtendedGraph, routes: RouteTable) -> float:
    """Return the least weight of a path of one scenario, an arc weighing the larger of its two sums."""
    nodes = graph.shape[2]
    value = np.full(nodes, np.inf)
    value[graph.source] = 0.0
    for layer in range(graph.shape[1]):
        weight = np.maximum(*_arcs_into(graph, routes, layer))
        value = (value[:, None] + weight).reshape(-1, nodes).min(axis=0)
    return float(value.min())


def _arcs_into(graph: ExtendedGraph, routes: RouteTable, layer: int) -> tuple[Floats, Floats]:
    """Return the (P, O, N, N) sums of every route and result option into a layer; infinite where there is none."""
    open_ = graph.open[0, layer].T[None, :, None]
    sums = []
    for vertex, arc in ((graph.vertex_cost, graph.arc_cost), (graph.vertex_limited, graph.arc_limited)):
        transfer = np.einsum("c,cpnm->pnm", arc[0, layer, :3], routes.metrics)
        block = np.broadcast_to(vertex, graph.open.shape)[0, layer].T[None, :, None]
        sums.append(np.where(open_ & routes.valid[:, None], transfer[:, None] + block, np.inf))
    return sums[0], sums[1]
