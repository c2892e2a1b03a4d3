"""From columns, models and a topology to the arrays of a fleet; kinds are found and their plans enumerated."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from dataclasses import replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.costs import block_and_head_costs
from planner.fin.instance.metrics import NetworkMetrics
from planner.fin.instance.network import Bools, Floats, Ints, Network, build_network
from planner.fin.instance.packages import expand
from planner.fleet.instance.fleet_instance import FleetInstance, KindPlans
from planner.fleet.instance.local_network import LocalNetwork, local_network
from planner.fleet.instance.model_arrays import ModelArrays, TypedCosts, model_arrays
from planner.fleet.instance.paths import PathFinder
from planner.fleet.instance.resources import Resources, resources_of
from planner.fleet.instance.scarcity import scarce_by_kind, scarce_resources, without_loose_loads
from planner.fleet.plans.kind import Kind, Radio
from planner.fleet.plans.known import KnownPlans
from planner.fleet.reading.resolve import check_names
from planner.schemas.fleets.columns import FleetColumns
from planner.schemas.fleets.fleet import DEVICE, UserDevice
from planner.schemas.planning.memory import memory_may_bind
from planner.schemas.planning.metrics import NodeMetric
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Node, Topology

_PACE_AFTER = 5
"""Kinds whose plans are enumerated before their pace is looked at."""
_PACE = 1.5
"""Plans are cut once at most from the time on at which those of all kinds would take so many times what is allowed."""
MOST_HOSTS = 6
"""Hosts that a class may use from one attach node, by default."""


def build_fleet(
    columns: FleetColumns,
    models: Mapping[str, Model],
    topology: Topology,
    most_hosts: int = MOST_HOSTS,
    known: KnownPlans | None = None,
    deadline: Deadline | None = None,
    all_plans: Deadline | None = None,
) -> FleetInstance:
    """Build the arrays of a fleet, and enumerate the plans of every kind that are not known.

    Args:
        columns: The classes.
        models: Every model by the name that classes give it.
        topology: Shared nodes and links.
        most_hosts: Hosts considered at most for one attach node; the nearest in energy are.
        known: Plans of kinds that need not be enumerated again; those of all kinds are in it afterwards.
        deadline: When to give up.
        all_plans: When to stop enumerating all plans; of further kinds those are found that are cut once at most.

    Returns:
        The fleet: C classes, Q pairs of class and link, kinds with their plans, and R resources.

    Raises:
        DeadlineReachedError: The deadline has passed before all plans were enumerated.
        InputError: A name is not there, nothing says what a node costs, or a kind has too many plans.
    """
    nodes, links, routers, metrics = expand(topology)
    network = build_network(nodes, links, routers, metrics)
    check_names(columns, models, network)
    return _Builder(columns, models, nodes, routers, network, most_hosts).build(
        known or KnownPlans(), deadline or Deadline(), all_plans or Deadline()
    )


class _Builder:
    """What building needs in several steps."""

    def __init__(
        self, columns: FleetColumns, models: Mapping[str, Model], nodes: tuple[Node, ...],
        routers: tuple[str, ...], network: Network, most_hosts: int,
    ) -> None:  # fmt: skip
        self.columns, self.network, self.most_hosts = columns, network, most_hosts
        self.resources: Resources = resources_of(network, columns)
        limits = [device.memory_bytes for device in columns.devices if device.memory_bytes is not None]
        least = min([float(network.memory_bytes.min(initial=np.inf)), *limits])
        scarce = memory_may_bind([models[name] for name in columns.models], least)
        self.models = [model_arrays(models[name], scarce) for name in columns.models]
        self.types, representatives = _types(network)
        self.costs = [
            self._costs(index, models[name], representatives, nodes, routers)
            for index, name in enumerate(columns.models)
        ]
        self.finder = PathFinder(network)
        self.position = {name: index for index, name in enumerate(network.names)}

    def _costs(
        self, index: int, model: Model, representatives: Ints, every: tuple[Node, ...], routers: tuple[str, ...]
    ) -> TypedCosts:
        """Return what a model costs on every device that runs it, and on every type of node."""
        nodes = [every[each] for each in representatives]
        used = set(np.unique(self.columns.device[self.columns.model == index]).tolist())
        devices = [
            device_node(f"device of {self.columns.models[index]}", device) if number in used else _idle(number)
            for number, device in enumerate(self.columns.devices)
        ]
        unused = [node.name for number, node in enumerate(devices) if number not in used]
        typed = build_network([*devices, *nodes], [], (*routers, *unused))
        names = list(self.models[index].points.exit_names)
        blocks, heads = block_and_head_costs(model, typed, names)
        metrics = self._metrics_of_types(representatives)
        added = (metrics.of_computing(each.time_s, each.energy_j) for each in (blocks, heads))
        return TypedCosts(blocks, heads, len(devices), *added)

    def _metrics_of_types(self, representatives: Ints) -> NetworkMetrics:
        """Return what computing adds to metrics on each device and each type of node."""
        metrics, devices = self.network.metrics, self.columns.devices
        nothing = NodeMetric()
        own = [[device.metrics.get(name, nothing) for device in devices] for name in metrics.names]
        shape = (metrics.count, len(devices))
        per_s = np.array([[each.per_s for each in row] for row in own]).reshape(shape)
        per_j = np.array([[each.per_j for each in row] for row in own]).reshape(shape)
        return replace(
            metrics,
            per_s=np.hstack([per_s, metrics.per_s[:, representatives]]),
            per_j=np.hstack([per_j, metrics.per_j[:, representatives]]),
        )

    def build(self, known: KnownPlans, deadline: Deadline, all_plans: Deadline) -> FleetInstance:
        columns = self.columns
        links = np.diff(columns.first_link)[columns.group]
        first_pair = np.concatenate([[0], np.cumsum(links)])
        pair_class = np.repeat(np.arange(len(columns.count)), links)
        within = np.arange(first_pair[-1]) - first_pair[pair_class]
        pair_link = np.asarray(columns.first_link)[columns.group[pair_class]] + within
        pair_local, locals_, signature = self._locals(pair_class, pair_link)
        deadline.check()
        scarce = scarce_resources(
            columns, self.resources, self.models, self.costs, locals_, (pair_class, pair_link, pair_local)
        )
        pair_kind, first = self._kinds(pair_class, pair_link, signature[pair_local])
        rates = np.asarray(columns.rate_per_s)[pair_class]
        order = np.argsort(pair_kind, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(pair_kind))[:-1]) if len(order) else []
        inside = [each.rows(self.network.size) for each in locals_]
        rows = [self._rows(pairs, pair_link, pair_local, inside) for pairs in members]
        may_be_short = scarce_by_kind(scarce, rows, signature[pair_local[first]])
        kinds = []
        began_s, budget_s = time.perf_counter(), all_plans.remaining_s
        for number, (pairs, example) in enumerate(zip(members, first.tolist(), strict=True)):
            kind = self._kind(
                int(pair_class[example]), int(pair_link[example]), locals_[pair_local[example]], may_be_short[number],
                (float(rates[pairs].max()), float(rates[pairs].min())),
            )  # fmt: skip
            deadline.check()
            if number >= _PACE_AFTER and (time.perf_counter() - began_s) / number * len(members) > _PACE * budget_s:
                all_plans = Deadline(began_s)  # most of what is spent on all plans would be in vain
            key, plans = known.plans(kind, all_plans)
            kinds.append(KindPlans(kind, plans, pairs, rows[number], key))
        kinds = without_loose_loads(kinds, self.resources, columns, pair_class, signature[pair_local[first]])
        return FleetInstance(
            columns, self.network, self.resources, tuple(kinds), tuple(locals_), first_pair, pair_class, pair_link,
            pair_kind, pair_local, all(each.complete for each in locals_), known.whole,
        )  # fmt: skip

    def _locals(self, pair_class: Ints, pair_link: Ints) -> tuple[Ints, list[LocalNetwork], Ints]:
        """Return the local network of each pair, all of them, and the number of each one's signature."""
        columns = self.columns
        goal = np.array([-1 if name == DEVICE else self.position[name] for name in columns.destinations] + [-1])
        keys = np.stack([columns.link_node[pair_link], goal[columns.destination[pair_class]]], axis=1)
        distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
        found: list[LocalNetwork] = []
        codes: dict[Hashable, int] = {}
        signature = np.empty(len(distinct), dtype=np.int64)
        for index, (node, destination) in enumerate(distinct.tolist()):
            attach = self.position[columns.nodes[node]]
            local = local_network(
                self.network, self.finder, self.types, attach, None if destination < 0 else destination,
                self.most_hosts,
            )  # fmt: skip
            memory = tuple(self.network.memory_bytes[list(local.nodes)].tolist())
            found.append(local)
            signature[index] = codes.setdefault((local.signature, memory), len(codes))
        return inverse.reshape(-1), found, signature

    def _kinds(self, pair_class: Ints, pair_link: Ints, signature: Ints) -> tuple[Ints, Ints]:
        """Return the kind of each pair, and one pair of each kind."""
        columns = self.columns
        goal = np.array([0 if name == DEVICE else 1 for name in columns.destinations] + [-1])
        parts = [
            columns.model[pair_class], columns.device[pair_class], columns.statistic[pair_class],
            goal[columns.destination[pair_class]], columns.max_latency_s[pair_class],
            columns.max_energy_j[pair_class], np.nan_to_num(columns.min_accuracy[pair_class], nan=-1.0),
            columns.link_bit_per_s[pair_link], columns.link_down_bit_per_s[pair_link],
            columns.link_latency_s[pair_link], columns.link_j_per_bit[pair_link],
            columns.link_medium[pair_link] >= 0, signature,
            *(values[pair_class] for values in columns.limits.values()),
            *(values[pair_link] for values in columns.link_metrics.values()),
        ]  # fmt: skip
        code = np.zeros(len(pair_class), dtype=np.int64)
        for part in parts:
            values, inverse = np.unique(part, return_inverse=True)
            code = np.unique(code * len(values) + inverse, return_inverse=True)[1].reshape(-1)
        return code, np.unique(code, return_index=True)[1]

    def _kind(self, index: int, link: int, local: LocalNetwork, scarce: Bools, rates: tuple[float, float]) -> Kind:
        columns = self.columns
        model: ModelArrays = self.models[columns.model[index]]
        least = float(columns.min_accuracy[index])
        goal = int(columns.destination[index])
        device = columns.devices[columns.device[index]]
        own = np.inf if device.memory_bytes is None else device.memory_bytes
        return Kind(
            model=model,
            costs=self.costs[columns.model[index]],
            device=int(columns.device[index]),
            local=local,
            radio=Radio(
                float(columns.link_bit_per_s[link]), float(columns.link_down_bit_per_s[link]),
                float(columns.link_latency_s[link]), float(columns.link_j_per_bit[link]),
                bool(columns.link_medium[link] >= 0), self._by_metric(columns.link_metrics, link, 0.0),
            ),
            statistic=columns.statistics[columns.statistic[index]],
            max_latency_s=float(columns.max_latency_s[index]),
            max_energy_j=float(columns.max_energy_j[index]),
            least_accuracy=model.best_accuracy if np.isnan(least) else least,
            destination=-1 if goal < 0 else 0 if columns.destinations[goal] == DEVICE else local.destination,
            memory_bytes=np.concatenate([[own], self.network.memory_bytes[list(local.nodes)]]),
            device_utilization=device.max_utilization,
            scarce=scarce,
            most_rate_per_s=rates[0],
            least_rate_per_s=rates[1],
            most_metrics=self._by_metric(columns.limits, index, np.inf),
        )  # fmt: skip

    def _by_metric(self, columns: Mapping[str, Floats], row: int, missing: float) -> tuple[float, ...]:
        """Return a row of columns by metric, in the order of metrics."""
        names = self.network.metrics.names
        return tuple(float(columns[name][row]) if name in columns else missing for name in names)

    def _rows(self, pairs: Ints, pair_link: Ints, pair_local: Ints, local_rows: list[Ints]) -> Ints:
        """(n, S - 1 + M) resource of each load of each pair."""
        resources = self.resources
        access = resources.link_row[pair_link[pairs]]
        access = np.where(access >= 0, access, resources.count)
        used, place = np.unique(pair_local[pairs], return_inverse=True)
        inside = np.stack([local_rows[each] for each in used.tolist()])[place]
        slots = int((inside[0] < self.network.size).sum())
        return np.concatenate([inside[:, :slots], access[:, None], inside[:, slots:]], axis=1)


def _types(network: Network) -> tuple[Ints, Ints]:
    """Return the type of each node (equal figures of computing), and a node of each type."""
    codes: dict[tuple[object, ...], int] = {}
    metrics = [*network.metrics.per_s, *network.metrics.per_j]
    figures = np.stack(
        [
            network.ops_per_s, network.j_per_op, network.active_power_w, network.static_power_w, network.hosts,
            *metrics,
        ],
        axis=1,
    )  # fmt: skip
    keys = [
        (hardware, *("none" if np.isnan(value) else value for value in row))
        for hardware, row in zip(network.hardware, figures.tolist(), strict=True)
    ]
    types = np.array([codes.setdefault(key, len(codes)) for key in keys], dtype=np.int64)
    return types, np.unique(types, return_index=True)[1]


def device_node(name: str, device: UserDevice) -> Node:
    """Return a device as a node, to cost models on it."""
    fields = {field: getattr(device, field) for field in UserDevice.model_fields if field != "metrics"}
    return Node.model_construct(name=name, tier="mobile", idle_power_w=0.0, speed=None, **fields)


def _idle(number: int) -> Node:
    """Return a node that hosts nothing, for a device that does not run the model."""
    return Node.model_construct(name=f"unused device {number}", tier="mobile")
