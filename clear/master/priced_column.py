"""Priced columns: a column with the speeds and shares of least cost at dual prices that keep its latency limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.pricing.node_segments import NodeSegments, SegmentPrices, best_share, cheapest_speed
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.network import Bools, Floats, Network

_STEPS, _SIDE = 3, 128
"""Times that latency multipliers are tried, and how many side by side: each time the range shrinks to a part in 127."""
_FAST = 1e12
"""A latency multiplier, in multiples of what is at stake, at which nothing but time counts."""


@dataclass(frozen=True)
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


def price_column(column: Column, joint: JointInstance, prices: DualPrices) -> PricedColumn | None:
    """Return the cheapest priced column at given prices; None where the plan is late at full speed with full shares."""
    asked = _ColumnPricing.of(column, joint, prices)
    ends = asked.at(np.array([0.0, _FAST * asked.scale]))
    left_s = column.most_s - column.fixed_s.max(initial=0.0)
    if not ends.late_s[1] <= left_s or not ends.stable[1]:
        return None
    chosen = ends.row(0 if ends.late_s[0] <= left_s else 1)
    if ends.late_s[0] > left_s:
        low, high = 1e-12 * asked.scale, _FAST * asked.scale
        for _ in range(_STEPS):
            values = np.exp(np.linspace(np.log(low), np.log(high), _SIDE))
            tried = asked.at(values)
            first = int((tried.late_s[1:] <= left_s).argmax()) + 1  # the dearer time, the less late
            if not tried.late_s[first] <= left_s:
                break
            low, high, chosen = values[first - 1], values[first], tried.row(first)
    power_w = column.transfer_w + float((column.dynamic_w * chosen.speed**2 + column.static_w / chosen.speed).sum())
    return PricedColumn(column, chosen.speed, chosen.node_share, chosen.medium_share, power_w)


@dataclass(frozen=True)
class _PricedAt:
    """Speeds and shares at V latency multipliers, one row each."""

    speed: Floats
    node_share: Floats
    medium_share: Floats
    late_s: Floats
    stable: Bools

    def row(self, number: int) -> _PricedAt:
        """Return what was chosen at one of the values."""
        return _PricedAt(*(part[number] for part in vars(self).values()))


@dataclass(frozen=True)
class _ColumnPricing:
    """What a column asks at given prices; of several latencies the largest part on each node and medium counts."""

    nodes: NodeSegments
    media: NodeSegments
    node_price_w: Floats
    medium_price_w: Floats
    network: Network
    column: Column

    @classmethod
    def of(cls, column: Column, joint: JointInstance, prices: DualPrices) -> _ColumnPricing:
        none = np.zeros(len(column.media))
        medium_price = dict(zip(joint.media.tolist(), prices.media_w.tolist(), strict=True))
        return cls(
            nodes=NodeSegments(column.dynamic_w, column.static_w, column.node_load, column.node_s.max(axis=0)),
            media=NodeSegments(none, none, column.medium_load, column.medium_s.max(axis=0, initial=0.0)),
            node_price_w=prices.node_w[column.nodes],
            medium_price_w=np.array([medium_price.get(medium, 0.0) for medium in column.media.tolist()]),
            network=joint.network,
            column=column,
        )

    @property
    def scale(self) -> float:
        """Size of the latency multiplier: power at stake over the limit."""
        at_stake = self.column.dynamic_w.sum() + self.node_price_w.sum() + self.medium_price_w.sum()
        return float(max(at_stake, 1e-9) / min(self.column.most_s, 1e9))

    def at(self, multiplier_w_per_s: Floats) -> _PricedAt:
        """Choose speeds and shares at (V,) latency multipliers."""
        network, nodes, worth = self.network, self.column.nodes, multiplier_w_per_s[:, None]
        ranges = (network.slowest[nodes], network.fastest[nodes], network.max_utilization[nodes])
        terms = SegmentPrices(worth, self.node_price_w, *ranges)
        speed = cheapest_speed(self.nodes, terms)
        share = best_share(self.nodes, terms, speed)
        one = np.ones(len(self.column.media))
        on_air = best_share(self.media, SegmentPrices(worth, self.medium_price_w, one, one, one), one)
        share = np.where(self.column.timed_nodes, share, 0.0)
        on_air = np.where(self.column.timed_media, on_air, 0.0)
        late = _over(self.nodes.late_s, speed * share) + _over(self.media.late_s, on_air)
        computes = (self.nodes.load <= speed * share * (1 + 1e-9)).all(axis=1)
        carries = (self.media.load <= on_air * (1 + 1e-9)).all(axis=1)
        return _PricedAt(speed, share, on_air, late, np.asarray(computes & carries))


def _over(time_s: Floats, share: Floats) -> Floats:
    """(V,) sums of times over shares; nothing takes no time at any share."""
    used = time_s > 0.0
    with np.errstate(divide="ignore"):
        return np.asarray((time_s[used] / share[:, used]).sum(axis=1))
