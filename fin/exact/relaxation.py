"""Bounds to go that a label search of one scenario prunes with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.exact.resources import NodeResource
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.feasible import FeasibleGraph
from planner.fin.graph.min_plus import Arcs, Weights, backward, forward, vertex_values
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints


@dataclass(frozen=True)
class Relaxation:
    """One scenario with some of its capacities: what is tracked, and bounds on what is not yet decided."""

    graph: ExtendedGraph
    """Graph of a single scenario."""
    multiplier: float
    to_go: Floats
    """(S, D, N) least ``cost + multiplier * limited`` behind a vertex, by start of the visit (S = 1: any start)."""
    remaining: Floats
    """(S, D, N) least of the limited sum behind a vertex."""
    vertices: Floats
    """(D, N) ``cost + multiplier * limited`` of each vertex at its best option, infinite where it is closed."""
    reduced: Floats
    """(D, N) bound on the cost of every way through a vertex; infinite where it is closed."""
    alive: Bools
    """(D, N) vertices that these bounds have not fixed out."""
    ends: Ints | None
    """(D, N) last block that a visit may reach, None where no node capacity is in force."""
    tracked: tuple[NodeResource, ...]
    lower_bound: float

    def fixed(self, cutoff: float) -> Relaxation:
        """Return the relaxation without the vertices through which no way costs less than the cutoff."""
        return replace(self, alive=self.reduced < cutoff)

    @property
    def most(self) -> float:
        """The limit with its tolerance."""
        return self.graph.limit * (1.0 + TOLERANCE)

    @property
    def offset(self) -> float:
        """What the Lagrangian subtracts: multiplier times limit."""
        return self.multiplier * self.most if self.multiplier > 0 else 0.0


def relax(feasible: FeasibleGraph, multiplier: float, cutoff: float) -> Relaxation:
    """Bound a scenario without capacities: one forward and one backward sweep, vertices fixed out by reduced cost."""
    graph = feasible.graph
    weights = Weights.lagrangian(np.array([multiplier]))
    before, behind = forward(graph, weights), backward(graph, weights)
    offset = multiplier * graph.limit * (1.0 + TOLERANCE) if multiplier > 0 else 0.0
    reduced = np.where(graph.open[0].any(axis=-1), before[0] + behind[0] - offset, np.inf)
    return Relaxation(
        graph=graph,
        multiplier=multiplier,
        to_go=behind,
        remaining=feasible.remaining,
        vertices=vertex_values(graph, weights)[0],
        reduced=reduced,
        alive=reduced < cutoff,
        ends=None,
        tracked=(),
        lower_bound=float(reduced[-1].min(initial=np.inf)),
    )


def relax_by_visits(plain: Relaxation, ends: Ints, tracked: tuple[NodeResource, ...]) -> Relaxation:
    """Bound a scenario in which every single visit to a node keeps the node's capacities.

    Only what a later visit to the same node adds is relaxed, unless the node is tracked. Below every plan: a plan
    that keeps its capacities keeps them in each of its visits.
    """
    graph = plain.graph
    weights = Weights.lagrangian(np.array([plain.multiplier]))
    to_go, root = _visit_sweep(graph, ends, weights)
    remaining = plain.remaining
    if np.isfinite(graph.limit):
        remaining, _ = _visit_sweep(graph, ends, Weights.limited_only(1))
    bound = max(plain.lower_bound, root - plain.offset)
    vertices = vertex_values(graph, weights)[0]
    return replace(
        plain,
        to_go=to_go,
        remaining=remaining,
        vertices=vertices,
        ends=ends,
        tracked=tracked,
        lower_bound=bound,
    )


def best_visit_multiplier(plain: Relaxation, ends: Ints, evaluations: int = 12) -> float:
    """Return a multiplier that is good for the relaxation by visits: golden section on its concave dual."""
    if not np.isfinite(plain.graph.limit) or plain.multiplier <= 0:
        return plain.multiplier

    def value(logarithm: float) -> float:
        multiplier = plain.multiplier * float(np.exp(logarithm))
        _, root = _visit_sweep(plain.graph, ends, Weights.lagrangian(np.array([multiplier])))
        return root - multiplier * plain.most

    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    low, high = -3.0, 3.0
    inner, outer = high - ratio * (high - low), low + ratio * (high - low)
    at_inner, at_outer = value(inner), value(outer)
    for _ in range(evaluations - 2):
        if at_inner >= at_outer:
            high, outer, at_outer = outer, inner, at_inner
            inner = high - ratio * (high - low)
            at_inner = value(inner)
        else:
            low, inner, at_inner = inner, outer, at_outer
            outer = low + ratio * (high - low)
            at_outer = value(outer)
    return plain.multiplier * float(np.exp(inner if at_inner >= at_outer else outer))


def _visit_sweep(graph: ExtendedGraph, ends: Ints, weights: Weights) -> tuple[Floats, float]:
    """Backward sweep over visits: (D, D, N) value behind a vertex by start of its visit, and the value of the root.

    At each vertex a plan either stays, if the visit may go on, or leaves for another node and starts a visit there.
    """
    _, layers, nodes = graph.shape
    vertices, arcs = vertex_values(graph, weights)[0], Arcs(graph, weights)
    wanted = np.isfinite(vertices)
    values = np.full((layers, layers, nodes), np.inf)
    starts = np.arange(layers)[:, None]
    begin = np.where(ends >= starts, vertices, np.inf)  # cost of the block that starts a visit
    values[:, layers - 1] = 0.0
    for layer in range(layers - 2, -1, -1):
        onward = begin[layer + 1] + values[layer + 1, layer + 1]
        leave = arcs.least_onward(layer + 1, onward[None], wanted[None, layer], leaving=True)[0]
        stay = np.where(ends >= layer + 1, vertices[layer + 1] + values[:, layer + 1], np.inf)
        values[:, layer] = np.minimum(leave, stay)
    root = arcs.from_source()[0] + begin[0] + values[0, 0]
    return values, float(root.min())
