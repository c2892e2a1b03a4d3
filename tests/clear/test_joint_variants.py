"""Alternatives of models and batches of several apps planned together, against enumeration with CVXPY for shares."""

from __future__ import annotations

from random import Random

import factor_oracle
import joint_oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from joint_cases import FEW, SEEDS, random_prices
from joint_checks import check, check_bounds
from joint_variant_cases import variant_case

from planner.clear import solve as solving
from planner.clear.column_generation import PricingProblem
from planner.clear.method import joint_methods_of
from planner.pipeline.request import JointRequest
from planner.pipeline.several_apps import solve_joint

SLACK = 1e-6


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_the_best_variants_are_found_and_proved(seed: int) -> None:
    assert check(variant_case(seed), "clear") in ("optimal", "infeasible")


@FEW
@given(SEEDS, st.sampled_from([name for name in joint_methods_of("power") if name != "clear"]))
def test_no_baseline_is_better_than_the_best_variants(seed: int, name: str) -> None:
    check(variant_case(seed), name)


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_bounds_hold_without_listing_columns(seed: int) -> None:
    """The Lagrangian bounds and what column generation finds, alone."""
    case = variant_case(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving, "columns_of_few", lambda joint, deadline: None)
        check(case, "clear")


@FEW
@given(SEEDS)
def test_no_column_of_any_variant_costs_less_than_the_bound_of_its_app(seed: int) -> None:
    case, r = variant_case(seed), Random(seed)
    joint = case.joint()
    assume(all(app.possible for app in joint.apps))
    problem = PricingProblem.of(joint, 0.0)
    prices = random_prices(r, joint, len(joint.media))
    check_bounds(joint, problem, prices)


@pytest.mark.slow
@settings(FEW, max_examples=max(FEW.max_examples // 2, 1))  # a bisection takes many searches
@given(SEEDS)
def test_the_quickest_variants_are_found_and_proved(seed: int) -> None:
    case = variant_case(seed)
    for app, _ in case.apps:
        app.setdefault("max_latency_s", Random(seed).choice([3.0, 30.0]))
    topology, apps = case.documents()
    placement = solve_joint(JointRequest(apps, topology, objective="latency"))
    try:
        factor = factor_oracle.least_factor(case.apps, case.topology)
    except joint_oracle.GaveUpError:
        assume(False)
    if placement.total is None:
        assert factor > 1.0 - SLACK
        return
    assert placement.certificate is not None
    assert placement.certificate.lower_bound == pytest.approx(factor, rel=2 * SLACK)
    assert placement.total.latency_over_limit == pytest.approx(factor, rel=2 * SLACK)
