"""Starting plans: first fit, all blocks on one node, or the first ones on the source and the rest on one other node.

All candidates of the latter two, of all operating points, are bounded at once: their energy over the routes of least
energy, their time over the fastest ones. Those that may keep every limit are tried in order of their bounds, over both
kinds of routes.

Source: the single cut is Neurosurgeon's (Kang et al., ASPLOS 2017, doi 10.1145/3037697.3037698).
"""

from __future__ import annotations

import numpy as np

from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.incumbent import Incumbent
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.min_plus import Weights, vertex_values, weighted_links
from planner.fin.graph.single_cuts import fitting_cuts, summed_before, summed_from
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Floats
from planner.fin.presolve.first_fit import offer_first_fits, plan_of

_MOST_TRIED = 24
_WEIGHTS = ((1.0, 0.0), (0.0, 1.0))
"""Weights of cost and limited sum by which routes are chosen: the cheapest, and those that spare the limit most."""


def offer_starting_plans(
    graph: ExtendedGraph, instance: Instance, incumbent: Incumbent, until: Deadline, share: float = 1.0
) -> None:
    """Offer greedy splits, single-node and single-cut plans, the most promising one whatever the time.

    Args:
        graph: Extended graph of the app.
        instance: The app.
        incumbent: Where plans are offered.
        until: When to give up.
        share: Share of the remaining time after which no further plan is tried.
    """
    soon = until.fraction(share)
    try:
        offer_first_fits(graph, instance, incumbent, soon)
        sums = [_cut_sums(graph, weights, soon) for weights in _WEIGHTS]
        cost, limited = sums
        possible = np.isfinite(cost) & (limited <= graph.limit * (1.0 + TOLERANCE)) & (cost < incumbent.cutoff)
        possible &= fitting_cuts(graph, instance.network)
        possible &= np.arange(graph.shape[1])[:, None] < graph.depth[:, None, None]
        scenario, cut, node = np.nonzero(possible)
        for row in np.argsort(cost[possible], kind="stable")[:_MOST_TRIED].tolist():
            if cost[possible][row] >= incumbent.cutoff:
                break
            single = graph.single(int(scenario[row]))
            nodes = (graph.source,) * int(cut[row]) + (int(node[row]),) * (single.shape[1] - int(cut[row]))
            for weights in _WEIGHTS:
                incumbent.offer(plan_of(single, instance, _weights(single, weights), nodes))
            soon.check()
    except DeadlineReachedError:
        return


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
    return np.asarray(summed_before(vertices[:, :, graph.source])[:, :, None] + sent + summed_from(vertices))
