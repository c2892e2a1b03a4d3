"""The verifier on metrics: what methods report stands, and fifty corruptions of each kind do not."""

from __future__ import annotations

from functools import cache
from itertools import count
from random import Random
from typing import Any

import pytest
from cases import instance_of
from hypothesis import assume, given
from hypothesis import strategies as st
from metric_cases import random_metric_case

from planner.fin.method import Options
from planner.fin.methods.enumeration import BruteForce
from planner.pipeline.placement import placement_of
from planner.schemas import App, Model, Placement, Provenance, Topology
from planner.verifier.verify import verify

Case = tuple[Placement, Topology, App, Model]


def planned(random: Random) -> Case | None:
    """Return a random problem with metrics and the best of the first 200 placements; None where it has none."""
    app, model, topology = random_metric_case(random)
    instance = instance_of(app, model, topology)
    outcome = None if instance is None else BruteForce(200).solve(instance, Options())
    if instance is None or outcome is None or outcome.plan is None:
        return None
    return placement_of(instance, outcome, Provenance(planner="t", method="brute"), 0.0, None), topology, app, model


@cache
def planned_of(seed: int) -> Case | None:
    """Return the case of a seed, which corruptions of all kinds share."""
    return planned(Random(seed))


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
def test_enumerated_plans_stand(random: Random) -> None:
    case = planned(random)
    assume(case is not None)
    assert case is not None
    placement, topology, app, model = case
    assert verify(placement, topology, [(app, model)], gap=1.0) == []


def corrupted(r: Random, case: Case, kind: str) -> tuple[str, Placement, App] | None:
    """Return a placement (or a request) with one mistake in a metric, and the part of it that is wrong.

    None where the placement offers no such mistake.
    """
    placement, topology, app, _ = case
    name = r.choice([metric.name for metric in topology.metrics])
    plan = placement.apps[0]
    value = plan.metrics[name]
    changed: dict[str, Any]
    if kind == "limit":
        if value == 0.0:
            return None
        return f"limits.{name}", placement, app.model_copy(update={"limits": {name: value * r.uniform(0.2, 0.999)}})
    if kind == "objective":
        proof = placement.certificate
        assert proof is not None
        wrong = "latency_s" if app.objective != "latency" else name
        changed = {"certificate": proof.model_copy(update={"objective": wrong})}
        return "certificate.objective", placement.model_copy(update=changed), app
    if kind == "unit":
        return "metric_units", placement.model_copy(update={"metric_units": {name: "EUR"}}), app
    if kind == "total":
        total = placement.total
        assert total is not None
        changed = {
            "total": total.model_copy(update={"metrics": {**total.metrics, name: total.metrics[name] * 1.01 + 1e-6}})
        }
        return f"total.metrics.{name}", placement.model_copy(update=changed), app
    metrics = dict(plan.metrics)
    if kind == "missing":
        del metrics[name]
    elif kind == "unknown":
        name = "karma"
        metrics[name] = 1.0
    else:
        metrics[name] = value * r.choice([0.99, 1.01]) + 1e-6
    changed = {"apps": (plan.model_copy(update={"metrics": metrics}),)}
    return f"metrics.{name}", placement.model_copy(update=changed), app


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plan", "total", "missing", "unknown", "unit", "limit", "objective"])
def test_corrupted_metrics_are_rejected(kind: str) -> None:
    random, rejected = Random(kind), 0
    for seed in count():
        case = planned_of(seed)
        wrong = None if case is None else corrupted(random, case, kind)
        if case is not None and wrong is not None:
            where, placement, app = wrong
            found = verify(placement, case[1], [(app, case[3])], gap=1.0)
            assert where in {violation.what for violation in found}
            rejected += 1
        if rejected == 50:
            break
