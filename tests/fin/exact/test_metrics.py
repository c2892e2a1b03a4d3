"""Metrics as limits and as the objective: the exact method against enumeration, and before the verifier."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from cases import instance_of
from enumerated import check_enumerated, value_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from metric_cases import random_metric_case
from profiles import against_oracle

from planner.fin.bounds.cutting_planes import bounds_of_several
from planner.fin.exact.method import Exact
from planner.fin.graph.extended import build_extended
from planner.fin.graph.feasible import build_feasible
from planner.fin.method import Options
from planner.fin.methods.integer_program import IntegerProgram
from planner.pipeline.placement import placement_of
from planner.schemas import App, Model, Provenance, Topology, check_document
from planner.verifier.verify import verify

ORACLE_EXAMPLES = against_oracle(100)


@settings(max_examples=ORACLE_EXAMPLES)
@given(st.randoms(use_true_random=False))
def test_exact_equals_enumeration(random: Random) -> None:
    instance = instance_of(*random_metric_case(random))
    assume(instance is not None)
    assert instance is not None
    check_enumerated(instance, Exact().solve(instance, Options()))


@given(st.randoms(use_true_random=False))
def test_every_plan_stands_before_the_verifier(random: Random) -> None:
    app, model, topology = random_metric_case(random, most_nodes=5, most_blocks=6)
    instance = instance_of(app, model, topology)
    assume(instance is not None)
    assert instance is not None
    outcome = Exact().solve(instance, Options())
    if outcome.plan is None:
        assert outcome.status == "infeasible"
        return
    placement = placement_of(instance, outcome, Provenance(planner="test", method="exact"), 0.0, None)
    assert verify(placement, topology, [(app, model)]) == []


@settings(max_examples=ORACLE_EXAMPLES)
@given(st.randoms(use_true_random=False))
def test_exact_equals_integer_programming(random: Random) -> None:
    instance = instance_of(*random_metric_case(random, most_nodes=4, most_blocks=5))
    assume(instance is not None)
    assert instance is not None
    exact, program = Exact().solve(instance, Options()), IntegerProgram().solve(instance, Options())
    assert program.status == exact.status
    assert value_of(instance, exact) == pytest.approx(value_of(instance, program), rel=1e-6, abs=1e-9)


def test_limits_that_no_mixture_keeps_together_are_proved_by_multipliers() -> None:
    """Ten blocks on two nodes: either limit leaves five blocks to one node, both together leave too few places."""
    nodes = [{"name": f"n{i}", "ops_per_s": 1.0, "j_per_op": 1.0} for i in range(2)]
    metrics = [
        {"name": f"m{i}", "unit": "u", "nodes": {f"n{i}": {"per_j": 1.0}, f"n{1 - i}": {"per_j": 0.0}}}
        for i in range(2)
    ]
    blocks = [{"name": f"b{i}", "ops": 1.0, "output_bits": 1.0} for i in range(10)]
    model = {
        "schema_version": "1", "name": "m", "input_bits": 1.0, "blocks": blocks,
        "exits": [{"name": "e", "after": "b9"}],
        "operating_points": [{"name": "k", "exit_fractions": {"e": 1.0}, "accuracy": 0.9}],
    }  # fmt: skip
    links = [{"source": "n0", "target": "n1", "bit_per_s": 1e9, "bidirectional": True}]
    topology = {"schema_version": "1", "name": "t", "nodes": nodes, "links": links, "metrics": metrics}
    for most, status in ((4.9, "infeasible"), (5.0, "optimal")):
        app = App(model="m", source="n0", limits={"m0": most, "m1": most})
        instance = instance_of(app, check_document(model, Model), check_document(topology, Topology))
        assert instance is not None
        feasible = build_feasible(build_extended(instance), instance.network)
        assert np.isinf(bounds_of_several(feasible).lower_bound).all() == (status == "infeasible")
        assert Exact().solve(instance, Options()).status == status
