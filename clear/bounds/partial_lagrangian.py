"""Partial Lagrangian bound: sources keep their capacity, all else is priced; one branch and bound per source.

The bound of `clear.pricing.dual_prices` sells everything, in parts: half an app may stay on its phone, at a speed of
its own. Here nothing of the sources (nodes where data of apps begins) is for sale: their apps share them as they are.
All else has its price as before, so what is left falls apart into one problem per source. In it every app stays at one
of its operating points, or leaves behind some block (`clear.bounds.source_subproblem`), and the source runs those that
stay at one clock.

For a range of speeds and a choice of what each app does, costs are at least ``sum of costs - most mu`` at any price
mu >= 0 of the source's shares, where an app that stays costs ``E low^2 + (S + mu d) / high`` and one that leaves its
bound at mu. A source's problem costs at least the least over ranges and choices of the highest over mu, found by branch
and bound on what apps do. A source that is not in use costs nothing, and all of its apps leave at once. Apps of other
sources visit a source for the power that they take, no more: that is below what they pay.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planner.clear.bounds.source_subproblem import SourceOptions, source_options
from planner.clear.pricing.app_pricing import AppPricing
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.instance import JointInstance
from planner.clear.workers import in_parallel
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats

_RANGES, _AT_ONCE = 1_500, 100
"""Ranges of speed of a source with a clock, and how many of them are looked at together."""
_FACTORS = np.concatenate([np.linspace(0.0, 1.6, 17), np.geomspace(1.8, 10.0, 8)])
"""Prices of a source's shares that are tried, in parts of what is known of it."""
_SMALL = 5e-3
"""Apps that cost less than this part of all are not branched on."""
CLOSE, QUICK = (9, 33), (3, 3)
"""Rows that are looked at of small apps, and of others."""
_CHOICES = 1_000
"""Choices of what apps of a source do that are looked at the most."""


def partial_lagrangian_bound(
    joint: JointInstance,
    apps: Sequence[AppPricing],
    prices: DualPrices,
    deadline: Deadline,
    rows: tuple[int, int] = CLOSE,
    jobs: int = 1,
) -> float:
    """Return a lower bound on the power of all plans, in watts; -inf where there is no time for it.

    Args:
        joint: All apps.
        apps: Their pricers.
        prices: Prices of all nodes and media, good ones where the bound is to be high.
        deadline: When to give up.
        rows: How closely apps are looked at.
        jobs: Threads that look at apps; the bound does not depend on their number.
    """
    network, sources = joint.network, sorted({app.source for app in joint.apps})
    kept = np.ones(network.size)
    kept[sources] = 0.0
    others = DualPrices(prices.node_w * kept, prices.use_w * kept, prices.memory_w_per_byte * kept, prices.media_w)
    total_w = others.nodes_w(joint, kept > 0.0) - float(others.media_w.sum())
    whole_w = sum(app.last_w for app in apps if np.isfinite(app.last_w))
    for source in sources:
        known_w = max(float(prices.node_w[source]), float(network.idle_power_w[source]), _SMALL * whole_w)
        source_w = known_w * _FACTORS

        def stay(number: int, source_w: Floats = source_w) -> tuple[SourceOptions, bool] | None:
            small = apps[number].last_w < _SMALL * whole_w
            if deadline.expired:
                return None
            return source_options(apps[number], others.of_app(number), source_w, rows[0 if small else 1]), small

        own = np.flatnonzero([instance.source == source for instance in joint.apps]).tolist()
        found = in_parallel(stay, own, jobs)
        stays = [one for one in found if one is not None]
        if len(stays) < len(own):
            return -np.inf
        on_w = float(network.idle_power_w[source]) + _source_w(joint, source, source_w, stays, deadline)
        off_w = sum(options.at_once_w for options, _ in stays)
        must = joint.branch is not None and joint.branch.least[joint.kinds[source]] > 0
        total_w += on_w if must else min(on_w, off_w)
    return total_w


def _source_w(
    joint: JointInstance,
    source: int,
    source_w: Floats,
    stays: Sequence[tuple[SourceOptions, bool]],
    deadline: Deadline,
) -> float:
    """Return what the apps of a source cost at the least, over all ranges of its speed, some ranges at a time."""
    slowest, fastest = float(joint.network.slowest[source]), float(joint.network.fastest[source])
    edges = np.geomspace(slowest, fastest, _RANGES + 1) if slowest < fastest else np.array([slowest, fastest])
    most, least_w = float(joint.network.max_utilization[source]), np.inf
    for start in range(0, len(edges) - 1, _AT_ONCE):
        problem = _Problem.of(edges[start : start + _AT_ONCE + 1], source_w, most, stays)
        least_w = min(least_w, problem.least(deadline, least_w))
    return least_w


