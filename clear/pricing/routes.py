"""Efficient routes between all pairs of nodes as one flat list, priced for many messages at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.clear.pricing.node_segments import NodeSegments, SegmentPrices, best_share, cost_at
from planner.fin.deadline import Deadline
from planner.fin.graph.routes import RouteTable, efficient_routes
from planner.fin.instance.network import Bools, Floats, Ints, Network

_UNLIMITED = Deadline()


@dataclass(frozen=True, eq=False)
class Routes:
    """F routes, sorted by target. A route's time on a priced medium is told apart from all other time."""

    table: RouteTable
    media: Ints
    """(T,) media that may have a price."""
    source: Ints
    """(F,)"""
    target: Ints
    """(F,)"""
    option: Ints
    """(F,) number of the route among those of its pair."""
    by_source: Ints
    """(F,) the routes in order of their source."""
    source_start: Ints
    """(N,) first route out of each node in that order; every node has one, to itself."""
    j_per_bit: Floats
    s_per_bit: Floats
    """(F,) without priced media."""
    latency_s: Floats
    priced: tuple[tuple[Ints, Floats], ...]
    """For each priced medium the routes that use it, and their s/bit on it."""
    between: dict[bytes, tuple[Routes, Bools]] = field(default_factory=dict)
    """Efficient routes between classes of nodes, by the class of each node, and which of them move."""


def list_routes(network: Network, media: Sequence[int], until: Deadline = _UNLIMITED) -> Routes:
    """List the efficient routes, those that differ in their time on priced media included.

    Args:
        network: The network.
        media: Media that may have a price.
        until: When to give up.

    Returns:
        The routes.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    table = efficient_routes(network, media, until=until)
    target, source, option = np.nonzero(table.valid.transpose(2, 1, 0))
    at = (option, source, target)
    loads = [table.loads[index][at] for index in range(len(media))]
    return Routes(
        table=table,
        media=np.array(media, dtype=np.int64),
        source=source,
        target=target,
        option=option,
        by_source=(by_source := np.argsort(source, kind="stable")),
        source_start=np.searchsorted(source[by_source], np.arange(network.size)),
        j_per_bit=table.metrics[0][at],
        s_per_bit=np.maximum(table.metrics[1][at] - sum(loads, np.zeros(len(target))), 0.0),
        latency_s=table.metrics[2][at],
        priced=tuple((np.flatnonzero(load > 0.0), load[load > 0.0]) for load in loads),
    )


@dataclass(frozen=True, eq=False)
class Messages:
    """One message per row: R rows of bits that all go the same way for what they cost."""

    bits: Floats
    """(R,)"""
    weight: Floats
    """(R,) transfers per second."""
    worth: Floats
    """(R,) watts that a second of this transfer is worth."""


def route_costs(routes: Routes, messages: Messages, media_w: Floats) -> Floats:
    """(R, F) cost of carrying each row's message over each route, in watts, at the best shares of media.

    Args:
        routes: The routes.
        messages: What is carried.
        media_w: (T,) price of each priced medium as a whole.

    Returns:
        (R, F) costs, in watts.
    """
    bits, weight, worth = (column[:, None] for column in (messages.bits, messages.weight, messages.worth))
    figures = np.stack([routes.j_per_bit, routes.s_per_bit, routes.latency_s])
    costs = np.concatenate([weight * bits, worth * bits, worth], axis=1) @ figures
    for (numbers, s_per_bit), price_w in zip(routes.priced, media_w, strict=True):
        on_air = bits * s_per_bit
        segments = NodeSegments(np.zeros(()), np.zeros(()), weight * on_air, on_air)
        one = np.ones(())
        terms = SegmentPrices(worth, np.asarray(price_w), one, one, one)
        costs[:, numbers] += cost_at(segments, terms, one, best_share(segments, terms, one))
    return np.asarray(costs)


def least_by_source(routes: Routes, values: Floats) -> Floats:
    """(..., N) least of (..., F) values over the routes out of each node."""
    return np.asarray(np.minimum.reduceat(values[..., routes.by_source], routes.source_start, axis=-1))
