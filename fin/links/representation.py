"""Representation of the links of a network: matrices where many pairs are linked, lists elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from planner.fin.instance.network import Network
from planner.fin.links.dense import DenseLinks
from planner.fin.links.interface import Links
from planner.fin.links.sparse import SparseLinks

DENSE_SHARE = 0.25
"""Share of all ordered pairs of nodes from which on links are held as matrices."""


def links_of(
    network: Network, tracked_media: Sequence[int] = (), most_bit_per_s: float = 0.0, metrics: Sequence[int] = ()
) -> Links:
    """Choose the representation of a network's links by the share of pairs of nodes that are linked.

    Args:
        network: The network.
        tracked_media: Media whose load each link states.
        most_bit_per_s: Most that one transfer carries; where it overloads a link, routes around that may be needed.
        metrics: Metrics of the network that each link states.

    Returns:
        Matrices where at least a quarter of all pairs is linked, lists elsewhere.
    """
    pairs = network.size * (network.size - 1)
    dense = len(network.link_source) >= DENSE_SHARE * pairs
    if dense:
        return DenseLinks(network, tracked_media, most_bit_per_s, metrics)
    return SparseLinks(network, tracked_media, metrics)
