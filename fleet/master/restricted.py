"""The restricted master: shares of every class over the columns known, within the capacity of resources.

Variables are shares of a class in [0, 1]; one more per class is the share that is not served, at a penalty. Rows are
scaled by their capacity, so that all figures are near 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.master.pool import Columns
from planner.fleet.master.program import Program, program_of, solve
from planner.fleet.pricing.smoothed import Demand


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


@dataclass(frozen=True)
class RestrictedMaster:
    """What a fleet asks, and the resources that can be short at all."""

    demand: Demand
    tight: Bools
    """(R,) resources that some choice of plans overloads; the others need no row."""

    def solve(self, columns: Columns, *, crossover: bool, seconds: float = np.inf) -> MasterAnswer | None:
        """Solve the linear program; None where HiGHS has no answer."""
        demand, classes = self.demand, len(self.demand.per_s)
        program, scale, rows = self.program(columns)
        found = solve(program, crossover=crossover, seconds=seconds)
        if found.x is None or found.dual is None or not np.isfinite(found.x).all():
            return None
        share, unserved = np.split(np.clip(found.x, 0.0, 1.0), [columns.count])
        total = np.bincount(columns.owner, weights=share, minlength=classes) + unserved
        total = np.where(total > 0.0, total, 1.0)
        share, unserved = share / total[columns.owner], unserved / total
        value = float((demand.per_s[columns.owner] * columns.cost_at(demand.idle_w) * share).sum())
        value += float((demand.per_s * demand.penalty_j * unserved).sum())
        prices = np.zeros(len(demand.capacity))
        prices[rows] = np.maximum(-found.dual[classes:], 0.0) * scale / _positive(demand.capacity[rows])
        return MasterAnswer(share, unserved, value, prices)

    def program(self, columns: Columns) -> tuple[Program, float, Ints]:
        """Return the program, the scale of its costs in watts, and the resources of its rows behind the classes."""
        demand, classes = self.demand, len(self.demand.per_s)
        cost = np.concatenate(
            [demand.per_s[columns.owner] * columns.cost_at(demand.idle_w), demand.per_s * demand.penalty_j]
        )
        positive = cost[: columns.count][cost[: columns.count] > 0.0]
        scale = float(np.median(positive)) if len(positive) else 1.0
        entry = self.tight[columns.load_row]
        used, position = np.unique(columns.load_row[entry], return_inverse=True)
        column = columns.load_column[entry]
        value = columns.load_s[entry] * demand.per_s[columns.owner[column]] / _positive(demand.capacity[used[position]])
        numbers = np.arange(columns.count + classes)
        owner = np.concatenate([columns.owner, np.arange(classes)])
        entries = (
            np.concatenate([owner, classes + position]),
            np.concatenate([numbers, column]),
            np.concatenate([np.ones(len(numbers)), value]),
        )
        low = np.concatenate([np.ones(classes), np.full(len(used), -np.inf)])
        high = np.concatenate([np.ones(classes), np.where(demand.capacity[used] > 0.0, 1.0, 0.0)])
        return program_of(cost / scale, np.full(len(cost), np.inf), entries, low, high), scale, used


def _positive(capacity: Floats) -> Floats:
    """Return capacities to divide by; rows without any keep their figures."""
    return np.where(capacity > 0.0, capacity, 1.0)
