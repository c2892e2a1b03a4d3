"""Starting plans: all blocks on one node, or the first ones on the source and the rest on one other node.

All candidates of all operating points are bounded at once: their energy over the routes of least energy, their time
over the fastest ones. Those that may keep every limit are tried in order of their bounds, over both kinds of routes.

Source: the single cut is Neurosurgeon's (Kang et al., ASPLOS 2017, doi 10.1145/3037697.3037698).
"""

from __future__ import annotations

import numpy as np

from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.incumbent import Incumbent, result_paths
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.links import Spread
from planner.fin.graph.min_plus import Weights, vertex_values, weighted_links
from planner.fin.instance.decision import Decision, Path
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Network

_MOST_TRIED = 24
_WEIGHTS = ((1.0, 0.0), (0.0, 1.0))
"""Weights of cost and limited sum by which routes are chosen: the cheapest, and those that spare the limit most."""


def offer_starting_plans(
    graph: ExtendedGraph, instance: Instance, incumbent: Incumbent, until: Deadline, share: float = 1.0
) -> None:
    """Offer single-node and single-cut plans, the most promising one whatever the time.

    Args:
        graph: Extended graph of the app.
        instance: The app.
        incumbent: Where plans are offered.
        until: When to give up.
        share: Share of the remaining time after which no further plan is tried.
    """
    soon = until.fraction(share)
    try:
        sums = [_cut_sums(graph, weights, until) for weights in _WEIGHTS]
        cost, limited = sums
        possible = np.isfinite(cost) & (limited <= graph.limit * (1.0 + TOLERANCE)) & (cost < incumbent.cutoff)
        possible &= _fits(graph, instance.network)
        possible &= np.arange(graph.shape[1])[:, None] < graph.depth[:, None, None]
        scenario, cut, node = np.nonzero(possible)
        for row in np.argsort(cost[possible], kind="stable")[:_MOST_TRIED].tolist():
            if cost[possible][row] >= incumbent.cutoff:
                break
            for weights in _WEIGHTS:
                incumbent.offer(_plan(graph, instance, weights, int(scenario[row]), int(cut[row]), int(node[row])))
            soon.check()
    except DeadlineReachedError:
        return


def _before(values: Floats) -> Floats:
    """Sum over the blocks before each one (second axis)."""
    sums = np.zeros_like(values)
    sums[:, 1:] = np.cumsum(values, axis=1)[:, :-1]
    return sums


def _from(values: Floats) -> Floats:
    """Sum over each block and all behind it (second axis)."""
    return np.cumsum(values[:, ::-1], axis=1)[:, ::-1]


def _weights(graph: ExtendedGraph, weights: tuple[float, float]) -> Weights:
    every = np.ones(graph.shape[0])
    return Weights(weights[0] * every, weights[1] * every)


def _cut_sums(graph: ExtendedGraph, of: tuple[float, float], until: Deadline) -> Floats:
    """(K, D, N) least weighted sum with so many blocks on the source and the others on a node."""
    weights = _weights(graph, of)
    vertices, links = vertex_values(graph, weights), weighted_links(graph, weights)
    scenarios, layers, nodes = graph.shape
    seeds = np.full((scenarios, nodes), np.inf)
    seeds[:, graph.source] = 0.0
    sent = np.empty((scenarios, layers, nodes))
    for layer in range(layers):
        until.check()
        sent[:, layer] = links.spread(layer, seeds, np.ones((scenarios, nodes), dtype=bool)).values
    return np.asarray(_before(vertices[:, :, graph.source])[:, :, None] + sent + _from(vertices))


def _fits(graph: ExtendedGraph, network: Network) -> Bools:
    """(K, D, N) whether both parts fit the memory and the time of their nodes."""
    slack, source = 1.0 + TOLERANCE, graph.source
    memory, busy = graph.memory_bytes, graph.utilization
    on_source = _before(memory) <= network.memory_bytes[source] * slack
    on_source &= _before(busy[:, :, source]) <= network.max_utilization[source] * slack
    on_node = _from(memory)[:, :, None] <= network.memory_bytes * slack
    on_node &= _from(busy) <= network.max_utilization * slack
    return np.asarray(on_source[:, :, None] & on_node)


def _plan(
    graph: ExtendedGraph, instance: Instance, of: tuple[float, float], scenario: int, cut: int, node: int
) -> Decision:
    """Return the decision of one candidate, over the routes and result options of least weighted sum."""
    single = graph.single(scenario)
    layers, source = single.shape[1], graph.source
    nodes = (source,) * cut + (node,) * (layers - cut)
    transfers: list[Path] = [(each,) for each in nodes]
    transfers[cut] = _route(single, of, cut, node)
    at = (0, np.arange(layers), np.array(nodes))
    choices = of[0] * single.vertex_cost[at] + of[1] * single.vertex_limited[at]
    option = np.where(single.open[at], choices, np.inf).argmin(axis=1)
    point = int(single.scenarios.point[0])
    return Decision(point, nodes, tuple(transfers), result_paths(single, instance, option, point, nodes))


def _route(single: ExtendedGraph, of: tuple[float, float], layer: int, node: int) -> Path:
    """Return the route of least weighted sum from the source to a node in the transfer into a layer."""
    source, nodes = single.source, single.shape[2]
    path = [node]
    links = weighted_links(single, _weights(single, of))
    seeds = np.full((1, nodes), np.inf)
    seeds[0, source] = 0.0
    reached = links.spread(layer, seeds, np.ones((1, nodes), dtype=bool))
    if single.links.single_hop:
        reached = Spread(seeds, None)
    rows = np.zeros(1, dtype=np.int64)
    while path[-1] != source:
        path.append(int(links.step_back(layer, reached, rows, np.array([path[-1]]))[0]))
    return tuple(reversed(path))
