"""Lower bound of every answer: the higher of two Lagrangian bounds at the best dual prices."""

from __future__ import annotations

from planner.clear.baselines.baseline import least_power_w
from planner.clear.bounds.partial_lagrangian import partial_lagrangian_bound
from planner.clear.column_generation import Duals, PricingProblem
from planner.clear.workers import in_parallel
from planner.fin.deadline import Deadline


def lower_bound_w(problem: PricingProblem, duals: Duals, deadline: Deadline) -> float:
    """Compute the highest lower bound on power that there is time for, the quickest first.

    Pricing all capacity, with all operating points of an app as one, takes a moment. The partial Lagrangian bound, in
    which sources choose by themselves what their apps do, takes longer and is higher.

    Args:
        problem: The apps.
        duals: The best dual prices.
        deadline: When to give up.

    Returns:
        Power that no plan is below, in W.
    """
    prices, joint = duals.prices, problem.joint
    weak_w = [least_power_w(app) for app in joint.apps]
    bound_w = prices.constant_w(joint)

    def bound(app: int) -> float:  # prices are at least 0, so energy alone is a bound at any prices
        return weak_w[app] if deadline.expired else problem.subproblems[app].lower_bound(prices.of_app(app))

    bound_w = max(bound_w + sum(in_parallel(bound, range(joint.count), problem.jobs)), sum(weak_w))
    charged = any(app.point_j is not None for app in joint.variants)
    relaxed = all(app.bounds_all for app in problem.subproblems)
    if charged or not relaxed or deadline.expired:  # sources would choose without what points themselves cost
        return bound_w
    return max(bound_w, partial_lagrangian_bound(joint, problem.subproblems, prices, deadline, problem.jobs))
