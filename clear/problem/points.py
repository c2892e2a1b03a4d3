"""Dominance of operating points: those that another one beats whatever the prices are dropped."""

from __future__ import annotations

import numpy as np

from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.instance import Instance


def without_dominated(instance: Instance, by_accuracy: bool = False) -> Instance:
    """Return the app without operating points that another one beats whatever the prices.

    Of two points with the same exits on, one whose every block is reached by no more samples takes no more energy,
    loads nothing more, and is no later by worst case, mean or percentile, because more samples leave early. Where
    results travel, their weights differ as well, so all points are kept. The point with the fewest exits on, which
    stands for the whole DNN, is kept in any case: baselines use it.

    Args:
        instance: The app.
        by_accuracy: Whether accuracy counts too: then a point is dropped only for one that is no less accurate.
    """
    points = instance.points
    if instance.destination is not None or points.count < 2:
        return instance
    reach = points.reach(len(instance.block_names))
    reach = reach[:, np.append(True, (np.diff(reach, axis=1) != 0.0).any(axis=0))]  # it changes behind exits alone
    on = np.packbits(points.on, axis=1)
    _, kind = np.unique(on.view(f"V{on.shape[1]}").ravel(), return_inverse=True)  # rows as bytes: axis=0 is far slower
    figures = np.hstack([reach, -points.accuracy[:, None]]) if by_accuracy else reach
    keep = non_dominated(kind.ravel(), figures)
    keep[whole_point(instance)] = True
    return instance.only_points(keep)


def whole_point(instance: Instance) -> int:
    """Return the point that stands for the DNN without early exits: fewest exits on, deepest, most accurate."""
    points = instance.points
    return int(np.lexsort((-points.accuracy, -points.depth, points.on.sum(axis=1)))[0])
