"""Metrics as the objective of all apps: the same workload with costs of a metric in the place of power."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from planner.clear.baselines.baseline import own_bound_w
from planner.clear.objectives.substitution import Costing, with_costs
from planner.clear.problem.instance import JointInstance
from planner.fin.method import Options
from planner.fin.outcome import Outcome

if TYPE_CHECKING:
    from planner.clear.allocation.plan import Plan
    from planner.clear.method import JointMethod


def least_metric(method: JointMethod, joint: JointInstance, options: Options) -> Outcome[Plan]:
    """Plan all apps for the least sum of rates times a metric, by a method for least power.

    Args:
        method: The method.
        joint: The apps, whose objective is a metric of the network.
        options: Gap, time limit and threads.

    Returns:
        What the method found; the bound is in the metric's unit per second.
    """
    priced = _scaled(joint, 1.0)
    scale_w = own_bound_w(priced)
    scale = 1.0 / scale_w if np.isfinite(scale_w) and scale_w > 0.0 else 1.0 / (_nominal(priced) or 1.0)
    found = method.solve(_scaled(joint, scale), options)
    return replace(found, lower_bound=found.lower_bound / scale)


def _scaled(joint: JointInstance, scale: float) -> JointInstance:
    """Return the workload whose power is the metric times a scale, so that searches meet figures of about 1."""
    metrics = joint.network.metrics
    number = metrics.names.index(joint.objective)
    return with_costs(
        joint, Costing(scale * metrics.per_s[number], scale * metrics.per_j[number], scale * metrics.per_bit[number])
    )


def _nominal(joint: JointInstance) -> float:
    """Return the sum over apps of all blocks at their dearest node and all data on its dearest link."""
    total = 0.0
    for app in joint.variants:
        bits = float(sum(row.bits for row in app.inputs(len(app.block_names))) + app.result_bits.sum())
        carried = bits * float(app.network.link_j_per_bit.max(initial=0.0))
        total += app.inferences_per_s * (float(app.blocks.energy_j.max(axis=1).sum()) + carried)
    return total
