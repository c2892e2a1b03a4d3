"""Evaluation of a plan at link rates that it was not made for: power, and which apps miss their limits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.clear.allocation.app_view import view_of_plan, viewed_instance
from planner.clear.allocation.plan import Plan
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.decision import evaluate
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools


@dataclass(frozen=True, eq=False)
class PlanEvaluation:
    """A apps under a plan."""

    power_w: float
    late: Bools
    """(A,) whether an app's statistic of latency is above its limit, or one of its queues is unstable."""


def evaluate_plan(joint: JointInstance, plan: Plan) -> PlanEvaluation:
    """Evaluate a plan, its speeds and shares unchanged, at the rates of links that a workload has now.

    What a bit costs does not depend on the rate, so the power is that of the plan.
    """
    late = np.zeros(joint.count, dtype=bool)
    for place, column in enumerate(plan.columns):
        # loads are relative to the app's shares here
        app = viewed_instance(
            joint.apps[column.app].chosen_by(column.decision), view_of_plan(joint.network, plan, place)
        )
        cost = evaluate(app, column.decision)
        in_time = cost.latency_s <= app.limits.latency_s * (1.0 + TOLERANCE)
        busiest = max(cost.utilization.max(initial=0.0), cost.media_load.max(initial=0.0))
        late[column.app] = not (in_time and busiest <= 1.0 + TOLERANCE)
    return PlanEvaluation(plan.power_w, late)


def with_all_shares(joint: JointInstance, plan: Plan) -> Plan:
    """Return the plan with all of every node and medium in use given out, in proportion to the shares held.

    Speeds stay, and so does the power; every latency and every queue only gets better.
    """
    network, held = joint.network, plan.allocation
    nodes, media = np.zeros(network.size), np.zeros(network.media)
    for column, node_shares, medium_shares in zip(plan.columns, held.node_shares, held.medium_shares, strict=True):
        nodes[column.nodes] += node_shares
        media[column.media] += medium_shares
    node_factor = np.maximum(network.max_utilization / np.where(nodes > 0.0, nodes, 1.0), 1.0)
    medium_factor = np.maximum(1.0 / np.where(media > 0.0, media, 1.0), 1.0)
    grown = zip(plan.columns, held.node_shares, held.medium_shares, strict=True)
    shares = [
        (node_shares * node_factor[column.nodes], medium_shares * medium_factor[column.media])
        for column, node_shares, medium_shares in grown
    ]
    allocation = replace(
        held, node_shares=tuple(share for share, _ in shares), medium_shares=tuple(share for _, share in shares)
    )
    return Plan(plan.columns, allocation)
