"""Alternatives of models and batches of several apps planned together, against enumeration with CVXPY for shares."""

from __future__ import annotations

from random import Random

import factor_oracle
import joint_oracle
import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from joint_cases import Case, least_power, random_prices
from joint_plans import violations
from joint_variant_cases import variant_case

from planner.clear import solve as solving
from planner.clear.column_generation import PricingProblem
from planner.clear.master.priced_column import price_columns
from planner.clear.method import joint_method, joint_methods_of
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.enumeration import all_columns
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.method import Options
from planner.pipeline.request import JointRequest
from planner.pipeline.several_apps import solve_joint

SEEDS = st.integers(0, 2**32)
FEW = settings(max_examples=60 if settings().max_examples > 100 else 15, phases=[Phase.generate])
SLACK = 1e-6


def check(case: Case, name: str) -> str:
    """Plan a case by a method, and hold plan, bound and status against enumeration and the verifier."""
    joint = case.joint()
    outcome = joint_method(name).solve(joint, Options())
    power_w = np.inf if outcome.plan is None else outcome.plan.power_w
    least_w = least_power(case, power_w * (1.0 + SLACK))
    assert not outcome.lower_bound > least_w * (1.0 + SLACK)
    if outcome.plan is None:
        assert outcome.status == "unknown" or np.isinf(least_w)
        return outcome.status
    assert power_w >= least_w * (1.0 - SLACK)
    topology, apps = case.documents()
    assert violations(joint, topology, apps, outcome) == []
    if outcome.status == "optimal":
        assert power_w == pytest.approx(least_w, rel=1e-5)
    return outcome.status


@FEW
@given(SEEDS)
def test_the_best_variants_are_found_and_proved(seed: int) -> None:
    assert check(variant_case(seed), "clear") in ("optimal", "infeasible")


@FEW
@given(SEEDS, st.sampled_from([name for name in joint_methods_of("power") if name != "clear"]))
def test_no_baseline_is_better_than_the_best_variants(seed: int, name: str) -> None:
    check(variant_case(seed), name)


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


def check_bounds(joint: JointInstance, problem: PricingProblem, prices: DualPrices) -> None:
    """Hold the bound of every app at dual prices against what each of its columns costs there."""
    for app, columns in enumerate(all_columns(joint, 10_000, Deadline())):
        bound_w = problem.subproblems[app].lower_bound(prices.of_app(app))
        medium_w = dict(zip(joint.media.tolist(), prices.media_w.tolist(), strict=True))
        for priced in price_columns(columns, joint, prices) if columns else ():
            if priced is None:
                continue
            nodes, column = priced.column.nodes, priced.column
            cost_w = priced.power_w + float(prices.node_w[nodes] @ priced.node_share)
            cost_w += float(prices.use_w[app, nodes].sum() + prices.memory_w_per_byte[nodes] @ column.memory_bytes)
            shares = zip(column.media.tolist(), priced.medium_share.tolist(), strict=True)
            cost_w += sum(medium_w.get(medium, 0.0) * share for medium, share in shares)
            assert bound_w <= cost_w + SLACK * abs(cost_w)


@FEW
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
