"""Shortest paths over node segments: the cheapest plan of one app at dual prices, by backward recursion.

At prices of node shares, media shares, node use and memory, an app's cost falls apart into segments (contiguous blocks
on one node, with their own best speed and share) and transfers (with their own best shares). For a latency multiplier
theta, the least ``power + prices + theta (latency - limit)`` over all sequences of segments is a shortest path over
(block, node), one layer at a time; see `clear.pricing.node_segments` for what a segment costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from planner.clear.pricing.app_arrays import AppArrays
from planner.clear.pricing.node_segments import NodeSegments, additive_cost, least_cost
from planner.clear.pricing.routes import Messages, Routes, least_by_source, route_costs
from planner.clear.pricing.segment_memory import SegmentMemory
from planner.clear.pricing.sweep import AppPrices, Rows, SegmentCosts, Sweep, node_terms
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Floats, Ints

_MOST_AGGREGATED = 4
"""Partitions of the nodes into classes for which a pricer is kept."""
_MOST_KNOWN = 8
"""Rows of which it is kept what their segments ask for."""
Asked = tuple[dict[str, Floats], Floats, Bools]
"""Figures of segments (1, M, V), bytes that prices charge (1, 1, V), and which segments cannot be (1, N, V)."""
_VISIT = ("dynamic_w", "static_w", "load", "late_s")
"""Fields of stages that segments add up."""


class Pricer:
    """Prices one app, again and again."""

    def __init__(self, instance: Instance, stages: AppArrays, routes: Routes) -> None:
        self.instance = instance
        self.stages = stages
        self.routes = routes
        self.memory = SegmentMemory.of(stages)
        self.kind = _kinds(instance)
        self.moving = routes.source != routes.target
        self._hosts = _hosts(instance)
        self.members: Sequence[Ints] = list(np.arange(instance.network.size)[:, None])
        """Nodes of the network that each node stands for."""
        self.seen: tuple[AppPrices, Pricer, AppPrices] | None = None
        """The last prices, with the pricer for classes of equal nodes, and what the classes meet."""
        self._known: dict[tuple[int, int, int, int, bytes], Asked] = {}
        """What the segments of rows ask for, by row, ends, nodes and kinds."""
        self.label: Floats | None = None
        """(N,) a number for each kind of node whatever the prices, from when it is first needed."""
        self._alike: tuple[AppPrices, Ints, Ints] | None = None
        """The last prices, with one node of each kind and price, and which of these each node is like."""
        self.aggregated: dict[bytes, Pricer] = {}
        """Pricers of the same app for classes of equal nodes, by the class of each node."""

    def keep_aggregated(self, classes: bytes, small: Pricer) -> None:
        """Keep the pricer for some classes of nodes; the oldest one goes."""
        self.aggregated[classes] = small
        if len(self.aggregated) > _MOST_AGGREGATED:
            self.aggregated.pop(next(iter(self.aggregated)))

    def with_rates(self, instance: Instance, routes: Routes) -> Pricer:
        """Return the pricer of the same app where rates of links, or its own, have changed."""
        factor = instance.rate_per_s / self.instance.rate_per_s
        if factor != 1.0:
            return Pricer(instance, self.stages.at_rate_of(instance, factor), routes)
        other = self._copied_for(instance)
        other.routes, other._alike = routes, None
        other.moving = routes.source != routes.target
        return other

    def on_nodes(self, instance: Instance, routes: Routes, members: Sequence[Ints]) -> Pricer:
        """Return the pricer of the same app on classes of its nodes, between which other routes lead.

        Args:
            instance: The app on one node of each class.
            routes: Routes between the classes.
            members: Nodes of each class, by their indices among this pricer's nodes.

        Returns:
            The other pricer; this one stays as it is.
        """
        other = self._copied_for(instance)
        other.routes, other.label, other._alike, other._known = routes, None, None, {}
        other.members, first = members, np.array([nodes[0] for nodes in members])
        other.stages = replace(self.stages, column=self.stages.column[first])
        other.kind, other._hosts = _kinds(instance), _hosts(instance)
        other.moving = routes.source != routes.target
        return other

    def restricted_to(self, instance: Instance) -> Pricer:
        """Return the pricer of the same app where further nodes host nothing."""
        other = self._copied_for(instance)
        other._hosts, other.label, other._alike, other._known = _hosts(instance), None, None, {}
        return other

    def _copied_for(self, instance: Instance) -> Pricer:
        other = copy(self)
        other.instance, other.aggregated, other.seen = instance, {}, None
        return other

    def sweep(self, rows: Rows, prices: AppPrices) -> Sweep:
        """Price R rows by backward recursion; costs are before ``theta * limit`` is taken off."""
        routes, count, nodes = self.routes, len(rows.point), self.instance.network.size
        depth = self.stages.depth[rows.point]
        layers = int(depth.max())
        carried = np.where(self.moving, self.carried(rows, prices, layers), np.inf)
        away, target = carried[..., routes.by_source], routes.target[routes.by_source]
        results = self.results(rows, prices, layers)
        staying, segments = self.staying(rows, prices, results), self._segments_of(rows, prices, results)
        onwards, left = np.full((count, layers, nodes), np.inf), np.full((count, nodes, layers), np.inf)
        cost_by_departure = np.full((count, layers + 1), np.inf)
        for layer in range(layers - 1, -1, -1):
            left[depth == layer + 1, :, layer] = 0.0
            onwards[:, layer] = (segments.starting(layer) + left[..., layer:]).min(axis=2)
            outwards = away[:, layer] + onwards[:, layer][:, target]
            least = np.minimum.reduceat(outwards, routes.source_start, axis=1)
            cost_by_departure[:, layer] = least[:, self.instance.source]
            if layer:
                left[..., layer - 1] = least
        cost_by_departure[:, 1:layers] += staying[:, : layers - 1]
        at = np.arange(count)
        cost_by_departure[at, depth] = staying[at, depth - 1]
        cost_by_departure[np.arange(layers + 1) > depth[:, None]] = np.inf
        return Sweep(cost_by_departure, segments, carried, onwards, left)

    def source_prefixes(self, row: int) -> NodeSegments:
        """(D,) what a row's first blocks ask of the source, by the last of them."""
        depth = int(self.stages.depth[row])
        point, column = np.array([row]), self.stages.column[[self.instance.source]]
        return NodeSegments(**{name: self._sums(name, point, column)[0, 0, 1 : depth + 1] for name in _VISIT})

    def at_home(self, points: int) -> tuple[NodeSegments, Bools]:
        """(K,) what whole operating points ask of the source, and whether they can run there, all blocks of each."""
        source, column = self.instance.source, self.stages.column[self.instance.source]
        blocks = self.stages.memory_bytes.shape[1]
        sums = {name: np.cumsum(getattr(self.stages, name)[:points, :, column], axis=1)[:, -1] for name in _VISIT}
        room = self.instance.network.memory_bytes[source] * (1.0 + 1e-9)
        needed = self.memory.held(np.arange(points), np.zeros(1, dtype=np.int64), np.array([blocks - 1]))[1][:, 0]
        fits = self.stages.allowed[:points, :, column].all(axis=1) & (needed <= room)
        return NodeSegments(**sums), fits & self._hosts[source]

    def _sums(self, name: str, point: Ints, column: Ints) -> Floats:
        """(R, M, D + 1) sums of what the blocks before each ask of some columns of nodes."""
        return np.asarray(_cumulative(getattr(self.stages, name)[point][..., column].swapaxes(1, 2)))

    def _barred(self, point: Ints, column: Ints) -> Ints:
        """(R, M, D + 1) blocks before each that may not run on some columns of nodes."""
        return np.asarray(_cumulative((~self.stages.allowed[point][..., column]).swapaxes(1, 2).astype(np.int16)))

    def block_costs(self, rows: Rows, prices: AppPrices, layers: int) -> Floats:
        """(R, D, N) costs of single blocks that may be added up; infinite where a block cannot run.

        Args:
            rows: (R,) pairs of an operating point and a latency multiplier.
            prices: What the app pays for nodes and media.
            layers: D, the blocks that are priced (count).

        Returns:
            (R, D, N) costs, in watts.
        """
        stages = self.stages
        chosen, like = self._kinds_at(prices)
        at = np.ix_(rows.point, np.arange(layers), stages.column[chosen])
        part = {name: getattr(stages, name)[at] for name in _VISIT}
        terms = node_terms(self.instance.network, prices, rows.multiplier_w_per_s[:, None, None], chosen)
        total = stages.late_s[rows.point][..., stages.column[chosen]].sum(axis=1, keepdims=True)
        costs = additive_cost(NodeSegments(**part), terms, total)[..., like]
        costs = costs + prices.memory_w_per_byte * stages.memory_bytes[rows.point, :layers, None]
        allowed = np.asarray(stages.allowed[rows.point, :layers])[..., stages.column] & self._hosts
        return np.where(allowed, costs, np.inf)

    def _kinds_at(self, prices: AppPrices) -> tuple[Ints, Ints]:
        """Return equal nodes once: the first of each kind, and which kind each node is of."""
        if self._alike is None or self._alike[0] is not prices:
            both = np.stack([self.kind, prices.node_w])
            _, chosen, like = np.unique(both, axis=1, return_index=True, return_inverse=True)
            self._alike = prices, chosen, like.ravel()
        return self._alike[1:]

    def carried(self, rows: Rows, prices: AppPrices, layers: int) -> Floats:
        """(R, D, F) cost of carrying the data into each block over each route.

        Args:
            rows: (R,) pairs of an operating point and a latency multiplier.
            prices: What the app pays for nodes and media.
            layers: D, the blocks that are priced (count).

        Returns:
            (R, D, F) costs, in watts.
        """
        shape = (len(rows.point), layers)
        late = rows.multiplier_w_per_s[:, None] * self.stages.carry_late[rows.point, :layers]
        bits = np.broadcast_to(self.stages.carry_bits[:layers], shape)
        messages = Messages(bits.ravel(), self.stages.carry_weight[rows.point, :layers].ravel(), late.ravel())
        return route_costs(self.routes, messages, prices.media_w).reshape(*shape, len(self.routes.source))

    def staying(self, rows: Rows, prices: AppPrices, results: Floats) -> Floats:
        """(R, D) cost of running the first blocks on the source, by the last of them.

        Args:
            rows: (R,) pairs of an operating point and a latency multiplier.
            prices: What the app pays for nodes and media.
            results: (R, D, N) costs of carrying results to the destination, in watts.

        Returns:
            (R, D) costs, in watts.
        """
        last = np.arange(results.shape[1])
        source = np.array([self.instance.source])
        kinds = (source, np.zeros(1, dtype=np.int64))
        return self._segments(rows, prices, (np.zeros_like(last), last), source, kinds, results)[:, 0]

    def _segments_of(self, rows: Rows, prices: AppPrices, results: Floats) -> SegmentCosts:
        layers = results.shape[1]
        ends, nodes = _triangle(layers), np.arange(self.instance.network.size)
        each = self._segments(rows, prices, ends, nodes, self._kinds_at(prices), results)
        return SegmentCosts(layers, each)

    def _segments(
        self,
        rows: Rows,
        prices: AppPrices,
        ends: tuple[Ints, Ints],
        nodes: Ints,
        kinds: tuple[Ints, Ints],
        results: Floats,
    ) -> Floats:
        """(R, M, V) cost of segments from first to last blocks on M nodes; infinite where one cannot be.

        Nodes of one kind and price are priced once, for packages are full of equal nodes: `kinds` names one of each
        kind, and which kind each node is of.
        """
        (chosen, like), point = kinds, rows.point
        point = point[:1] if (point == point[0]).all() else point  # of all latency multipliers the same segments

        asked = [self._asked(one, ends, nodes, chosen) for one in point.tolist()]
        part, charged, cannot = asked[0] if len(asked) == 1 else _stacked(asked)
        costs = self._least_costs(part, rows, prices, chosen)[:, like]
        costs += prices.use_w[nodes, None] + prices.memory_w_per_byte[nodes, None] * charged
        if results.any():
            lost = np.isinf(results).swapaxes(1, 2)[:, nodes]  # no route from there to the destination
            costs += _within(_cumulative(np.where(lost, 0.0, results.swapaxes(1, 2)[:, nodes])), ends)
            cannot = cannot | (_within(_cumulative(lost.astype(np.int16)), ends) > 0)
        return np.where(cannot, np.inf, costs)

    def _asked(self, point: int, ends: tuple[Ints, Ints], nodes: Ints, chosen: Ints) -> Asked:
        """Return what the segments of one row ask for, which no price changes."""
        (first, last), column = ends, self.stages.column
        key = point, len(last), int(first[-1]), len(nodes), column[chosen].tobytes()  # ends are those of all, or from 0
        if (found := self._known.get(key)) is not None:
            return found

        row = np.array([point])
        part = {name: _within(self._sums(name, row, column[chosen]), ends) for name in _VISIT}
        charged, needed = (held[:, None] for held in self.memory.held(row, first, last))
        room = self.instance.network.memory_bytes[nodes, None] * (1.0 + 1e-9)
        cannot = (_within(self._barred(row, column[nodes]), ends) > 0) | ~self._hosts[nodes, None] | (needed > room)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[key] = found = part, charged, cannot
        return found

    def _least_costs(self, part: Mapping[str, Floats], rows: Rows, prices: AppPrices, chosen: Ints) -> Floats:
        """(R, M, V) least cost of segments on M nodes at their best speeds and shares, similar nodes together."""
        network, multiplier = self.instance.network, rows.multiplier_w_per_s[:, None, None]
        costs = np.empty((len(rows.point), *part["load"].shape[1:]))
        sort = 2 * (network.slowest < network.fastest)[chosen] + (network.static_power_w > 0.0)[chosen]
        for number in np.unique(sort).tolist():  # without a clock, or leakage, less is to be computed
            some = np.flatnonzero(sort == number)
            segments = NodeSegments(**{name: values[:, some] for name, values in part.items()})
            costs[:, some] = least_cost(segments, node_terms(network, prices, multiplier, chosen[some, None]))
        return costs

    def results(self, rows: Rows, prices: AppPrices, layers: int) -> Floats:
        """(R, D, N) cost of carrying the result behind each block to the destination, media at no price.

        A share of a medium is at most 1, so whatever else an app carries there, a further second on it adds at
        least one second to the latency.

        Args:
            rows: (R,) pairs of an operating point and a latency multiplier.
            prices: What the app pays for nodes and media.
            layers: D, the blocks that are priced (count).

        Returns:
            (R, D, N) costs, in watts.
        """
        count, nodes = len(rows.point), self.instance.network.size
        costs = np.zeros((count, layers, nodes))
        stages, destination = self.stages, self.instance.destination
        for layer in range(layers) if destination is not None else ():
            weight = stages.result_weight[rows.point, layer]
            if weight.any():
                late = rows.multiplier_w_per_s * stages.result_late[rows.point, layer]
                messages = Messages(stages.result_bits[rows.point, layer], weight, late)
                values = route_costs(self.routes, messages, np.zeros_like(prices.media_w))
                values[:, self.routes.target != destination] = np.inf
                costs[:, layer] = np.where(weight[:, None] > 0.0, least_by_source(self.routes, values), 0.0)
        return costs


