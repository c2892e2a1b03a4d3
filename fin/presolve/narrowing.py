"""Narrowing of large dense networks: the nodes that a plan below the cutoff may use, found by pricing all others out.

The best plan on a few promising nodes is an upper bound, and its multiplier a good one for the whole network: one
forward and one backward recursion at it bound every path through each vertex. Nodes all of whose vertices are at or
above the cutoff are left out. A second round begins from the nodes of least bound. No plan below the cutoff is lost,
since on these networks every path is a single link.
"""

from __future__ import annotations

import numpy as np

from planner.fin.bounds.dual import dual_bounds
from planner.fin.bounds.relaxation import relax
from planner.fin.deadline import Deadline
from planner.fin.exact.incumbent import Incumbent, decision_of
from planner.fin.exact.scenario import MediumOverloadError, solve_scenario
from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.feasible import build_feasible
from planner.fin.graph.min_plus import Weights, backward, forward
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Floats, Ints
from planner.fin.instance.subnetwork import on_nodes, on_whole_network
from planner.fin.links.representation import DENSE_SHARE

_FEW_NODES = 128
"""Nodes that may be left where narrowing was worth it."""
_PER_LAYER = 4
"""Nodes that each criterion chooses in a layer."""
_WEIGHTS = tuple(4.0**power for power in range(-4, 4))
"""Weights of the limited sum beside the cost, each over its least in the layer."""
_FEW_POINTS = 32
"""Operating points up to which a network is narrowed."""
_ROUNDS = 2


def narrowed_nodes(instance: Instance, until: Deadline) -> Ints | None:
    """Return the nodes that a plan at least as good as the best may use; None where nothing is gained.

    Args:
        instance: The app.
        until: When to give up.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    network = instance.network
    dense = len(network.link_source) >= DENSE_SHARE * network.size * (network.size - 1)
    if not dense or instance.destination is not None or instance.points.count > _FEW_POINTS:
        return None
    graph = build_extended(instance, deadline=until)
    if not graph.links.single_hop or graph.further is not None or graph.shape[0] == 0:
        return None
    chosen, incumbent = _promising(graph), Incumbent(instance, ties=True)
    for _ in range(_ROUNDS):
        multiplier = _restricted_multiplier(instance, chosen, incumbent, until)
        if multiplier is None:
            return None
        through = _least_through(graph, multiplier, until)
        alive = np.flatnonzero((through < incumbent.cutoff).any(axis=0))
        if len(alive) <= _FEW_NODES:
            return np.union1d(alive, [graph.source])
        chosen = np.union1d(chosen, _least(through))
    return None


def _promising(graph: ExtendedGraph) -> Ints:
    """Return the source and the nodes at which some layer costs least, by several weights of the limited sum."""
    cost, limited = (
        _scaled(np.where(graph.open, vertex, np.inf).min(axis=(0, 3)))
        for vertex in (graph.vertex_cost, graph.vertex_limited)
    )
    parts = [_least(cost + weight * limited) for weight in _WEIGHTS]
    return np.unique(np.concatenate([np.array([graph.source]), *parts]))


def _least(values: Floats) -> Ints:
    """Return the nodes of least value in each layer of (D, N) values."""
    return np.unique(np.argpartition(values, _PER_LAYER, axis=1)[:, :_PER_LAYER])


def _scaled(values: Floats) -> Floats:
    """Divide (D, N) values by the least of each layer that is above 0."""
    least = np.where(values > 0.0, values, np.inf).min(axis=1, keepdims=True)
    return np.asarray(values / np.where(np.isfinite(least), least, 1.0))


def _restricted_multiplier(instance: Instance, nodes: Ints, incumbent: Incumbent, until: Deadline) -> float | None:
    """Offer the best plan on some nodes; return the best multiplier there, None where no plan is held."""
    some = on_nodes(instance, nodes)
    feasible = build_feasible(build_extended(some, deadline=until), some.network, until)
    if feasible.graph.shape[0] == 0:
        return None
    duals, best = dual_bounds(feasible, until), Incumbent(some, ties=True)
    scenario = int(duals.lower_bound.argmin())
    if np.isfinite(duals.cost[scenario]):
        best.offer(decision_of(feasible.graph, some, duals.paths, scenario, scenario))
    plain = relax(feasible.single(scenario), float(duals.multiplier[scenario]), best.cutoff, until, ties=True)
    try:
        solve_scenario(plain, plain.lower_bound, best, some.network, until)
    except MediumOverloadError:
        return None
    if best.decision is not None:
        incumbent.offer(on_whole_network(best.decision, nodes))
    return plain.multiplier if np.isfinite(incumbent.value) else None


def _least_through(graph: ExtendedGraph, multiplier: float, until: Deadline) -> Floats:
    """(D, N) bound on every path of any scenario through each vertex, at a multiplier."""
    scenarios, layers, _ = graph.shape
    weights = Weights.lagrangian(np.full(scenarios, multiplier))
    offset = multiplier * graph.limit * (1.0 + TOLERANCE) if multiplier > 0.0 else 0.0
    through = forward(graph, weights, until).values + backward(graph, weights, until)[:, 1:] - offset
    used = (np.arange(layers) < graph.depth[:, None])[:, :, None]
    return np.asarray(np.where(used & graph.open.any(axis=-1), through, np.inf).min(axis=0))
