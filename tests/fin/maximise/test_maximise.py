"""Largest rate and best accuracy against enumeration and integer programs, on random problems and by hand."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from cases import instance_of, random_case
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_cases import random_metric_case
from profiles import against_oracle

from planner.fin.instance.decision import evaluate, within_limits
from planner.fin.instance.instance import Instance
from planner.fin.instance.ties import merit_of
from planner.fin.maximise.rate import LargestRate
from planner.fin.method import Options, method, methods_of
from planner.fin.methods.enumeration import BruteForce
from planner.fin.outcome import Outcome, Termination
from planner.schemas import App, InputError, Model, Topology, check_document

EQUAL = 2e-8


def random_instance(random: Random, objective: str) -> Instance | None:
    app, model, topology = random_case(random)
    return instance_of(app.model_copy(update={"objective": objective}), model, topology)


def value_of(instance: Instance, outcome: Outcome) -> float:
    assert outcome.plan is not None
    evaluation = evaluate(instance, outcome.plan)
    assert within_limits(instance, evaluation)
    return evaluation.figure(instance.minimise)


@pytest.mark.parametrize("objective", ["rate", "accuracy"])
@settings(max_examples=against_oracle(100))
@given(random=st.randoms(use_true_random=False))
def test_exact_equals_enumeration(objective: str, random: Random) -> None:
    """The optimum, its bound, and the plan that further criteria prefer."""
    instance = random_instance(random, objective)
    if instance is None:
        return
    expected = method("brute", objective).solve(instance, Options())
    found = method("exact", objective).solve(instance, Options())
    assert found.status == expected.status
    if found.plan is None or expected.plan is None:
        return
    value = value_of(instance, found)
    assert value == pytest.approx(value_of(instance, expected), rel=EQUAL, abs=1e-12)
    if objective == "rate" and 0.0 < value < 1e-150:  # rates beyond the range of loads tie
        return
    assert found.lower_bound <= value + 1e-9 * abs(value)
    assert found.lower_bound == pytest.approx(value, rel=EQUAL, abs=1e-12)
    merits = [merit_of(instance, plan) for plan in (found.plan, expected.plan)]
    assert merits[0] is not None
    assert merits[1] is not None
    assert merits[0].criteria[0] == pytest.approx(merits[1].criteria[0], rel=EQUAL, abs=1e-12)


@pytest.mark.parametrize("objective", ["rate", "accuracy"])
@settings(max_examples=against_oracle(15))
@given(random=st.randoms(use_true_random=False))
def test_integer_programs_agree(objective: str, random: Random) -> None:
    instance = random_instance(random, objective)
    if instance is None:
        return
    expected = method("brute", objective).solve(instance, Options())
    found = method("ilp", objective).solve(instance, Options())
    assert found.status == expected.status
    if found.plan is not None:
        assert value_of(instance, found) == pytest.approx(value_of(instance, expected), rel=1e-6, abs=1e-9)


class _DropsLabels:
    """An exact search that holds a plan at the least rate, and says nothing of larger ones."""

    name, description = "exact", ""

    def __init__(self) -> None:
        self._asked = 0

    def solve(self, instance: Instance, options: Options) -> Outcome:
        self._asked += 1
        if self._asked == 1:
            return method("exact").solve(instance, options)
        return Outcome("unknown", None, 0.0, Termination.at_limit("size", "labels were dropped"))


@settings(max_examples=30)
@given(random=st.randoms(use_true_random=False))
def test_a_search_that_drops_labels_is_finished_by_programs(random: Random) -> None:
    instance = random_instance(random, "rate")
    if instance is None:
        return
    expected = method("brute", "rate").solve(instance, Options())
    found = LargestRate(_DropsLabels()).solve(instance, Options())
    assert found.status == expected.status
    if found.plan is not None:
        best = value_of(instance, expected)
        assert value_of(instance, found) == pytest.approx(best, rel=1e-6, abs=1e-9)
        assert found.lower_bound <= best * (1.0 + 1e-6) + 1e-9


@pytest.mark.slow
@given(random=st.randoms(use_true_random=False))
def test_splits_are_never_better_and_their_bound_holds(random: Random) -> None:
    instance = random_instance(random, "rate")
    if instance is None:
        return
    expected = method("brute", "rate").solve(instance, Options())
    best = np.inf if expected.plan is None else value_of(instance, expected)
    for name in ("best-split", "by-work", "by-memory"):
        found = method(name, "rate").solve(instance, Options())
        if expected.plan is None:
            assert found.plan is None, name
            continue
        assert found.lower_bound <= best * (1.0 + 1e-9), name
        if found.plan is not None:
            assert value_of(instance, found) >= best * (1.0 - 1e-9), name


def chain(ops: list[float], topology: dict, **app: object) -> Instance:
    blocks = [{"name": f"b{index}", "ops": work, "output_bits": 1.0} for index, work in enumerate(ops)]
    model = check_document({"schema_version": "1", "name": "m", "input_bits": 0.0, "blocks": blocks}, Model)
    parsed = check_document({"schema_version": "1", "name": "t", **topology}, Topology)
    instance = instance_of(App(model="m", objective="rate", **app), model, parsed)
    assert instance is not None
    return instance


def line(count: int, bit_per_s: float) -> dict:
    nodes = [{"name": f"n{index}", "ops_per_s": 1.0, "j_per_op": 1.0} for index in range(count)]
    links = [
        {"source": f"n{index}", "target": f"n{index + 1}", "bit_per_s": bit_per_s, "bidirectional": True}
        for index in range(count - 1)
    ]
    return {"nodes": nodes, "links": links}


def test_a_pipeline_of_equal_nodes() -> None:
    """Three equal nodes and works 3, 1, 2, 2, 1: the best bottleneck is 3."""
    instance = chain([3.0, 1.0, 2.0, 2.0, 1.0], line(3, 1e6))
    for name in methods_of("rate"):
        found = method(name, "rate").solve(instance, Options())
        assert found.plan is not None, name
        if name in ("exact", "ilp", "brute", "best-split"):
            assert value_of(instance, found) == pytest.approx(3.0), name


def test_a_link_is_the_bottleneck() -> None:
    instance = chain([3.0, 3.0], line(2, 0.25))
    found = method("exact", "rate").solve(instance, Options())
    assert value_of(instance, found) == pytest.approx(4.0)


def test_nothing_busy_sustains_any_rate() -> None:
    found = method("exact", "rate").solve(chain([0.0, 0.0], line(2, 1.0)), Options())
    assert (found.status, found.lower_bound) == ("optimal", 0.0)


@pytest.mark.parametrize("name", ["exact", "ilp", "brute"])
def test_where_no_node_may_be_busy_the_plan_of_least_energy_sustains_no_rate(name: str) -> None:
    topology = line(2, 1.0)
    for node, joules in zip(topology["nodes"], (2.0, 1.0), strict=True):
        node |= {"max_utilization": 0.0, "j_per_op": joules}
    instance = chain([1.0], topology)
    found = method(name, "rate").solve(instance, Options(time_limit_s=60.0))
    assert found.status == "optimal"
    assert np.isinf(found.lower_bound)
    assert found.plan is not None
    assert found.plan.nodes == (1,)


def test_a_node_without_room_gives_no_scale_to_the_program() -> None:
    """The block takes 1e-20 s where it has no room, and 1 s on the other node."""
    topology = line(2, 1e6)
    topology["nodes"][0] |= {"memory_bytes": 0.0}
    topology["nodes"][1] |= {"ops_per_s": 1e-20}
    model = {
        "schema_version": "1", "name": "m", "input_bits": 0.0,
        "blocks": [{"name": "b", "ops": 1e-20, "output_bits": 0.0, "param_bytes": 1.0}],
    }  # fmt: skip
    parsed = check_document({"schema_version": "1", "name": "t", **topology}, Topology)
    instance = instance_of(App(model="m", objective="rate"), check_document(model, Model), parsed)
    assert instance is not None
    for name in ("exact", "ilp"):
        found = method(name, "rate").solve(instance, Options())
        assert found.status == "optimal", name
        assert found.lower_bound == pytest.approx(1.0), name


def test_a_node_that_is_hardly_busy_gives_no_scale_to_the_program() -> None:
    """Sending a result takes a second, and computing it next to nothing."""
    topology = line(2, 1.0)
    model = {
        "schema_version": "1", "name": "m", "input_bits": 0.0,
        "blocks": [{"name": "b", "ops": 1e-20, "output_bits": 0.0}],
        "exits": [{"name": "e", "after": "b", "result_bits": 1.0}],
        "operating_points": [{"name": "k", "exit_fractions": {"e": 1.0}, "accuracy": 0.9}],
    }  # fmt: skip
    parsed = check_document({"schema_version": "1", "name": "t", **topology}, Topology)
    app = App(model="m", objective="rate", destination="n1", pin={"b": ("n0",)})
    instance = instance_of(app, check_document(model, Model), parsed)
    assert instance is not None
    for name in ("exact", "ilp"):
        found = method(name, "rate").solve(instance, Options())
        assert found.status == "optimal", name
        assert found.lower_bound == pytest.approx(1.0), name


def test_the_least_rate_is_a_limit() -> None:
    instance = chain([3.0, 3.0], line(2, 1e6), rate_per_s=0.5)
    for name in methods_of("rate"):
        assert method(name, "rate").solve(instance, Options()).plan is None, name
    assert method("exact", "rate").solve(instance, Options()).status == "infeasible"


def test_no_time_leaves_an_honest_answer() -> None:
    found = method("exact", "rate").solve(chain([3.0, 1.0, 2.0], line(3, 1e6)), Options(time_limit_s=0.0))
    assert found.status in ("unknown", "feasible", "optimal")
    assert found.lower_bound <= 3.0


def test_methods_refuse_objectives_that_they_do_not_know() -> None:
    for name, objective in (("gamma", "rate"), ("best-split", "energy"), ("neurosurgeon", "accuracy")):
        with pytest.raises(InputError, match=f"does not know the objective {objective}"):
            method(name, objective)


@pytest.mark.slow
@settings(max_examples=against_oracle(100))
@given(random=st.randoms(use_true_random=False))
def test_rates_within_limits_of_metrics_equal_enumeration(random: Random) -> None:
    app, model, topology = random_metric_case(random)
    instance = instance_of(app.model_copy(update={"objective": "rate"}), model, topology)
    if instance is None or not instance.is_plain:
        return
    expected = BruteForce(1_500).solve(instance, Options())
    if expected.status not in ("optimal", "infeasible"):
        return
    found = method("exact", "rate").solve(instance, Options())
    assert found.status == expected.status
    if found.plan is not None:
        assert value_of(instance, found) == pytest.approx(value_of(instance, expected), rel=EQUAL, abs=1e-12)


def test_a_limit_on_labels_leaves_an_honest_answer() -> None:
    """On twelve equal nodes some rates stay open with few labels: bound and plan are then apart, and both hold."""
    random = Random(3)
    instance = chain([random.uniform(1.0, 9.0) for _ in range(12)], line(12, 1e6))
    best = method("exact", "rate").solve(instance, Options())
    loaded = replace(instance, minimise="energy", rate_per_s=1.0 / value_of(instance, best))
    found = method("exact").solve(loaded, Options(most_labels=1))
    assert found.status in ("optimal", "feasible", "unknown")
    exact = method("exact").solve(loaded, Options())
    assert exact.status == "optimal"
    assert found.lower_bound <= exact.lower_bound * (1.0 + 1e-9)
