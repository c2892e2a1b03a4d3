"""The restricted master: shares of every class over the columns known, within the capacity of resources.

Variables are shares of a class in [0, 1]; one more per class is the share that is not served, at a penalty. Rows are
scaled by their capacity, so that all figures are near 1. Rounds of column generation take a central point of a given
gap (`interior`); the end takes a vertex (HiGHS).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.master.interior import ClassProgram, solve_interior, typical_cost
from planner.fleet.master.pool import Columns
from planner.fleet.master.program import program_of, solve
from planner.fleet.pricing.smoothed import Demand

_EXCEEDED = 1e-7
"""Smaller excess is rounding."""


@dataclass(frozen=True)
class MasterAnswer:
    """Shares, recomputed objective and prices of a restricted master."""

    share: Floats
    """(n,) of the columns."""
    unserved: Floats
    """(C,) share of each class that is not served."""
    value_w: float
    """Power with penalties, recomputed from the shares."""
    prices: Floats
    """(R,) watts per unit of capacity."""
    excess: Floats
    """(R,) part by which capacities are exceeded, 0 of a vertex; its cost is part of the value."""


@dataclass(frozen=True)
class _Scaled:
    """The figures of a program, all near 1."""

    cost: Floats
    """(n + C,) of columns, then of the share of each class that is not served."""
    unit_w: float
    """Watts of a cost of 1."""
    rows: Ints
    """(m,) resource of each row of capacity."""
    row: Ints
    column: Ints
    value: Floats


@dataclass(frozen=True)
class RestrictedMaster:
    """What a fleet asks, and the resources that can be short at all."""

    demand: Demand
    tight: Bools
    """(R,) resources that some choice of plans overloads; the others need no row."""

    def central(
        self, columns: Columns, start: Floats, most_price: Floats, gap: float, deadline: Deadline
    ) -> MasterAnswer:
        """Find a central point of a relative gap, by an interior-point method over elastic rows.

        Args:
            columns: The columns.
            start: (R,) prices to start from.
            most_price: (R,) price at which a capacity may be exceeded.
            gap: Relative gap.
            deadline: When to stop.

        Returns:
            (n,) shares of columns and (C,) shares not served, the value in watts, (R,) prices in watts per unit of
            capacity, and the (R,) parts by which capacities are exceeded.
        """
        scaled = self._scaled(columns)
        capacity = _positive(self.demand.capacity[scaled.rows])
        program = ClassProgram(
            scaled.cost[: columns.count], scaled.cost[columns.count :], columns.owner, scaled.row, scaled.column,
            scaled.value, most_price[scaled.rows] * capacity / scaled.unit_w,
        )  # fmt: skip
        found = solve_interior(program, start[scaled.rows] * capacity / scaled.unit_w, gap, deadline)
        prices, excess = np.zeros(len(self.demand.capacity)), np.zeros(len(self.demand.capacity))
        prices[scaled.rows] = found.price * scaled.unit_w / capacity
        excess[scaled.rows] = np.where(found.excess > _EXCEEDED, found.excess, 0.0)
        return self._answer(columns, found.share, found.left, prices, excess, most_price)

    def vertex(self, columns: Columns, seconds: float = np.inf) -> MasterAnswer | None:
        """Return a vertex of the linear program; None where HiGHS has no answer."""
        scaled = self._scaled(columns)
        classes, numbers = len(self.demand.per_s), np.arange(len(scaled.cost))
        owner = np.concatenate([columns.owner, np.arange(classes)])
        entries = (
            np.concatenate([owner, classes + scaled.row]),
            np.concatenate([numbers, scaled.column]),
            np.concatenate([np.ones(len(numbers)), scaled.value]),
        )
        capacity = self.demand.capacity[scaled.rows]
        low = np.concatenate([np.ones(classes), np.full(len(scaled.rows), -np.inf)])
        high = np.concatenate([np.ones(classes), np.where(capacity > 0.0, 1.0, 0.0)])
        program = program_of(scaled.cost, np.full(len(scaled.cost), np.inf), entries, low, high)
        found = solve(program, crossover=True, seconds=seconds)
        if found.x is None or found.dual is None or not np.isfinite(found.x).all():
            return None
        share, left = np.split(np.clip(found.x, 0.0, 1.0), [columns.count])
        prices = np.zeros(len(self.demand.capacity))
        prices[scaled.rows] = np.maximum(-found.dual[classes:], 0.0) * scaled.unit_w / _positive(capacity)
        none = np.zeros(len(prices))
        return self._answer(columns, share, left, prices, none, none)

    def _answer(
        self, columns: Columns, share: Floats, left: Floats, prices: Floats, excess: Floats, most_price: Floats
    ) -> MasterAnswer:
        """Recompute the value from shares that sum to 1."""
        demand = self.demand
        total = np.bincount(columns.owner, weights=share, minlength=len(left)) + left
        total = np.where(total > 0.0, total, 1.0)
        share, left = share / total[columns.owner], left / total
        value = float((demand.per_s[columns.owner] * columns.cost_at(demand.idle_w) * share).sum())
        value += float((demand.per_s * demand.penalty_j * left).sum())
        value += float((excess * demand.capacity * most_price).sum())
        return MasterAnswer(share, left, value, prices, excess)

    def _scaled(self, columns: Columns) -> _Scaled:
        demand = self.demand
        cost = np.concatenate(
            [demand.per_s[columns.owner] * columns.cost_at(demand.idle_w), demand.per_s * demand.penalty_j]
        )
        unit_w = typical_cost(cost[: columns.count], cost[columns.count :])
        entry = self.tight[columns.load_row]
        rows, row = np.unique(columns.load_row[entry], return_inverse=True)
        column = columns.load_column[entry]
        value = columns.load_s[entry] * demand.per_s[columns.owner[column]] / _positive(demand.capacity[rows[row]])
        return _Scaled(cost / unit_w, unit_w, rows, row, column, value)


def _positive(capacity: Floats) -> Floats:
    """Return capacities to divide by; rows without any keep their figures."""
    return np.where(capacity > 0.0, capacity, 1.0)
