"""The independent verifier of fleet placements: every user, limit, capacity and sum recomputed from the files.

It shares no code with the solvers. Groups that differ in names alone are recomputed once (`fleet_plans`); what does not
stand is reported, never raised, and every comparison is written so that NaN fails it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from math import isfinite, isnan
from typing import Any

from planner.schemas.fleets.columns import FleetColumns
from planner.schemas.fleets.fleet import DEVICE
from planner.schemas.fleets.placement import FleetPlacement, Group
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Topology
from planner.schemas.reading.quantities import FRACTION, told_apart
from planner.verifier.fleet_network import OWN, UserCost
from planner.verifier.fleet_plans import Names, PlanCosts, renamed_medium
from planner.verifier.metrics import check_metric_limits, check_metrics, check_units
from planner.verifier.network import Medium, Network, expand, medium_name
from planner.verifier.points import best_accuracy
from planner.verifier.violations import Violation, check_claim, check_limit, fault_of

MOST_REPORTED = 50
"""Violations reported; a fleet that is wrong everywhere need not be listed whole."""


@dataclass
class _Sums:
    """What all users together take; watts, and fractions of time."""

    nodes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    media: dict[Medium, float] = field(default_factory=lambda: defaultdict(float))
    tiers_w: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    parts: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    """Names of the blocks and heads of a model that a node holds."""
    metrics: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Metrics by name, in their units per second."""
    power_w: float = 0.0


def verify_fleet(
    placement: FleetPlacement, topology: Topology, columns: FleetColumns, models: Mapping[str, Model], gap: float = 1.0
) -> list[Violation]:
    """Recompute a fleet placement and check every claim and every limit.

    Args:
        placement: The placement to check.
        topology: The topology that it was made for.
        columns: The classes that it was made for.
        models: Every model by the name that classes give it.
        gap: Largest relative gap that still counts as `optimal` (no unit).

    Returns:
        What does not stand (the first fifty); empty if the placement stands.
    """
    if placement.status in ("infeasible", "unknown"):
        return list(_check_no_plan(placement))
    network = expand(topology)
    found = _Checker(columns, models, network).check(placement)
    found += _check_certificate(placement, gap)
    return found[:MOST_REPORTED]


def _check_no_plan(placement: FleetPlacement) -> Iterator[Violation]:
    if placement.groups or placement.total is not None:
        yield fault_of("", "groups", f"a placement that is {placement.status} holds no plan")
    if placement.status == "infeasible" and placement.diagnosis is None:
        yield fault_of("", "diagnosis", "a placement that is infeasible says why")


def _as_lists(columns: FleetColumns) -> FleetColumns:
    """Return columns as lists: figures are read one by one here, and an array makes an object for each."""
    found: dict[str, Any] = {}
    for each in fields(columns):
        value = getattr(columns, each.name)
        if isinstance(value, Mapping):
            found[each.name] = {name: column.tolist() for name, column in value.items()}
        elif hasattr(value, "tolist"):
            found[each.name] = value.tolist()
    return replace(columns, **found)