def _stacked(asked: Sequence[Asked]) -> Asked:
    """Return what the segments of several rows ask for."""
    parts, charged, cannot = zip(*asked, strict=True)
    return (
        {name: np.concatenate([part[name] for part in parts]) for name in _VISIT},
        np.concatenate(charged),
        np.concatenate(cannot),
    )


@lru_cache(maxsize=64)
def _triangle(layers: int) -> tuple[Ints, Ints]:
    """Return first and last block of every segment of so many blocks."""
    first, last = np.triu_indices(layers)
    return first, last


def _hosts(instance: Instance) -> Bools:
    """(N,) nodes that may run a block of an app."""
    return np.asarray(instance.allowed.any(axis=0))


def _kinds(instance: Instance) -> Floats:
    """(N,) a number for each kind of node: those of one number cost the app the same, block by block."""
    network = instance.network
    figures = [instance.blocks.time_s, instance.blocks.dynamic_j, instance.heads.time_s, instance.heads.dynamic_j]
    ranges = [network.static_power_w, network.slowest, network.fastest, network.max_utilization]
    _, kind = np.unique(np.concatenate([*figures, np.stack(ranges)]), axis=1, return_inverse=True)
    return np.asarray(kind.ravel(), dtype=np.float64)


def _within(sums: Floats | Ints, ends: tuple[Ints, Ints]) -> Floats:
    """(..., V) sums over the blocks of segments, from (..., D + 1) sums of the blocks before each."""
    first, last = ends
    return np.asarray(sums[..., last + 1] - sums[..., first])


def _cumulative(values: Any) -> Any:  # noqa: ANN401 - an array of any type
    """(..., D + 1) sums of the blocks before each."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1), values.dtype)
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums
