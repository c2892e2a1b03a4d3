"""Baselines that use one place, or one cut: all on the source, the edge or the cloud, and Neurosurgeon.

A candidate puts the first c blocks on the source and the others on one node (c = 0: all on that node).
Candidates of all operating points are bounded at once and tried in order of their bounds; each takes the
best of its efficient routes that keep the limits.

Source: the single cut is Neurosurgeon's (Kang et al., ASPLOS 2017, doi 10.1145/3037697.3037698), here over
all nodes, operating points and routes, and judged by the model of cost instead of regressions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.min_plus import Weights, vertex_values
from planner.fin.graph.node_routes import NodeRoutes, routes_from, routes_to
from planner.fin.graph.single_cuts import fitting_cuts, summed_before, summed_from
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.method import Options
from planner.fin.methods.bounds import HeuristicRun, own_limit, relaxed, root_bound
from planner.fin.outcome import Outcome

_MOST_COMBINATIONS = 4096
"""Combinations of routes that are compared for one candidate."""
_MOST_OFFERS = 32
"""Combinations of routes that are offered for one candidate."""


class SourceOnly:
    """All blocks on the source."""

    name = "source-only"
    description = "baseline: all blocks on the source"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app on its source node."""
        here = np.arange(instance.network.size) == instance.source
        return _solve(instance, options, _whole(instance, here), "the source cannot run all blocks within the limits")


class EdgeOnly:
    """All blocks on the best edge node."""

    name = "edge-only"
    description = "baseline: all blocks on one edge node"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app on one edge node; chiplets do not count."""
        return _solve_tier(instance, options, "edge")


class CloudOnly:
    """All blocks on the best cloud node."""

    name = "cloud-only"
    description = "baseline: all blocks on one cloud node"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app on one cloud node."""
        return _solve_tier(instance, options, "cloud")


