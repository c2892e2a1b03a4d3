"""Bounds that a label search of one scenario prunes with: Lagrangian values from every node to the end.

Two relaxations share one interface. The plain one ignores capacities of nodes. The one by node segments lets every run
of blocks on one node keep the node's capacities, and relaxes only what a later run on the same node adds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.feasible import FeasibleGraph
from planner.fin.graph.min_plus import Recursion, Weights, backward, forward, vertex_values, weighted_links
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.links.interface import FULL

if TYPE_CHECKING:
    from planner.fin.bounds.resources import NodeResource

_MOST_CELLS = 1_000_000
"""Links times layers up to which all of them are bounded at once."""


@dataclass(frozen=True, eq=False)
class Relaxation:
    """One scenario with some of its capacities: what is tracked, and bounds on what is not yet decided."""

    graph: ExtendedGraph
    """Graph of a single scenario."""
    multiplier: float
    to_go: Floats
    """(S, D + 1, N) least ``cost + multiplier * limited`` before the transfer into each layer, by start of the node
    segment (S = 1: any start); layer D is the end."""
    remaining: Floats
    """(S, D + 1, N) the same for the limited sum alone."""
    arrival: Floats
    """(D, N) least ``cost + multiplier * limited`` from each node on, for data that has left its node for a layer."""
    arrival_remaining: Floats
    """(D, N) the same for the limited sum alone."""
    vertices: Floats
    """(D, N) ``cost + multiplier * limited`` of each vertex at its best option, infinite where it is closed."""
    before: Recursion
    """Least ``cost + multiplier * limited`` from the source on."""
    elapsed: Floats
    """(D, N) the same for the limited sum alone, the vertex included."""
    link_bounds: Floats | None
    """(D, E) bound on the cost of every path that takes a link in the transfer into a layer; None for very many."""
    reduced: Floats
    """(D, N) bound on the cost of every path through a vertex; infinite where it is closed."""
    alive: Bools
    """(D, N) vertices that these bounds have not fixed out."""
    passable: Bools
    """(D, N) nodes that data on its way into a layer may pass."""
    ends: Ints | None
    """(D, N) last block that a node segment may reach, None where no node capacity is in force."""
    tracked: tuple[NodeResource, ...]
    lower_bound: float
    ties: bool
    """Whether paths of equal cost are told apart by the limited sum, then by the number of transfers."""
    priced: ExtendedGraph
    """The graph with the further sums in its costs, each times its multiplier; all bounds above are of its costs."""
    further: FurtherBounds | None = None
    """Multipliers of further limits and least sums to go, None where there are no such limits."""
    raised: Callable[[Floats, Floats], tuple[Floats, Floats]] | None = None
    """Costs and limited sums of paths to what they become once a block is entered: no less, in the same order as before
    in each. None where they stay as they are."""

    def fixed(self, cutoff: float) -> Relaxation:
        """Return the relaxation without the vertices and relays through which no path costs less than the cutoff."""
        alive = self.reduced < cutoff
        if self.graph.links.single_hop:
            return replace(self, alive=alive, passable=alive)
        through = self.before.arriving[0] + self.arrival - self.offset
        return replace(self, alive=alive, passable=through < cutoff)

    def entering(self, layer: Ints, node: Ints) -> Floats:
        """(V,) least ``cost + multiplier * limited`` of vertices and all behind, where they begin a node segment."""
        start = layer if len(self.to_go) > 1 else 0
        onward = self.vertices[layer, node] + self.to_go[start, layer + 1, node]
        return np.asarray(onward if self.ends is None else np.where(self.ends[layer, node] >= layer, onward, np.inf))

    @property
    def weights(self) -> Floats:
        """(2 + R,) weights of the cost, the limited sum and the further sums in the Lagrangian."""
        further = () if self.further is None else self.further.multiplier
        return np.array([1.0, self.multiplier, *further])

    @property
    def most(self) -> float:
        """The limit with its tolerance."""
        return self.graph.limit * (1.0 + TOLERANCE)

    @property
    def offset(self) -> float:
        """What the Lagrangian subtracts: multipliers times limits."""
        offset = self.multiplier * self.most if self.multiplier > 0 else 0.0
        return offset if self.further is None else offset + self.further.offset


@dataclass(frozen=True, eq=False)
class FurtherBounds:
    """R further limits of one scenario."""

    multiplier: Floats
    """(R,)"""
    most: Floats
    """(R,) limits with their tolerance."""
    remaining: Floats
    """(R, D + 1, N) least of each sum before the transfer into each layer, to the end."""
    others: OtherMultipliers | None = None
    """Bounds at other multipliers, None where they are not known."""

    @property
    def offset(self) -> float:
        """Multipliers times limits."""
        return float(self.multiplier @ self.most)


@dataclass(frozen=True, eq=False)
class OtherMultipliers:
    """Lagrangian bounds at V further vectors of multipliers: what is left of each limit differs from label to label."""

    weight: Floats
    """(V, 2 + R) weights of the cost, which are 1, the limited sum and the further sums."""
    to_go: dict[int, Floats]
    """(T, V) least weighted cost before the transfer into a layer, to the end, from T nodes, less multipliers times
    limits, by layer."""
    row: dict[int, Ints]
    """(N,) which of these each node is."""


def relax(
    feasible: FeasibleGraph, multiplier: float, cutoff: float, deadline: Deadline | None = None, ties: bool = False,
    further: Floats | None = None, before: Recursion | None = None,
) -> Relaxation:  # fmt: skip
    """Bound a scenario without capacities: a forward and a backward recursion, vertices fixed out by reduced cost.

    Args:
        feasible: The scenario.
        multiplier: Multiplier of the limit.
        cutoff: Only paths below are of interest.
        deadline: When to give up.
        ties: Whether paths of equal cost are told apart.
        further: (R,) multipliers of further limits, where there are any.
        before: The forward recursion at these multipliers, where it is known.

    Returns:
        The scenario with lower bounds to and from every vertex; vertices at or above the cutoff are closed.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    graph, until = feasible.graph, deadline or Deadline()
    priced = graph if further is None else graph.priced(further[None])
    weights = Weights.lagrangian(np.array([multiplier]))
    before, behind = before or forward(priced, weights, until), backward(priced, weights, until)
    offset = multiplier * graph.limit * (1.0 + TOLERANCE) if multiplier > 0 else 0.0
    bounds = _further_bounds(feasible, further)
    offset += 0.0 if bounds is None else bounds.offset
    reduced = np.where(graph.open[0].any(axis=-1), before.values[0] + behind[0, 1:] - offset, np.inf)
    vertices = vertex_values(priced, weights)[0]
    arrival, arrival_remaining = behind[0, :-1], feasible.remaining[0, :-1]
    if graph.links.single_hop:
        limited = vertex_values(graph, Weights.limited_only(1))[0]
        arrival, arrival_remaining = vertices + behind[0, 1:], limited + feasible.remaining[0, 1:]
    closed = np.zeros_like(vertices, dtype=bool)
    return Relaxation(
        graph=graph,
        multiplier=multiplier,
        to_go=behind,
        remaining=feasible.remaining,
        arrival=arrival,
        arrival_remaining=arrival_remaining,
        vertices=vertices,
        before=before,
        elapsed=feasible.earliest.values[0],
        link_bounds=_link_bounds(priced, weights, before, arrival, offset),
        reduced=reduced,
        alive=closed,
        passable=closed,
        ends=None,
        tracked=(),
        lower_bound=float(reduced[-1].min(initial=np.inf)),
        ties=ties,
        priced=priced,
        further=bounds,
    ).fixed(cutoff)


