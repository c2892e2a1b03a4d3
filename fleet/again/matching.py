"""From a fleet placement to the plans of the fleet as it is now: groups matched by class, node, blocks and routes."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from planner.fleet.answer.groups import Carried, Writer
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.method import Before, Solution
from planner.schemas.fleets.fleet import DEVICE
from planner.schemas.fleets.placement import FleetPlacement, Group


def before_of(instance: FleetInstance, placement: FleetPlacement) -> Before:
    """Return what a placement means for a fleet: groups whose plan still is one, users who lost theirs, prices.

    A plan is lost where a limit, a rate, a model or the network rules it out now, or where another plan is better in
    everything that counts.
    """
    matcher = _Matcher(instance)
    found: dict[tuple[int, int], int] = {}
    lost = np.zeros(instance.classes, dtype=np.int64)
    gone = 0
    for group in placement.groups:
        owner = matcher.classes.get(group.class_name)
        if owner is None:
            gone += group.count
            continue
        key = matcher.match(group, owner)
        if key is None:
            lost[owner] += group.count
        else:
            found[key] = found.get(key, 0) + group.count
    keys = sorted(found)
    table = np.array(keys, dtype=np.int64).reshape(-1, 2)
    users = np.array([found[key] for key in keys], dtype=np.int64)
    prices = np.zeros(instance.resources.count)
    rows = {(instance.resources.kind(row), name): row for row, name in enumerate(instance.resources.names)}
    for load in placement.loads:
        if (row := rows.get((load.kind, load.name))) is not None:
            prices[row] = load.price_w
    none = np.zeros(instance.classes, dtype=np.int64)
    return Before(Solution(table[:, 0], table[:, 1], users, none), prices, lost, gone)


class _Matcher:
    """Plans by what a placement says of them."""

    def __init__(self, instance: FleetInstance) -> None:
        self.instance, self.writer = instance, Writer(instance)
        self.classes = {str(name): index for index, name in enumerate(instance.columns.class_names)}
        self._known: dict[Hashable, int] = {}
        self._plans: dict[int, dict[Hashable, list[int]]] = {}

    def match(self, group: Group, owner: int) -> tuple[int, int] | None:
        """Return the pair and plan of a group; None where it has none now."""
        instance = self.instance
        columns = instance.columns
        for pair in range(int(instance.first_pair[owner]), int(instance.first_pair[owner + 1])):
            if columns.nodes[columns.link_node[instance.pair_link[pair]]] == group.attach:
                plan = self._plan(group, pair)
                rate = float(instance.rate_per_s[owner])
                plans = instance.kinds[instance.pair_kind[pair]].plans
                if plan >= 0 and rate <= plans.most_rate_per_s[plan] * (1.0 + 1e-9):
                    return pair, plan
        return None

    def _plan(self, group: Group, pair: int) -> int:
        instance = self.instance
        kind, local = int(instance.pair_kind[pair]), int(instance.pair_local[pair])
        nodes = tuple(each.node for each in group.assignments)
        paths = tuple((route.after, route.path, route.result_of) for route in group.routes)
        key = (kind, local, group.operating_point, nodes, paths)
        if key not in self._known:
            self._known[key] = self._find(kind, local, (group.operating_point, nodes), paths)
        return self._known[key]

    def _find(self, kind: int, local: int, shape: tuple[str, tuple[str, ...]], paths: tuple[Carried, ...]) -> int:
        """Return the plan of a kind with the same point, blocks and routes; -1 where there is none."""
        slot = {self.writer.names[node]: number for number, node in enumerate(self.instance.locals[local].nodes, 1)}
        slot[DEVICE] = 0
        wanted = tuple(slot.get(node, -1) for node in shape[1])
        if kind not in self._plans:
            self._plans[kind] = self._by_shape(kind)
        for plan in self._plans[kind].get((shape[0], wanted), []):
            if self.writer.paths(kind, plan, local) == paths:
                return plan
        return -1

    def _by_shape(self, kind: int) -> dict[Hashable, list[int]]:
        """Return the plans of a kind by operating point and slots."""
        each = self.instance.kinds[kind]
        found: dict[Hashable, list[int]] = {}
        for plan, (point, slots) in enumerate(zip(each.plans.point.tolist(), each.plans.slot.tolist(), strict=True)):
            shape = (each.kind.model.points.name(point), tuple(slot for slot in slots if slot >= 0))
            found.setdefault(shape, []).append(plan)
        return found
