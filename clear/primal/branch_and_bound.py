"""The best plan of few columns, proved: branch and bound over the columns of one app after another.

The geometric program of the columns chosen so far costs no more than any plan that holds them, and every app to come
adds at least what it costs alone without idle power. A branch ends where the two together reach the best plan known.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.allocation.allocate import Allocation, allocate
from planner.clear.allocation.plan import Plan, overfull
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.network import Network

_EQUAL = 5e-7
"""Relative difference of power that nothing is looked at for."""


@dataclass(frozen=True)
class BranchAndBoundResult:
    """What looking at all of them gave."""

    plan: Plan | None
    """The best plan known in the end; the one to begin with included."""
    proved: bool
    """Whether all were looked at, so that without a plan there is none."""
    lower_bound_w: float
    """No plan has less power: a weak bound where not all were looked at."""
    programs: int


def branch_and_bound(
    joint: JointInstance, by_app: Sequence[Sequence[Column]], plan: Plan | None, most_programs: int, stop_at: float
) -> BranchAndBoundResult:
    """Look for a better plan than the one known, among all columns of all apps.

    Args:
        joint: The apps.
        by_app: Every column of every app that may be in the best plan.
        plan: The best plan known.
        most_programs: Geometric programs after which to give up; those of columns alone count too.
        stop_at: When to give up, on the clock of `time.perf_counter`.
    """
    tree = _Tree(joint, plan, most_programs, stop_at)
    tree.grow(sorted((tree.ranked(own) for own in by_app), key=len))
    return BranchAndBoundResult(tree.plan, tree.proved, tree.lower_bound_w, tree.programs)


class _Tree:
    def __init__(self, joint: JointInstance, plan: Plan | None, most_programs: int, stop_at: float) -> None:
        self._joint, self.plan = joint, plan
        self._most_programs, self._stop_at = most_programs, stop_at
        self.programs, self.proved, self.lower_bound_w = 0, True, np.inf

    def ranked(self, columns: Sequence[Column]) -> list[tuple[float, Column]]:
        """Return the columns that are possible alone with what they cost alone without idle power, cheapest first."""
        costs = [(self._alone_w(column), number) for number, column in enumerate(columns)]
        return [(cost, columns[number]) for cost, number in sorted(costs) if np.isfinite(cost)]

    def grow(self, ranked: Sequence[Sequence[tuple[float, Column]]]) -> None:
        """Choose a column for one app after another."""
        if not all(ranked):
            return  # an app has no column that is possible alone, so there is no plan
        least = [own[0][0] for own in ranked]
        behind = [float(sum(least[depth + 1 :])) for depth in range(len(least))]
        self._branch([], ranked, behind, float(sum(least)))

    def _branch(
        self,
        chosen: list[Column],
        ranked: Sequence[Sequence[tuple[float, Column]]],
        behind: Sequence[float],
        above_w: float,
    ) -> None:
        """Look at every plan that holds the columns chosen so far, none of which has less power than `above_w`."""
        depth = len(chosen)
        for _, column in ranked[depth]:
            columns = [*chosen, column]
            if overfull(self._joint, columns):
                continue
            if self._stopped():
                self._leave_open(above_w)
                return
            found = allocate(self._joint.network, columns)
            self.programs += 1
            if not isinstance(found, Allocation):
                if found.proved:
                    continue
                least_w = above_w
            else:
                least_w = max(found.least_w + behind[depth], above_w)
            if self.plan is not None and least_w >= self.plan.power_w * (1.0 - _EQUAL):
                self.lower_bound_w = min(self.lower_bound_w, least_w)
                continue
            if depth + 1 < len(ranked):
                self._branch(columns, ranked, behind, least_w)
            elif isinstance(found, Allocation):
                self.lower_bound_w = min(self.lower_bound_w, found.least_w)
                self._keep(columns, found)
            else:
                self._leave_open(least_w)  # the solver gave up on a whole plan

    def _leave_open(self, least_w: float) -> None:
        """Note that plans stay unseen, none of which has less power than this."""
        self.proved = False
        self.lower_bound_w = min(self.lower_bound_w, least_w)

    def _keep(self, columns: Sequence[Column], found: Allocation) -> None:
        """Keep a better plan, its apps in order."""
        if self.plan is not None and found.power_w >= self.plan.power_w:
            return
        order = sorted(range(len(columns)), key=lambda number: columns[number].app)
        ordered = tuple(columns[number] for number in order)
        allocation = allocate(self._joint.network, ordered)
        if isinstance(allocation, Allocation):
            self.plan = Plan(ordered, allocation)
        else:
            self.proved = False

    def _stopped(self) -> bool:
        return self.programs >= self._most_programs or time.perf_counter() >= self._stop_at

    def _alone_w(self, column: Column) -> float:
        """Return what a column costs at least alone, without idle power; infinite where it cannot be.

        After the search is stopped, and where the solver gives up, that is what it costs to carry its messages.
        """
        if overfull(self._joint, [column]):
            return np.inf
        if self._stopped():
            return column.transfer_w
        found = allocate(self._joint.network, [column])
        self.programs += 1
        if isinstance(found, Allocation):
            return max(found.least_w - _idle_w(self._joint.network, column), 0.0)
        return np.inf if found.proved else column.transfer_w


def _idle_w(network: Network, column: Column) -> float:
    return float(network.idle_power_w[column.nodes].sum())
