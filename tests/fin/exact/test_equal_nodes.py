"""Plans that differ by a swap of equal nodes: the one in the order of the topology is given, at no other cost."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from cases import instance_of
from dataflow_cases import random_dataflow_case
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.dataflow.equal_nodes import in_topology_order
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate, within_limits
from planner.fin.instance.instance import Instance
from planner.fin.instance.ties import merit_of
from planner.fin.method import Options
from planner.fin.methods import program_size
from planner.fin.methods.enumeration import BruteForce
from planner.schemas import Model, Topology, Workload, check_document


def twins(memory_bytes: float, second_bit_per_s: float = 1e8) -> Instance:
    """Return two blocks, one of which reads the input again, with a source and two nodes that are equal but links."""
    node: dict[str, Any] = {"tier": "edge", "ops_per_s": 1e9, "j_per_op": 1e-9, "memory_bytes": memory_bytes}
    rates = {"left": 1e8, "right": second_bit_per_s}
    topology = {
        "schema_version": "1",
        "name": "t",
        "nodes": [{"name": "phone", "tier": "mobile", "hosts": False}, *({"name": name, **node} for name in rates)],
        "links": [
            {"source": source, "target": target, "bit_per_s": rates[target], "j_per_bit": 1e-9, "bidirectional": True}
            for source, target in (("phone", "left"), ("phone", "right"), ("left", "right"))
        ],
    }
    block: dict[str, Any] = {"ops": 1e6, "output_bits": 1e3, "param_bytes": 10.0}
    model = {
        "schema_version": "1",
        "name": "m",
        "input_bits": 1e3,
        "blocks": [{"name": "a", **block}, {"name": "b", **block, "inputs": [{"block": "a"}, {"block": "input"}]}],
    }
    app = check_document({"schema_version": "1", "apps": [{"model": "m", "source": "phone"}]}, Workload).apps[0]
    found = instance_of(app, check_document(model, Model), check_document(topology, Topology))
    assert found is not None
    return found


@pytest.mark.parametrize("memory_bytes", [10.0, 20.0], ids=["one block on each", "both on one"])
@pytest.mark.parametrize("small", [program_size.SMALL, 0], ids=["small programs", "labels alone"])
def test_the_first_of_equal_nodes_comes_first(memory_bytes: float, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_size, "SMALL", small)
    found = Exact().solve(twins(memory_bytes), Options())
    assert found.plan is not None
    assert found.plan.nodes == ((1, 2) if memory_bytes == 10.0 else (1, 1))


def test_nodes_whose_links_differ_are_not_exchanged() -> None:
    """By hand: the input reaches the second node in less time, so latency breaks the tie."""
    instance = twins(20.0, second_bit_per_s=1e9)
    found = Exact().solve(instance, Options())
    assert found.plan is not None
    assert found.plan.nodes == (2, 2)
    assert in_topology_order(instance, found.plan) == found.plan


@given(seed=st.integers(0, 10**9))
def test_no_swap_costs_anything(seed: int) -> None:
    instance = instance_of(*random_dataflow_case(Random(seed)))
    if instance is None or instance.points.count == 0:
        return
    plan = BruteForce(50_000).solve(instance, Options()).plan
    if plan is None:
        return
    ordered = in_topology_order(instance, plan)
    assert within_limits(instance, evaluate(instance, ordered))
    ours, theirs = merit_of(instance, ordered), merit_of(instance, plan)
    assert ours is not None
    assert theirs is not None
    assert ours.objective == pytest.approx(theirs.objective, rel=1e-8)
    assert ours.criteria == pytest.approx(theirs.criteria, rel=1e-8)
    assert ordered.nodes <= plan.nodes
    assert in_topology_order(instance, ordered) == ordered
