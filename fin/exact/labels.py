"""Labels of one layer: partial paths with their sums, their bounds and what dominance compares.

A label is a path from the source to a vertex: its cost, its use of the limit, of each tracked capacity and of the late
budget, and the block that began its present node segment (a run of blocks on one node). A label that is no better than
another of its vertex in all of these is dropped.

Source: M. Desrochers and F. Soumis, A generalized permanent labelling algorithm for the shortest path problem with time
windows, INFOR 26, 1988.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np

from planner.fin.exact.relaxation import Relaxation
from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints

_MOST_TRANSFERS = 1024.0
"""Transfers that are told apart."""
_SAMPLED = 32
"""Labels that vectors of multipliers are chosen by."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Q labels of one layer."""

    node: Ints
    cost: Floats
    limited: Floats
    further: Floats
    """(Q, R) the further sums with a limit."""
    usage: Floats
    """(Q, R) use of each tracked capacity: nodes first, then media."""
    late: Floats
    transfers: Floats
    """(Q,) transfers and results that moved between nodes so far."""
    start: Ints
    """(Q,) block that began the present node segment."""
    parent: Ints
    """(Q,) label of the layer before."""
    relay: Ints
    """(Q,) last hop of the transfer into the layer, as an index into its hops; -1 where nothing moved."""
    option: Ints
    path: Floats
    """(Q, S) states of the path resources with a limit."""

    def take(self, keep: Ints | Bools) -> Labels:
        """Return some of the labels."""
        if keep.dtype == np.bool_ and keep.all():
            return self
        return Labels(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, parts: list[Labels]) -> Labels:
        """Put labels of several parts behind each other."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


def root_label(relaxation: Relaxation) -> Labels:
    """Return the label of the source, before the first layer."""
    zero, none = np.zeros(1), np.zeros(1, dtype=np.int64)
    resources = len(relaxation.tracked) + len(relaxation.graph.links.loads)
    source = np.array([relaxation.graph.source])
    further = np.zeros((1, 0 if relaxation.further is None else len(relaxation.further.most)))
    limits = relaxation.graph.path_limits
    path = np.zeros((1, 0)) if limits is None else limits.start()
    return Labels(source, zero, zero, further, np.zeros((1, resources)), zero, zero, none, none, none - 1, none, path)


def behind(table: Floats, labels: Labels, layer: int) -> Floats:
    """Look up, for each label of a layer, what an (S, D + 1, N) table says of the layers behind it.

    Args:
        table: (S, D + 1, N) figures, one row per start (or one for all).
        labels: Q labels.
        layer: Layer whose block the labels have placed last.

    Returns:
        (Q,) figures.
    """
    start = labels.start if table.shape[0] > 1 else 0
    return np.asarray(table[start, layer + 1, labels.node], dtype=np.float64)


def bounds(relaxation: Relaxation, labels: Labels, layer: int) -> Floats:
    """Bound the cost of every completion of a label from below.

    Args:
        relaxation: The scenario and its bounds.
        labels: Q labels.
        layer: Layer whose block the labels have placed last.

    Returns:
        (Q,) lower bounds, in the unit of the objective.
    """
    found = priced(relaxation, labels) + behind(relaxation.to_go, labels, layer) - relaxation.offset
    if relaxation.further is None or (others := relaxation.further.others) is None:
        return found
    limited = np.concatenate([labels.limited[:, None], labels.further], axis=1)
    table, column = others.to_go[layer + 1], others.column[layer + 1][labels.node]
    weight, offset = others.weight, others.offset
    if len(found) > _SAMPLED and len(weight) > 1:
        # the vectors that bound some of the labels best bound nearly all of them nearly as well as all vectors do
        some = np.arange(0, len(found), len(found) // _SAMPLED)
        best = np.unique((limited[some] @ weight.T + table[:, column[some]].T - offset).argmax(axis=1))
        table, weight, offset = table[best], weight[best], offset[best]
    more = limited @ weight.T + table[:, column].T - offset
    return np.asarray(np.maximum(found, labels.cost + more.max(axis=1)))


def priced(relaxation: Relaxation, labels: Labels) -> Floats:
    """(Q,) cost plus multipliers times limited sums."""
    value = labels.cost + (relaxation.multiplier * labels.limited if relaxation.multiplier > 0 else 0.0)
    return value if relaxation.further is None else value + labels.further @ relaxation.further.multiplier


def within_capacities(relaxation: Relaxation, usage: Floats) -> Bools:
    """(Q,) whether the (Q, R) use of tracked capacities keeps all of them."""
    media = len(relaxation.graph.links.loads)
    capacities = np.array([resource.capacity for resource in relaxation.tracked] + [1.0] * media)
    return np.asarray((usage <= capacities * (1.0 + TOLERANCE)).all(axis=1))


def pruned(relaxation: Relaxation, labels: Labels, layer: int, cutoff: float) -> Labels:
    """Drop labels that cannot be completed within the limits below the cutoff.

    Args:
        relaxation: The scenario and its bounds.
        labels: Q labels.
        layer: Layer whose block the labels have placed last.
        cutoff: Only plans below are of interest.

    Returns:
        The labels that are left.
    """
    graph = relaxation.graph
    keep = bounds(relaxation, labels, layer) < cutoff
    keep &= labels.limited + behind(relaxation.remaining, labels, layer) <= relaxation.most
    if relaxation.further is not None:
        to_go = relaxation.further.remaining[:, layer + 1, labels.node].T
        keep &= (labels.further + to_go <= relaxation.further.most).all(axis=1)
    if labels.usage.shape[1]:
        keep &= within_capacities(relaxation, labels.usage)
    if graph.path_limits is not None:
        keep &= graph.path_limits.within(labels.path)
    if graph.deadline is not None:
        # the governing exit's own way back is in `limited`, but it has no deadline besides the limit
        keep &= labels.limited <= graph.deadline[0, layer, labels.node, labels.option]
        keep &= labels.late <= graph.scenarios.late_budget[0] + TOLERANCE
    return labels.take(keep)


def undominated(relaxation: Relaxation, labels: Labels, layer: int, in_transfer: bool = False) -> Bools:
    """Find the labels that no other one of their node dominates, once the blocks up to a layer are placed.

    Args:
        relaxation: The scenario and its bounds.
        labels: Q labels.
        layer: Layer whose block the labels have placed last.
        in_transfer: Whether some have left the node of that block.

    Returns:
        (Q,) mask of the labels to keep.
    """
    table = _criteria(relaxation, labels, layer)
    if relaxation.graph.path_limits is not None:
        # a move is counted where it ends, so data that has moved dominates none that has not
        moved = labels.relay[:, None] >= 0 if in_transfer else np.zeros((len(table), 0))
        table = np.concatenate([table, labels.path, moved], axis=1, dtype=np.float64)
    return non_dominated(labels.node, table)


def _criteria(relaxation: Relaxation, labels: Labels, layer: int) -> Floats:
    """(Q, C) what dominance compares, less is better."""
    columns = [without_noise(labels.cost, relaxation.lower_bound)]
    if relaxation.ties:
        columns += _limited_then_transfers(relaxation, labels)
    elif np.isfinite(relaxation.graph.limit):
        columns.append(without_noise(labels.limited, relaxation.graph.limit))
    if relaxation.further is not None:
        scales = relaxation.further.most.tolist()
        columns += [without_noise(column, most) for column, most in zip(labels.further.T, scales, strict=True)]
    if relaxation.graph.late is not None:
        columns.append(labels.late)
    if relaxation.ends is not None:
        columns.append(-labels.start.astype(np.float64))
    for column in range(labels.usage.shape[1]):
        usage = labels.usage[:, column]
        tracked = column < len(relaxation.tracked)
        columns.append(relaxation.tracked[column].shortened(usage, layer) if tracked else usage)
    table = np.array(columns).T
    if len(columns) <= 2:
        return table
    varies = (table != table[:1]).any(axis=0)
    varies[0] = True
    return table[:, varies]


def _limited_then_transfers(relaxation: Relaxation, labels: Labels) -> list[Floats]:
    """Return the limited sum with the number of transfers behind it, as one column that compares them in this order.

    Of plans that cost the same, the one of the least limited sum is preferred, then the one of fewest transfers: the
    order of both at the end is that of two labels now, whatever follows them.
    """
    limit = relaxation.graph.limit
    quantum = _quantum(limit if np.isfinite(limit) else float(labels.limited.max(initial=0.0)))
    if quantum == 0.0:
        return [labels.limited, labels.transfers]
    # at most 2**41 steps of the quantum, so that the sum is exact
    return [np.rint(labels.limited / quantum) * _MOST_TRANSFERS + np.minimum(labels.transfers, _MOST_TRANSFERS - 1)]


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
