"""Lower bound of non-elementary plans: those that return to a priced node or medium (paths with cycles).

The shortest path over segments (`clear.pricing.shortest_path`) pays for a node's share once per segment, and for a
medium's share once per transfer. It is exact for plans that visit every priced node once and put one transfer at most
on every priced medium; for any other plan it asks for too much, so another bound is needed. Such a plan returns to
some priced node or medium q. For each q in turn, a shortest path that must use q twice is below all of them, at costs
that may be added up however often anything is used:

- What the source runs before data leaves it first, and that transfer, cost what they cost alone. Later segments on the
  source and later transfers are added at no price of a share, for ``min (a + b) >= min a + min b``.
- Blocks elsewhere cost `clear.pricing.node_segments.additive_cost`, and of the price of using their node the part that
  their load has in the load of all blocks: a node that runs some of them is used, and their parts are at most the
  whole.
- Results cost what `Pricer.results` says, media at no price.

Nodes of one kind and price are taken together: whoever uses one of them twice uses their kind twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.clear.pricing.shortest_path import Pricer
from planner.clear.pricing.sweep import AppPrices, Rows
from planner.fin.instance.network import Bools, Floats, Ints


class CycleBound:
    """Bounds one app's plans that use something priced twice, at given prices."""

    def __init__(self, pricer: Pricer, prices: AppPrices) -> None:
        self._pricer, self._prices = pricer, prices
        self._free = replace(prices, media_w=np.zeros_like(prices.media_w))
        self._aggregation = _Aggregation.of(pricer, prices)

    def cost_by_departure(self, rows: Rows) -> Floats:
        """(R, D + 1) costs that no plan is below which uses something priced twice, by what leaves the source when.

        Classes are those of `Sweep.cost_by_departure`; costs are before ``theta * limit`` is
        taken off.
        """
        pricer, aggregation = self._pricer, self._aggregation
        depth = pricer.stages.depth[rows.point]
        layers = int(depth.max())
        cost_by_departure = np.full((len(depth), layers + 1), np.inf)
        if layers < 2 or len(aggregation.by) == 0 or len(aggregation.target) == 0:
            return cost_by_departure
        results = pricer.results(rows, self._prices, layers)
        staying = pricer.staying(rows, self._prices, results)
        first = aggregation.routes(pricer.carried(rows, self._prices, layers))
        moves = aggregation.routes(pricer.carried(rows, self._free, layers))
        blocks = aggregation.nodes(_blocks(pricer, rows, self._prices, layers) + results)
        later = _LaterPaths(aggregation, len(depth))
        for layer in range(layers - 1, -1, -1):
            later.step(blocks[:, layer], moves[:, layer + 1] if layer + 1 < layers else None, depth == layer + 1)
            leave = later.leaving(first[:, layer], at_source_before=layer > 0)
            cost_by_departure[:, layer] = leave + (staying[:, layer - 1] if layer else 0.0)
        return cost_by_departure


def _blocks(pricer: Pricer, rows: Rows, prices: AppPrices, layers: int) -> Floats:
    """(R, D, N) costs of blocks after data left the source, whose share is paid before."""
    elsewhere = np.arange(pricer.instance.network.size) != pricer.instance.source
    left = replace(prices, node_w=prices.node_w * elsewhere, use_w=prices.use_w * elsewhere)
    load = pricer.stages.load[rows.point, :layers][..., pricer.stages.column]
    part = load / np.maximum(load.sum(axis=1, keepdims=True), 1e-300)
    return np.asarray(pricer.block_costs(rows, left, layers) + left.use_w * part)


