"""Metrics as linear forms over the variables of the integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats

if TYPE_CHECKING:
    from planner.fin.methods.formulation import Columns
    from planner.fin.methods.point_costs import Costs


def metric_forms(instance: Instance, costs: Costs, columns: Columns) -> dict[str, Floats]:
    """Return what each variable adds to the metrics that are minimised or limited, by name.

    Args:
        instance: The app.
        costs: Its costs at one operating point.
        columns: Numbers of the variables.

    Returns:
        (C,) forms: how often blocks and heads run times what they add, weight times bits times what links add per bit.
    """
    points, metrics = instance.points, instance.network.metrics
    depth = len(costs.runs)
    sent = np.array([message.weight * message.bits for message in costs.messages])
    forms = {}
    for index in instance.used_metrics:
        added = instance.metric_costs.blocks[index, :depth].copy()
        for head in np.flatnonzero(points.on[costs.point]).tolist():
            added[points.exit_block[head]] += instance.metric_costs.heads[index, head]
        form = np.zeros(columns.count)
        form[columns.place] = costs.runs[:, None] * added
        form[columns.flow] = sent[:, None] * metrics.per_bit[index]
        forms[metrics.names[index]] = form
    return forms
