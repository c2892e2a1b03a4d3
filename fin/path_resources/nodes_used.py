"""Number of nodes that run blocks of an app, as a path resource: which nodes are in use so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Floats, Ints

if TYPE_CHECKING:
    from planner.fin.solvers.integer_program import Rows


class NodesUsed:
    """State: a 1 for each node in use. A program has a binary for each node, at least that of each of its blocks."""

    def figure(self, instance: Instance, point: int, nodes: Sequence[int]) -> float:
        """Return the number of nodes that run blocks, as `PathResource.figure` says."""
        return float(len(set(nodes)))

    def start(self, instance: Instance) -> Floats:
        """(N,) zeros: no node is in use."""
        return np.zeros(instance.network.size)

    def entered(self, instance: Instance, point: int, state: Floats, node: Ints, moved: Bools, blocks: range) -> Floats:
        """(Q, N) states with the node of each path in use, as `PathResource.entered` says."""
        state = state.copy()
        state[np.arange(len(node)), node] = 1.0
        return state

    def value(self, state: Floats) -> Floats:
        """(Q,) number of nodes in use."""
        return np.asarray(state.sum(axis=1))

    def variables(self, instance: Instance) -> int:
        """Return the number of nodes."""
        return instance.network.size

    def add_rows(self, rows: Rows, instance: Instance, point: int, most: float, place: Ints, own: Ints) -> None:
        """Add a row for each block on each node, and one that counts nodes, as `PathResource.add_rows` says."""
        for block in place:
            for where, used in zip(block.tolist(), own.tolist(), strict=True):
                rows.add(np.array([where, used]), np.array([1.0, -1.0]), -np.inf, 0.0)
        rows.add(own, np.ones(len(own)), 0.0, most)