@dataclass(frozen=True, eq=False)
class _Aggregation:
    """Nodes of one kind as one, P in all, with G sorts of routes between them, and Q priced kinds and media."""

    node_order: Ints
    node_start: Ints
    """(P,) where each kind begins in the order of nodes."""
    way_order: Ints
    way_start: Ints
    """(G,) where each sort begins in the order of routes."""
    target: Ints
    """(G,) kind that each sort leads to."""
    leaving: Bools
    """(G,) whether it leaves the source."""
    out: Ints
    out_start: Ints
    """Kinds that anything leaves, and the first sort of each."""
    by: Bools
    """(Q, G) whether a sort uses q: a node by leading to it."""
    source: Bools
    """(Q, 1) whether q is the source."""

    @classmethod
    def of(cls, pricer: Pricer, prices: AppPrices) -> _Aggregation:
        """Merge nodes that cost the app the same; its source is a kind of its own."""
        network, routes, source = pricer.instance.network, pricer.routes, pricer.instance.source
        columns = (pricer.kind, prices.node_w, prices.use_w, prices.memory_w_per_byte)
        alike = np.stack([*columns, np.arange(network.size) == source, network.hosts], axis=1)
        _, first, kind = np.unique(alike, axis=0, return_index=True, return_inverse=True)
        kind = kind.ravel()
        priced = np.flatnonzero(prices.media_w > 0.0)
        uses = np.zeros((len(priced), len(routes.source)), dtype=np.int64)
        for number, medium in enumerate(priced.tolist()):
            uses[number, routes.priced[medium][0]] = 1
        moving = np.flatnonzero(pricer.moving & network.hosts[routes.target])
        keys = np.stack([kind[routes.source], kind[routes.target], *uses])[:, moving]
        sorts, way = np.unique(keys, axis=1, return_inverse=True)
        paid_w = prices.node_w + prices.use_w
        if not pricer.memory.is_sum:  # segments count working memory and named parameters each time
            paid_w = paid_w + prices.memory_w_per_byte
        costly = np.flatnonzero(((paid_w > 0.0) & network.hosts)[first])
        out, out_start = np.unique(sorts[0], return_index=True)
        is_source = costly == kind[source]
        none = np.zeros(len(priced), dtype=np.bool_)
        return cls(
            node_order=np.argsort(kind, kind="stable"),
            node_start=np.searchsorted(np.sort(kind), np.arange(len(first))),
            way_order=moving[np.argsort(way.ravel(), kind="stable")],
            way_start=np.searchsorted(np.sort(way.ravel()), np.arange(sorts.shape[1])),
            target=sorts[1],
            leaving=sorts[0] == kind[source],
            out=out,
            out_start=out_start,
            by=np.concatenate([sorts[1] == costly[:, None], sorts[2:] > 0]),
            source=np.concatenate([is_source, none])[:, None],
        )

    def nodes(self, values: Floats) -> Floats:
        """(..., P) least of (..., N) values."""
        return np.asarray(np.minimum.reduceat(values[..., self.node_order], self.node_start, axis=-1))

    def routes(self, values: Floats) -> Floats:
        """(..., G) least of (..., F) values."""
        return np.asarray(np.minimum.reduceat(values[..., self.way_order], self.way_start, axis=-1))

    def from_source(self, values: Floats) -> Floats:
        """(..., P) least of (..., G) values over what leaves each kind."""
        least = np.full((*values.shape[:-1], len(self.node_start)), np.inf)
        least[..., self.out] = np.minimum.reduceat(values, self.out_start, axis=-1)
        return least


class _LaterPaths:
    """Least costs from a block on a kind of node (included) to the end, block by block from the last.

    They are kept as 1 + 2 Q rows of P kinds: of any paths, of paths that use each q once more, and twice more.
    """

    def __init__(self, aggregation: _Aggregation, rows: int) -> None:
        self._aggregation = aggregation
        uses, sorts = aggregation.by.shape
        self._least = np.full((rows, 1 + 2 * uses, len(aggregation.node_start)), np.inf)
        once, twice = 1 + np.arange(uses)[:, None], 1 + uses + np.arange(uses)[:, None]
        behind = [
            np.zeros((1, sorts), dtype=np.int64),
            np.where(aggregation.by, 0, once),
            np.where(aggregation.by, once, twice),
        ]
        self._behind = np.concatenate(behind) * self._least.shape[2] + aggregation.target
        """(1 + 2 Q, G) where the costs stand behind a move, the move's own use counted."""
        self._twice = self._behind[1 + uses :, aggregation.leaving]
        self._once_at_source = np.where(
            aggregation.source, self._behind[1 : 1 + uses, aggregation.leaving], self._twice
        )

    def step(self, blocks: Floats, moves: Floats | None, last: Bools) -> None:
        """Go one block back: (R, P) costs of the block, (R, G) of moves behind it, (R,) where it is the last."""
        if moves is not None:
            away = moves[:, None] + self._at(self._behind)
            self._least = np.minimum(self._least, self._aggregation.from_source(away))
        self._least[last, 0] = 0.0
        self._least += blocks[:, None]

    def leaving(self, moves: Floats, at_source_before: bool) -> Floats:
        """(R,) least cost of a first move and all behind it, with some q used twice."""
        behind = self._at(self._once_at_source if at_source_before else self._twice)
        away = moves[:, None, self._aggregation.leaving] + behind
        return np.asarray(away.min(axis=(1, 2), initial=np.inf))

    def _at(self, places: Ints) -> Floats:
        return self._least.reshape(len(self._least), -1)[:, places]
