"""The limit on the number of nodes in use: exact search, integer program and verifier against enumeration."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest
from cases import instance_of, random_case
from dataflow_cases import random_dataflow_case
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import against_oracle

from planner.fin.diagnosis.diagnose import diagnose
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate, objective_of
from planner.fin.method import Options
from planner.fin.methods.enumeration import BruteForce
from planner.fin.methods.integer_program import IntegerProgram
from planner.fin.path_resources.interface import PathLimits
from planner.pipeline.placement import placement_of
from planner.schemas import App, Provenance
from planner.schemas.planning.workload import LIMITED_FIGURES
from planner.verifier.verify import verify

MOST_PLANS = 1_500


@settings(max_examples=against_oracle(60))
@given(st.randoms(use_true_random=False), st.integers(1, 3), st.booleans())
def test_exact_and_ilp_equal_enumeration_and_stand(random: Random, most: int, skips: bool) -> None:
    app, model, topology = (random_dataflow_case if skips else random_case)(random, most_nodes=4)
    app = app.model_copy(update={"max_nodes": most})
    instance = instance_of(app, model, topology)
    if instance is None:
        return
    enumerated = BruteForce(MOST_PLANS).solve(instance, Options())
    if enumerated.status not in ("optimal", "infeasible"):
        return
    for method in (Exact(), IntegerProgram()):
        found = method.solve(instance, Options())
        assert found.status == enumerated.status, method.name
        if found.plan is None or enumerated.plan is None:
            continue
        assert len(set(found.plan.nodes)) <= most
        best = objective_of(instance, evaluate(instance, enumerated.plan))
        value = objective_of(instance, evaluate(instance, found.plan))
        assert value == pytest.approx(best, rel=1e-7, abs=1e-12), method.name
        assert found.lower_bound <= value * (1 + 1e-9)
        placement = placement_of(instance, found, Provenance(planner="test", method=method.name), 0.0, None)
        assert verify(placement, topology, [(app, model)]) == []
        used = len({row.node for row in placement.apps[0].assignments})
        if used > 1:
            stricter = app.model_copy(update={"max_nodes": used - 1})
            assert "max_nodes" in {row.what for row in verify(placement, topology, [(stricter, model)])}


@given(st.randoms(use_true_random=False))
def test_the_diagnosis_tells_the_least_number_of_nodes(random: Random) -> None:
    app, model, topology = random_case(random, most_nodes=4)
    one = instance_of(app.model_copy(update={"max_nodes": 1}), model, topology)
    if one is None or Exact().solve(one, Options()).status != "infeasible":
        return
    least = next(
        (most for most in (2, 3, 4) if Exact().solve(one.limited("nodes", most), Options()).plan is not None), None
    )
    everywhere = instance_of(app.model_copy(update={"max_nodes": 1, "min_accuracy": 0.0}), model, topology)
    assert everywhere is not None
    rows = [row for row in diagnose(one, everywhere, one.allowed).limits if row.kind == "nodes"]
    if least is not None:
        assert [(row.demand, row.best) for row in rows] == [(1.0, least)]


def test_labels_count_every_node_once() -> None:
    """States after all sequences of nodes, against sets."""
    random = Random(1)
    case = None
    while case is None or case.network.size < 3:
        app, model, topology = random_case(random, most_nodes=4)
        case = instance_of(app.model_copy(update={"max_nodes": 2}), model, topology)
    limits = PathLimits.of(case)
    assert limits is not None
    sequences = np.array(list(product(range(3), repeat=3)))
    state = np.repeat(limits.start(), len(sequences), axis=0)
    for block in range(3):
        state = limits.entered(
            0, state, sequences[:, block], np.ones(len(sequences), dtype=bool), range(block, block + 1)
        )
    assert limits.within(state).tolist() == [len(set(row)) <= 2 for row in sequences.tolist()]


def test_every_limited_figure_is_a_field_of_apps() -> None:
    assert {row.field for row in LIMITED_FIGURES} <= set(App.model_fields)
