"""Whole users under way: how many take each column, what is free of each resource, who has no plan yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.instance.model_arrays import TOLERANCE
from planner.fleet.master.pool import Columns, columns_of
from planner.fleet.method import Solution


@dataclass
class WholeUsers:
    """Users by column; columns are sorted by pair and plan, so by class."""

    instance: FleetInstance
    columns: Columns
    users: Ints
    """(n,) users of each column."""
    waiting: Ints
    """(C,) users of each class that have no plan."""

    @property
    def load(self) -> Floats:
        """(R,) load of all resources, summed anew."""
        rate = self.instance.rate_per_s[self.columns.owner]
        return self.columns.load_of(rate * self.users, self.instance.resources.count)

    @property
    def free(self) -> Floats:
        """(R,) capacity left, with the tolerance of limits."""
        return self.instance.resources.capacity * (1.0 + TOLERANCE / 2.0) - self.load

    @property
    def idle_w(self) -> float:
        """Idle power of the shared nodes that host a block."""
        taken = self.users > 0
        hosting = hosting_nodes(self.instance, self.columns.pair[taken], self.columns.plan[taken])
        return float(self.instance.network.idle_power_w[hosting].sum())

    @property
    def power_w(self) -> float:
        """Power of all users that have a plan, without idle power."""
        rate = self.instance.rate_per_s[self.columns.owner]
        return float((rate * self.users * self.columns.energy_j).sum())

    def with_columns(self, pair: Ints, plan: Ints) -> WholeUsers:
        """Return the same users over more columns."""
        columns = columns_of(
            self.instance, np.concatenate([self.columns.pair, pair]), np.concatenate([self.columns.plan, plan])
        )
        users = np.zeros(columns.count, dtype=np.int64)
        users[places(columns, self.columns.pair, self.columns.plan)] = self.users
        return WholeUsers(self.instance, columns, users, self.waiting)

    def solution(self) -> Solution:
        """Return the groups."""
        taken = self.users > 0
        return Solution(self.columns.pair[taken], self.columns.plan[taken], self.users[taken], self.waiting)


def places(columns: Columns, pair: Ints, plan: Ints) -> Ints:
    """Find some pairs and plans among columns that hold them, by binary search.

    Args:
        columns: The columns, in the order of pair and plan.
        pair: (n,) pairs.
        plan: (n,) plans.

    Returns:
        (n,) positions in the columns.
    """
    most = 1 + int(max(columns.plan.max(initial=0), plan.max(initial=0)))
    return np.asarray(np.searchsorted(columns.pair * most + columns.plan, pair * most + plan), dtype=np.int64)


def hosting_nodes(instance: FleetInstance, pair: Ints, plan: Ints) -> Bools:
    """(N,) shared nodes that host a block of some plans.

    Args:
        instance: The fleet.
        pair: (n,) pairs.
        plan: (n,) plan of each.

    Returns:
        (N,) mask.
    """
    hosting = np.zeros(instance.network.size, dtype=bool)
    kind, place = instance.pair_kind[pair], instance.position[pair]
    for number in np.unique(kind):
        here = np.flatnonzero(kind == number)
        each = instance.kinds[number]
        slots = each.plans.slot[plan[here]]
        for slot in range(1, each.kind.slots):
            used = (slots == slot).any(axis=1)
            hosting[each.rows[place[here[used]], slot - 1]] = True
    return hosting
