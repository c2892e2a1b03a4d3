"""Links of sparse networks: Bellman-Ford rounds over link lists, many scenarios at once.

After the first round only links out of nodes that the round before improved are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints, Network
from planner.fin.links.interface import FULL, Hops, Spread, cheapest_before, link_figures

_CELLS_AT_ONCE = 4_000_000
_MOST_ROUNDS = 32
"""Rounds after which Dijkstra's algorithm takes over."""


class Grouped(NamedTuple):
    """Links in order of the nodes that data goes to, the heads."""

    tail: Ints
    head: Ints
    nodes: Ints
    """Nodes that some link leads to."""
    starts: Ints
    """First link into each of them."""

    @classmethod
    def of(cls, tail: Ints, head: Ints, first: Ints) -> Grouped:
        """Group links whose (N + 1,) first ones into each node are known.

        Args:
            tail: (E,) nodes that the links leave, in order of the nodes that they lead to.
            head: (E,) nodes that they lead to.
            first: (N + 1,) first link into each node.

        Returns:
            The links with the nodes that any leads to.
        """
        nodes = np.flatnonzero(np.diff(first))
        return cls(tail, head, nodes, first[nodes])


class SparseLinks:
    """Links as lists, in order of their targets."""

    single_hop = False

    def __init__(self, network: Network, tracked_media: Sequence[int] = (), of_network: Sequence[int] = ()) -> None:
        order = np.lexsort((network.link_source, network.link_target))
        metrics, loads = link_figures(network, tracked_media, of_network)
        self.size = network.size
        self.metrics, self.loads = np.ascontiguousarray(metrics[:, order]), loads[:, order]
        self.slowest = float(self.metrics[1].max(initial=0.0))
        self.source, self.target = network.link_source[order], network.link_target[order]
        self.ends, self.no_links = (self.source, self.target), np.zeros(0, dtype=np.int64)
        self.into_start = np.searchsorted(self.target, np.arange(self.size + 1))

    @cached_property
    def by_source(self) -> Ints:
        """(E,) links in order of their sources."""
        return np.argsort(self.source, kind="stable")

    @cached_property
    def out_start(self) -> Ints:
        """(N + 1,) first link out of each node in that order."""
        return np.searchsorted(self.source[self.by_source], np.arange(self.size + 1))

    @cached_property
    def inward(self) -> Grouped:
        """Links by the node that they lead to."""
        return Grouped.of(self.source, self.target, self.into_start)

    @cached_property
    def outward(self) -> Grouped:
        """Reversed links by the node that they leave."""
        return Grouped.of(self.target[self.by_source], self.source[self.by_source], self.out_start)

    @cached_property
    def _keys(self) -> Ints:
        return self.target * self.size + self.source

    def between(self, source: Ints, target: Ints) -> Ints:
        """Return the link between each pair of nodes; every pair must have one."""
        return np.asarray(np.searchsorted(self._keys, target * self.size + source))

    def out_of(self, nodes: Ints, usable: Bools) -> Hops:
        """Return every link from some nodes (one row each) to the usable ones, (N,)."""
        row, place = ragged(self.out_start, nodes)
        link = self.by_source[place]
        target = self.target[link]
        keep = usable[target]
        return Hops(row[keep], link[keep], target[keep])

    def weighted(self, coefficients: Floats, carried: Floats | None = None) -> SparseWeightedLinks:
        """Price the links by (K, D, C) coefficients of their figures; links that `carried` overloads are out."""
        return SparseWeightedLinks(self, coefficients, carried)

    def scenarios_at_once(self) -> int:
        """Return the number of scenarios whose arrays of one layer fit into memory."""
        return max(1, _CELLS_AT_ONCE // max(1, len(self.source)))


def ragged(starts: Ints, chosen: Ints) -> tuple[Ints, Ints]:
    """Return, for every member of the chosen groups, the position of its group in `chosen`, and its own position.

    Args:
        starts: (G + 1,) first member of each group.
        chosen: Groups.
    """
    count = starts[chosen + 1] - starts[chosen]
    row = np.repeat(np.arange(len(chosen)), count)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, starts[chosen[row]] + offset


class SparseWeightedLinks:
    """Sparse links priced for K scenarios and D layers."""

    def __init__(self, links: SparseLinks, coefficients: Floats, carried: Floats | None = None) -> None:
        self._links = links
        self._carried = carried
        self._coefficients = coefficients
        cells = coefficients.shape[0] * coefficients.shape[1] * len(links.source)
        self._held = self._priced(slice(None)) if cells <= _CELLS_AT_ONCE else None  # (K, D, E)

    def _weights(self, layer: int) -> Floats:
        """(K, E) price of each link in the transfer into a layer."""
        if self._held is not None:
            return self._held[:, layer]
        return self._priced(layer)

    def _priced(self, layers: int | slice) -> Floats:
        values = np.asarray(self._coefficients[:, layers] @ self._links.metrics)
        if self._carried is not None:
            values[self._carried[:, layers, None] * self._links.metrics[1] > FULL] = np.inf
        return values

    def spread(self, layer: int, seeds: Floats, wanted: Bools) -> Spread:
        """Relax the transfer into a layer forward, as `WeightedLinks.spread` says."""
        links, values = self._links, seeds.copy()
        rounds = np.zeros(values.shape, dtype=np.int64)
        _relax(values, rounds, self._weights(layer), links.inward)
        return Spread(values, rounds)

    def gather(self, layer: int, values: Floats, wanted: Bools) -> Floats:
        """Relax the transfer into a layer backward, as `WeightedLinks.gather` says."""
        links, result, order = self._links, values.copy(), self._links.by_source
        _relax(result, None, self._weights(layer)[:, order], links.outward)
        return result

    def leave(self, layer: int, onward: Floats, wanted: Bools) -> Floats:
        """Compute the least of a first link out of each node and what follows, as `WeightedLinks.leave` says."""
        links, order = self._links, self._links.by_source
        result = np.full(onward.shape, np.inf)
        if len(order):
            outward = links.outward
            costs = self._weights(layer)[:, order] + onward[:, outward.tail]
            result[:, outward.nodes] = np.minimum.reduceat(costs, outward.starts, axis=1)
        return result

    def step_back(self, layer: int, reached: Spread, rows: Ints, node: Ints) -> Ints:
        """Choose the node before each of R nodes on a cheapest path, as `WeightedLinks.step_back` says."""
        links = self._links
        count = links.into_start[node + 1] - links.into_start[node]
        width = np.arange(int(count.max(initial=0)))
        there = width < count[:, None]
        link = np.where(there, links.into_start[node][:, None] + width, 0)
        before = links.source[link]
        scenario = rows[:, None]
        values = reached.values[scenario, before]
        candidates = np.where(there, values + self._weights(layer)[scenario, link], np.inf)
        rounds = None if reached.rounds is None else reached.rounds[scenario, before]
        return np.asarray(before[np.arange(len(rows)), cheapest_before(candidates, values, rounds)])


def _relax(values: Floats, rounds: Ints | None, weights: Floats, links: Grouped) -> None:
    """Lower (K, N) values by (K, E) weights of links from tails to heads until nothing changes."""
    tail, head = links.tail, links.head
    costs, nodes, starts = values.take(tail, axis=1) + weights, links.nodes, links.starts
    current = 0
    while len(nodes):
        current += 1
        least = np.minimum.reduceat(costs, starts, axis=1)
        held = values.take(nodes, axis=1)
        better = least < held
        improved = nodes[better.any(axis=0)]
        if len(improved) == 0:
            return
        values[:, nodes] = np.minimum(held, least)
        if rounds is not None:
            scenario, column = np.nonzero(better)
            rounds[scenario, nodes[column]] = current
        changed = np.zeros(values.shape[1], dtype=bool)
        changed[improved] = True
        active = np.flatnonzero(changed[tail])
        if len(active) == 0:
            return
        heads = head[active]
        starts = np.flatnonzero(np.append(True, heads[1:] != heads[:-1]))
        nodes = heads[starts]
        costs = values.take(tail[active], axis=1) + weights.take(active, axis=1)
