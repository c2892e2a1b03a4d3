"""Stitched plans against enumeration: a way through open vertices within the limit, the cheapest of all joins."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest
from cases import instance_of, random_case
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fin.scenes import scene
from planner.fin.exact.dual import dual_bounds
from planner.fin.exact.incumbent import decision_of
from planner.fin.exact.path_joining import stitched
from planner.fin.exact.relaxation import Relaxation, relax
from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.feasible import build_feasible
from planner.fin.graph.min_plus import path_sums
from planner.fin.graph.routes import efficient_routes
from planner.fin.instance.decision import evaluate, objective_of
from planner.fin.instance.instance import Instance

MOST_WAYS = 20_000
Way = tuple[tuple[int, int, int], ...]
"""Node, result option and route into it, layer by layer."""


def relaxations(instance: Instance) -> list[Relaxation]:
    """Return every scenario that has a way within its limit, at its best multiplier."""
    if instance.points.count == 0:
        return []
    extended = build_extended(instance, efficient_routes(instance.network))
    feasible = build_feasible(extended, instance.network)
    if feasible.graph.shape[0] == 0:
        return []
    multiplier = dual_bounds(feasible).multiplier
    return [relax(feasible.single(index), float(each), np.inf) for index, each in enumerate(multiplier)]


def ways(graph: ExtendedGraph, layers: range, before: int) -> list[tuple[Way, float, float]]:
    """Enumerate all ways through some layers from a node, each with its cost and its use of the limit."""
    found: list[tuple[Way, float, float]] = []
    choices = [range(graph.shape[2]), range(graph.open.shape[-1]), range(graph.routes.options)]
    for way in product(*(list(product(*choices)) for _ in layers)):
        cost, limited, last, possible = 0.0, 0.0, before, True
        for layer, (node, option, route) in zip(layers, way, strict=True):
            possible &= bool(graph.open[0, layer, node, option] and graph.routes.valid[route, last, node])
            figures = graph.routes.metrics[:, route, last, node]
            cost += float(graph.vertex_cost[0, layer, node, option] + graph.arc_cost[0, layer] @ figures)
            limited += float(graph.vertex_limited[0, layer, node, option] + graph.arc_limited[0, layer] @ figures)
            last = node
        if possible:
            found.append((way, cost, limited))
    return found


@given(st.randoms(use_true_random=False))
def test_a_stitched_way_is_open_within_the_limit_and_no_cheaper_than_the_best(random: Random) -> None:
    instance = instance_of(*random_case(random))
    for relaxation in [] if instance is None else relaxations(instance):
        graph = relaxation.graph
        if (graph.shape[2] * graph.open.shape[-1] * graph.routes.options) ** graph.shape[1] > MOST_WAYS:
            continue
        every = ways(graph, range(graph.shape[1]), graph.source)
        path = stitched(relaxation)
        within = [cost for _, cost, limited in every if limited <= relaxation.most]
        if path is None:
            least = min((cost + relaxation.multiplier * limited, limited) for _, cost, limited in every)
            assert least[1] > relaxation.most * (1 - 1e-9)  # the relaxed optimum is a join of itself
            continue
        chosen = tuple(zip(*(column[0].tolist() for column in (path.node, path.option, path.route)), strict=True))
        cost, limited = next((cost, limited) for way, cost, limited in every if way == chosen)
        assert limited <= relaxation.most * (1 + 1e-12)
        assert cost >= min(within) * (1 - 1e-12)
        assert [cost, limited] == pytest.approx([float(sums[0]) for sums in path_sums(graph, path)], rel=1e-12)
        if graph.deadline is None:  # the evaluator prices the same way alike, unless results may be late
            evaluation = evaluate(instance, decision_of(graph, instance, path))
            assert objective_of(instance, evaluation) == pytest.approx(cost, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_a_stitched_way_is_the_cheapest_join(seed: int) -> None:
    """Joins one by one: the best way to each vertex, any arc, the best way from each vertex."""
    (relaxation,) = relaxations(scene(blocks=4, nodes=4, seed=seed).instance())
    graph, multiplier = relaxation.graph, relaxation.multiplier
    layers, nodes = graph.shape[1], graph.shape[2]

    def best(some: list[tuple[Way, float, float]]) -> Way:
        return min(some, key=lambda row: row[1] + multiplier * row[2])[0]

    every = {way: (cost, limited) for way, cost, limited in ways(graph, range(layers), graph.source)}
    joins = []
    for seam in range(layers):
        ways_in: dict[int, list[tuple[Way, float, float]]] = {}
        for row in ways(graph, range(seam), graph.source):
            ways_in.setdefault(row[0][-1][0] if seam else graph.source, []).append(row)
        for behind in range(nodes):
            if onward := ways(graph, range(seam + 1, layers), behind):
                joins += [(*best(some), (behind, 0, 0), *best(onward)) for some in ways_in.values()]
    joins = [join for join in joins if join in every]  # those through a closed vertex are none
    in_time = [every[join][0] for join in joins if every[join][1] <= relaxation.most]
    path = stitched(relaxation)
    assert (path is None) == (not in_time)
    if path is not None:
        assert float(path_sums(graph, path)[0][0]) == pytest.approx(min(in_time), rel=1e-12)
