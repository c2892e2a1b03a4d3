"""The sums of labels: what bounds them at many vectors of multipliers, and what dominance compares of them."""

from __future__ import annotations

import math
import sys

import numpy as np

from planner.fin.bounds.relaxation import OtherMultipliers, Relaxation
from planner.fin.instance.network import Floats, Ints

_MOST_TRANSFERS = 1024.0
"""Transfers that are told apart."""
_SAMPLED = 32
"""Labels that vectors of multipliers are chosen by."""


def bounds_at_others(others: OtherMultipliers, sums: Floats, layer: int, node: Ints) -> Floats:
    """Bound the cost of every completion of labels from below, at the best of many vectors of multipliers.

    Args:
        others: The vectors, and what they weigh the way to the end with.
        sums: (Q, 2 + R) cost, limited sum and further sums of each label.
        layer: Layer whose block the labels have placed last.
        node: (Q,) node of each.

    Returns:
        (Q,) lower bounds, in the unit of the objective.
    """
    table, row, weight = others.to_go[layer + 1], others.row[layer + 1].take(node), others.weight
    if len(sums) > _SAMPLED and len(weight) > 1:
        # the vectors that bound some of the labels best bound nearly all of them nearly as well as all vectors do
        some = slice(None, None, len(sums) // _SAMPLED)
        found = (sums[some] @ weight.T + table.take(row[some], axis=0)).argmax(axis=1)
        best = np.flatnonzero(np.bincount(found))
        table, weight = table.take(best, axis=1), weight.take(best, axis=0)
    found = weight @ sums.T  # the vectors come first, for a maximum over rows is far faster
    found += np.ascontiguousarray(table.T).take(row, axis=1)
    return np.asarray(found.max(axis=0))


def varying(table: Floats) -> Floats:
    """Return a (Q, C) table of criteria without the columns in which all rows are equal; the first one stays.

    Args:
        table: (Q, C) criteria.
    """
    if table.shape[1] <= 2:
        return table
    varies = (table != table[:1]).any(axis=0)
    varies[0] = True
    return np.asarray(table[:, varies])


def criteria_of_sums(
    relaxation: Relaxation, cost: Floats, limited: Floats, further: Floats, transfers: Floats
) -> list[Floats]:
    """Return what dominance compares of the sums that every label carries.

    Args:
        relaxation: The scenario and its bounds.
        cost: (Q,) cost of each label.
        limited: (Q,) limited sum of each.
        further: (Q, R) further sums.
        transfers: (Q,) transfers and results that moved between nodes so far.

    Returns:
        Columns of (Q,) values, less is better in each.
    """
    columns = [without_noise(cost, relaxation.lower_bound)]
    if relaxation.ties:
        columns += _limited_then_transfers(relaxation, limited, transfers)
    elif np.isfinite(relaxation.graph.limit):
        columns.append(without_noise(limited, relaxation.graph.limit))
    if relaxation.further is not None:
        scales = relaxation.further.most.tolist()
        columns += [without_noise(column, most) for column, most in zip(further.T, scales, strict=True)]
    return columns


def _limited_then_transfers(relaxation: Relaxation, limited: Floats, transfers: Floats) -> list[Floats]:
    """Return the limited sum with the number of transfers behind it, as one column that compares them in this order.

    Of plans that cost the same, the one of the least limited sum is preferred, then the one of fewest transfers: the
    order of both at the end is that of two labels now, whatever follows them.
    """
    limit = relaxation.graph.limit
    quantum = _quantum(limit if np.isfinite(limit) else float(limited.max(initial=0.0)))
    if quantum == 0.0:
        return [limited, transfers]
    # at most 2**41 steps of the quantum, so that the sum is exact
    return [np.rint(limited / quantum) * _MOST_TRANSFERS + np.minimum(transfers, _MOST_TRANSFERS - 1)]


def without_noise(values: Floats, scale: float) -> Floats:
    """Round values to about 1e-12 of a scale.

    Plans that cost the same then tie on every machine, whatever the order in which its sums are rounded, and ties go
    to the first node.
    """
    quantum = _quantum(scale)
    return values if quantum == 0.0 else np.asarray(np.rint(values / quantum) * quantum)


def _quantum(scale: float) -> float:
    """Return about 1e-12 of a scale, a power of two; 0 where there is no such number."""
    if not 0.0 < abs(scale) < np.inf:
        return 0.0
    quantum = math.ldexp(1.0, math.frexp(scale)[1] - 41)
    return 0.0 if quantum < sys.float_info.min else quantum  # a bound of 0 that rounding left just above it
