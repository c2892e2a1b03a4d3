"""Joint planning of variants, networks that are no chains, and memory of all kinds, against enumeration.

Variants are alternatives of models and batches. Enumeration takes every route of every tensor; a cone program sets
shares.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import factor_oracle
import joint_oracle
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from joint_cases import FEW, SEEDS, Case, random_prices
from joint_checks import check, check_bounds
from joint_variant_cases import memory_case, skip_case, variant_case
from profiles import generated_against_oracle

from planner.clear import solve as solving
from planner.clear.column_generation import PricingProblem
from planner.clear.method import joint_methods_of
from planner.pipeline.request import JointRequest
from planner.pipeline.several_apps import solve_joint

SLACK = 1e-6
CaseOf = Callable[[int], Case]
of_each = pytest.mark.parametrize("case_of", [variant_case, skip_case, memory_case])


@pytest.mark.slow
@of_each
@generated_against_oracle(8)
@given(SEEDS)
def test_the_best_plan_is_found_and_proved(case_of: CaseOf, seed: int) -> None:
    assert check(case_of(seed), "clear") in ("optimal", "infeasible")


@of_each
@FEW
@given(SEEDS, st.sampled_from([name for name in joint_methods_of("power") if name != "clear"]))
def test_no_baseline_is_better_than_the_best_plan(case_of: CaseOf, seed: int, name: str) -> None:
    check(case_of(seed), name)


@pytest.mark.slow
def test_an_app_without_a_bound_does_not_hide_that_another_has_no_plan() -> None:
    assert check(skip_case(657625913), "clear") == "infeasible"


@pytest.mark.slow
@of_each
@FEW
@given(SEEDS)
def test_bounds_hold_without_listing_columns(case_of: CaseOf, seed: int) -> None:
    """The Lagrangian bounds and what column generation finds, alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solving, "columns_of_few", lambda joint, deadline: None)
        check(case_of(seed), "clear")


@of_each
@FEW
@example(102)  # with memory: a block reads nothing from the block before, so no link between them makes it late
@given(SEEDS)
def test_no_column_costs_less_than_the_bound_of_its_app(case_of: CaseOf, seed: int) -> None:
    joint = case_of(seed).joint()
    assume(all(app.possible for app in joint.apps))
    prices = random_prices(Random(seed), joint, len(joint.media))
    check_bounds(joint, PricingProblem.of(joint, 0.0), prices)


@pytest.mark.slow
@generated_against_oracle(4)  # a bisection takes many searches
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
