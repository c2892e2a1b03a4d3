"""Sums along one path per scenario: cost and limited sum, added up over vertices and links."""

from __future__ import annotations

import numpy as np

from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.network import Floats, Ints


def nodes_before(graph: ExtendedGraph, node: Ints) -> Ints:
    """(K, D) node that the data of each layer comes from."""
    return np.concatenate([np.full((len(node), 1), graph.source), node[:, :-1]], axis=1)


def path_sums(graph: ExtendedGraph, paths: Paths, figures: Floats | None = None) -> tuple[Floats, Floats]:
    """Sum up cost and limited sum of one path per scenario.

    Args:
        graph: The K scenarios.
        paths: Their paths.
        figures: (C, K, D) what `transfer_figures` returns for them, if it is known.

    Returns:
        (K,) costs and (K,) limited sums.
    """
    scenarios, layers, _ = graph.shape
    rows = np.arange(scenarios)[:, None]
    depth = np.arange(layers)
    figures = transfer_figures(graph, paths) if figures is None else figures
    sums = []
    for vertex, arc in ((graph.vertex_cost, graph.arc_cost), (graph.vertex_limited, graph.arc_limited)):
        at = vertex[rows, depth, paths.node, paths.option]
        sums.append(at.sum(axis=1) + np.einsum("kdc,ckd->k", arc, figures))
    return sums[0], sums[1]


def transfer_figures(graph: ExtendedGraph, paths: Paths) -> Floats:
    """(C, K, D) metrics of the transfer into each layer."""
    before = nodes_before(graph, paths.node)
    figures = np.zeros((len(graph.links.metrics), *paths.node.shape))
    head = paths.node
    for hop in range(paths.relays.shape[2] + 1):
        relay = paths.relays[:, :, hop] if hop < paths.relays.shape[2] else np.full_like(head, -1)
        tail = np.where(relay >= 0, relay, before)
        scenario, layer = np.nonzero((tail != head) & (head >= 0))
        link = graph.links.between(tail[scenario, layer], head[scenario, layer])
        figures[:, scenario, layer] += graph.links.metrics[:, link]
        head = np.where(relay >= 0, relay, -1)
    return figures
