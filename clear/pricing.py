"""The cheapest plan of one app at given prices: a shortest path over visits of nodes.

At prices of node shares, media shares, node use and memory, an app's cost falls apart into visits (contiguous blocks
on one node, with their own best speed and share) and transfers (with their own best shares). For a value theta of a
second less latency, the least ``power + prices + theta (latency - limit)`` over all sequences of visits is a shortest
path over (block, node), one layer at a time; see `clear.visits` for what a visit costs.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np

from clear.stages import Stages
from clear.visits import Terms, Visits, additive_cost, least_cost
from clear.ways import Messages, Ways, least_by_source, least_by_target, way_costs
from fin.decision import Decision
from fin.instance import Instance
from fin.network import Floats, Ints, Network

_VISIT = ("dynamic_w", "static_w", "load", "late_s")
"""Fields of stages that visits add up."""


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Rows:
    """R pairs of an operating point and a value of time."""

    point: Ints
    value_w_per_s: Floats

    def take(self, keep: Ints) -> Rows:
        """Return some of the rows."""
        return Rows(self.point[keep], self.value_w_per_s[keep])


@dataclass(frozen=True)
class Sweep:
    """What a sweep leaves behind: enough to follow the cheapest path back."""

    value_w: Floats
    """(R,) least cost."""
    after: Floats
    """(R, D, N) least cost through each block, the block a visit's last."""
    first: Ints
    """(R, D, N) first block of that visit."""


