"""Local networks: the hosts that users of an attach node may use, and the paths between them, as slots.

Slot 0 is the user's device, slot 1 the attach node, further slots are other hosts. Attach nodes whose slots and paths
have the same figures have the same signature, and their users share plans.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from planner.fin.instance.network import Ints, Network
from planner.fleet.instance.paths import Links, PathFinder


@dataclass(frozen=True)
class Leg:
    """A path between two slots of the shared network, with its figures."""

    source: int
    target: int
    links: Links
    latency_s: float
    s_per_bit: float
    j_per_bit: float
    media: tuple[tuple[int, float], ...]
    """Local medium (0 is the user's access medium) and the seconds that a bit takes of it."""
    metrics: tuple[float, ...]
    """What a bit adds to each metric."""

    @property
    def figures(self) -> Hashable:
        """What two legs have in common that are alike."""
        return (self.source, self.target, self.latency_s, self.s_per_bit, self.j_per_bit, self.media, self.metrics)


@dataclass(frozen=True)
class LocalNetwork:
    """Slots of an attach node."""

    nodes: tuple[int, ...]
    """Shared node of each slot from 1 on."""
    types: tuple[int, ...]
    """Type of node of each slot from 1 on."""
    destination: int
    """Slot that needs the results, -1 where they stay."""
    legs: tuple[Leg, ...]
    media: tuple[int, ...]
    """Media of the network, by local number from 1 on."""
    complete: bool
    """Whether no host and no path is left out."""

    @property
    def signature(self) -> Hashable:
        """What local networks have in common whose users share plans."""
        return (self.types, self.destination, tuple(leg.figures for leg in self.legs))

    @property
    def options(self) -> tuple[int, ...]:
        """Number of each leg among those of the same ends."""
        seen: dict[tuple[int, int], int] = {}
        numbers = []
        for leg in self.legs:
            ends = (leg.source, leg.target)
            numbers.append(seen.get(ends, 0))
            seen[ends] = numbers[-1] + 1
        return tuple(numbers)

    def rows(self, first_medium: int) -> Ints:
        """(slots + media - 1,) resource of each slot from 1 on, then of each local medium from 1 on."""
        return np.array([*self.nodes, *(first_medium + medium for medium in self.media)], dtype=np.int64)


def local_network(
    network: Network, finder: PathFinder, types: Ints, attach: int, destination: int | None, most_hosts: int
) -> LocalNetwork:
    """Number the hosts that users of an attach node may use as slots, and find the paths between them.

    Args:
        network: The shared network.
        finder: Its paths.
        types: (N,) type of every node.
        attach: The attach node.
        destination: Shared node that needs the results, None if it is the device or results stay.
        most_hosts: Hosts considered at most; the nearest in energy are.

    Returns:
        The slots with a leg for each path between two of them: latency in s, rates in s/bit and J/bit.
    """
    hosts, every = finder.hosts_by_distance(attach, most_hosts)
    nodes = list(dict.fromkeys([attach, *hosts, *([] if destination is None else [destination])]))
    legs: list[Leg] = []
    numbers: dict[int, int] = {}
    for source, first in enumerate(nodes, start=1):
        for target, second in enumerate(nodes, start=1):
            if source != target:
                legs += [_leg(network, source, target, path, numbers) for path in finder.paths(first, second)]
    return LocalNetwork(
        nodes=tuple(nodes),
        types=tuple(int(types[node]) for node in nodes),
        destination=-1 if destination is None else 1 + nodes.index(destination),
        legs=tuple(legs),
        media=tuple(numbers),
        complete=every and finder.complete,
    )


def _leg(network: Network, source: int, target: int, links: Links, numbers: dict[int, int]) -> Leg:
    latency_s = s_per_bit = j_per_bit = 0.0
    media: dict[int, float] = {}
    for link in links:
        seconds = 1.0 / float(network.link_bit_per_s[link])
        local = numbers.setdefault(int(network.link_medium[link]), len(numbers) + 1)
        media[local] = media.get(local, 0.0) + seconds
        latency_s += float(network.link_latency_s[link])
        s_per_bit += seconds
        j_per_bit += float(network.link_j_per_bit[link])
    metrics = tuple(network.metrics.per_bit[:, list(links)].sum(axis=1).tolist()) if network.metrics.count else ()
    return Leg(source, target, links, latency_s, s_per_bit, j_per_bit, tuple(sorted(media.items())), metrics)
