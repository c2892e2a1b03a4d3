"""Least largest latency over its limit, against the geometric program of every combination."""

from __future__ import annotations

from random import Random

import factor_oracle
import joint_oracle
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from joint_cases import Case, random_case
from profiles import generated, generated_against_oracle
from together import small_request

from planner.clear.allocation.latencies import latency_over_limit
from planner.clear.latency import method
from planner.clear.latency.infeasibility import proved_factor
from planner.clear.latency.method import LeastLatency
from planner.clear.latency.relaxation import Relaxation
from planner.clear.method import joint_method, joint_methods_of
from planner.fin.deadline import Deadline
from planner.fin.method import Options
from planner.pipeline.several_apps import joint_of

SEEDS = st.integers(0, 2**32)
FEW = generated(8, 60)
SLACK = 1e-6


def case_with_limits(seed: int) -> Case:
    """Draw a case in which every app has a latency limit, some of them easy to keep."""
    r = Random(seed)
    case = random_case(r, most_nodes=3)
    for app, _ in case.apps:
        app.setdefault("max_latency_s", r.choice([3.0, 30.0]))
    return case


def least(case: Case) -> float:
    """Return the least factor of all plans; infinite where none keeps all limits."""
    try:
        found = factor_oracle.least_factor(case.apps, case.topology)
    except joint_oracle.GaveUpError:
        assume(False)
        raise
    return found if found <= 1.0 + SLACK else np.inf


@pytest.mark.slow
@generated_against_oracle(8)
@example(185)  # no time passes at all
@given(SEEDS)
def test_the_least_factor_is_found_and_proved(seed: int) -> None:
    case = case_with_limits(seed)
    outcome, factor = LeastLatency().solve(case.joint(), Options()), least(case)
    assert outcome.lower_bound <= factor * (1.0 + SLACK)
    if outcome.plan is None:
        assert outcome.status == "infeasible"
        assert np.isinf(factor)
        return
    assert outcome.status == "optimal"
    value = latency_over_limit(outcome.plan.columns, outcome.plan.allocation)
    assert value == pytest.approx(factor, rel=2 * SLACK)
    assert outcome.lower_bound == pytest.approx(factor, rel=2 * SLACK)


@pytest.mark.slow
@settings(FEW, max_examples=max(FEW.max_examples // 4, 1))  # a bisection takes many searches
@given(SEEDS)
def test_bisection_has_no_bound_past_the_optimum(seed: int) -> None:
    case = case_with_limits(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(method, "columns_of_few", lambda joint, deadline: None)
        outcome = LeastLatency().solve(case.joint(), Options())
    factor = least(case)
    assert outcome.lower_bound <= factor * (1.0 + SLACK)
    if outcome.plan is None:
        assert outcome.status == "unknown" or np.isinf(factor)
        return
    value = latency_over_limit(outcome.plan.columns, outcome.plan.allocation)
    assert value >= factor * (1.0 - SLACK)
    assert value <= 1.0 + SLACK


@pytest.mark.slow
@settings(FEW, max_examples=max(FEW.max_examples // 4, 1))
@given(SEEDS, st.sampled_from([0.1, 0.3, 0.7, 1.0]))
def test_prices_of_any_relaxation_rule_out_no_factor_that_a_plan_has(seed: int, factor: float) -> None:
    case = case_with_limits(seed)
    joint = case.joint()
    assume(all(app.possible for app in joint.apps))
    relaxed = Relaxation(joint, 1, Deadline()).at(factor)
    proved = proved_factor(relaxed, 1, Deadline())
    assert proved <= factor
    assert proved <= least(case) * (1.0 + SLACK)
    if proved == factor:
        assert relaxed.answer != "feasible"


def test_relaxation_and_swaps_leave_a_gap_below_a_hundredth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "columns_of_few", lambda joint, deadline: None)
    monkeypatch.setattr(method, "_of_less_power", lambda joint, plan, factor, options, deadline: plan)
    found = LeastLatency().solve(joint_of(small_request()), Options())
    assert found.plan is not None
    value = latency_over_limit(found.plan.columns, found.plan.allocation)
    assert 0.99 * value <= found.lower_bound <= value


@pytest.mark.slow
@settings(FEW, max_examples=max(FEW.max_examples // 2, 1))
@given(SEEDS)
def test_no_method_is_better_than_the_optimum(seed: int) -> None:
    case = case_with_limits(seed)
    factor = least(case)
    for name in joint_methods_of("latency"):
        outcome = joint_method(name, "latency").solve(case.joint(), Options())
        assert outcome.lower_bound <= factor * (1.0 + SLACK)
        if outcome.plan is not None:
            value = latency_over_limit(outcome.plan.columns, outcome.plan.allocation)
            assert value >= factor * (1.0 - SLACK)
