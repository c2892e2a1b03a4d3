"""Priced columns: columns with the speeds and shares of least cost at dual prices that keep their latency limits.

All columns are priced at once: the latency multiplier of each is found by trying several side by side, in ever smaller
ranges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.pricing.node_segments import NodeSegments, SegmentPrices, best_share, cheapest_speed
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.network import Bools, Floats, Ints

_STEPS, _SIDE = 6, 17
"""Times that latency multipliers are tried, and how many side by side: each time the range shrinks to a 16th."""
_FAST = 1e12
"""A latency multiplier, in multiples of what is at stake, at which nothing but time counts."""
_AT_ONCE = 512
"""Columns whose arrays fit into the cache."""


@dataclass(frozen=True, eq=False)
class PricedColumn:
    """A column with speeds and shares that keep its limit on latency."""

    column: Column
    speed: Floats
    """(H,)"""
    node_share: Floats
    """(H,)"""
    medium_share: Floats
    """(M,)"""
    power_w: float
    """Power without idle power."""


def price_columns(columns: Sequence[Column], joint: JointInstance, prices: DualPrices) -> list[PricedColumn | None]:
    """Price columns at their cheapest speeds and shares.

    Args:
        columns: Columns of any apps.
        joint: The apps.
        prices: Prices at which speeds and shares are set.

    Returns:
        Each column with its speeds and shares; None where it is late at full speed with full shares.
    """
    parts = [columns[start : start + _AT_ONCE] for start in range(0, len(columns), _AT_ONCE)]
    return [one for part in parts for one in _priced(part, joint, prices)]


def price_column(column: Column, joint: JointInstance, prices: DualPrices) -> PricedColumn | None:
    """Price one column; see `price_columns`.

    Args:
        column: The column.
        joint: The apps.
        prices: Dual prices of nodes, media and memory.

    Returns:
        The column at its best shares, or None where its limits leave none.
    """
    return price_columns([column], joint, prices)[0]


def _priced(columns: Sequence[Column], joint: JointInstance, prices: DualPrices) -> list[PricedColumn | None]:
    """Price a few columns."""
    asked = _ColumnPricing.of(columns, joint, prices)
    rows, fast = np.arange(len(columns)), _FAST * asked.scale
    ends = asked.at(rows, np.stack([np.zeros(len(rows)), fast], axis=1))
    possible = (ends.late_s[:, 1] <= asked.left_s) & ends.stable[:, 1]
    slack = ends.late_s[:, 0] <= asked.left_s
    chosen = ends.take(rows, np.where(slack, 0, 1))
    late = np.flatnonzero(possible & ~slack)
    low, high = np.log(1e-12 * asked.scale), np.log(fast)
    for _ in range(_STEPS):
        if len(late) == 0:
            break
        values = np.linspace(low[late], high[late], _SIDE, axis=1)
        tried = asked.at(late, np.exp(values))
        first = (tried.late_s[:, 1:] <= asked.left_s[late, None]).argmax(axis=1) + 1  # the dearer time, the less late
        at = np.arange(len(late))
        found = tried.late_s[at, first] <= asked.left_s[late]
        late, at, first = late[found], at[found], first[found]
        low[late], high[late] = values[at, first - 1], values[at, first]
        chosen.put(late, tried.take(at, first))
    return [chosen.priced_column(row, column) if possible[row] else None for row, column in enumerate(columns)]


@dataclass(frozen=True, eq=False)
class _PricedAt:
    """Speeds and shares of C columns at V latency multipliers; without the last axis once these are chosen."""

    speed: Floats
    """(C, H, V)"""
    node_share: Floats
    """(C, H, V)"""
    medium_share: Floats
    """(C, M, V)"""
    late_s: Floats
    """(C, V)"""
    stable: Bools
    """(C, V)"""

    def take(self, rows: Ints, numbers: Ints) -> _PricedAt:
        """Return some columns, each at one of the multipliers."""
        return _PricedAt(*(part[rows, ..., numbers] for part in vars(self).values()))

    def put(self, rows: Ints, other: _PricedAt) -> None:
        """Replace some columns, once multipliers are chosen."""
        for mine, others in zip(vars(self).values(), vars(other).values(), strict=True):
            mine[rows] = others

    def priced_column(self, row: int, column: Column) -> PricedColumn:
        """Return one column, once multipliers are chosen."""
        nodes, media = len(column.nodes), len(column.media)
        speed = self.speed[row, :nodes]
        power_w = column.transfer_w + float((column.dynamic_w * speed**2 + column.static_w / speed).sum())
        return PricedColumn(column, speed, self.node_share[row, :nodes], self.medium_share[row, :media], power_w)


@dataclass(frozen=True, eq=False)
class _ColumnPricing:
    """What C columns of up to H nodes and M media ask; the largest part of several latencies counts on each."""

    nodes: Floats
    """(4, C, H) fields of node segments."""
    node_terms: Floats
    """(4, C, H) price, slowest and fastest speed, largest share."""
    media: Floats
    """(2, C, M) load and time."""
    medium_price_w: Floats
    """(C, M)"""
    left_s: Floats
    """(C,) latency limit less latencies that no share divides."""
    scale: Floats
    """(C,) size of the latency multiplier: power at stake over the limit."""

    @classmethod
    def of(cls, columns: Sequence[Column], joint: JointInstance, prices: DualPrices) -> _ColumnPricing:
        network, count = joint.network, len(columns)
        medium_w = np.zeros(network.media)
        medium_w[joint.media] = prices.media_w
        by_node = np.stack([prices.node_w, network.slowest, network.fastest, network.max_utilization])
        nodes = np.zeros((4, count, max(len(column.nodes) for column in columns)))
        node_terms = np.ones_like(nodes)
        media = np.zeros((2, count, max(len(column.media) for column in columns)))
        price_w = np.zeros(media.shape[1:])
        for row, column in enumerate(columns):
            used, carried = len(column.nodes), len(column.media)
            late_s = column.node_s.max(axis=0)
            nodes[:, row, :used] = column.dynamic_w, column.static_w, column.node_load, late_s
            node_terms[:, row, :used] = by_node[:, column.nodes]
            if carried:
                media[:, row, :carried] = column.medium_load, column.medium_s.max(axis=0, initial=0.0)
                price_w[row, :carried] = medium_w[column.media]
        most_s = np.array([column.most_s for column in columns])
        fixed_s = np.array([column.fixed_s.max(initial=0.0) for column in columns])
        node_price_w = np.where(nodes.any(axis=0), node_terms[0], 0.0)
        at_stake = nodes[0].sum(axis=1) + node_price_w.sum(axis=1) + price_w.sum(axis=1)
        scale = np.maximum(at_stake, 1e-9) / np.minimum(most_s, 1e9)
        return cls(nodes, node_terms, media, price_w, most_s - fixed_s, scale)

    def at(self, rows: Ints, multiplier_w_per_s: Floats) -> _PricedAt:
        """Choose speeds and shares of some columns at (C, V) latency multipliers."""
        worth = multiplier_w_per_s[:, None]
        segments = NodeSegments(*(part[..., None] for part in self.nodes[:, rows]))
        terms = SegmentPrices(worth, *(part[..., None] for part in self.node_terms[:, rows]))
        shape = (*segments.load.shape[:2], worth.shape[-1])
        speed = np.broadcast_to(cheapest_speed(segments, terms), shape)
        asks = (segments.load > 0.0) | (segments.late_s > 0.0)
        share = np.where(asks, best_share(segments, terms, speed), 0.0)
        load, late_s = (part[..., None] for part in self.media[:, rows])
        none, one = np.zeros_like(load), np.ones_like(load)
        price_w = self.medium_price_w[rows][..., None]
        on_air = best_share(NodeSegments(none, none, load, late_s), SegmentPrices(worth, price_w, one, one, one), one)
        on_air = np.where((load > 0.0) | (late_s > 0.0), on_air, 0.0)
        late = _over(segments.late_s, speed * share) + _over(late_s, on_air)
        computes = (segments.load <= speed * share * (1 + 1e-9)).all(axis=1)
        carries = (load <= on_air * (1 + 1e-9)).all(axis=1)
        return _PricedAt(speed, share, on_air, late, np.asarray(computes & carries))


def _over(time_s: Floats, share: Floats) -> Floats:
    """(C, V) sums of (C, P, 1) times over (C, P, V) shares; nothing takes no time at any share."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(time_s > 0.0, time_s / share, 0.0).sum(axis=1))
