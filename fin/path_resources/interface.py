"""Interface of path resources, their registry, and those that an app limits, side by side.

A path resource is a figure of where blocks run that never falls as more blocks are placed, such as the number of nodes
in use. Labels carry a state of it, which a resource extension function updates block by block; a path is dropped once
the figure is above its limit, and a label dominates another one only if no number of its state is larger.

Source: S. Irnich, Resource extension functions: properties, inversion, and generalization to segments, OR Spectrum 30,
2008.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.path_resources.nodes_used import NodesUsed

if TYPE_CHECKING:  # programs load with the methods that solve them
    from planner.fin.solvers.integer_program import Rows


class PathResource(Protocol):
    """A figure of where the blocks of a plan run that never falls as blocks are placed."""

    def figure(self, instance: Instance, point: int, nodes: Sequence[int]) -> float:
        """Compute the figure of a plan.

        Args:
            instance: The app.
            point: Operating point.
            nodes: Node of each deployed block.

        Returns:
            The figure, in the unit of its limit.
        """

    def start(self, instance: Instance) -> Floats:
        """(S,) state before any block is placed."""

    def entered(self, instance: Instance, point: int, state: Floats, node: Ints, moved: Bools, blocks: range) -> Floats:
        """Extend the states of Q partial paths by blocks that run on one node each.

        Args:
            instance: The app.
            point: Operating point.
            state: (Q, S) states so far.
            node: (Q,) node that the blocks run on.
            moved: (Q,) whether the input of the first of them came from another node.
            blocks: The blocks, one behind the other.

        Returns:
            (Q, S) states, no number less than before.
        """

    def value(self, state: Floats) -> Floats:
        """(Q,) figure of what is placed so far, from (Q, S) states."""

    def variables(self, instance: Instance) -> int:
        """Return how many binary variables the rows of an integer program need."""

    def add_rows(self, rows: Rows, instance: Instance, point: int, most: float, place: Ints, own: Ints) -> None:
        """Add rows to an integer program that keep the figure within its limit.

        Args:
            rows: Rows of the program so far.
            instance: The app.
            point: Operating point.
            most: The limit with its tolerance, in its unit.
            place: (D, N) numbers of the variables that place a block on a node.
            own: Numbers of the variables that the resource has asked for.
        """


PATH_RESOURCES: Mapping[str, PathResource] = {"nodes": NodesUsed()}
"""Path resources by the kind of their row in `LIMITED_FIGURES`."""


def path_figures(instance: Instance, point: int, nodes: Sequence[int]) -> dict[str, float]:
    """Compute the figures of a plan that are path resources.

    Args:
        instance: The app.
        point: Operating point.
        nodes: Node of each deployed block.

    Returns:
        Figures by kind, each in the unit of its limit.
    """
    return {kind: each.figure(instance, point, nodes) for kind, each in PATH_RESOURCES.items()}


@dataclass(frozen=True, eq=False)
class PathLimits:
    """The path resources that an app limits; their states are side by side."""

    instance: Instance
    kinds: tuple[str, ...]

    @classmethod
    def of(cls, instance: Instance) -> PathLimits | None:
        """Return those of an app, None where it limits none."""
        kinds = instance.limits.of_paths
        return cls(instance, kinds) if kinds else None

    def start(self) -> Floats:
        """(1, S) state before any block is placed."""
        return np.concatenate([PATH_RESOURCES[kind].start(self.instance) for kind in self.kinds])[None]

    def entered(self, point: int, state: Floats, node: Ints, moved: Bools, blocks: range) -> Floats:
        """(Q, S) states once more blocks are placed, as `PathResource.entered` says."""
        parts = [
            PATH_RESOURCES[kind].entered(self.instance, point, part, node, moved, blocks)
            for kind, part in zip(self.kinds, self._parts(state), strict=True)
        ]
        return np.concatenate(parts, axis=1)

    def within(self, state: Floats) -> Bools:
        """(Q,) whether every figure keeps its limit so far."""
        kept = np.ones(len(state), dtype=bool)
        for kind, part in zip(self.kinds, self._parts(state), strict=True):
            kept &= PATH_RESOURCES[kind].value(part) <= self._most(kind)
        return kept

    def variables(self) -> int:
        """Return how many binary variables the rows of an integer program need."""
        return sum(PATH_RESOURCES[kind].variables(self.instance) for kind in self.kinds)

    def add_rows(self, rows: Rows, point: int, place: Ints, own: Ints) -> None:
        """Add the rows of every limit to an integer program, as `PathResource.add_rows` says."""
        first = 0
        for kind in self.kinds:
            count = PATH_RESOURCES[kind].variables(self.instance)
            part = own[first : first + count]
            PATH_RESOURCES[kind].add_rows(rows, self.instance, point, self._most(kind), place, part)
            first += count

    def _most(self, kind: str) -> float:
        return self.instance.limits.most(kind) * (1.0 + TOLERANCE)

    def _parts(self, state: Floats) -> list[Floats]:
        """Return the states of each resource."""
        sizes = [len(PATH_RESOURCES[kind].start(self.instance)) for kind in self.kinds]
        return np.split(state, np.cumsum(sizes)[:-1], axis=1)
