"""Label setting: all efficient paths through the layers of one scenario, bounded, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.exact.arcs import Stage, stages_of, surviving_arcs
from planner.fin.exact.hops import Hops
from planner.fin.exact.labels import Labels, bounds, root_label, undominated, without_noise
from planner.fin.exact.relaxation import Relaxation
from planner.fin.exact.ties import most
from planner.fin.exact.transfer_paths import with_paths
from planner.fin.exact.transfers import extended
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.network import Ints

_FEW = 40
"""Labels that are dearer to compare than to extend."""
_SELDOM = 0.95
"""Share of labels that no other one dominates from which on comparing them is left out for a while."""
_IDLE = 6
"""Stages for which it is left out."""
_HOPS_PER_LABEL = 16
"""Extensions by one link that a round keeps, for each label that a layer keeps."""


@dataclass(frozen=True)
class LabelSearch:
    """Result of a label search."""

    paths: tuple[Paths, ...]
    """Complete paths below the cutoff, cheapest first (only the first few)."""
    best_cost: float
    """Cost of the first of them, infinite where there is none."""
    lower_bound: float
    """No path costs less; the cutoff where there is none below it."""
    tied: int
    """How many of the paths, from the first on, tie with the cheapest."""
    complete_below: float
    """Every path that costs less was looked at: the cutoff, or the least bound of the labels that were dropped."""


def search(
    relaxation: Relaxation, cutoff: float, most_labels: int, deadline: Deadline, keep_paths: int = 20
) -> LabelSearch:
    """Search all paths that cost less than the cutoff.

    Args:
        relaxation: The scenario, its tracked capacities and its bounds.
        cutoff: Only paths below are of interest.
        most_labels: Labels kept in a layer; those of worst bound are dropped, and their bound is accounted for.
        deadline: When to give up.
        keep_paths: Complete paths to return.

    Returns:
        The cheapest complete paths, and the cost below which every path was looked at.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    dropped = cutoff
    reached: list[Labels] = []
    moves: list[Hops] = []
    labels, idle = root_label(relaxation), 0
    stages = _stages(relaxation, cutoff, deadline)
    if relaxation.further is not None:
        from planner.fin.exact.cutting_planes import with_other_multipliers  # few requests have several limits

        relaxation = with_other_multipliers(relaxation, stages, deadline)
    for stage in stages:
        deadline.check()
        hops, layer = stage.hops or Hops(), stage.last
        parts, lost = extended(relaxation, labels, stage, cutoff, _HOPS_PER_LABEL * most_labels, hops, deadline)
        labels = Labels.joined(parts) if parts else labels.take(np.zeros(0, dtype=np.int64))
        # far too many are thinned out before dominance is looked at, which is the dearer of the two
        labels, thinned = _narrowed(relaxation, labels, layer, 4 * most_labels)
        if stage is stages[-1] or (len(labels.node) > _FEW and idle == 0):
            keep = undominated(relaxation, labels, layer)
            labels = labels.take(keep)
            # labels of many criteria seldom dominate each other, and comparing them is dear
            idle = _IDLE if relaxation.further is not None and keep.sum() > _SELDOM * len(keep) else 0
        else:
            idle = max(0, idle - 1)
        labels, narrowed = _narrowed(relaxation, labels, layer, most_labels)
        dropped = min(dropped, lost, thinned, narrowed)
        reached.append(labels)
        moves.append(hops)
        if len(labels.node) == 0:
            return LabelSearch((), np.inf, dropped, 0, dropped)
    labels = reached[-1] = labels.take(labels.cost < cutoff)
    order = _in_order(relaxation, labels)[:keep_paths]
    best = float(labels.cost.min(initial=np.inf))
    paths = tuple(_trace(stages, reached, moves, int(index)) for index in order)
    tied = int((labels.cost <= most(best)).sum()) if paths else 0
    return LabelSearch(paths, best, min(best, dropped), tied, dropped)


def _stages(relaxation: Relaxation, cutoff: float, deadline: Deadline) -> list[Stage]:
    """Return the layers to search, with arcs that are paths of links where few vertices are open."""
    arcs = surviving_arcs(relaxation, cutoff)
    if not relaxation.graph.links.single_hop:
        arcs = with_paths(relaxation, arcs, cutoff, deadline) or replace(arcs, between_vertices=False)
    return stages_of(relaxation, arcs)


def _in_order(relaxation: Relaxation, labels: Labels) -> Ints:
    """Sort complete paths by cost; those that tie with the cheapest go first, by what else is preferred."""
    cost = without_noise(labels.cost, relaxation.lower_bound)
    if not relaxation.ties or len(cost) < 2:
        return np.argsort(cost, kind="stable")
    ties = labels.cost <= most(float(labels.cost.min()))
    return np.lexsort((labels.transfers, labels.limited, np.where(ties, -np.inf, cost)))


def _narrowed(relaxation: Relaxation, labels: Labels, layer: int, most: int) -> tuple[Labels, float]:
    """Keep the labels of least bound; return them and the least bound of those dropped."""
    if len(labels.node) <= most:
        return labels, np.inf
    bound = bounds(relaxation, labels, layer)
    order = np.argsort(without_noise(bound, relaxation.lower_bound), kind="stable")
    return labels.take(np.sort(order[:most])), float(bound[order[most]])


def _trace(stages: list[Stage], reached: list[Labels], moves: list[Hops], index: int) -> Paths:
    """Follow parents back from a label of the last layer."""
    rows: list[tuple[int, int, list[int]]] = []
    for stage, labels, hops in zip(reversed(stages), reversed(reached), reversed(moves), strict=True):
        node, option = int(labels.node[index]), int(labels.option[index])
        rows += [(node, option, [])] * (stage.last - stage.first)
        rows.append((node, option, hops.relays(int(labels.relay[index]))))
        index = int(labels.parent[index])
    nodes, options, passed = zip(*reversed(rows), strict=True)
    relays = np.full((1, len(rows), max(map(len, passed))), -1, dtype=np.int64)
    for layer, some in enumerate(passed):
        relays[0, layer, : len(some)] = some
    return Paths(np.array([nodes], dtype=np.int64), np.array([options], dtype=np.int64), relays)
