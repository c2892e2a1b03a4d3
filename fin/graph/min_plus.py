"""Min-plus recursions over the layered graph, many scenarios at once.

A recursion evaluates ``cost_weight * cost + limit_weight * limited`` along every path, at the price of one multi-source
shortest path problem over the links per layer. With weights (1, m) that is the Lagrangian at multiplier m; with (0, 1)
the least use of the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.links.interface import FULL, Spread, WeightedLinks

_NEVER = Deadline()
_MOST_CELLS_KEPT = 1_000_000
"""Vertices up to which a recursion is kept for later use."""


@dataclass(frozen=True, eq=False)
class Weights:
    """(K,) weights of cost and of the limited sum."""

    cost: Floats
    limited: Floats

    @classmethod
    def lagrangian(cls, multiplier: Floats) -> Weights:
        """Cost plus multiplier times the limited sum."""
        return cls(np.ones_like(multiplier), multiplier)

    @classmethod
    def limited_only(cls, scenarios: int) -> Weights:
        """The limited sum alone."""
        return cls(np.zeros(scenarios), np.ones(scenarios))

    def take(self, keep: Ints | Bools | slice) -> Weights:
        """Return the weights of some scenarios."""
        return Weights(self.cost[keep], self.limited[keep])


@dataclass(frozen=True, eq=False)
class Paths:
    """One path per scenario."""

    node: Ints
    """(K, D) node of each layer."""
    option: Ints
    """(K, D) result option taken at each layer."""
    relays: Ints
    """(K, D, H) nodes between the node of the layer before and that of each layer, the last one first; -1: none."""

    @classmethod
    def joined(cls, parts: list[Paths]) -> Paths:
        """Put the paths of several parts behind each other."""
        if len(parts) == 1:
            return parts[0]
        most = max(part.relays.shape[2] for part in parts)
        return cls(
            np.concatenate([part.node for part in parts]),
            np.concatenate([part.option for part in parts]),
            np.concatenate([part.with_room(most).relays for part in parts]),
        )

    def take(self, keep: Ints | Bools) -> Paths:
        """Return the paths of some scenarios."""
        return Paths(self.node[keep], self.option[keep], self.relays[keep])

    def with_room(self, most: int) -> Paths:
        """Return the same paths with room for that many relays per transfer."""
        missing = most - self.relays.shape[2]
        if missing <= 0:
            return self
        return Paths(self.node, self.option, np.pad(self.relays, ((0, 0), (0, 0), (0, missing)), constant_values=-1))

    def transfer(self, row: int, layer: int, before: int) -> tuple[int, ...]:
        """Follow the data into a layer along its relays.

        Args:
            row: Scenario.
            layer: Layer that the transfer leads into.
            before: Node of the layer before.

        Returns:
            The nodes that it passes, both ends included; one node where nothing moves.
        """
        node = int(self.node[row, layer])
        if node == before:
            return (node,)
        relays = self.relays[row, layer]
        return (before, *relays[relays >= 0][::-1].tolist(), node)


@dataclass(frozen=True, eq=False)
class Recursion:
    """Values of a forward recursion."""

    values: Floats
    """(K, D, N) least weighted cost from the source to each vertex, the vertex included."""
    arriving: Floats
    """(K, D, N) the same without the vertex, at every node that the transfer into the layer reaches."""
    rounds: Ints | None
    """(K, D, N) round of relaxation that last improved `arriving`; None where every path is a single link."""

    def take(self, keep: Ints | Bools | slice, layers: int | None = None) -> Recursion:
        """Return the values of some scenarios, and of the first layers alone."""
        part = slice(None, layers)
        rounds = None if self.rounds is None else self.rounds[keep][:, part]
        return Recursion(self.values[keep][:, part], self.arriving[keep][:, part], rounds)

    @classmethod
    def joined(cls, parts: list[Recursion]) -> Recursion:
        """Put the values of several parts behind each other."""
        if len(parts) == 1:
            return parts[0]
        rounds = [part.rounds for part in parts if part.rounds is not None]
        return cls(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.arriving for part in parts]),
            np.concatenate(rounds) if rounds else None,
        )


def vertex_values(graph: ExtendedGraph, weights: Weights) -> Floats:
    """(K, D, N) weighted cost of each vertex at its best result option, infinite where it is closed."""
    values = np.where(graph.open, _combine(weights, graph.vertex_cost, graph.vertex_limited), np.inf)
    return values[..., 0] if values.shape[-1] == 1 else np.asarray(values.min(axis=-1), dtype=np.float64)


def _combine(weights: Weights, cost: Floats, limited: Floats) -> Floats:
    shape = (-1,) + (1,) * (cost.ndim - 1)
    return weights.cost.reshape(shape) * cost + weights.limited.reshape(shape) * limited


def weighted_links(graph: ExtendedGraph, weights: Weights) -> WeightedLinks:
    """Price the links of a graph for every scenario and layer."""
    carried = graph.medium_arc if float(graph.medium_arc.max(initial=0.0)) * graph.links.slowest > FULL else None
    return graph.links.weighted(_combine(weights, graph.arc_cost, graph.arc_limited), carried)


def _parts(graph: ExtendedGraph, weights: Weights) -> Iterator[tuple[slice, ExtendedGraph, Weights]]:
    """Split the scenarios so that one layer's links fit into memory."""
    scenarios = graph.shape[0]
    size = graph.links.scenarios_at_once()
    if size >= scenarios:
        yield slice(0, scenarios), graph, weights
        return
    for start in range(0, scenarios, size):
        part = slice(start, min(start + size, scenarios))
        yield part, graph.take(np.arange(part.start, part.stop)), weights.take(part)


