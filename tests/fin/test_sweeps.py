"""Sweeps against enumeration of all paths, arcs held and arcs made anew alike."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

import numpy as np
import pytest
from cases import instance_of, random_case
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.graph import min_plus
from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.min_plus import Arcs, Weights, backward, best_paths, forward, path_sums, vertex_values
from planner.fin.graph.routes import efficient_routes
from planner.fin.instance.network import Floats

MOST_PATHS = 300


def random_graph(random: Random) -> ExtendedGraph | None:
    instance = instance_of(*random_case(random, most_nodes=4, most_blocks=4))
    if instance is None or instance.points.count == 0:
        return None
    graph = build_extended(instance, efficient_routes(instance.network))
    return graph if graph.shape[2] ** graph.shape[1] <= MOST_PATHS else None


def random_weights(random: Random, scenarios: int) -> Weights:
    multiplier = np.array([random.choice([0.0, 0.3, 2.0]) for _ in range(scenarios)])
    return random.choice([Weights.lagrangian(multiplier), Weights.limited_only(scenarios)])


def arc_between(graph: ExtendedGraph, weights: Weights, scenario: int, layer: int, before: int, node: int) -> float:
    coefficients = weights.cost[scenario] * graph.arc_cost[scenario, layer]
    coefficients = coefficients + weights.limited[scenario] * graph.arc_limited[scenario, layer]
    routes = graph.routes
    options = [option for option in range(routes.options) if routes.valid[option, before, node]]
    return min((float(coefficients @ routes.metrics[:, option, before, node]) for option in options), default=np.inf)


def enumerated(graph: ExtendedGraph, weights: Weights) -> tuple[Floats, Floats]:
    """(K, D, N) what `forward` and `backward` should be, from all paths one by one."""
    vertices = vertex_values(graph, weights)
    ahead, behind = np.full(graph.shape, np.inf), np.full(graph.shape, np.inf)
    scenarios, layers, nodes = graph.shape
    for scenario, path in product(range(scenarios), product(range(nodes), repeat=layers)):
        before = (graph.source, *path[:-1])
        costs = [
            arc_between(graph, weights, scenario, layer, *ends) + vertices[scenario, layer, ends[1]]
            for layer, ends in enumerate(zip(before, path, strict=True))
        ]
        for layer, node in enumerate(path):
            if np.isfinite(vertices[scenario, layer, node]):
                at = (scenario, layer, node)
                ahead[at] = min(ahead[at], sum(costs[: layer + 1]))
                behind[at] = min(behind[at], sum(costs[layer + 1 :]))
    return ahead, behind


@pytest.fixture(scope="class", params=["held", "anew"])
def arcs_are(request: pytest.FixtureRequest) -> Iterator[str]:
    """Hold the arcs of all layers, or make them anew, one row at a time."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "anew":
            patch.setattr(min_plus, "_CELLS_AT_ONCE", 0)
            patch.setattr(min_plus, "_CELLS_IN_CACHE", 1)
        yield request.param


@pytest.mark.usefixtures("arcs_are")
class TestBothWays:
    @given(random=st.randoms(use_true_random=False))
    def test_sweeps_equal_enumeration(self, random: Random) -> None:
        if (graph := random_graph(random)) is None:
            return
        weights = random_weights(random, graph.shape[0])
        ahead, behind = enumerated(graph, weights)
        np.testing.assert_allclose(forward(graph, weights), ahead, rtol=1e-12)
        np.testing.assert_allclose(backward(graph, weights), behind, rtol=1e-12)
        paths, values = best_paths(graph, weights)
        np.testing.assert_allclose(values, ahead[:, -1].min(axis=1), rtol=1e-12)
        cost, limited = path_sums(graph, paths)
        found = np.isfinite(values)
        weighted = weights.cost * cost + weights.limited * limited
        np.testing.assert_allclose(weighted[found], values[found], rtol=1e-9, atol=1e-12)

    @given(random=st.randoms(use_true_random=False))
    def test_leaving_goes_to_another_node(self, random: Random) -> None:
        if (graph := random_graph(random)) is None:
            return
        scenarios, layers, nodes = graph.shape
        weights, layer = random_weights(random, scenarios), random.randrange(layers)
        behind = np.array([[random.choice([0.0, 1.5, 3.0, np.inf]) for _ in range(nodes)] for _ in range(scenarios)])
        wanted = np.array([[random.random() < 0.7 for _ in range(nodes)] for _ in range(scenarios)])
        least = Arcs(graph, weights).least_onward(layer, behind, wanted, leaving=True)
        for scenario, node in np.argwhere(wanted):
            others = [
                arc_between(graph, weights, scenario, layer, node, other) + behind[scenario, other]
                for other in range(nodes) if other != node
            ]  # fmt: skip
            assert least[scenario, node] == pytest.approx(min(others, default=np.inf), rel=1e-12)


def test_rows_that_cannot_help_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a mesh whose links cost once to twice the least, nodes that are dear to reach serve nobody."""
    from benchmarks.fin.scenes import large_instance

    instance = large_instance(blocks=3, nodes=40, seed=0)
    graph = build_extended(instance, efficient_routes(instance.network))
    weights = Weights.lagrangian(np.array([0.1]))
    held = forward(graph, weights)
    monkeypatch.setattr(min_plus, "_CELLS_AT_ONCE", 0)
    monkeypatch.setattr(min_plus, "_CELLS_IN_CACHE", 40)
    made = []
    rows = Arcs._rows

    def counted(arcs: Arcs, *arguments: object) -> Floats:
        made.append(arguments)
        return rows(arcs, *arguments)  # type: ignore[arg-type] # handed on as they came

    monkeypatch.setattr(Arcs, "_rows", counted)
    np.testing.assert_allclose(forward(graph, weights), held, rtol=1e-13)
    assert len(made) < 0.8 * 2 * 40
