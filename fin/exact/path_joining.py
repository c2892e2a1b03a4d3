"""Path joining: a good plan from the best paths to and from each node, at the price of about one recursion.

At a good multiplier the best path from the source to each node and the best path from each node to the end are all near
the optimum, and some within the limits. Joining two of them over every link that bounds leave open, in every transfer,
and keeping the cheapest join within the limits, often meets the optimum itself.

A state is a node in the transfer into a layer. Each state points to the one that its best path comes from (or goes on
to); sums along all these paths at once are found by pointer doubling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from planner.fin.exact.relaxation import Relaxation
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.links.interface import FULL

_MOST_CELLS = 500_000
"""Links times layers up to which paths are joined over all links between open vertices."""
_WIDEST = 32
"""Vertices of each layer that are kept, of least bound, where there are more links."""


class _Links(NamedTuple):
    """E links between nodes that bounds leave open."""

    tail: Ints
    head: Ints
    sums: Floats
    """(S, D, E) cost, limited sum and further sums of each link in each transfer."""
    price: Floats
    """(D, E) their weighted sum, infinite where a link may not be used."""


@dataclass(frozen=True, eq=False)
class _Chains:
    """Best paths of one direction, by state: node n in the transfer into layer l is state l * N + n; the last ends."""

    next: Ints
    """(D * N + 1,) state that the best path of each one comes from, or goes on to."""
    sums: Floats
    """(S, D, N) sums along the whole path; infinite where there is none."""

    @classmethod
    def of(cls, following: Ints, step: Floats) -> _Chains:
        """Add the (S, D * N) sums of the steps from each state to the following one, along all chains of states."""
        count = len(following)
        pointers, total = np.append(following, count), np.append(step, np.zeros((len(step), 1)), axis=1)
        chain = pointers
        for _ in range(count.bit_length()):
            if (chain == count).all():
                break
            total, chain = total + total[:, chain], chain[chain]
        total[:, chain != count] = np.inf  # links that cost nothing may lead in a circle
        return cls(pointers, total)


@dataclass(frozen=True, eq=False)
class _Ends:
    """What is joined over a link: where data is ready before it, and where it goes on behind it.

    Where paths are single links these are vertices, else nodes that the best path may have reached over others.
    """

    paths_in: _Chains
    paths_out: _Chains
    before: Floats
    """(S, D, N) sums of the best path to each node in the transfer into each layer."""
    behind: Floats
    """(S, D, N) sums of the best path from each node in the transfer into each layer."""
    by_vertices: bool

    @classmethod
    def of(cls, relaxation: Relaxation, paths_in: _Chains, paths_out: _Chains, vertices: Floats) -> _Ends:
        """Return the ends of joins of a relaxation, given the (S, D, N) sums of its vertices."""
        before, behind = (chains.sums[:, :-1].reshape(vertices.shape) for chains in (paths_in, paths_out))
        by_vertices = relaxation.graph.links.single_hop
        if by_vertices:
            ready, entering = np.full_like(vertices, np.inf), vertices.copy()
            ready[:, 0, relaxation.graph.source] = 0.0
            ready[:, 1:] = before[:, :-1] + vertices[:, :-1]
            entering[:, :-1] += behind[:, 1:]
            before, behind = ready, entering
        return cls(paths_in, paths_out, before, behind, by_vertices)

    def joined(self, layer: int, tail: int, head: int) -> list[list[int]]:
        """Return the nodes that the data into each layer passes, both ends included, without loops."""
        layers, nodes = self.before.shape[1:]
        passed: list[list[int]] = [[] for _ in range(layers)]

        def follow(chains: _Chains, state: int) -> None:
            while 0 <= state < layers * nodes:
                passed[state // nodes].append(state % nodes)
                state = int(chains.next[state])

        start = layer * nodes + tail
        if self.by_vertices:
            passed[layer].append(tail)
            start -= nodes
        follow(self.paths_in, start)
        for some in passed:
            some.reverse()
        start = layer * nodes + head
        if self.by_vertices:
            passed[layer].append(head)
            start += nodes
        follow(self.paths_out, start)
        return [_without_loops(some) for some in passed]


def joined_path(relaxation: Relaxation) -> Paths | None:
    """Return the cheapest join of a best path in, a link and a best path out that keeps the limits.

    Args:
        relaxation: A scenario; joins pass vertices and relays that it leaves open.

    Returns:
        The path, None where no join keeps the limits.
    """
    weights, most = _weights_and_limits(relaxation)
    links = _links(relaxation, weights)
    if links is None:
        return None
    option, vertices = _vertices(relaxation, weights)
    ends = _Ends.of(
        relaxation, _paths_in(relaxation, links, vertices), _paths_out(relaxation, links, vertices), vertices
    )
    # a join without a link is one at the node itself
    moving = ends.before[:, :, links.tail] + links.sums + ends.behind[:, :, links.head]
    sums = np.concatenate([moving, ends.before + ends.behind], axis=2)
    cost = np.where(_within(sums, most), sums[0], np.inf)
    layer, column = divmod(int(cost.argmin()), cost.shape[1])
    if not np.isfinite(cost[layer, column]):
        return None
    stays = column - len(links.tail)
    tail, head = (stays, stays) if stays >= 0 else (int(links.tail[column]), int(links.head[column]))
    return _path_over(ends.joined(layer, tail, head), option)


def _within(sums: Floats, most: Floats) -> Bools:
    """Mark the joins whose (S, D, E) sums keep every limit."""
    kept = np.isfinite(sums[0])
    for row in np.flatnonzero(np.isfinite(most)).tolist():
        kept &= sums[row] <= most[row]
    return kept


def _weights_and_limits(relaxation: Relaxation) -> tuple[Floats, Floats]:
    """(S,) weights of the sums in the Lagrangian, and their limits with tolerance; no limit is infinite."""
    further = relaxation.further
    weights, most = [1.0, relaxation.multiplier], [np.inf, relaxation.most]
    if further is None:
        return np.array(weights), np.array(most)
    return np.array([*weights, *further.multiplier]), np.array([*most, *further.most])


def _links(relaxation: Relaxation, weights: Floats) -> _Links | None:
    """Return the links between open nodes; fewer nodes where these are too many, None where even so."""
    graph, layers = relaxation.graph, relaxation.graph.shape[1]
    usable = relaxation.passable.any(axis=0)
    if layers * int(usable.sum()) ** 2 > _MOST_CELLS and graph.links.single_hop:
        usable = _promising(relaxation)
    usable[graph.source] = True
    nodes = np.flatnonzero(usable)
    tail, link, head = graph.links.out_of(nodes, usable)
    if layers * len(link) > _MOST_CELLS:
        return None
    further = () if graph.further is None else graph.further.arc[0]
    coefficients = np.stack([graph.arc_cost[0], graph.arc_limited[0], *further])
    figures = graph.links.metrics[:, link]
    sums = coefficients @ figures
    price = np.tensordot(weights, sums, axes=1)
    if float(graph.medium_arc.max(initial=0.0)) * graph.links.slowest > FULL:
        price[graph.medium_arc[0][:, None] * figures[1] > FULL] = np.inf
        sums[0][np.isinf(price)] = np.inf
    return _Links(nodes[tail], head, sums, price)


def _promising(relaxation: Relaxation) -> Bools:
    """(N,) nodes of the vertices of least bound in each layer."""
    found = np.zeros(relaxation.alive.shape[1], dtype=bool)
    found[np.argpartition(relaxation.reduced, _WIDEST, axis=1)[:, :_WIDEST]] = True
    return found


def _vertices(relaxation: Relaxation, weights: Floats) -> tuple[Ints, Floats]:
    """(D, N) best result option of each vertex, and (S, D, N) its sums; infinite where it is closed."""
    graph = relaxation.graph
    further = () if graph.further is None else graph.further.vertex[0]
    sums = np.stack([graph.vertex_cost[0], graph.vertex_limited[0], *further])  # (S, D, N, O)
    combined = np.where(graph.open[0], np.tensordot(weights, sums, axes=1), np.inf)
    option = np.asarray(combined.argmin(axis=2), dtype=np.int64)
    chosen = np.take_along_axis(sums, option[None, :, :, None], axis=3)[..., 0]
    return option, np.where(graph.open[0].any(axis=2), chosen, np.inf)


def _paths_in(relaxation: Relaxation, links: _Links, vertices: Floats) -> _Chains:
    """Return the best paths from the source to every state."""
    layers, nodes = relaxation.alive.shape
    ready = np.full((layers, nodes), np.inf)
    ready[0, relaxation.graph.source] = 0.0
    ready[1:] = relaxation.before.values[0, :-1]
    arriving = relaxation.before.arriving[0]
    begin = ready if relaxation.graph.links.single_hop else arriving
    price = begin[:, links.tail] + links.price
    step = np.zeros_like(vertices)
    step[:, 1:] = vertices[:, :-1]
    following = np.arange(layers * nodes).reshape(layers, nodes) - nodes
    following[0] = np.where(np.arange(nodes) == relaxation.graph.source, layers * nodes, following[0])
    return _chains(following, step, arriving < ready, np.isfinite(arriving), price, links, links.tail, links.head)


def _paths_out(relaxation: Relaxation, links: _Links, vertices: Floats) -> _Chains:
    """Return the best paths from every state to the end."""
    layers, nodes = relaxation.alive.shape
    entering = relaxation.vertices + relaxation.to_go[0, 1:]
    onward = relaxation.to_go[0, :-1]
    price = relaxation.arrival[:, links.head] + links.price
    following = np.arange(layers * nodes).reshape(layers, nodes) + nodes
    following[-1] = layers * nodes
    return _chains(
        following, vertices.copy(), onward < entering, np.isfinite(onward), price, links, links.head, links.tail
    )


def _chains(
    following: Ints, step: Floats, moved: Bools, known: Bools, price: Floats, links: _Links, there: Ints, here: Ints
) -> _Chains:
    """Let the states at which something moves follow their cheapest link.

    Args:
        following: (D, N) state that each one comes from (or goes on to) where nothing moves; changed in place.
        step: (S, D, N) sums of that step; changed in place.
        moved: (D, N) states whose best path takes a link.
        known: (D, N) states that have a best path.
        price: (D, E) weighted sum of the best path over each link.
        links: The links.
        there: (E,) node at the other end of each link.
        here: (E,) node at this end.
    """
    layers, nodes = following.shape
    order = np.argsort(here, kind="stable")
    count = np.bincount(here, minlength=nodes)
    some = np.flatnonzero(count)
    starts = (np.cumsum(count) - count)[some]
    cheapest = np.full((layers, nodes), -1)
    if len(order):
        ordered = price[:, order]
        least = np.repeat(np.minimum.reduceat(ordered, starts, axis=1), count[some], axis=1)
        first = np.where(ordered == least, np.arange(len(order)), len(order) - 1)
        cheapest[:, some] = order[np.minimum.reduceat(first, starts, axis=1)]
    step[:, ~known | (moved & (cheapest < 0))] = np.inf
    layer, node = np.nonzero(moved & known & (cheapest >= 0))
    link = cheapest[layer, node]
    following[layer, node] = layer * nodes + there[link]
    step[:, layer, node] = links.sums[:, layer, link]
    return _Chains.of(following.ravel(), step.reshape(len(step), -1))


def _without_loops(nodes: list[int]) -> list[int]:
    """Cut out what lies between two visits of a node."""
    kept: list[int] = []
    for node in nodes:
        if node in kept:
            del kept[kept.index(node) :]
        kept.append(node)
    return kept


def _path_over(passed: list[list[int]], option: Ints) -> Paths:
    """Return a path by the nodes that the data into each layer passes."""
    node = np.array([some[-1] for some in passed], dtype=np.int64)
    relays = np.full((1, len(passed), max(1, max(map(len, passed)) - 2)), -1, dtype=np.int64)
    for layer, some in enumerate(passed):
        relays[0, layer, : max(0, len(some) - 2)] = some[-2:0:-1]
    return Paths(node[None], option[np.arange(len(node)), node][None], relays)
