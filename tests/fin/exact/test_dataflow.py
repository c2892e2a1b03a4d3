"""Networks that are no chains, and memory beyond a sum: the exact search against enumeration, and by hand."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest
from cases import instance_of
from dataflow_cases import random_dataflow_case
from enumerated import check_enumerated
from hypothesis import example, given, settings
from hypothesis import strategies as st
from profiles import against_oracle

from planner.fin.dataflow import search
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate, objective_of
from planner.fin.instance.ties import merit_of
from planner.fin.method import Options
from planner.fin.methods import program_size
from planner.fin.methods.enumeration import BruteForce
from planner.pipeline.one_app import solve
from planner.pipeline.request import Request
from planner.schemas import App, Model, Topology, check_document


@pytest.mark.slow
@pytest.mark.parametrize("small", [program_size.SMALL, 0], ids=["small programs", "labels alone"])
@settings(max_examples=against_oracle(100))
@example(seed=1078)  # points that tie at an objective of 0
@given(seed=st.integers(0, 10**9))
def test_the_exact_search_is_as_good_as_enumeration(small, seed):
    """Status, objective, bound and what is preferred among ties agree, all features mixed."""
    instance = instance_of(*random_dataflow_case(Random(seed)))
    if instance is None or instance.points.count == 0:
        return
    oracle = BruteForce(50_000).solve(instance, Options())
    if oracle.termination.limit is not None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program_size, "SMALL", small)
        found = Exact().solve(instance, Options())
    assert found.status == oracle.status
    if found.plan is None or oracle.plan is None:
        return
    least = objective_of(instance, evaluate(instance, oracle.plan))
    assert objective_of(instance, evaluate(instance, found.plan)) == pytest.approx(least, rel=1e-8, abs=1e-15)
    assert found.lower_bound <= least * (1.0 + 1e-9)
    ours, theirs = merit_of(instance, found.plan), merit_of(instance, oracle.plan)
    assert ours is not None
    assert theirs is not None
    assert ours.criteria == pytest.approx(theirs.criteria, rel=3e-9, abs=1e-15)


@given(seed=st.integers(0, 10**9))
def test_points_left_to_an_integer_program_are_as_good_as_enumeration(seed):
    """With one label for each block, nearly all is left to the program."""
    instance = instance_of(*random_dataflow_case(Random(seed)))
    if instance is None or instance.points.count == 0 or instance.is_plain:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_WIDTHS", (1,))
        patch.setattr(program_size, "SMALL", 0)
        found = Exact().solve(instance, Options())
    check_enumerated(instance, found, rel=1e-6, plans=50_000)


def _topology(memory_bytes: float = 1e9) -> Topology:
    raw = {
        "schema_version": "1",
        "name": "two",
        "nodes": [
            {"name": "phone", "tier": "mobile", "ops_per_s": 1e9, "j_per_op": 1e-9, "memory_bytes": memory_bytes},
            {"name": "edge", "tier": "edge", "ops_per_s": 1e10, "j_per_op": 1e-10},
        ],
        "links": [
            {"source": "phone", "target": "edge", "bit_per_s": 1e8, "j_per_bit": 1e-8, "bidirectional": True},
        ],
    }
    return check_document(raw, Topology)


RAW: dict[str, Any] = {
    "schema_version": "1",
    "name": "net",
    "input_bits": 1e6,
    "blocks": [
        {"name": "a", "ops": 1e6, "output_bits": 1e5, "param_bytes": 100},
        {"name": "b", "ops": 1e9, "output_bits": 1e5, "param_bytes": 100},
        {"name": "c", "ops": 1e6, "output_bits": 0, "param_bytes": 100},
    ],
}


def _plan(model: Model, topology: Topology, method: str = "exact"):
    return solve(Request(App(model="net"), model, topology, method))


def test_a_tensor_is_carried_to_a_node_once():
    """By hand: b and c both read a, and both run on the edge; a crosses once, 1e5 bit at 1e-8 J."""
    raw = copy.deepcopy(RAW)
    raw["blocks"][2]["inputs"] = [{"block": "b"}, {"block": "a"}]
    placement = _plan(check_document(raw, Model), _topology())
    (app,) = placement.apps
    assert [row.node for row in app.assignments] == ["phone", "edge", "edge"]
    assert [(route.after, route.to) for route in app.routes] == [("a", "b")]
    assert app.energy_j == pytest.approx(1e-3 + 1e-3 + 0.1 + 1e-4)


@pytest.mark.parametrize("bits", [1e-310, 1e-300])
def test_tensors_next_to_nothing_are_counted(bits):
    """Labels compare figures of any size without an overflow."""
    raw = {**copy.deepcopy(RAW), "input_bits": bits}
    for block in raw["blocks"]:
        block |= {"ops": 0, "output_bits": bits}
    raw["blocks"][2]["inputs"] = [{"block": "b"}, {"block": "a"}]
    model = check_document(raw, Model)
    (link,) = _topology().links
    topology = _topology().model_copy(update={"links": (link.model_copy(update={"j_per_bit": 0.0}),)})
    placement = solve(Request(App(model="net", pin={"b": ("edge",)}), model, topology))
    assert (placement.status, placement.objective_value) == ("optimal", 0.0)


def test_a_skip_that_stays_on_its_node_costs_nothing():
    """By hand: c must run on the phone beside a, so b's output alone comes back."""
    raw = copy.deepcopy(RAW)
    raw["blocks"][2]["inputs"] = [{"block": "b"}, {"block": "a"}]
    request = Request(App(model="net", pin={"c": ("phone",)}), check_document(raw, Model), _topology())
    (app,) = solve(request).apps
    assert [(route.after, route.to) for route in app.routes] == [("a", "b"), ("b", "c")]
    assert app.breakdown.transfer_j == pytest.approx(2e-3)


