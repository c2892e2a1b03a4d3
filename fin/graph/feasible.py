"""Stage 2, the feasible graph: without the vertices that no plan within the limits can use.

Source: FIN, INFOCOM 2024, stage 2. The paper replicates vertices over latency levels here (see `fin.gamma`); the
exact method keeps the vertices as they are and drops those whose best way in and best way out together break the
limit, or whose node cannot hold the block at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.min_plus import Weights, backward, forward
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Network


@dataclass(frozen=True)
class FeasibleGraph:
    """An extended graph cut down to what limits allow, with the least use of the limit from every vertex on."""

    graph: ExtendedGraph
    earliest: Floats
    """(K, D, N) least of the limited sum from the source to a vertex, the vertex included."""
    remaining: Floats
    """(K, D, N) least of the limited sum from behind a vertex to the end."""

    def take(self, keep: Bools) -> FeasibleGraph:
        """Return the graph of some of the scenarios."""
        return FeasibleGraph(self.graph.take(keep), self.earliest[keep], self.remaining[keep])

    def single(self, scenario: int) -> FeasibleGraph:
        """Return the graph of one scenario, without the layers that it does not use."""
        graph = self.graph.single(scenario)
        part = (slice(scenario, scenario + 1), slice(graph.shape[1]))
        return FeasibleGraph(graph, self.earliest[part], self.remaining[part])


def build_feasible(extended: ExtendedGraph, network: Network) -> FeasibleGraph:
    """Drop vertices that no plan within the limits can use, and scenarios of which nothing is left."""
    graph = extended.restricted(extended.open & _fits(extended, network)[..., None])
    weights = Weights.limited_only(graph.shape[0])
    most = graph.limit * (1.0 + TOLERANCE)
    earliest = forward(graph, weights)
    if graph.deadline is not None:
        graph = graph.restricted(graph.open & (earliest[..., None] <= graph.deadline))
        earliest = forward(graph, weights)
    remaining = backward(graph, weights)
    total = earliest + remaining
    usable = (total <= most) & np.isfinite(total)
    alive = np.asarray(usable[:, -1].any(axis=1))
    graph = graph.restricted(graph.open & usable[..., None])
    feasible = FeasibleGraph(graph, earliest, remaining)
    return feasible if alive.all() else feasible.take(alive)


def _fits(graph: ExtendedGraph, network: Network) -> Bools:
    """(K, D, N) whether a block alone fits the memory and the time of a node."""
    slack = 1.0 + TOLERANCE
    memory = graph.memory_bytes[:, :, None] <= network.memory_bytes * slack
    return np.asarray(memory & (graph.utilization <= network.max_utilization * slack))
