"""The network as arrays: what nodes compute, what links carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from schemas.topology import Link, Node

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Network:
    """N nodes and E directed links. Figures that a node does not give are NaN; missing limits are infinite."""

    names: tuple[str, ...]
    tiers: tuple[str, ...]
    hardware: tuple[str | None, ...]
    hosts: Bools
    """(N,) whether blocks may run here (a package's I/O die only relays)."""
    ops_per_s: Floats
    j_per_op: Floats
    active_power_w: Floats
    static_power_w: Floats
    idle_power_w: Floats
    memory_bytes: Floats
    max_utilization: Floats
    link_source: Ints
    link_target: Ints
    link_bit_per_s: Floats
    link_latency_s: Floats
    link_j_per_bit: Floats
    link_medium: Ints
    media: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.names)

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

    def index(self, name: str) -> int:
        """Return the index of a node; raise KeyError for a name that is not there."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(name) from None


def build_network(nodes: Sequence[Node], links: Sequence[Link], routers: Sequence[str] = ()) -> Network:
    """Turn nodes and links into arrays; `routers` names the nodes that relay but host no block."""
    names = tuple(node.name for node in nodes)
    position = {name: index for index, name in enumerate(names)}
    relays = set(routers)
    directed = _directed(links)
    media: dict[str, int] = {}
    medium = [media.setdefault(name, len(media)) for _, _, name, _ in directed]
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
        link_source=np.array([position[source] for source, _, _, _ in directed], dtype=np.int64),
        link_target=np.array([position[target] for _, target, _, _ in directed], dtype=np.int64),
        link_bit_per_s=_column([link.bit_per_s for _, _, _, link in directed], np.nan),
        link_latency_s=_column([link.latency_s for _, _, _, link in directed], 0.0),
        link_j_per_bit=_column([link.j_per_bit for _, _, _, link in directed], 0.0),
        link_medium=np.array(medium, dtype=np.int64),
        media=tuple(media),
    )


def _directed(links: Sequence[Link]) -> list[tuple[str, str, str, Link]]:
    """Return (source, target, medium, link) of every direction; a link without a medium is one of its own."""
    rows = []
    for link in links:
        source, target = link.source, link.target
        rows.append((source, target, link.medium or f"{source}->{target}", link))
        if link.bidirectional:
            rows.append((target, source, link.medium or f"{target}->{source}", link))
    return rows


def _column(values: Sequence[float | None], missing: float) -> Floats:
    return np.array([missing if value is None else value for value in values], dtype=np.float64)
