"""One app's share of the Lagrangian bound, proved for all operating points at given prices.

Operating points are the leaves of a tree of envelopes (`clear.envelopes`). What is proved of an envelope's classes of
plans holds for the same classes of every row below it: so rows begin with the bounds of the row above them, and only
classes that are still too low are looked at. Rows are opened, lowest first, until all classes of all rows left are
high enough. Equal nodes are told apart (`clear.merging`) for operating points alone, and only where that is needed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np

from clear.envelopes import PointTree
from clear.merging import merged
from clear.pricing import AppPrices, Pricer, Rows
from clear.revisits import revisiting_by_leave
from clear.values import Bounds, Values, climbed, of_depth
from fin.network import Floats

_Raised = Callable[[int, Floats, float], Floats]
"""Raises (D + 1,) bounds on the classes of a row that hold already, until all are high enough or nothing helps."""


class Proof:
    """Bounds on one app's plans at given prices."""

    def __init__(self, pricer: Pricer, tree: PointTree, prices: AppPrices, held: Callable[[int], Values]) -> None:
        self._pricer, self._tree, self._prices, self._held = pricer, tree, prices, held
        self._merged = merged(pricer, prices)
        self._again: dict[int, Values] = {}

    def least(self, enough_w: float, slack_w: float) -> float:
        """Return a bound on all plans, those that come back to a node or medium included.

        Args:
            enough_w: A bound on the plans of some operating points.
            slack_w: Operating points whose plans are within this of the least bound found are not told apart.
        """
        single = self._least(self._single, enough_w, slack_w)
        return min(single, self._least(self._revisiting, single, slack_w))

    def rough(self) -> float:
        """Return a bound on all plans, quick and weak: all points as one."""
        root = self._tree.root
        nothing = np.full(int(self._pricer.stages.depth[root]) + 1, -np.inf)
        return min(float(raised(root, nothing, -np.inf).min()) for raised in (self._single, self._revisiting))

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
        held, is_point, same = self._held(row), row < self._tree.points, self._merged[0] is self._pricer
        known = self._climbed(held, known, self._swept(row, *self._merged), enough_w, is_point and same)
        if is_point and not same:
            known = self._climbed(held, known, self._swept(row, self._pricer, self._prices), enough_w, is_point)
        return known

    def _revisiting(self, row: int, known: Floats, enough_w: float) -> Floats:
        """Raise bounds on plans that come back to a node or medium."""
        if row not in self._again:
            above = self._again.get(int(self._tree.parent[row]), self._held(row))
            self._again[row] = above.copy(len(known) - 1)
        pricer, prices = self._merged

        def bounds_at(values: Floats, begin: int) -> Floats:
            rows = Rows(np.full(len(values), row), values)
            return less_limit(pricer, values, revisiting_by_leave(pricer, rows, prices, begin))

        return self._climbed(self._again[row], known, bounds_at, enough_w, row < self._tree.points)

    def _swept(self, row: int, pricer: Pricer, prices: AppPrices) -> Bounds:
        """Return what bounds the plans of a row that come back to nothing."""

        def bounds_at(values: Floats, begin: int) -> Floats:
            rows = Rows(np.full(len(values), row), values)
            return less_limit(pricer, values, pricer.sweep(rows, prices, begin).by_leave)

        return bounds_at

    def _climbed(self, held: Values, known: Floats, bounds_at: Bounds, enough_w: float, patient: bool) -> Floats:
        steps = {} if np.isfinite(self._pricer.stages.most_s) else {"steps": 1}
        return climbed(held, known, bounds_at, enough_w, patient, **steps)


def less_limit(pricer: Pricer, values: Floats, costs: Floats) -> Floats:
    """Take ``theta * limit`` off (W, D + 1) costs at (W,) values of time."""
    limit_s = pricer.stages.most_s
    return costs - values[:, None] * limit_s if np.isfinite(limit_s) else costs