def _further_bounds(feasible: FeasibleGraph, multiplier: Floats | None) -> FurtherBounds | None:
    if multiplier is None or feasible.graph.further is None or feasible.further_remaining is None:
        return None
    return FurtherBounds(multiplier, feasible.graph.further.most, feasible.further_remaining[0])


def _link_bounds(
    graph: ExtendedGraph, weights: Weights, before: Recursion, arrival: Floats, offset: float
) -> Floats | None:
    """(D, E) weighted cost of the cheapest path over each link in each transfer, less an offset; None for very many."""
    layers, links = graph.shape[1], graph.links
    if layers * len(links.metrics[0]) > _MOST_CELLS:
        return None
    ready = before.arriving[0]
    if links.single_hop:
        ready = np.full_like(arrival, np.inf)
        ready[0, graph.source] = 0.0
        ready[1:] = before.values[0, :-1]
    coefficients = weights.cost[0] * graph.arc_cost[0] + weights.limited[0] * graph.arc_limited[0]
    tail, head = links.ends
    bounds: Floats = coefficients @ links.metrics
    bounds += ready[:, tail]
    bounds += (arrival - offset)[:, head]
    bounds[:, links.no_links] = np.inf
    if float(graph.medium_arc.max(initial=0.0)) * links.slowest > FULL:
        bounds[graph.medium_arc[0][:, None] * links.metrics[1] > FULL] = np.inf
    return bounds


