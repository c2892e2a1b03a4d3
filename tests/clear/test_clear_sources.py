"""The bound for which sources choose by themselves: below every plan, and exact in what it branches on."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joint_cases import FEW, SEEDS, least_power, random_case, random_prices

from planner.clear.bounds.partial_lagrangian import _CHOICES, _Problem, partial_lagrangian_bound
from planner.clear.column_generation import Incumbent, PricingProblem, generate_columns
from planner.clear.master.column_pool import ColumnPool
from planner.clear.pricing.dual_prices import DualPrices
from planner.fin.deadline import Deadline


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_no_plan_takes_less_at_any_prices(seed: int) -> None:
    r = Random(seed)
    case = random_case(r, most_nodes=3)
    joint = case.joint()
    problem, prices = PricingProblem.of(joint, 0.0), DualPrices.none(joint)
    if r.random() < 0.5:  # what apps answered before decides how closely they are looked at
        prices = generate_columns(problem, ColumnPool(joint), Incumbent(), Deadline(), Deadline()).prices
    prices = r.choice([prices, random_prices(r, joint, len(joint.media))])
    bound_w = partial_lagrangian_bound(joint, problem.subproblems, prices, Deadline())
    assert bound_w <= least_power(case) * (1.0 + 1e-6)


@FEW
@given(SEEDS)
def test_what_points_ask_of_the_source_is_the_sum_over_their_blocks(seed: int) -> None:
    joint = random_case(Random(seed), most_nodes=3).joint()
    for app in PricingProblem.of(joint, 0.0).subproblems:
        for _, subproblem in app.variants:
            pricer, points = subproblem.pricer, subproblem.tree.points
            instance, source = pricer.instance, pricer.instance.source
            whole, fits = pricer.at_home(points)
            for point in range(points):
                prefixes = pricer.source_prefixes(point)
                for name in ("dynamic_w", "static_w", "load", "late_s"):
                    assert getattr(whole, name)[point] == pytest.approx(getattr(prefixes, name)[-1], rel=1e-12)
                blocks = int(instance.points.depth[point])
                heads = np.flatnonzero(instance.points.on[point])
                held = instance.block_bytes[:blocks].sum() + instance.head_bytes[heads].sum()
                can_run = instance.allowed[:blocks, source].all() and instance.heads.can_run[heads, source].all()
                room = instance.memory is not None or held <= instance.network.memory_bytes[source] * (1.0 + 1e-9)
                assert fits[point] <= can_run
                assert instance.memory is not None or fits[point] == (can_run and room)


def test_there_is_no_bound_where_there_is_no_time() -> None:
    joint = random_case(Random(1)).joint()
    subproblems, prices = PricingProblem.of(joint, 0.0).subproblems, DualPrices.none(joint)
    assert partial_lagrangian_bound(joint, subproblems, prices, Deadline.after(0.0)) == -np.inf


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_branch_and_bound_ends_where_trying_all_choices_does(seed: int) -> None:
    """Costs are lines over prices here, so that what all choices are tried with has one best price."""
    random = np.random.default_rng(seed)
    apps, ranges = int(random.integers(1, 4)), int(random.integers(1, 5))
    prices = np.sort(random.uniform(0.0, 3.0, 12))
    choices = tuple(
        random.uniform(0.1, 2.0, (count, ranges, 1)) + random.uniform(0.0, 1.0, (count, ranges, 1)) * prices
        for count in random.integers(1, 4, apps)
    )
    given_w = np.tile(-random.uniform(0.2, 2.0) * prices, (ranges, 1))
    tried = [
        given_w + sum((costs[number] for costs, number in zip(choices, numbers, strict=True)), np.zeros_like(given_w))
        for numbers in product(*(range(len(costs)) for costs in choices))
    ]
    best = min(float(total.max(axis=1).min()) for total in tried)
    problem = _Problem(given_w, choices)
    assert problem.least(Deadline()) == pytest.approx(best, rel=1e-12, abs=1e-12)
    assert problem.least(Deadline.after(0.0)) <= best + 1e-12
    assert 2 * len(tried) < _CHOICES
