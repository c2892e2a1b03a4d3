"""Source subproblem: bounds of what one app costs by how long it stays on its source, at prices of the source.

An app either never leaves its source, or leaves it behind its first k blocks (k = 0: at once). At home its power is
``E s^2 + S / s`` at the clock speed s, and it needs a share of at least ``d / s``, with d the larger of its load and of
its time over its limit: all three follow from the operating point alone. What it pays when it leaves is bounded as in
`clear.pricing.subproblem`, with later segments on any source at no price: for a value theta of a second, a sweep
without a price of the source, and on top what a price of the source's shares adds to the cheapest first segment.

All operating points as one, the envelope at the root of their tree, give a first bound; opening envelopes raises it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.clear.pricing.app_pricing import AppPricing
from planner.clear.pricing.node_segments import NodeSegments, SegmentPrices, least_cost
from planner.clear.pricing.subproblem import PricingSubproblem
from planner.clear.pricing.sweep import AppPrices, Rows
from planner.fin.instance.network import Floats, Ints

_VALUES, _SPAN = 10, 3.0
"""Latency multipliers tried, and the factor by which they reach beyond the least and the largest good one."""
_AT_ONCE, _MOST_BELOW = 4, 4
"""Rows that are opened before the source's least is looked at again: about half the depth of a tree of points; and the
rows two levels below each."""
_CLASSES = 3
"""Classes of plans, cheapest first, whose latency multipliers are tried at rows below."""


@dataclass(frozen=True, eq=False)
class SourceOptions:
    """What one app can do on its source."""

    home: Floats
    """(H, 3) power of computing at home at speed 1 without static power, static power, and the share that is needed."""
    away_w: Floats
    """(O, J) least that plans cost which leave, by when they do and price of the source's shares."""
    at_once_w: float
    """Least that plans cost which leave before the first block."""


class SourceSubproblem:
    """What one app can do on its source and away from it, bounded at ever more rows of its trees of points."""

    def __init__(self, app: AppPricing, prices: AppPrices, source_w: Floats) -> None:
        """Bound what an app pays at (J,) prices of its source, all operating points of a variant as one.

        Args:
            app: The app; what any of its variants can do, it can do.
            prices: Prices of everything else, none of any source.
            source_w: Prices of the whole source, in watts.
        """
        self._home = _undominated(np.concatenate([_homes(held) for _, held in app.variants]))
        self._variants = [_Variant(held, prices, source_w) for _, held in app.variants]

    @property
    def options(self) -> SourceOptions:
        """The undominated costs of staying on the source and of leaving it."""
        each_w = [variant.away_w for variant in self._variants]
        return SourceOptions(self._home, _undominated(np.concatenate(each_w)), min(float(one[0, 0]) for one in each_w))

    def refine(self, price: int, most_rows: int) -> bool:
        """Open the row that is the cheapest at one of the prices of the source, again and again.

        Args:
            price: Which price (index).
            most_rows: Rows that are looked at in all (count).

        Returns:
            Whether any row was opened: none is where a point is the cheapest.
        """
        for opened in range(_AT_ONCE):
            cheapest = min(self._variants, key=lambda variant: variant.cheapest(price)[0])
            if sum(variant.rows for variant in self._variants) + _MOST_BELOW > most_rows or not cheapest.opened(price):
                return opened > 0
        return True