class _Checker:
    """One placement against its classes."""

    def __init__(self, columns: FleetColumns, models: Mapping[str, Model], network: Network) -> None:
        self.columns, self.models, self.network = (columns := _as_lists(columns)), models, network
        self.costs = PlanCosts(columns, models, network)
        self.position = {str(name): index for index, name in enumerate(columns.class_names)}
        self.least = [best_accuracy(models[name]) for name in columns.models]
        self.sums = _Sums()
        self.found: list[Violation] = []

    def check(self, placement: FleetPlacement) -> list[Violation]:
        """Return everything that does not stand."""
        self._check_counts(placement)
        lost = self._check_nodes(placement)
        for group in placement.groups:
            if len(self.found) > MOST_REPORTED:
                break
            index = self.position.get(group.class_name)
            if index is not None and lost.isdisjoint(_nodes_of(group)):
                self._check_group(group, index)
        if not self.found:
            self._check_capacity()
            self._check_sums(placement)
        return self.found

    def _check_counts(self, placement: FleetPlacement) -> None:
        """Every user is served once or named as unserved."""
        held: Counter[str] = Counter()
        for name, count in [(each.class_name, each.count) for each in placement.groups]:
            held[name] += count
        for name, count in [(each.class_name, each.count) for each in placement.unserved]:
            held[name] += count
        for name in held:
            if name not in self.position:
                self.found.append(fault_of(name, "class", "the fleet has no class of this name"))
        for name, index in self.position.items():
            if held.get(name, 0) != (users := self.columns.count[index]):
                message = f"{held.get(name, 0)} users are accounted for, the class has {users}"
                self.found.append(fault_of(name, "count", message))
        twice = Counter(each.class_name for each in placement.unserved)
        self.found += [fault_of(name, "unserved", "named twice") for name, times in twice.items() if times > 1]

    def _check_nodes(self, placement: FleetPlacement) -> set[str]:
        """Report every node that groups use and the topology does not have, once; return their names."""
        used = Counter(name for group in placement.groups for name in _nodes_of(group))
        lost = {name: groups for name, groups in used.items() if name not in self.network.nodes}
        for name, groups in sorted(lost.items()):
            users = f"{groups:,} groups use" if groups > 1 else "a group uses"
            self.found.append(fault_of("", "groups", f"there is no node {name!r}, which {users}"))
        return set(lost)

    def _check_group(self, group: Group, index: int) -> None:
        columns = self.columns
        low, high = columns.first_link[columns.group[index]], columns.first_link[columns.group[index] + 1]
        links = [link for link in range(low, high) if columns.nodes[columns.link_node[link]] == group.attach]
        if not links:
            self.found.append(fault_of(group.class_name, "attach", f"the class does not attach to {group.attach!r}"))
            return
        for link in links:  # a class may have several links to one node, and the group does not say which it takes
            cost, names, faults = self.costs.cost(group, index, link)
            if cost is not None:
                faults = [
                    *self._check_claims(group, cost),
                    *check_metrics(group.class_name, group.metrics, cost.metrics, self.network),
                    *self._check_limits(group, index, cost),
                ]
            if not faults:
                break
        if cost is not None and not faults:
            self._add(group, index, cost, names)
        self.found += faults

    @staticmethod
    def _check_claims(group: Group, cost: UserCost) -> list[Violation]:
        name = group.class_name
        return [
            *check_claim(name, "energy_j", group.energy_j, cost.energy_j, "J"),
            *check_claim(name, "latency_s", group.latency_s, cost.latency_s, "s"),
        ]

    def _check_limits(self, group: Group, index: int, cost: UserCost) -> list[Violation]:
        columns, name = self.columns, group.class_name
        device, rate = columns.devices[columns.device[index]], float(columns.rate_per_s[index])
        least: float | None = float(columns.min_accuracy[index])
        least = self.least[columns.model[index]] if least is None or isnan(least) else least
        found = [
            *check_limit(name, "max_latency_s", float(columns.max_latency_s[index]), cost.latency_s, "s"),
            *check_limit(name, "max_energy_j", float(columns.max_energy_j[index]), cost.energy_j, "J"),
            *check_limit(name, "device.memory_bytes", device.memory_bytes, cost.device_memory_bytes, "B"),
            *check_limit(
                name, "device.max_utilization", device.max_utilization,
                rate * cost.node_busy_s.get(DEVICE, 0.0), "of its time",
            ),
            *check_limit(name, "own link", 1.0, rate * cost.own_link_busy_s, "of its time"),
            *check_metric_limits(name, self._limits_of(index), cost.metrics, self.network),
        ]  # fmt: skip
        if least is not None and (cost.accuracy is None or not cost.accuracy >= least - 1e-9):
            has, asked = told_apart(0.0 if cost.accuracy is None else cost.accuracy, least, FRACTION)
            reached = "is unknown" if cost.accuracy is None else has
            found.append(fault_of(name, "min_accuracy", f"accuracy {reached}, at least {asked} is asked for"))
        return found

    def _limits_of(self, index: int) -> dict[str, float]:
        """Return the limits of a class on metrics, by name."""
        limits = {name: float(values[index]) for name, values in self.columns.limits.items()}
        return {name: most for name, most in limits.items() if isfinite(most)}

    def _add(self, group: Group, index: int, cost: UserCost, names: Names) -> None:
        per_s = group.count * float(self.columns.rate_per_s[index])
        sums, model = self.sums, int(self.columns.model[index])
        sums.power_w += per_s * cost.energy_j
        for name, value in cost.metrics.items():
            sums.metrics[name] += per_s * value
        sums.tiers_w["network"] += per_s * cost.transfer_j
        for node, joules in cost.compute_j.items():
            sums.tiers_w[self._tier(names.get(node, node))] += per_s * joules
        for node, seconds in cost.node_busy_s.items():
            if node != DEVICE:
                sums.nodes[names.get(node, node)] += per_s * seconds
        for held, seconds in cost.medium_busy_s.items():
            medium = renamed_medium(held, names) if names else held
            if medium != (OWN,):
                sums.media[medium] += per_s * seconds
        for node, parts in cost.parts.items():
            if node != DEVICE:
                sums.parts[names.get(node, node), model] |= parts

    def _tier(self, node: str) -> str:
        return "device" if node == DEVICE else str(getattr(self.network.nodes[node], "tier", "chiplet"))

    def _check_capacity(self) -> None:
        for node, load in self.sums.nodes.items():
            compute = self.network.nodes[node]
            limit = None if compute is None else compute.max_utilization
            self.found += check_limit("", "max_utilization", limit, load, "of its time", subject=node)
            held = self._memory(node)
            memory = None if compute is None else compute.memory_bytes
            self.found += check_limit("", "memory_bytes", memory, held, "B", subject=node)
        for medium, load in self.sums.media.items():
            self.found += check_limit("", "medium", 1.0, load, "of its time", subject=medium_name(medium))

    def _memory(self, node: str) -> float:
        """Bytes of all blocks and heads on a node, each of a model once."""
        held = 0.0
        for model, name in enumerate(self.columns.models):
            document, parts = self.models[name], self.sums.parts.get((node, model), set())
            held += sum(block.param_bytes for block in document.blocks if block.name in parts)
            held += sum(head.param_bytes for head in document.exits if head.name in parts)
        return held

    def _check_sums(self, placement: FleetPlacement) -> None:
        total, sums = placement.total, self.sums
        if total is None:
            self.found.append(fault_of("", "total", "the sums are missing"))
            return
        idle = 0.0
        hosts = sorted({node for node, _ in sums.parts})
        for node in hosts:
            compute = self.network.nodes[node]
            idle += 0.0 if compute is None else compute.idle_power_w
            sums.tiers_w[self._tier(node)] += 0.0 if compute is None else compute.idle_power_w
        self.found += check_claim("", "total.idle_power_w", total.idle_power_w, idle, "W", whole=idle)
        whole = sums.power_w + idle
        self.found += check_claim("", "total.power_w", total.power_w, whole, "W", whole=whole)
        counts = {
            "users": (total.users, sum(self.columns.count)),
            "served": (total.served, sum(group.count for group in placement.groups)),
            "nodes_used": (total.nodes_used, len(hosts)),
        }
        for what, (claimed, counted) in counts.items():
            if claimed != counted:
                self.found.append(fault_of("", f"total.{what}", f"claims {claimed}, is {counted}"))
        for tier in sorted({*total.tier_w, *sums.tiers_w}):
            claimed_w = total.tier_w.get(tier, 0.0)
            self.found += check_claim(
                "", f"total.tier_w.{tier}", claimed_w, sums.tiers_w.get(tier, 0.0), "W", whole=1e3 * whole
            )
        of_all = {name: sums.metrics.get(name, 0.0) for name in self.network.metrics}
        self.found += check_metrics("", total.metrics, of_all, self.network)
        self.found += check_units(placement.metric_units, self.network)
        self._check_loads(placement)

    def _check_loads(self, placement: FleetPlacement) -> None:
        media = {medium_name(medium): load for medium, load in self.sums.media.items()}
        seen: set[tuple[str, str]] = set()
        for each in placement.loads:
            known = self.sums.nodes if each.kind == "node" else media
            claim = check_claim("", f"loads.{each.name}", each.utilization, known.get(each.name, 0.0), "of its time",
                                whole=1e3)  # fmt: skip
            compute = self.network.nodes.get(each.name) if each.kind == "node" else None
            capacity = 1.0 if compute is None else compute.max_utilization
            self.found += claim
            self.found += check_claim("", f"loads.{each.name}.capacity", each.capacity, capacity, "of its time")
            if (each.kind, each.name) in seen:
                self.found.append(fault_of("", f"loads.{each.name}", "named twice"))
            seen.add((each.kind, each.name))
        for kind, loads in (("node", self.sums.nodes), ("medium", media)):
            for name in loads:
                if (kind, name) not in seen and loads[name] > 1e-15:
                    self.found.append(fault_of("", f"loads.{name}", f"the {kind} is loaded, and not in the list"))


