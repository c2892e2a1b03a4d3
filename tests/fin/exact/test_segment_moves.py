"""Segment moves against trying them one by one, each evaluated as a plan."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pytest

from benchmarks.fin.scenes import large_instance
from planner.fin.bounds.cutting_planes import bounds_of_several
from planner.fin.bounds.relaxation import Relaxation, relax
from planner.fin.exact import segment_moves
from planner.fin.exact.incumbent import decision_of
from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.feasible import build_feasible
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.decision import Evaluation, evaluate, objective_of, within_limits
from planner.fin.instance.instance import Instance, metric_costs
from planner.fin.instance.metrics import NetworkMetrics
from planner.fin.instance.network import Ints

BLOCKS, NODES = 5, 4


def limited_instance(seed: int) -> Instance:
    """Return a full mesh whose two metrics are limited to what few random plans keep together."""
    instance, random = large_instance(BLOCKS, NODES, seed), np.random.default_rng(seed)
    links = random.uniform(1e-9, 1.5e-9, (2, len(instance.network.link_source)))  # no relay adds less
    nodes = random.uniform(0.2, 1.0, (2, 2, NODES))
    network = replace(instance.network, metrics=NetworkMetrics(("price", "carbon"), ("USD", "g"), *nodes, links))
    costs = metric_costs(network, instance.blocks, instance.heads)
    instance = replace(instance, network=network, metric_costs=costs)
    graph = build_extended(instance)
    plans = [evaluated(graph, instance, nodes) for nodes in random.integers(0, NODES, (40, BLOCKS))]
    metrics = {name: float(np.quantile([plan.metrics[name] for plan in plans], 0.8)) for name in ("price", "carbon")}
    return replace(instance, limits=replace(instance.limits, metrics=metrics))


def relaxation_of(instance: Instance) -> tuple[Relaxation, Ints]:
    """Return the only scenario at its best multipliers, and the nodes of the paths whose mixture bounds it."""
    feasible = build_feasible(build_extended(instance), instance.network)
    duals = bounds_of_several(feasible)
    assert duals.further is not None
    relaxation = relax(feasible.single(0), float(duals.multiplier[0]), np.inf, further=duals.further[0])
    return relaxation, duals.mixed.get(0, np.zeros((0, BLOCKS), dtype=np.int64))


def evaluated(graph: ExtendedGraph, instance: Instance, nodes: Ints) -> Evaluation:
    """Evaluate the plan of a path."""
    nothing = np.zeros((1, BLOCKS), dtype=np.int64)
    path = Paths(nodes[None], nothing, nothing[:, :, None] - 1)
    return evaluate(instance, decision_of(graph, instance, path))


def best_move(graph: ExtendedGraph, instance: Instance, start: Ints) -> float:
    """Return the least cost behind any move of a segment within the limits."""
    costs = [np.inf]
    for first, last in combinations_with_replacement(range(BLOCKS), 2):
        for node in range(NODES):
            moved = start.copy()
            moved[first : last + 1] = node
            evaluation = evaluated(graph, instance, moved)
            if within_limits(instance, evaluation):
                costs.append(objective_of(instance, evaluation))
    return min(costs)


@pytest.mark.parametrize("seed", range(6))
def test_the_best_move_of_a_segment_is_made(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_moves, "_MOST_MOVES", 1)
    instance = limited_instance(seed)
    relaxation, _ = relaxation_of(instance)
    for start in np.random.default_rng(seed).integers(0, NODES, (3, BLOCKS)):
        path = segment_moves.improved(relaxation, start[None], np.inf)
        expected = best_move(relaxation.graph, instance, start)
        assert (path is None) == np.isinf(expected)
        if path is not None:
            evaluation = evaluated(relaxation.graph, instance, path.node[0])
            assert within_limits(instance, evaluation)
            assert objective_of(instance, evaluation) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_no_further_move_of_a_segment_saves_any_cost(seed: int) -> None:
    instance = limited_instance(seed)
    relaxation, mixed = relaxation_of(instance)
    path = segment_moves.improved(relaxation, mixed, np.inf)
    if path is not None:
        value = objective_of(instance, evaluated(relaxation.graph, instance, path.node[0]))
        assert best_move(relaxation.graph, instance, path.node[0]) == pytest.approx(value, rel=1e-8)
        assert segment_moves.improved(relaxation, mixed, value * (1.0 - 1e-6)) is None
