"""From a fleet placement to the plans of the fleet as it is now: groups matched by class, node, blocks and routes."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from planner.fin.instance.network import Ints
from planner.fleet.answer.groups import Writer
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
            self._known[key] = self._find(kind, local, group, nodes)
        return self._known[key]

    def _find(self, kind: int, local: int, group: Group, nodes: tuple[str, ...]) -> int:
        """Return the plan of a kind with the same point, blocks and routes; -1 where there is none."""
        each, network = self.instance.kinds[kind], self.instance.locals[local]
        slot = {self.writer.names[node]: number for number, node in enumerate(network.nodes, start=1)} | {DEVICE: 0}
        blocks = each.kind.model.blocks
        if any(node not in slot for node in nodes) or len(nodes) > blocks:
            return -1
        wanted: Ints = np.full(blocks, -1, dtype=np.int64)
        wanted[: len(nodes)] = [slot[node] for node in nodes]
        points = each.kind.model.points
        for plan in np.flatnonzero((each.plans.slot == wanted).all(axis=1)).tolist():
            same_point = points.name(int(each.plans.point[plan])) == group.operating_point
            if same_point and self.writer.routes(kind, plan, local) == group.routes:
                return int(plan)
        return -1