@pytest.mark.parametrize(("memory_bytes", "nodes"), [(260.0, {"phone"}), (259.0, {"phone", "edge"})])
def test_shared_parameters_count_once_and_working_memory_by_its_largest(memory_bytes, nodes):
    """By hand: three blocks of 50 B, 60 B that two of them share, and 50 B of working memory at most: 260 B."""
    raw = copy.deepcopy(RAW) | {"input_bits": 1e11, "params": {"table": 60.0}}
    for block in raw["blocks"]:
        block |= {"param_bytes": 50.0, "output_bits": 1e9, "working_bytes": 30.0}
    raw["blocks"][1]["working_bytes"] = 50.0
    raw["blocks"][0]["params"] = raw["blocks"][2]["params"] = ["table"]
    placement = _plan(check_document(raw, Model), _topology(memory_bytes))
    assert {row.node for row in placement.apps[0].assignments} == nodes


def test_a_state_is_held_like_parameters():
    """By hand: three blocks of 100 B and a state of 5 B need 305 B."""
    raw = copy.deepcopy(RAW) | {"input_bits": 1e11}
    raw["blocks"][1]["state_bytes"] = 5.0
    raw["blocks"] = [block | {"output_bits": 1e9} for block in raw["blocks"]]
    for memory_bytes, count in ((305.0, 1), (304.0, 2)):
        placement = _plan(check_document(raw, Model), _topology(memory_bytes))
        assert len({row.node for row in placement.apps[0].assignments}) == count


def test_the_largest_rate_is_that_of_the_busiest_part():
    """By hand: b keeps the edge busy for 0.1 s; a and c keep the phone busy for 0.002 s, if c is there too."""
    raw = copy.deepcopy(RAW)
    raw["blocks"][2]["inputs"] = [{"block": "b"}, {"block": "a"}]
    request = Request(App(model="net", objective="rate"), check_document(raw, Model), _topology())
    placement = solve(request)
    assert placement.status == "optimal"
    assert placement.apps[0].rate_per_s == pytest.approx(1.0 / 0.1)
