"""Whole users of before, kept where counts and capacities still allow; the others wait for a plan."""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Floats, Ints
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.pool import Columns, columns_of
from planner.fleet.method import Before
from planner.fleet.rounding.state import WholeUsers


def kept_users(instance: FleetInstance, before: Before, prices: Floats) -> WholeUsers:
    """Keep the plans of before for as many users as each class still has and capacities still hold.

    Of a class that has fewer users now, those with the plan of largest cost at the prices go. Where a resource is
    overloaded, users leave it in the same order, until it is not.

    Args:
        instance: The fleet as it is now.
        before: The placement to plan again from.
        prices: (R,) watts per unit of capacity, at which plans are compared.

    Returns:
        Users by column of the plans of before; all other users of a class wait.
    """
    solution = before.solution
    columns = columns_of(instance, solution.pair, solution.plan)
    users = solution.users.copy()
    cost = columns.cost_at(prices)
    order = np.lexsort((-cost, columns.owner))
    now = instance.count
    surplus = np.maximum(np.bincount(columns.owner, weights=users, minlength=len(now)).astype(np.int64) - now, 0)
    for column in order[surplus[columns.owner[order]] > 0].tolist():
        owner = columns.owner[column]
        leaving = min(int(users[column]), int(surplus[owner]))
        users[column] -= leaving
        surplus[owner] -= leaving
    users = _within_capacity(instance, columns, users, cost)
    held = np.bincount(columns.owner, weights=users, minlength=len(now)).astype(np.int64)
    return WholeUsers(instance, columns, users, now - held)


def _within_capacity(instance: FleetInstance, columns: Columns, users: Ints, cost: Floats) -> Ints:
    """Remove users from overloaded resources, those of the largest cost first."""
    rate = instance.rate_per_s[columns.owner]
    capacity = instance.resources.capacity * (1.0 + 1e-10)
    load = columns.load_of(rate * users, instance.resources.count)
    by_row = np.argsort(columns.load_row, kind="stable")
    start = np.searchsorted(columns.load_row[by_row], np.arange(instance.resources.count + 1))
    entry_start = np.searchsorted(columns.load_column, np.arange(columns.count + 1))
    for row in np.flatnonzero(load > capacity).tolist():
        entries = by_row[start[row] : start[row + 1]]
        for entry in entries[np.argsort(-cost[columns.load_column[entries]], kind="stable")].tolist():
            over = load[row] - capacity[row]
            if over <= 0.0:
                break
            column = columns.load_column[entry]
            each = rate[column] * columns.load_s[entry]
            leaving = min(int(users[column]), int(np.ceil(over / each)))
            users[column] -= leaving
            own = slice(entry_start[column], entry_start[column + 1])
            load[columns.load_row[own]] -= leaving * rate[column] * columns.load_s[own]
    return users
