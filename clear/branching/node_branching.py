"""Best-first branch and bound on how many nodes of each class are in use, over listed columns.

What keeps the Lagrangian bound low is idle power, of which the relaxed master buys parts of nodes. In a branch, the
number of nodes in use of a class is bounded: the idle power of those that must be in use is a constant, and those that
may not be host nothing. In every branch, dual prices are improved by column generation over the listed columns; columns
whose reduced cost exceeds the gap are fixed out; where few choices are left, the tree of columns proves the rest.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.clear.branching.column_tree import EQUAL, Candidates, best_of_columns
from planner.clear.branching.listed_columns import ListedColumns
from planner.clear.column_generation import Incumbent, within_branch
from planner.clear.master.priced_column import PricedColumn, price_column
from planner.clear.master.restricted_master import MasterSolution, RestrictedMaster
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance, NodeCounts
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats

_ROUNDS, _STEP = 24, 0.6
"""Rounds of prices in a branch, and their smoothing."""
_CONVERGED = 1e-5
"""Relative distance of the master's value from the bound at which rounds end."""
_PRICED = 3
"""Columns of each app that are added to the master in a round."""
_FEW_CHOICES, _FEW_PROGRAMS = 300, 400
"""So few choices of columns are searched before a branch is divided, by so many geometric programs at most."""
_MOST_PROGRAMS = 4_000
"""Geometric programs of a branch that cannot be divided."""
_MOST_BRANCHES = 400


@dataclass(frozen=True)
class BranchingResult:
    """What branch and bound proved."""

    lower_bound_w: float
    """No plan has less power; infinite where there is no plan at all."""
    branches: int
    programs: int


@dataclass(frozen=True, order=True)
class _Branch:
    """Bounds on the numbers of nodes in use, with what is known of the plans that keep them."""

    bound_w: float
    number: int
    joint: JointInstance
    prices: DualPrices


@dataclass(frozen=True)
class _Priced:
    """Dual prices of a branch, and what they prove."""

    bound_w: float
    prices: DualPrices
    costs_w: tuple[Floats, ...]
    """Per app (C,) what columns cost at these prices at least; infinite for columns outside the branch."""
    master: MasterSolution | None


