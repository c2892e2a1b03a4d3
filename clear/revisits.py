"""The least that a plan costs which comes back to a node or medium.

The shortest path over visits (`clear.pricing`) pays for a node's share once per visit, and for a medium's share once
per transfer. It is exact for plans that visit every priced node once and put one transfer at most on every priced
medium; for any other plan it asks for too much, so another bound is needed. Such a plan comes back to some priced node
or medium r. For each r in turn, a shortest path that must use r twice, at costs that may be added up however often an
app comes back (`clear.visits.additive_cost`), is below all of them. Nodes of one kind and price are taken together:
whoever uses one of them twice uses their kind twice.
"""

from __future__ import annotations

import numpy as np

from clear.pricing import AppPrices, Pricer, Rows
from clear.visits import Terms, Visits, additive_cost
from clear.ways import Ways, least_by_target
from fin.network import Bools, Floats, Ints

_TIMES = 3
"""States: r not used yet, used once, used again."""


def least_revisiting(pricer: Pricer, rows: Rows, prices: AppPrices) -> Floats:
    """(R,) costs, before ``theta * limit`` is taken off, that no plan is below which uses something priced twice."""
    return np.array([_least(pricer, rows.take(np.array([row])), prices) for row in range(len(rows.point))])


def _least(pricer: Pricer, row: Rows, prices: AppPrices) -> float:
    """Return the least cost over all nodes and media that have a price, for a single row."""
    ways = pricer.ways
    layers = int(pricer.stages.depth[row.point[0]])
    kinds = _priced_kinds(pricer, prices)
    media = np.flatnonzero(prices.media_w > 0.0)
    if layers < 2 or len(kinds) + len(media) == 0:
        return np.inf
    blocks = pricer.block_costs(row, prices, layers)[0]
    carried = _carried(pricer, row, prices, layers)
    steps = _Steps.of(ways, kinds, media, prices, pricer.instance.source)
    moving = ways.source != ways.target
    state = steps.begin(np.where(ways.source == pricer.instance.source, carried[0], np.inf)) + blocks[0]
    for layer in range(1, layers):
        moved = steps.moved(state, np.where(moving, carried[layer], np.inf))
        state = np.minimum(state, moved) + blocks[layer]
    return float(state[:, -1].min())


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


class _Steps:
    """How often each of Q priced nodes and media has been used along a path, and whether the source hosts a block.

    The use of these is paid when it begins. The use of any other node is not paid at all: whether it was paid before
    is not known.
    """

    def __init__(self, ways: Ways, uses: Bools, paid_w: Floats, source: int, source_w: Floats) -> None:
        self._ways = ways
        self._uses = uses[:, None]  # (Q, 1, F) whether a route uses q (a node: by leading to it)
        self._paid_w = paid_w[:, None, None]  # (Q, 1, 1) at the first use of q
        self._home = ways.target == source  # (F,) leads to the source
        self._source_w = source_w[:, None]  # (Q, 1) at the first use of the source

    @classmethod
    def of(cls, ways: Ways, kinds: Bools, media: Ints, prices: AppPrices, source: int) -> _Steps:
        """Note which routes use which of the priced kinds of nodes and media."""
        uses = np.zeros((len(kinds) + len(media), len(ways.source)), dtype=bool)
        uses[: len(kinds)] = kinds[:, ways.target]
        for number, medium in enumerate(media):
            uses[len(kinds) + number, ways.priced[medium][0]] = True
        paid_w = np.concatenate([prices.use_w[kinds.argmax(axis=1)], np.zeros(len(media))])
        is_source = np.concatenate([kinds[:, source], np.zeros(len(media), dtype=bool)])
        return cls(ways, uses, paid_w, source, np.where(is_source, 0.0, prices.use_w[source]))

    def begin(self, costs: Floats) -> Floats:
        """(Q, 3, 2, N) state after the input's way, of (F,) costs."""
        none = np.full((len(self._uses), _TIMES, 2, len(self._home)), np.inf)
        none[:, 0, 0] = costs
        return self._arrived(none)

    def moved(self, state: Floats, costs: Floats) -> Floats:
        """(Q, 3, 2, N) state after a move, of (F,) costs."""
        return self._arrived(state[..., self._ways.source] + costs)

    def _arrived(self, leave: Floats) -> Floats:
        """(Q, 3, 2, N) state of (Q, 3, 2, F) costs over routes, by what was used before them."""
        using, other = np.where(self._uses[:, None], leave, np.inf), np.where(self._uses[:, None], np.inf, leave)
        times = np.stack(
            [
                other[:, 0],
                np.minimum(other[:, 1], using[:, 0] + self._paid_w),
                np.minimum(using[:, 1], leave[:, 2]),
            ],
            axis=1,
        )
        away, home = np.where(self._home, np.inf, times), np.where(self._home, times, np.inf)
        hosted = np.minimum(home[:, :, 0] + self._source_w[:, None], np.minimum(home[:, :, 1], away[:, :, 1]))
        return least_by_target(self._ways, np.stack([away[:, :, 0], hosted], axis=2))