@dataclass(frozen=True, eq=False)
class _Problem:
    """What the apps of one source can do, in G ranges of its speed and at J prices of its shares."""

    given_w: Floats
    """(G, J) cost of apps that are not branched on, less what the price brings in."""
    choices_w: tuple[Floats, ...]
    """(C, G, J) costs of what each other app can do."""

    @classmethod
    def of(cls, edges: Floats, source_w: Floats, most: float, stays: Sequence[tuple[SourceOptions, bool]]) -> _Problem:
        """Price what apps do between (G + 1,) speeds; those that are small do what is cheapest at each speed, price."""
        given_w = np.tile(-most * source_w, (len(edges) - 1, 1))
        choices_w = []
        for stay, small in stays:
            costs_w = _costs(stay, edges, source_w, most)
            if small:
                given_w += costs_w.min(axis=0, initial=np.inf)
            else:
                choices_w.append(costs_w)
        return cls(given_w, tuple(choices_w))

    def least(self, deadline: Deadline, enough_w: float = np.inf) -> float:
        """Return what the source's apps cost at the least; it may be less where that is `enough_w` or more."""
        queue = [self._looked(0, tuple(np.ones(len(costs), dtype=np.bool_) for costs in self.choices_w))]
        number = 1
        while number < _CHOICES and queue[0].bound_w < enough_w and not deadline.expired:
            node = queue[0]
            app = self._undecided(node) if np.isfinite(node.bound_w) else None
            if app is None:
                break
            heapq.heappop(queue)
            chosen = np.zeros_like(node.open[app])
            chosen[self._cheapest(node, app, node.price + 1)] = True
            for part in (chosen, node.open[app] & ~chosen):
                if part.any():
                    below = self._looked(number, (*node.open[:app], part, *node.open[app + 1 :]))
                    heapq.heappush(queue, replace(below, bound_w=max(below.bound_w, node.bound_w)))
                    number += 1
        return queue[0].bound_w

    def _looked(self, number: int, choices: tuple[Bools, ...]) -> _Node:
        """Bound all that is open: the least over ranges of speed of the highest over prices."""
        total_w = self.given_w.copy()
        for costs, some in zip(self.choices_w, choices, strict=True):
            total_w += costs[some].min(axis=0, initial=np.inf)
        highest = total_w.max(axis=1)
        speed = int(highest.argmin())
        return _Node(float(highest[speed]), number, choices, speed, int(total_w[speed].argmax()))

    def _undecided(self, node: _Node) -> int | None:
        """Return the app whose cheapest choice changes the most about the best price; None where none does."""
        changes = []
        for app, costs in enumerate(self.choices_w):
            lower, higher = (self._cheapest(node, app, node.price + step) for step in (-1, 1))
            at = costs[:, node.speed]
            last = min(node.price + 1, at.shape[1] - 1)
            changes.append(float(at[lower, last] - at[higher, last]))
        best = int(np.argmax(changes)) if changes else -1
        return best if best >= 0 and changes[best] > 0.0 else None

    def _cheapest(self, node: _Node, app: int, price: int) -> int:
        """Return an app's cheapest open choice at a price."""
        costs = self.choices_w[app][:, node.speed, min(max(price, 0), self.given_w.shape[1] - 1)]
        return int(np.where(node.open[app], costs, np.inf).argmin())


@dataclass(frozen=True, order=True)
class _Node:
    """Choices that are open, and their bound."""

    bound_w: float
    number: int
    open: tuple[Bools, ...] = field(compare=False)
    speed: int = field(compare=False)
    price: int = field(compare=False)


def _costs(stay: SourceOptions, edges: Floats, source_w: Floats, most: float) -> Floats:
    """(C, G, J) costs of staying at each operating point, and of leaving, in ranges of speed and at prices."""
    low, high = edges[:-1, None], edges[1:, None]
    dynamic_w, static_w, needed = (part[:, None, None] for part in stay.home.T)
    home = dynamic_w * low**2 + (static_w + source_w * needed) / high
    home = np.where(needed <= most * high * (1.0 + 1e-9), home, np.inf)
    away = np.broadcast_to(stay.away_w[:, None], (len(stay.away_w), *home.shape[1:]))
    return np.concatenate([home, away])
