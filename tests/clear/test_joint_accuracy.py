"""Largest mean accuracy of several apps, against the feasibility of every choice of operating points."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import joint_choices
import joint_oracle
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from joint_cases import Case, random_case
from profiles import generated, generated_against_oracle

from planner.clear.method import joint_methods_of
from planner.fin.method import Options
from planner.pipeline.request import JointRequest
from planner.pipeline.several_apps import solve_joint
from planner.schemas import Placement

SEEDS = st.integers(0, 2**32)
FEW = generated(6, 60)
SLACK = 1e-6


def accuracy_case(seed: int) -> Case:
    """Draw a case whose apps are tight, most of them without a least accuracy."""
    r = Random(seed)
    case = random_case(r, most_nodes=3)
    while max(len(model["operating_points"]) for _, model in case.apps) == 1:
        case = random_case(r, most_nodes=3)
    apps = []
    for given_app, model in case.apps:
        app = {key: value for key, value in given_app.items() if key != "min_accuracy" or r.random() < 0.2}
        quickest = [least_alone(app, model, case.topology, point) for point in model["operating_points"]]
        if r.random() < 0.8:  # some points are too slow, the more accurate ones
            low, high = min(quickest), max(quickest)
            app["max_latency_s"] = max(r.uniform(low, high) if high > 1.1 * low else 2.0 * low, 1e-3)
        order = sorted(range(len(quickest)), key=lambda number: quickest[number])
        accuracies = sorted(point["accuracy"] for point in model["operating_points"])
        points = [dict(point) for point in model["operating_points"]]
        for number, accuracy in zip(order, accuracies, strict=True):
            points[number]["accuracy"] = accuracy
        apps.append((app, {**model, "operating_points": points}))
    return Case(case.topology, tuple(apps))


def least_alone(app: dict[str, Any], model: dict[str, Any], topology: dict[str, Any], point: dict[str, Any]) -> float:
    """Return the least latency of an app alone at one operating point."""
    one = {**model, "operating_points": [point]}
    found = joint_choices.choices({**app, "min_accuracy": 0.0}, one, topology)
    shared = joint_choices.places(topology)
    return min((joint_choices.least_latency(choice, shared) for choice in found), default=1.0)


def best(case: Case) -> float:
    """Return the largest mean accuracy of all plans; -inf where there is none."""
    shared = joint_choices.places(case.topology)
    rates = [app["rate_per_s"] for app, _ in case.apps]
    options = []
    for app, model in case.apps:
        own = []
        for point in model["operating_points"]:
            if point["accuracy"] >= app.get("min_accuracy", 0.0) - 1e-9:
                one = {**model, "operating_points": [point]}
                own.append((point["accuracy"], joint_choices.choices({**app, "min_accuracy": 0.0}, one, case.topology)))
        options.append(own)
    means = [
        (float(np.average([accuracy for accuracy, _ in chosen], weights=rates)), number, chosen)
        for number, chosen in enumerate(product(*options))
    ]
    try:
        for mean, _, chosen in sorted(means, key=lambda row: (-row[0], row[1])):
            found = joint_oracle.best_of([choices for _, choices in chosen], shared)
            if np.isfinite(found.power_w):
                return mean
    except joint_oracle.GaveUpError:
        assume(False)
    return -np.inf


def answer(case: Case, method: str = "auto") -> Placement:
    """Plan a case, verified."""
    topology, apps = case.documents()
    return solve_joint(JointRequest(apps, topology, method, Options(), objective="accuracy"))


@pytest.mark.slow
@generated_against_oracle(6)
@given(SEEDS)
def test_the_most_accurate_plan_is_found_and_proved(seed: int) -> None:
    case = accuracy_case(seed)
    placement, most = answer(case), best(case)
    if placement.total is None:
        assert placement.status == "infeasible"
        assert np.isinf(most)
        return
    assert placement.certificate is not None
    assert placement.certificate.upper_bound is not None
    assert placement.certificate.upper_bound >= most * (1.0 - SLACK)
    assert placement.total.mean_accuracy == pytest.approx(most, rel=SLACK)
    assert placement.certificate.upper_bound == pytest.approx(most, rel=10 * SLACK)


@pytest.mark.slow
@FEW
@given(SEEDS, st.sampled_from([name for name in joint_methods_of("accuracy") if name != "clear"]))
def test_no_baseline_exceeds_the_optimum_nor_bounds_it_below(seed: int, method: str) -> None:
    case = accuracy_case(seed)
    placement, most = answer(case, method), best(case)
    if placement.status == "infeasible":
        assert np.isinf(most)
        return
    assert placement.certificate is not None
    assert placement.certificate.upper_bound is not None
    assert placement.certificate.upper_bound >= most * (1.0 - SLACK)
    if placement.total is not None:
        assert placement.total.mean_accuracy is not None
        assert placement.total.mean_accuracy <= most * (1.0 + SLACK)


@pytest.mark.parametrize("seed", range(4))
def test_of_plans_as_accurate_one_of_least_power_is_given(seed: int) -> None:
    """With each app's accuracy as its least one, the objective power finds no plan of less."""
    case = accuracy_case(seed)
    topology, apps = case.documents()
    placement = answer(case)
    reached = {one.name: one.accuracy for one in placement.apps}
    limited = [(app.model_copy(update={"min_accuracy": reached.get(app.name)}), model) for app, model in apps]
    again = solve_joint(JointRequest(tuple(limited), topology, "auto", Options()))
    assert (placement.total is None) == (again.total is None)
    if placement.total is not None and again.total is not None:
        assert placement.total.power_w == pytest.approx(again.total.power_w, rel=1e-3)
