"""The best plan of listed columns, proved: depth-first branch and bound over the columns of one app after another.

A partial choice costs at least its own geometric program plus what each app to come costs alone without idle power, and
at least the Lagrangian bound plus the reduced costs of its columns. It is impossible where the rates or the memory that
its columns need at least exceed a node or a medium. A branch ends where its bound reaches the best plan known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.allocation.allocate import Allocation, allocate
from planner.clear.allocation.plan import Plan, overfull
from planner.clear.branching.listed_columns import ListedColumns
from planner.clear.column_generation import Incumbent
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats

EQUAL = 5e-7
"""Relative difference of power that nothing is searched for."""
_ROOM = 1.0 + 1e-9


@dataclass(frozen=True, eq=False)
class Candidates:
    """Columns of one app that may be in a better plan, with bounds of what they cost."""

    columns: tuple[Column, ...]
    alone_w: Floats
    """(C,) power alone without idle power, at least."""
    reduced_w: Floats
    """(C,) reduced costs: what they cost more than the cheapest of the app at the dual prices."""
    needs: Floats
    """(C, N + M) rates and (with `memory`) bytes that are needed at least, in parts of what there is."""

    @classmethod
    def of(cls, listed: ListedColumns, alone_w: Floats, reduced_w: Floats, keep: Sequence[int]) -> Candidates:
        """Select some of the listed columns and sort them, cheapest first.

        Args:
            listed: All columns of an app.
            alone_w: (C,) power of each alone at least, without idle power.
            reduced_w: (C,) reduced cost of each.
            keep: Numbers of the columns.

        Returns:
            The columns that are kept, with power and reduced costs in W and what each needs at least of nodes and
            media, in parts of what there is.
        """
        order = sorted(keep, key=lambda number: (reduced_w[number], alone_w[number], number))
        network = listed.joint.network
        nodes, media = listed.least_rates()
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = np.where(nodes > 0.0, nodes / (network.max_utilization * network.fastest), 0.0)
            held = np.where(listed.memory_bytes > 0.0, listed.memory_bytes / network.memory_bytes, 0.0)
        needs = np.concatenate([rates, media, held], axis=1)
        return cls(tuple(listed.columns[number] for number in order), alone_w[order], reduced_w[order], needs[order])


@dataclass(frozen=True)
class TreeResult:
    """What the tree gave."""

    proved: bool
    """Whether every choice was looked at or ruled out."""
    lower_bound_w: float
    """No plan of the columns has less power; infinite where there is none."""
    programs: int
    """Geometric programs solved (count)."""


def best_of_columns(
    joint: JointInstance,
    candidates: Sequence[Candidates],
    incumbent: Incumbent,
    bound_w: float,
    most_programs: int,
    deadline: Deadline,
) -> TreeResult:
    """Search all choices of one column per app for a plan better than the incumbent.

    Args:
        joint: The apps.
        candidates: Columns of each app.
        incumbent: The best plan known; a better one takes its place.
        bound_w: Lagrangian bound to which reduced costs are added; -inf for none.
        most_programs: Geometric programs after which to give up.
        deadline: When to give up.

    Returns:
        Whether the tree was searched to its end, the lower bound, and the programs solved.
    """
    if not all(own.columns for own in candidates):
        return TreeResult(proved=True, lower_bound_w=np.inf, programs=0)
    tree = _Tree(joint, sorted(candidates, key=lambda own: len(own.columns)), incumbent, bound_w)
    tree.limits(most_programs, deadline)
    tree.branch([], np.zeros(candidates[0].needs.shape[1]), 0.0, 0.0)
    return TreeResult(tree.proved, tree.lower_bound_w, tree.programs)


class _Tree:
    """State of one depth-first search."""

    def __init__(
        self, joint: JointInstance, candidates: Sequence[Candidates], incumbent: Incumbent, bound_w: float
    ) -> None:
        self._joint, self._apps, self._incumbent, self._bound_w = joint, candidates, incumbent, bound_w
        least = [float(own.alone_w.min()) for own in candidates]
        self._behind_w = [sum(least[depth + 1 :]) for depth in range(len(least))]
        self.programs, self.proved, self.lower_bound_w = 0, True, np.inf
        self._most_programs, self._deadline = 0, Deadline()

    def limits(self, most_programs: int, deadline: Deadline) -> None:
        """Set when to give up."""
        self._most_programs, self._deadline = most_programs, deadline

    def branch(self, chosen: list[Column], needs: Floats, reduced_w: float, above_w: float) -> None:
        """Search every plan that holds the columns chosen so far, none of which has less power than `above_w`.

        Args:
            chosen: Columns of the first apps.
            needs: What they need of every node and medium at least, in parts of what there is.
            reduced_w: Sum of their reduced costs.
            above_w: A lower bound of such plans.
        """
        depth = len(chosen)
        own = self._apps[depth]
        fits = (needs + own.needs <= _ROOM).all(axis=1)
        for number in np.flatnonzero(fits).tolist():
            less_w = reduced_w + float(own.reduced_w[number])
            least_w = max(above_w, self._bound_w + less_w)
            if self._fathomed(least_w):
                continue
            columns = [*chosen, own.columns[number]]
            if overfull(self._joint, columns):
                continue
            if self.programs >= self._most_programs or self._deadline.expired:
                self._leave_open(least_w)
                return
            self.programs += 1
            found = allocate(self._joint.network, columns)
            if not isinstance(found, Allocation):
                if found.proved:
                    continue
            else:
                least_w = max(least_w, found.least_w + self._behind_w[depth])
            if self._fathomed(least_w):
                continue
            if depth + 1 < len(self._apps):
                self.branch(columns, needs + own.needs[number], less_w, least_w)
            elif isinstance(found, Allocation):
                self.lower_bound_w = min(self.lower_bound_w, found.least_w)
                self._keep(columns)
            else:
                self._leave_open(least_w)  # the solver gave up on a complete choice

    def _fathomed(self, least_w: float) -> bool:
        """Whether no plan below this bound is searched for; the bound then counts."""
        if least_w < self._incumbent.power_w * (1.0 - EQUAL):
            return False
        self.lower_bound_w = min(self.lower_bound_w, least_w)
        return True

    def _leave_open(self, least_w: float) -> None:
        """Note that choices stay unseen, none of which has less power than this."""
        self.proved = False
        self.lower_bound_w = min(self.lower_bound_w, least_w)

    def _keep(self, columns: Sequence[Column]) -> None:
        """Offer the plan of columns, its apps in order."""
        ordered = tuple(sorted(columns, key=lambda column: column.app))
        allocation = allocate(self._joint.network, ordered)
        if isinstance(allocation, Allocation):
            self._incumbent.offer(Plan(ordered, allocation))
        else:
            self.proved = False
