"""Links as the arcs of transfers: one interface for dense and sparse networks.

A transfer between two blocks takes any path of links. At given multipliers the cheapest paths from all nodes at once
are one multi-source shortest path problem over the links, seeded with the values of the layer before (or behind), so a
bound for all nodes costs O(links) per round of Bellman and Ford's algorithm and never needs a table of node pairs.

Source: R. Bellman, On a routing problem, Quarterly of Applied Mathematics 16, 1958.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints, Network

FULL = 1.0 + TOLERANCE
"""Most of its time that a medium may be busy."""


class Spread(NamedTuple):
    """Least cost at which data reaches each node in one transfer, for K scenarios."""

    values: Floats
    """(K, N) least of the seed of a node plus the cheapest path from there."""
    rounds: Ints | None
    """(K, N) round of relaxation that last improved a node, 0 for its own seed; None where paths are single links."""


class Hops(NamedTuple):
    """X extensions of paths by one link."""

    row: Ints
    """(X,) path that is extended."""
    link: Ints
    """(X,)"""
    target: Ints
    """(X,) node that the link leads to."""


class WeightedLinks(Protocol):
    """Links priced for K scenarios and the transfers into D layers."""

    def spread(self, layer: int, seeds: Floats, wanted: Bools) -> Spread:
        """Relax the transfer into a layer forward.

        Args:
            layer: Layer that the transfer leads into.
            seeds: (K, N) cost at which data is ready at each node.
            wanted: (K, N) nodes whose values are looked at; where a path is a single link, others may be too high.

        Returns:
            (K, N) least cost at which the data is at each node, and the rounds in which it was lowered.
        """

    def gather(self, layer: int, values: Floats, wanted: Bools) -> Floats:
        """Relax the transfer into a layer backward: (K, N) least of a path from each node plus `values` at its end.

        Args:
            layer: Layer that the transfer leads into.
            values: (K, N) least cost from each vertex of the layer on, the vertex included.
            wanted: (K, N) nodes whose values are looked at; where a path is a single link, others may be too high.

        Returns:
            (K, N) values.
        """

    def leave(self, layer: int, onward: Floats, wanted: Bools) -> Floats:
        """Compute the least of a first link out of each node plus `onward` at the node that it leads to.

        Args:
            layer: Layer that the transfer leads into.
            onward: (K, N) least cost from each node on.
            wanted: (K, N) nodes whose values are looked at.

        Returns:
            (K, N) least costs; infinite where no link leads out of a node.
        """

    def step_back(self, layer: int, reached: Spread, rows: Ints, node: Ints) -> Ints:
        """Choose the node before each of R nodes on a cheapest path of a relaxation.

        Args:
            layer: Layer that the transfer leads into.
            reached: The relaxation; where paths are single links, with the seeds as its values.
            rows: (R,) scenario of each node.
            node: (R,) nodes that their own seed does not explain.

        Returns:
            (R,) node before each one.
        """


class Links(Protocol):
    """E directed links among N nodes."""

    size: int
    """N."""
    metrics: Floats
    """(C, E) J/bit, s/bit and latency in s of each link, then what it adds per bit to metrics; C is 3 or more."""
    loads: Floats
    """(M, E) s/bit that a link takes of each tracked medium."""
    slowest: float
    """Most s/bit of any link."""
    single_hop: bool
    """Whether a direct link joins every pair of nodes and no path of several links is better in any figure."""

    @property
    def ends(self) -> tuple[Ints, Ints]:
        """(E,) nodes that the links leave, and that they lead to."""

    @property
    def no_links(self) -> Ints:
        """Places among the E that are no links between two nodes."""

    def between(self, source: Ints, target: Ints) -> Ints:
        """Return the link between each pair of nodes; every pair must have one."""

    def out_of(self, nodes: Ints, usable: Bools) -> Hops:
        """Return every link from some nodes (one row each) to the usable ones, (N,)."""

    def weighted(self, coefficients: Floats, carried: Floats | None = None) -> WeightedLinks:
        """Price the links by (K, D, C) coefficients of their figures.

        Args:
            coefficients: (K, D, C) coefficients of J/bit, s/bit, latency and metrics per bit.
            carried: (K, D) bit/s into each layer; a link that these alone overload costs infinitely much.
        """

    def scenarios_at_once(self) -> int:
        """Return the number of scenarios whose arrays of one layer fit into memory."""


def link_figures(network: Network, tracked_media: Sequence[int], metrics: Sequence[int] = ()) -> tuple[Floats, Floats]:
    """Tabulate the figures of links, and the time that they take of tracked media.

    Args:
        network: The network.
        tracked_media: Media whose load is stated.
        metrics: Metrics of the network that follow J/bit, s/bit and latency.

    Returns:
        (C, E) J/bit, s/bit, latency in s and metrics per bit of each link, and (M, E) s/bit on each tracked medium.
    """
    seconds_per_bit = 1.0 / network.link_bit_per_s
    per_bit = network.metrics.per_bit[list(metrics)]
    figures = np.stack([network.link_j_per_bit, seconds_per_bit, network.link_latency_s, *per_bit])
    media = np.array(tracked_media, dtype=np.int64)
    loads = np.where(network.link_medium == media[:, None], seconds_per_bit, 0.0)
    return figures, loads


def cheapest_before(candidates: Floats, values: Floats, rounds: Ints | None) -> Ints:
    """Choose the node before another one on a cheapest path.

    Of equal candidates the one with the least value comes first, then the one that was improved first: links that cost
    nothing then never lead in a circle.

    Args:
        candidates: (R, W) value at each node before plus the link from there; infinite where there is none.
        values: (R, W) value at each node before.
        rounds: (R, W) round in which it was last improved.

    Returns:
        (R,) columns.
    """
    if rounds is None:
        return np.asarray(candidates.argmin(axis=1), dtype=np.int64)
    tied = candidates == candidates.min(axis=1, keepdims=True)
    value = np.where(tied, values, np.inf)
    tied &= value == value.min(axis=1, keepdims=True)
    return np.asarray(np.where(tied, rounds, np.iinfo(np.int64).max).argmin(axis=1), dtype=np.int64)