class _Variant:
    """Bounds of what one variant of an app costs when it leaves its source, by rows of its tree of points."""

    def __init__(self, subproblem: PricingSubproblem, prices: AppPrices, source_w: Floats) -> None:
        self._subproblem, self._source_w = subproblem, source_w
        self._bound = subproblem.bound(prices)
        best = subproblem.values(prices)
        some = best[best > 0.0]
        self._values = np.zeros(1)
        if np.isfinite(subproblem.pricer.stages.most_s) and len(some):
            values = np.geomspace(some.min() / _SPAN, some.max() * _SPAN, _VALUES - 1)
            self._values = np.append(self._values, values)
        root = subproblem.tree.root
        self._open = {root: self._looked(np.array([root]), np.arange(len(self._values)))[0]}
        """The rows that stand for all points."""
        self.rows = 1
        """Rows that were looked at."""

    @property
    def away_w(self) -> Floats:
        """(D, J) least over all points of what plans cost that leave behind so many blocks."""
        away_w = np.full_like(max((row.cost_w for row in self._open.values()), key=len), np.inf)
        for row in self._open.values():
            away_w[: len(row.cost_w)] = np.minimum(away_w[: len(row.cost_w)], row.cost_w)
        return away_w

    def cheapest(self, price: int) -> tuple[float, int]:
        """Return the least cost of leaving at a price (index), and the row with it."""
        return min((float(held.cost_w[:, price].min(initial=np.inf)), row) for row, held in self._open.items())

    def opened(self, price: int) -> bool:
        """Open the row that is the cheapest at a price; False where it is a point.

        Rows below are looked at with the latency multipliers that are the best above for the cheapest plans; what is
        known above holds below.
        """
        _, row = self.cheapest(price)
        if row < self._subproblem.tree.points:
            return False
        children, above = self._subproblem.tree.two_below(row), self._open.pop(row)
        cheapest = np.argsort(above.cost_w[:, price], kind="stable")[:_CLASSES]
        below = self._looked(children, np.unique(above.multiplier[cheapest, price]))
        for child, found in zip(children.tolist(), below, strict=True):
            self._open[child] = found.held_above(above)
        self.rows += len(children)
        return True

    def _looked(self, rows: Ints, multipliers: Ints) -> list[_Row]:
        """Bound what plans of some rows cost, at some of the latency multipliers."""
        values = self._values[multipliers]
        bounds = self._bound.at(Rows(np.repeat(rows, len(values)), np.tile(values, len(rows))))
        found = []
        for part, row in zip(np.split(bounds, len(rows)), rows.tolist(), strict=True):
            cost_w = self._cost_by_departure(part, row, values)
            found.append(_Row(cost_w.max(axis=1), multipliers[cost_w.argmax(axis=1)]))
        return found

    def _cost_by_departure(self, bounds: Floats, row: int, values: Floats) -> Floats:
        """(D, W, J) bounds of (W, D + 1) classes at (W,) latency multipliers, with what the source's price adds."""
        pricer, source_w = self._subproblem.pricer, self._source_w
        network, source = pricer.instance.network, pricer.instance.source
        segments = pricer.source_prefixes(row)
        depth = len(segments.load)
        ranges = (network.slowest[source], network.fastest[source], network.max_utilization[source])
        parts = (segments.dynamic_w, segments.static_w, segments.load, segments.late_s)
        first = NodeSegments(*(part[:-1, None, None] for part in parts))
        free, paid = (
            least_cost(first, SegmentPrices(values[:, None], price, *ranges)) for price in (np.zeros(1), source_w)
        )  # (D - 1, W, 1 or J)
        added = np.where(np.isfinite(free), paid - np.where(np.isfinite(free), free, 0.0), 0.0)
        added = np.concatenate([np.zeros((1, len(values), len(source_w))), added])
        return np.asarray(bounds[:, :depth].T[:, :, None] + added)


@dataclass(frozen=True, eq=False)
class _Row:
    """What plans of an operating point, or of an envelope, cost at the least by when they leave the source."""

    cost_w: Floats
    """(D, J) by departure and price of the source."""
    multiplier: Ints
    """(D, J) the latency multiplier that proves it (index)."""

    def held_above(self, above: _Row) -> _Row:
        """Return the same with what is known of the row above."""
        depth = len(self.cost_w)
        higher = above.cost_w[:depth] > self.cost_w
        cost_w = np.where(higher, above.cost_w[:depth], self.cost_w)
        return _Row(cost_w, np.where(higher, above.multiplier[:depth], self.multiplier))


def _homes(subproblem: PricingSubproblem) -> Floats:
    """(H, 3) of the operating points that can stay."""
    pricer = subproblem.pricer
    whole, fits = pricer.at_home(subproblem.tree.points)
    needed = np.maximum(whole.load, whole.late_s / pricer.stages.most_s)
    return np.stack([whole.dynamic_w, whole.static_w, needed], axis=1)[fits]


def _undominated(rows: Floats) -> Floats:
    """Return the rows that no other row is nowhere above, each once."""
    finite = np.unique(rows[np.isfinite(rows).any(axis=1)], axis=0)
    below = (finite[:, None] <= finite[None]).all(axis=2) & ~np.eye(len(finite), dtype=np.bool_)
    return np.asarray(finite[~below.any(axis=0)])