class Neurosurgeon:
    """The best single cut: the first blocks on the source, the rest on one other node."""

    name = "neurosurgeon"
    description = "baseline: best single cut between the source and one node"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app with at most one cut."""
        cuts = np.ones((len(instance.block_names), instance.network.size), dtype=bool)
        cuts[1:, instance.source] = False  # all on the source is cut 0
        return _solve(instance, options, cuts, "no single cut keeps every limit")


def best_on_each_node(instance: Instance, nodes: Bools) -> dict[int, Decision]:
    """Return the best plan that puts all blocks on one node, for each of some nodes that has one.

    Args:
        instance: The app.
        nodes: (N,) nodes to try.
    """
    if instance.points.count == 0:
        return {}
    routes = _CutRoutes.of(instance)
    runs = {int(node): HeuristicRun(instance, Options()) for node in np.flatnonzero(nodes)}
    for candidate in _candidates(instance, routes, _whole(instance, nodes)):
        run = runs[candidate.nodes[0]]
        if candidate.bound < run.incumbent.value:
            _try(run, routes, candidate)
    found = {node: run.incumbent.decision for node, run in runs.items()}
    return {node: decision for node, decision in found.items() if decision is not None}


def _solve_tier(instance: Instance, options: Options, tier: str) -> Outcome[Decision]:
    of_tier = np.array(instance.network.tiers) == tier
    nothing = f"no {tier} node can run all blocks within the limits"
    if not of_tier.any():
        nothing = f"the topology has no {tier} node"
    return _solve(instance, options, _whole(instance, of_tier), nothing)


def _whole(instance: Instance, nodes: Bools) -> Bools:
    """(L, N) candidates that put all blocks on one of some nodes."""
    allowed = np.zeros((len(instance.block_names), len(nodes)), dtype=bool)
    allowed[0] = nodes
    return allowed


def _solve(instance: Instance, options: Options, allowed: Bools, nothing: str) -> Outcome[Decision]:
    """Try the candidates (blocks on the source, node of the others) that a method allows."""
    if not instance.is_plain:
        from planner.fin.methods.restricted import solve_restricted

        return solve_restricted(instance, options, allowed, nothing)
    run = HeuristicRun(instance, options)
    routes = _CutRoutes.of(instance)
    lower_bound = root_bound(instance)
    run.built()
    if np.isfinite(lower_bound):
        for candidate in _candidates(instance, routes, allowed):
            if candidate.bound >= run.incumbent.value or run.time_is_up():
                break
            _try(run, routes, candidate)
    return run.outcome(lower_bound, nothing)


@dataclass(frozen=True)
class _CutRoutes:
    """Efficient routes that candidates use."""

    out: NodeRoutes
    """From the source to every node."""
    back: NodeRoutes | None
    """From every node to the destination, None where results stay."""

    @classmethod
    def of(cls, instance: Instance) -> _CutRoutes:
        network, destination = instance.network, instance.destination
        return cls(
            routes_from(network, instance.source), None if destination is None else routes_to(network, destination)
        )


@dataclass(frozen=True)
class _Candidate:
    """All nodes of one operating point."""

    point: int
    cut: int
    """Blocks on the source."""
    nodes: tuple[int, ...]
    bound: float
    """No choice of routes has a smaller objective."""


def _candidates(instance: Instance, routes: _CutRoutes, allowed: Bools) -> Iterator[_Candidate]:
    """Yield the candidates that may keep every limit, by increasing bound."""
    graph = build_extended(relaxed(instance))
    scenarios, layers, _ = graph.shape
    cost = _cut_sums(graph, routes, Weights(np.ones(scenarios), np.zeros(scenarios)))
    limited = _cut_sums(graph, routes, Weights.limited_only(scenarios))
    keep = allowed[:layers] & (np.arange(layers)[:, None] < graph.depth[:, None, None])
    keep &= np.isfinite(cost) & (cost <= own_limit(instance) * (1.0 + 2.0 * TOLERANCE))
    keep &= limited <= graph.limit * (1.0 + TOLERANCE)
    keep &= fitting_cuts(graph, instance.network)
    scenario, cut, node = np.nonzero(keep)
    bounds, point = cost[keep], graph.scenarios.point[scenario]
    seen = set()
    for row in np.argsort(bounds, kind="stable").tolist():
        key = (int(point[row]), int(cut[row]), int(node[row]))
        if key not in seen:
            seen.add(key)
            blocks = int(graph.depth[scenario[row]])
            nodes = (graph.source,) * key[1] + (key[2],) * (blocks - key[1])
            yield _Candidate(key[0], key[1], nodes, float(bounds[row]))


def _cut_sums(graph: ExtendedGraph, routes: _CutRoutes, weights: Weights) -> Floats:
    """(K, D, N) least weighted sum with so many blocks on the source and the others on a node."""
    vertices = vertex_values(graph, weights)
    by_cost, by_limited = weights.cost[:, None, None], weights.limited[:, None, None]
    coefficients = by_cost * graph.arc_cost + by_limited * graph.arc_limited
    sent = np.einsum("kdc,cnp->kdnp", coefficients, routes.out.metrics)
    sent = np.where(routes.out.valid, sent, np.inf).min(axis=3)
    on_source = summed_before(vertices[:, :, graph.source])
    return np.asarray(on_source[:, :, None] + sent + summed_from(vertices))


@dataclass(frozen=True, eq=False)
class _Message:
    """What a candidate sends, with the figures of each efficient route."""

    paths: tuple[tuple[int, ...], ...]
    seconds: Floats
    joules: Floats
    """By route, weighted."""


def _message(routes: NodeRoutes, node: int, bits: float, weight: float) -> _Message:
    some = np.flatnonzero(routes.valid[node])
    j_per_bit, s_per_bit, latency_s = routes.metrics[:, node, some]
    paths = tuple(routes.path(option, node) for option in some.tolist())
    return _Message(paths, latency_s + bits * s_per_bit, weight * bits * j_per_bit)


def _try(run: HeuristicRun, routes: _CutRoutes, candidate: _Candidate) -> None:
    """Offer a candidate with its best routes that keep the limits."""
    instance = run.instance
    carried, results = _messages(instance, routes, candidate)
    messages = [*carried, *results.values()]
    choices = _combinations(messages, instance.minimise)
    latency, energy = _figures(instance, candidate, messages, choices)
    keep = instance.limits.keep(latency_s=latency, energy_j=energy)
    objective, other = (energy, latency) if instance.minimise == "energy" else (latency, energy)
    order = np.lexsort((other, objective))
    order = order[keep[order]][:_MOST_OFFERS]
    if len(order) == 0:
        run.note()
    for row in order.tolist():
        if objective[row] >= run.incumbent.value:
            break
        paths = [message.paths[choice] for message, choice in zip(messages, choices[:, row].tolist(), strict=True)]
        transfers = _transfers(candidate, paths[: len(carried)])
        decision = Decision(
            candidate.point, candidate.nodes, transfers, dict(zip(results, paths[len(carried) :], strict=True))
        )
        if run.offer(decision):
            break


def _messages(
    instance: Instance, routes: _CutRoutes, candidate: _Candidate
) -> tuple[list[_Message], dict[int, _Message]]:
    """Return the input and what passes the cut, and the result of each exit that samples leave at."""
    nodes, cut, points = candidate.nodes, candidate.cut, instance.points
    reach = points.reach(len(instance.block_names))[candidate.point]
    carried = [_message(routes.out, nodes[0], instance.input_bits, 1.0)]
    if cut > 0:
        bits = float(instance.output_bits[cut - 1])
        carried.append(_message(routes.out, nodes[cut], bits, float(reach[cut])))
    if routes.back is None:
        return carried, {}
    fraction = points.fraction[candidate.point]
    results = {}
    for head in np.flatnonzero(fraction > 0.0).tolist():
        node, bits = nodes[int(points.exit_block[head])], float(instance.result_bits[head])
        results[head] = _message(routes.back, node, bits, float(fraction[head]))
    return carried, results


def _transfers(candidate: _Candidate, paths: list[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """Return the route into each block."""
    transfers: list[tuple[int, ...]] = [(node,) for node in candidate.nodes]
    transfers[0] = paths[0]
    if candidate.cut > 0:
        transfers[candidate.cut] = paths[1]
    return tuple(transfers)


def _combinations(messages: list[_Message], minimise: str) -> Ints:
    """(T, C) a route of each of T messages; if there are too many, of a short list of each message's routes."""
    some: list[Ints] = [np.arange(len(message.paths)) for message in messages]
    most = max(2, int(_MOST_COMBINATIONS ** (1.0 / len(messages))))
    if np.prod([float(len(rows)) for rows in some]) > _MOST_COMBINATIONS:
        some = [_shortlist(message, minimise, most) for message in messages]
    grid = np.meshgrid(*some, indexing="ij")
    return np.stack([rows.ravel() for rows in grid])