def relax_by_segments(
    plain: Relaxation,
    ends: Ints,
    multiplier: float,
    tracked: tuple[NodeResource, ...] = (),
    deadline: Deadline | None = None,
) -> Relaxation:
    """Bound a scenario in which every node segment keeps the node's capacities.

    Only what a later segment on the same node adds is relaxed, unless the node is tracked. Below every plan: a plan
    that keeps its capacities keeps them in each of its segments.

    Args:
        plain: The scenario without capacities.
        ends: (D, N) last block that a segment beginning with each block may reach.
        multiplier: Multiplier of the limit.
        tracked: Capacities that labels state.
        deadline: When to give up.

    Returns:
        The relaxation with bounds that are at least as high.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    graph, until = plain.graph, deadline or Deadline()
    weights = Weights.lagrangian(np.array([multiplier]))
    if multiplier != plain.multiplier:
        plain = replace(plain, multiplier=multiplier, before=forward(plain.priced, weights, until))
    to_go, arrival, root = _by_segments(plain.priced, ends, weights, until)
    remaining, arrival_remaining = plain.remaining, plain.arrival_remaining
    if np.isfinite(graph.limit):
        remaining, arrival_remaining, _ = _by_segments(graph, ends, Weights.limited_only(1), until)
    return replace(
        plain,
        to_go=to_go,
        remaining=remaining,
        arrival=arrival,
        arrival_remaining=arrival_remaining,
        vertices=vertex_values(plain.priced, weights)[0],
        link_bounds=_link_bounds(plain.priced, weights, plain.before, arrival, plain.offset),
        ends=ends,
        tracked=tracked,
        lower_bound=max(plain.lower_bound, root - plain.offset),
    )


def best_segment_multiplier(
    plain: Relaxation, ends: Ints, evaluations: int = 12, deadline: Deadline | None = None
) -> float:
    """Search for a good multiplier of the relaxation by node segments: golden section on its concave dual.

    Args:
        plain: The scenario without capacities.
        ends: (D, N) last block that a segment beginning with each block may reach.
        evaluations: Recursions to spend.
        deadline: When to give up.

    Returns:
        The multiplier of the limit, in the unit of the objective per unit of the limited sum (such as J/s); that of
        `plain` where there is no limit or its multiplier is 0.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    if not np.isfinite(plain.graph.limit) or plain.multiplier <= 0:
        return plain.multiplier
    until = deadline or Deadline()

    def value(logarithm: float) -> float:
        multiplier = plain.multiplier * float(np.exp(logarithm))
        _, _, root = _by_segments(plain.priced, ends, Weights.lagrangian(np.array([multiplier])), until)
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


def _by_segments(
    graph: ExtendedGraph, ends: Ints, weights: Weights, deadline: Deadline
) -> tuple[Floats, Floats, float]:
    """Backward recursion over node segments.

    At each vertex a plan either stays, if the segment may go on, or leaves for another node and begins a segment there.
    Where paths of several links come back to the node that they leave, they only lower the bound.

    Returns:
        (D, D + 1, N) value before each transfer by start of the segment, (D, N) value at each node for data that has
        left its node, and the value of the root.
    """
    _, layers, nodes = graph.shape
    vertices, links = vertex_values(graph, weights)[0], weighted_links(graph, weights)
    wanted = np.isfinite(vertices)
    every = np.ones((1, nodes), dtype=bool)
    values = np.full((layers, layers + 1, nodes), np.inf)
    arrival = np.empty((layers, nodes))
    starts = np.arange(layers)[:, None]
    begin = np.where(ends >= starts, vertices, np.inf)  # cost of the block that starts a segment
    values[:, layers] = 0.0
    for layer in range(layers - 1, -1, -1):
        deadline.check()
        onward = begin[layer] + values[layer, layer + 1]
        reach = every if layer == 0 else wanted[None, layer - 1]
        arrival[layer] = onward if graph.links.single_hop else links.gather(layer, onward[None], reach)[0]
        if layer:
            leave = links.leave(layer, arrival[layer][None], reach)[0]
            stay = np.where(ends >= layer, vertices[layer] + values[:, layer + 1], np.inf)
            values[:, layer] = np.minimum(leave, stay)
    onward = begin[0] + values[0, 1]
    root = min(float(links.leave(0, arrival[0][None], every)[0, graph.source]), float(onward[graph.source]))
    values[:, 0] = np.inf
    return values, arrival, root
