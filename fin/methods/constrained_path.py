"""Multi-constrained-path baseline: a shortest path whose arcs weigh the larger of latency and energy over their limits.

An arc is a transfer and the block that it enters. Only figures that are limited count. Operating points rank by the
largest of their path's sums over the limits and of the ratio of the least accuracy to theirs.

With one limit, or with two where every transfer is a single link, arc weights add up along a path, and a min-plus
recursion is exact. Over routes of several links the maximum is taken per transfer, not per link, so the exact label
search is used: a label holds both sums of the open transfer, and keeps the larger one when the next block is entered.
For any convex combination of the two shares, the shortest path has at most the least weight; scenarios are searched in
the order of these lower bounds.

Source: MCP as the authors of FIN use it (released code, github.com/chetna-iitd/orchestrate_dynamic_DNN,
commit ec4484d, `weighted_fn1.m`: the largest of delay over its limit and accuracy limit over accuracy),
here with a shortest path where that code goes block by block.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from planner.fin.bounds.dual import dual_bounds
from planner.fin.bounds.relaxation import relax
from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.incumbent import decision_of
from planner.fin.graph.extended import ExtendedGraph, build_extended
from planner.fin.graph.feasible import FeasibleGraph
from planner.fin.graph.min_plus import Paths, Weights, backward, best_paths, forward
from planner.fin.graph.path_sums import path_sums, transfer_figures
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats
from planner.fin.instance.refusal import refuse_general
from planner.fin.labels.search import search
from planner.fin.method import Options
from planner.fin.methods.bounds import HeuristicRun, in_time, root_bound, searchable
from planner.fin.outcome import Outcome

_NOTHING = 1e-30
"""Stands for a limit of 0 in weights: whatever is above is heavier than anything else."""
_GUESSES = (1.05, 1.2)
"""Cutoffs that are tried first, as multiples of the lower bound."""
_EVERY_LABEL = np.iinfo(np.int64).max // 64
"""A number of labels that no search reaches."""
_ROUNDING = 1e-12
"""Relative excess of a lower bound that is rounding of sums."""


class MultiConstrainedPath:
    """Shortest path over arcs that weigh the larger of latency and energy, each divided by its limit."""

    name = "mcp"
    description = "baseline: shortest path, arcs weighted by the larger share of a limit"

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app at the best-ranked operating point whose path keeps every limit."""
        refuse_general(instance, self.name)
        run = HeuristicRun(instance, options)
        lower_bound = root_bound(instance)
        if np.isinf(lower_bound):
            return run.outcome(lower_bound)
        graph = in_shares(instance)
        run.built()
        ranked = _by_both(graph, instance, run.deadline) if _limits_both(instance) else _by_one(graph, instance)
        try:
            for scenario, path in ranked:
                if run.time_is_up() or run.offer(decision_of(graph, instance, path, scenario=scenario)):
                    break
        except DeadlineReachedError:
            run.out_of_time = True
        return run.outcome(lower_bound, "no operating point has a path", scenarios=float(graph.shape[0]))


def _limits_both(instance: Instance) -> bool:
    return bool(np.isfinite(instance.limits.latency_s) and np.isfinite(instance.limits.energy_j))


def in_shares(instance: Instance) -> ExtendedGraph:
    """Build the extended graph of an app with the shares of limits as its two sums.

    Args:
        instance: The app.

    Returns:
        K scenarios. With two limits, costs are shares of the latency limit and limited sums those of the energy limit.
        With one, costs are shares of it; without any, seconds. The limited sum is then zero.
    """
    graph = in_time(build_extended(searchable(instance)))
    cost, limited = (graph.vertex_cost, graph.arc_cost), (graph.vertex_limited, graph.arc_limited)
    time_s, energy_j = (limited, cost) if instance.minimise == "energy" else (cost, limited)
    limits = instance.limits
    sums = [
        tuple(part / (limit if limit > 0.0 else _NOTHING) for part in parts)
        for parts, limit in ((time_s, limits.latency_s), (energy_j, limits.energy_j))
        if np.isfinite(limit)
    ] or [time_s]
    vertex, arc = sums[0]
    other_vertex, other_arc = sums[1] if len(sums) > 1 else (np.zeros_like(vertex), np.zeros_like(arc))
    return replace(
        graph,
        vertex_cost=vertex,
        arc_cost=arc,
        vertex_limited=other_vertex,
        arc_limited=other_arc,
        limit=np.inf,
        deadline=None,
        late=None,
        path_limits=None,
    )


def _ranks(graph: ExtendedGraph, instance: Instance, share: Floats) -> Floats:
    """(K,) what scenarios are compared by, less is better, given the largest share of their paths' sums."""
    if not np.isfinite(min(instance.own_limit, instance.other_limit)):
        return share
    accuracy = instance.points.accuracy[graph.scenarios.point]
    needed = np.full(len(accuracy), instance.limits.min_accuracy)
    accuracy_ratio = np.divide(needed, accuracy, out=np.ones(len(accuracy)), where=accuracy > 0.0)
    return np.asarray(np.maximum(share, accuracy_ratio))