def _shortlist(message: _Message, minimise: str, most: int) -> Ints:
    """Return the routes of least objective, and the one that spares the other figure most."""
    objective, other = (message.joules, message.seconds)
    if minimise == "latency":
        objective, other = other, objective
    best = np.argsort(objective, kind="stable")[: most - 1]
    return np.unique(np.append(best, other.argmin()))


def _figures(
    instance: Instance, candidate: _Candidate, messages: list[_Message], choices: Ints
) -> tuple[Floats, Floats]:
    """(C,) latency by the app's statistic, and energy, of each combination of routes."""
    points, point = instance.points, candidate.point
    blocks, nodes = np.arange(len(candidate.nodes)), np.array(candidate.nodes)
    seconds, joules = instance.blocks.time_s[blocks, nodes], instance.blocks.energy_j[blocks, nodes]
    on = np.flatnonzero(points.on[point])
    behind = points.exit_block[on]
    seconds[behind] += instance.heads.time_s[on, nodes[behind]]
    joules[behind] += instance.heads.energy_j[on, nodes[behind]]
    runs = points.computing_weight(points.reach(len(instance.block_names))[point, : len(nodes)])
    sent_s = np.stack([message.seconds[rows] for message, rows in zip(messages, choices, strict=True)])
    sent_j = np.stack([message.joules[rows] for message, rows in zip(messages, choices, strict=True)])
    energy = runs @ joules + sent_j.sum(axis=0)

    used = np.flatnonzero(points.fraction[point] > 0.0)
    depth = points.exit_block[used]
    arrivals = np.cumsum(seconds)[depth] + sent_s[0][:, None] + instance.filling_s
    first_result = 1
    if candidate.cut > 0:
        arrivals = arrivals + sent_s[1][:, None] * (depth >= candidate.cut)
        first_result = 2
    if instance.destination is not None:
        arrivals = arrivals + sent_s[first_result:].T
    return _statistic(instance, arrivals, points.fraction[point, used]), np.asarray(energy)


def _statistic(instance: Instance, arrivals: Floats, fraction: Floats) -> Floats:
    """(C,) the app's latency statistic over (C, X) arrivals of exits that hold (X,) fractions."""
    if instance.statistic == "mean":
        return np.asarray(arrivals @ fraction)
    if instance.percentile is None:
        return np.asarray(arrivals.max(axis=1))
    order = np.argsort(arrivals, axis=1, kind="stable")
    enough = np.cumsum(fraction[order], axis=1) >= instance.percentile - TOLERANCE
    enough[:, -1] = True
    rows = np.arange(len(arrivals))
    return np.asarray(arrivals[rows, order[rows, enough.argmax(axis=1)]])
