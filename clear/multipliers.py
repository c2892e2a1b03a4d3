"""One app's share of the Lagrangian bound: the best values of time, for all operating points that may matter.

For any value theta >= 0 of a second, the least of ``power + prices + theta (latency - limit)`` over some plans is below
every one of them that is in time, so the largest such value is a bound on those plans. Plans are told apart by the
block before which data leaves the source first, as an average of plans that stay and plans that leave would be in time
cheaply; one sweep prices all of these classes. They are told apart by operating point, but for points that an envelope
(`clear.envelopes`) settles together.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clear.envelopes import PointTree
from clear.pricing import AppPrices, Pricer, Rows, Sweep
from clear.revisits import revisiting_by_leave
from clear.ways import Ways
from fin.decision import Decision
from fin.instance import Instance
from fin.network import Floats

_CLASSES = 3
"""Classes of plans whose values of time are tried side by side, lowest bound first."""
_KEPT = 2
"""Best classes whose plans are named."""
_POINTS = 2
"""Operating points that are looked at in `answer_of_few`."""
_WIDE = 10.0 ** np.arange(-3.0, 3.5)
"""Values of time to begin with, in units of the app's power over its limit."""
_NARROW, _FAR = 1.02, 8.0
"""Least and largest ratio between the values of time that are tried side by side."""
_STEPS = 8
_ENOUGH = 1e-5
"""Relative gain at which no further values of time are tried."""


@dataclass(frozen=True)
class Answer:
    """What one app says to prices."""

    bound_w: float
    """No plan of the app costs less at these prices."""
    decisions: tuple[Decision, ...]
    """Plans that were the cheapest at some value of time, the best first."""


@dataclass(frozen=True)
class _Found:
    """Bounds on the plans of one row."""

    bound_w: float
    decisions: tuple[Decision, ...]


class _Row:
    """What is remembered of one row (a point or an envelope) from one set of prices to the next."""

    def __init__(self, values: Floats, lowest: Floats) -> None:
        self.value = values
        """(D + 1,) best value of time of each class."""
        self.lowest = lowest
        """(D + 1,) last bound of each class."""
        self.ratio = 2.0

    def tries(self) -> Floats:
        """Return values of time to try: around that of the lowest class, and those of the next ones."""
        first, *others = np.argsort(self.lowest, kind="stable")[:_CLASSES]
        value = self.value[first]
        return np.unique([value / self.ratio, value, value * self.ratio, *self.value[others]])

    def learn(self, values: Floats, bounds: Floats, known: Floats) -> Floats:
        """Take in (W, D + 1) bounds at (W,) values; return the higher of those and what was known of each class."""
        best = bounds.argmax(axis=0)
        higher = bounds[best, np.arange(bounds.shape[1])]
        self.value = np.where(higher > known, values[best], self.value)
        self.lowest = np.maximum(higher, known)
        first = int(self.lowest.argmin())
        inside = 0 < best[first] < len(values) - 1
        self.ratio = float(np.clip(np.sqrt(self.ratio) if inside else 1.5 * self.ratio, _NARROW, _FAR))
        return self.lowest


