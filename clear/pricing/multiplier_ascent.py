"""Values of time that are worth trying, class by class of plans."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planner.fin.instance.network import Bools, Floats

_CLASSES = 3
"""Classes of plans whose values of time are tried side by side, lowest bound first."""
_NARROW, _FAR = 1.02, 8.0
"""Least and largest ratio between the values of time that are tried side by side."""
_STEPS = 8
_ENOUGH = 1e-5
"""Relative gain that no further values of time are tried for."""
_WIDER = 4.0
"""Ratio of a step beyond the values of time tried."""
_MARGIN = 0.05
"""Part of a gap between values of time that the next one keeps from its ends."""

Bounds = Callable[[Floats, int], Floats]
"""Gives (W, D + 1) bounds at (W,) values of time; those of classes before a number may be -inf."""


class LatencyMultipliers:
    """What is remembered of one row (a point or an envelope) from one set of prices to the next."""

    def __init__(self, values: Floats, lowest: Floats) -> None:
        self.value = values
        """(D + 1,) best value of time of each class."""
        self.lowest = lowest
        """(D + 1,) last bound of each class."""
        self.ratio = 2.0

    def of_depth(self, depth: int) -> LatencyMultipliers:
        """Return the same for a row of so many blocks."""
        return LatencyMultipliers(of_depth(self.value, depth), of_depth(self.lowest, depth))

    def tries(self) -> Floats:
        """Return values of time to try: around that of the lowest class, and those of the next ones."""
        first, *others = np.argsort(self.lowest, kind="stable")[:_CLASSES]
        value = self.value[first]
        return np.unique([value / self.ratio, value, value * self.ratio, *self.value[others]])

    def learn(self, values: Floats, bounds: Floats) -> float:
        """Take in (W, D + 1) bounds at (W,) values; return the bound on all classes."""
        best = bounds.argmax(axis=0)
        self.lowest = bounds[best, np.arange(bounds.shape[1])]
        self.value = np.where(np.isneginf(self.lowest), self.value, values[best])
        first = int(self.lowest.argmin())
        inside = 0 < best[first] < len(values) - 1
        self.ratio = float(np.clip(np.sqrt(self.ratio) if inside else 1.5 * self.ratio, _NARROW, _FAR))
        return float(self.lowest[first])


def of_depth(by_class: Floats, depth: int) -> Floats:
    """(depth + 1,) figures of a row's classes that a row above it gives: the last one is of plans that stay."""
    return np.concatenate([by_class[:depth], by_class[-1:]])


class CuttingPlaneAscent:
    """The highest bounds of one row's classes, which are concave in the value of time.

    Lines through two values tried are above the bound everywhere beyond them, so they tell where it may be higher, and
    how much at the most. Bounds on plans that come back are not quite concave (`clear.visits.additive_cost` chooses one
    of two lines), so a climb may end too early there; what it found holds all the same.
    """

    def __init__(self, value: Floats, guess: Floats, ratio: float, gain_w: float, bounds_at: Bounds) -> None:
        self.value = value
        """(D + 1,) best value of time of each class."""
        self._guess = guess
        """(D + 1,) about how high each class is."""
        self.bound = np.full(len(value), -np.inf)
        """(D + 1,) highest bound of each class."""
        self._ratio, self._gain_w, self._bounds_at = ratio, gain_w, bounds_at
        self._tried, self._found = np.zeros(0), np.zeros((0, len(value)))

    def until(self, low: Bools, enough_w: float, whole: bool, steps: int = _STEPS) -> Floats:
        """Climb until all classes that are low are high enough, or one cannot be; return bounds, -inf for others.

        Args:
            low: (D + 1,) classes to look at.
            enough_w: What is high enough.
            whole: Whether to climb to the top even where that is too low.
            steps: How often to try at most.
        """
        values = self._first(low)
        for _ in range(steps):
            self._try(values, int(low.argmax()))
            low = low & (self.bound < enough_w)
            hopes = [self._hopes(number) for number in self._lowest(low, self.bound)]
            if not hopes or not (hopes[0] if whole else all(_most(hope) >= enough_w for hope in hopes)):
                break
            values = np.unique([value for _, value in hopes[0]] + [max(hope)[1] for hope in hopes[1:] if hope])
        return self.bound

    def _lowest(self, low: Bools, bound: Floats) -> list[int]:
        """Return a few of the classes that are low, the lowest first."""
        order = np.argsort(np.where(low, bound, np.inf), kind="stable")
        return [int(number) for number in order[: min(_CLASSES, int(low.sum()))]]

    def _first(self, low: Bools) -> Floats:
        first, *others = self._lowest(low, self._guess)
        value = self.value[first]
        return np.unique([value / self._ratio, value, value * self._ratio, *self.value[others]])

    def _try(self, values: Floats, begin: int) -> None:
        tried = np.concatenate([self._tried, values])
        order = np.argsort(tried, kind="stable")
        self._tried = tried[order]
        self._found = np.concatenate([self._found, self._bounds_at(values, begin)])[order]
        best = self._found.argmax(axis=0)
        found = self._found[best, np.arange(len(best))]
        self.value = np.where(found > self.bound, self._tried[best], self.value)
        self.bound = np.maximum(found, self.bound)

    def _hopes(self, number: int) -> list[tuple[float, float]]:
        """Return how high a class may be below and above its best value so far, and a value to try; [] at the top."""
        x, y = self._tried, self._found[:, number]
        best = int(y.argmax())
        if len(x) == 1:
            hopes = [(np.inf, x[0] / _WIDER), (np.inf, x[0] * _WIDER)]
        else:
            hopes = [_hope(x, y, best - 1, best), _hope(x, y, best, best + 1)]
        gain_w = max(_ENOUGH * abs(float(y[best])), self._gain_w)
        return [(float(most), float(value)) for most, value in hopes if most - y[best] > gain_w]


def _most(hopes: list[tuple[float, float]]) -> float:
    return max((most for most, _ in hopes), default=-np.inf)


def _hope(x: Floats, y: Floats, left: int, right: int) -> tuple[float, float]:
    """Return how high a concave function may be between two neighbours of its points, and where to try.

    Before the first and behind the last point there is a line on one side only.
    """
    rise = (y[left] - y[left - 1]) / (x[left] - x[left - 1]) if left > 0 else np.inf
    fall = (y[right + 1] - y[right]) / (x[right + 1] - x[right]) if right + 1 < len(x) else -np.inf
    if left < 0:
        return y[right] - fall * x[right], x[right] / _WIDER
    if right == len(x):
        return (np.inf if rise > 0.0 else y[left]), x[left] * _WIDER
    middle = np.sqrt(x[left] * x[right])
    if np.isinf(rise) or np.isinf(fall):
        return min(y[left] + rise * (x[right] - x[left]), y[right] - fall * (x[right] - x[left])), middle
    if rise <= fall:
        return max(y[left], y[right]), middle
    cross = (y[right] - fall * x[right] - y[left] + rise * x[left]) / (rise - fall)
    margin = _MARGIN * (x[right] - x[left])
    return y[left] + rise * (cross - x[left]), float(np.clip(cross, x[left] + margin, x[right] - margin))