@dataclass(frozen=True)
class _Priced:
    """Some scenarios with weighted vertices and links."""

    graph: ExtendedGraph
    weights: Weights

    @cached_property
    def vertices(self) -> Floats:
        return vertex_values(self.graph, self.weights)

    @cached_property
    def links(self) -> WeightedLinks:
        return weighted_links(self.graph, self.weights)

    @property
    def seeds(self) -> Floats:
        """(K, N) zero at the source, infinite elsewhere."""
        scenarios, _, nodes = self.graph.shape
        seeds = np.full((scenarios, nodes), np.inf)
        seeds[:, self.graph.source] = 0.0
        return seeds


def forward(graph: ExtendedGraph, weights: Weights, deadline: Deadline = _NEVER) -> Recursion:
    """Compute the least weighted cost from the source to every vertex, by a min-plus recursion from layer to layer.

    Args:
        graph: K scenarios.
        weights: Weights of their two sums.
        deadline: When to give up.

    Returns:
        (K, D, N) least weighted costs with and without the vertex, and the rounds of relaxation.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    return Recursion.joined([_forward(_Priced(some, part), deadline) for _, some, part in _parts(graph, weights)])


def _forward(priced: _Priced, deadline: Deadline) -> Recursion:
    values = priced.vertices.copy()
    wanted = np.isfinite(values)
    arriving = np.empty_like(values)
    rounds = None if priced.graph.links.single_hop else np.empty(values.shape, dtype=np.int64)
    before = priced.seeds
    for layer in range(values.shape[1]):
        deadline.check()
        reached = priced.links.spread(layer, before, wanted[:, layer])
        arriving[:, layer] = reached.values
        if rounds is not None and reached.rounds is not None:
            rounds[:, layer] = reached.rounds
        values[:, layer] += reached.values
        before = values[:, layer]
    return Recursion(values, arriving, rounds)


def backward(graph: ExtendedGraph, weights: Weights, deadline: Deadline = _NEVER) -> Floats:
    """Compute the least weighted cost from each node to the end, by a min-plus recursion from the last layer on.

    Args:
        graph: K scenarios.
        weights: Weights of their two sums.
        deadline: When to give up.

    Returns:
        (K, D + 1, N) costs before the transfer into each layer. The entry [:, l + 1] is what follows a vertex of layer
        l; that of the last layer is 0. Where paths are single links, entries of nodes whose vertex of the layer before
        is closed may be too high.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    scenarios, layers, nodes = graph.shape
    result = np.zeros((scenarios, layers + 1, nodes))
    for part, some, some_weights in _parts(graph, weights):
        priced = _Priced(some, some_weights)
        wanted = np.isfinite(priced.vertices)
        at_source = np.isfinite(priced.seeds)
        for layer in range(layers - 1, -1, -1):
            deadline.check()
            onward = result[part, layer + 1] + priced.vertices[:, layer]
            result[part, layer] = priced.links.gather(layer, onward, wanted[:, layer - 1] if layer else at_source)
    return result


