"""Labels that carry sums alone, where no capacity is tracked and no exit has a deadline of its own.

What each step adds is known beforehand (see `moves`), so a stage takes one addition and one comparison of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.deadline import Deadline
from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.labels.arcs import Stage
from planner.fin.labels.interface import Columns
from planner.fin.labels.moves import Moves
from planner.fin.labels.sums import bounds_at_others, criteria_of_sums, varying
from planner.fin.links.sparse import ragged

_ROWS_AT_ONCE = 200_000
_FEWER = 0.5
"""Share of the moves up to which a lower cutoff is worth new bounds."""


@dataclass(frozen=True, eq=False)
class SumLabels(Columns):
    """Q labels of one stage."""

    node: Ints
    sums: Floats
    """(Q, S) the sums of `Moves`."""
    transfers: Ints
    parent: Ints
    """(Q,) label of the stage before."""
    option: Ints
    hop: Ints
    """(Q,) last hop of the transfer into the stage, as in `Moves`."""
    bound: Floats
    """(Q,) lower bound on all completions."""

    @property
    def cost(self) -> Floats:
        """(Q,) cost so far."""
        return self.sums[:, 0]

    @property
    def limited(self) -> Floats:
        """(Q,) limited sum so far."""
        return self.sums[:, 1]

    def behind(self, others: int) -> SumLabels:
        """Return the labels with parents that stand behind so many others."""
        return replace(self, parent=self.parent + others)


def is_additive(relaxation: Relaxation) -> bool:
    """Tell whether labels of a scenario need to carry sums alone.

    Args:
        relaxation: The scenario, its tracked capacities and its bounds.
    """
    graph = relaxation.graph
    counted = relaxation.tracked or len(graph.links.loads) or graph.path_limits is not None
    timed = graph.late is not None or graph.deadline is not None
    return not counted and not timed and relaxation.ends is None and relaxation.raised is None


@dataclass(frozen=True, eq=False)
class SumSteps:
    """Steps of labels that carry sums alone."""

    relaxation: Relaxation
    stages: list[Stage]
    moves: Moves
    cutoff: float
    deadline: Deadline

    @classmethod
    def of(
        cls, relaxation: Relaxation, stages: list[Stage], moves: Moves, cutoff: float, deadline: Deadline
    ) -> SumSteps:
        """Return the steps of paths that cost less than a cutoff, bounded at other multipliers if several limits hold.

        Args:
            relaxation: The scenario and its bounds.
            stages: Stages to search.
            moves: The moves into them that bounds leave open.
            cutoff: Only paths below are of interest.
            deadline: When to give up.

        Returns:
            The steps.

        Raises:
            DeadlineReachedError: The deadline came first.
        """
        if relaxation.further is not None:
            from planner.fin.labels.other_multipliers import with_other_multipliers  # few requests have several limits

            relaxation = with_other_multipliers(relaxation, moves, stages, deadline)
        return cls(relaxation, stages, moves, cutoff, deadline)

    def below(self, cutoff: float) -> SumSteps:
        """Return the steps of paths that cost less; bounds are sharpened where that leaves far fewer moves."""
        moves = self.moves.below(cutoff)
        if len(moves.target) > _FEWER * len(self.moves.target):
            return replace(self, moves=moves, cutoff=cutoff)
        return SumSteps.of(self.relaxation, self.stages, moves, cutoff, self.deadline)

    def root(self) -> SumLabels:
        """Return the label of the source, before the first stage."""
        zero, sums = np.zeros(1, dtype=np.int64), np.zeros((1, self.moves.sums.shape[1]))
        return SumLabels(zero + self.relaxation.graph.source, sums, zero, zero, zero, zero, sums[:, 0])

    def extended(self, labels: SumLabels, stage: int, most: int) -> tuple[SumLabels, float]:
        """Extend labels into a stage.

        Args:
            labels: Labels of the stage before.
            stage: Index of the stage.
            most: Of no concern: on the way into a stage no label is dropped.

        Returns:
            The labels that bounds leave open, and infinity as the least bound of those dropped.

        Raises:
            DeadlineReachedError: The deadline came first.
        """
        return SumLabels.joined(list(self._parts(labels, stage))), np.inf

    def _parts(self, labels: SumLabels, stage: int) -> Iterator[SumLabels]:
        """Yield the extensions of a few labels at a time, at least one part."""
        moves, out_of, layer = self.moves, self.moves.out_of(stage), self.stages[stage].last
        size, weighted = max(1, _ROWS_AT_ONCE // max(1, int(np.diff(out_of).max()))), labels.sums[:, -1]
        for first in range(0, max(1, len(labels.node)), size):
            self.deadline.check()
            row, move = ragged(out_of, labels.node[first : first + size])
            row += first
            # most extensions fall here, before anything is built for them
            kept = np.flatnonzero(weighted.take(row) + moves.onward.take(move) < self.cutoff)
            row, move = row.take(kept), move.take(kept)
            sums = labels.sums.take(row, axis=0) + moves.sums.take(move, axis=0)
            within = (sums[:, 1:-1] <= moves.most.take(move, axis=0)).all(axis=1)
            if not within.all():
                kept = np.flatnonzero(within)
                row, move, sums = row.take(kept), move.take(kept), sums.take(kept, axis=0)
            node = moves.target.take(move)
            bound = self._bounds(sums, node, layer)
            kept = np.flatnonzero(bound < self.cutoff)
            row, move = row.take(kept), move.take(kept)
            yield SumLabels(
                node.take(kept),
                sums.take(kept, axis=0),
                labels.transfers.take(row) + moves.transfers.take(move),
                row,
                moves.option.take(move),
                moves.hop.take(move),
                bound.take(kept),
            )

    def _bounds(self, sums: Floats, node: Ints, layer: int) -> Floats:
        """(Q,) lower bounds on all completions of labels that have placed a layer last."""
        relaxation, further = self.relaxation, self.relaxation.further
        found = sums[:, -1] + relaxation.to_go[0, layer + 1].take(node) - relaxation.offset
        if further is None or further.others is None:
            return np.asarray(found)
        return np.asarray(np.maximum(found, bounds_at_others(further.others, sums[:, :-1], layer, node)))

    def bounds(self, labels: SumLabels, layer: int) -> Floats:
        """(Q,) lower bounds on all completions of labels, in the unit of the objective."""
        return labels.bound

    def undominated(self, labels: SumLabels, layer: int) -> Bools:
        """(Q,) whether no other label of its node dominates each one."""
        transfers = labels.transfers.astype(np.float64)
        columns = criteria_of_sums(self.relaxation, labels.cost, labels.limited, labels.sums[:, 2:-1], transfers)
        return non_dominated(labels.node, varying(np.array(columns).T))

    def step(self, labels: SumLabels, stage: int, row: int) -> tuple[int, int, list[int]]:
        """Trace the last step of a label.

        Args:
            labels: Labels of a stage.
            stage: Index of the stage.
            row: Which of them.

        Returns:
            Its node, its result option, and the nodes passed on the way to it, the last one first.
        """
        hops = self.stages[stage].hops
        relays = [] if hops is None else hops.relays(int(labels.hop[row]))
        return int(labels.node[row]), int(labels.option[row]), relays
