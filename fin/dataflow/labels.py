"""Labels: placements of the first blocks, with their figures, and what decides whether two of them compare."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np

from planner.fin.dataflow.memory import TrackedMemory, tracked_memory
from planner.fin.dataflow.problem import ENERGY, LATENCY, ROUTES, Capacity, PointProblem
from planner.fin.dataflow.route_choices import efficient_choices
from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.decision import Decision, Path
from planner.fin.instance.network import Bools, Floats, Ints

_WORD = 62
"""Nodes of one column of a key."""
_MOST_CRITERIA = 12
_BEFORE = 4
"""Labels for each one that may be kept that are compared for dominance."""
_GRAIN = 2.0**40
"""Figures that differ by less than this part of the largest one are alike for dominance; limits are wider."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Q placements of the first blocks."""

    places: Ints
    """(Q, b) host of each block placed, as its place among the hosts."""
    options: Ints
    """(Q, r) route of each input; -1 where nothing is carried."""
    results: Ints
    """(Q, b) route of the result from behind each block; -1 where none travels."""
    usage: Floats
    """(Q, F) figures."""
    elapsed: Floats
    """(Q,) seconds, where exits have deadlines of their own."""
    late: Floats
    """(Q,) fraction of samples that is late."""
    working: Floats
    """(Q, T) largest working memory of tracked nodes."""
    held: Bools
    """(Q, T, P) parameters that tracked nodes hold."""

    @property
    def count(self) -> int:
        """Number of labels."""
        return len(self.usage)

    def take(self, rows: Ints | Bools) -> Labels:
        """Return some of the labels."""
        return Labels(*(getattr(self, part.name)[rows] for part in fields(self)))


def concatenated(parts: list[Labels]) -> Labels:
    """Return the labels of several parts, at least one."""
    return Labels(*(np.concatenate([getattr(part, held.name) for part in parts]) for held in fields(Labels)))


