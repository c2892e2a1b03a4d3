"""Path joining against enumeration: a path within the limit, the cheapest of all joins."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from benchmarks.fin.scenes import scene
from planner.fin.bounds.dual import dual_bounds
from planner.fin.bounds.relaxation import Relaxation, relax
from planner.fin.exact.incumbent import decision_of
from planner.fin.exact.path_joining import joined_path
from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.feasible import build_feasible
from planner.fin.graph.path_sums import path_sums
from planner.fin.instance.decision import evaluate, objective_of
from planner.fin.instance.instance import Instance
from planner.fin.labels.arcs import surviving_arcs

Nodes = tuple[int, ...]


def relaxation_of(instance: Instance) -> Relaxation:
    """Return the only scenario at its best multiplier."""
    feasible = build_feasible(build_extended(instance), instance.network)
    multiplier = dual_bounds(feasible).multiplier
    return relax(feasible.single(0), float(multiplier[0]), np.inf)


def paths(graph: ExtendedGraph, layers: range, before: int) -> list[tuple[Nodes, float, float]]:
    """Enumerate all paths through some layers from a node, each with its cost and its use of the limit."""
    found: list[tuple[Nodes, float, float]] = []
    for nodes in product(range(graph.shape[2]), repeat=len(layers)):
        cost, limited, last, possible = 0.0, 0.0, before, True
        for layer, node in zip(layers, nodes, strict=True):
            possible &= bool(graph.open[0, layer, node, 0])
            figures = graph.links.metrics[:, graph.links.between(np.array(last), np.array(node))]
            cost += float(graph.vertex_cost[0, layer, node, 0] + graph.arc_cost[0, layer] @ figures)
            limited += float(graph.vertex_limited[0, layer, node, 0] + graph.arc_limited[0, layer] @ figures)
            last = node
        if possible:
            found.append((nodes, cost, limited))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_a_joined_path_is_the_cheapest_join(seed: int) -> None:
    """Joins one by one: the best path to each vertex, any link, the best path from each vertex."""
    instance = scene(blocks=4, nodes=4, seed=seed).instance()
    relaxation = relaxation_of(instance)
    graph, multiplier = relaxation.graph, relaxation.multiplier
    layers, nodes = graph.shape[1], graph.shape[2]

    def best(some: list[tuple[Nodes, float, float]]) -> Nodes:
        return min(some, key=lambda row: row[1] + multiplier * row[2])[0]

    every = {path: (cost, limited) for path, cost, limited in paths(graph, range(layers), graph.source)}
    joins = []
    for seam in range(layers):
        to_vertex: dict[int, list[tuple[Nodes, float, float]]] = {}
        for row in paths(graph, range(seam), graph.source):
            to_vertex.setdefault(row[0][-1] if seam else graph.source, []).append(row)
        for vertex in range(nodes):
            if onward := paths(graph, range(seam + 1, layers), vertex):
                joins += [(*best(some), vertex, *best(onward)) for some in to_vertex.values()]
    joins = [join for join in joins if join in every]  # those through a closed vertex are none
    in_time = [every[join][0] for join in joins if every[join][1] <= relaxation.most]
    path = joined_path(relaxation, surviving_arcs(relaxation, np.inf))
    assert path is not None or not in_time
    if path is not None:
        cost, limited = path_sums(graph, path)
        # joins over a relay are looked at too
        assert float(cost[0]) <= min(in_time, default=np.inf) * (1 + 1e-12)
        assert limited[0] <= relaxation.most * (1 + 1e-12)
        evaluation = evaluate(instance, decision_of(graph, instance, path))
        assert objective_of(instance, evaluation) == pytest.approx(float(cost[0]), rel=1e-9)
