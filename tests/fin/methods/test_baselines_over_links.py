"""`gamma` and `mcp` over links against the same algorithms over a table of routes, on networks of every shape."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from cases import instance_of, random_app, random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import SHAPES, shaped_topology
from table_baselines import least_cost_in_levels, least_weight

from benchmarks.fin.scenes import scene
from planner.fin.deadline import Deadline
from planner.fin.graph.path_sums import path_sums
from planner.fin.graph.routes import efficient_routes
from planner.fin.instance.instance import Instance
from planner.fin.methods.bounds import in_time, search_root
from planner.fin.methods.constrained_path import in_shares, lightest_path, weight_of
from planner.fin.methods.gamma import cheapest_paths
from planner.schemas import Model, Topology, Workload, check_document


def shaped_instance(random: Random, shape: str) -> Instance | None:
    """Return an app whose transfers alone overload no link, so that each sees the same links as the table."""
    topology, model = shaped_topology(random, shape), random_model(random, most_blocks=4)
    app = {**random_app(random, model, topology), "rate_per_s": 0.0}
    app |= {"max_latency_s": random.uniform(1.0, 30.0), "max_energy_j": random.uniform(1.0, 60.0)}
    workload = check_document({"schema_version": "1", "apps": [app]}, Workload)
    return instance_of(workload.apps[0], check_document(model, Model), check_document(topology, Topology))


@settings(max_examples=40)
@given(shape=st.sampled_from(SHAPES), random=st.randoms(use_true_random=False))
def test_levels_over_links_are_those_over_a_table(shape: str, random: Random) -> None:
    instance = shaped_instance(random, shape)
    root = None if instance is None else search_root(instance)
    if instance is None or root is None:
        return
    levels, routes = random.choice([2, 5, 20]), efficient_routes(instance.network)
    for scenario, multiplier in enumerate(root.duals.multiplier.tolist()):
        single = root.feasible.single(scenario)
        expected = least_cost_in_levels(in_time(single.graph), routes, levels)
        found = next(cheapest_paths(single, multiplier, levels, np.inf, Deadline()), None)
        cost = np.inf if found is None else float(path_sums(single.graph, found)[0][0])
        assert cost == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=40)
@given(shape=st.sampled_from(SHAPES), random=st.randoms(use_true_random=False))
def test_weights_over_links_are_those_over_a_table(shape: str, random: Random) -> None:
    if (instance := shaped_instance(random, shape)) is None:
        return
    graph, routes = in_shares(instance), efficient_routes(instance.network)
    for scenario in range(graph.shape[0]):
        single = graph.single(scenario)
        expected = least_weight(single, routes)
        if np.isfinite(expected):
            assert weight_of(single, lightest_path(single, Deadline())) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_weights_over_single_links_are_those_over_a_table(seed: int) -> None:
    instance = scene(blocks=5, nodes=6, seed=seed).instance().with_limits(energy_j=2.0)
    graph = in_shares(instance).single(0)
    assert graph.links.single_hop
    expected = least_weight(graph, efficient_routes(instance.network))
    assert weight_of(graph, lightest_path(graph, Deadline())) == pytest.approx(expected, rel=1e-12)


def test_levels_of_a_limit_of_nothing_allow_nothing() -> None:
    random = Random(3)
    instance = shaped_instance(random, "grid")
    assert instance is not None
    root = search_root(replace(instance, minimise="energy").with_limits(latency_s=0.0))
    assert root is None
