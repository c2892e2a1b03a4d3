"""Accuracy as the objective of all apps: the same workload with lost accuracy in the place of power.

The mean accuracy weighted by rates falls short of its best by what each app's operating point loses. Blocks and
transfers cost nothing, so the power of a plan is what it loses, and the search for least power, with its bounds, finds
the most accurate plan that keeps all limits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from planner.clear.objectives.substitution import Costing, with_costs
from planner.clear.problem.instance import JointInstance
from planner.fin.method import Options
from planner.fin.outcome import PROVED, Outcome, Termination

if TYPE_CHECKING:
    from planner.clear.allocation.plan import Plan
    from planner.clear.method import JointMethod

_AT_LEAST = 0.02
"""What the most accurate plan costs too: relative gaps have something to be relative to."""
_EQUAL = 1e-6
"""Relative gap that counts as none."""


def best_accuracy(method: JointMethod, joint: JointInstance, options: Options) -> Outcome[Plan]:
    """Plan all apps for the largest mean accuracy weighted by rates, by a method for least power.

    Args:
        method: The method.
        joint: The apps, whose objective is accuracy.
        options: Gap, time limit and threads.

    Returns:
        What the method found; the bound is the negative of an accuracy that no plan within the limits exceeds.
    """
    network, rate = joint.network, sum(app.rate_per_s for app in joint.apps)
    best = sum(app.rate_per_s * float(app.points.accuracy.max()) for app in joint.apps) / rate
    lost = [(app.points.accuracy.max() - app.points.accuracy + _AT_LEAST) / rate for app in joint.apps]
    nothing, links = np.zeros(network.size), np.zeros(len(network.link_source))
    found = method.solve(with_costs(joint, Costing(nothing, nothing, links, lost)), options)
    if found.status == "infeasible":
        return found
    bound = min(best, best + _AT_LEAST - found.lower_bound)
    return _renamed(joint, replace(found, lower_bound=-bound), max(options.gap, _EQUAL))


def mean_accuracy(joint: JointInstance, plan: Plan) -> float:
    """Return the mean accuracy of a plan weighted by rates (fraction)."""
    pairs = [(joint.apps[column.app], column.decision.point) for column in plan.columns]
    rate = sum(app.rate_per_s for app, _ in pairs)
    return sum(app.rate_per_s * float(app.points.accuracy[point]) for app, point in pairs) / rate


def _renamed(joint: JointInstance, found: Outcome[Plan], gap: float) -> Outcome[Plan]:
    """Name the answer by its gap in accuracy, which is not that in lost accuracy."""
    if found.plan is None:
        return found
    bound, value = -found.lower_bound, mean_accuracy(joint, found.plan)
    if value >= bound * (1.0 - gap):
        return replace(found, status="optimal", termination=PROVED)
    if found.status == "optimal":
        open_ = Termination.incomplete("the lost accuracy is proved to a relative 1e-6, the accuracy to a little more")
        return replace(found, status="feasible", termination=open_)
    return found
