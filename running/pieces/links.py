"""Times of transfers over a topology's links: sums over the hops of a path, and the fastest path back."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from planner.schemas.planning.topology import Link, Topology
from planner.schemas.reading.problems import input_error


@dataclass(frozen=True)
class LinkTable:
    """Latency in seconds and seconds per bit of every directed link, by its ends."""

    links: Mapping[tuple[str, str], tuple[float, float]]

    def path_rates(self, path: Sequence[str]) -> tuple[float, float]:
        """Return latency (s) and seconds per bit of a path, summed over its hops (store and forward).

        Raises:
            InputError: The topology has no such link.
        """
        latency_s = s_per_bit = 0.0
        for ends in pairwise(path):
            if ends not in self.links:
                fix = "give the topology that was planned"
                raise input_error("the topology has no such link", fix, path="--topology", value=" > ".join(ends))
            latency_s += self.links[ends][0]
            s_per_bit += self.links[ends][1]
        return latency_s, s_per_bit

    def time_s(self, path: Sequence[str], bits: float) -> float:
        """Return the time of a message over a path."""
        latency_s, s_per_bit = self.path_rates(path)
        return latency_s + bits * s_per_bit

    def fastest_path(self, source: str, target: str, bits: float) -> tuple[str, ...]:
        """Find the path of least time by Dijkstra's algorithm.

        Args:
            source: Node at which the path begins.
            target: Node at which it ends.
            bits: Bits to carry.

        Returns:
            Names of the nodes on the path, both ends included; one name where the ends are the same node.

        Raises:
            InputError: There is no path.
        """
        queue: list[tuple[float, tuple[str, ...]]] = [(0.0, (source,))]
        done: set[str] = set()
        while queue:
            time_s, path = heapq.heappop(queue)
            here = path[-1]
            if here == target:
                return path
            if here in done:
                continue
            done.add(here)
            for (start, end), (latency_s, s_per_bit) in self.links.items():
                if start == here and end not in done:
                    heapq.heappush(queue, (time_s + latency_s + bits * s_per_bit, (*path, end)))
        message = f"no way back from {source} to {target}, where results are needed"
        raise input_error(message, "add links in the other direction (bidirectional)", path="--topology")


def link_table(topology: Topology) -> LinkTable:
    """Return the links of a topology, both directions of bidirectional ones; packages are left out."""
    links: dict[tuple[str, str], tuple[float, float]] = {}
    for link in topology.links:
        if link.bit_per_s is not None:
            for ends in _ends(link):
                links[ends] = (link.latency_s, 1.0 / link.bit_per_s)
    return LinkTable(links)


def _ends(link: Link) -> list[tuple[str, str]]:
    both = [(link.source, link.target), (link.target, link.source)]
    return both if link.bidirectional else both[:1]
