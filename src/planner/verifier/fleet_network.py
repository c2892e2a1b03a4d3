"""The verifier's view of one user of a fleet: the shared network with the user's device and link laid over it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from planner.schemas.fleets.columns import FleetColumns
from planner.schemas.fleets.fleet import DEVICE, UserDevice
from planner.schemas.planning.metrics import LinkMetric, NodeMetric
from planner.schemas.planning.topology import Compute, Link, Metric, Wire
from planner.schemas.planning.workload import App
from planner.verifier.network import Medium, Network, Pair

OWN = "own link of the user"
"""Name of the medium of a link that every user has alone."""


class _Overlay(Mapping[Pair, Link | Wire]):
    """Hops of the shared network, and a few more; nothing is copied."""

    def __init__(self, below: Mapping[Pair, Link | Wire], more: Mapping[Pair, Link | Wire]) -> None:
        self._below, self._more = below, more

    def __getitem__(self, pair: Pair) -> Link | Wire:
        found = self._more.get(pair)
        return self._below[pair] if found is None else found

    def __contains__(self, pair: object) -> bool:
        return pair in self._more or pair in self._below

    def __iter__(self) -> Iterator[Pair]:
        yield from self._more
        yield from self._below

    def __len__(self) -> int:
        return len(self._more) + len(self._below)


class _Nodes(Mapping[str, Compute | None]):
    """Nodes of the shared network, and the device."""

    def __init__(self, below: Mapping[str, Compute | None], device: Compute) -> None:
        self._below, self._device = below, device

    def __getitem__(self, name: str) -> Compute | None:
        return self._device if name == DEVICE else self._below[name]

    def __contains__(self, name: object) -> bool:
        return name == DEVICE or name in self._below

    def __iter__(self) -> Iterator[str]:
        yield DEVICE
        yield from self._below

    def __len__(self) -> int:
        return 1 + len(self._below)


def user_network(shared: Network, device: Compute, up: Link, down: Link, metrics: Mapping[str, Metric]) -> Network:
    """Build the network that one user sees.

    Args:
        shared: Nodes and hops that all users share.
        device: What the user's own node computes.
        up: Link from the device to the attach node.
        down: Link from there to the device.
        metrics: Metrics by name, with the entries of the device and of the two links.

    Returns:
        The shared network with the device and the two links; nothing is copied.
    """
    hops = {(up.source, up.target): up, (down.source, down.target): down}
    return Network(_Nodes(shared.nodes, device), _Overlay(shared.hops, hops), shared.ambiguous, DEVICE, metrics)


def device_compute(device: UserDevice) -> Compute:
    """Return a device as something that computes."""
    return Compute.model_construct(
        hardware=device.hardware, ops_per_s=device.ops_per_s, j_per_op=device.j_per_op,
        active_power_w=device.active_power_w, static_power_w=device.static_power_w,
        memory_bytes=device.memory_bytes, max_utilization=device.max_utilization, idle_power_w=0.0, speed=None,
    )  # fmt: skip


def user_links(columns: FleetColumns, link: int) -> tuple[Link, Link]:
    """Return the link up and the link down of a row of the columns."""
    node, medium = columns.nodes[columns.link_node[link]], int(columns.link_medium[link])
    common: dict[str, Any] = {
        "latency_s": float(columns.link_latency_s[link]), "j_per_bit": float(columns.link_j_per_bit[link]),
        "medium": OWN if medium < 0 else columns.media[medium], "bidirectional": False,
    }  # fmt: skip
    up, down = float(columns.link_bit_per_s[link]), float(columns.link_down_bit_per_s[link])
    return (
        Link.model_construct(source=DEVICE, target=node, bit_per_s=up, **common),
        Link.model_construct(source=node, target=DEVICE, bit_per_s=down, **common),
    )


class UserMetrics:
    """What metrics have to do with the users of a fleet: entries of shared nodes and hops, devices and links."""

    def __init__(self, shared: Network, columns: FleetColumns) -> None:
        self._metrics, self._columns = shared.metrics, columns
        self._per_bit = {
            name: {(each.source, each.target): each.per_bit for each in metric.links}
            for name, metric in shared.metrics.items()
        }

    def of_node(self, name: str) -> tuple[tuple[float, float] | None, ...]:
        """Return what a second and a joule of computing on a shared node add to each metric; None without an entry."""
        entries = [metric.nodes.get(name) for metric in self._metrics.values()]
        return tuple([None if each is None else (each.per_s, each.per_j) for each in entries])

    def of_hop(self, pair: Pair, link: int) -> tuple[float, ...]:
        """Return what a bit on a hop adds to each metric; hops from and to the device are those of a user's link."""
        if DEVICE in pair:
            given = self._columns.link_metrics
            return tuple([float(given[name][link]) if name in given else 0.0 for name in self._metrics])
        return tuple([self._per_bit[name].get(pair, 0.0) for name in self._metrics])

    def of_user(self, device: UserDevice, link: int, nodes: Iterable[str], hops: Iterable[Pair]) -> dict[str, Metric]:
        """Restrict the metrics to the entries of a device, and of some nodes and hops.

        Args:
            device: The user's own node.
            link: Row of the user's link in the columns.
            nodes: Shared nodes of the plan.
            hops: Hops of its routes.

        Returns:
            Metrics by name.
        """
        used = dict.fromkeys(hops)
        added = {pair: self.of_hop(pair, link) for pair in used}
        found = {}
        for index, (name, metric) in enumerate(self._metrics.items()):
            entries = {node: metric.nodes[node] for node in nodes if node in metric.nodes}
            entries[DEVICE] = device.metrics.get(name, NodeMetric())
            links = tuple(
                LinkMetric.model_construct(source=pair[0], target=pair[1], per_bit=added[pair][index]) for pair in used
            )
            found[name] = Metric.model_construct(name=name, unit=metric.unit, nodes=entries, links=links)
        return found


def app_of(columns: FleetColumns, index: int) -> App:
    """Return what one user of a class asks for, as an app."""
    goal = int(columns.destination[index])
    return App.model_construct(
        name=str(columns.class_names[index]), model=columns.models[columns.model[index]], source=DEVICE,
        destination=None if goal < 0 else columns.destinations[goal], rate_per_s=float(columns.rate_per_s[index]),
        max_latency_s=None, latency=columns.statistics[columns.statistic[index]], min_accuracy=None, pin={},
        objective="energy", max_energy_j=None, limits={},
    )  # fmt: skip


@dataclass(frozen=True)
class UserCost:
    """One inference of a group's plan; busy seconds and memory by name."""

    energy_j: float
    latency_s: float
    accuracy: float | None
    compute_j: Mapping[str, float]
    """Energy of computing by node."""
    transfer_j: float
    node_busy_s: Mapping[str, float]
    medium_busy_s: Mapping[Medium, float]
    device_memory_bytes: float
    own_link_busy_s: float
    """Seconds that a link of the user's own is busy."""
    metrics: Mapping[str, float]
    """Metrics by name, each in its unit."""
    parts: Mapping[str, frozenset[str]]
    """Names of the blocks and heads that each node holds."""
