"""Rows of the integer program for tensors with several readers, working memory and shared parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Floats, Ints
from planner.fin.solvers.integer_program import Rows


@dataclass(frozen=True, eq=False)
class SharingColumns:
    """Numbers of the variables that only some programs have."""

    leave: Ints
    """(S, N) whether a message that may be free starts at a node."""
    arrive: Ints
    """(S, N) whether it ends there."""
    working: Ints
    """(N,) working memory of each node, in units of the largest; (0,) where there is none."""
    params: Ints
    """(P, N) whether a node holds parameters."""

    @classmethod
    def of(cls, instance: Instance, shared: int, first: int) -> SharingColumns:
        """Number the variables.

        Args:
            instance: The app.
            shared: Number of messages that may be free.
            first: Number of the first variable.

        Returns:
            The numbers of the variables.
        """
        nodes = instance.network.size
        memory = instance.memory
        params = 0 if memory is None else len(memory.param_names)
        sizes = (shared * nodes, shared * nodes, 0 if memory is None else nodes, params * nodes)
        starts = first + np.cumsum((0, *sizes))
        leave, arrive, working, held = (start + np.arange(size) for start, size in zip(starts[:-1], sizes, strict=True))
        return cls(leave.reshape(shared, nodes), arrive.reshape(shared, nodes), working, held.reshape(params, nodes))

    @property
    def count(self) -> int:
        """Number of variables."""
        return self.leave.size + self.arrive.size + self.working.size + self.params.size


def add_ends(
    rows: Rows, place: Ints, leave: Ints, arrive: Ints, ends: tuple[int, int], earlier: Sequence[int], source: int
) -> None:
    """Tie the ends of a message to blocks: it may end where it is read, and must where no earlier reader ran.

    Args:
        rows: Rows of the program, added to.
        place: (D, N) variables of blocks on nodes.
        leave: (N,) variables of where it starts.
        arrive: (N,) variables of where it ends.
        ends: The block that makes it (-1: the source has it), and the one that reads it.
        earlier: Blocks that read it before.
        source: Node of the source.
    """
    producer, reader = ends
    for node in range(place.shape[1]):
        if producer >= 0:
            rows.add(np.array([leave[node], place[producer, node]]), np.array([1.0, -1.0]), -np.inf, 0.0)
        elif node != source:
            rows.add(leave[node : node + 1], np.ones(1), -np.inf, 0.0)
        rows.add(np.array([arrive[node], place[reader, node]]), np.array([1.0, -1.0]), -np.inf, 0.0)
        others = [int(place[other, node]) for other in earlier]
        signs = np.array([1.0, *(1.0 for _ in others), -1.0])
        rows.add(np.array([arrive[node], *others, place[reader, node]]), signs, 0.0, np.inf)


def add_memory(
    rows: Rows, instance: Instance, point: int, place: Ints, columns: SharingColumns, held_bytes: Floats
) -> None:
    """Keep memory: sums of blocks, the largest working memory, and parameters once per node.

    Args:
        rows: Rows of the program, added to.
        instance: The app, with memory beyond a sum.
        point: Its operating point.
        place: (D, N) variables of blocks on nodes.
        columns: The other variables.
        held_bytes: (D,) memory that a block and its head hold.
    """
    memory, points = instance.memory, instance.points
    assert memory is not None
    depth = len(place)
    working, uses = memory.block_working[:depth].copy(), memory.block_uses[:depth].copy()
    for head in np.flatnonzero(points.on[point]).tolist():
        block = int(points.exit_block[head])
        working[block] = max(working[block], memory.head_working[head])
        uses[block] |= memory.head_uses[head]
    unit = float(working.max(initial=0.0)) or 1.0
    for node in np.flatnonzero(np.isfinite(instance.network.memory_bytes)).tolist():
        for block in range(depth):
            own, here = int(columns.working[node]), int(place[block, node])
            rows.add(np.array([own, here]), np.array([1.0, -working[block] / unit]), 0.0, np.inf)
            for name in np.flatnonzero(uses[block]).tolist():
                rows.add(np.array([int(columns.params[name, node]), here]), np.array([1.0, -1.0]), 0.0, np.inf)
        most = float(instance.network.memory_bytes[node])
        scale = most if most > 0.0 else max(1.0, float(held_bytes.sum()))
        names = np.concatenate([place[:, node], columns.params[:, node], columns.working[node : node + 1]])
        sizes = np.concatenate([held_bytes, memory.param_bytes, [unit]]) / scale
        rows.add(names, sizes, -np.inf, most / scale * (1.0 + TOLERANCE))