class Multipliers:
    """Remembers the best values of time from one set of prices to the next."""

    def __init__(self, pricer: Pricer, tree: PointTree) -> None:
        self._pricer, self._tree = pricer, tree
        self._most_s = pricer.stages.most_s
        self._rows: dict[int, _Row] = {}
        self._again: dict[int, _Row] = {}
        """The same for plans that come back to a node or medium."""
        self._last: dict[int, float] = {}
        """Last bound of the points that were looked at."""

    def with_rates(self, instance: Instance, ways: Ways) -> Multipliers:
        """Hand what is known on to the same app where rates of links, or its own, have changed."""
        other = Multipliers(self._pricer.with_rates(instance, ways), self._tree)
        factor = instance.rate_per_s / self._pricer.instance.rate_per_s
        other._rows = {row: _Row(factor * held.value, factor * held.lowest) for row, held in self._rows.items()}
        other._again = {row: _Row(factor * held.value, factor * held.lowest) for row, held in self._again.items()}
        other._last = {point: factor * bound for point, bound in self._last.items()}
        return other

    @property
    def effort(self) -> float:
        """How long a bound on all plans takes, in parts."""
        return float(self._tree.points * self._pricer.stages.carry_bits.size**2)

    def answer_of_few(self, prices: AppPrices) -> Answer:
        """Answer for the points that were best before; `bound_w` holds for their plans only."""
        if not self._last:
            self._descend(prices)
        points = sorted(self._last, key=lambda point: (self._last[point], point))[:_POINTS]
        found = sorted((self._bound(point, prices) for point in points), key=lambda one: one.bound_w)
        for point in range(self._tree.points) if np.isinf(found[0].bound_w) else ():
            if point not in self._last:  # what was looked at so far has no plan
                found.insert(0, self._bound(point, prices))
                if np.isfinite(found[0].bound_w):
                    break
        decisions = [*found[0].decisions, *(decision for one in found[1:] for decision in one.decisions[:1])]
        return Answer(found[0].bound_w, tuple(decisions))

    def proved(self, prices: AppPrices, slack_w: float) -> Answer:
        """Bound all plans of the app, those that come back to a node or medium included.

        Operating points whose plans are within `slack_w` of the least bound found are not told apart.
        """
        few = self.answer_of_few(prices)
        decisions: list[Decision] = []

        def single(row: int, enough_w: float) -> float:
            found = self._bound(row, prices, enough_w)
            decisions.extend(found.decisions)
            return found.bound_w

        best = self._least(single, few.bound_w, slack_w)
        again = self._least(lambda row, enough_w: self._revisiting(row, prices, enough_w), best, slack_w)
        return Answer(min(best, again), (*few.decisions, *decisions))

    def rough(self, prices: AppPrices) -> float:
        """Return a bound on all plans of the app, quick and weak: all points as one."""
        root = self._tree.root
        return min(self._bound(root, prices).bound_w, self._revisiting(root, prices, -np.inf))

    def _least(self, bound_of: Callable[[int, float], float], enough_w: float, slack_w: float) -> float:
        """Return the least bound over all points: envelopes are opened, lowest first, while they are too low."""
        closed = np.inf
        queue = [(-np.inf, self._tree.root)]
        while queue:
            inherited, row = heapq.heappop(queue)
            if inherited >= enough_w - slack_w:
                return min(closed, inherited)
            bound = max(bound_of(row, enough_w - slack_w), inherited)
            if row < self._tree.points:
                enough_w = min(enough_w, bound)
            if row < self._tree.points or bound >= enough_w - slack_w:
                closed = min(closed, bound)
            else:
                for child in self._tree.children[row].tolist():
                    heapq.heappush(queue, (bound, child))
        return closed

    def _descend(self, prices: AppPrices) -> None:
        """Find a good point: from the envelope of all, always into the cheaper half."""
        row = self._tree.root
        while row >= self._tree.points:
            held, below = self._row(row, prices), self._tree.children[row]
            value = float(held.value[int(held.lowest.argmin())])
            sweep = self._pricer.sweep(Rows(below, np.full(2, value)), prices)
            row = int(below[int(sweep.by_leave.min(axis=1).argmin())])
        self._bound(row, prices)

    def _row(self, row: int, prices: AppPrices) -> _Row:
        """Return what is remembered of a row; of its envelope where nothing is."""
        if row not in self._rows:
            if row == self._tree.root:
                self._rows[row] = self._begin(prices)
            else:
                above = self._row(int(self._tree.parent[row]), prices)
                self._rows[row] = _Row(above.value, above.lowest)
        return self._rows[row]

    def _begin(self, prices: AppPrices) -> _Row:
        """Look for the size of the values of time."""
        root = self._tree.root
        if not np.isfinite(self._most_s):
            layers = int(self._pricer.stages.depth[root])
            return _Row(np.zeros(layers + 1), np.zeros(layers + 1))
        _, free = self._sweep(root, np.zeros(1), prices)
        least = float(free.min())
        values = max(least if np.isfinite(least) else 1.0, 1e-9) / self._most_s * _WIDE
        _, bounds = self._sweep(root, values, prices)
        return _Row(values[bounds.argmax(axis=0)], bounds.max(axis=0))

    def _bound(self, row: int, prices: AppPrices, enough_w: float = -np.inf) -> _Found:
        """Bound the plans of a row that come back to nothing; name the cheapest where the row is a point.

        Values of time are tried until the bound is `enough_w`: once, if that is -inf.
        """
        held = self._row(row, prices)
        width = int(self._pricer.stages.depth[row]) + 1
        held.value, held.lowest = held.value[:width], held.lowest[:width]
        swept: list[tuple[Floats, Sweep, Floats]] = []

        def bounds_at(values: Floats) -> Floats:
            swept[:] = [(values, *self._sweep(row, values, prices))]
            return swept[0][2]

        bound = self._climbed(held, bounds_at, enough_w)
        if row >= self._tree.points:
            return _Found(bound, ())
        self._last[row] = bound
        return _Found(bound, self._plans(row, *swept[0], prices) if np.isfinite(bound) else ())

    def _plans(self, row: int, values: Floats, sweep: Sweep, bounds: Floats, prices: AppPrices) -> tuple[Decision, ...]:
        """Return plans of the best classes, each at two values of time, and the one that never leaves the source."""
        lowest = self._rows[row].lowest
        rows = Rows(np.full(len(values), row), values)
        found = []
        home = bounds.shape[1] - 1
        for leave in dict.fromkeys([*np.argsort(lowest, kind="stable")[:_KEPT].tolist(), home]):
            best = int(bounds[:, leave].argmax())
            for number in {best: None, min(best + 1, len(values) - 1): None} if leave < home else (best,):
                if np.isfinite(bounds[number, leave]):
                    found.append(self._pricer.decision(rows, prices, sweep, number, leave))
        return tuple(found)

    def _sweep(self, row: int, values: Floats, prices: AppPrices) -> tuple[Sweep, Floats]:
        """Return a sweep at (W,) values of time, and (W, D + 1) bounds by class."""
        sweep = self._pricer.sweep(Rows(np.full(len(values), row), values), prices)
        return sweep, self._less_limit(values, sweep.by_leave)

    def _revisiting(self, row: int, prices: AppPrices, enough_w: float) -> float:
        """Return a bound on plans that come back to a node or medium."""
        if row not in self._again:
            single, width = self._row(row, prices), int(self._pricer.stages.depth[row]) + 1
            self._again[row] = _Row(single.value[:width], single.lowest[:width])
        held = self._again[row]

        def bounds_at(values: Floats) -> Floats:
            rows = Rows(np.full(len(values), row), values)
            return self._less_limit(values, revisiting_by_leave(self._pricer, rows, prices))

        return self._climbed(held, bounds_at, enough_w)

    def _less_limit(self, values: Floats, costs: Floats) -> Floats:
        """Take ``theta * limit`` off (W, D + 1) costs."""
        return costs - values[:, None] * self._most_s if np.isfinite(self._most_s) else costs

    def _climbed(self, held: _Row, bounds_at: Callable[[Floats], Floats], enough_w: float) -> float:
        """Try values of time until the lowest class is high enough, or gains nothing more."""
        known = np.full(len(held.value), -np.inf)
        for _ in range(_STEPS if np.isfinite(self._most_s) else 1):
            before = float(known.min())
            values = held.tries()
            known = held.learn(values, bounds_at(values), known)
            if known.min() >= enough_w or known.min() - before <= _ENOUGH * abs(float(known.min())):
                break
        return float(known.min())
