"""What a label search asks of labels and of the steps between them, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Protocol, Self, TypeVar

import numpy as np

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.labels.arcs import Stage


@dataclass(frozen=True, eq=False)
class Columns:
    """Arrays with a row each for the same things, as fields of a subclass."""

    def take(self, keep: Ints | Bools) -> Self:
        """Return some of the rows."""
        rows = np.flatnonzero(keep) if keep.dtype == np.bool_ else keep
        return replace(self, **{one.name: getattr(self, one.name).take(rows, axis=0) for one in fields(self)})

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Put the rows of several parts behind each other."""
        if len(parts) == 1:
            return parts[0]
        columns = {one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(parts[0])}
        return replace(parts[0], **columns)


class Labels(Protocol):
    """Q labels of one stage, whatever they carry."""

    @property
    def node(self) -> Ints:
        """(Q,) node that each is at."""

    @property
    def cost(self) -> Floats:
        """(Q,) cost so far."""

    @property
    def limited(self) -> Floats:
        """(Q,) limited sum so far."""

    @property
    def transfers(self) -> Floats | Ints:
        """(Q,) transfers and results that moved between nodes so far."""

    @property
    def parent(self) -> Ints:
        """(Q,) label of the stage before."""

    def take(self, keep: Ints | Bools) -> Self:
        """Return some of the labels."""

    def behind(self, others: int) -> Self:
        """Return the labels with parents that stand behind so many others."""

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Put labels of several parts behind each other."""


L = TypeVar("L", bound=Labels)


class Steps(Protocol[L]):
    """How labels of one kind are extended, bounded and compared."""

    @property
    def relaxation(self) -> Relaxation:
        """The scenario and its bounds."""

    @property
    def stages(self) -> list[Stage]:
        """Stages to search."""

    def root(self) -> L:
        """Return the label of the source, before the first stage."""

    def extended(self, labels: L, stage: int, most: int) -> tuple[L, float]:
        """Extend labels into a stage.

        Args:
            labels: Labels of the stage before.
            stage: Index of the stage.
            most: Labels that may be kept on the way into the stage.

        Returns:
            The labels that bounds leave open, and the least bound of those dropped on the way.
        """

    def bounds(self, labels: L, layer: int) -> Floats:
        """(Q,) lower bounds on all completions of labels that have placed a layer last."""

    def undominated(self, labels: L, layer: int) -> Bools:
        """(Q,) whether no other label of its node dominates each one."""

    def step(self, labels: L, stage: int, row: int) -> tuple[int, int, list[int]]:
        """Trace the last step of a label.

        Args:
            labels: Labels of a stage.
            stage: Index of the stage.
            row: Which of them.

        Returns:
            Its node, its result option, and the nodes passed on the way to it, the last one first.
        """

    def below(self, cutoff: float) -> Self:
        """Return the steps of paths that cost less."""


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
