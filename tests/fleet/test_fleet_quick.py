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


def test_loads_too_small_to_be_priced_fit_too() -> None:
    """1e11 inferences per second, of 1e-10 s each, take ten times what the edge has."""
    model = {
        "schema_version": "1", "name": "m", "input_bits": 1.0, "blocks": [{"name": "b", "ops": 1e5}],
        "exits": [{"name": "e", "after": "b"}],
        "operating_points": [{"name": "p", "exit_fractions": {"e": 1.0}, "accuracy": 0.9}],
    }  # fmt: skip
    edge = {"name": "edge", "ops_per_s": 1e15, "j_per_op": 1e-9}
    users = {
        "name": "c", "count": 10_000_000, "model": "m", "rate_per_s": 1e4,
        "device": {"ops_per_s": 1.0, "j_per_op": 1e-9},
        "attach": [{"node": "edge", "bit_per_s": 1e9, "latency_s": 0.001, "j_per_bit": 1e-9}],
    }  # fmt: skip
    placement = plan_fleet(
        check_document({"schema_version": "1", "name": "f", "classes": [users]}, Fleet),
        check_document({"schema_version": "1", "name": "t", "nodes": [edge], "links": []}, Topology),
        models={"m": check_document(model, Model)},
        time_limit_s=0.0,
        serve_most=True,
    )
    assert placement.total is not None
    assert placement.total.served == 1_000_000


def test_users_keep_their_plans_of_before_though_time_is_short() -> None:
    """Some have plans that leave the device twice, which are not enumerated: who may move decides."""
    files = (CITY / "fleet.json", CITY / "topology.json")
    first = plan_fleet(*files)
    again = plan_fleet(*files, time_limit_s=0.0, before=first, most_moves=250)
    assert "no time to enumerate all plans" in again.message
    assert again.change is not None
    assert 5 < again.change.moved <= 250
    few = plan_fleet(*files, time_limit_s=0.0, before=first, most_moves=5)
    assert (few.status, few.groups) == ("unknown", ())
    assert "--most-moves" in few.message