class NodeBranching:
    """Branch and bound over all columns of all apps."""

    def __init__(
        self, joint: JointInstance, columns: Sequence[Sequence[Column]], incumbent: Incumbent, gap: float
    ) -> None:
        """Write all columns as arrays.

        Args:
            joint: The apps.
            columns: Every column of every app that may be in the best plan.
            incumbent: The best plan known; better ones take its place.
            gap: Relative gap at which a branch is closed.
        """
        self._joint, self._incumbent, self._gap = joint, incumbent, max(gap, EQUAL)
        self._listed = [ListedColumns.of(joint, own) for own in columns]
        free = replace(DualPrices.none(joint), node_w=np.zeros(joint.network.size))
        self._alone_w = [own.costs(free, app) for app, own in enumerate(self._listed)]
        self._pool: dict[tuple[int, int], list[PricedColumn]] = {}
        self._closed_w = np.inf
        self._programs = 0

    def run(self, prices: DualPrices, deadline: Deadline) -> BranchingResult:
        """Close branches, lowest bound first.

        Args:
            prices: Dual prices to begin with.
            deadline: When to give up.

        Returns:
            A lower bound on the power of all plans.
        """
        queue = [_Branch(-np.inf, 0, self._joint, prices)]
        number = 0
        while queue and queue[0].bound_w < self._enough_w:
            if deadline.expired or number > _MOST_BRANCHES:
                break
            branch = heapq.heappop(queue)
            priced = self._price(branch, deadline)
            bound_w = max(branch.bound_w, priced.bound_w)
            if bound_w >= self._enough_w or self._searched(branch.joint, priced, bound_w, deadline, whole=False):
                self._close(bound_w if bound_w >= self._enough_w else np.inf)
                continue
            parts = divided(branch.joint, priced.master)
            if parts is None:
                if not self._searched(branch.joint, priced, bound_w, deadline, whole=True):
                    self._close(bound_w)
                continue
            for counts in parts:
                number += 1
                heapq.heappush(queue, _Branch(bound_w, number, self._joint.restricted_to(counts), priced.prices))
        bound_w = min([self._closed_w, *(branch.bound_w for branch in queue)])
        return BranchingResult(float(bound_w), number + 1, self._programs)

    @property
    def _enough_w(self) -> float:
        """Bound at which a branch is closed."""
        return self._incumbent.power_w * (1.0 - self._gap)

    def _close(self, bound_w: float) -> None:
        """Note the bound of a branch that is not looked at further."""
        self._closed_w = min(self._closed_w, bound_w)

    def _price(self, branch: _Branch, deadline: Deadline) -> _Priced:
        """Improve the dual prices of a branch by column generation."""
        joint = branch.joint
        allowed = (joint.node_counts.most > 0)[joint.kinds]
        masks = [own.within(allowed) for own in self._listed]
        best = self._at(joint, branch.prices.covering_idle_power(joint), masks)
        trial, step = best, _STEP
        for _ in range(_ROUNDS):
            if np.isinf(best.bound_w) or deadline.expired:
                break
            self._add_columns(trial)
            known = [priced for own in self._pool.values() for priced in own]
            master = RestrictedMaster(joint, within_branch(joint, known)).solve_relaxation()
            if master is None or master.prices is None:
                break
            best = replace(best, master=master)
            if best.bound_w >= min(master.value_w * (1.0 - _CONVERGED), self._enough_w):
                break
            prices = best.prices.smoothed(master.prices, step).covering_idle_power(joint)
            trial = replace(self._at(joint, prices, masks), master=master)
            if trial.bound_w > best.bound_w:
                best, step = trial, _STEP
            else:
                step = 0.5 * (1.0 + step)
        return best

    def _at(self, joint: JointInstance, prices: DualPrices, masks: Sequence[Bools]) -> _Priced:
        """Price all columns of a branch."""
        costs = tuple(
            np.where(mask, own.costs(prices, app), np.inf)
            for app, (own, mask) in enumerate(zip(self._listed, masks, strict=True))
        )
        least = sum(float(own.min(initial=np.inf)) for own in costs)
        return _Priced(prices.constant_w(joint) + least, prices, costs, None)

    def _add_columns(self, priced: _Priced) -> None:
        """Add the cheapest columns of each app at the speeds and shares that are best at these prices."""
        for app, costs in enumerate(priced.costs_w):
            for number in np.argsort(costs, kind="stable")[:_PRICED].tolist():
                if np.isfinite(costs[number]):
                    found = price_column(self._listed[app].columns[number], self._joint, priced.prices)
                    if found is not None:
                        self._pool.setdefault((app, number), []).append(found)

    def _searched(self, joint: JointInstance, priced: _Priced, bound_w: float, deadline: Deadline, whole: bool) -> bool:
        """Search the choices of columns that reduced costs leave; return whether that settles the branch.

        Args:
            joint: The branch.
            priced: Its prices.
            bound_w: Its bound.
            deadline: When to give up.
            whole: Whether to search however many choices there are.
        """
        candidates, enough_w = [], self._enough_w
        for app, (listed, costs) in enumerate(zip(self._listed, priced.costs_w, strict=True)):
            reduced_w = costs - float(costs.min(initial=np.inf)) if np.isfinite(costs).any() else costs
            keep = np.flatnonzero(np.isfinite(costs) & (priced.bound_w + reduced_w < enough_w))
            candidates.append(Candidates.of(listed, self._alone_w[app], reduced_w, keep.tolist()))
        choices = float(np.prod([len(own.columns) for own in candidates], dtype=np.float64))
        if not whole and choices > _FEW_CHOICES:
            return False
        most = _MOST_PROGRAMS if whole else _FEW_PROGRAMS
        found = best_of_columns(joint, candidates, self._incumbent, priced.bound_w, most, deadline)
        self._programs += found.programs
        if found.proved or whole:  # columns that are fixed out cost more than `enough_w`
            self._close(max(min(found.lower_bound_w, enough_w), bound_w))
        return found.proved or whole


def divided(joint: JointInstance, master: MasterSolution | None) -> tuple[NodeCounts, NodeCounts] | None:
    """Divide a branch at the class of which the relaxed master buys the most idle power in parts.

    Where it buys whole nodes alone, the class with the most idle power whose number is open is divided.

    Returns:
        Fewer nodes and more nodes of that class; None where all numbers are decided, or idle power is nowhere.
    """
    counts, idle_w = joint.node_counts, np.zeros(len(joint.node_counts.least))
    idle_w[joint.kinds] = joint.network.idle_power_w
    at = np.zeros(len(idle_w))
    for kind, in_use in (master.in_use if master is not None else {}).items():
        at[kind] = in_use
    at = np.clip(at, counts.least, counts.most)
    is_open = (counts.least < counts.most) & (idle_w > 0.0)
    if not is_open.any():
        return None
    part = np.abs(at - np.round(at))
    score = np.where(is_open, idle_w * (part + 1e-3), -np.inf)
    kind = int(score.argmax())
    split = min(int(np.floor(at[kind] + 1e-6)), int(counts.most[kind]) - 1)
    split = max(split, int(counts.least[kind]))
    most, least = counts.most.copy(), counts.least.copy()
    most[kind], least[kind] = split, split + 1
    return NodeCounts(counts.least, most), NodeCounts(least, counts.most)
