"""The loop of label setting, stage by stage, in passes that each go on where the ones before have dropped labels."""

from __future__ import annotations

from typing import Generic

import numpy as np

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.instance.ties import most
from planner.fin.labels.interface import L, Labels, LabelSearch, Steps
from planner.fin.labels.sums import without_noise

_FEW = 40
"""Labels that are dearer to compare than to extend."""
_SELDOM = 0.95
"""Share of labels that no other one dominates from which on comparing them is left out for a while."""
_IDLE = 6
"""Stages for which it is left out."""
_HOPS_PER_LABEL = 16
"""Extensions by one link that a round keeps, for each label that a layer keeps."""
_THINNED = 4
"""Labels that are compared with each other, for each label that a layer keeps."""


class LabelPasses(Generic[L]):
    """Passes over all stages, each with the labels that the ones before have dropped.

    A pass extends the labels of least bound of every stage. The next one goes on with the others, below a lower cutoff
    where a better path was met, so that no label is extended twice. Labels that were dropped on the way from node to
    node are lost to all passes: no pass is complete above `lost_from`, the least of their bounds.

    Source: S. G. Vadlamudi, P. Gaurav, S. Aine and P. P. Chakrabarti, Anytime column search, AI 2012, LNCS 7691.
    """

    def __init__(self, steps: Steps[L], cutoff: float) -> None:
        self._steps, self._cutoff = steps, cutoff
        stages = len(steps.stages)
        self._reached: list[list[L]] = [[] for _ in range(stages)]
        self._waiting: list[list[L]] = [[] for _ in range(stages)]
        self._root: L | None = steps.root()
        self.lost_from, self._idle, self._pause = np.inf, 0, _IDLE

    def widened(self, most_labels: int, cutoff: float, keep_paths: int = 20) -> LabelSearch:
        """Extend the labels of least bound that no pass has extended yet.

        Args:
            most_labels: Labels of a stage that this pass extends.
            cutoff: Only paths below are of interest; no higher than before.
            keep_paths: Complete paths to return.

        Returns:
            The cheapest complete paths of all passes, and the cost below which every path was looked at.

        Raises:
            DeadlineReachedError: The deadline came first.
        """
        if cutoff < self._cutoff:
            self._cutoff, self._steps = cutoff, self._steps.below(cutoff)
        before, self._root = self._root, None
        complete_below = self._cutoff
        for stage in range(len(self._reached)):
            before, least = self._pass_stage(before, stage, most_labels)
            complete_below = min(complete_below, least)
        return self._found(min(complete_below, self.lost_from), keep_paths)

    def _pass_stage(self, before: L | None, stage: int, most_labels: int) -> tuple[L | None, float]:
        """Extend labels of the stage before; return those that go on, and the least bound of those that wait."""
        labels = self._arrived(before, stage, most_labels)
        self._waiting[stage] = []
        if labels is None or len(labels.node) == 0:
            return None, np.inf
        last = stage == len(self._reached) - 1
        # far too many are thinned out before dominance is looked at, which is the dearer of the two
        labels, thinned = self._narrowed(labels, stage, _THINNED * most_labels)
        if last or (len(labels.node) > _FEW and self._idle == 0):
            keep = self._undominated(labels, stage)
            labels = labels.take(keep)
            # labels of many criteria seldom dominate each other, and comparing them is dear
            seldom = self._steps.relaxation.further is not None and keep.sum() > _SELDOM * len(keep)
            self._pause = 2 * self._pause if seldom else _IDLE
            self._idle = self._pause if seldom else 0
        else:
            self._idle = max(0, self._idle - 1)
        labels, narrowed = self._narrowed(labels, stage, most_labels)
        self._reached[stage].append(labels)
        return labels, min(thinned, narrowed)

    def _arrived(self, before: L | None, stage: int, most_labels: int) -> L | None:
        """Return the labels of a stage that wait or are new; None where there are none of either kind."""
        parts = [self._still_open(part, stage) for part in self._waiting[stage]]
        if before is not None:
            new, lost = self._steps.extended(before, stage, _HOPS_PER_LABEL * most_labels)
            self.lost_from = min(self.lost_from, lost)
            others = sum(len(part.node) for part in self._reached[stage - 1][:-1]) if stage else 0
            parts.append(new.behind(others) if others else new)
        return type(parts[0]).joined(parts) if parts else None

    def _still_open(self, labels: L, stage: int) -> L:
        """Return the labels that may lead to a path below the cutoff."""
        return labels.take(self._steps.bounds(labels, self._steps.stages[stage].last) < self._cutoff)

    def _undominated(self, labels: L, stage: int) -> Bools:
        """(Q,) whether none of the labels, and none of the stage that is extended already, dominates each one."""
        parts, layer = self._reached[stage], self._steps.stages[stage].last
        if not parts:
            return self._steps.undominated(labels, layer)
        return self._steps.undominated(type(labels).joined([*parts, labels]), layer)[-len(labels.node) :]

    def _narrowed(self, labels: L, stage: int, most: int) -> tuple[L, float]:
        """Keep the labels of least bound; return them and the least bound of the others, which wait."""
        if len(labels.node) <= most:
            return labels, np.inf
        bound = self._steps.bounds(labels, self._steps.stages[stage].last)
        kept = _least(without_noise(bound, self._steps.relaxation.lower_bound), most)
        self._waiting[stage].append(labels.take(~kept))
        return labels.take(kept), float(bound[~kept].min())

    def _found(self, complete_below: float, keep_paths: int) -> LabelSearch:
        """Return what all passes have met."""
        if not self._reached[-1]:
            return LabelSearch((), np.inf, complete_below, 0, complete_below)
        labels = type(self._reached[-1][0]).joined(self._reached[-1])
        rows = np.flatnonzero(labels.cost < self._cutoff)
        labels = labels.take(rows)
        order = _in_order(self._steps.relaxation, labels)[:keep_paths]
        best = float(labels.cost.min(initial=np.inf))
        paths = tuple(self._trace(int(rows[row])) for row in order)
        tied = int((labels.cost <= most(best)).sum()) if paths else 0
        return LabelSearch(paths, best, min(best, complete_below), tied, complete_below)

    def _trace(self, row: int) -> Paths:
        """Follow parents back from a label of the last stage."""
        passed: list[tuple[int, int, list[int]]] = []
        for stage in range(len(self._reached) - 1, -1, -1):
            span = self._steps.stages[stage]
            labels, place = _part_of(self._reached[stage], row)
            node, option, relays = self._steps.step(labels, stage, place)
            passed += [(node, option, [])] * (span.last - span.first)
            passed.append((node, option, relays))
            row = int(labels.parent[place])
        nodes, options, ways = zip(*reversed(passed), strict=True)
        relayed = np.full((1, len(passed), max(map(len, ways))), -1, dtype=np.int64)
        for layer, way in enumerate(ways):
            relayed[0, layer, : len(way)] = way
        return Paths(np.array([nodes], dtype=np.int64), np.array([options], dtype=np.int64), relayed)


def _least(values: Floats, most: int) -> Bools:
    """(Q,) whether each of Q values is one of the least, so many in number; of equal values the first ones are."""
    last = np.partition(values, most - 1)[most - 1]
    kept = values < last
    kept[np.flatnonzero(values == last)[: most - int(kept.sum())]] = True
    return np.asarray(kept)


def _part_of(parts: list[L], row: int) -> tuple[L, int]:
    """Return the part that a label stands in, and its place there."""
    for part in parts:
        if row < len(part.node):
            return part, row
        row -= len(part.node)
    raise IndexError(row)


def _in_order(relaxation: Relaxation, labels: Labels) -> Ints:
    """Sort complete paths by cost; those that tie with the cheapest go first, by what else is preferred."""
    cost = without_noise(labels.cost, relaxation.lower_bound)
    if not relaxation.ties or len(cost) < 2:
        return np.argsort(cost, kind="stable")
    ties = labels.cost <= most(float(labels.cost.min()))
    return np.lexsort((labels.transfers, labels.limited, np.where(ties, -np.inf, cost)))
