"""Extended graph over a table of efficient routes: an arc per route between hosts, as FIN's own algorithms take it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.exact.incumbent import result_paths
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.path_sums import nodes_before
from planner.fin.graph.routes import RouteTable
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats, Ints


@dataclass(frozen=True, eq=False)
class RoutedPaths:
    """One path per scenario, over routes of a table."""

    node: Ints
    """(K, D) node of each layer."""
    option: Ints
    """(K, D) result option taken at each layer."""
    route: Ints
    """(K, D) route option into each layer."""


def offered_options(graph: ExtendedGraph) -> int:
    """Return the number of result options that are in time.

    Where exits have deadlines of their own, whether a sample may be late depends on the whole path.
    """
    in_time = graph.deadline is not None and graph.results is not None
    return graph.results.options if in_time and graph.results is not None else int(graph.open.shape[-1])


def arcs_into(graph: ExtendedGraph, routes: RouteTable, layer: int) -> tuple[Floats, Floats]:
    """Compute the cost and the limited sum of every arc into a layer, with the block that it enters.

    Args:
        graph: K scenarios.
        routes: Efficient routes of all pairs of nodes.
        layer: Layer that the arcs lead into.

    Returns:
        Two arrays (K, P, O, N, N), in the units of the two sums; P counts routes, O result options that are in time.
        Both are infinite where there is no such arc.
    """
    options = offered_options(graph)
    open_ = graph.open[:, layer, :, :options].transpose(0, 2, 1)[:, None, :, None, :]
    possible = open_ & routes.valid[:, None]
    sums = []
    for vertex, arc in ((graph.vertex_cost, graph.arc_cost), (graph.vertex_limited, graph.arc_limited)):
        block = np.broadcast_to(vertex, graph.open.shape)[:, layer, :, :options].transpose(0, 2, 1)
        transfer = np.einsum("kc,cpnm->kpnm", arc[:, layer], routes.metrics)
        sums.append(np.where(possible, transfer[:, :, None] + block[:, None, :, None, :], np.inf))
    return sums[0], sums[1]


def routed_sums(graph: ExtendedGraph, routes: RouteTable, paths: RoutedPaths) -> tuple[Floats, Floats]:
    """Add up the cost and the limited sum of one path per scenario.

    Args:
        graph: K scenarios.
        routes: Efficient routes of all pairs of nodes.
        paths: One path per scenario.

    Returns:
        (K,) costs and (K,) limited sums, each in its own unit.
    """
    scenarios, layers, _ = graph.shape
    rows, depth = np.arange(scenarios)[:, None], np.arange(layers)
    figures = routes.metrics[:, paths.route, nodes_before(graph, paths.node), paths.node]  # (3, K, D)
    sums = []
    for vertex, arc in ((graph.vertex_cost, graph.arc_cost), (graph.vertex_limited, graph.arc_limited)):
        at = vertex[rows, depth, paths.node, paths.option]
        sums.append(at.sum(axis=1) + np.einsum("kdc,ckd->k", arc, figures))
    return sums[0], sums[1]


def routed_decision(
    graph: ExtendedGraph, routes: RouteTable, instance: Instance, paths: RoutedPaths, row: int = 0, scenario: int = 0
) -> Decision:
    """Turn a path over routes of a table into a decision.

    Args:
        graph: K scenarios.
        routes: Efficient routes of all pairs of nodes.
        instance: The app that the graph was built for.
        paths: Paths, one of which is meant.
        row: Which of them.
        scenario: Scenario that it belongs to.

    Returns:
        The decision, with the routes of its transfers and results.
    """
    layers = int(graph.depth[scenario])
    nodes = tuple(paths.node[row, :layers].tolist())
    ends = zip(paths.route[row, :layers].tolist(), (graph.source, *nodes[:-1]), nodes, strict=True)
    transfers = tuple(routes.path(route, source, target) for route, source, target in ends)
    point = int(graph.scenarios.point[scenario])
    return Decision(point, nodes, transfers, result_paths(graph, instance, paths.option[row], point, nodes))
