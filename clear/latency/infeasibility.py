"""Proof that no plan keeps all deadlines shrunk by a factor: column generation on the workload at no cost.

Where nothing costs anything, a plan costs nothing, and the restricted master pays for apps that it cannot serve alone.
Its duals are prices of shares that are scarce at these deadlines. No plan costs less than the Lagrangian bound at any
prices; so where that is above zero, there is none.
"""

from __future__ import annotations

import heapq

import numpy as np

from planner.clear.column_generation import Incumbent, PricingProblem, generate_columns
from planner.clear.master.column_pool import ColumnPool
from planner.clear.objectives.substitution import Costing, with_costs
from planner.clear.pricing.subproblem import PricingSubproblem
from planner.clear.pricing.sweep import AppPrices, Rows
from planner.clear.problem.instance import JointInstance
from planner.clear.workers import in_parallel
from planner.fin.deadline import Deadline

_ABOVE = 1e-6
"""A bound is above zero if it is more than this part of what all capacity is worth at its prices."""

_OPENED = 40
"""Groups of operating points that are opened at most."""
_MULTIPLIERS = np.geomspace(1e-4, 1e3, 28)
"""Latency multipliers that are tried, in parts of what all capacity is worth over the latency limit."""


def proved_infeasible(joint: JointInstance, jobs: int, deadline: Deadline) -> bool:
    """Try to prove that apps have no plan within their limits, by column generation at no cost.

    Args:
        joint: The apps, with the deadlines in question.
        jobs: Threads that price apps.
        deadline: When to give up.

    Returns:
        Whether it is proved; False where it is not, or time is up.
    """
    if not all(app.possible for app in joint.apps):
        return True
    network = joint.network
    free = with_costs(
        joint, Costing(np.zeros(network.size), np.zeros(network.size), np.zeros(len(network.link_source)))
    )
    problem = PricingProblem.of(free, 0.0, jobs)
    if not all(app.bounds_all for app in problem.subproblems):
        return False
    incumbent = Incumbent()
    duals = generate_columns(problem, ColumnPool(free), incumbent, deadline, deadline)
    if incumbent.plan is not None or duals.value_w <= 0.0:
        return False
    prices, paid_w = duals.prices, -duals.prices.constant_w(free)

    def bound(app: int) -> float:
        own, held = prices.of_app(app), problem.subproblems[app].variants
        return min(-np.inf if deadline.expired else _least_cost(one, own, paid_w) for _, one in held)

    return bool(sum(in_parallel(bound, range(free.count), jobs)) > paid_w + _ABOVE * max(abs(paid_w), 1.0))


def _least_cost(subproblem: PricingSubproblem, prices: AppPrices, whole_w: float) -> float:
    """Return a cost at dual prices that no plan of an app is below; groups of operating points are opened.

    At tight deadlines the points of an app differ in what they need, and all as one need next to nothing.

    Args:
        subproblem: The app, in one of its variants.
        prices: What it pays.
        whole_w: What all capacity is worth at these prices, which sets the scale of latency multipliers.
    """
    tree, bound, limit_s = subproblem.tree, subproblem.bound(prices), subproblem.pricer.stages.most_s
    multipliers = np.zeros(1)
    if np.isfinite(limit_s) and whole_w > 0.0:
        multipliers = np.append(multipliers, whole_w / limit_s * _MULTIPLIERS)

    def cost(row: int) -> float:
        rows = Rows(np.full(len(multipliers), row), multipliers)
        return float(bound.at(rows).max(axis=0).min())

    queue = [(cost(tree.root), tree.root)]
    for _ in range(_OPENED):
        above, row = queue[0]
        if row < tree.points:
            break
        heapq.heappop(queue)
        for child in tree.children[row].tolist():
            heapq.heappush(queue, (max(above, cost(child)), child))
    return queue[0][0]
