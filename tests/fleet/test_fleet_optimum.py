"""Small random fleets against one program over all plans, enumerated by other code."""

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


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_the_linear_bound_is_the_optimum_of_the_linear_program(seed: int) -> None:
    case = random_fleet(Random(seed))
    best, whole = optima(*case)
    placement = plan(case, gap=1e-6)
    if placement.status == "infeasible":
        assert best.unserved > 1e-7
        assert placement.diagnosis is not None
        assert placement.diagnosis.most_served >= placement_users(case) - whole.unserved - 1e-6
        return
    assert placement.certificate is not None
    if best.unserved <= 1e-7:
        assert placement.certificate.lower_bound <= whole.power_w + 1e-6 * max(1.0, whole.power_w) or whole.unserved
        assert placement.certificate.lower_bound >= best.power_w * (1 - 1e-4) - 1e-9
    if placement.total is not None:
        assert placement.total.power_w >= whole.power_w * (1 - 1e-6) - 1e-9
        assert placement.total.power_w <= whole.power_w * (1 + 1e-5) + 1e-9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9))
def test_the_integer_program_agrees_within_the_gaps(seed: int) -> None:
    case = random_fleet(Random(seed), most_users=12)
    one, other = plan(case), plan(case, method="ilp")
    if one.total is None or other.total is None:
        assert "optimal" not in (one.status, other.status)
        return
    for each, peer in ((one, other), (other, one)):
        assert each.certificate is not None
        assert peer.certificate is not None
        assert each.status == "optimal"
        assert each.certificate.relative_gap <= 0.01
        assert each.certificate.lower_bound <= peer.total.power_w * (1 + 1e-9)


def placement_users(case: tuple) -> int:
    return sum(item["count"] for item in case[0]["classes"])
