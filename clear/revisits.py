"""The least that a plan costs which comes back to a node or medium.

The shortest path over visits (`clear.pricing`) pays for a node's share once per visit, and for a medium's share once
per transfer. It is exact for plans that visit every priced node once and put one transfer at most on every priced
medium; for any other plan it asks for too much, so another bound is needed. Such a plan comes back to some priced node
or medium r. For each r in turn, a shortest path that must use r twice, at costs that may be added up however often an
app comes back (`clear.visits.additive_cost`), is below all of them. Nodes of one kind and price are taken together:
whoever uses one of them twice uses their kind twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clear.pricing import AppPrices, Pricer, Rows
from clear.visits import Terms, Visits, additive_cost
from clear.ways import least_by_source, least_by_target
from fin.network import Bools, Floats


def least_revisiting(pricer: Pricer, row: int, value_w_per_s: float, prices: AppPrices) -> float:
    """Return a cost, before ``theta * limit`` is taken off, that no plan is below which uses something priced twice."""
    layers = int(pricer.stages.depth[row])
    kinds = _priced_kinds(pricer, prices)
    media = np.flatnonzero(prices.media_w > 0.0)
    if layers < 2 or len(kinds) + len(media) == 0:
        return np.inf
    rows = Rows(np.array([row]), np.array([value_w_per_s]))
    blocks = pricer.block_costs(rows, prices, layers)[0]
    carried = _carried(pricer, rows, prices, layers)
    return _twice(_Uses.of(pricer, kinds, media.tolist(), prices), pricer, blocks, carried)


@dataclass(frozen=True)
class _Uses:
    """Q priced kinds of nodes and media."""

    by: Bools
    """(Q, F) whether a route uses q: a node by leading to it."""
    paid_w: Floats
    """(Q,) for using q at all; the source is paid where the first block runs on it."""
    source_w: float

    @classmethod
    def of(cls, pricer: Pricer, kinds: Bools, media: list[int], prices: AppPrices) -> _Uses:
        ways, source = pricer.ways, pricer.instance.source
        by = np.zeros((len(kinds) + len(media), len(ways.source)), dtype=bool)
        by[: len(kinds)] = kinds[:, ways.target]
        for number, medium in enumerate(media):
            by[len(kinds) + number, ways.priced[medium][0]] = True
        paid_w = np.zeros(len(by))
        paid_w[: len(kinds)] = np.where(kinds[:, source], 0.0, prices.use_w[kinds.argmax(axis=1)])
        return cls(by, paid_w, float(prices.use_w[source]))


def _twice(uses: _Uses, pricer: Pricer, blocks: Floats, carried: Floats) -> float:
    """Return the least cost of paths that use some q twice.

    Such a path runs up to a first use of q at any cost, then without q, then into q again, then anywhere. Uses of
    nodes other than the source and q are not paid.

    Args:
        uses: What counts.
        pricer: The app.
        blocks: (D, N) costs of blocks.
        carried: (D, F) costs of the way into each block.
    """
    ways, layers = pricer.ways, len(blocks)
    onwards = _onwards(pricer, blocks, carried)
    first = np.where(ways.source == pricer.instance.source, carried[0], np.inf)
    first = first + np.where(ways.target == pricer.instance.source, uses.source_w, 0.0)
    before = least_by_target(ways, first) + blocks[0]  # (N,) any path
    paid = uses.paid_w[:, None]
    once = least_by_target(ways, np.where(uses.by, first, np.inf)) + paid + blocks[0]  # (Q, N) paths since the use of q
    least = np.inf
    for layer in range(1, layers):
        way = np.where(ways.source != ways.target, carried[layer], np.inf)
        leave, again = before[ways.source] + way, once[:, ways.source] + way
        least = min(least, float((np.where(uses.by, again, np.inf) + onwards[layer][ways.target]).min()))
        arrived = least_by_target(ways, np.where(uses.by, leave + paid, again))
        once = np.minimum(once, arrived) + blocks[layer]
        before = np.minimum(before, least_by_target(ways, leave)) + blocks[layer]
    return least


def _onwards(pricer: Pricer, blocks: Floats, carried: Floats) -> Floats:
    """(D, N) least cost from a block on a node (included) to the end."""
    ways, layers = pricer.ways, len(blocks)
    onwards = blocks.copy()
    for layer in range(layers - 2, -1, -1):
        way = np.where(ways.source != ways.target, carried[layer + 1], np.inf) + onwards[layer + 1][ways.target]
        moved = least_by_source(ways, way)
        onwards[layer] += np.minimum(onwards[layer + 1], moved)
    return onwards


def _priced_kinds(pricer: Pricer, prices: AppPrices) -> Bools:
    """(Q, N) nodes that cost the app the same and have a price, kind by kind; its source is a kind of its own."""
    network = pricer.instance.network
    alone = np.arange(network.size) == pricer.instance.source
    both = np.stack([pricer.kind, prices.node_w, prices.use_w, alone], axis=1)
    _, like = np.unique(both, axis=0, return_inverse=True)
    priced = (prices.node_w + prices.use_w > 0.0) & network.hosts
    kinds = [(like.ravel() == kind) & priced for kind in range(int(like.max()) + 1)]
    return np.array([kind for kind in kinds if kind.any()]).reshape(-1, network.size)


def _carried(pricer: Pricer, row: Rows, prices: AppPrices, layers: int) -> Floats:
    """(D, F) costs of transfers that may be added up."""
    stages, ways, point = pricer.stages, pricer.ways, int(row.point[0])
    worth = row.value_w_per_s[0]
    bits, weight = stages.carry_bits[:layers], stages.carry_weight[point, :layers]
    late = stages.carry_late[point, :layers]
    figures = np.stack([ways.j_per_bit, ways.s_per_bit, ways.latency_s])
    costs = np.stack([weight * bits, worth * late * bits, worth * late], axis=1) @ figures
    one, none = np.ones(()), np.zeros(())
    for (routes, s_per_bit), price_w in zip(ways.priced, prices.media_w, strict=True):
        if len(routes) == 0:
            continue
        on_air = bits[None, :, None] * s_per_bit  # (1, D, F')
        visits = Visits(none, none, weight[None, :, None] * on_air, late[None, :, None] * on_air)
        total = np.full((1, 1, 1), float((late * bits).sum() * s_per_bit.max()))
        terms = Terms(np.asarray(worth), np.asarray(price_w), one, one, one)
        costs[:, routes] += additive_cost(visits, terms, total)[0]
    return np.asarray(costs)
