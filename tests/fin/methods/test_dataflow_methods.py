"""Networks that are no chains: other methods, and other ways of counting, against the exact search."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import networkx as nx
import pytest
from cases import instance_of
from dataflow_cases import random_dataflow_case
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import against_oracle

from planner.fin.deadline import Deadline
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import Decision, evaluate, objective_of, within_limits
from planner.fin.instance.instance import Instance
from planner.fin.maximise.rate import LargestRate
from planner.fin.method import Options, method
from planner.fin.methods import program_size
from planner.fin.methods.enumeration import decisions
from planner.fin.methods.integer_program import IntegerProgram
from planner.fin.methods.single_cut import Neurosurgeon, SourceOnly
from planner.schemas import App, InputError, Model, Topology, check_document


def _value(instance: Instance, plan: Decision | None) -> float | None:
    return None if plan is None else objective_of(instance, evaluate(instance, plan))


@settings(max_examples=against_oracle(100))
@given(seed=st.integers(0, 10**9))
def test_the_integer_program_agrees(seed):
    instance = instance_of(*random_dataflow_case(Random(seed)))
    if instance is None or instance.points.count == 0:
        return
    program, found = IntegerProgram().solve(instance, Options()), Exact().solve(instance, Options())
    if program.termination.reason == "numerical":  # the solver failed, and says so
        return
    assert program.status == found.status
    if found.plan is not None:
        assert _value(instance, program.plan) == pytest.approx(_value(instance, found.plan), rel=1e-6, abs=1e-12)


@settings(max_examples=against_oracle(25))
@given(seed=st.integers(0, 10**9))
def test_the_largest_rate_is_that_of_bisection(seed):
    """What small programs find, and what bisection finds where networks are too large for these."""
    instance = instance_of(*random_dataflow_case(Random(seed)))
    if instance is None or instance.points.count == 0 or instance.is_plain:
        return
    instance = replace(instance, minimise="rate")
    found = LargestRate().solve(instance, Options())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program_size, "SMALL", 0)
        bisected = LargestRate().solve(instance, Options())
    assert found.status == bisected.status
    if found.plan is not None and bisected.plan is not None:
        assert _value(instance, found.plan) == pytest.approx(_value(instance, bisected.plan), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_baselines_are_the_best_of_what_they_allow(seed):
    instance = instance_of(*random_dataflow_case(Random(seed)))
    if instance is None or instance.points.count == 0 or instance.is_plain:
        return
    plans = [each for each in decisions(instance, 100_000, Deadline()) if _holds(instance, each)]
    whole = [each for each in plans if set(each.nodes) == {instance.source}]
    cut = [each for each in plans if _is_cut(instance, each.nodes)]
    for baseline, allowed in ((SourceOnly(), whole), (Neurosurgeon(), cut)):
        best = min((objective_of(instance, evaluate(instance, each)) for each in allowed), default=None)
        found = baseline.solve(instance, Options())
        if best is None:
            assert found.plan is None
        else:
            assert _value(instance, found.plan) == pytest.approx(best, rel=1e-8)


def _holds(instance: Instance, plan: Decision) -> bool:
    return within_limits(instance, evaluate(instance, plan))


def _is_cut(instance: Instance, nodes: tuple[int, ...]) -> bool:
    return any(set(nodes[:cut]) <= {instance.source} and len(set(nodes[cut:])) <= 1 for cut in range(len(nodes) + 1))


@pytest.mark.parametrize("name", ["gamma", "mcp"])
def test_a_method_for_chains_refuses_in_one_message(name):
    models = (_random_network(Random(seed)) for seed in range(100))
    instance = next(each for each in (_instance(*pair) for pair in models) if not each.is_plain)
    with pytest.raises(InputError, match="does not know inputs of blocks") as caught:
        method(name).solve(instance, Options())
    assert len(caught.value.problems) == 1


def _random_network(r: Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a network of random skips and two nodes with links both ways; no exits, no limits."""
    count = r.randint(2, 9)
    blocks: list[dict[str, Any]] = []
    for index in range(count):
        names = ["input", *(block["name"] for block in blocks)]
        chosen = {names[-1], *r.sample(names, r.randint(0, min(2, len(names))))}
        blocks.append(
            {
                "name": f"b{index}",
                "ops": r.uniform(1, 9),
                "output_bits": r.uniform(0, 9),
                "inputs": [{"block": name} for name in sorted(chosen)],
            }
        )
    model = {"schema_version": "1", "name": "m", "input_bits": r.uniform(0, 5), "blocks": blocks}
    nodes = [{"name": name, "ops_per_s": 1.0, "j_per_op": r.uniform(0.1, 2)} for name in ("s", "t")]
    links = [
        {"source": a, "target": b, "bit_per_s": 1.0, "j_per_bit": r.uniform(0, 1)} for a, b in (("s", "t"), ("t", "s"))
    ]
    return model, {"schema_version": "1", "name": "t", "nodes": nodes, "links": links}


def _instance(model: dict[str, Any], topology: dict[str, Any]) -> Instance:
    app = App(model="m", source="s")
    found = instance_of(app, check_document(model, Model), check_document(topology, Topology))
    assert found is not None
    return found


def _least_cut(model: dict[str, Any], topology: dict[str, Any]) -> float:
    """Return the least energy on two nodes as a minimum cut, every tensor counted once (as DADS does, INFOCOM 2019)."""
    here, there = (node["j_per_op"] for node in topology["nodes"])
    up, down = (link["j_per_bit"] for link in topology["links"])
    sizes = {block["name"]: block["output_bits"] for block in model["blocks"]} | {"input": model["input_bits"]}
    graph = nx.DiGraph()
    for block in model["blocks"]:
        graph.add_edge(block["name"], "T", capacity=here * block["ops"])
        graph.add_edge("S", block["name"], capacity=there * block["ops"])
        for read in block["inputs"]:
            tensor = read["block"]
            maker = "S" if tensor == "input" else tensor
            graph.add_edge(maker, ("up", tensor), capacity=up * sizes[tensor])
            graph.add_edge(("up", tensor), block["name"])  # without a capacity: infinite
            graph.add_edge(block["name"], ("down", tensor))
            graph.add_edge(("down", tensor), maker, capacity=down * sizes[tensor])
    return float(nx.minimum_cut_value(graph, "S", "T"))


@given(seed=st.integers(0, 10**9))
def test_on_two_nodes_the_optimum_is_a_minimum_cut(seed):
    model, topology = _random_network(Random(seed))
    instance = _instance(model, topology)
    assert _value(instance, Exact().solve(instance, Options()).plan) == pytest.approx(_least_cut(model, topology))


@given(seed=st.integers(0, 10**9))
def test_carrying_everything_along_is_never_better(seed):
    model, topology = _random_network(Random(seed))
    blocks = model["blocks"]
    chain = []
    for index, block in enumerate(blocks):
        crossing = {
            read["block"]
            for later in blocks[index + 1 :]
            for read in later["inputs"]
            if read["block"] == "input" or int(read["block"][1:]) <= index
        }
        sizes = {each["name"]: each["output_bits"] for each in blocks} | {"input": model["input_bits"]}
        chain.append({"name": block["name"], "ops": block["ops"], "output_bits": sum(sizes[name] for name in crossing)})
    along = _instance({**model, "blocks": chain}, topology)
    instance = _instance(model, topology)
    best, carried = (_value(each, Exact().solve(each, Options()).plan) for each in (instance, along))
    assert best is not None
    assert carried is not None
    assert best <= carried * (1.0 + 1e-9)
