"""Closing of nodes that draw idle power: their users move elsewhere where that costs less than the node draws.

A drop heuristic: nodes go in the order of what they serve, the least first. All users of a node are placed anew on
plans that host nothing on closed nodes, and the node stays closed if all of them find room and the sum is smaller.
"""

from __future__ import annotations

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.instance.fleet_instance import KindPlans
from planner.fleet.rounding.rounding import Placer
from planner.fleet.rounding.state import WholeUsers, hosting_nodes


def with_nodes_closed(state: WholeUsers, prices: Floats, deadline: Deadline) -> WholeUsers:
    """Return the users after closing every node whose idle power is worth it."""
    instance = state.instance
    idle_w = instance.network.idle_power_w
    used = state.users > 0
    in_use = hosting_nodes(instance, state.columns.pair[used], state.columns.plan[used])
    served = _served(state)
    order = [node for node in np.argsort(served, kind="stable").tolist() if in_use[node] and idle_w[node] > 0.0]
    for node in order:
        if deadline.expired:
            break
        state = _closed(state, node, prices)
    return state


def _served(state: WholeUsers) -> Floats:
    """(N,) power of the users that each node hosts."""
    hosted = _hosted(state)
    rate = state.instance.rate_per_s[state.columns.owner] * state.users * state.columns.energy_j
    return np.asarray(
        np.bincount(hosted[1], weights=rate[hosted[0]], minlength=state.instance.network.size), np.float64
    )


def _hosted(state: WholeUsers) -> tuple[Ints, Ints]:
    """Return columns in use and the nodes that host some block of theirs, as pairs."""
    instance, columns = state.instance, state.columns
    found: list[tuple[Ints, Ints]] = []
    taken = np.flatnonzero(state.users > 0)
    kind, place = instance.pair_kind[columns.pair[taken]], instance.position[columns.pair[taken]]
    for number in np.unique(kind):
        here = kind == number
        each = instance.kinds[number]
        slots = each.plans.slot[columns.plan[taken[here]]]
        for slot in range(1, each.kind.slots):
            used = (slots == slot).any(axis=1)
            found.append((taken[here][used], each.rows[place[here][used], slot - 1]))
    return np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found])


class _OpenPlacer(Placer):
    """Places users on plans that only use nodes in use."""

    def __init__(self, state: WholeUsers, prices: Floats, is_open: Bools) -> None:
        super().__init__(state, prices)
        self._open = is_open

    def _allowed(self, pair: int, each: KindPlans) -> Bools:
        is_open = np.append(True, self._open[each.rows[self._position[pair], : each.kind.slots - 1]])
        return np.asarray((is_open[each.plans.slot] | (each.plans.slot < 0)).all(axis=1), dtype=np.bool_)


def _closed(state: WholeUsers, node: int, prices: Floats) -> WholeUsers:
    """Return the state without a node, or as it is where that is not better."""
    instance, columns = state.instance, state.columns
    hosted = _hosted(state)
    leaving = np.unique(hosted[0][hosted[1] == node])
    taken = state.users > 0
    is_open = hosting_nodes(instance, columns.pair[taken], columns.plan[taken])
    is_open |= instance.network.idle_power_w <= 0.0
    is_open[node] = False
    users, waiting = state.users.copy(), state.waiting.copy()
    np.add.at(waiting, columns.owner[leaving], users[leaving])
    users[leaving] = 0
    new = _OpenPlacer(WholeUsers(instance, columns, users, waiting), prices, is_open).place_all()
    before, after = state.power_w + state.idle_w, new.power_w + new.idle_w
    return new if int(new.waiting.sum()) <= int(state.waiting.sum()) and after < before else state
