"""Latency multipliers of one row (an operating point or an envelope), kept near their best from prices to prices."""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Floats

_CLASSES = 3
"""Classes of plans whose multipliers are tried side by side, lowest bound first."""
_NARROW, _FAR = 1.02, 8.0
"""Least and largest ratio between the multipliers that are tried side by side."""


class LatencyMultipliers:
    """The best latency multiplier of each class of plans, and the bounds that they gave."""

    def __init__(self, values: Floats, lowest: Floats) -> None:
        self.value = values
        """(D + 1,) best latency multiplier of each class."""
        self.lowest = lowest
        """(D + 1,) last bound of each class."""
        self.ratio = 2.0

    def of_depth(self, depth: int) -> LatencyMultipliers:
        """Return the same for a row of so many blocks."""
        return LatencyMultipliers(of_depth(self.value, depth), of_depth(self.lowest, depth))

    def tries(self) -> Floats:
        """Return latency multipliers to try: around that of the lowest class, and those of the next ones."""
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
