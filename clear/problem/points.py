"""Dominance of operating points: those that another one beats whatever the prices are dropped."""

from __future__ import annotations

import numpy as np

from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Floats


def without_dominated(instance: Instance) -> Instance:
    """Return the app without operating points that another one beats whatever the prices.

    Of two points with the same exits on, one whose every block is reached by no more samples takes no more energy,
    loads nothing more, and is no later by worst case, mean or percentile, because more samples leave early. Where
    results travel, their weights differ as well, so all points are kept. The point with the fewest exits on, which
    stands for the whole DNN, is kept in any case: baselines use it.
    """
    points = instance.points
    if instance.destination is not None or points.count < 2:
        return instance
    reach = points.reach(len(instance.block_names))
    keep = np.ones(points.count, dtype=bool)
    _, kind = np.unique(points.on, axis=0, return_inverse=True)
    for group in range(int(kind.max()) + 1):
        rows = np.flatnonzero(kind.ravel() == group)
        keep[rows] = _least(reach[rows])
    keep[whole_point(instance)] = True
    return instance.only_points(keep)


def whole_point(instance: Instance) -> int:
    """Return the point that stands for the DNN without early exits: fewest exits on, deepest, most accurate."""
    points = instance.points
    depth = np.array([int(points.exit_block[on].max()) for on in points.on])
    return int(np.lexsort((-points.accuracy, -depth, points.on.sum(axis=1)))[0])


def _least(reach: Floats) -> Bools:
    """(R,) rows that no other row is below throughout; the first of equal rows."""
    order = np.lexsort((*reach.T[::-1], reach.sum(axis=1)))
    kept: list[int] = []
    for row in order:  # a row can only be beaten by one of smaller sum, or by an equal one before it
        beaten = len(kept) > 0 and bool((reach[kept] <= reach[row]).all(axis=1).any())
        if not beaten:
            kept.append(int(row))
    mask = np.zeros(len(reach), dtype=bool)
    mask[kept] = True
    return mask
