"""The network as arrays: what nodes compute, what links carry."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.fin.instance.metrics import NetworkMetrics, network_metrics, no_metrics
from planner.schemas.planning.topology import Link, Metric, Node

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Network:
    """N nodes and E directed links. Figures that a node does not give are NaN; missing limits are infinite."""

    names: tuple[str, ...]
    tiers: tuple[str, ...]
    hardware: tuple[str | None, ...]
    hosts: Bools
    """(N,) whether blocks may run here (an I/O die, a sensor or a switch only relays)."""
    ops_per_s: Floats
    j_per_op: Floats
    active_power_w: Floats
    static_power_w: Floats
    idle_power_w: Floats
    memory_bytes: Floats
    max_utilization: Floats
    slowest: Floats
    """(N,) least relative clock speed; 1 where a node has only its nominal one."""
    fastest: Floats
    link_source: Ints
    link_target: Ints
    link_bit_per_s: Floats
    link_latency_s: Floats
    link_j_per_bit: Floats
    link_medium: Ints
    media: int
    """Number of media; one that links share by name is numbered behind all links, any other like its link."""
    named_media: tuple[str, ...]
    metrics: NetworkMetrics = field(default_factory=no_metrics)

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.names)

    @cached_property
    def derived(self) -> dict[Hashable, object]:
        """What was computed of this network alone, by what it is: apps planned on it one after another share it."""
        return {}

    @cached_property
    def _links_by_ends(self) -> tuple[Ints, Ints]:
        """Keys ``source * N + target`` in order, and the links they belong to."""
        keys = self.link_source * self.size + self.link_target
        order = np.argsort(keys)
        return keys[order], order

    def link(self, source: int, target: int) -> int:
        """Return the index of the link between two nodes; raise KeyError where there is none."""
        keys, links = self._links_by_ends
        place = int(np.searchsorted(keys, source * self.size + target))
        if place == len(keys) or keys[place] != source * self.size + target:
            raise KeyError((source, target))
        return int(links[place])

    def medium_name(self, medium: int) -> str:
        """Return the name of a medium, or of the link that it belongs to."""
        links = len(self.link_source)
        if medium >= links:
            return self.named_media[medium - links]
        return f"{self.names[self.link_source[medium]]}->{self.names[self.link_target[medium]]}"

    def index(self, name: str) -> int:
        """Return the index of a node; raise KeyError for a name that is not there."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(name) from None


_LINK = operator.attrgetter("source", "target", "bit_per_s", "latency_s", "j_per_bit", "medium")


def build_network(
    nodes: Sequence[Node], links: Sequence[Link], routers: Sequence[str] = (), metrics: Sequence[Metric] = ()
) -> Network:
    """Turn nodes and links into arrays; `routers` names the nodes that relay but host no block.

    Args:
        nodes: Nodes, packages expanded.
        links: Links between them; bidirectional ones stand for two.
        routers: Names of nodes that relay but host no block.
        metrics: Further additive figures, packages expanded.

    Returns:
        The arrays, nodes in the given order.
    """
    names = tuple(node.name for node in nodes)
    position = {name: index for index, name in enumerate(names)}
    relays = set(routers)
    rows = list(map(_LINK, links))
    # of a bidirectional link the way back comes behind all others
    both = [row for row, link in zip(rows, links, strict=True) if link.bidirectional]
    rows += [(target, source, *figures) for source, target, *figures in both]
    source, target, bit_per_s, latency_s, j_per_bit, medium = zip(*rows, strict=True) if rows else ((),) * 6
    # a link without a medium is one of its own, numbered like the link; named media come behind those numbers
    named = {name: len(rows) + index for index, name in enumerate(dict.fromkeys(filter(None, medium)))}
    link_medium = np.arange(len(rows))
    for index, name in enumerate(medium) if named else ():
        link_medium[index] = index if name is None else named[name]
    return Network(
        names=names,
        tiers=tuple(node.tier for node in nodes),
        hardware=tuple(node.hardware for node in nodes),
        hosts=np.array([name not in relays for name in names], dtype=bool),
        ops_per_s=_column([node.ops_per_s for node in nodes], np.nan),
        j_per_op=_column([node.j_per_op for node in nodes], np.nan),
        active_power_w=_column([node.active_power_w for node in nodes], np.nan),
        static_power_w=_column([node.static_power_w for node in nodes], 0.0),
        idle_power_w=_column([node.idle_power_w for node in nodes], 0.0),
        memory_bytes=_column([node.memory_bytes for node in nodes], np.inf),
        max_utilization=_column([node.max_utilization for node in nodes], 1.0),
        slowest=_column([node.speed.min if node.speed else None for node in nodes], 1.0),
        fastest=_column([node.speed.max if node.speed else None for node in nodes], 1.0),
        link_source=np.array(list(map(position.__getitem__, source)), dtype=np.int64),
        link_target=np.array(list(map(position.__getitem__, target)), dtype=np.int64),
        link_bit_per_s=np.array(bit_per_s, dtype=np.float64),
        link_latency_s=np.array(latency_s, dtype=np.float64),
        link_j_per_bit=np.array(j_per_bit, dtype=np.float64),
        link_medium=link_medium,
        media=len(rows) + len(named),
        named_media=tuple(named),
        metrics=network_metrics(metrics, names, list(zip(source, target, strict=True))),
    )


def _column(values: Sequence[float | None], missing: float) -> Floats:
    return np.array([missing if value is None else value for value in values], dtype=np.float64)