class Pricer:
    """Prices one app, again and again."""

    def __init__(self, instance: Instance, stages: Stages, ways: Ways) -> None:
        self.instance = instance
        self.stages = stages
        self.ways = ways
        self._sums = {name: _cumulative(getattr(stages, name)) for name in _VISIT}
        self._bytes = np.concatenate([np.zeros((len(stages.depth), 1)), np.cumsum(stages.memory_bytes, axis=1)], axis=1)
        self._barred = _cumulative((~stages.allowed).astype(np.float64))
        self.kind = _kinds(instance)
        self._out = ways.take((ways.source == instance.source) & (ways.target != instance.source))

    def with_rates(self, instance: Instance, ways: Ways) -> Pricer:
        """Return the pricer of the same app where rates of links, or its own, have changed."""
        factor = instance.rate_per_s / self.instance.rate_per_s
        if factor != 1.0:
            return Pricer(instance, self.stages.at_rate(factor), ways)
        other = copy(self)
        other.instance, other.ways = instance, ways
        other._out = ways.take((ways.source == instance.source) & (ways.target != instance.source))
        return other

    def sweep(self, rows: Rows, prices: AppPrices) -> Sweep:
        """Price R rows; the values are costs before ``theta * limit`` is taken off."""
        stages, ways = self.stages, self.ways
        count, layers, nodes = len(rows.point), int(stages.depth[rows.point].max()), self.instance.network.size
        results = self._results(rows, prices, layers)
        enter, after = np.full((count, layers, nodes), np.inf), np.full((count, layers, nodes), np.inf)
        first = np.zeros((count, layers, nodes), dtype=np.int64)
        from_source = np.full((count, len(ways.source)), np.inf)
        from_source[:, ways.source == self.instance.source] = 0.0
        enter[:, 0] = least_by_target(ways, from_source + self.transfers(rows, prices, 0))
        for layer in range(layers):
            if layer:
                leave = after[:, layer - 1][:, ways.source]
                enter[:, layer] = least_by_target(ways, leave + self.transfers(rows, prices, layer))
            totals = enter[:, : layer + 1] + self.visit_costs(rows, prices, layer)
            best = totals.argmin(axis=1)
            first[:, layer] = best
            after[:, layer] = np.take_along_axis(totals, best[:, None], axis=1)[:, 0] + results[:, layer]
            # a later visit that began earlier must carry these results too
            enter[:, : layer + 1] += results[:, layer][:, None]
        last = after[np.arange(count), stages.depth[rows.point] - 1]
        return Sweep(last.min(axis=1), after, first)

    def floors(self, rows: Rows, prices: AppPrices) -> Floats:
        """(R,) costs that no plan is below, far quicker than a sweep.

        A plan runs its first blocks (none or more) on the source, carries data out of it once at the least, and runs
        every other block somewhere. Blocks cost at least `clear.visits.additive_cost`; it uses the source if it runs
        a block there, and another node unless it runs all there. All other transfers and results are left out.
        """
        stages, point = self.stages, rows.point
        count, layers = len(point), int(stages.depth[point].max())
        blocks = self.block_costs(rows, prices, layers)
        here = blocks[:, :, self.instance.source]
        anywhere = blocks.min(axis=2)
        none = np.zeros((count, 1))
        before = np.concatenate([none, np.cumsum(here, axis=1)], axis=1)  # (R, D + 1) blocks before each, at the source
        behind = np.concatenate([np.cumsum(anywhere[:, ::-1], axis=1)[:, ::-1], none], axis=1)
        source = self.instance.source
        use_here = prices.use_w[source]
        use_there = np.delete(np.where(self.instance.network.hosts, prices.use_w, np.inf), source).min(initial=np.inf)
        best = before[np.arange(count), stages.depth[point]] + use_here
        for layer in range(layers) if len(self._out.source) else ():
            leave = self.transfers(rows, prices, layer, self._out).min(axis=1)
            total = before[:, layer] + leave + behind[:, layer] + use_there + (use_here if layer else 0.0)
            best = np.where(layer < stages.depth[point], np.minimum(best, total), best)
        return np.asarray(best)

    def block_costs(self, rows: Rows, prices: AppPrices, layers: int) -> Floats:
        """(R, D, N) costs of single blocks that may be added up; infinite where a block cannot run."""
        stages = self.stages
        _, chosen, like = self._kinds_at(prices)
        at = np.ix_(rows.point, np.arange(layers), chosen)
        part = {name: getattr(stages, name)[at] for name in _VISIT}
        terms = node_terms(self.instance.network, prices, rows.value_w_per_s[:, None, None], chosen)
        total = self._sums["late_s"][rows.point][:, -1:, chosen]
        costs = additive_cost(Visits(**part), terms, total)[..., like]
        costs = costs + prices.memory_w_per_byte * stages.memory_bytes[rows.point, :layers, None]
        return np.where(stages.allowed[rows.point, :layers], costs, np.inf)

    def _kinds_at(self, prices: AppPrices) -> tuple[Floats, Ints, Ints]:
        """Return equal nodes once: the first of each kind, and which kind each node is of."""
        both = np.stack([self.kind, prices.node_w], axis=1)
        kinds, chosen, like = np.unique(both, axis=0, return_index=True, return_inverse=True)
        return kinds, chosen, like.ravel()

    def transfers(self, rows: Rows, prices: AppPrices, layer: int, ways: Ways | None = None) -> Floats:
        """(R, F) cost of carrying the data into a block over each route (of some, or of all)."""
        stages, worth = self.stages, rows.value_w_per_s
        bits = np.full(len(rows.point), stages.carry_bits[layer])
        late = worth * stages.carry_late[rows.point, layer]
        messages = Messages(bits, stages.carry_weight[rows.point, layer], late)
        return way_costs(ways or self.ways, messages, prices.media_w)

    def visit_costs(self, rows: Rows, prices: AppPrices, last: int) -> Floats:
        """(R, last + 1, N) cost of a visit from each block to a last one; infinite where it cannot be."""
        network, point = self.instance.network, rows.point
        held = self._bytes[point, last + 1][:, None] - self._bytes[point, : last + 1]
        barred = (self._barred[point, last + 1][:, None] - self._barred[point, : last + 1]) > 0
        _, chosen, like = self._kinds_at(prices)  # packages are full of equal nodes
        terms = node_terms(network, prices, rows.value_w_per_s[:, None, None], chosen)
        at = np.ix_(point, np.arange(last + 2), chosen)
        part = {name: (sums[at][:, -1:] - sums[at][:, :-1]) for name, sums in self._sums.items()}
        costs = least_cost(Visits(**part), terms)
        costs = costs[..., like] + prices.use_w + prices.memory_w_per_byte * held[:, :, None]
        full = held[:, :, None] > network.memory_bytes * (1.0 + 1e-9)
        return np.where(barred | full, np.inf, costs)

    def _results(self, rows: Rows, prices: AppPrices, layers: int) -> Floats:
        """(R, D, N) cost of carrying the result behind each block to the destination, media at no price.

        A share of a medium is at most 1, so whatever else an app carries there, a further second on it adds at
        least one second to the latency.
        """
        count, nodes = len(rows.point), self.instance.network.size
        costs = np.zeros((count, layers, nodes))
        stages, destination = self.stages, self.instance.destination
        for layer in range(layers) if destination is not None else ():
            weight = stages.result_weight[rows.point, layer]
            if weight.any():
                late = rows.value_w_per_s * stages.result_late[rows.point, layer]
                messages = Messages(stages.result_bits[rows.point, layer], weight, late)
                values = way_costs(self.ways, messages, np.zeros_like(prices.media_w))
                values[:, self.ways.target != destination] = np.inf
                costs[:, layer] = np.where(weight[:, None] > 0.0, least_by_source(self.ways, values, nodes), 0.0)
        return costs

    def decision(self, rows: Rows, prices: AppPrices, sweep: Sweep, row: int) -> Decision:
        """Follow one row's cheapest path back."""
        depth = int(self.stages.depth[rows.point[row]])
        one = rows.take(np.array([row]))
        nodes, options = np.zeros(depth, dtype=np.int64), {}
        layer, node = depth - 1, int(sweep.after[row, depth - 1].argmin())
        while True:
            begin = int(sweep.first[row, layer, node])
            nodes[begin : layer + 1] = node
            before = self._before(one, prices, sweep, row, begin)
            into = np.flatnonzero(self.ways.target == node)
            way = int(into[np.argmin(before[into])])
            options[begin] = int(self.ways.option[way])
            if begin == 0:
                break
            layer, node = begin - 1, int(self.ways.source[way])
        ends = (self.instance.source, *nodes.tolist())
        table = self.ways.table
        transfers = tuple(table.path(options.get(block, 0), ends[block], ends[block + 1]) for block in range(depth))
        return Decision(int(rows.point[row]), tuple(nodes.tolist()), transfers, self._result_ways(one, prices, nodes))

    def _before(self, one: Rows, prices: AppPrices, sweep: Sweep, row: int, layer: int) -> Floats:
        """(F,) cost up to where the data of a block arrives, over each route."""
        costs = self.transfers(one, prices, layer)[0]
        if layer:
            return np.asarray(sweep.after[row, layer - 1][self.ways.source] + costs)
        return np.where(self.ways.source == self.instance.source, costs, np.inf)

    def _result_ways(self, one: Rows, prices: AppPrices, nodes: Ints) -> dict[int, tuple[int, ...]]:
        """Return the cheapest way of each result to the destination."""
        instance, stages, ways = self.instance, self.stages, self.ways
        found: dict[int, tuple[int, ...]] = {}
        point, destination = int(one.point[0]), instance.destination
        for head, block in enumerate(instance.points.exit_block.tolist()) if destination is not None else ():
            if not (instance.points.on[point, head] and instance.points.fraction[point, head] > 0.0):
                continue
            late = one.value_w_per_s * stages.result_late[one.point, block]
            messages = Messages(stages.result_bits[one.point, block], stages.result_weight[one.point, block], late)
            costs = way_costs(ways, messages, prices.media_w)[0]
            fits = np.flatnonzero((ways.source == nodes[block]) & (ways.target == destination))
            best = int(fits[np.argmin(costs[fits])])
            found[head] = ways.table.path(int(ways.option[best]), int(nodes[block]), int(destination or 0))
        return found


def node_terms(network: Network, prices: AppPrices, value_w_per_s: Floats, nodes: Ints) -> Terms:
    """Return what visits meet on some nodes."""
    columns = (prices.node_w, network.slowest, network.fastest, network.max_utilization)
    return Terms(value_w_per_s, *(column[nodes] for column in columns))


def _kinds(instance: Instance) -> Floats:
    """(N,) a number for each kind of node: those of one number cost the app the same, block by block."""
    network = instance.network
    figures = [instance.blocks.time_s, instance.blocks.dynamic_j, instance.heads.time_s, instance.heads.dynamic_j]
    ranges = [network.static_power_w, network.slowest, network.fastest, network.max_utilization]
    _, kind = np.unique(np.concatenate([*figures, np.stack(ranges)]), axis=1, return_inverse=True)
    return np.asarray(kind.ravel(), dtype=np.float64)


def _cumulative(values: Floats) -> Floats:
    """(K, D + 1, N) sums of the blocks before each."""
    shape = (values.shape[0], 1, *values.shape[2:])
    return np.concatenate([np.zeros(shape), np.cumsum(values, axis=1, dtype=np.float64)], axis=1)
