"""Links of small dense networks, all weights held: min-plus products by Bellman-Ford rounds, scenarios innermost.

The scenarios are the last axis of every array, so that one operation runs over many of them however small the network
is.
"""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.links.interface import FULL, Spread, cheapest_before

_CELLS_AT_ONCE = 131_072
"""Weights formed at once; they stay in the processor's cache."""


class HeldWeightedLinks:
    """Dense links priced for K scenarios and D layers."""

    def __init__(
        self, metrics: Floats, absent: Ints, single_hop: bool, coefficients: Floats, carried: Floats | None = None
    ) -> None:
        """Price links.

        Args:
            metrics: (C, N * N) figures of the links; link s * N + t leads from s to t.
            absent: Pairs of nodes that no link joins, numbered likewise.
            single_hop: Whether no path of several links is better than a direct link.
            coefficients: (K, D, C) coefficients of the figures.
            carried: (K, D) bit/s into each layer; a link that these alone overload costs infinitely much.
        """
        self._size = int(np.sqrt(metrics.shape[1]))
        self._metrics, self._absent, self._single_hop = metrics, absent, single_hop
        self._coefficients, self._carried = coefficients, carried
        self._layers = max(1, _CELLS_AT_ONCE // max(1, len(coefficients) * metrics.shape[1]))
        self._held: dict[bool, tuple[int, Floats]] = {}

    def _weights(self, layer: int, by_target: bool = False) -> Floats:
        """(N, N, K) weights of the links in the transfer into a layer, by source and target or by target and source."""
        part, offset = divmod(layer, self._layers)
        if self._held.get(by_target, (-1,))[0] != part:
            self._held[by_target] = part, self._formed(part, by_target)
        return np.asarray(self._held[by_target][1][offset])

    def _formed(self, part: int, by_target: bool) -> Floats:
        """(L, N, N, K) weights of some layers."""
        layers, size = slice(part * self._layers, (part + 1) * self._layers), self._size
        some = self._coefficients[:, layers]
        single = len(some) == 1
        values = (some[0] @ self._metrics)[:, :, None] if single else self._metrics.T @ some.transpose(1, 2, 0)
        if self._carried is not None:
            full = self._carried[:, layers].T[:, None] * self._metrics[1][:, None] > FULL
            values[full] = np.inf
        if len(self._absent):
            values[:, self._absent] = np.inf
        values = values.reshape(-1, size, size, len(some))
        return np.ascontiguousarray(values.swapaxes(1, 2)) if by_target else values

    def spread(self, layer: int, seeds: Floats, wanted: Bools) -> Spread:
        """Relax the transfer into a layer forward, as `WeightedLinks.spread` says."""
        weights, ready = self._weights(layer), seeds.T
        values = np.minimum.reduce(ready[:, None] + weights, axis=0)
        if self._single_hop:
            return Spread(values.T, None)
        improved = values < ready
        rounds = improved.astype(np.int64)
        current = 1
        while len(rows := _improved(improved)):
            current += 1
            further = np.minimum.reduce(values[rows, None] + weights[rows], axis=0)
            improved = further < values
            rounds[improved] = current
            np.minimum(values, further, out=values)
        return Spread(values.T, rounds.T)

    def gather(self, layer: int, values: Floats, wanted: Bools) -> Floats:
        """Relax the transfer into a layer backward, as `WeightedLinks.gather` says."""
        weights, behind = self._weights(layer, by_target=True), values.T
        result = np.minimum.reduce(behind[:, None] + weights, axis=0)
        improved = result < behind
        while not self._single_hop and len(columns := _improved(improved)):
            further = np.minimum.reduce(result[columns, None] + weights[columns], axis=0)
            improved = further < result
            np.minimum(result, further, out=result)
        return np.asarray(result.T)

    def leave(self, layer: int, onward: Floats, wanted: Bools) -> Floats:
        """Compute the least of a first link out of each node and what follows, as `WeightedLinks.leave` says."""
        costs = self._weights(layer, by_target=True) + onward.T[:, None]
        own = np.arange(self._size)
        costs[own, own] = np.inf
        return np.asarray(np.minimum.reduce(costs, axis=0).T)

    def step_back(self, layer: int, reached: Spread, rows: Ints, node: Ints) -> Ints:
        """Choose the node before each of R nodes on a cheapest path, as `WeightedLinks.step_back` says."""
        values = reached.values[rows]
        candidates = values + self._weights(layer)[:, node, rows].T
        candidates[np.arange(len(rows)), node] = np.inf
        return cheapest_before(candidates, values, None if reached.rounds is None else reached.rounds[rows])


def _improved(improved: Bools) -> Ints:
    """Return the nodes at which any scenario was improved, given (N, K) marks."""
    marks = improved[:, 0] if improved.shape[1] == 1 else improved.any(axis=1)
    return np.flatnonzero(marks)
