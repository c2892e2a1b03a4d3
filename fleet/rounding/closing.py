"""Closing of nodes that draw idle power: their users move elsewhere where that costs less than the node draws.

A drop heuristic: nodes go in the order of what they serve, the least first. All users of a node are placed anew on
plans that host nothing on closed nodes, and the node stays closed if all of them find room and the sum is smaller.
"""

from __future__ import annotations

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats
from planner.fleet.again.moves import Group, groups_of
from planner.fleet.instance.fleet_instance import KindPlans
from planner.fleet.master.pool import columns_of
from planner.fleet.rounding.rounding import Placer
from planner.fleet.rounding.state import WholeUsers


def with_nodes_closed(state: WholeUsers, prices: Floats, deadline: Deadline) -> WholeUsers:
    """Close every node whose idle power is worth it, those that serve least power first.

    Args:
        state: Users now.
        prices: (R,) watts per unit of capacity.
        deadline: When to stop.

    Returns:
        Users after the closing; as many of them wait as before.
    """
    closing = _Closing(state, prices)
    idle_w = state.instance.network.idle_power_w
    served_w = closing.served_w()
    for node in np.argsort(served_w, kind="stable").tolist():
        if deadline.expired:
            break
        if closing.is_open[node] and idle_w[node] > 0.0:
            closing.close(node)
    return closing.state()


class _Closing(Placer):
    """Groups by class and by node, changed in place."""

    def __init__(self, state: WholeUsers, prices: Floats) -> None:
        super().__init__(state, prices)
        self._waiting = state.waiting
        self._groups = groups_of(state.instance, state.solution())
        size = state.instance.network.size
        self._owners: list[set[int]] = [set() for _ in range(size)]
        self.is_open = np.zeros(size, dtype=bool)
        for owner, groups in self._groups.items():
            for group in groups:
                self._host(owner, group)
        self._closed = np.zeros(size, dtype=bool)

    def _nodes(self, pair: int, plan: int) -> list[int]:
        """Return the shared nodes that host a block of a plan."""
        each = self._instance.kinds[self._instance.pair_kind[pair]]
        rows = each.rows[self._position[pair]].tolist()
        return [rows[slot - 1] for slot in set(each.plans.slot[plan].tolist()) if slot > 0]

    def _host(self, owner: int, group: Group) -> None:
        for node in self._nodes(group[0], group[1]):
            self._owners[node].add(owner)
            self.is_open[node] = True

    def _allowed(self, pair: int, each: KindPlans) -> Bools:
        nodes = each.rows[self._position[pair], : each.kind.slots - 1]
        usable = self.is_open[nodes] | (self._instance.network.idle_power_w[nodes] <= 0.0)
        is_open = np.append(True, usable & ~self._closed[nodes])
        return np.asarray((is_open[each.plans.slot] | (each.plans.slot < 0)).all(axis=1), dtype=np.bool_)

    def _cost_w(self, owner: int, group: Group) -> float:
        pair, plan, users = group
        each = self._instance.kinds[self._instance.pair_kind[pair]]
        return users * float(self._instance.rate_per_s[owner]) * float(each.plans.energy_j[plan])

    def served_w(self) -> Floats:
        """(N,) power of the users that each node hosts."""
        served = np.zeros(len(self.is_open))
        for owner, groups in self._groups.items():
            for group in groups:
                served[self._nodes(group[0], group[1])] += self._cost_w(owner, group)
        return served

    def close(self, node: int) -> None:
        """Close a node, or leave all as it is where its users find no room or the sum grows."""
        free = self._free.copy()
        self._closed[node] = True
        new: dict[int, list[Group]] = {}
        change_w = -float(self._instance.network.idle_power_w[node])
        for owner in sorted(self._owners[node]):
            leaving = [group for group in self._groups[owner] if node in self._nodes(group[0], group[1])]
            new[owner] = [group for group in self._groups[owner] if group not in leaving]
            for group in leaving:
                change_w -= self._cost_w(owner, group)
                self._load(owner, group, -1.0)
            placed = self._placed(owner, sum(users for _, _, users in leaving))
            change_w += np.inf if placed is None else sum(self._cost_w(owner, group) for group in placed)
            if placed is None:
                break
            new[owner] += placed
        if change_w >= 0.0:
            self._free, self._closed[node] = free, False
            return
        self.is_open[node] = False
        self._owners[node] = set()
        for owner, groups in new.items():
            self._groups[owner] = groups
            for group in groups:
                self._host(owner, group)

    def _load(self, owner: int, group: Group, sign: float) -> None:
        pair, plan, users = group
        each = self._instance.kinds[self._instance.pair_kind[pair]]
        load = float(self._instance.rate_per_s[owner]) * users * each.plans.loads_s[plan]
        self._free[each.rows[self._position[pair]]] -= sign * load

    def _placed(self, owner: int, users: int) -> list[Group] | None:
        """Place users of a class on nodes in use; None where they find no room."""
        found: list[Group] = []
        while users:
            option = self._best(owner)
            if option is None:
                return None
            fits = self._fitting(option, users)
            self._free[option.rows] -= fits * option.load
            found.append((option.pair, option.plan, fits))
            users -= fits
        return found

    def state(self) -> WholeUsers:
        """Return the users as they are now."""
        flat = np.array([group for groups in self._groups.values() for group in groups], dtype=np.int64).reshape(-1, 3)
        columns = columns_of(self._instance, flat[:, 0], flat[:, 1])
        most = 1 + int(flat[:, 1].max(initial=0))
        users = np.zeros(columns.count, dtype=np.int64)
        np.add.at(
            users, np.searchsorted(columns.pair * most + columns.plan, flat[:, 0] * most + flat[:, 1]), flat[:, 2]
        )
        return WholeUsers(self._instance, columns, users, self._waiting)