def _check_certificate(placement: FleetPlacement, gap: float) -> list[Violation]:
    certificate, total = placement.certificate, placement.total
    if certificate is None or total is None:
        return [fault_of("", "certificate", "a plan states its bound")]
    power, bound = total.power_w, certificate.lower_bound
    found = []
    if not bound <= power * (1.0 + 1e-9):
        claimed, has = told_apart(bound, power, "W")
        found.append(fault_of("", "certificate.lower_bound", f"{claimed} is above the plan's {has}"))
    real = (power - bound) / power if power > 0.0 else 0.0
    if certificate.relative_gap is None:
        found.append(fault_of("", "certificate.relative_gap", "a plan states its gap"))
    else:
        found += check_claim("", "certificate.relative_gap", certificate.relative_gap, real, "", whole=1e3)
    if placement.status == "optimal" and not real <= gap * (1.0 + 1e-9) + 1e-12:
        proved, most = told_apart(real, gap, FRACTION)
        found.append(fault_of("", "status", f"optimal, though the gap is {proved}, more than {most}"))
    return found


def _nodes_of(group: Group) -> set[str]:
    """Return the shared nodes that a group attaches to, computes on or sends over."""
    names = {group.attach, *(each.node for each in group.assignments)}
    return names.union(*(route.path for route in group.routes)) - {DEVICE}
