"""Lagrangian bound of one app: least costs of all its plans at dual prices, at given latency multipliers.

Plans are told apart by the block before which data leaves the source first (classes). Shortest paths bound plans that
use nothing priced twice, `clear.pricing.cycles` the others; equal nodes are taken together for both.
"""

from __future__ import annotations

import numpy as np

from planner.clear.pricing.aggregation import aggregate_nodes
from planner.clear.pricing.cycles import CycleBound
from planner.clear.pricing.shortest_path import Pricer
from planner.clear.pricing.sweep import AppPrices, Rows
from planner.fin.instance.network import Floats


class LagrangianBound:
    """Bounds on all plans of one app at given prices."""

    def __init__(self, pricer: Pricer, prices: AppPrices) -> None:
        self._pricer, self._prices = aggregate_nodes(pricer, prices)
        self._cycles = CycleBound(self._pricer, self._prices)

    def at(self, rows: Rows) -> Floats:
        """Return bounds on the classes of plans of operating points, or of envelopes of points.

        Args:
            rows: (R,) pairs of a row of the tree of points and a latency multiplier.

        Returns:
            (R, D + 1) lower bounds in watts, by class.
        """
        once = self._pricer.sweep(rows, self._prices).cost_by_departure
        both = np.minimum(once, self._cycles.cost_by_departure(rows))
        return less_limit(self._pricer, rows.multiplier_w_per_s, both + self._pricer.stages.point_w[rows.point])


def less_limit(pricer: Pricer, multipliers_w_per_s: Floats, costs: Floats) -> Floats:
    """Take ``theta * limit`` off (W, D + 1) costs at (W,) latency multipliers.

    Args:
        pricer: The app, whose latency limit is taken.
        multipliers_w_per_s: (W,) latency multipliers, in watts per second.
        costs: (W, D + 1) costs, in watts.

    Returns:
        (W, D + 1) costs, in watts; the same ones where latency has no limit.
    """
    limit_s = pricer.stages.most_s
    return costs - multipliers_w_per_s[:, None] * limit_s if np.isfinite(limit_s) else costs
