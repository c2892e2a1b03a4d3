"""Working memory, states and shared parameters in joint planning, against enumeration with CVXPY for shares."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from joint_cases import FEW, SEEDS, random_prices
from joint_checks import check, check_bounds
from joint_variant_cases import memory_case

from planner.clear import solve as solving
from planner.clear.column_generation import PricingProblem
from planner.clear.method import joint_methods_of


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_the_best_plan_is_found_and_proved(seed: int) -> None:
    assert check(memory_case(seed), "clear") in ("optimal", "infeasible")


@FEW
@given(SEEDS, st.sampled_from([name for name in joint_methods_of("power") if name != "clear"]))
def test_no_baseline_is_better_than_the_best_plan(seed: int, name: str) -> None:
    check(memory_case(seed), name)


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_bounds_hold_without_listing_columns(seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving, "columns_of_few", lambda joint, deadline: None)
        check(memory_case(seed), "clear")


@FEW
@example(102)  # a block reads nothing from the block before, so no link between them makes it late
@given(SEEDS)
def test_no_column_costs_less_than_the_bound_of_its_app(seed: int) -> None:
    joint = memory_case(seed).joint()
    assume(all(app.possible for app in joint.apps))
    prices = random_prices(Random(seed), joint, len(joint.media))
    check_bounds(joint, PricingProblem.of(joint, 0.0), prices)
