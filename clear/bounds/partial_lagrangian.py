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

Each app is bounded with all of its operating points as one at first. Where the source's least lets an app leave, only
that bound can hold the least down, so envelopes are opened there alone, again and again.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planner.clear.bounds.source_subproblem import SourceOptions, SourceSubproblem
from planner.clear.pricing.app_pricing import AppPricing
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.instance import JointInstance
from planner.clear.workers import in_parallel
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats

_COARSE, _FINE = 30, 50
"""Coarse ranges of speed of a source with a clock, and the fine ranges that each of them is divided into."""
_AT_ONCE = 2
"""Coarse ranges that are divided at once, those of the lowest bounds first."""
_FACTORS = np.concatenate([np.linspace(0.0, 1.6, 17), np.geomspace(1.8, 10.0, 8)])
"""Prices of a source's shares that are tried, in parts of what is known of it."""
_SMALL = 5e-3
"""Apps that cost less than this part of all are not branched on."""
_ROWS_OF_SMALL, _ROWS = 9, 33
"""Rows that are looked at of small apps, and of others."""
_REFINEMENTS, _GAIN = 16, 2e-4
"""Times that envelopes are opened, and the part of the bound that opening them has to raise it by."""
_CHOICES = 1_000
"""Choices of what apps of a source do that are looked at the most."""

Ranges = tuple[Floats, Floats]
"""(G,) least and (G,) largest speeds."""


def partial_lagrangian_bound(
    joint: JointInstance,
    apps: Sequence[AppPricing],
    prices: DualPrices,
    deadline: Deadline,
    jobs: int = 1,
) -> float:
    """Compute a lower bound on the power of all plans, by one branch and bound per source at given prices.

    Args:
        joint: All apps.
        apps: Their pricers.
        prices: Prices of all nodes and media, good ones where the bound is to be high.
        deadline: When to give up.
        jobs: Threads that look at apps; the bound does not depend on their number.

    Returns:
        The bound in W; -inf where there is no time for it.
    """
    network, numbers = joint.network, sorted({app.source for app in joint.apps})
    kept = np.ones(network.size)
    kept[numbers] = 0.0
    others = DualPrices(prices.node_w * kept, prices.use_w * kept, prices.memory_w_per_byte * kept, prices.media_w)
    total_w = others.nodes_w(joint, kept > 0.0) - float(others.media_w.sum())
    whole_w = sum(app.last_w for app in apps if np.isfinite(app.last_w))
    sources = []
    for number in numbers:
        known_w = max(float(prices.node_w[number]), float(network.idle_power_w[number]), _SMALL * whole_w)
        source_w = known_w * _FACTORS

        def rooted(app: int, source_w: Floats = source_w) -> SourceSubproblem | None:
            return None if deadline.expired else SourceSubproblem(apps[app], others.of_app(app), source_w)

        own = np.flatnonzero([instance.source == number for instance in joint.apps]).tolist()
        found = in_parallel(rooted, own, jobs)
        if None in found:
            return -np.inf
        small = tuple(apps[app].last_w < _SMALL * whole_w for app in own)
        sources.append(_Source(joint, number, source_w, tuple(one for one in found if one is not None), small))
    return total_w + sum(source.refined(_GAIN * whole_w, deadline, jobs) for source in sources)


@dataclass(frozen=True, eq=False)
class _Least:
    """What the apps of a source cost at the least, and what they do there."""

    cost_w: float
    price: int
    """Price of the source at which the least is attained (index)."""
    leaving: tuple[int, ...]
    """Apps that leave there, or would at the price before or behind (positions among those of the source)."""


