"""Metrics of several apps together, as limits and as the objective, against cone programs of all combinations."""

from __future__ import annotations

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

from planner.clear.method import JOINT_METHODS
from planner.clear.problem.instance import build_joint
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options
from planner.pipeline.request import JointRequest
from planner.pipeline.several_apps import solve_joint
from planner.schemas import Placement

SEEDS = st.integers(0, 2**32)
FEW = generated(6, 60)
SLACK = 2e-6


def metric_case(seed: int) -> Case:
    """Draw a case with one or two metrics, some of them limited around what apps take."""
    r = Random(seed)
    case = random_case(r, most_nodes=3)
    names = [node["name"] for node in case.topology["nodes"]]
    metrics = [
        {
            "name": name,
            "unit": "USD",
            "nodes": {
                node: {key: r.choice([0.5, 1.0, r.uniform(0, 2)]) for key in ("per_s", "per_j") if r.random() < 0.7}
                for node in names
                if r.random() < 0.7
            },
            "links": [
                {"source": link["source"], "target": link["target"], "per_bit": r.choice([0.1, r.uniform(0, 1)])}
                for link in case.topology["links"]
                if r.random() < 0.5
            ],
        }
        for name in ("cost", "carbon")[: r.randint(1, 2)]
    ]
    topology = {**case.topology, "metrics": metrics}
    shared = joint_choices.places(topology)
    apps = []
    for app, model in case.apps:
        limits: dict[str, float] = {}
        takes = [choice.metrics for choice in joint_choices.choices(app, model, topology)]
        for metric in metrics:
            if takes and r.random() < 0.5:
                dynamic, static, carried = r.choice(takes)[metric["name"]]
                limits[metric["name"]] = r.choice([0.0, 1.0, 1.0, 1.3]) * float(
                    ((dynamic * shared.fastest + static).sum() + carried) / app["rate_per_s"]
                )
        apps.append(({**app, "limits": limits}, model))
    return Case(topology, tuple(apps))


def answer(case: Case, objective: str, method: str = "auto") -> Placement:
    """Plan a case, verified."""
    topology, apps = case.documents()
    return solve_joint(JointRequest(apps, topology, method, Options(), objective=objective))


def given_up(search: Any, *arguments: Any) -> float:
    try:
        found = search(*arguments)
    except joint_oracle.GaveUpError:
        assume(False)
        raise
    return float(found if isinstance(found, float) else found.power_w)


def agrees(placement: Placement, least: float, heuristic: bool = False) -> bool:
    """Tell whether an answer agrees with the optimum of every combination; a heuristic may find no plan."""
    if placement.status == "infeasible":
        return bool(np.isinf(least))
    certificate, value = placement.certificate, placement.objective_value
    if certificate is None or certificate.lower_bound is None:
        return False
    if certificate.lower_bound > least * (1.0 + SLACK) + 1e-12:
        return False
    if value is None:
        return heuristic or bool(np.isinf(least))
    if placement.status == "optimal" and value != pytest.approx(least, rel=2 * SLACK, abs=1e-9):
        return False
    return value >= least * (1.0 - SLACK) - 1e-9


@pytest.mark.slow
@generated_against_oracle(6)
@given(SEEDS)
def test_power_within_limits_of_metrics(seed: int) -> None:
    case = metric_case(seed)
    placement = answer(case, "power")
    assert agrees(placement, given_up(joint_oracle.optimum, case.apps, case.topology))


@pytest.mark.slow
@generated_against_oracle(6)
@given(SEEDS)
def test_a_metric_is_minimised(seed: int) -> None:
    case = metric_case(seed)
    name = case.topology["metrics"][0]["name"]
    placement = answer(case, name)
    assert agrees(placement, given_up(joint_oracle.optimum_of_metric, case.apps, case.topology, name))


@pytest.mark.slow
@FEW
@given(SEEDS, st.sampled_from([name for name in JOINT_METHODS if name != "clear"]))
def test_no_baseline_is_below_the_optimum_or_breaks_a_limit(seed: int, method: str) -> None:
    case = metric_case(seed)
    name = case.topology["metrics"][0]["name"]
    least = given_up(joint_oracle.optimum_of_metric, case.apps, case.topology, name)
    assert agrees(answer(case, name, method), least, heuristic=True)


def test_the_joint_instance_knows_only_objectives_that_are_there() -> None:
    topology, apps = metric_case(1).documents()
    with pytest.raises(Exception, match="the topology defines no metric of this name"):
        build_joint(apps, build_network(*expand(topology)), objective="money")
