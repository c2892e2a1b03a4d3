"""Pareto dominance of many small groups of vectors at once."""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints


def non_dominated(groups: Ints, criteria: Floats) -> Bools:
    """Mark the rows that no other row of their group dominates; of equal rows one stays.

    Args:
        groups: (n,) the group of each row.
        criteria: (n, C) values, less is better in every column.

    Returns:
        (n,) mask of the rows to keep.
    """
    keep = np.zeros(len(groups), dtype=bool)
    if len(groups) == 0:
        return keep
    order = np.lexsort((*criteria.T[::-1], groups))
    if criteria.shape[1] <= 2:
        keep[order[_staircase(groups[order], criteria[order])]] = True
    else:
        _peel(order, groups, criteria, keep)
    return keep


def _staircase(groups: Ints, criteria: Floats) -> Bools:
    """Two criteria, rows sorted by (group, first, second): keep those below all before them in their group."""
    starts = np.ones(len(groups), dtype=bool)
    starts[1:] = groups[1:] != groups[:-1]
    if criteria.shape[1] == 1:
        return starts
    second = criteria[:, 1]
    rank = np.empty(len(second), dtype=np.int64)
    rank[np.argsort(second, kind="stable")] = np.arange(len(second))  # of equal values the later ranks higher
    # each group's ranks lie below all ranks of the groups before it, so one running minimum serves all groups
    shifted = rank - np.cumsum(starts) * (len(second) + 1)
    below = np.ones(len(second), dtype=bool)
    below[1:] = shifted[1:] < np.minimum.accumulate(shifted)[:-1]
    return below


def _peel(order: Ints, groups: Ints, criteria: Floats, keep: Bools) -> None:
    """Any number of criteria: the lexicographically first row of a group is efficient; drop what it dominates."""
    while len(order):
        current = groups[order]
        starts = np.ones(len(order), dtype=bool)
        starts[1:] = current[1:] != current[:-1]
        pivot = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]]
        keep[order[starts]] = True
        dominated = (criteria[pivot] <= criteria[order]).all(axis=1)
        order = order[~dominated]
