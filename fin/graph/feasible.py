"""Stage 2, the feasible graph: without the vertices that no plan within the limits can use.

Source: FIN, INFOCOM 2024, doi 10.1109/INFOCOM52122.2024.10621218, stage 2. The paper replicates vertices over latency
levels here (see `fin.methods.gamma`); the exact method keeps the vertices as they are and drops those whose best path
from the source and best path to the end together break the limit, or whose node cannot hold the block at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.min_plus import Recursion, Weights, backward, forward
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints, Network


@dataclass(frozen=True, eq=False)
class FeasibleGraph:
    """An extended graph cut down to what limits allow, with the least use of the limit."""

    graph: ExtendedGraph
    earliest: Recursion
    """Least of the limited sum from the source on."""
    remaining: Floats
    """(K, D + 1, N) least of the limited sum from each node to the end, before the transfer into each layer."""
    further_remaining: Floats | None = None
    """(K, R, D + 1, N) the same for each further sum."""

    def take(self, keep: Bools | Ints) -> FeasibleGraph:
        """Return the graph of some of the scenarios."""
        further = None if self.further_remaining is None else self.further_remaining[keep]
        return FeasibleGraph(self.graph.take(keep), self.earliest.take(keep), self.remaining[keep], further)

    def single(self, scenario: int) -> FeasibleGraph:
        """Return the graph of one scenario, without the layers that it does not use."""
        graph = self.graph.single(scenario)
        layers = graph.shape[1]
        part = slice(scenario, scenario + 1)
        further = self.further_remaining
        rest = None if further is None else further[part, :, : layers + 1]
        return FeasibleGraph(graph, self.earliest.take(part, layers), self.remaining[part, : layers + 1], rest)


def build_feasible(extended: ExtendedGraph, network: Network, deadline: Deadline | None = None) -> FeasibleGraph:
    """Drop vertices that no plan within the limits can use, and scenarios of which nothing is left.

    Args:
        extended: K scenarios.
        network: Its capacities.
        deadline: When to give up.

    Returns:
        The rest of the graph with the least limited sums to and from its vertices.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    until = deadline or Deadline()
    graph = extended.restricted(extended.open & _fits(extended, network)[..., None])
    weights = Weights.limited_only(graph.shape[0])
    most = graph.limit * (1.0 + TOLERANCE)
    earliest = forward(graph, weights, until)
    if graph.deadline is not None:
        graph = graph.restricted(graph.open & (earliest.values[..., None] <= graph.deadline))
        earliest = forward(graph, weights, until)
    remaining = backward(graph, weights, until)
    total = earliest.values + remaining[:, 1:]
    usable = (total <= most) & np.isfinite(total)
    alive, further = np.asarray(usable[:, -1].any(axis=1)), None
    graph = graph.restricted(graph.open & usable[..., None])
    if graph.further is not None:
        within, further = _further(graph, until)
        graph = graph.restricted(graph.open & within[..., None])
        # vertices that each limit leaves open need not be joined by a path
        alive &= np.isfinite(forward(graph, weights, until).values[:, -1]).any(axis=1)
    feasible = FeasibleGraph(graph, earliest, remaining, further)
    return feasible if alive.all() else feasible.take(alive)


def _further(graph: ExtendedGraph, until: Deadline) -> tuple[Bools, Floats]:
    """Return (K, D, N) vertices within every further limit by themselves, and the least of the sums that remain."""
    assert graph.further is not None
    weights = Weights.limited_only(graph.shape[0])
    within = np.ones(graph.shape, dtype=bool)
    remaining = []
    for index, most in enumerate(graph.further.most.tolist()):
        part = graph.limited_by(index)
        remaining.append(backward(part, weights, until))
        total = forward(part, weights, until).values + remaining[-1][:, 1:]
        within &= (total <= most) & np.isfinite(total)
    return within, np.stack(remaining, axis=1)


def _fits(graph: ExtendedGraph, network: Network) -> Bools:
    """(K, D, N) whether a block alone fits the memory and the time of a node."""
    slack = 1.0 + TOLERANCE
    memory = graph.memory_bytes[:, :, None] <= network.memory_bytes * slack
    return np.asarray(memory & (graph.utilization <= network.max_utilization * slack))
