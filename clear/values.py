"""Values of time that are worth trying: remembered, class by class, from one set of prices to the next.

A class's bound is concave in the value of time, so steps around the best value so far climb to the highest bound.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fin.network import Bools, Floats, Ints

_CLASSES = 3
"""Classes of plans whose values of time are tried side by side, lowest bound first."""
_NARROW, _FAR = 1.02, 8.0
"""Least and largest ratio between the values of time that are tried side by side."""
_STEPS = 8
_ENOUGH = 1e-5
"""Relative gain at which no further values of time are tried."""

Bounds = Callable[[Floats, int], Floats]
"""Gives (W, D + 1) bounds at (W,) values of time; those of classes before a number may be -inf."""


class Values:
    """What is remembered of one row (a point or an envelope)."""

    def __init__(self, values: Floats, lowest: Floats) -> None:
        self.value = values
        """(D + 1,) best value of time of each class."""
        self.lowest = lowest
        """(D + 1,) last bound of each class."""
        self.ratio = 2.0

    def copy(self, depth: int) -> Values:
        """Return the same for a row of so many blocks."""
        return Values(of_depth(self.value, depth), of_depth(self.lowest, depth))

    def tries(self, asked: Bools) -> Floats:
        """Return values of time to try: around that of the lowest of the classes asked for, and of the next ones."""
        first, *others = self._order(asked)
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

    def _order(self, asked: Bools) -> Ints:
        count = min(_CLASSES, int(asked.sum()))
        return np.argsort(np.where(asked, self.lowest, np.inf), kind="stable")[:count]


def of_depth(by_class: Floats, depth: int) -> Floats:
    """(depth + 1,) figures of a row's classes that a row above it gives: the last one is of plans that stay."""
    return np.concatenate([by_class[:depth], by_class[-1:]])


def climbed(
    held: Values, known: Floats, bounds_at: Bounds, enough_w: float, patient: bool, steps: int = _STEPS
) -> Floats:
    """Raise (D + 1,) known bounds until all are high enough, or the lowest gains nothing more.

    Classes that are high enough are left alone.

    Args:
        held: The row's values of time.
        known: Bounds that hold already; -inf where there is none.
        bounds_at: Bounds of the row at values of time.
        enough_w: What is high enough.
        patient: Whether to climb as high as the row's own bounds go, however little of that is over what is known.
        steps: How often to try at most.
    """
    low = (known < enough_w) | np.isneginf(known)
    own = np.where(low, -np.inf, known) if patient else known
    for _ in range(steps if low.any() else 0):
        before = float(own.min())
        values = held.tries(low)
        own = held.learn(values, bounds_at(values, int(low.argmax())), own)
        low = own < enough_w
        if not low.any() or own.min() - before <= _ENOUGH * abs(float(own.min())):
            break
    return np.maximum(own, known)
