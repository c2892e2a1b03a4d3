"""Primal heuristics: from priced columns to the best plan, by the integer master and simulated annealing.

Every step is limited by counts, not by the clock, so that a search which no time limit ends finds the same plan on any
machine, busy or not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.clear.allocation.plan import plan_of
from planner.clear.column_generation import (
    CLOSE,
    Duals,
    Incumbent,
    PricingProblem,
    add_decisions,
    choose_columns,
    priced_columns_of,
)
from planner.clear.master.column_pool import ColumnPool
from planner.clear.primal.annealing import anneal
from planner.clear.primal.neighbourhood import neighbourhood
from planner.fin.deadline import Deadline

FEW_APPS = 12
"""Of so few apps, the integer master finds good plans from any beginning, and all bounds are quick."""
_REPETITIONS = 5
"""Times that annealing is repeated at most: as long as it helps."""
_TAKEN, _MOST_PLACES = 0.02, 18
"""Part of a priced column that counts as taken, and the most equal nodes that it is copied to."""
_BETTER = 1.0 - 1e-4


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
        """Improve the incumbent by every heuristic in turn."""
        self._copy_to_equal_nodes()
        if not self.done:
            choose_columns(self.problem.joint, self.pool, self.incumbent, self.deadline)
        for seed in range(_REPETITIONS):
            before_w = self.incumbent.power_w
            if self.incumbent.plan is None or self.done:
                return
            self._anneal(seed)
            if self.incumbent.power_w >= before_w * _BETTER:
                return

    def _copy_to_equal_nodes(self) -> None:
        """Copy what the relaxed master takes to further nodes of each class, as many as it has in use."""
        found = self.duals.relaxation
        if found is None:
            return
        places = min(int(np.ceil(found.most_in_use - _TAKEN)) + 1, _MOST_PLACES)
        taken = [self.pool.priced[number].column for number in np.flatnonzero(found.taken > _TAKEN).tolist()]
        for offset in range(1, places):
            moved = [
                (column.app, column.decision)
                for column in taken
                if offset < self.problem.symmetry.most(column.decision)
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
