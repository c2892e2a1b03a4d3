"""Branch and bound on the nodes in use, against enumeration and against the same search without branches."""

from __future__ import annotations

from itertools import islice
from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from joint_cases import FEW, SEEDS, least_power, random_case, random_prices

from planner.clear.branching.count_branching import branch_on_counts
from planner.clear.branching.listed_columns import ListedColumns
from planner.clear.branching.node_branching import NodeBranching, divided
from planner.clear.column_generation import Duals, Incumbent, PricingProblem, generate_columns
from planner.clear.master.column_pool import ColumnPool
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.column import Column, column_of, exit_sets_of
from planner.clear.problem.enumeration import all_columns
from planner.clear.problem.instance import JointInstance, NodeCounts
from planner.clear.solve import solve_joint
from planner.fin.deadline import Deadline
from planner.fin.method import Options
from planner.fin.methods.enumeration import TooManyError, decisions

MANY = 3_000


def listed(r: Random) -> tuple[JointInstance, list[list[Column]]]:
    """Return a random case with few columns, and these."""
    while True:
        joint = random_case(r, most_nodes=3).joint()
        try:
            return joint, all_columns(joint, MANY, Deadline())
        except TooManyError:
            continue


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_small_workloads_are_proved_whatever_the_statistic(seed: int) -> None:
    case = random_case(Random(seed), most_nodes=3)
    outcome = solve_joint(case.joint(), Options())
    assert outcome.status in ("optimal", "infeasible")
    power_w = np.inf if outcome.plan is None else outcome.plan.power_w
    least_w = least_power(case, power_w * (1.0 + 1e-6) if outcome.plan is not None else np.inf)
    if outcome.plan is None:
        assert np.isinf(least_w)
    else:
        assert power_w <= least_w * (1.0 + 1e-4) + 1e-12
        assert outcome.lower_bound <= least_w * (1.0 + 1e-6) + 1e-12


@FEW
@given(SEEDS)
def test_costs_of_listed_columns_are_below_any_speeds_and_shares(seed: int) -> None:
    r = Random(seed)
    joint, columns = listed(r)
    prices, network = random_prices(r, joint, len(joint.media)), joint.network
    for app, own in enumerate(columns):
        costs_w = ListedColumns.of(joint, own).costs(prices, app)
        for column, cost_w in zip(own, costs_w.tolist(), strict=True):
            nodes = column.nodes
            slowest, fastest = network.slowest[nodes], network.fastest[nodes]
            speed = slowest + (fastest - slowest) * r.random()
            share = network.max_utilization[nodes] * np.array([r.uniform(0.3, 1.0) for _ in nodes])
            on_air = np.array([r.uniform(0.3, 1.0) for _ in column.media])
            late_s = (column.node_s / (speed * share)).sum(axis=1) + (column.medium_s / on_air).sum(axis=1)
            stable = (column.node_load <= speed * share).all() and (column.medium_load <= on_air).all()
            if not stable or (late_s + column.fixed_s).max(initial=0.0) > column.most_s:
                continue
            price = dict(zip(joint.media.tolist(), prices.media_w.tolist(), strict=True))
            paid = sum(
                price.get(medium, 0.0) * part for medium, part in zip(column.media.tolist(), on_air, strict=True)
            )
            paid += prices.node_w[nodes] @ share + prices.use_w[app, nodes].sum()
            paid += prices.memory_w_per_byte[nodes] @ column.memory_bytes + column.transfer_w
            power_w = float((column.dynamic_w * speed**2 + column.static_w / speed).sum())
            assert cost_w <= (power_w + float(paid)) * (1.0 + 1e-9) + 1e-12


