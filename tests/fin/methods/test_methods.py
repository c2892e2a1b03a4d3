"""One conformance test for every way to place an app, against enumeration on problems made by hand."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
import pytest
from cases import instance_of

from planner.fin.instance.decision import Decision, evaluate, objective_of, within_limits
from planner.fin.instance.instance import Instance
from planner.fin.method import METHODS, Options, method
from planner.fin.methods.enumeration import BruteForce
from planner.fin.outcome import Outcome
from planner.schemas import InputError, Model, Topology, Workload, check_document

PROVING = ("exact", "ilp", "brute")
"""Methods that must find the optimum, or prove that there is no plan."""
EQUAL = 1e-8

TOPOLOGY: dict[str, Any] = {
    "schema_version": "1",
    "name": "three",
    "nodes": [
        {"name": "phone", "tier": "mobile", "ops_per_s": 1.0, "j_per_op": 1.0},
        {"name": "edge", "tier": "edge", "ops_per_s": 4.0, "active_power_w": 2.0, "static_power_w": 0.1},
        {"name": "cloud", "tier": "cloud", "ops_per_s": 16.0, "j_per_op": 0.2},
    ],
    "links": [
        {"source": "phone", "target": "edge", "bit_per_s": 4.0, "latency_s": 0.1, "j_per_bit": 0.3,
         "medium": "cell", "bidirectional": True},
        {"source": "phone", "target": "cloud", "bit_per_s": 1.0, "latency_s": 0.5, "j_per_bit": 0.2,
         "medium": "cell", "bidirectional": True},
        {"source": "edge", "target": "cloud", "bit_per_s": 8.0, "latency_s": 0.6, "j_per_bit": 0.05},
    ],
}  # fmt: skip
MODEL: dict[str, Any] = {
    "schema_version": "1",
    "name": "net",
    "input_bits": 6.0,
    "blocks": [
        {"name": "b1", "ops": 2.0, "param_bytes": 2, "output_bits": 2.0},
        {"name": "b2", "ops": 5.0, "param_bytes": 3, "output_bits": 3.0},
        {"name": "b3", "ops": 9.0, "param_bytes": 4, "output_bits": 9.0},
    ],
    "exits": [
        {"name": "e1", "after": "b1", "ops": 0.5, "param_bytes": 1, "result_bits": 4.0},
        {"name": "e3", "after": "b3", "ops": 0.5, "param_bytes": 1, "result_bits": 1.0},
    ],
    "operating_points": [
        {"name": "half", "exit_fractions": {"e1": 0.5, "e3": 0.5}, "accuracy": 0.8},
        {"name": "full", "exit_fractions": {"e3": 1.0}, "accuracy": 0.9},
        {"name": "early", "exit_fractions": {"e1": 1.0}, "accuracy": 0.6},
    ],
}
PACKAGE: dict[str, Any] = {
    "name": "mcm", "rows": 1, "cols": 2, "gateways": [[0, 0]],
    "chiplet": {"ops_per_s": 8.0, "j_per_op": 0.1, "memory_bytes": 6},
    "interposer": {"bit_per_s": 20.0, "latency_s": 0.01, "j_per_bit": 0.01},
    "gateway_link": {"bit_per_s": 10.0, "j_per_bit": 0.02},
}  # fmt: skip


def build(app: dict[str, Any], topology: dict[str, Any] = TOPOLOGY, model: dict[str, Any] = MODEL) -> Instance:
    workload = check_document({"schema_version": "1", "apps": [{"model": "net", **app}]}, Workload)
    instance = instance_of(workload.apps[0], check_document(model, Model), check_document(topology, Topology))
    assert instance is not None
    return instance


def nodes_with(**changes: dict[str, Any]) -> dict[str, Any]:
    topology = copy.deepcopy(TOPOLOGY)
    for node in topology["nodes"]:
        node.update(changes.get(node["name"], {}))
    return topology


def with_package() -> dict[str, Any]:
    wire = {"source": "edge", "target": "mcm", "bit_per_s": 10.0, "j_per_bit": 0.02, "bidirectional": True}
    topology = copy.deepcopy(TOPOLOGY)
    topology["packages"] = [PACKAGE]
    topology["links"].append(wire)
    return topology


def with_profiles() -> tuple[dict[str, Any], dict[str, Any]]:
    model = copy.deepcopy(MODEL)
    model["profiles"] = {
        "h": {
            "b1": {"time_s": 0.5, "energy_j": 0.4}, "b3": {"time_s": 1.0},
            "e1": {"time_s": 0.1, "energy_j": 0.1}, "e3": {"time_s": 0.1},
        }
    }  # fmt: skip
    return nodes_with(edge={"hardware": "h"}), model


def without_links() -> dict[str, Any]:
    return {**TOPOLOGY, "links": []}


def _cases() -> dict[str, Instance]:
    profiled = with_profiles()
    return {
        "no limit": build({}),
        "deadline": build({"max_latency_s": 5.0, "min_accuracy": 0.8}),
        "tight deadline": build({"max_latency_s": 4.0, "min_accuracy": 0.8}),
        "mean": build({"max_latency_s": 3.5, "latency": "mean", "min_accuracy": 0.8}),
        "latency objective": build({"objective": "latency", "max_energy_j": 5.5}),
        "both limits": build({"max_latency_s": 5.45, "max_energy_j": 5.5}),
        "destination": build({"destination": "phone", "max_latency_s": 6.0, "min_accuracy": 0.8}),
        "destination, latency": build(
            {"destination": "phone", "objective": "latency", "max_energy_j": 12.0, "min_accuracy": 0.8}
        ),
        "percentile": build({"latency": "p50", "max_latency_s": 3.0, "min_accuracy": 0.8}),
        "percentile, destination": build(
            {"latency": "p50", "max_latency_s": 4.0, "destination": "phone", "min_accuracy": 0.8}
        ),
        "percentile, destination, latency": build(
            {"latency": "p50", "objective": "latency", "destination": "phone", "min_accuracy": 0.8}
        ),
        "pins": build({"pin": {"b1": ["phone"], "b3": ["edge", "cloud"]}, "max_latency_s": 9.0}),
        "memory": build({}, nodes_with(edge={"memory_bytes": 6}, cloud={"memory_bytes": 5})),
        "rate": build(
            {"rate_per_s": 0.2, "min_accuracy": 0.8},
            nodes_with(edge={"max_utilization": 0.6}, cloud={"max_utilization": 0.1}),
        ),
        "medium": build({"rate_per_s": 0.25, "max_latency_s": 5.0}),
        "profiles": build({"max_latency_s": 4.5}, *profiled),
        "package": build({"max_latency_s": 6.0, "min_accuracy": 0.8}, with_package()),
        "infeasible deadline": build({"max_latency_s": 0.5}),
        "infeasible energy": build({"max_energy_j": 0.5}),
        "infeasible memory": build(
            {"pin": {"b2": ["edge"], "b3": ["edge"]}}, nodes_with(edge={"memory_bytes": 6})
        ),
        "infeasible accuracy": build({"min_accuracy": 0.95}),
        "unreachable": build({"pin": {"b2": ["edge"]}, "min_accuracy": 0.8}, without_links()),
        "alone": build({"min_accuracy": 0.8}, without_links()),
    }  # fmt: skip


CASES = _cases()


@cache
def optimum(case: str) -> float:
    """Least objective of any plan; infinite where there is none."""
    outcome = BruteForce().solve(CASES[case], Options())
    assert outcome.status in {"optimal", "infeasible"}
    return outcome.lower_bound


@cache
def answer(name: str, case: str) -> Outcome[Decision]:
    """What a method says to a case."""
    return method(name).solve(CASES[case], Options())


def test_cases_differ_in_what_they_ask():
    values = {case: optimum(case) for case in CASES}
    without = {case for case, value in values.items() if np.isinf(value)}
    assert without == {case for case in CASES if case.startswith("infeasible")} | {"unreachable"}
    assert len({round(value, 9) for value in values.values() if np.isfinite(value)}) >= 14


def test_unknown_name_is_an_input_error():
    with pytest.raises(InputError, match="no such method"):
        method("magic")


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("case", CASES)
class TestConformance:
    """What every method promises, whatever it knows of the problem."""

    def test_name(self, name: str, case: str):
        found = method(name)
        assert found.name == name
        assert found.description

    def test_decision_keeps_limits_and_pins(self, name: str, case: str):
        instance = CASES[case]
        decision = answer(name, case).plan
        if decision is None:
            return
        assert within_limits(instance, evaluate(instance, decision))
        assert len(decision.nodes) == instance.points.depth[decision.point]
        assert instance.allowed[np.arange(len(decision.nodes)), list(decision.nodes)].all()
        ends = [(way[0], way[-1]) for way in decision.transfers]
        assert ends == list(zip((instance.source, *decision.nodes[:-1]), decision.nodes, strict=True))
        for head, way in decision.results.items():
            block = instance.points.exit_block[head]
            assert (way[0], way[-1]) == (decision.nodes[block], instance.destination)

    def test_results_reach_the_destination(self, name: str, case: str):
        instance = CASES[case]
        decision = answer(name, case).plan
        if decision is not None and instance.destination is not None:
            used = np.flatnonzero(instance.points.fraction[decision.point] > 0)
            assert set(decision.results) == set(used.tolist())

    def test_bound_holds(self, name: str, case: str):
        instance = CASES[case]
        outcome = answer(name, case)
        assert outcome.lower_bound <= optimum(case) * (1 + 1e-9)
        if outcome.plan is not None:
            value = objective_of(instance, evaluate(instance, outcome.plan))
            assert outcome.lower_bound <= value
            assert value >= optimum(case) * (1 - 1e-9)

    def test_status_is_true(self, name: str, case: str):
        instance = CASES[case]
        outcome = answer(name, case)
        assert (outcome.plan is not None) == (outcome.status in {"optimal", "feasible"})
        if outcome.status == "optimal":
            value = objective_of(instance, evaluate(instance, outcome.plan))
            assert value == pytest.approx(optimum(case), rel=EQUAL)
        if outcome.status == "infeasible":
            assert np.isinf(optimum(case))
            assert np.isinf(outcome.lower_bound)
        if outcome.status == "unknown":
            assert outcome.termination.detail

    def test_proving_methods_prove(self, name: str, case: str):
        if name in PROVING:
            outcome = answer(name, case)
            assert outcome.status == ("infeasible" if np.isinf(optimum(case)) else "optimal")

    def test_same_decision_twice(self, name: str, case: str):
        first, second = answer(name, case), method(name).solve(CASES[case], Options())
        assert first.plan == second.plan
        assert (first.status, first.lower_bound) == (second.status, second.lower_bound)


@pytest.mark.parametrize("name", ["gamma", "mcp", "source-only", "edge-only", "cloud-only", "neurosurgeon"])
class TestHeuristics:
    """What the methods that prove nothing say when they find nothing."""

    def test_infeasible_where_the_feasible_graph_is_empty(self, name: str):
        for case in ("infeasible deadline", "infeasible energy", "infeasible accuracy", "unreachable"):
            assert answer(name, case).status == "infeasible"

    def test_what_the_graph_cannot_see_stays_unknown(self, name: str):
        assert answer(name, "infeasible memory").status == "unknown"

    def test_time_limit_is_named(self, name: str):
        outcome = method(name).solve(CASES["no limit"], Options(time_limit_s=0.0))
        assert (outcome.status, outcome.termination.detail) == ("unknown", "the time limit came before a plan")


def test_a_tier_that_is_not_there_is_named():
    topology = {**TOPOLOGY, "nodes": TOPOLOGY["nodes"][:1], "links": []}
    for tier in ("edge", "cloud"):
        outcome = method(f"{tier}-only").solve(build({}, topology), Options())
        assert (outcome.status, outcome.termination.detail) == ("unknown", f"the topology has no {tier} node")


def test_chiplets_do_not_count_as_edge():
    topology = with_package()
    topology["nodes"][1]["tier"] = "cloud"
    outcome = method("edge-only").solve(build({}, topology), Options())
    assert outcome.termination.detail == "the topology has no edge node"
