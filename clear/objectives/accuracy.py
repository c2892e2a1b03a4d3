"""Accuracy as the objective of all apps: the same workload with lost accuracy in the place of power.

The mean accuracy weighted by rates falls short of its best by what each app's operating point loses. Blocks and
transfers cost nothing, so the power of a plan is what it loses, and the search for least power, with its bounds, finds
the most accurate plan that keeps all limits. Of plans as accurate, one of less power is then sought: each app keeps its
operating point, or takes one that is no less accurate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from planner.clear.objectives.substitution import Costing, with_costs
from planner.clear.problem.column import Column, numbered_as_in
from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import JointApp
from planner.fin.deadline import Deadline
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
    deadline = Deadline.after(options.time_limit_s)
    network, rate = joint.network, sum(app.inferences_per_s for app in joint.apps)
    highest = [_highest(app) for app in joint.apps]
    best = sum(app.inferences_per_s * most for app, most in zip(joint.apps, highest, strict=True)) / rate
    lost = [
        [(most - variant.points.accuracy + _AT_LEAST) / rate for variant in app.variants]
        for app, most in zip(joint.apps, highest, strict=True)
    ]
    nothing, links = np.zeros(network.size), np.zeros(len(network.link_source))
    found = method.solve(with_costs(joint, Costing(nothing, nothing, links, lost)), options)
    if found.status == "infeasible":
        return found
    bound = min(best, best + _AT_LEAST - found.lower_bound)
    if found.plan is not None and not deadline.expired:
        left_s = None if options.time_limit_s is None else deadline.remaining_s
        found = replace(found, plan=_of_less_power(method, joint, found.plan, replace(options, time_limit_s=left_s)))
    return _renamed(joint, replace(found, lower_bound=-bound), max(options.gap, _EQUAL))


def _highest(app: JointApp) -> float:
    """Return the best accuracy that any variant of an app offers."""
    return max((float(variant.points.accuracy.max()) for _, variant in app.possible), default=0.0)


def _of_less_power(method: JointMethod, joint: JointInstance, plan: Plan, options: Options) -> Plan:
    """Return a plan of least power where no app is less accurate; the plan itself where none is found."""
    least = {column.app: _accuracy(joint, column) for column in plan.columns}
    kept = [
        [variant.points.accuracy >= least[number] for variant in app.variants] for number, app in enumerate(joint.apps)
    ]
    apps = [app.only_points(mask) for app, mask in zip(joint.apps, kept, strict=True)]
    found = method.solve(replace(joint, apps=tuple(apps), objective="power"), options).plan
    if found is None:
        return plan
    return replace(found, columns=tuple(numbered_as_in(kept[one.app], one) for one in found.columns))


def mean_accuracy(joint: JointInstance, plan: Plan) -> float:
    """Return the mean accuracy of a plan weighted by rates (fraction)."""
    pairs = [(joint.apps[column.app].inferences_per_s, _accuracy(joint, column)) for column in plan.columns]
    return sum(rate * accuracy for rate, accuracy in pairs) / sum(rate for rate, _ in pairs)


def _accuracy(joint: JointInstance, column: Column) -> float:
    """Return the accuracy of a column's operating point."""
    points = joint.apps[column.app].chosen_by(column.decision).points
    return float(points.accuracy[column.decision.point])


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
