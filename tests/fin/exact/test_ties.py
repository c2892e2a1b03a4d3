"""Ties: of plans with the best objective, exact and brute return the one that further criteria prefer."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from cases import instance_of, random_case
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.exact.method import Exact
from planner.fin.instance.instance import Instance
from planner.fin.instance.ties import Merit, merit_of, preferred
from planner.fin.method import Options
from planner.fin.methods.enumeration import BruteForce
from planner.schemas import App, Model, Topology, check_document

MOST_PLANS = 3_000


def alike(r: Random) -> tuple[App, Model, Topology]:
    """Return a problem of few different figures, so that many plans tie."""
    count, blocks = r.randint(2, 3), r.randint(1, 3)
    nodes = [
        {"name": f"n{i}", "ops_per_s": r.choice([1.0, 2.0]), "j_per_op": r.choice([0.5, 0.5, 1.0])}
        for i in range(count)
    ]
    links = [
        {"source": f"n{i}", "target": f"n{j}", "bit_per_s": r.choice([1.0, 2.0]), "j_per_bit": r.choice([0.0, 0.5])}
        for i in range(count) for j in range(count) if i != j and r.random() < 0.8
    ]  # fmt: skip
    chain = [
        {"name": f"b{i}", "ops": r.choice([1.0, 2.0]), "param_bytes": 0.0, "output_bits": 1.0} for i in range(blocks)
    ]
    points = [{"name": f"k{i}", "exit_fractions": {"e": 1.0}, "accuracy": r.choice([0.7, 0.8, 0.9])} for i in range(2)]
    model = {
        "schema_version": "1", "name": "m", "input_bits": 1.0, "blocks": chain,
        "exits": [{"name": "e", "after": f"b{blocks - 1}"}], "operating_points": points,
    }  # fmt: skip
    app: dict[str, Any] = {"model": "m", "min_accuracy": 0.7, "source": "n0"}
    app["objective"] = r.choice(["energy", "latency"])
    if r.random() < 0.5:
        app["destination"] = f"n{r.randrange(count)}"
    topology = {"schema_version": "1", "name": "t", "nodes": nodes, "links": links}
    return check_document(app, App), check_document(model, Model), check_document(topology, Topology)


def check_merits(instance: Instance) -> None:
    """Compare the merits of both methods' plans."""
    brute = BruteForce(MOST_PLANS).solve(instance, Options())
    if brute.status != "optimal" or brute.plan is None:
        return
    exact = Exact().solve(instance, Options())
    assert exact.plan is not None
    expected, found = merit_of(instance, brute.plan), merit_of(instance, exact.plan)
    assert expected is not None
    assert found is not None
    rows = [(merit.objective, *merit.criteria) for merit in (found, expected)]
    np.testing.assert_allclose(rows[0], rows[1], rtol=1e-8, atol=1e-12)


@given(st.randoms(use_true_random=False))
def test_exact_breaks_ties_as_enumeration_does(random: Random) -> None:
    instance = instance_of(*alike(random))
    assert instance is not None
    check_merits(instance)


@given(st.randoms(use_true_random=False))
def test_exact_breaks_ties_as_enumeration_does_with_every_feature_on(random: Random) -> None:
    if (instance := instance_of(*random_case(random))) is not None:
        check_merits(instance)


def test_criteria_count_in_order_and_within_a_tolerance() -> None:
    plans = [Merit(1.0, (5.0, 0.0)), Merit(1.0 + 1e-10, (4.0, 9.0)), Merit(1.1, (0.0, 0.0)), Merit(1.0, (4.0, 8.0))]
    assert preferred(plans) == 3


@pytest.mark.parametrize("method", [Exact(), BruteForce()])
def test_of_equal_energy_the_fastest_is_planned(method: Exact | BruteForce) -> None:
    """Links and idle hops are free, so moving to and fro costs no energy but time."""
    document = {
        "schema_version": "1", "name": "free", "nodes": [
            {"name": "a", "ops_per_s": 10.0, "j_per_op": 1.0}, {"name": "b", "ops_per_s": 20.0, "j_per_op": 1.0},
        ],
        "links": [{"source": "a", "target": "b", "bit_per_s": 100.0, "bidirectional": True}],
    }  # fmt: skip
    blocks = [{"name": f"l{i}", "ops": 10.0, "param_bytes": 0.0, "output_bits": 10.0} for i in range(3)]
    model = {
        "schema_version": "1", "name": "m", "input_bits": 10.0, "blocks": blocks,
        "exits": [{"name": "e", "after": "l2"}],
        "operating_points": [{"name": "k", "exit_fractions": {"e": 1.0}, "accuracy": 0.9}],
    }  # fmt: skip
    instance = instance_of(App(model="m", source="a"), check_document(model, Model), check_document(document, Topology))
    assert instance is not None
    plan = method.solve(instance, Options()).plan
    assert plan is not None
    assert plan.nodes == (1, 1, 1)
    assert plan.transfers == ((0, 1), (1,), (1,))


def test_an_energy_limit_of_zero_is_met_by_a_plan_of_zero() -> None:
    document = {
        "schema_version": "1", "name": "free", "nodes": [{"name": "a", "ops_per_s": 10.0, "j_per_op": 0.0}],
    }  # fmt: skip
    model = {
        "schema_version": "1", "name": "m", "input_bits": 10.0,
        "blocks": [{"name": "l", "ops": 10.0, "param_bytes": 0.0, "output_bits": 0.0}],
        "exits": [{"name": "e", "after": "l"}],
        "operating_points": [{"name": "k", "exit_fractions": {"e": 1.0}, "accuracy": 0.9}],
    }  # fmt: skip
    app = check_document({"model": "m", "max_energy_j": 0.0}, App)
    instance = instance_of(app, check_document(model, Model), check_document(document, Topology))
    assert instance is not None
    outcome = Exact().solve(instance, Options())
    assert (outcome.status, outcome.lower_bound) == ("optimal", 0.0)
