"""Pareto dominance of groups with many criteria: rows in order of their sums, compared with the front in blocks.

A row can only be dominated by one of a smaller or equal sum, so one pass in that order suffices (sort-filter-skyline;
Chomicki et al., ICDE 2003).
"""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints

_BLOCK = 128
_EARLIER = np.triu(np.ones((_BLOCK, _BLOCK), dtype=bool), k=1)


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
    columns = np.ascontiguousarray(rows.T)
    front: list[Ints] = []
    for start in range(0, len(rows), _BLOCK):
        numbers = np.arange(start, min(start + _BLOCK, len(rows)))
        if front:
            known = np.concatenate(front)
            numbers = numbers[~_no_worse(columns[:, known], columns[:, numbers]).any(axis=0)]
        inside = _no_worse(columns[:, numbers], columns[:, numbers])
        inside &= _EARLIER[: len(numbers), : len(numbers)]
        front.append(numbers[~inside.any(axis=0)])
    return np.concatenate(front)


def _no_worse(first: Floats, second: Floats) -> Bools:
    """(n, m) whether each of n points is no worse than each of m points in all rows of figures."""
    found = np.ones((first.shape[1], second.shape[1]), dtype=bool)
    for one, other in zip(first, second, strict=True):
        found &= one[:, None] <= other[None]
    return found
