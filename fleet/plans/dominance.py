"""Pareto dominance of groups with many criteria: rows in order of their sums, compared as sets of bits.

A row can only be dominated by one of a smaller or equal sum, so one pass in that order suffices (sort-filter-skyline;
Chomicki et al., ICDE 2003). The rows that are no worse than another one in a criterion are the first ones of an order
by it; such sets are held as bits, 64 rows a word, and their intersection over all criteria is what dominates a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints

_BLOCK = 1024
"""Rows compared with others at a time; so many bits a set has."""
_WORD = 64


def efficient(groups: Ints, criteria: Floats) -> Bools:
    """Mark the rows that no other row of their group dominates; of equal rows one stays.

    Args:
        groups: (n,) the group of each row.
        criteria: (n, C) values, less is better in every column.
    """
    keep = np.ones(len(groups), dtype=bool)
    if not len(groups):
        return keep
    criteria = criteria[:, (criteria != criteria[0]).any(axis=0)]
    scale = criteria.max(axis=0, initial=0.0)
    sums = (criteria / np.where(scale > 0.0, scale, 1.0)).sum(axis=1)
    order = np.lexsort((sums, groups))
    ordered, ranked = groups[order], _Ranked.of(criteria[order])
    kept = np.ones(len(order), dtype=bool)
    for start in range(0, len(order), _BLOCK):
        stop = min(start + _BLOCK, len(order))
        first = start + np.flatnonzero(kept[start:stop])
        if not len(first):
            continue
        # rows of the block, and the others of its last group, which follow
        last = np.searchsorted(ordered, ordered[stop - 1], side="right")
        second = start + np.flatnonzero(kept[start:last])
        begin = np.searchsorted(ordered[first], ordered[second])
        end = np.minimum(np.searchsorted(first, second), len(first))
        kept[second[ranked.dominated(first, second, begin, end)]] = False
    keep[order] = kept
    return keep


@dataclass(frozen=True)
class _Ranked:
    """n rows by their ranks in C criteria; equal values have equal ranks."""

    order: Ints
    """(C, n) rows in ascending order of each criterion."""
    rank: Ints
    """(C, n) rank of each row."""

    @classmethod
    def of(cls, criteria: Floats) -> _Ranked:
        """Rank rows in every criterion."""
        columns = np.ascontiguousarray(criteria.T)
        order = np.argsort(columns, axis=1)
        values = np.take_along_axis(columns, order, axis=1)
        steps = np.zeros(order.shape, dtype=np.int64)
        np.cumsum(values[:, 1:] != values[:, :-1], axis=1, out=steps[:, 1:])
        rank = np.empty_like(steps)
        np.put_along_axis(rank, order, steps, axis=1)
        return cls(order, rank)

    def dominated(self, first: Ints, second: Ints, begin: Ints, end: Ints) -> Bools:
        """(n,) whether some of the m first rows is no worse than each of the n second ones in all criteria.

        Args:
            first: (m,) rows that may dominate.
            second: (n,) rows that may be dominated.
            begin: (n,) the first one of the m rows that counts for each of the n.
            end: (n,) the one behind the last that counts.
        """
        place = np.full(self.order.shape[1], -1, dtype=np.int64)
        place[first] = np.arange(len(first))
        prefix = _prefixes(np.arange(len(first)))
        found = prefix[end] & ~prefix[begin]
        for order, rank in zip(self.order, self.rank, strict=True):
            members = place[order]
            members = members[members >= 0]
            no_worse = np.searchsorted(rank[first[members]], np.arange(rank[order[-1]] + 1), side="right")
            found &= _prefixes(members)[no_worse[rank[second]]]
        return np.asarray(found.any(axis=1), dtype=np.bool_)


def _prefixes(order: Ints) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    """(m + 1, W) for each k the set of the first k members of an order, as bits."""
    count = len(order)
    bits = np.zeros((count + 1, -(-count // _WORD)), dtype=np.uint64)
    bits[np.arange(1, count + 1), order // _WORD] = np.left_shift(np.uint64(1), (order % _WORD).astype(np.uint64))
    return np.bitwise_or.accumulate(bits, axis=0)
