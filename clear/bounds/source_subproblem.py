"""Source subproblem: bounds of what one app costs by how long it stays on its source, at prices of the source.

An app either never leaves its source, or leaves it behind its first k blocks (k = 0: at once). At home its power is
``E s^2 + S / s`` at the clock speed s, and it needs a share of at least ``d / s``, with d the larger of its load and of
its time over its limit: all three follow from the operating point alone. What it pays when it leaves is bounded as in
`clear.pricing.lagrangian_bound`, with later segments on any source at no price: for a value theta of a second, a sweep
without a price of the source, and on top what a price of the source's shares adds to the cheapest first segment.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from planner.clear.pricing.app_pricing import AppPricing
from planner.clear.pricing.node_segments import NodeSegments, SegmentPrices, least_cost
from planner.clear.pricing.subproblem import PricingSubproblem
from planner.clear.pricing.sweep import AppPrices
from planner.fin.instance.network import Floats

_VALUES, _SPAN = 12, 3.0
"""Latency multipliers tried, and the factor by which they reach beyond the least and the largest good one."""


@dataclass(frozen=True, eq=False)
class SourceOptions:
    """What one app can do on its source."""

    home: Floats
    """(H, 3) power of computing at home at speed 1 without static power, static power, and the share that is needed."""
    away_w: Floats
    """(O, J) least that plans cost which leave, by when they do and price of the source's shares."""
    at_once_w: float
    """Least that plans cost which leave before the first block."""


def source_options(app: AppPricing, prices: AppPrices, source_w: Floats, most_rows: int) -> SourceOptions:
    """Bound what an app pays at (J,) prices of its source.

    Args:
        app: The app; what any of its variants can do, it can do.
        prices: Prices of everything else, none of any source.
        source_w: Prices of the whole source, in watts.
        most_rows: Operating points, or envelopes of them, that are looked at the most (count).

    Returns:
        The undominated costs of staying on the source and of leaving it.
    """
    held = [subproblem for _, subproblem in app.variants]
    each_w = [_away(subproblem, prices, source_w, most_rows) for subproblem in held]
    homes, away_w = np.concatenate(list(map(_homes, held))), np.concatenate(each_w)
    return SourceOptions(_undominated(homes), _undominated(away_w), min(float(one[0, 0]) for one in each_w))


def _homes(subproblem: PricingSubproblem) -> Floats:
    """(H, 3) of the operating points that can stay."""
    pricer = subproblem.pricer
    found = []
    for point in range(subproblem.tree.points):
        segments, fits = pricer.source_prefixes(point)
        if fits[-1]:
            needed = max(float(segments.load[-1]), float(segments.late_s[-1]) / pricer.stages.most_s)
            found.append((float(segments.dynamic_w[-1]), float(segments.static_w[-1]), needed))
    return np.array(found).reshape(-1, 3)


def _away(subproblem: PricingSubproblem, prices: AppPrices, source_w: Floats, most_rows: int) -> Floats:
    """(D, J) least over all points of what plans cost that leave behind so many blocks.

    Envelopes are opened, cheapest first, as long as there are rows to look at.
    """
    tree, bound = subproblem.tree, subproblem.bound(prices)
    best = subproblem.values(prices)
    some = best[best > 0.0]
    values = np.zeros(1)
    if np.isfinite(subproblem.pricer.stages.most_s) and len(some):
        values = np.append(values, np.geomspace(some.min() / _SPAN, some.max() * _SPAN, _VALUES - 1))

    def costs(row: int) -> Floats:
        return _cost_by_departure(subproblem, bound.at(row, values), values, row, source_w)

    first = costs(tree.root)
    closed = np.full_like(first, np.inf)
    queue = [(float(first.min(initial=np.inf)), tree.root, first)]
    looked = 1
    while queue and queue[0][1] >= tree.points and looked + 2 <= most_rows:
        _, row, above = heapq.heappop(queue)
        for child in tree.children[row].tolist():
            below = np.maximum(costs(child), above[: int(subproblem.pricer.stages.depth[child])])
            heapq.heappush(queue, (float(below.min(initial=np.inf)), child, below))
            looked += 1
    for _, _, below in queue:
        closed[: len(below)] = np.minimum(closed[: len(below)], below)
    return closed


def _cost_by_departure(
    subproblem: PricingSubproblem, bounds: Floats, values: Floats, row: int, source_w: Floats
) -> Floats:
    """(D, J) highest of (W, D + 1) bounds plus what the price of the source adds, over (W,) latency multipliers."""
    pricer = subproblem.pricer
    network, source = pricer.instance.network, pricer.instance.source
    segments, _ = pricer.source_prefixes(row)
    depth = len(segments.load)
    ranges = (network.slowest[source], network.fastest[source], network.max_utilization[source])
    first = NodeSegments(
        *(part[:-1, None, None] for part in (segments.dynamic_w, segments.static_w, segments.load, segments.late_s))
    )
    free, paid = (
        least_cost(first, SegmentPrices(values[:, None], price, *ranges)) for price in (np.zeros(1), source_w)
    )  # (D - 1, W, 1 or J)
    added = np.where(np.isfinite(free), paid - np.where(np.isfinite(free), free, 0.0), 0.0)
    added = np.concatenate([np.zeros((1, len(values), len(source_w))), added])
    return np.asarray((bounds[:, :depth].T[:, :, None] + added).max(axis=1))


def _undominated(rows: Floats) -> Floats:
    """Return the rows that no other row is nowhere above, each once."""
    finite = np.unique(rows[np.isfinite(rows).any(axis=1)], axis=0)
    below = (finite[:, None] <= finite[None]).all(axis=2) & ~np.eye(len(finite), dtype=np.bool_)
    return np.asarray(finite[~below.any(axis=0)])
