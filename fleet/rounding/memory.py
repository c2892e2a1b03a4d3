"""Memory of shared nodes over all users: blocks and heads of a model count once on a node, whoever uses them.

Each plan alone fits by construction; together they may not. Where they do not, models leave the node, those with the
fewest users first, and their users are placed anew on plans that hold nothing of the model there.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from planner.fin.instance.network import Bools, Floats
from planner.fleet.instance.fleet_instance import FleetInstance, KindPlans
from planner.fleet.instance.model_arrays import TOLERANCE
from planner.fleet.rounding.rounding import Placer
from planner.fleet.rounding.state import WholeUsers

_Held = dict[int, dict[int, dict[tuple[str, int], float]]]
"""By node and model: bytes of every block and head held."""


def within_memory(state: WholeUsers, prices: Floats) -> WholeUsers:
    """Return users whose plans fit into memory together; who finds no other plan waits."""
    memory = state.instance.network.memory_bytes
    if np.isinf(memory).all():
        return state
    left: set[tuple[int, int]] = set()
    while True:
        held, users = _held(state)
        full = [
            node for node in sorted(held)
            if sum(sum(parts.values()) for parts in held[node].values()) > memory[node] * (1.0 + TOLERANCE)
        ]  # fmt: skip
        if not full:
            return state
        node = full[0]
        model = min(sorted(held[node]), key=lambda each: users[node, each])
        left.add((node, model))
        state = _without(state, prices, left)


def _places(instance: FleetInstance, pair: int, plan: int) -> tuple[int, dict[int, list[int]]]:
    """Return the model of a plan, and its blocks by shared node."""
    each = instance.kinds[instance.pair_kind[pair]]
    rows = each.rows[int(np.searchsorted(each.pairs, pair))]
    blocks: dict[int, list[int]] = defaultdict(list)
    for block, slot in enumerate(each.plans.slot[plan].tolist()):
        if slot > 0:
            blocks[int(rows[slot - 1])].append(block)
    return int(instance.columns.model[instance.pair_class[pair]]), blocks


def _held(state: WholeUsers) -> tuple[_Held, dict[tuple[int, int], int]]:
    instance, columns = state.instance, state.columns
    held: _Held = defaultdict(lambda: defaultdict(dict))
    users: dict[tuple[int, int], int] = defaultdict(int)
    for column in np.flatnonzero(state.users > 0).tolist():
        pair, plan = int(columns.pair[column]), int(columns.plan[column])
        each = instance.kinds[instance.pair_kind[pair]]
        arrays, point = each.kind.model, int(each.plans.point[plan])
        model, by_node = _places(instance, pair, plan)
        for node, blocks in by_node.items():
            users[node, model] += int(state.users[column])
            for block in blocks:
                held[node][model]["block", block] = float(arrays.block_bytes[block])
                head = int(arrays.head_at[block])
                if head >= 0 and arrays.points.on[point, head]:
                    held[node][model]["head", head] = float(arrays.head_bytes[head])
    return held, users


class _LeavingPlacer(Placer):
    """Places users on plans that hold nothing of a model where it has left."""

    def __init__(self, state: WholeUsers, prices: Floats, left: set[tuple[int, int]]) -> None:
        super().__init__(state, prices)
        self._left = left

    def _allowed(self, pair: int, each: KindPlans) -> Bools:
        model = int(self._instance.columns.model[self._instance.pair_class[pair]])
        nodes = each.rows[self._position[pair], : each.kind.slots - 1].tolist()
        is_open = np.array([True, *((node, model) not in self._left for node in nodes)])
        return np.asarray((is_open[each.plans.slot] | (each.plans.slot < 0)).all(axis=1), dtype=np.bool_)


def _without(state: WholeUsers, prices: Floats, left: set[tuple[int, int]]) -> WholeUsers:
    """Return the users after all plans went that hold a model where it has left."""
    instance, columns = state.instance, state.columns
    users, waiting = state.users.copy(), state.waiting.copy()
    for column in np.flatnonzero(users > 0).tolist():
        model, by_node = _places(instance, int(columns.pair[column]), int(columns.plan[column]))
        if any((node, model) in left for node in by_node):
            waiting[columns.owner[column]] += users[column]
            users[column] = 0
    return _LeavingPlacer(WholeUsers(instance, columns, users, waiting), prices, left).place_all()
