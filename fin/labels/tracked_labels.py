"""Labels of one layer: partial paths with their sums, their bounds and what dominance compares.

A label is a path from the source to a vertex: its cost, its use of the limit, of each tracked capacity and of the late
budget, and the block that began its present node segment (a run of blocks on one node). A label that is no better than
another of its vertex in all of these is dropped.

Source: M. Desrochers and F. Soumis, A generalized permanent labelling algorithm for the shortest path problem with time
windows, INFOR 26, 1988.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.labels.interface import Columns
from planner.fin.labels.sums import bounds_at_others, criteria_of_sums, varying


@dataclass(frozen=True, eq=False)
class TrackedLabels(Columns):
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

    def behind(self, others: int) -> TrackedLabels:
        """Return the labels with parents that stand behind so many others."""
        return replace(self, parent=self.parent + others)


def root_label(relaxation: Relaxation) -> TrackedLabels:
    """Return the label of the source, before the first layer."""
    zero, none = np.zeros(1), np.zeros(1, dtype=np.int64)
    resources = len(relaxation.tracked) + len(relaxation.graph.links.loads)
    source = np.array([relaxation.graph.source])
    further = np.zeros((1, 0 if relaxation.further is None else len(relaxation.further.most)))
    limits = relaxation.graph.path_limits
    path = np.zeros((1, 0)) if limits is None else limits.start()
    return TrackedLabels(
        source, zero, zero, further, np.zeros((1, resources)), zero, zero, none, none, none - 1, none, path
    )


def behind(table: Floats, labels: TrackedLabels, layer: int) -> Floats:
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


def bounds(relaxation: Relaxation, labels: TrackedLabels, layer: int) -> Floats:
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
    sums = np.concatenate([labels.cost[:, None], labels.limited[:, None], labels.further], axis=1)
    return np.maximum(found, bounds_at_others(others, sums, layer, labels.node))


def priced(relaxation: Relaxation, labels: TrackedLabels) -> Floats:
    """(Q,) cost plus multipliers times limited sums."""
    value = labels.cost + (relaxation.multiplier * labels.limited if relaxation.multiplier > 0 else 0.0)
    return value if relaxation.further is None else value + labels.further @ relaxation.further.multiplier


def within_capacities(relaxation: Relaxation, usage: Floats) -> Bools:
    """(Q,) whether the (Q, R) use of tracked capacities keeps all of them."""
    media = len(relaxation.graph.links.loads)
    capacities = np.array([resource.capacity for resource in relaxation.tracked] + [1.0] * media)
    return np.asarray((usage <= capacities * (1.0 + TOLERANCE)).all(axis=1))


def pruned(relaxation: Relaxation, labels: TrackedLabels, layer: int, cutoff: float) -> TrackedLabels:
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


def undominated(relaxation: Relaxation, labels: TrackedLabels, layer: int, in_transfer: bool = False) -> Bools:
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


def _criteria(relaxation: Relaxation, labels: TrackedLabels, layer: int) -> Floats:
    """(Q, C) what dominance compares, less is better."""
    columns = criteria_of_sums(relaxation, labels.cost, labels.limited, labels.further, labels.transfers)
    if relaxation.graph.late is not None:
        columns.append(labels.late)
    if relaxation.ends is not None:
        columns.append(-labels.start.astype(np.float64))
    for column in range(labels.usage.shape[1]):
        usage = labels.usage[:, column]
        tracked = column < len(relaxation.tracked)
        columns.append(relaxation.tracked[column].shortened(usage, layer) if tracked else usage)
    return varying(np.array(columns).T)
