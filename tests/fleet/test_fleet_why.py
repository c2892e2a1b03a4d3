"""Why a class has no plan: the limits that cannot hold, and the least of each figure alone against all plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import networkx as nx
import numpy as np
import pytest
from fleet_cases import random_fleet
from fleet_oracle import decisions, single_app
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.fin.instance.decision import evaluate, within_limits
from planner.fleet.instance.build import build_fleet
from planner.fleet.plans.enumeration import least_alone
from planner.fleet.reading.document import columns_of
from planner.fleet.reading.files import read_fleet
from planner.pipeline.fleet import FleetRequest, answer_fleet
from planner.schemas import Model, Topology, check_document, read_document
from planner.schemas.fleets.fleet import Fleet
from planner.schemas.fleets.placement import FleetPlacement

CITY = Path(__file__).parents[2] / "examples" / "city"


def least_by_enumeration(item: dict[str, Any], link: dict[str, Any], model: Any, topology: Any) -> list[float]:
    """Return the least latency, energy and metrics of all plans without limits on them."""
    free = {key: value for key, value in item.items() if key not in ("max_latency_s", "max_energy_j", "limits")}
    instance = single_app(free, link, model, topology)
    network = instance.network
    graph = nx.DiGraph(list(zip(network.link_source.tolist(), network.link_target.tolist(), strict=True)))
    graph.add_nodes_from(range(network.size))
    nodes = range(network.size)
    paths = {
        (a, b): [(a,)] if a == b else [tuple(each) for each in nx.all_simple_paths(graph, a, b)]
        for a in nodes
        for b in nodes
    }
    every = (evaluate(instance, each) for k in range(instance.points.count) for each in decisions(instance, k, paths))
    kept = [
        [each.latency_s, each.energy_j, *(each.metrics[name] for name in network.metrics.names)]
        for each in every
        if within_limits(instance, each)
    ]
    return np.min(kept, axis=0).tolist() if kept else [np.inf] * (2 + network.metrics.count)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9))
def test_the_least_of_each_figure_is_that_of_all_plans(seed: int) -> None:
    fleet, topology, models = random_fleet(Random(seed), metrics=True)
    for item in fleet["classes"]:
        item["rate_per_s"] = 0.0  # shared capacity is free, in both
    known = {name: check_document(model, Model) for name, model in models.items()}
    instance = build_fleet(columns_of(check_document(fleet, Fleet)), known, check_document(topology, Topology))
    columns = instance.columns
    for pair, index in enumerate(instance.pair_class.tolist()):
        item, node = fleet["classes"][index], columns.nodes[columns.link_node[instance.pair_link[pair]]]
        link = next(each for each in item["attach"] if each["node"] == node)
        expected = least_by_enumeration(item, link, models[item["model"]], topology)
        found = least_alone(instance.kinds[instance.pair_kind[pair]].kind)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def city(latency_s: float, energy_j: float, classes: int = 1, method: str = "fleet") -> FleetPlacement:
    """Plan the city whose first classes have other limits."""
    read, (topology, _) = read_fleet(CITY / "fleet.json"), read_document(CITY / "topology.json", Topology)
    first = np.arange(len(read.columns.count)) < classes
    columns = replace(
        read.columns,
        max_latency_s=np.where(first, latency_s, read.columns.max_latency_s),
        max_energy_j=np.where(first, energy_j, read.columns.max_energy_j),
    )
    return answer_fleet(FleetRequest(columns, read.models, topology, method)).placement


@pytest.mark.parametrize("method", ["fleet", "nearest", "cheapest", "pop", "lp", "ilp"])
def test_limits_that_cannot_hold_are_named_by_every_method(method: str) -> None:
    found = city(1e-3, 1e-4, method=method)
    assert found.status == "infeasible"
    assert found.diagnosis is not None
    assert found.diagnosis.impossible == ("centre/photo/phone",)
    assert "class centre/photo/phone has no plan within its limits" in found.diagnosis.summary
    for part in ("max_latency_s is 1 ms, and no plan has less than", "max_energy_j is 100 µJ, and no plan has less"):
        assert part in found.diagnosis.summary


def test_the_least_of_a_figure_alone_is_enough_and_limits_may_not_hold_together() -> None:
    read, (topology, _) = read_fleet(CITY / "fleet.json"), read_document(CITY / "topology.json", Topology)
    instance = build_fleet(read.columns, read.models, topology)
    pairs = slice(*instance.first_pair[:2].tolist())
    each = [least_alone(instance.kinds[kind].kind) for kind in instance.pair_kind[pairs].tolist()]
    latency_s, energy_j = np.min(each, axis=0).tolist()
    for limits in ((latency_s * 1.0001, np.inf), (np.inf, energy_j * 1.0001)):
        found = city(*limits)
        assert found.diagnosis is None or not found.diagnosis.impossible
    found = city(latency_s * 1.0001, energy_j * 1.0001)
    assert found.diagnosis is not None
    assert "cannot hold together (least of each alone: max_latency_s" in found.diagnosis.summary


def test_several_classes_without_a_plan_are_counted() -> None:
    found = city(1e-3, np.inf, classes=2)
    assert found.diagnosis is not None
    assert "2 classes have no plan within their limits; those of the first, centre/" in found.diagnosis.summary
