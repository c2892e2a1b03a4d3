"""Joint plans of every objective, all features mixed, against an integer program over all choices of all apps."""

from __future__ import annotations

from random import Random

import joint_choices
import joint_integer
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from joint_cases import Case
from joint_programs import GaveUpError
from joint_variant_cases import mixed_case
from profiles import generated_against_oracle

from planner.fin.method import Options
from planner.pipeline.request import JointRequest
from planner.pipeline.several_apps import solve_joint
from planner.schemas import Placement

SEEDS = st.integers(0, 2**32)
SLACK = 3e-6


def answer(case: Case, objective: str) -> Placement:
    """Plan a case, verified."""
    topology, apps = case.documents()
    return solve_joint(JointRequest(apps, topology, "auto", Options(), objective=objective))


def least(case: Case, objective: str) -> float:
    """Return the least value of an objective."""
    shared = joint_choices.places(case.topology)
    try:
        return joint_integer.least_value(
            [joint_choices.choices(app, models, case.topology) for app, models in case.apps], shared, objective
        )
    except GaveUpError:
        assume(False)
        raise


def largest_accuracy(case: Case) -> float:
    """Return the largest mean accuracy, weighted by rates."""
    rates = np.array([app["rate_per_s"] for app, _ in case.apps])
    by_app = []
    for (app, models), weight in zip(case.apps, (rates / rates.sum()).tolist(), strict=True):
        some = [models] if isinstance(models, dict) else models
        asked = app.get("min_accuracy", 0.0)
        own = []
        for model in some:
            for point in model["operating_points"]:
                if point["accuracy"] >= asked - 1e-9:
                    one = {**model, "operating_points": [point]}
                    found = joint_choices.choices({**app, "min_accuracy": 0.0}, one, case.topology)
                    own += [(weight * point["accuracy"], choice) for choice in found]
        by_app.append(own)
    try:
        return joint_integer.largest_accuracy(by_app, joint_choices.places(case.topology))
    except GaveUpError:
        assume(False)
        raise


def check(placement: Placement, optimum: float, largest: bool = False) -> None:
    """Hold an answer against the optimum: the objective's value, its bound, and that it is proved."""
    if np.isinf(optimum):
        assert placement.status == "infeasible"
        return
    assert placement.certificate is not None
    bound = placement.certificate.upper_bound if largest else placement.certificate.lower_bound
    assert placement.status == "optimal"
    assert placement.objective_value == pytest.approx(optimum, rel=10 * SLACK, abs=1e-8)
    assert bound is not None
    assert bound >= optimum * (1.0 - SLACK) if largest else bound <= optimum * (1.0 + SLACK) + 1e-8


@pytest.mark.slow
@generated_against_oracle(3)
@given(SEEDS)
def test_the_least_power_is_that_of_the_integer_program(seed: int) -> None:
    case = mixed_case(seed)
    check(answer(case, "power"), least(case, "power"))


@pytest.mark.slow
@generated_against_oracle(3)
@example(3255)  # a column holds a part of what apps share, and the whole of it where no other app does
@given(SEEDS)
def test_the_least_factor_is_that_of_the_integer_program(seed: int) -> None:
    case = mixed_case(seed)
    for app, _ in case.apps:
        app.setdefault("max_latency_s", Random(seed).choice([3.0, 30.0]))
    check(answer(case, "latency"), least(case, "latency"))


@pytest.mark.slow
@generated_against_oracle(3)
@example(10849)  # no speed changes what plans cost, and plans cost little
@given(SEEDS)
def test_the_least_metric_is_that_of_the_integer_program(seed: int) -> None:
    case = mixed_case(seed)
    name = case.topology["metrics"][0]["name"]
    check(answer(case, name), least(case, name))


@pytest.mark.slow
@generated_against_oracle(3)
@given(SEEDS)
def test_the_largest_accuracy_is_that_of_the_integer_program(seed: int) -> None:
    case = mixed_case(seed)
    for app, _ in case.apps[seed % 2 :]:
        app.pop("min_accuracy", None)
    check(answer(case, "accuracy"), largest_accuracy(case), largest=True)