@dataclass(frozen=True, eq=False)
class LabelSpace:
    """What labels of one problem need at every step."""

    problem: PointProblem
    multipliers: Floats
    """(F,) prices of limits; labels pay those of capacities that they do not track."""
    tracked: frozenset[Capacity] = frozenset()
    """Capacities that are criteria; the others are relaxed."""
    ties: bool = False
    """Whether latency and the number of routes count as criteria."""
    _choices: dict[tuple[str, int], Bools] = field(default_factory=dict)

    @property
    def compared(self) -> bool:
        """Whether labels are compared at all; with many criteria, hardly any dominates another."""
        return len(self.kept) + (0 if self.memory is None else self.memory.count) <= _MOST_CRITERIA

    @cached_property
    def kept(self) -> list[int]:
        """Figures whose limits labels keep."""
        problem = self.problem
        finite = np.flatnonzero(np.isfinite(problem.limits)).tolist()
        return [row for row in finite if row < problem.base or problem.capacities[row - problem.base] in self.tracked]

    @cached_property
    def prices(self) -> Floats:
        """(F,) weights of the cost of labels: the objective, and what capacities cost that are not tracked."""
        prices = self.multipliers.copy()
        prices[: self.problem.base] = 0.0
        prices[self.kept] = 0.0
        prices[self.problem.objective] = 1.0
        return prices

    def costs(self, labels: Labels) -> Floats:
        """(Q,) lower bounds on the objective of complete labels, and of all that they dominate."""
        limits = np.where(self.prices > 0.0, self.problem.limits, 0.0)
        limits[self.problem.objective] = 0.0
        return np.asarray(labels.usage @ self.prices - self.prices @ limits)

    @cached_property
    def memory(self) -> TrackedMemory | None:
        """Memory of tracked nodes."""
        return tracked_memory(self.problem, self.tracked)

    @cached_property
    def seconds(self) -> Floats:
        """(D, N) time of each block and its head, where exits have deadlines of their own."""
        instance, points = self.problem.instance, self.problem.instance.points
        seconds = instance.blocks.time_s[: self.problem.depth].copy()
        for head in np.flatnonzero(points.on[self.problem.point]).tolist():
            seconds[points.exit_block[head]] += instance.heads.time_s[head]
        seconds[0] += instance.filling_s
        return seconds

    def root(self) -> Labels:
        """Return the one label before the first block."""
        tracked = 0 if self.memory is None else self.memory.count
        params = 0 if self.memory is None else len(self.memory.param_bytes)
        none = np.zeros((1, 0), dtype=np.int64)
        return Labels(
            none, none, none, np.zeros((1, len(self.problem.limits))), np.zeros(1), np.zeros(1),
            np.zeros((1, tracked)), np.zeros((1, tracked, params), dtype=bool),
        )  # fmt: skip

    def thinned(
        self, labels: Labels, values: Floats, most: int, block: int, groups: Ints | None = None
    ) -> tuple[Ints, float]:
        """Choose the labels of the best bounds among those that no other one with the same choices open dominates.

        Args:
            labels: Q labels.
            values: (Q,) lower bounds on the plans that extend them.
            most: Labels to keep at most.
            block: Block that they have placed last.
            groups: (Q,) labels of one group have the same choices open; None: told from what later blocks read.

        Returns:
            Rows of labels in order of their bounds, and the least bound of those dropped though none is known to
            dominate them; infinite where there is none.
        """
        order, lost = np.argsort(values, kind="stable"), np.inf
        if len(order) > _BEFORE * most:  # comparing many labels is dear
            lost, order = float(values[order[_BEFORE * most]]), order[: _BEFORE * most]
        if self.compared:
            some = labels.take(order)
            group = self._groups(some, block) if groups is None else groups[order]
            order = order[non_dominated(group, self._criteria(some))]
        if len(order) > most:
            lost, order = min(lost, float(values[order[most]])), order[:most]
        return order, lost

    def input_choices(self, row: int) -> Bools:
        """(P, N, N) routes that labels try of a tensor that is read."""
        problem, needed = self.problem, self.problem.inputs[row]
        ends = (problem.producer_nodes(row), problem.hosts[needed.reader])
        return self._efficient(("input", row), problem.carry[row], needed.bits, ends)

    def result_choices(self, block: int) -> Bools:
        """(P, N, N) routes that labels try of the result from behind a block."""
        problem, instance = self.problem, self.problem.instance
        assert instance.destination is not None
        head = int(np.flatnonzero(instance.points.exit_block == block)[0])
        ends = (problem.hosts[block], np.array([instance.destination]))
        return self._efficient(("result", block), problem.result[block], float(instance.result_bits[head]), ends)

    def _efficient(self, key: tuple[str, int], figures: Floats, bits: float, ends: tuple[Ints, Ints]) -> Bools:
        if (kept := self._choices.get(key)) is None:
            counted = [self.prices @ figures, *figures[self._rows]]
            if self.problem.result_limit is not None:
                seconds = np.zeros(figures.shape[1])
                seconds[1:3] = bits, 1.0
                counted.append(seconds)
            kept = self._choices[key] = efficient_choices(self.problem, np.stack(counted), *ends, _GRAIN)
        return kept

    @cached_property
    def _rows(self) -> list[int]:
        """Figures that are criteria beside the cost."""
        further = ((ENERGY,) if self.problem.objective == LATENCY else ()) + (LATENCY, ROUTES)
        return sorted({*self.kept, *(further if self.ties else ())} - {self.problem.objective})

    def _criteria(self, labels: Labels) -> Floats:
        """(Q, C) what counts, in grains; less is better."""
        problem = self.problem
        columns = [labels.usage @ self.prices, *(labels.usage[:, row] for row in self._rows)]
        if problem.result_limit is not None:
            columns += [labels.elapsed, labels.late]
        columns += list(labels.working.T)
        scaled = []
        for column in columns:
            largest = float(column.max(initial=0.0))
            if largest > 0.0:
                scaled.append(np.round(column / largest * _GRAIN))
        return np.stack(scaled, axis=1) if scaled else np.zeros((labels.count, 1))

    def _groups(self, labels: Labels, block: int) -> Ints:
        """(Q,) labels of one group leave the same choices: where needed tensors are, which parameters are held."""
        columns: list[Ints] = []
        open_ = {row.tensor: row for row in self.problem.inputs if row.reader > block and row.producer <= block}
        columns += [
            labels.places[:, producer] for producer in {row.producer for row in open_.values()} if producer >= 0
        ]
        for tensor in open_:
            columns += self._copies(labels, tensor, block)
        if labels.held.size:
            flat = labels.held.reshape(labels.count, -1)
            for start in range(0, flat.shape[1], _WORD):
                some = flat[:, start : start + _WORD]
                columns.append(some @ (1 << np.arange(some.shape[1], dtype=np.int64)))
        groups = np.zeros(labels.count, dtype=np.int64)
        for column in columns:
            groups = np.unique(groups * (int(column.max(initial=0)) + 1) + column, return_inverse=True)[1].reshape(-1)
        return groups

    def _copies(self, labels: Labels, tensor: int, block: int) -> list[Ints]:
        """Return columns that tell where copies of a tensor are that a later reader could use."""
        problem = self.problem
        readers = [row.reader for row in problem.inputs if row.tensor == tensor]
        before = [reader for reader in readers if reader <= block]
        useful = np.unique(np.concatenate([problem.hosts[reader] for reader in readers if reader > block]))
        bit = np.full(problem.instance.network.size, -1, dtype=np.int64)
        bit[useful] = np.arange(len(useful))
        words = [np.zeros(labels.count, dtype=np.int64) for _ in range(0, len(useful), _WORD)] if before else []
        producer = next(row.producer for row in problem.inputs if row.tensor == tensor)
        made_at = self.nodes(labels, producer)
        for reader in before:
            node = self.nodes(labels, reader)
            bits = np.where(node == made_at, -1, bit[node])
            for number in range(len(words)):
                here = (bits >= number * _WORD) & (bits < (number + 1) * _WORD)
                words[number] |= np.where(here, 1 << np.where(here, bits - number * _WORD, 0), 0)
        packed = []
        for word in words:  # small numbers, so that keys of many columns stay in range
            packed.append(np.unique(word, return_inverse=True)[1].reshape(-1).astype(np.int64))
        return packed

    def nodes(self, labels: Labels, block: int) -> Ints:
        """(Q,) the node of a block that is placed; the source for the model's input."""
        if block < 0:
            return np.full(labels.count, self.problem.instance.source, dtype=np.int64)
        return self.problem.hosts[block][labels.places[:, block]]

    def decision(self, labels: Labels, row: int) -> Decision:
        """Return a complete label as a decision."""
        problem, one = self.problem, labels.take(np.array([row]))
        nodes = tuple(int(self.nodes(one, block)[0]) for block in range(problem.depth))
        transfers: list[Path] = []
        for place, needed in enumerate(problem.inputs):
            start = problem.instance.source if needed.producer < 0 else nodes[needed.producer]
            option, end = int(one.options[0, place]), nodes[needed.reader]
            transfers.append((end,) if option < 0 else problem.routes.path(option, start, end))
        return Decision(problem.point, nodes, tuple(transfers), self._results(one, nodes))

    def _results(self, one: Labels, nodes: tuple[int, ...]) -> dict[int, Path]:
        problem = self.problem
        points, destination = problem.instance.points, problem.instance.destination
        found: dict[int, Path] = {}
        for head in np.flatnonzero(points.on[problem.point]).tolist():
            block = int(points.exit_block[head])
            if destination is not None and problem.sends[block]:
                found[head] = problem.routes.path(int(one.results[0, block]), nodes[block], destination)
        return found
