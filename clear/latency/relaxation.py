"""Relaxed master at shortened deadlines: whether shares of all apps fit where each may mix several columns.

Where nothing costs anything, a plan costs nothing, and the restricted master pays for apps that it cannot serve alone.
Its duals are prices of shares that are scarce at these deadlines. Column generation ends as soon as the relaxation is
feasible, or the Lagrangian value at some prices is above zero, which is no proof yet (`clear.latency.infeasibility`),
as not all operating points are priced. Either way, the columns that it found are what good plans are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from planner.clear.column_generation import PricingProblem, price_all
from planner.clear.master.column_pool import ColumnPool
from planner.clear.master.restricted_master import RestrictedMaster
from planner.clear.objectives.substitution import Costing, with_costs
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.column import Column, Key, exit_sets_of
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Decision

_ROUNDS = 60
_STEP = 0.5
"""Smoothing: how far prices move towards those of the master."""
_NOTHING, _ABOVE = 1e-4, 1e-3
"""Cost of the master that counts as none, and Lagrangian value that counts as above zero; an app that is not served
costs 10."""
_COPIES = 4
"""Equal nodes that columns are copied to, their own included, at most."""

Answer = Literal["feasible", "infeasible", "open"]


@dataclass(frozen=True)
class RelaxedAt:
    """The relaxation at one factor of all deadlines."""

    factor: float
    answer: Answer
    """`infeasible` is not proved."""
    problem: PricingProblem
    """The apps with these deadlines, at no cost."""
    prices: DualPrices
    """Where it is infeasible, prices at which the Lagrangian value is above zero."""


def shrunk(joint: JointInstance, factor: float) -> JointInstance:
    """Return the same apps with all latency limits multiplied by a factor."""
    return joint.each(lambda one: one.with_limits(latency_s=one.limits.latency_s * factor))


class Relaxation:
    """The relaxation of a workload at any factor; prices at one factor serve the next one."""

    def __init__(self, joint: JointInstance, jobs: int, deadline: Deadline) -> None:
        """Build the pricing subproblems.

        Raises:
            DeadlineReachedError: The time is up.
        """
        network = joint.network
        free = Costing(np.zeros(network.size), np.zeros(network.size), np.zeros(len(network.link_source)))
        self._joint, self._deadline = joint, deadline
        self._free = with_costs(joint, free)
        self._base = PricingProblem.of(self._free, 0.0, jobs, deadline)
        self._prices: DualPrices | None = None
        self._columns: list[dict[Key, Column]] = [{} for _ in joint.apps]

    def at(self, factor: float) -> RelaxedAt:
        """Solve the relaxation where every latency is at most a factor of its limit.

        Args:
            factor: Part of each limit, above 0 and at most 1.
        """
        problem = self._base.with_deadlines(shrunk(self._free, factor))
        joint, pool = problem.joint, ColumnPool(problem.joint)
        start = DualPrices.none(joint) if self._prices is None else self._prices
        best, value_w, trial, step = start, -np.inf, start, _STEP
        answer: Answer = "open"
        for _ in range(_ROUNDS):
            found_w = price_all(problem, pool, trial, self._deadline)
            if found_w > value_w:
                best, value_w, step = trial, found_w, _STEP
            else:
                step = 0.5 * (1.0 + step)
            if value_w > _ABOVE:
                answer, self._prices = "infeasible", best
                break
            master = None if self._deadline.expired else RestrictedMaster(joint, pool.priced).solve_relaxation()
            if master is None or master.prices is None:
                break
            if master.value_w < _NOTHING:
                answer = "feasible"
                break
            trial = best.smoothed(master.prices, step).rounded(joint)
        self._keep(pool)
        return RelaxedAt(factor, answer, problem, best)

    def columns(self, app: int) -> list[Column]:
        """Return the columns found of an app at any factor, and their copies on equal nodes."""
        symmetry, found = self._base.symmetry, dict(self._columns[app])
        for column in self._columns[app].values():
            for offset in range(1, min(_COPIES, symmetry.largest_class(column.decision))):
                self._add(found, app, symmetry.moved_to(app, column.decision, offset))
        return list(found.values())

    def _keep(self, pool: ColumnPool) -> None:
        for app, known in enumerate(self._columns):
            for column in pool.columns(app):
                if column.key not in known:
                    self._add(known, app, column.decision)

    def _add(self, known: dict[Key, Column], app: int, decision: Decision) -> None:
        """Add the columns of a decision, one for each set of exits that may be in time."""
        for exit_set in range(exit_sets_of(self._joint.apps[app].chosen_by(decision), decision)):
            column = self._joint.column(app, decision, exit_set)
            known.setdefault(column.key, column)
