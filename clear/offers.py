"""An offer: a column with the speeds and shares that are best for its app alone at given prices, in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clear.columns import Column
from clear.prices import Prices
from clear.visits import Terms, Visits, best_share, cheapest_speed
from fin.network import Floats, Ints, Network

_STEPS = 22
"""Halvings of the range of values of time: what is left of it matters for no offer."""
_FAST = 1e12
"""A value of time, in multiples of what is at stake, at which nothing but time counts."""


@dataclass(frozen=True)
class Offer:
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


def offer_of(column: Column, network: Network, media: Ints, prices: Prices) -> Offer | None:
    """Return the cheapest offer at given prices; None where the plan is late at full speed with full shares."""
    asked = _Asked.of(column, network, media, prices)
    fastest = asked.at(_FAST * asked.scale)
    if not column.fixed_s.max(initial=0.0) + fastest.late_s <= column.most_s or not fastest.stable:
        return None
    chosen = asked.at(0.0)
    if column.fixed_s.max(initial=0.0) + chosen.late_s > column.most_s:
        low, high, chosen = 1e-12 * asked.scale, _FAST * asked.scale, fastest
        for _ in range(_STEPS):  # on the logarithm of the value of time
            middle = float(np.sqrt(low * high))
            tried = asked.at(middle)
            if column.fixed_s.max(initial=0.0) + tried.late_s <= column.most_s:
                high, chosen = middle, tried
            else:
                low = middle
    power_w = column.transfer_w + float((column.dynamic_w * chosen.speed**2 + column.static_w / chosen.speed).sum())
    return Offer(column, chosen.speed, chosen.node_share, chosen.medium_share, power_w)


@dataclass(frozen=True)
class _Chosen:
    speed: Floats
    node_share: Floats
    medium_share: Floats
    late_s: float
    stable: bool


@dataclass(frozen=True)
class _Asked:
    """What a column asks at given prices; of several latencies the largest part on each node and medium counts."""

    nodes: Visits
    media: Visits
    node_price_w: Floats
    medium_price_w: Floats
    network: Network
    column: Column

    @classmethod
    def of(cls, column: Column, network: Network, media: Ints, prices: Prices) -> _Asked:
        none = np.zeros(len(column.media))
        medium_price = dict(zip(media.tolist(), prices.media_w.tolist(), strict=True))
        return cls(
            nodes=Visits(column.dynamic_w, column.static_w, column.node_load, column.node_s.max(axis=0)),
            media=Visits(none, none, column.medium_load, column.medium_s.max(axis=0, initial=0.0)),
            node_price_w=prices.node_w[column.nodes],
            medium_price_w=np.array([medium_price.get(medium, 0.0) for medium in column.media.tolist()]),
            network=network,
            column=column,
        )

    @property
    def scale(self) -> float:
        """Size of the value of time: power at stake over the limit."""
        at_stake = self.column.dynamic_w.sum() + self.node_price_w.sum() + self.medium_price_w.sum()
        return float(max(at_stake, 1e-9) / min(self.column.most_s, 1e9))

    def at(self, value_w_per_s: float) -> _Chosen:
        """Choose speeds and shares at a value of time."""
        network, nodes, worth = self.network, self.column.nodes, np.asarray(value_w_per_s)
        ranges = (network.slowest[nodes], network.fastest[nodes], network.max_utilization[nodes])
        terms = Terms(worth, self.node_price_w, *ranges)
        speed = cheapest_speed(self.nodes, terms)
        share = best_share(self.nodes, terms, speed)
        one = np.ones(len(self.column.media))
        on_air = best_share(self.media, Terms(worth, self.medium_price_w, one, one, one), one)
        late = _over(self.nodes.late_s, speed * share) + _over(self.media.late_s, on_air)
        stable = bool(
            (self.nodes.load <= speed * share * (1 + 1e-9)).all() and (self.media.load <= on_air * (1 + 1e-9)).all()
        )
        return _Chosen(speed, share, on_air, late, stable)


def _over(time_s: Floats, share: Floats) -> float:
    """Return the sum of times over shares; nothing takes no time at any share."""
    used = time_s > 0.0
    with np.errstate(divide="ignore"):
        return float((time_s[used] / share[used]).sum())