def _by_one(graph: ExtendedGraph, instance: Instance) -> Iterator[tuple[int, Paths]]:
    """Yield scenarios with their paths of least weight, best rank first, where one share is the weight."""
    scenarios = graph.shape[0]
    paths, weight = best_paths(graph, Weights(np.ones(scenarios), np.zeros(scenarios)))
    rank = np.where(np.isfinite(weight), _ranks(graph, instance, weight), np.inf)
    for scenario in np.argsort(rank, kind="stable").tolist():
        if np.isinf(rank[scenario]):
            return
        yield scenario, paths.take(np.array([scenario]))


def _by_both(graph: ExtendedGraph, instance: Instance, until: Deadline) -> Iterator[tuple[int, Paths]]:
    """Yield scenarios as `_by_one` does, where the larger of two shares is the weight.

    A scenario's path is searched for when the bound on its rank is the least of all.
    """
    scenarios = graph.shape[0]
    lower = np.zeros(scenarios)
    for weight in (0.0, 0.5, 1.0):
        weights = Weights(np.full(scenarios, weight), np.full(scenarios, 1.0 - weight))
        lower = np.maximum(lower, best_paths(graph, weights, until)[1])
    bounds = _ranks(graph, instance, lower * (1.0 - _ROUNDING)).tolist()
    queue = [(bound, False, scenario) for scenario, bound in enumerate(bounds) if np.isfinite(lower[scenario])]
    heapq.heapify(queue)
    found: dict[int, Paths] = {}
    while queue:
        _, searched, scenario = heapq.heappop(queue)
        if searched:
            yield scenario, found.pop(scenario)
            continue
        single = graph.single(scenario)
        path = found[scenario] = lightest_path(single, until)
        share = np.maximum(*path_sums(single, path))
        heapq.heappush(queue, (float(_ranks(single, instance, share)[0]), True, scenario))


def lightest_path(graph: ExtendedGraph, until: Deadline) -> Paths:
    """Find the path of least weight of a scenario, an arc weighing the larger of its two sums.

    Args:
        graph: One scenario that has a path.
        until: When to give up.

    Returns:
        The path.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    if graph.links.single_hop:
        return _lightest_over_single_links(graph)
    mean = Weights(np.full(1, 0.5), np.full(1, 0.5))
    known, _ = best_paths(graph, mean, until)
    weight = weight_of(graph, known)
    if weight == 0.0:
        return known
    only = Weights.limited_only(1)
    feasible = FeasibleGraph(graph, forward(graph, only, until), backward(graph, only, until))
    duals = dual_bounds(replace(feasible, graph=replace(graph, limit=weight)), until)
    multiplier = float(duals.multiplier[0])
    # the weighted mean of the two sums
    lower = (float(duals.lower_bound[0]) + multiplier * weight) / (1.0 + multiplier)
    for cutoff in (*(guess * lower for guess in _GUESSES if guess * lower < weight), weight * (1.0 + _ROUNDING)):
        # neither sum of a path that is lighter than the cutoff is above it
        limited = replace(feasible, graph=replace(graph, limit=cutoff))
        relaxation = replace(relax(limited, multiplier, cutoff, until), raised=_to_the_larger)
        found = search(relaxation, cutoff, _EVERY_LABEL, until, keep_paths=1)
        if found.paths:
            return found.paths[0]
    return known


def _lightest_over_single_links(graph: ExtendedGraph) -> Paths:
    """Find the same where every transfer takes a single link: weights of arcs are then sums along a path."""
    _, layers, nodes = graph.shape
    metrics = graph.links.metrics.reshape(-1, nodes, nodes)
    value, every = np.full(nodes, np.inf), np.arange(nodes)
    value[graph.source] = 0.0
    before, option = np.empty((2, layers, nodes), dtype=np.int64)
    for layer in range(layers):
        cost, limited = (
            np.tensordot(arc[0, layer], metrics, axes=1) for arc in (graph.arc_cost, graph.arc_limited)
        )  # (N, N)
        reached = np.full(nodes, np.inf)
        for choice in np.flatnonzero(graph.open[0, layer].any(axis=0)).tolist():
            weight = np.maximum(
                cost + graph.vertex_cost[0, layer, :, choice], limited + graph.vertex_limited[0, layer, :, choice]
            )
            weight += value[:, None]
            weight[:, ~graph.open[0, layer, :, choice]] = np.inf
            origin = weight.argmin(axis=0)
            better = weight[origin, every] < reached
            reached[better] = weight[origin, every][better]
            before[layer, better], option[layer, better] = origin[better], choice
        value = reached
    node = np.empty((2, 1, layers), dtype=np.int64)
    current = int(value.argmin())
    for layer in range(layers - 1, -1, -1):
        node[:, 0, layer] = current, option[layer, current]
        current = int(before[layer, current])
    return Paths(node[0], node[1], np.full((1, layers, 1), -1))


def _to_the_larger(cost: Floats, limited: Floats) -> tuple[Floats, Floats]:
    larger = np.maximum(cost, limited)
    return larger, larger


def weight_of(graph: ExtendedGraph, path: Paths) -> float:
    """Add up the larger of the two sums of each arc of a path."""
    at = (0, np.arange(graph.shape[1]), path.node[0], path.option[0])
    figures = transfer_figures(graph, path)[:, 0]
    shares = [
        vertex[at] + np.einsum("dc,cd->d", arc[0], figures)
        for vertex, arc in ((graph.vertex_cost, graph.arc_cost), (graph.vertex_limited, graph.arc_limited))
    ]
    return float(np.maximum(*shares).sum())
