"""Pareto dominance of many small groups of vectors at once."""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints

_BLOCK = 16
"""Rows of one group that the others are compared with at once."""
_CHUNK = 128
"""Rows of one group, in order, that are compared with each other at once."""
_BEFORE = np.triu(np.ones((_CHUNK, _CHUNK), dtype=bool), 1)
"""Whether a row stands before another one in such a chunk."""
_LARGE = 16
"""Rows of a group up to which it is looked at together with the others."""
_MANY = 2_000
"""Rows that are thinned to the end."""
_WORTHWHILE = 0.01
"""Share of the other rows that a block must drop for thinning to go on."""


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
    if criteria.shape[1] > 2 and len(groups) > _BLOCK and (groups == groups[0]).all():
        keep[_by_blocks(criteria)] = True
        return keep
    order = _in_order(groups, criteria)
    if criteria.shape[1] <= 2:
        keep[order[_staircase(groups[order], criteria[order])]] = True
        return keep
    starts = np.flatnonzero(np.append(True, groups[order][1:] != groups[order][:-1]))
    sizes = np.diff(starts, append=len(order))
    columns = np.ascontiguousarray(criteria[order, 1:].T)
    for first, size in zip(starts[sizes > _LARGE].tolist(), sizes[sizes > _LARGE].tolist(), strict=True):
        keep[order[first : first + size]] = _efficient(columns[:, first : first + size])
    _peel(order[np.repeat(sizes <= _LARGE, sizes)], groups, criteria, keep)
    return keep


def _in_order(groups: Ints, criteria: Floats) -> Ints:
    """Sort rows by group, then lexicographically; later criteria are sorted by only where the first one leaves ties."""
    if criteria.shape[1] > 2:
        order = np.lexsort((criteria[:, 0], groups))
        group, first = groups[order], criteria[order, 0]
        if not ((group[1:] == group[:-1]) & (first[1:] == first[:-1])).any():
            return order
    return np.lexsort((*criteria.T[::-1], groups))


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


def _efficient(columns: Floats) -> Bools:
    """Any number of criteria, one group: mark its efficient rows.

    Rows are in lexicographic order, so a row is dominated by rows before it alone, and the first criterion, which is
    left out here, need not be compared.

    Args:
        columns: (C - 1, n) the other criteria.
    """
    efficient = np.zeros(columns.shape[1], dtype=bool)
    kept = columns[:, :0]
    for first in range(0, len(efficient), _CHUNK):
        some = columns[:, first : first + _CHUNK]
        places = np.flatnonzero(~_no_worse(kept, some).any(axis=0))
        some = some[:, places]
        before = _BEFORE[: len(places), : len(places)]
        places = places[~(_no_worse(some, some) & before).any(axis=0)]
        efficient[first + places] = True
        kept = columns[:, : first + _CHUNK][:, efficient[: first + _CHUNK]]
    return efficient


def _no_worse(columns: Floats, others: Floats) -> Bools:
    """(n, m) whether each of n rows is no worse in any column than each of m others."""
    found = columns[0][:, None] <= others[0]
    for column, other in zip(columns[1:], others[1:], strict=True):
        found &= column[:, None] <= other
    return np.asarray(found)


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


def thinned(criteria: Floats) -> Ints:
    """Return rows without most of those that others dominate, in order; no efficient row is dropped.

    Where there are few rows, comparing ends as soon as it drops too few of them to be worth its time.

    Args:
        criteria: (n, C) values, less is better in every column.
    """
    return np.sort(_by_blocks(criteria, _WORTHWHILE if len(criteria) < _MANY else 0.0))


def _by_blocks(criteria: Floats, worthwhile: float = 0.0) -> Ints:
    """Any number of criteria, one group: rows that no other one dominates.

    A row ranks before all that it dominates in the sum of its ranks, so a block of first rows is only dominated from
    within, and what it dominates is dropped at once. Once a block drops less than a share of the others, these stay.
    """
    ranks = np.array([np.unique(column, return_inverse=True)[1].reshape(-1) for column in criteria.T], dtype=np.int32)
    rest = np.argsort(ranks.sum(axis=0), kind="stable")
    ranks = ranks[:, rest]
    found = []
    while len(rest):
        rows = ranks[:, :_BLOCK].T
        no_worse = (rows[:, None] <= rows).all(axis=2)
        equal = no_worse & no_worse.T
        efficient = ~(no_worse & (~equal | np.triu(equal, 1))).any(axis=0)
        found.append(rest[:_BLOCK][efficient])
        rest, ranks = rest[_BLOCK:], ranks[:, _BLOCK:]
        dominated = np.zeros(len(rest), dtype=bool)
        for row in rows[efficient]:
            worse = ranks[0] >= row[0]
            for column, value in zip(ranks[1:], row[1:], strict=True):
                worse &= column >= value
            dominated |= worse
        rest, ranks = rest[~dominated], ranks[:, ~dominated]
        if dominated.sum() < worthwhile * len(dominated):
            found.append(rest)
            break
    return np.concatenate(found)
