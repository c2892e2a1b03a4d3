"""Efficient routes between all pairs of nodes, independent of what is carried over them.

A route costs ``bits * j_per_bit`` joules and ``latency + bits * s_per_bit`` seconds. A route that is no better in
(J/bit, s/bit, latency) than another of the same pair is never needed, whatever the size of the message, so the table
holds the Pareto set of the three sums. Where media are tracked, their load in s/bit is a further criterion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.network import Bools, Floats, Ints, Network

_CELLS_AT_ONCE = 3_000_000
_UNLIMITED = Deadline()


@dataclass(frozen=True, eq=False)
class RouteTable:
    """Up to P efficient routes for each ordered pair of N nodes."""

    metrics: Floats
    """(3, P, N, N) J/bit, s/bit and latency in s, from the third index to the fourth; 0 where there is no route."""
    valid: Bools
    """(P, N, N) whether there is such a route."""
    loads: Floats
    """(M, P, N, N) s/bit that the route takes of each tracked medium, then what a bit adds to each further metric."""
    label: Ints | None = None
    """(P, N, N) label at which each route ends; None where every route is a direct link."""
    label_node: Ints | None = None
    """Node of each label."""
    label_parent: Ints | None = None
    """Label before each label, -1 at the source."""

    @property
    def options(self) -> int:
        """Largest number of routes of a pair."""
        return int(self.metrics.shape[1])

    @cached_property
    def complete(self) -> bool:
        """Whether every pair has all options."""
        return bool(self.valid.all())

    @cached_property
    def varied(self) -> tuple[bool, bool, bool]:
        """Whether each metric is anything but zero."""
        first, second, third = (bool(metric.any()) for metric in self.metrics)
        return first, second, third

    @cached_property
    def least_into(self) -> Floats:
        """(3, N) least of each metric over all routes into a node from another one; infinite where there is none."""
        metrics = np.where(self.valid, self.metrics, np.inf).min(axis=1)
        metrics[:, np.arange(metrics.shape[1]), np.arange(metrics.shape[1])] = np.inf
        return np.asarray(metrics.min(axis=1), dtype=np.float64)

    @cached_property
    def reversed(self) -> RouteTable:
        """The figures of the same routes with targets before sources (without the nodes that they pass)."""
        metrics = np.ascontiguousarray(self.metrics.swapaxes(-1, -2))
        return RouteTable(metrics, self.valid.swapaxes(-1, -2), self.loads.swapaxes(-1, -2))

    def between(self, sources: Ints, targets: Ints) -> Floats:
        """(3, P, S, T) metrics of the routes from each of S nodes to each of T."""
        return self.metrics.take(sources, axis=2).take(targets, axis=3)

    def path(self, option: int, source: int, target: int) -> tuple[int, ...]:
        """Look up the nodes that a route passes.

        Args:
            option: Which of the efficient routes.
            source: First node.
            target: Last node.

        Returns:
            The nodes in the order of travel, both ends included; one node where nothing moves.
        """
        if source == target:
            return (source,)
        if self.label is None or self.label_node is None or self.label_parent is None:
            return (source, target)
        nodes, label = [], int(self.label[option, source, target])
        while label >= 0:
            nodes.append(int(self.label_node[label]))
            label = int(self.label_parent[label])
        return tuple(reversed(nodes))


def efficient_routes(
    network: Network,
    tracked_media: Sequence[int] = (),
    further_metrics: Sequence[int] = (),
    until: Deadline = _UNLIMITED,
) -> RouteTable:
    """Find the efficient routes of all pairs of nodes, once per network; the table is kept with it.

    Args:
        network: The network.
        tracked_media: Media whose load is a criterion.
        further_metrics: Metrics of the network that are criteria; what routes add to them follows the loads.
        until: When to give up: with many criteria there may be very many routes.

    Returns:
        At most P routes per pair, with (3, P, N, N) J/bit, s/bit and latency in s, and (M, P, N, N) loads in s/bit,
        then what a bit adds to the further metrics.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    key = ("efficient routes", tuple(tracked_media), tuple(further_metrics))
    if (kept := network.derived.get(key)) is None:
        kept = network.derived[key] = _efficient_routes(network, tracked_media, further_metrics, until)
    assert isinstance(kept, RouteTable)
    return kept


def _efficient_routes(
    network: Network, tracked_media: Sequence[int], further_metrics: Sequence[int], until: Deadline
) -> RouteTable:
    direct = _direct(network, tracked_media, further_metrics)
    present = np.zeros((network.size, network.size), dtype=bool)
    present[network.link_source, network.link_target] = True
    np.fill_diagonal(present, True)
    if not _relays_may_help(direct, present):
        metrics = np.where(present, direct, 0.0)[:, None]
        return RouteTable(metrics[:3], present[None], metrics[3:])
    return _search(network, direct, until)


