"""Primal heuristics: from priced columns to the best plan, by the integer master and simulated annealing.

Of many apps, the solution of the relaxed master (its linear relaxation) is rounded first: apps are inserted one after
the other with columns of positive value, on as many nodes as that solution has in use, rounded up. Annealing improves
this plan; where it does not, the integer master chooses among columns of small reduced cost.

Every step is limited by counts, not by the clock, so that a search which no time limit ends finds the same plan on any
machine, busy or not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.clear.allocation.plan import plan_of
from planner.clear.column_generation import (
    CLOSE,
    FEW_APPS,
    Duals,
    Incumbent,
    PricingProblem,
    add_decisions,
    choose_columns,
    priced_columns_of,
)
from planner.clear.master.column_pool import ColumnPool
from planner.clear.master.priced_column import PricedColumn
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.primal.annealing import anneal
from planner.clear.primal.greedy import inserted
from planner.clear.primal.neighbourhood import neighbourhood
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats

_REPETITIONS = 5
"""Times that annealing is repeated at most: as long as it helps."""
_TAKEN, _MOST_SHIFTS = 0.02, 18
"""Value of a column in the relaxed master above which it counts as taken, and the most equal nodes that it is copied
to, its own included."""
_THRESHOLDS = (1e-3, 1e-2, 5e-2)
"""Thresholds on a column's value in the relaxed master. Greedy insertion is offered the columns above; a higher
threshold offers fewer columns, and stays closer to the relaxation."""
_BETTER = 1.0 - 1e-4
"""Annealing is repeated as long as it lowers the power to less than this part of it."""
_PROMISING, _MOST_PROMISING = 0.001, 900
"""Reduced cost, in parts of what all apps cost, up to which columns take part in the integer master of many apps; and
how many at most."""


@dataclass(frozen=True)
class PrimalPhase:
    """Everything that the heuristics work on."""

    problem: PricingProblem
    pool: ColumnPool
    incumbent: Incumbent
    duals: Duals
    deadline: Deadline

    @property
    def done(self) -> bool:
        """Whether the best plan is as close to the Lagrangian value as is asked for, or time is up."""
        within = self.incumbent.within(self.duals.value_w, max(CLOSE, self.problem.gap))
        return within or self.deadline.expired

    def run(self) -> None:
        """Improve the incumbent by every heuristic in turn.

        Of many apps, annealing begins at the rounded relaxation; the integer master follows only where that does not
        help.
        """
        many = self.problem.joint.count > FEW_APPS
        if many:
            self._round_relaxation()
        self._copy_to_equal_nodes()
        rounded = many and self.incumbent.plan is not None
        if rounded and self._anneal_repeatedly():
            return
        before_w = self.incumbent.power_w
        if not self.done:
            pool = self._promising() if rounded else self.pool
            choose_columns(self.problem.joint, pool, self.incumbent, self.deadline)
        if not rounded or self.incumbent.power_w < before_w:
            self._anneal_repeatedly()

    def _anneal_repeatedly(self) -> bool:
        """Anneal the incumbent as long as it helps; return whether it did at all."""
        start_w = self.incumbent.power_w
        for seed in range(_REPETITIONS):
            before_w = self.incumbent.power_w
            if self.incumbent.plan is None or self.done:
                break
            self._anneal(seed)
            if self.incumbent.power_w >= before_w * _BETTER:
                break
        return self.incumbent.power_w < start_w * _BETTER

    def _round_relaxation(self) -> None:
        """Insert apps with columns of positive value in the relaxed master, on as many nodes as it has in use."""
        found, joint, symmetry = self.duals.relaxation, self.problem.joint, self.problem.symmetry
        if found is None or self.done:
            return
        counts = {kind: int(np.ceil(part - _TAKEN)) for kind, part in found.in_use.items()}
        opened = [node for kind, count in counts.items() for node in symmetry.first_of(kind, count)]
        for threshold in _THRESHOLDS:
            offers: list[list[PricedColumn]] = [[] for _ in range(joint.count)]
            for number in np.flatnonzero(found.taken > threshold).tolist():
                offers[self.pool.priced[number].column.app].append(self.pool.priced[number])
            self.incumbent.offer(inserted(joint, symmetry, offers, self.deadline, opened))

    def _promising(self) -> ColumnPool:
        """Return the priced columns that cost little more, at the dual prices, than the cheapest one of their app."""
        joint, prices, pool = self.problem.joint, self.duals.prices, ColumnPool(self.problem.joint)
        media_w = np.zeros(joint.network.media)
        media_w[joint.media] = prices.media_w
        costs_w = np.array([_cost_at(one, prices, media_w) for one in self.pool.priced])
        least_w = np.full(joint.count, np.inf)
        np.minimum.at(least_w, [one.column.app for one in self.pool.priced], costs_w)
        reduced_w = costs_w - least_w[[one.column.app for one in self.pool.priced]]
        cheapest = np.sort(np.argsort(reduced_w, kind="stable")[:_MOST_PROMISING])
        for number in cheapest[reduced_w[cheapest] <= _PROMISING * float(least_w.sum())].tolist():
            pool.add(self.pool.priced[number])
        return pool

    def _copy_to_equal_nodes(self) -> None:
        """Add copies of the columns that the relaxed master takes, shifted by 1, 2, ... nodes within their classes.

        There are as many copies of a column, itself included, as the class of the most nodes in use has in use, rounded
        up, and one more.
        """
        found = self.duals.relaxation
        if found is None:
            return
        copies = min(int(np.ceil(found.most_in_use - _TAKEN)) + 1, _MOST_SHIFTS)
        taken = [self.pool.priced[number].column for number in np.flatnonzero(found.taken > _TAKEN).tolist()]
        for offset in range(1, copies):
            moved = [
                (column.app, column.decision)
                for column in taken
                if offset < self.problem.symmetry.largest_class(column.decision)
            ]
            add_decisions(self.problem, self.pool, moved, self.duals.prices, offset)

    def _anneal(self, seed: int) -> None:
        """Anneal the incumbent."""
        plan = self.incumbent.plan
        if plan is None:
            return
        joint = self.problem.joint
        known = [self.pool.columns(app) for app in range(joint.count)]
        columns = [*priced_columns_of(plan), *neighbourhood(joint, self.problem.symmetry, known, plan, self.deadline)]
        chosen, _ = anneal(joint, columns, range(joint.count), seed, self.deadline)
        for number in chosen:
            self.pool.keep(columns[number].column)
        self.incumbent.offer(plan_of(joint, [columns[number].column for number in chosen]))


def _cost_at(priced: PricedColumn, prices: DualPrices, media_w: Floats) -> float:
    """Return the power of a priced column and what it pays for nodes, memory and media, in watts."""
    column, nodes = priced.column, priced.column.nodes
    paid_w = prices.node_w[nodes] * priced.node_share + prices.use_w[column.app, nodes]
    paid_w = paid_w + prices.memory_w_per_byte[nodes] * column.memory_bytes
    return priced.power_w + float(paid_w.sum()) + float(media_w[column.media] @ priced.medium_share)
