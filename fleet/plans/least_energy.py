"""Least energy of any plan of a kind, by dynamic programming over blocks and slots; limits and capacities are free."""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Floats
from planner.fleet.instance.model_arrays import useful_points
from planner.fleet.plans.kind import Kind, columns_of, steps_of


def least_energy_j(kind: Kind) -> float:
    """Bound the energy of one inference from below, whatever plan of the kind it takes.

    Every block moves on over the step of least energy per bit. Limits are left out but the one on accuracy, and so are
    results that travel, so that no plan takes less.

    Args:
        kind: The kind.

    Returns:
        Joules; infinite where no slot can run some block.
    """
    model, costs = kind.model, kind.costs
    columns, points = columns_of(kind), useful_points(model, kind.least_accuracy, results_travel=True)
    per_bit = np.full((kind.slots, kind.slots), np.inf)
    for step in steps_of(kind):
        per_bit[step.source, step.target] = min(per_bit[step.source, step.target], step.j_per_bit)
    least = np.full((len(points), kind.slots), np.inf)
    least[:, 0] = 0.0
    best, depth = np.inf, model.points.depth[points]
    for block in range(model.blocks):
        reach, bits = model.reach[points, block], model.entering_bits(block)
        weight = np.ones(len(points)) if block == 0 else reach
        joules = np.where(costs.blocks.can_run[block, columns], costs.blocks.energy_j[block, columns], np.inf)
        head = int(model.head_at[block])
        least = (least[:, :, None] + _weighed(weight * bits, per_bit)).min(axis=1) + _weighed(reach, joules)
        if head >= 0:
            least += _weighed(reach * model.points.on[points, head], costs.heads.energy_j[head, columns])
        ended = least[depth == block + 1]
        best = min(best, float(ended.min(initial=np.inf)))
    return best


def _weighed(weight: Floats, values: Floats) -> Floats:
    """(K, ...) values times each of K weights; what is infinite stays so, whatever the weight."""
    finite = np.isfinite(values)
    weight = weight.reshape(-1, *(1 for _ in values.shape))
    return np.where(finite, weight * np.where(finite, values, 0.0), np.inf)