@dataclass(frozen=True, eq=False)
class _Source:
    """A source with its A apps, at J prices of its shares."""

    joint: JointInstance
    number: int
    source_w: Floats
    apps: tuple[SourceSubproblem, ...]
    small: tuple[bool, ...]
    """(A,) whether an app is too small to be branched on."""

    def refined(self, gain_w: float, deadline: Deadline, jobs: int) -> float:
        """Return what the source's apps cost at the least, with envelopes opened as long as that raises it enough."""
        least = self._least(deadline)
        most = [_ROWS_OF_SMALL if small else _ROWS for small in self.small]
        for _ in range(_REFINEMENTS):

            def refine(app: int, price: int = least.price) -> bool:
                return not deadline.expired and self.apps[app].refine(price, most[app])

            if not any(in_parallel(refine, least.leaving, jobs)):
                break
            before, least = least, self._least(deadline)
            if least.cost_w < before.cost_w + gain_w:
                break
        return least.cost_w

    def _least(self, deadline: Deadline) -> _Least:
        """Return the least over whether the source is in use, and over all ranges of its speed, some at a time."""
        joint, number, options = self.joint, self.number, [app.options for app in self.apps]
        off_w = sum(one.at_once_w for one in options)
        must = joint.branch is not None and joint.branch.least[joint.kinds[number]] > 0
        idle_w = float(joint.network.idle_power_w[number])
        stays, most = list(zip(options, self.small, strict=True)), float(joint.network.max_utilization[number])
        everywhere = tuple(range(len(options)))
        least = _Least(np.inf if must else off_w, 0, everywhere)
        low, high = _ranges(float(joint.network.slowest[number]), float(joint.network.fastest[number]))
        coarse = _Problem.of((low[:, 0], high[:, -1]), self.source_w, most, stays).bounds_w
        order = np.argsort(coarse, kind="stable")
        for start in range(0, len(order), _AT_ONCE):
            some = order[start : start + _AT_ONCE]
            if idle_w + coarse[some[0]] >= least.cost_w:
                break
            ranges = (low[some].ravel(), high[some].ravel())
            node = _Problem.of(ranges, self.source_w, most, stays).best(deadline, least.cost_w - idle_w)
            if idle_w + node.bound_w < least.cost_w:
                at = (ranges[0][[node.speed]], ranges[1][[node.speed]])
                leaving = [app for app in everywhere if _leaves(options[app], at, self.source_w, most, node.price)]
                least = _Least(idle_w + node.bound_w, node.price, tuple(leaving))
        return least


def _ranges(slowest: float, fastest: float) -> tuple[Floats, Floats]:
    """(C, F) least and largest speeds of fine ranges, by coarse range; one range where there is no clock."""
    if slowest >= fastest:
        return np.array([[slowest]]), np.array([[fastest]])
    edges = np.geomspace(slowest, fastest, _COARSE * _FINE + 1)
    return edges[:-1].reshape(_COARSE, _FINE), edges[1:].reshape(_COARSE, _FINE)


def _leaves(options: SourceOptions, ranges: Ranges, source_w: Floats, most: float, price: int) -> bool:
    """Whether leaving is the cheapest of an app's options in a range of speeds, at a price or at one beside it."""
    costs_w = _costs(options, ranges, source_w, most)[:, 0, max(price - 1, 0) : price + 2]
    return bool((costs_w.argmin(axis=0) >= len(options.home)).any())


@dataclass(frozen=True, eq=False)
class _Problem:
    """What the apps of one source can do, in G ranges of its speed and at J prices of its shares."""

    given_w: Floats
    """(G, J) cost of apps that are not branched on, less what the price brings in."""
    choices_w: tuple[Floats, ...]
    """(C, G, J) costs of what each other app can do."""

    @classmethod
    def of(cls, ranges: Ranges, source_w: Floats, most: float, stays: Sequence[tuple[SourceOptions, bool]]) -> _Problem:
        """Price what apps do in G ranges of speed; those that are small do what is cheapest at each speed and price."""
        given_w = np.tile(-most * source_w, (len(ranges[0]), 1))
        choices_w = []
        for stay, small in stays:
            costs_w = _costs(stay, ranges, source_w, most)
            if small:
                given_w += costs_w.min(axis=0, initial=np.inf)
            else:
                choices_w.append(costs_w)
        return cls(given_w, tuple(choices_w))

    def least(self, deadline: Deadline, enough_w: float = np.inf) -> float:
        """Return what the source's apps cost at the least; it may be less where that is `enough_w` or more."""
        return self.best(deadline, enough_w).bound_w

    def best(self, deadline: Deadline, enough_w: float = np.inf) -> _Node:
        """Return the node of branch and bound with that least."""
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
        return queue[0]

    @property
    def bounds_w(self) -> Floats:
        """(G,) bound on what is done in each range."""
        everything = sum((costs.min(axis=0, initial=np.inf) for costs in self.choices_w), self.given_w)
        return np.asarray(everything.max(axis=1))

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


def _costs(stay: SourceOptions, ranges: Ranges, source_w: Floats, most: float) -> Floats:
    """(C, G, J) costs of staying at each operating point, and of leaving, in ranges of speed and at prices."""
    low, high = ranges[0][:, None], ranges[1][:, None]
    dynamic_w, static_w, needed = (part[:, None, None] for part in stay.home.T)
    home = dynamic_w * low**2 + (static_w + source_w * needed) / high
    home = np.where(needed <= most * high * (1.0 + 1e-9), home, np.inf)
    away = np.broadcast_to(stay.away_w[:, None], (len(stay.away_w), *home.shape[1:]))
    return np.concatenate([home, away])
