"""Min-plus recursions over links against enumeration over a table of all efficient routes, for every kind of links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from random import Random

import numpy as np
import pytest
from cases import instance_of, random_case
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.min_plus import (
    Weights,
    backward,
    best_paths,
    forward,
    vertex_values,
    weighted_links,
)
from planner.fin.graph.path_sums import nodes_before, path_sums
from planner.fin.graph.routes import RouteTable, efficient_routes
from planner.fin.instance.network import Floats
from planner.fin.links import dense, representation

MOST_PATHS = 300


def random_graph(random: Random) -> tuple[ExtendedGraph, RouteTable] | None:
    instance = instance_of(*random_case(random, most_nodes=4, most_blocks=4))
    if instance is None or instance.points.count == 0:
        return None
    instance = replace(instance, rate_per_s=0.0)  # links that a transfer overloads have tests of their own
    graph = build_extended(instance)
    table = efficient_routes(instance.network)
    return (graph, table) if graph.shape[2] ** graph.shape[1] <= MOST_PATHS else None


def random_weights(random: Random, scenarios: int) -> Weights:
    multiplier = np.array([random.choice([0.0, 0.3, 2.0]) for _ in range(scenarios)])
    return random.choice([Weights.lagrangian(multiplier), Weights.limited_only(scenarios)])


def arc_between(
    graph: ExtendedGraph, routes: RouteTable, weights: Weights, scenario: int, layer: int, before: int, node: int
) -> float:
    coefficients = weights.cost[scenario] * graph.arc_cost[scenario, layer]
    coefficients = coefficients + weights.limited[scenario] * graph.arc_limited[scenario, layer]
    options = [option for option in range(routes.options) if routes.valid[option, before, node]]
    return min((float(coefficients @ routes.metrics[:, option, before, node]) for option in options), default=np.inf)


def enumerated(graph: ExtendedGraph, routes: RouteTable, weights: Weights) -> tuple[Floats, Floats]:
    """(K, D, N) what `forward` and `backward` should be, from all paths one by one."""
    vertices = vertex_values(graph, weights)
    ahead, behind = np.full(graph.shape, np.inf), np.full(graph.shape, np.inf)
    scenarios, layers, nodes = graph.shape
    for scenario, path in product(range(scenarios), product(range(nodes), repeat=layers)):
        before = (graph.source, *path[:-1])
        costs = [
            arc_between(graph, routes, weights, scenario, layer, *ends) + vertices[scenario, layer, ends[1]]
            for layer, ends in enumerate(zip(before, path, strict=True))
        ]
        for layer, node in enumerate(path):
            if np.isfinite(vertices[scenario, layer, node]):
                at = (scenario, layer, node)
                ahead[at] = min(ahead[at], sum(costs[: layer + 1]))
                behind[at] = min(behind[at], sum(costs[layer + 1 :]))
    return ahead, behind


@pytest.fixture(scope="class", params=["sparse", "held", "formed"])
def kind_of_links(request: pytest.FixtureRequest) -> Iterator[str]:
    """Lists of links, matrices whose weights are held, and matrices whose weights are formed one row at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(representation, "DENSE_SHARE", 2.0 if request.param == "sparse" else 0.0)
        if request.param == "formed":
            patch.setattr(dense, "_PAIRS_HELD", 0)
            patch.setattr(dense, "_CELLS_AT_ONCE", 0)
            patch.setattr(dense, "_CELLS_IN_CACHE", 1)
        yield request.param


@pytest.mark.usefixtures("kind_of_links")
class TestEveryKindOfLinks:
    @given(random=st.randoms(use_true_random=False))
    def test_recursions_equal_enumeration(self, random: Random) -> None:
        if (built := random_graph(random)) is None:
            return
        graph, table = built
        weights = random_weights(random, graph.shape[0])
        ahead, behind = enumerated(graph, table, weights)
        closed = np.isinf(vertex_values(graph, weights))
        np.testing.assert_allclose(forward(graph, weights).values, ahead, rtol=1e-12)
        onward = np.where(closed, np.inf, backward(graph, weights)[:, 1:])
        np.testing.assert_allclose(onward, behind, rtol=1e-12)
        paths, values = best_paths(graph, weights)
        np.testing.assert_allclose(values, ahead[:, -1].min(axis=1), rtol=1e-12)
        found = np.isfinite(values)
        if not found.any():
            return
        cost, limited = path_sums(graph.take(found), paths.take(found))
        weighted = weights.cost[found] * cost + weights.limited[found] * limited
        np.testing.assert_allclose(weighted, values[found], rtol=1e-9, atol=1e-12)

    @given(random=st.randoms(use_true_random=False))
    def test_a_transfer_of_a_path_is_a_simple_path_of_links(self, random: Random) -> None:
        if (built := random_graph(random)) is None:
            return
        graph, table = built
        paths, values = best_paths(graph, random_weights(random, graph.shape[0]))
        before = nodes_before(graph, paths.node)
        for row, layer in np.argwhere(np.isfinite(values)[:, None] & np.ones_like(paths.node, dtype=bool)).tolist():
            passed = paths.transfer(row, layer, int(before[row, layer]))
            assert passed[-1] == paths.node[row, layer]
            assert passed[0] == before[row, layer]
            assert len(set(passed)) == len(passed)
            for source, target in pairwise(passed):
                assert table.valid[:, source, target].any()

    @given(random=st.randoms(use_true_random=False))
    def test_leaving_takes_a_link(self, random: Random) -> None:
        if (built := random_graph(random)) is None:
            return
        graph, _ = built
        scenarios, layers, nodes = graph.shape
        weights, layer = random_weights(random, scenarios), random.randrange(layers)
        onward = np.array([[random.choice([0.0, 1.5, 3.0, np.inf]) for _ in range(nodes)] for _ in range(scenarios)])
        wanted = np.array([[random.random() < 0.7 for _ in range(nodes)] for _ in range(scenarios)])
        least = weighted_links(graph, weights).leave(layer, onward, wanted)
        every = np.ones(nodes, dtype=bool)
        for scenario, node in np.argwhere(wanted).tolist():
            hops = graph.links.out_of(np.array([node]), every)
            coefficients = weights.cost[scenario] * graph.arc_cost[scenario, layer]
            coefficients = coefficients + weights.limited[scenario] * graph.arc_limited[scenario, layer]
            costs = coefficients @ graph.links.metrics[:, hops.link] + onward[scenario, hops.target]
            assert least[scenario, node] == pytest.approx(min(costs.tolist(), default=np.inf), rel=1e-12)


def test_rows_that_cannot_help_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a mesh whose links cost once to twice the least, nodes that are dear to reach serve nobody."""
    from benchmarks.fin.scenes import large_instance

    instance = large_instance(blocks=3, nodes=40, seed=0)
    graph = build_extended(instance)
    weights = Weights.lagrangian(np.array([0.1]))
    held = forward(graph, weights).values
    monkeypatch.setattr(dense, "_PAIRS_HELD", 0)
    monkeypatch.setattr(dense, "_CELLS_IN_CACHE", 40)
    formed = []
    rows = dense.FormedWeightedLinks._rows

    def counted(links: dense.FormedWeightedLinks, *arguments: object) -> Floats:
        formed.append(arguments)
        return rows(links, *arguments)  # type: ignore[arg-type] # handed on as they came

    monkeypatch.setattr(dense.FormedWeightedLinks, "_rows", counted)
    np.testing.assert_allclose(forward(graph, weights).values, held, rtol=1e-13)
    assert len(formed) < 0.8 * 2 * 40
