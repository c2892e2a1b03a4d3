"""One app's share of the Lagrangian bound, proved for all operating points at given prices.

Operating points are the leaves of a tree of envelopes (`clear.envelopes`). What is proved of an envelope's classes of
plans holds for the same classes of every row below it: so rows begin with the bounds of the row above them, and only
classes that are still too low are looked at. Rows are opened, lowest first, until all classes of all rows left are
high enough. Equal nodes are told apart (`clear.merging`) for operating points alone, and only where that is needed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

import numpy as np

from planner.clear.pricing.aggregation import aggregate_nodes
from planner.clear.pricing.cycles import CycleBound
from planner.clear.pricing.multiplier_ascent import Bounds, CuttingPlaneAscent, LatencyMultipliers, of_depth
from planner.clear.pricing.point_tree import PointTree
from planner.clear.pricing.shortest_path import AppPrices, Pricer, Rows
from planner.fin.instance.network import Floats

_FAR, _NEAR = 1.5, 1.01
"""Ratio between the first values of time tried, and where the best ones are known but for the routes of equal nodes."""

_GAIN = 0.1
"""Part of the slack that no further values of time are tried for."""

_Raised = Callable[[int, Floats, float], Floats]
"""Raises (D + 1,) bounds on the classes of a row that hold already, until all are high enough or nothing helps."""


class Proof:
    """Bounds on one app's plans at given prices."""

    def __init__(
        self, pricer: Pricer, tree: PointTree, prices: AppPrices, known: Mapping[int, LatencyMultipliers]
    ) -> None:
        self._pricer, self._tree, self._prices = pricer, tree, prices
        self._merged = aggregate_nodes(pricer, prices)
        self._twice = CycleBound(*self._merged)
        self._once = {row: values.value for row, values in known.items()}
        """Best values of time of each class of plans that come back to nothing, by row."""
        self._known: dict[int, Floats] = {}
        """Bounds on the classes of points that were climbed to before."""
        self._again: dict[int, Floats] = {}
        """The same of plans that come back to a node or medium."""
        self._gain_w = 0.0
        self._guess = known[tree.root].lowest

    def least(self, point: int, slack_w: float) -> float:
        """Return a bound on all plans, those that come back to a node or medium included.

        Args:
            point: An operating point whose plans are cheap.
            slack_w: Operating points whose plans are within this of the least bound found are not told apart.
        """
        self._gain_w = _GAIN * slack_w
        nothing = np.full(int(self._pricer.stages.depth[point]) + 1, -np.inf)
        self._known = {point: self._single(point, nothing, np.inf)}
        single = self._least(self._single, float(self._known[point].min()), slack_w)
        return min(single, self._least(self._cyclic, single, slack_w))

    def weak_lower_bound(self) -> float:
        """Return a bound on all plans, quick and weak: all points as one."""
        root = self._tree.root
        nothing = np.full(int(self._pricer.stages.depth[root]) + 1, -np.inf)
        return min(float(raised(root, nothing, -np.inf).min()) for raised in (self._single, self._cyclic))

    def at(self, row: int, values: Floats) -> Floats:
        """(W, D + 1) bounds on the classes of a row's plans at (W,) values of time."""
        pricer, prices = self._merged
        rows = Rows(np.full(len(values), row), values)
        once, twice = pricer.sweep(rows, prices).cost_by_departure, self._twice.cost_by_departure(rows)
        return less_limit(pricer, values, np.minimum(once, twice))

    def _least(self, raised: _Raised, enough_w: float, slack_w: float) -> float:
        """Return the least bound over all points: envelopes are opened, lowest first, while they are too low."""
        tree, depth = self._tree, self._pricer.stages.depth
        closed = np.inf
        queue = [(-np.inf, tree.root, np.full(int(depth[tree.root]) + 1, -np.inf))]
        while queue:
            lowest, row, known = heapq.heappop(queue)
            if lowest >= enough_w - slack_w:
                return min(closed, lowest)
            known = raised(row, of_depth(known, int(depth[row])), enough_w - slack_w)
            bound = float(known.min())
            if row < tree.points:
                enough_w = min(enough_w, bound)
            if row < tree.points or bound >= enough_w - slack_w:
                closed = min(closed, bound)
            else:
                for child in tree.children[row].tolist():
                    heapq.heappush(queue, (bound, child, known))
        return closed

    def _single(self, row: int, known: Floats, enough_w: float) -> Floats:
        """Raise bounds on plans that come back to nothing."""
        if row in self._known:
            return np.maximum(self._known[row], known)
        is_point = row < self._tree.points
        routes = [self._merged]
        if is_point and self._merged[0] is not self._pricer:
            routes.append((self._pricer, self._prices))
        for (pricer, prices), ratio in zip(routes, (_FAR, _NEAR), strict=False):

            def bounds_at(values: Floats, begin: int, pricer: Pricer = pricer, prices: AppPrices = prices) -> Floats:
                rows = Rows(np.full(len(values), row), values)
                return less_limit(pricer, values, pricer.sweep(rows, prices, begin).cost_by_departure)

            known = self._raised(self._once, row, known, bounds_at, enough_w, is_point, ratio)
        return known

    def _cyclic(self, row: int, known: Floats, enough_w: float) -> Floats:
        """Raise bounds on plans that come back to a node or medium."""
        if row in self._once:
            self._again[row] = self._once[row]

        def bounds_at(values: Floats, begin: int) -> Floats:
            rows = Rows(np.full(len(values), row), values)
            return less_limit(self._pricer, values, self._twice.cost_by_departure(rows, begin))

        return self._raised(self._again, row, known, bounds_at, enough_w, row < self._tree.points, _FAR)

    def _raised(
        self,
        best: dict[int, Floats],
        row: int,
        known: Floats,
        bounds_at: Bounds,
        enough_w: float,
        whole: bool,
        ratio: float,
    ) -> Floats:
        """Raise known bounds on a row's classes where they are too low, and keep the best values of time."""
        above = row
        while above not in best:
            above = int(self._tree.parent[above])
        best[row] = of_depth(best[above], len(known) - 1)
        low = (known < enough_w) | np.isneginf(known)
        if not low.any():
            return known
        climb = CuttingPlaneAscent(
            best[row], self._guess if row == self._tree.root else known, ratio, self._gain_w, bounds_at
        )
        steps = {} if np.isfinite(self._pricer.stages.most_s) else {"steps": 1}
        known = np.maximum(known, climb.until(low, enough_w, whole, **steps))
        best[row] = climb.value
        return known


def less_limit(pricer: Pricer, values: Floats, costs: Floats) -> Floats:
    """Take ``theta * limit`` off (W, D + 1) costs at (W,) values of time."""
    limit_s = pricer.stages.most_s
    return costs - values[:, None] * limit_s if np.isfinite(limit_s) else costs