def best_paths(graph: ExtendedGraph, weights: Weights, deadline: Deadline = _NEVER) -> tuple[Paths, Floats]:
    """Find the path of least weighted cost of every scenario, by a forward recursion that is traced back.

    Args:
        graph: K scenarios.
        weights: Weights of their two sums.
        deadline: When to give up.

    Returns:
        One path per scenario, and (K,) their weighted costs.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    paths, values, _ = best_paths_and_recursion(graph, weights, deadline)
    return paths, values


def best_paths_and_recursion(
    graph: ExtendedGraph, weights: Weights, deadline: Deadline = _NEVER
) -> tuple[Paths, Floats, Recursion | None]:
    """Return what `best_paths` does, and the forward recursion that it comes from where that is small enough to keep.

    Args:
        graph: K scenarios.
        weights: Weights of their two sums.
        deadline: When to give up.

    Returns:
        Paths, (K,) costs, and the recursion.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    found, recursion = [], None
    for _, some, part in _parts(graph, weights):
        priced = _Priced(some, part)
        recursion = _forward(priced, deadline)
        found.append((_trace(priced, recursion), recursion.values[:, -1].min(axis=1)))
    kept = recursion if len(found) == 1 and graph.open.size <= _MOST_CELLS_KEPT else None
    return Paths.joined([paths for paths, _ in found]), np.concatenate([values for _, values in found]), kept


def traced(graph: ExtendedGraph, weights: Weights, recursion: Recursion) -> Paths:
    """Trace the path of least weighted cost of every scenario back through the values of a forward recursion.

    Args:
        graph: K scenarios.
        weights: Weights that the values were formed with.
        recursion: The values.

    Returns:
        One path per scenario: (K, D) nodes and result options, and the relays between them.
    """
    found = [_trace(_Priced(some, part), recursion.take(rows)) for rows, some, part in _parts(graph, weights)]
    return Paths.joined(found)


def _trace(priced: _Priced, recursion: Recursion) -> Paths:
    """Follow the values of a forward recursion back from the best end."""
    graph, values = priced.graph, recursion.values
    scenarios, layers, _ = graph.shape
    node = np.empty((scenarios, layers), dtype=np.int64)
    relays: dict[tuple[int, int], Ints] = {}
    every = np.arange(scenarios)
    current = values[:, -1].argmin(axis=1)
    ready = np.concatenate([priced.seeds[:, None], values[:, :-1]], axis=1)
    moved = recursion.arriving < ready
    for layer in range(layers - 1, -1, -1):
        node[:, layer] = current
        rows = moved[every, layer, current].nonzero()[0]
        if len(rows):
            current = current.copy()
            _step_back(priced.links, recursion, layer, ready[:, layer], rows, current, relays)
    most = 1 + max((hop for _, hop in relays), default=-1)
    table = np.full((scenarios, layers, most), -1, dtype=np.int64)
    for (layer, hop), passed in relays.items():
        table[:, layer, hop] = passed
    option = np.zeros_like(node)
    if graph.open.shape[-1] > 1:
        at = (every[:, None], np.arange(layers), node)
        choices = _combine(priced.weights, graph.vertex_cost[at], graph.vertex_limited[at])
        option = np.where(graph.open[at], choices, np.inf).argmin(axis=2)
    return Paths(node, option, table)


def _step_back(
    links: WeightedLinks, recursion: Recursion, layer: int, seeds: Floats, rows: Ints, current: Ints,
    relays: dict[tuple[int, int], Ints],
) -> None:  # fmt: skip
    """Move the nodes `current` of some rows to where their data came from; note the relays by (layer, hop)."""
    if recursion.rounds is None:
        current[rows] = links.step_back(layer, Spread(seeds, None), rows, current[rows])
        return
    reached = Spread(recursion.arriving[:, layer], recursion.rounds[:, layer])
    for hop in range(seeds.shape[1]):
        current[rows] = links.step_back(layer, reached, rows, current[rows])
        rows = rows[reached.values[rows, current[rows]] < seeds[rows, current[rows]]]
        if len(rows) == 0:
            return
        passed = np.full(len(current), -1, dtype=np.int64)
        passed[rows] = current[rows]
        relays[layer, hop] = passed
