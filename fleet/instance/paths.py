"""Paths of the shared network: unique ones in forests, all efficient simple ones in small networks, two elsewhere."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from planner.fin.instance.network import Network

Links = tuple[int, ...]
"""Links of a path, in order; empty from a node to itself."""
_SMALL = 10
"""Nodes of a network whose simple paths are all enumerated."""


@dataclass
class PathFinder:
    """Paths between nodes of a shared network of N nodes."""

    network: Network
    complete: bool = field(init=False)
    """Whether `paths` returns every path that a plan could need."""

    def __post_init__(self) -> None:
        network = self.network
        self._out: list[list[tuple[int, int]]] = [[] for _ in range(network.size)]
        neighbours: list[set[int]] = [set() for _ in range(network.size)]
        for link, (source, target) in enumerate(
            zip(network.link_source.tolist(), network.link_target.tolist(), strict=True)
        ):
            self._out[source].append((link, target))
            neighbours[source].add(target)
            neighbours[target].add(source)
        self._inner = np.array([len(beside) > 1 for beside in neighbours], dtype=bool)
        self._through = [[(link, to) for link, to in links if self._inner[to]] for links in self._out]
        self._is_forest = _is_forest(neighbours)
        self._is_small = network.size <= _SMALL
        self.complete = self._is_forest or self._is_small
        self._energy = network.link_j_per_bit.tolist()
        self._s_per_bit = (1.0 / network.link_bit_per_s).tolist()
        self._latency = network.link_latency_s.tolist()

    def hosts_by_distance(self, source: int, most: int) -> tuple[list[int], bool]:
        """Return up to `most` hosts that a node reaches, and whether these are all.

        Where there are more, the node itself and the nearest in energy stay; those with a single neighbour (such as
        other sites of a tree) do not.
        """
        reachable = self._reachable(source)
        if len(reachable) <= most:
            return sorted(reachable), True
        distance = self._distances(source, by_energy=True)
        ordered = [node for _, node in sorted((cost, node) for node, (cost, _) in distance.items())]
        return [node for node in ordered if node in reachable][:most], False

    def paths(self, source: int, target: int) -> list[Links]:
        """Return the paths from one node to another; none where there is no way."""
        if source == target:
            return [()]
        if self._is_small and not self._is_forest:
            return self._efficient(source, target)
        found = [self._shortest(source, target, by_energy=True)]
        if not self._is_forest:
            found.append(self._shortest(source, target, by_energy=False))
        return list(dict.fromkeys(path for path in found if path is not None))

    def _reachable(self, source: int) -> set[int]:
        """Return the hosts that a node reaches."""
        seen, waiting = {source}, [source]
        while waiting:
            for _, to in self._out[waiting.pop()]:
                if to not in seen:
                    seen.add(to)
                    waiting.append(to)
        return {node for node in seen if self.network.hosts[node]}

    def _plus(self, cost: tuple[float, float, int], link: int, by_energy: bool) -> tuple[float, float, int]:
        energy, seconds = self._energy[link], self._s_per_bit[link] + 1e-6 * self._latency[link]
        first, second = (energy, seconds) if by_energy else (seconds, energy)
        return (cost[0] + first, cost[1] + second, cost[2] + 1)

    def _distances(
        self, source: int, by_energy: bool, target: int | None = None
    ) -> dict[int, tuple[tuple[float, float, int], int]]:
        """Dijkstra over nodes that have several neighbours: cost and last link of each; others are only ends."""
        start = (0.0, 0.0, 0)
        done: dict[int, tuple[tuple[float, float, int], int]] = {}
        heap = [(start, source, -1)]
        while heap:
            cost, node, link = heapq.heappop(heap)
            if node in done:
                continue
            done[node] = (cost, link)
            if node == target:
                break
            for next_link, to in self._through[node]:
                if to not in done:
                    heapq.heappush(heap, (self._plus(cost, next_link, by_energy), to, next_link))
        return done

    def _shortest(self, source: int, target: int, by_energy: bool) -> Links | None:
        """Return the links of the cheapest path in energy, or in time."""
        done = self._distances(source, by_energy, target)
        last: list[int] = []
        if target not in done:
            ends = [
                (self._plus(done[node][0], link, by_energy), link)
                for node in done
                for link, to in (self._out[node] if len(self._out[node]) <= len(done) else self._into(node, target))
                if to == target
            ]
            if not ends:
                return None
            last = [min(ends)[1]]
            target = int(self.network.link_source[last[0]])
        links: list[int] = []
        while target != source:
            links.append(done[target][1])
            target = int(self.network.link_source[links[-1]])
        return (*reversed(links), *last)

    def _into(self, node: int, target: int) -> list[tuple[int, int]]:
        try:
            return [(self.network.link(node, target), target)]
        except KeyError:
            return []

    def _simple(self, source: int, target: int, seen: frozenset[int]) -> Iterator[Links]:
        for link, to in self._out[source]:
            if to == target:
                yield (link,)
            elif to not in seen:
                for rest in self._simple(to, target, seen | {to}):
                    yield (link, *rest)

    def _efficient(self, source: int, target: int) -> list[Links]:
        """Return the simple paths that no other one beats in energy, time, metrics and load of every medium."""
        from planner.fin.graph.dominance import non_dominated

        network = self.network
        paths = list(self._simple(source, target, frozenset([source])))
        metrics = np.zeros((len(paths), network.metrics.count))
        criteria = np.zeros((len(paths), 3 + network.media))
        for row, path in enumerate(paths):
            links = list(path)
            metrics[row] = network.metrics.per_bit[:, links].sum(axis=1) if network.metrics.count else 0.0
            criteria[row, 0] = network.link_j_per_bit[links].sum()
            criteria[row, 1] = network.link_latency_s[links].sum()
            criteria[row, 2] = (1.0 / network.link_bit_per_s[links]).sum()
            np.add.at(criteria[row], 3 + network.link_medium[links], 1.0 / network.link_bit_per_s[links])
        keep = non_dominated(np.zeros(len(paths), dtype=np.int64), np.hstack([criteria, metrics]))
        return [path for path, kept in zip(paths, keep.tolist(), strict=True) if kept]


def _is_forest(neighbours: list[set[int]]) -> bool:
    """Tell whether the network without directions has no cycle: every pair has one simple path at most."""
    seen: set[int] = set()
    trees = 0
    for root in range(len(neighbours)):
        if root in seen:
            continue
        trees += 1
        waiting = [root]
        seen.add(root)
        while waiting:
            for beside in neighbours[waiting.pop()]:
                if beside not in seen:
                    seen.add(beside)
                    waiting.append(beside)
    return sum(map(len, neighbours)) // 2 == len(neighbours) - trees
