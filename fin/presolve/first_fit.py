"""Starting plans that fill one node after the other: a greedy split into segments, each as long as its node has room.

At every step the node is chosen at which a block costs least on average, the way there included. Plans of this kind
exist where no single node can hold a network, and take one shortest path problem per segment.

Source: first fit, as for bin packing (Johnson et al., SIAM J. Comput. 1974, doi 10.1137/0203025), on a layered graph.
"""

from __future__ import annotations

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.exact.incumbent import Incumbent, result_paths
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.min_plus import Weights, vertex_values, weighted_links
from planner.fin.instance.decision import Decision, Path
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Floats, Ints, Network
from planner.fin.links.interface import Spread

_MOST_SCENARIOS = 3


def offer_first_fits(graph: ExtendedGraph, instance: Instance, incumbent: Incumbent, until: Deadline) -> None:
    """Offer greedy splits of the most promising operating points, the first one whatever the time.

    Args:
        graph: Extended graph of the app.
        instance: The app.
        incumbent: Where plans are offered.
        until: When to give up.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    for scenario in _promising(graph):
        single = graph.single(scenario)
        for weights in _mixtures(single):
            transfers = _Transfers(single, weights)
            nodes = _first_fit(single, instance.network, weights, transfers)
            if nodes is not None:
                incumbent.offer(plan_of(single, instance, weights, nodes, transfers))
            until.check()


def plan_of(
    single: ExtendedGraph, instance: Instance, weights: Weights, nodes: tuple[int, ...],
    known: _Transfers | None = None,
) -> Decision:  # fmt: skip
    """Choose for blocks on given nodes the routes and result options of least weighted sum.

    Args:
        single: Graph of one scenario.
        instance: The app.
        weights: Weights of cost and limited sum.
        nodes: (D,) node of every block.
        known: Transfers at these weights that were relaxed before.

    Returns:
        The decision with these nodes, routes and results; limits and capacities are not checked.
    """
    relaxed = known or _Transfers(single, weights)
    before = (single.source, *nodes[:-1])
    routes: list[Path] = [
        (node,) if node == last else relaxed.route(layer, last, node)
        for layer, (last, node) in enumerate(zip(before, nodes, strict=True))
    ]
    at = (0, np.arange(len(nodes)), np.array(nodes))
    choices = weights.cost[0] * single.vertex_cost[at] + weights.limited[0] * single.vertex_limited[at]
    option = np.where(single.open[at], choices, np.inf).argmin(axis=1)
    point = int(single.scenarios.point[0])
    return Decision(point, nodes, tuple(routes), result_paths(single, instance, option, point, nodes))


def _promising(graph: ExtendedGraph) -> list[int]:
    """Return some scenarios in order of what their blocks cost at least."""
    every = np.ones(graph.shape[0])
    least = vertex_values(graph, Weights(every, 0.0 * every)).min(axis=2).sum(axis=1)
    order = np.argsort(least, kind="stable")
    return [int(each) for each in order[:_MOST_SCENARIOS] if np.isfinite(least[each])]


def _mixtures(single: ExtendedGraph) -> list[Weights]:
    """Return the weights by which nodes are chosen: cost alone, the limited sum alone, and both in equal measure."""
    one, none = np.ones(1), np.zeros(1)
    found = [Weights(one, none)]
    if np.isfinite(single.limit):
        cost, limited = (vertex_values(single, each).min(axis=2).sum() for each in (found[0], Weights(none, one)))
        if 0.0 < cost < np.inf and 0.0 < limited < np.inf:
            found.append(Weights(one, one * (cost / limited)))
        found.append(Weights(none, one))
    return found


def _first_fit(
    single: ExtendedGraph, network: Network, weights: Weights, transfers: _Transfers
) -> tuple[int, ...] | None:
    """Return the node of every block, or None where a block fits nowhere."""
    layers, nodes = single.shape[1], single.shape[2]
    costs = vertex_values(single, weights)[0]
    closed = ~np.isfinite(costs)
    cost, memory, busy, shut = (_sums(each) for each in (
        np.where(closed, 0.0, costs), single.memory_bytes[0][:, None], single.utilization[0], closed,
    ))  # fmt: skip
    slack = 1.0 + TOLERANCE
    memory_left, busy_left = network.memory_bytes * slack, network.max_utilization * slack
    placed: list[int] = []
    at = single.source
    while len(placed) < layers:
        layer = len(placed)
        end = _last_that_fit(memory - memory[layer], memory_left)
        end = np.minimum(end, _last_that_fit(busy - busy[layer], busy_left))
        end = np.minimum(end, _last_that_fit(shut - shut[layer], np.full(nodes, 0.5)))
        length = np.maximum(end - layer, 0)
        segment = cost[end, np.arange(nodes)] - cost[layer]
        way = transfers.reached(layer, at).values[0]
        score = np.where(length > 0, way + segment, np.inf) / np.maximum(length, 1)
        at = int(score.argmin())
        if not np.isfinite(score[at]):
            return None
        placed += [at] * int(length[at])
        memory_left[at] -= memory[end[at], 0] - memory[layer, 0]
        busy_left[at] -= busy[end[at], at] - busy[layer, at]
    return tuple(placed)


def _sums(values: Floats) -> Floats:
    """(D + 1, N) sums over the blocks before each one."""
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])


def _last_that_fit(sums: Floats, room: Floats) -> Ints:
    """(N,) end of the segment of blocks whose sum, counted from the segment's begin, is within each node's room."""
    return np.asarray((sums <= room).sum(axis=0) - 1)


class _Transfers:
    """Transfers of one scenario from single nodes, at weights of cost and limited sum; each is relaxed once."""

    def __init__(self, single: ExtendedGraph, weights: Weights) -> None:
        self._links = weighted_links(single, weights)
        self._nodes, self._single_hop = single.shape[2], single.links.single_hop
        self._relaxed: dict[tuple[int, int], Spread] = {}

    def reached(self, layer: int, source: int) -> Spread:
        """Return the least weighted sums of the transfer into a layer from one node, (1, N)."""
        if (layer, source) not in self._relaxed:
            wanted = np.ones((1, self._nodes), dtype=bool)
            self._relaxed[layer, source] = self._links.spread(layer, self._seeds(source), wanted)
        return self._relaxed[layer, source]

    def route(self, layer: int, source: int, node: int) -> Path:
        """Return the route of least weighted sum between two nodes in the transfer into a layer."""
        reached = Spread(self._seeds(source), None) if self._single_hop else self.reached(layer, source)
        rows, path = np.zeros(1, dtype=np.int64), [node]
        while path[-1] != source:
            path.append(int(self._links.step_back(layer, reached, rows, np.array([path[-1]]))[0]))
        return tuple(reversed(path))

    def _seeds(self, source: int) -> Floats:
        """(1, N) zero where the data is, infinite elsewhere."""
        seeds = np.full((1, self._nodes), np.inf)
        seeds[0, source] = 0.0
        return seeds