@FEW
@given(SEEDS)
def test_the_constant_of_a_branch_is_the_least_over_its_sets_of_nodes(seed: int) -> None:
    r = Random(seed)
    joint = random_case(r).joint()
    size = np.bincount(joint.kinds)
    least = np.array([r.randint(0, int(count)) for count in size])
    most = np.array([r.randint(int(low), int(count)) for low, count in zip(least, size, strict=True)])
    branch, prices = joint.restricted_to(NodeCounts(least, most)), random_prices(r, joint, len(joint.media))
    left_w, best_w = prices.unpaid_w(joint), np.inf
    for used in range(2**joint.network.size):
        chosen = np.array([used >> node & 1 for node in range(joint.network.size)])
        counts = np.bincount(joint.kinds, weights=chosen, minlength=len(size))
        if (counts >= least).all() and (counts <= most).all():
            best_w = min(best_w, float(left_w @ chosen))
    assert prices.constant_w(branch) == pytest.approx(best_w - prices.media_w.sum(), rel=1e-9, abs=1e-12)


@pytest.mark.slow
@FEW
@given(SEEDS)
@example(1010209)  # a block that no sample reaches and no node may run
def test_column_generation_in_branches_never_exceeds_the_best_plan(seed: int) -> None:
    case = random_case(Random(seed), most_nodes=3)
    joint = case.joint()
    problem, pool, incumbent = PricingProblem.of(joint, 0.0), ColumnPool(joint), Incumbent()
    duals = generate_columns(problem, pool, incumbent, Deadline(), Deadline())
    found = branch_on_counts(problem, pool, incumbent, duals, 0.0, 4, Deadline())
    assert found.lower_bound_w <= least_power(case, incumbent.power_w) * (1.0 + 1e-6) + 1e-12


def test_a_branch_is_divided_at_open_classes_with_idle_power_alone() -> None:
    r = Random(0)
    while True:
        joint = random_case(r).joint()
        if (joint.network.idle_power_w > 0.0).any():
            break
    parts, seen = divided(joint, None), 0
    while parts is not None:
        fewer, more = parts
        assert (fewer.least <= fewer.most).all()
        assert (more.least <= more.most).all()
        assert (fewer.most != more.least).any()
        joint, seen = joint.restricted_to(more), seen + 1
        parts = divided(joint, None)
    assert 0 < seen <= int((joint.network.idle_power_w > 0.0).sum())


def test_without_time_nothing_is_proved() -> None:
    joint, columns = listed(Random(5))
    found = NodeBranching(joint, columns, Incumbent(), 0.0).run(DualPrices.none(joint), Deadline.after(0.0))
    assert found.lower_bound_w == -np.inf
    assert found.programs == 0
    problem, duals = PricingProblem.of(joint, 0.0), Duals(DualPrices.none(joint))
    branched = branch_on_counts(problem, ColumnPool(joint), Incumbent(), duals, 0.5, 4, Deadline.after(0.0))
    assert branched.lower_bound_w == 0.5


def test_a_percentile_of_results_that_travel_has_a_column_for_each_least_set_of_exits() -> None:
    seen = 0
    for seed in range(10):
        case = random_case(Random(seed), most_nodes=3)
        for request, model in case.apps:  # half of the samples leave at either exit, and half must be in time
            names = [head["name"] for head in model["exits"]]
            fractions = dict.fromkeys(names, 1.0 / len(names))
            model["operating_points"] = [{"name": "even", "exit_fractions": fractions, "accuracy": 0.9}]
            request |= {"latency": "p50", "destination": case.topology["nodes"][0]["name"], "min_accuracy": 0.0}
        for app, instance in enumerate(case.joint().variants):
            for decision in islice(decisions(instance, MANY, Deadline()), 0, None, 9):
                count = exit_sets_of(instance, decision)
                columns = [column_of(app, instance, decision, variant) for variant in range(count)]
                at_once_s = [nominal_s(column) for column in columns]
                assert at_once_s[0] == min(at_once_s)
                assert len({column.key for column in columns}) == count
                seen += count > 1
    assert seen > 0


def nominal_s(column: Column) -> float:
    """Return the latest exit that must be in time, at full shares."""
    return float((column.fixed_s + column.node_s.sum(axis=1) + column.medium_s.sum(axis=1)).max())
