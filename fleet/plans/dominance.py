"""Pareto dominance of groups with many criteria: rows in order of their sums, compared with the front in blocks.

A row can only be dominated by one of a smaller or equal sum, so one pass in that order suffices (sort-filter-skyline;
Chomicki et al., ICDE 2003).
"""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints

_BLOCK = 128


def efficient(groups: Ints, criteria: Floats) -> Bools:
    """Mark the rows that no other row of their group dominates; of equal rows one stays.

    Args:
        groups: (n,) the group of each row.
        criteria: (n, C) values, less is better in every column.
    """
    keep = np.zeros(len(groups), dtype=bool)
    if not len(groups):
        return keep
    criteria = criteria[:, (criteria != criteria[0]).any(axis=0)]
    scale = criteria.max(axis=0, initial=0.0)
    sums = (criteria / np.where(scale > 0.0, scale, 1.0)).sum(axis=1)
    order = np.lexsort((*criteria.T, sums, groups))
    starts = np.flatnonzero(np.concatenate([[True], groups[order][1:] != groups[order][:-1]]))
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
        rows = order[start:stop]
        keep[rows[_front(criteria[rows])]] = True
    return keep


def _front(rows: Floats) -> Ints:
    """Return the efficient ones of rows in ascending order of their sums."""
    front = np.zeros((0, rows.shape[1]))
    kept: list[Ints] = []
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        numbers = np.arange(start, start + len(block))
        alive = ~_dominated(front, block)
        block, numbers = block[alive], numbers[alive]
        inside = (block[:, None] <= block[None]).all(axis=2)
        later = np.triu(inside, k=1).any(axis=0)
        front = np.concatenate([front, block[~later]])
        kept.append(numbers[~later])
    return np.concatenate(kept)


def _dominated(front: Floats, block: Floats) -> Bools:
    """(n,) whether a row of the front is no worse than each row of the block in all columns."""
    worse = np.ones((len(front), len(block)), dtype=bool)
    for column in range(front.shape[1]):
        worse &= front[:, column, None] <= block[None, :, column]
    return np.asarray(worse.any(axis=0), dtype=np.bool_)
