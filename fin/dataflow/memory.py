"""Memory of tracked nodes along labels: what is held, the largest working memory, and which parameters are there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from planner.fin.dataflow.problem import Capacity, PointProblem
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class TrackedMemory:
    """Memory of T nodes; their sums are figures of the problem, to which parameters are added once per node."""

    nodes: Ints
    """(T,)"""
    figures: Ints
    """(T,) rows of the figures that hold their sums."""
    capacity: Floats
    """(T,) bytes, with the tolerance of limits."""
    working: Floats
    """(D,) working memory of each block and its head."""
    uses: Bools
    """(D, P) parameters that each block or its head uses."""
    param_bytes: Floats
    """(P,)"""
    later_bytes: Floats
    """(D, T) most that all blocks behind each one could add to a sum."""
    later_working: Floats
    """(D, T) largest working memory of the blocks behind each one that may run on the node."""
    later_uses: Bools
    """(D, P) parameters that blocks behind each one use."""

    @property
    def count(self) -> int:
        """Number of tracked nodes."""
        return len(self.nodes)


def tracked_memory(problem: PointProblem, tracked: Collection[Capacity]) -> TrackedMemory | None:
    """Return the memory that labels of a problem track; None where they track none.

    Args:
        problem: The operating point.
        tracked: Capacities that labels track, all of them figures of the problem.
    """
    capacities = enumerate(problem.capacities, start=problem.base)
    rows = [(figure, row.index) for figure, row in capacities if row.kind == "memory" and row in tracked]
    if not rows:
        return None
    instance, depth = problem.instance, problem.depth
    points, memory = instance.points, instance.memory
    nodes = np.array([node for _, node in rows], dtype=np.int64)
    figures = np.array([figure for figure, _ in rows], dtype=np.int64)
    working, uses, sizes = np.zeros(depth), np.zeros((depth, 0), dtype=bool), np.zeros(0)
    if memory is not None:
        working, uses, sizes = memory.block_working[:depth].copy(), memory.block_uses[:depth].copy(), memory.param_bytes
        for head in np.flatnonzero(points.on[problem.point]).tolist():
            block = int(points.exit_block[head])
            working[block] = max(working[block], memory.head_working[head])
            uses[block] |= memory.head_uses[head]
    may = np.array([np.isin(nodes, hosts) for hosts in problem.hosts]).reshape(depth, len(nodes))
    held = np.array([problem.node[block][figures, nodes] for block in range(depth)]).reshape(depth, len(nodes))
    later_bytes, later_working = np.zeros((depth, len(nodes))), np.zeros((depth, len(nodes)))
    later_uses = np.zeros_like(uses)
    for block in range(depth - 2, -1, -1):
        here = may[block + 1]
        params = float(sizes[uses[block + 1]].sum())
        later_bytes[block] = later_bytes[block + 1] + np.where(here, held[block + 1] + params, 0.0)
        later_working[block] = np.maximum(later_working[block + 1], np.where(here, working[block + 1], 0.0))
        later_uses[block] = later_uses[block + 1] | uses[block + 1]
    capacity = instance.network.memory_bytes[nodes] * (1.0 + TOLERANCE)
    return TrackedMemory(
        nodes, figures, capacity, working, uses, sizes, later_bytes, later_working, later_uses
    )  # fmt: skip


def add_block(tracked: TrackedMemory, block: int, node: Ints, usage: Floats, working: Floats, held: Bools) -> Bools:
    """Add what a block needs on its node beyond the sum; return which labels keep the capacities.

    Args:
        tracked: The nodes.
        block: The block.
        node: (n,) its node in each label.
        usage: (n, F) figures, changed in place.
        working: (n, T) largest working memory so far, changed in place.
        held: (n, T, P) parameters that are there, changed in place.

    Returns:
        (n,) mask of these labels.
    """
    here = node[:, None] == tracked.nodes
    working[:] = np.where(here, np.maximum(working, tracked.working[block]), working)
    new = here[:, :, None] & tracked.uses[block] & ~held
    usage[:, tracked.figures] += new @ tracked.param_bytes
    held |= new
    return np.asarray((usage[:, tracked.figures] + working <= tracked.capacity).all(axis=1))


def relax(tracked: TrackedMemory, block: int, usage: Floats, working: Floats, held: Bools) -> None:
    """Forget the memory of nodes that fit all blocks to come, so that labels which differ in it alone are alike.

    Args:
        tracked: The nodes.
        block: The last block that was placed.
        usage: (n, F) figures, changed in place.
        working: (n, T) largest working memory so far, changed in place.
        held: (n, T, P) parameters that are there, changed in place.
    """
    most = np.maximum(working, tracked.later_working[block])
    used = usage[:, tracked.figures]
    free = used + tracked.later_bytes[block] + most <= tracked.capacity
    usage[:, tracked.figures] = np.where(free, 0.0, used)
    working[free] = 0.0
    held &= tracked.later_uses[block] & ~free[:, :, None]
