"""Joint plans and bounds of any method held against enumeration and the verifier."""

from __future__ import annotations

import numpy as np
import pytest
from joint_cases import Case, least_power
from joint_plans import violations

from planner.clear.column_generation import PricingProblem
from planner.clear.master.priced_column import price_columns
from planner.clear.method import joint_method
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.enumeration import all_columns
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.method import Options

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
