"""The verifier's cost of a group's plan; plans of groups that differ in names alone are computed once.

Nodes are renamed in the order in which a plan meets them. Two plans whose renamed blocks and routes, figures of nodes
and figures of hops are equal cost the same, so the many groups of a fleet need few recomputations.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from itertools import pairwise

from planner.schemas.fleets.columns import FleetColumns
from planner.schemas.fleets.fleet import DEVICE
from planner.schemas.fleets.placement import Group
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import AppPlacement, Breakdown, Shares
from planner.schemas.planning.topology import Link
from planner.verifier.fleet_network import OWN, UserCost, UserMetrics, app_of, device_compute, user_links, user_network
from planner.verifier.network import Medium, Network, medium_of
from planner.verifier.recompute import Recomputed, latency_of, part_cost, stages_of
from planner.verifier.structure import check_structure
from planner.verifier.violations import Violation

Names = Mapping[str, str]
"""Names of nodes, and of media behind a percent sign, by the names that a cost holds."""


class PlanCosts:
    """Costs of groups, remembered by what they depend on."""

    def __init__(self, columns: FleetColumns, models: Mapping[str, Model], network: Network) -> None:
        self._columns, self._models, self._network = columns, models, network
        self._metrics = UserMetrics(network, columns)
        self._devices = [device_compute(device) for device in columns.devices]
        self._figures: dict[str, int] = {}
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[Hashable, UserCost] = {}
        self._links: dict[int, tuple[Link, Link]] = {}

    def cost(self, group: Group, index: int, link: int) -> tuple[UserCost | None, Names, list[Violation]]:
        """Compute the cost of a group's plan, if its form is right.

        Args:
            group: Users with their plan.
            index: Row of the class in the columns.
            link: Row of the link in the columns.

        Returns:
            The cost (None where the form is wrong), nodes and media by the names that it holds, and what is wrong.
        """
        names, key = self._key(group, index, link)
        if key is not None and (known := self._known.get(key)) is not None:
            return known, names, []
        up, down = self._ends(link)
        device = int(self._columns.device[index])
        nodes = [each.node for each in group.assignments]
        hops = [pair for route in group.routes for pair in pairwise(route.path)]
        metrics = self._metrics.of_user(self._columns.devices[device], link, nodes, hops)
        network = user_network(self._network, self._devices[device], up, down, metrics)
        app = app_of(self._columns, index)
        model = self._models[app.models[0]]
        plan = _as_app_placement(group)
        found, faults = check_structure(app, model, plan, network, {})
        if found is None or faults:
            return None, {}, faults
        cost = _cost_of(found, app.latency, model, plan, network)
        if key is None:
            return cost, {}, []
        self._known[key] = _renamed(cost, {name: number for number, name in names.items()})
        return self._known[key], names, []

    def _key(self, group: Group, index: int, link: int) -> tuple[Names, Hashable | None]:
        """Return the names of the plan by their new ones, and what its cost depends on (None: a name is unknown)."""
        columns = self._columns
        order = dict.fromkeys(
            [group.attach, *[each.node for each in group.assignments],
             *[name for route in group.routes for name in route.path]]
        )  # fmt: skip
        order.pop(DEVICE, None)
        new: dict[str, str] = {DEVICE: DEVICE}
        figures: list[int] = []
        for name in order:
            number = self._number(name)
            if number is None:
                return {}, None
            figures.append(number)
            new[name] = f"#{len(new)}"
        hops: list[Hashable] = []
        media: dict[Medium, str] = {}
        up, down = self._ends(link)
        ends = {(up.source, up.target): up, (down.source, down.target): down}
        for route in group.routes:
            for pair in pairwise(route.path):
                wire = ends.get(pair) or self._network.hops.get(pair)
                if wire is None or pair in self._network.ambiguous:
                    return {}, None
                medium = medium_of(pair, wire)
                # a plan holds a medium by its name, or by the new names of the link's ends
                named = f"%{len(media)}" if len(medium) == 1 else ">".join(new[end] for end in medium)
                figures_of_hop = (wire.bit_per_s, wire.latency_s, wire.j_per_bit, *self._metrics.of_hop(pair, link))
                hops.append((new[pair[0]], new[pair[1]], figures_of_hop, media.setdefault(medium, named)))
        for medium, named in media.items():
            if len(medium) == 1:
                new["%" + medium[0]] = named
        shape = (
            tuple([(each.block, new[each.node]) for each in group.assignments]),
            tuple([(route.after, route.result_of, route.bits, len(route.path)) for route in group.routes]),
        )
        goal = int(columns.destination[index])
        wanted = None if goal < 0 else new.get(columns.destinations[goal], columns.destinations[goal])
        point = (
            group.operating_point, tuple(sorted(group.exit_fractions.items())), group.accuracy,
            None if group.thresholds is None else tuple(sorted(group.thresholds.items())),
        )  # fmt: skip
        who = (int(columns.model[index]), int(columns.device[index]), int(columns.statistic[index]), wanted)
        key = (who, point, new[group.attach], tuple(figures), shape, tuple(hops))
        return {renamed: name for name, renamed in new.items()}, key

    def _ends(self, link: int) -> tuple[Link, Link]:
        """Return the links up and down of a row of the columns."""
        if link not in self._links:
            self._links[link] = user_links(self._columns, link)
        return self._links[link]

    def _number(self, name: str) -> int | None:
        """Return the number of a node's figures, equal for equal figures; None for a name that no node has."""
        found = self._figures.get(name)
        if found is None and name in self._network.nodes:
            compute = self._network.nodes[name]
            key: Hashable = None if compute is None else (
                compute.hardware, compute.ops_per_s, compute.j_per_op, compute.active_power_w, compute.static_power_w,
                self._metrics.of_node(name),
            )  # fmt: skip
            found = self._numbers.setdefault(key, len(self._numbers))
            self._figures[name] = found
        return found


