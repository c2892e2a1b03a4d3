"""What the backward recursion over node segments takes and gives: prices of one app, rows to price, and costs."""

from __future__ import annotations

from dataclasses import dataclass

from planner.clear.pricing.node_segments import SegmentPrices
from planner.fin.instance.network import Floats, Ints, Network


@dataclass(frozen=True, eq=False)
class AppPrices:
    """Prices that one app meets, in watts."""

    node_w: Floats
    """(N,) of the whole of each node."""
    use_w: Floats
    """(N,) of using a node at all."""
    memory_w_per_byte: Floats
    """(N,)"""
    media_w: Floats
    """(T,) of the whole of each priced medium."""


@dataclass(frozen=True, eq=False)
class Rows:
    """R pairs of an operating point and a latency multiplier."""

    point: Ints
    multiplier_w_per_s: Floats

    def take(self, keep: Ints) -> Rows:
        """Return some of the rows."""
        return Rows(self.point[keep], self.multiplier_w_per_s[keep])


@dataclass(frozen=True, eq=False)
class Sweep:
    """Result of a backward recursion: enough to follow the cheapest paths."""

    cost_by_departure: Floats
    """(R, D + 1) least cost of plans by the number of blocks that the source runs before data leaves it first; all of
    them where it never does. Infinite behind a point's depth."""
    segments: SegmentCosts
    carried: Floats
    """(R, D, F) cost of the route into each block; infinite where it stays on a node."""
    onwards: Floats
    """(R, D, N) least cost from a segment's first block to the end."""
    left: Floats
    """(R, N, D) least cost from where a segment with this last block has been paid; 0 behind the last block."""


@dataclass(frozen=True, eq=False)
class SegmentCosts:
    """What the segments of R rows cost that begin with a block or behind it."""

    layers: int
    each: Floats
    """(R, N, V) by first block and last block; infinite where a segment cannot be."""

    def starting(self, first: int) -> Floats:
        """(R, N, D - first) cost of a segment from a block to each last one."""
        start = first * self.layers - first * (first - 1) // 2
        return self.each[..., start : start + self.layers - first]


def node_terms(network: Network, prices: AppPrices, multiplier_w_per_s: Floats, nodes: Ints) -> SegmentPrices:
    """Return what segments meet on some nodes.

    Args:
        network: The nodes.
        prices: What an app pays for nodes and media.
        multiplier_w_per_s: Latency multipliers, in watts per second; broadcasts with the nodes.
        nodes: Indices of the nodes.

    Returns:
        Prices and ranges of speed and share, in the order of `nodes`.
    """
    columns = (prices.node_w, network.slowest, network.fastest, network.max_utilization)
    return SegmentPrices(multiplier_w_per_s, *(column[nodes] for column in columns))
