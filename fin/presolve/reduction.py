"""Reduction of many scenarios: the optimum of a few, then one recursion at its multiplier that bounds all others.

The best plan of a few promising scenarios is an incumbent, and its multiplier a good one for all. Scenarios none of
whose paths is below the cutoff at that multiplier are dropped, so that all further recursions run over what is left. No
plan below the cutoff is lost.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.fin.bounds.dual import dual_bounds
from planner.fin.deadline import Deadline
from planner.fin.exact.incumbent import Incumbent, decision_of
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.feasible import build_feasible
from planner.fin.graph.min_plus import Weights, forward, vertex_values
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints

_FEW_SCENARIOS = 24
"""Scenarios that are all bounded at once; of more, a sample comes first."""
_FEW_VERTICES = 4_000
"""Vertices of all scenarios together that cost less to bound than to reduce."""
_SAMPLED = 4
"""Scenarios of a restriction that are chosen by their least cost, and as many by their rank."""
_ROUNDS = 2
_CLUSTER = 16
"""Scenarios that are bounded together first."""


def reduced(graph: ExtendedGraph, incumbent: Incumbent, until: Deadline) -> ExtendedGraph:
    """Drop scenarios none of whose paths costs less than the best plan of a few.

    Few scenarios stay as they are, and so do many where those that are looked at first have no plan.

    Args:
        graph: K scenarios with one limit.
        incumbent: Where plans are offered.
        until: When to give up.

    Returns:
        The graph of the scenarios that are left.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    for _ in range(_ROUNDS):
        if graph.shape[0] <= _FEW_SCENARIOS or np.prod(graph.shape) <= _FEW_VERTICES:
            break
        multiplier = _restricted_multiplier(graph, incumbent, until)
        if multiplier is None:
            break
        graph = below_cutoff(graph, multiplier, incumbent.cutoff, until)
    return graph


def most_promising(graph: ExtendedGraph) -> int:
    """Return the scenario that computing alone costs least, of those that it leaves in time where there are any."""
    return int(_by_least_cost(graph)[0])


def _restricted_multiplier(graph: ExtendedGraph, incumbent: Incumbent, until: Deadline) -> float | None:
    """Offer plans of a few scenarios; return the multiplier of the best of them, None where no plan is held."""
    part = graph.take(_promising_scenarios(graph))
    feasible = build_feasible(part, incumbent.instance.network, until)
    if feasible.graph.shape[0] == 0:
        return None
    duals = dual_bounds(feasible, until)
    order = np.argsort(duals.cost, kind="stable")
    for scenario in order[np.isfinite(duals.cost[order])].tolist():
        if not incumbent.offer(decision_of(feasible.graph, incumbent.instance, duals.paths, scenario, scenario)):
            break
    return float(duals.multiplier[order[0]]) if np.isfinite(incumbent.value) else None


def _promising_scenarios(graph: ExtendedGraph) -> Ints:
    """Return a few scenarios: those that computing alone costs least, and others evenly over that order."""
    if graph.shape[0] <= 2 * _SAMPLED:
        return np.arange(graph.shape[0])
    order = _by_least_cost(graph)
    spread = np.linspace(0, len(order) - 1, _SAMPLED).astype(np.int64)
    return np.unique(np.concatenate([order[:_SAMPLED], order[spread]]))


def _by_least_cost(graph: ExtendedGraph) -> Ints:
    """Return the scenarios that computing alone leaves in time (one at least), by what it costs."""
    least = _least_sums(graph.vertex_cost, graph.open)
    in_time = _least_sums(graph.vertex_limited, graph.open) <= graph.limit * (1.0 + TOLERANCE)
    order = np.argsort(np.where(in_time, least, np.inf), kind="stable")
    return np.asarray(order[: max(1, int(in_time.sum()))])


def _least_sums(vertex: Floats, open_: Bools) -> Floats:
    """(K,) least sum over the layers, each at any node."""
    return np.asarray(np.where(open_, vertex, np.inf).min(axis=(2, 3)).sum(axis=1))


def below_cutoff(graph: ExtendedGraph, multiplier: float, cutoff: float, until: Deadline) -> ExtendedGraph:
    """Drop the scenarios none of whose paths is below the cutoff, as one recursion at a multiplier proves.

    Args:
        graph: K scenarios with one limit.
        multiplier: Multiplier of the limit.
        cutoff: Only paths below are of interest.
        until: When to give up.

    Returns:
        The graph of the scenarios that are left.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    offset = multiplier * graph.limit * (1.0 + TOLERANCE) if multiplier > 0.0 else 0.0
    weights = Weights.lagrangian(np.full(graph.shape[0], multiplier))
    values = vertex_values(graph, weights)
    some = values.min(axis=2).sum(axis=1) - offset < cutoff  # without any transfer
    if some.sum() > _FEW_SCENARIOS:
        some &= least_of_clusters(graph, values, weights, until) - offset < cutoff
    graph, weights = graph.take(some), weights.take(some)
    if graph.shape[0] == 0:
        return graph
    bound = forward(graph, weights, until).values[:, -1].min(axis=1) - offset
    return graph.take(bound < cutoff)


def least_of_clusters(graph: ExtendedGraph, values: Floats, weights: Weights, until: Deadline) -> Floats:
    """(K,) lower bounds on all paths of each scenario and its neighbours in order, by one recursion for all of these.

    Operating points that are designed from a calibration differ little from the next, so that the least costs over a
    cluster of them bound each one well.

    Args:
        graph: K scenarios.
        values: (K, D, N) weighted costs of their vertices.
        weights: Weights of their two sums.
        until: When to give up.

    Returns:
        Lower bounds in the unit of the weighted costs.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    first = np.arange(0, graph.shape[0], _CLUSTER)
    vertex = np.minimum.reduceat(values, first, axis=0)[..., None]
    arc = weights.cost[:, None, None] * graph.arc_cost + weights.limited[:, None, None] * graph.arc_limited
    arc = np.minimum.reduceat(arc, first, axis=0)
    cluster = replace(
        graph.take(first),
        open=np.isfinite(vertex),
        vertex_cost=vertex,
        vertex_limited=np.zeros_like(vertex),
        arc_cost=arc,
        arc_limited=np.zeros_like(arc),
        medium_arc=np.minimum.reduceat(graph.medium_arc, first, axis=0),
    )
    least = forward(cluster, Weights.lagrangian(np.zeros(len(first))), until).values[:, -1].min(axis=1)
    return np.repeat(least, np.diff(first, append=graph.shape[0]))