def _as_app_placement(group: Group) -> AppPlacement:
    nothing = Breakdown.model_construct(compute_j=0.0, transfer_j=0.0, compute_s=0.0, transfer_s=0.0)
    return AppPlacement.model_construct(
        name=group.class_name, operating_point=group.operating_point, exit_fractions=group.exit_fractions,
        thresholds=group.thresholds, assignments=group.assignments, routes=group.routes,
        energy_j=group.energy_j, latency_s=group.latency_s, accuracy=group.accuracy, breakdown=nothing,
        shares=Shares(),
    )  # fmt: skip


def _cost_of(found: Recomputed, statistic: str, model: Model, plan: AppPlacement, network: Network) -> UserCost:
    stages = stages_of(model, found.point, [each.node for each in plan.assignments])
    compute: dict[str, float] = {}
    parts: dict[str, set[str]] = {}
    for stage in stages:
        for part in stage.parts:
            cost = part_cost(part, network.nodes[stage.node], model)
            joules = 0.0 if cost is None else stage.reach * cost.energy_j
            compute[stage.node] = compute.get(stage.node, 0.0) + joules
            parts.setdefault(stage.node, set()).add(part.name)
    return UserCost(
        energy_j=found.energy_j,
        latency_s=latency_of(statistic, found.exits)[0],
        accuracy=found.point.accuracy,
        compute_j=compute,
        transfer_j=found.transfer_j,
        node_busy_s=found.node_busy_s,
        medium_busy_s=found.medium_busy_s,
        device_memory_bytes=found.memory_bytes.get(DEVICE, 0.0),
        own_link_busy_s=found.medium_busy_s.get((OWN,), 0.0),
        metrics=found.metrics,
        parts={node: frozenset(names) for node, names in parts.items()},
    )


def _renamed(cost: UserCost, names: Names) -> UserCost:
    """Return a cost with other names of nodes and media."""
    return replace(
        cost,
        compute_j={names.get(node, node): value for node, value in cost.compute_j.items()},
        node_busy_s={names.get(node, node): value for node, value in cost.node_busy_s.items()},
        medium_busy_s={renamed_medium(medium, names): value for medium, value in cost.medium_busy_s.items()},
        parts={names.get(node, node): parts for node, parts in cost.parts.items()},
    )


def renamed_medium(medium: Medium, names: Names) -> Medium:
    """Return a medium with other names: its own, or those of the nodes that it lies between.

    Args:
        medium: The medium.
        names: Other names of nodes; of media, behind a percent sign.
    """
    if len(medium) == 1:
        old = "%" + medium[0]
        return (names.get(old, old)[1:],)
    return tuple([names.get(end, end) for end in medium])
