"""Efficient routes between one node and all others, by label correcting over the links.

A route costs ``bits * j_per_bit`` joules and ``latency + bits * s_per_bit`` seconds. One that is no better than another
of the same pair in the figures that some message makes of these is never needed. For one size of messages these are
energy and time; for several all three sums are compared. Where media are tracked, their load in s/bit is a further one.

Source: E. Q. V. Martins, On a multicriteria shortest path problem, European Journal of Operational Research 16, 1984.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.network import Bools, Floats, Ints, Network
from planner.fin.links.interface import link_figures
from planner.fin.links.sparse import ragged


@dataclass(frozen=True, eq=False)
class NodeRoutes:
    """Up to P efficient routes between one node and each of N nodes."""

    end: int
    """The one node."""
    metrics: Floats
    """(C, N, P) J/bit, s/bit and latency in s, then metrics per bit; 0 where there is no route."""
    valid: Bools
    """(N, P) whether there is such a route."""
    loads: Floats
    """(M, N, P) s/bit that the route takes of each tracked medium."""
    label: Ints
    """(N, P) label of each route at its other end, -1 where there is none."""
    label_node: Ints
    """Node of each label."""
    label_next: Ints
    """Label one link nearer to the one node, -1 there."""
    from_end: bool
    """Whether routes lead from the one node rather than to it."""

    @property
    def options(self) -> int:
        """Largest number of routes of a node."""
        return int(self.valid.shape[1])

    def path(self, option: int, node: int) -> tuple[int, ...]:
        """Return the nodes that a route passes, from its beginning to its end (one node where nothing moves)."""
        nodes, label = [], int(self.label[node, option])
        while label >= 0:
            nodes.append(int(self.label_node[label]))
            label = int(self.label_next[label])
        return tuple(reversed(nodes)) if self.from_end else tuple(nodes)


@dataclass(frozen=True, eq=False)
class _Labels:
    """Routes found, from a node to the one node."""

    node: Ints
    sums: Floats
    """(Q, C + M) metrics and loads."""
    serial: Ints

    def take(self, mask: Bools) -> _Labels:
        return _Labels(self.node[mask], self.sums[mask], self.serial[mask])

    def with_(self, other: _Labels) -> _Labels:
        return _Labels(
            np.concatenate([self.node, other.node]),
            np.concatenate([self.sums, other.sums]),
            np.concatenate([self.serial, other.serial]),
        )


def routes_to(
    network: Network, end: int, sizes_bits: Floats | None = None, tracked_media: Sequence[int] = (),
    deadline: Deadline | None = None, metrics: Sequence[int] = (),
) -> NodeRoutes:  # fmt: skip
    """Find the efficient routes from every node to one, by label correcting.

    Args:
        network: The network.
        end: The node that all routes lead to.
        sizes_bits: Sizes of the messages, in bits; None for any size.
        tracked_media: Media whose load is stated, and compared.
        deadline: When to give up.
        metrics: Metrics of the network that are stated, and compared.

    Returns:
        At most P routes per node, with (C, N, P) figures: J/bit, s/bit and latency in s, then the metrics per bit.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    ends = (network.link_source, network.link_target)
    return _search(network, end, ends, sizes_bits, (tracked_media, metrics), deadline)


def routes_from(
    network: Network, end: int, sizes_bits: Floats | None = None, tracked_media: Sequence[int] = (),
    deadline: Deadline | None = None, metrics: Sequence[int] = (),
) -> NodeRoutes:  # fmt: skip
    """Find the efficient routes from one node to every node, as `routes_to` does in the other direction.

    Args:
        network: The network.
        end: Node at which the routes begin.
        sizes_bits: Sizes in bits that may be sent; None for all.
        tracked_media: Media whose load the routes state.
        deadline: When to give up.
        metrics: Metrics of the network that the routes state.

    Returns:
        At most P routes per node, with figures as `routes_to` states them.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    ends = (network.link_target, network.link_source)
    return _search(network, end, ends, sizes_bits, (tracked_media, metrics), deadline)


def _search(
    network: Network, end: int, ends: tuple[Ints, Ints], sizes_bits: Floats | None,
    stated: tuple[Sequence[int], Sequence[int]], deadline: Deadline | None,
) -> NodeRoutes:  # fmt: skip
    """Extend what is new by one link, against the direction of `ends`, until nothing is; media and metrics `stated`."""
    tails, heads = ends
    sums = np.concatenate(link_figures(network, *stated)).T
    criteria = _criteria(sizes_bits, sums.shape[1] - 3)
    order = np.argsort(heads, kind="stable")
    into = np.searchsorted(heads[order], np.arange(network.size + 1))
    kept = frontier = _Labels(np.array([end]), np.zeros((1, sums.shape[1])), np.zeros(1, dtype=np.int64))
    nodes, nexts = [frontier.node], [np.array([-1])]
    made = 1
    while len(frontier.node):
        if deadline is not None:
            deadline.check()
        row, place = ragged(into, frontier.node)
        link = order[place]
        new = _Labels(tails[link], frontier.sums[row] + sums[link], made + np.arange(len(link)))
        nodes.append(new.node)
        nexts.append(frontier.serial[row])
        made += len(link)
        merged = kept.with_(new)
        keep = non_dominated(merged.node, merged.sums @ criteria)
        fresh = keep.copy()
        fresh[: len(kept.node)] = False
        kept, frontier = merged.take(keep), merged.take(fresh)
    label = (np.concatenate(nodes), np.concatenate(nexts))
    return _table(kept, network.size, end, label, len(stated[0]), from_end=tails is network.link_target)


def _criteria(sizes_bits: Floats | None, further: int) -> Floats:
    """(3 + M, C) what dominance compares: sums that messages of one size cannot tell apart are one; M further ones."""
    columns = np.eye(3)
    if sizes_bits is not None and len(sizes_bits) == 1:
        columns = np.array([[1.0, 0.0], [0.0, float(sizes_bits[0])], [0.0, 1.0]])
    full = np.zeros((3 + further, columns.shape[1] + further))
    full[:3, : columns.shape[1]] = columns
    full[3:, columns.shape[1] :] = np.eye(further)
    return full


def _table(labels: _Labels, size: int, end: int, label: tuple[Ints, Ints], media: int, from_end: bool) -> NodeRoutes:
    """Spread the labels over a table; the options of a node are sorted by their sums."""
    order = np.lexsort((*labels.sums.T[::-1], labels.node))
    node = labels.node[order]
    option = np.arange(len(order)) - np.searchsorted(node, node)
    shape = (size, int(option.max()) + 1)
    table = np.zeros((labels.sums.shape[1], *shape))
    table[:, node, option] = labels.sums[order].T
    valid = np.zeros(shape, dtype=bool)
    valid[node, option] = True
    serial = np.full(shape, -1, dtype=np.int64)
    serial[node, option] = labels.serial[order]
    figures = len(table) - media
    return NodeRoutes(end, table[:figures], valid, table[figures:], serial, *label, from_end)
