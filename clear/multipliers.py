"""One app's share of the Lagrangian bound: the best value of time, for every operating point that may matter.

For any value theta >= 0 of a second, the least of ``power + prices + theta (latency - limit)`` over an operating
point's plans is below every plan of that point that is in time, so the largest such value is a bound, and the least
bound of all points is a bound for the app. Points are swept in order of a cheaper bound (`Pricer.floors`), until the
floor of the next one is above what has been found.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np

from clear.pricing import AppPrices, Pricer, Rows
from clear.revisits import least_revisiting
from clear.ways import Ways
from fin.decision import Decision
from fin.instance import Instance
from fin.network import Floats, Ints

_POINTS_AT_ONCE = 4
_WIDE = 10.0 ** np.array([-3.0, -1.5, 0.0, 1.5, 3.0])
"""Values of time to begin with, in units of the app's power over its limit."""
_AROUND = np.array([-1.0, 0.0, 1.0])
_NARROW, _WIDENED, _FAR = 1.02, 4.0, 8.0
"""Least, first and largest ratio between the values of time that are tried side by side."""


@dataclass(frozen=True)
class Answer:
    """What one app says to prices."""

    bound_w: float
    """No plan of the app costs less at these prices."""
    decisions: tuple[Decision, ...]
    """Plans that were the cheapest at some value of time, the best first."""


class Multipliers:
    """Remembers the best value of time of every operating point from one set of prices to the next."""

    def __init__(self, pricer: Pricer) -> None:
        self._pricer = pricer
        points = len(pricer.stages.depth)
        self._value = np.full(points, np.nan)
        self._ratio = np.full(points, _WIDENED)
        self._last = np.full(points, np.inf)

    def with_rates(self, instance: Instance, ways: Ways) -> Multipliers:
        """Hand what is known on to the same app where rates of links, or its own, have changed."""
        other = copy(self)
        other._pricer = self._pricer.with_rates(instance, ways)
        factor = instance.rate_per_s / self._pricer.instance.rate_per_s
        other._value, other._last = self._value * factor, self._last * factor
        other._ratio = np.full(len(self._value), _WIDENED)
        return other

    def answer_of_few(self, prices: AppPrices) -> Answer:
        """Answer for the points that were best before; `bound_w` holds for their plans only."""
        self._begin(prices)
        known = np.isfinite(self._last).any()
        order = np.argsort(self._last if known else self._floors(prices), kind="stable")
        points = order[:_POINTS_AT_ONCE]
        bounds, found = self._sweep(points, prices)
        best = int(bounds.argmin())
        return Answer(float(bounds[best]), tuple(found[best]))

    def floor(self, prices: AppPrices) -> float:
        """Return a bound on all plans of the app, quick and weak."""
        self._begin(prices)
        return float(self._floors(prices).min())

    def proved(self, prices: AppPrices, slack_w: float) -> Answer:
        """Bound all plans of the app, those that come back to a node or medium included."""
        answer = self.answer(prices, slack_w)
        floors, best = self._floors(prices), answer.bound_w
        for point in np.argsort(floors, kind="stable"):
            if floors[point] >= best - slack_w:
                return Answer(min(best, float(floors[point])), answer.decisions)
            row = Rows(np.array([point]), self._value[[point]])
            best = min(best, float(self._less_limit(row, least_revisiting(self._pricer, row, prices))[0]))
        return Answer(best, answer.decisions)

    def answer(self, prices: AppPrices, slack_w: float) -> Answer:
        """Bound the plans that come back to nothing, and name the cheapest.

        Operating points whose floor is within `slack_w` of the least bound found are not looked at: the bound then is
        that floor.
        """
        self._begin(prices)
        floors = self._floors(prices)
        order = np.argsort(floors, kind="stable")
        best = np.inf
        decisions: list[Decision] = []
        for start in range(0, len(order), _POINTS_AT_ONCE):
            points = order[start : start + _POINTS_AT_ONCE]
            if floors[points[0]] >= best - slack_w:
                return Answer(min(best, float(floors[points[0]])), tuple(decisions))
            bounds, found = self._sweep(points[floors[points] < best], prices)
            if bounds.min() < best:
                best = float(bounds.min())
                decisions = found[int(bounds.argmin())] + decisions
        return Answer(best, tuple(decisions))

    def _begin(self, prices: AppPrices) -> None:
        """Look for the size of the value of time where none is known yet."""
        fresh = np.flatnonzero(np.isnan(self._value))
        if len(fresh) == 0:
            return
        most_s = self._pricer.stages.most_s
        if not np.isfinite(most_s):
            self._value[fresh] = 0.0
            return
        scale = np.maximum(self._pricer.floors(Rows(fresh, np.zeros(len(fresh))), prices), 1e-9) / most_s
        values = scale[:, None] * _WIDE
        floors = self._pricer.floors(Rows(np.repeat(fresh, len(_WIDE)), values.ravel()), prices)
        best = (floors - values.ravel() * most_s).reshape(values.shape).argmax(axis=1)
        self._value[fresh] = values[np.arange(len(fresh)), best]

    def _floors(self, prices: AppPrices) -> Floats:
        """(K,) cheap bounds at the values of time held."""
        rows = Rows(np.arange(len(self._value)), self._value)
        return self._less_limit(rows, self._pricer.floors(rows, prices))

    def _less_limit(self, rows: Rows, values_w: Floats) -> Floats:
        most_s = self._pricer.stages.most_s
        return values_w - rows.value_w_per_s * most_s if np.isfinite(most_s) else values_w

    def _sweep(self, points: Ints, prices: AppPrices) -> tuple[Floats, list[list[Decision]]]:
        """Return the bounds of some points, and the plans met at the best value of time and the next larger one."""
        exponents = _AROUND if np.isfinite(self._pricer.stages.most_s) else np.zeros(1)
        steps = self._ratio[points][:, None] ** exponents
        values = self._value[points][:, None] * steps
        rows = Rows(np.repeat(points, steps.shape[1]), values.ravel())
        sweep = self._pricer.sweep(rows, prices)
        bounds = self._less_limit(rows, sweep.value_w).reshape(values.shape)
        best = bounds.argmax(axis=1)
        at, width = np.arange(len(points)), values.shape[1]
        self._value[points], self._last[points] = values[at, best], bounds[at, best]
        ratio = np.where(best == (width - 1) // 2, np.sqrt(self._ratio[points]), 1.5 * self._ratio[points])
        self._ratio[points] = np.clip(ratio, _NARROW, _FAR)
        found = []
        for row in at:
            near = sorted({int(best[row]), min(int(best[row]) + 1, width - 1)})
            held = [row * width + number for number in near if np.isfinite(bounds[row, number])]
            found.append([self._pricer.decision(rows, prices, sweep, number) for number in held])
        return bounds[at, best], found
