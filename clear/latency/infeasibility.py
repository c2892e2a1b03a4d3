"""Lower bound of the factor: largest factor at which given dual prices prove that no plan keeps the deadlines.

At no cost of anything but capacity, no plan costs less than the Lagrangian bound at any prices; so where that is above
zero, there is no plan. Deadlines enter the bound of an app as ``theta * factor * limit`` alone, theta being a latency
multiplier. Its costs at a grid of multipliers are therefore computed once, and the factor is found by bisection.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.latency.relaxation import RelaxedAt
from planner.clear.pricing.subproblem import LagrangianBound, PricingSubproblem
from planner.clear.pricing.sweep import AppPrices, Rows
from planner.clear.workers import in_parallel
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats

_ABOVE = 1e-6
"""A bound is above zero if it is more than this part of what all capacity is worth at its prices."""
_OPENED = 40
"""Groups of operating points that are opened at most."""
_MULTIPLIERS = np.geomspace(1e-4, 1e3, 15)
"""Latency multipliers that are tried, in parts of what all capacity is worth over the latency limit."""
_CLASSES, _FINER = 3, np.geomspace(1.0 / 3.0, 3.0, 11)
"""Classes of plans around whose best multipliers further ones are tried, and these."""
_BISECTIONS = 30


def proved_factor(relaxed: RelaxedAt, jobs: int, deadline: Deadline) -> float:
    """Return the largest factor that the prices of a relaxation rule out; groups of operating points are opened.

    At tight deadlines the points of an app differ in what they need, and all as one need next to nothing.

    Args:
        relaxed: The relaxation, found infeasible at its factor.
        jobs: Threads that price apps.
        deadline: When to give up.

    Returns:
        No plan keeps its latencies below this part of their limits; at most the factor of the relaxation. 0 where
        nothing is proved, or time is up.
    """
    problem, prices = relaxed.problem, relaxed.prices
    if not all(app.possible for app in problem.joint.apps):
        return relaxed.factor
    if not all(app.bounds_all for app in problem.subproblems):
        return 0.0
    paid_w = -prices.constant_w(problem.joint)
    least_w = paid_w + _ABOVE * max(abs(paid_w), 1.0)

    def costs(app: int) -> list[_Costs] | None:
        own = prices.of_app(app)
        found = []
        for _, one in problem.subproblems[app].variants:
            if deadline.expired:
                return None
            found += _costs(one, own, paid_w)
        return found

    apps = in_parallel(costs, range(problem.joint.count), jobs)
    found = [own for own in apps if own is not None]
    if len(found) < len(apps):
        return 0.0
    return relaxed.factor * _largest(found, least_w)


def _largest(apps: Sequence[Sequence[_Costs]], least_w: float) -> float:
    """Return the largest part of the deadlines, at most 1, at which all apps cost more than `least_w` together."""
    low, high = 0.0, 1.0
    if _total(apps, high) > least_w:
        return high
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _total(apps, middle) > least_w else (low, middle)
    return low


def _total(apps: Sequence[Sequence[_Costs]], part: float) -> float:
    return sum(min((one.least(part) for one in own), default=np.inf) for own in apps)


@dataclass(frozen=True, eq=False)
class _Costs:
    """Costs of an operating point, or of a group of points, at W latency multipliers."""

    cost_w: Floats
    """(W, D + 1) lower bounds by class, deadlines left out."""
    deadline_w: Floats
    """(W,) multipliers times the deadline."""

    def least(self, part: float) -> float:
        """Return a bound on the cost at prices where deadlines are a part of what they are here."""
        return float((self.cost_w - part * self.deadline_w[:, None]).max(axis=0).min())


def _costs(subproblem: PricingSubproblem, prices: AppPrices, whole_w: float) -> list[_Costs]:
    """Return costs that together bound all plans of an app: of groups of operating points, the cheapest ones opened.

    Args:
        subproblem: The app, in one of its variants.
        prices: What it pays.
        whole_w: What all capacity is worth at these prices, which sets the scale of latency multipliers.
    """
    tree, bound, limit_s = subproblem.tree, subproblem.bound(prices), subproblem.pricer.stages.most_s
    timed = np.isfinite(limit_s) and whole_w > 0.0
    multipliers = np.append(0.0, whole_w / limit_s * _MULTIPLIERS) if timed else np.zeros(1)
    root = _costs_at(bound, tree.root, multipliers, limit_s)
    queue = [(root.least(1.0), tree.root, root)]
    for _ in range(_OPENED):
        above, row, _ = queue[0]
        if row < tree.points:
            break
        heapq.heappop(queue)
        for child in tree.children[row].tolist():
            costs = _costs_at(bound, child, multipliers, limit_s)
            heapq.heappush(queue, (max(above, costs.least(1.0)), child, costs))
    return [_refined(bound, row, costs, limit_s) if timed else costs for _, row, costs in queue]


def _costs_at(bound: LagrangianBound, row: int, multipliers: Floats, limit_s: float) -> _Costs:
    """Price a row of the tree of points; `bound` takes the deadline off, which is added again."""
    less_w = bound.at(Rows(np.full(len(multipliers), row), multipliers))
    deadline_w = multipliers * limit_s if np.isfinite(limit_s) else np.zeros(len(multipliers))
    return _Costs(less_w + deadline_w[:, None], deadline_w)


def _refined(bound: LagrangianBound, row: int, costs: _Costs, limit_s: float) -> _Costs:
    """Return costs at further multipliers, around the best ones of the cheapest classes."""
    less_w = costs.cost_w - costs.deadline_w[:, None]
    cheapest = np.argsort(less_w.max(axis=0), kind="stable")[:_CLASSES]
    around = costs.deadline_w[np.unique(less_w[:, cheapest].argmax(axis=0))] / limit_s
    finer = _costs_at(bound, row, np.unique(np.outer(around, _FINER)), limit_s)
    both = np.concatenate([costs.cost_w, finer.cost_w]), np.concatenate([costs.deadline_w, finer.deadline_w])
    return _Costs(*both)
