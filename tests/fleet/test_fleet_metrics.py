"""Metrics of fleets: limits by class, sums over users, against one program over all plans by other code."""

from __future__ import annotations

from random import Random

import pytest
from fleet_cases import random_fleet
from fleet_oracle import optima
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.pipeline.fleet import plan_fleet
from planner.schemas import Model, Topology, check_document
from planner.schemas.fleets.fleet import Fleet
from planner.schemas.fleets.placement import FleetPlacement


def plan(case: tuple, **options: object) -> FleetPlacement:
    fleet, topology, models = case
    known = {name: check_document(model, Model) for name, model in models.items()}
    return plan_fleet(check_document(fleet, Fleet), check_document(topology, Topology), models=known, **options)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9))
def test_limits_on_metrics_hold_and_the_answer_is_the_optimum(seed: int) -> None:
    case = random_fleet(Random(seed), most_users=4, metrics=True)
    relaxed, whole = optima(*case)
    placement = plan(case, gap=1e-6)
    if placement.total is None:
        assert placement.status == "infeasible"
        assert relaxed.unserved > 1e-7
        return
    assert whole.unserved == pytest.approx(0.0, abs=1e-6)
    assert placement.certificate is not None
    assert placement.total.power_w == pytest.approx(whole.power_w, rel=1e-5, abs=1e-9)
    assert placement.certificate.lower_bound <= whole.power_w * (1 + 1e-6) + 1e-9
    limits = {item["name"]: item["limits"] for item in case[0]["classes"]}
    rates = {item["name"]: item["rate_per_s"] for item in case[0]["classes"]}
    names = {metric["name"] for metric in case[1]["metrics"]}
    for group in placement.groups:
        assert set(group.metrics) == names
        for name, most in limits[group.class_name].items():
            assert group.metrics[name] <= most * (1 + 1e-9)
    for name in names:
        total = sum(each.count * rates[each.class_name] * each.metrics[name] for each in placement.groups)
        assert placement.total.metrics[name] == pytest.approx(total)
