"""Plans where a time limit leaves no time to enumerate all plans: they stand, and their bound is one."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from fleet_cases import random_fleet
from fleet_oracle import optimum
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planner.pipeline.fleet import plan_fleet
from planner.schemas import Model, Topology, check_document
from planner.schemas.fleets.fleet import Fleet

CITY = Path(__file__).parents[2] / "examples" / "city"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9), st.booleans())
@example(1, True)  # a class of rate 0 where a full resource has no room
def test_a_greedy_plan_is_no_better_than_the_optimum_nor_is_its_bound(seed: int, idle: bool) -> None:
    """The verifier, which runs on every plan, checks its limits and capacities."""
    fleet, topology, models = random_fleet(Random(seed), idle=idle)
    known = {name: check_document(model, Model) for name, model in models.items()}
    best = optimum(fleet, topology, models)
    placement = plan_fleet(
        check_document(fleet, Fleet), check_document(topology, Topology), models=known, time_limit_s=0.0
    )
    assert placement.status != "infeasible"
    if placement.total is None or placement.certificate is None:
        return
    assert best.unserved == pytest.approx(0.0, abs=1e-6)
    assert placement.total.power_w >= best.power_w * (1 - 1e-9) - 1e-12
    assert placement.certificate.lower_bound <= best.power_w * (1 + 1e-9)


def test_a_city_without_time_gets_a_plan_that_says_what_is_missing() -> None:
    placement = plan_fleet(CITY / "fleet.json", CITY / "topology.json", time_limit_s=0.0)
    assert placement.total is not None
    assert placement.total.served == 600
    assert "no time to enumerate all plans" in placement.message
    best = plan_fleet(CITY / "fleet.json", CITY / "topology.json")
    assert best.total is not None
    assert placement.total.power_w <= 1.5 * best.total.power_w