def _direct(network: Network, tracked_media: Sequence[int], further_metrics: Sequence[int]) -> Floats:
    """(C, N, N) criteria of the direct links, infinite where there is none, zero on the diagonal."""
    count = 3 + len(tracked_media) + len(further_metrics)
    criteria = np.full((count, network.size, network.size), np.inf)
    ends = (network.link_source, network.link_target)
    seconds_per_bit = 1.0 / network.link_bit_per_s
    columns = [network.link_j_per_bit, seconds_per_bit, network.link_latency_s]
    columns += [np.where(network.link_medium == medium, seconds_per_bit, 0.0) for medium in tracked_media]
    columns += [network.metrics.per_bit[metric] for metric in further_metrics]
    for index, column in enumerate(columns):
        criteria[index][ends] = column
        np.fill_diagonal(criteria[index], 0.0)
    return criteria


def _relays_may_help(direct: Floats, present: Bools) -> bool:
    """Tell whether a relayed route can beat a direct link.

    Never where the cheapest way out of the source and the cheapest way into the target together cost no less than the
    direct link, in every criterion.
    """
    if not present.all():
        return True
    size = direct.shape[1]
    hollow = direct + np.where(np.eye(size, dtype=bool), np.inf, 0.0)
    least = hollow.min(axis=2)[:, :, None] + hollow.min(axis=1)[:, None, :]
    return bool((least < direct).any())  # nothing is below the zeros of the diagonal


def _search(network: Network, direct: Floats, until: Deadline) -> RouteTable:
    """Label-correcting search from all sources: extend what is new by one hop until nothing is."""
    size = network.size
    chunk = max(1, _CELLS_AT_ONCE // max(1, len(network.link_source) * len(direct)))
    kept, nodes, parents = [], [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    made = 0
    for start in range(0, size, chunk):
        sources = np.arange(start, min(start + chunk, size))
        labels, node, parent = _from_sources(network, direct, sources, made, until)
        kept.append(labels)
        nodes.append(node)
        parents.append(parent)
        made += len(node)
    return _table(_concatenated(kept), size, np.concatenate(nodes), np.concatenate(parents))


@dataclass(frozen=True, eq=False)
class _Labels:
    """Routes found: rows of (source, node, criteria, predecessor row, serial number)."""

    source: Ints
    node: Ints
    criteria: Floats
    parent: Ints
    serial: Ints


def _from_sources(
    network: Network, direct: Floats, sources: Ints, made: int, until: Deadline
) -> tuple[_Labels, Ints, Ints]:
    """Return the efficient labels from some sources, and node and parent of every label ever made for them.

    Serial numbers go on from `made`, the number of labels made before.
    """
    size = network.size
    by_source = np.argsort(network.link_source, kind="stable")
    first = np.searchsorted(network.link_source[by_source], np.arange(size + 1))
    criteria_of_links = direct[:, network.link_source, network.link_target].T
    count = len(sources)
    frontier = _Labels(
        sources, sources, np.zeros((count, direct.shape[0])), np.full(count, -1), made + np.arange(count)
    )
    kept = frontier
    all_made = [frontier]
    made += count
    while len(frontier.node):
        until.check()
        degree = first[frontier.node + 1] - first[frontier.node]
        row = np.repeat(np.arange(len(frontier.node)), degree)
        offset = np.arange(len(row)) - np.repeat(np.cumsum(degree) - degree, degree)
        link = by_source[first[frontier.node[row]] + offset]
        new = _Labels(
            frontier.source[row],
            network.link_target[link],
            frontier.criteria[row] + criteria_of_links[link],
            frontier.serial[row],
            made + np.arange(len(row)),
        )
        all_made.append(new)
        made += len(row)
        merged = _concatenated([kept, new])
        keep = non_dominated(merged.source * size + merged.node, merged.criteria)
        fresh = keep.copy()
        fresh[: len(kept.node)] = False
        kept, frontier = _take(merged, keep), _take(merged, fresh)
    every = _concatenated(all_made)
    return kept, every.node, every.parent


def _take(labels: _Labels, mask: Bools) -> _Labels:
    return _Labels(
        labels.source[mask], labels.node[mask], labels.criteria[mask], labels.parent[mask], labels.serial[mask]
    )


def _concatenated(parts: list[_Labels]) -> _Labels:
    return _Labels(
        source=np.concatenate([part.source for part in parts]),
        node=np.concatenate([part.node for part in parts]),
        criteria=np.concatenate([part.criteria for part in parts]),
        parent=np.concatenate([part.parent for part in parts]),
        serial=np.concatenate([part.serial for part in parts]),
    )


def _table(labels: _Labels, size: int, label_node: Ints, label_parent: Ints) -> RouteTable:
    """Spread the labels over a table; the options of a pair are sorted by their criteria."""
    pair = labels.source * size + labels.node
    order = np.lexsort((*labels.criteria.T[::-1], pair))
    pair = pair[order]
    option = np.arange(len(order)) - np.searchsorted(pair, pair)
    shape = (int(option.max()) + 1, size, size)
    where = (option, labels.source[order], labels.node[order])
    table = np.zeros((labels.criteria.shape[1], *shape))
    table[:, where[0], where[1], where[2]] = labels.criteria[order].T
    valid = np.zeros(shape, dtype=bool)
    valid[where] = True
    label = np.full(shape, -1, dtype=np.int64)
    label[where] = labels.serial[order]
    return RouteTable(table[:3], valid, table[3:], label, label_node, label_parent)
