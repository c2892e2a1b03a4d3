"""Lower bound of every answer: the higher of two Lagrangian bounds at the best dual prices."""

from __future__ import annotations

from planner.clear.baselines.baseline import least_power_w
from planner.clear.bounds.partial_lagrangian import partial_lagrangian_bound
from planner.clear.column_generation import FEW_APPS, Duals, PricingProblem
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.workers import in_parallel
from planner.fin.deadline import Deadline


def lower_bound_w(problem: PricingProblem, duals: Duals, deadline: Deadline) -> float:
    """Compute the highest lower bound on power that there is time for.

    Pricing all capacity, with all operating points of an app as one, takes a moment. The partial Lagrangian bound, in
    which sources choose by themselves what their apps do, takes longer and is higher; of many apps it is computed alone
    where no time limit threatens it.

    Args:
        problem: The apps.
        duals: The best dual prices.
        deadline: When to give up.

    Returns:
        Power that no plan is below, in W.
    """
    joint = problem.joint
    charged = any(app.point_j is not None for app in joint.variants)
    relaxed = all(app.bounds_all for app in problem.subproblems)
    partial = relaxed and not charged  # sources would choose without what points themselves cost
    if partial and joint.count > FEW_APPS and deadline.limit_s is None:
        for app, subproblem in enumerate(problem.subproblems):
            subproblem.ascend(duals.prices.of_app(app))
        return partial_lagrangian_bound(joint, problem.subproblems, duals.prices, deadline, problem.jobs)
    bound_w = _of_all_capacity_w(problem, duals.prices, deadline)
    if not partial or deadline.expired:
        return bound_w
    return max(bound_w, partial_lagrangian_bound(joint, problem.subproblems, duals.prices, deadline, problem.jobs))


def _of_all_capacity_w(problem: PricingProblem, prices: DualPrices, deadline: Deadline) -> float:
    """Return the Lagrangian bound with a price on all capacity; the sum of least powers where that is higher."""
    joint = problem.joint
    weak_w = [least_power_w(app) for app in joint.apps]

    def bound(app: int) -> float:  # prices are at least 0, so energy alone is a bound at any prices
        if deadline.expired:
            return weak_w[app]
        return max(weak_w[app], problem.subproblems[app].lower_bound(prices.of_app(app)))

    priced_w = sum(in_parallel(bound, range(joint.count), problem.jobs))
    return max(prices.constant_w(joint) + priced_w, sum(weak_w))
