"""Path joining: a good plan from the best paths to and from each node, at the price of about one recursion.

At a good multiplier the best path from the source to each node and the best path from each node to the end are all near
the optimum, and some within the limits. Joining two of them over every link that bounds leave open, in every transfer,
and keeping the cheapest join within the limits, often meets the optimum itself.

A place is a node in the transfer into a layer. Each place points to the one that its best path comes from (or goes on
to); sums along all these paths at once are found by pointer doubling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.labels.arcs import Arcs


class _Links(NamedTuple):
    """A links between places."""

    tail: Ints
    head: Ints
    sums: Floats
    """(S, A) cost, limited sum and further sums of each."""
    price: Floats
    """(A,) their weighted sum."""


@dataclass(frozen=True, eq=False)
class _Chains:
    """Best paths of one direction, by place."""

    next: Ints
    """(P,) place that the best path of each one comes from, or goes on to; P at its end."""
    sums: Floats
    """(S, P) sums along the whole path; infinite where there is none."""

    @classmethod
    def of(cls, following: Ints, step: Floats) -> _Chains:
        """Add the (S, P) sums of the steps from each place to the following one, along all chains of places."""
        count = len(following)
        chain, total = np.append(following, count), np.append(step, np.zeros((len(step), 1)), axis=1)
        for _ in range(count.bit_length()):
            if (chain == count).all():
                break
            total, chain = total + total[:, chain], chain[chain]
        total[:, chain != count] = np.inf  # links that cost nothing may lead in a circle
        return cls(following, total[:, :-1])


@dataclass(frozen=True, eq=False)
class _Ends:
    """What is joined over a link: where data is ready before it, and where it goes on behind it.

    Where paths are single links these are vertices, else nodes that the best path may have reached over others.
    """

    paths_in: _Chains
    paths_out: _Chains
    before: Floats
    """(S, P) sums of the best path to each place."""
    behind: Floats
    """(S, P) sums of the best path from each place."""
    step: int
    """Places between one layer and the next where vertices are joined, else 0."""

    @classmethod
    def of(cls, relaxation: Relaxation, paths_in: _Chains, paths_out: _Chains, vertices: Floats) -> _Ends:
        """Return the ends of joins of a relaxation, given the (S, P) sums of its vertices."""
        if not relaxation.graph.links.single_hop:
            return cls(paths_in, paths_out, paths_in.sums, paths_out.sums, 0)
        nodes = relaxation.alive.shape[1]
        ready, entering = np.full_like(vertices, np.inf), vertices.copy()
        ready[:, relaxation.graph.source] = 0.0
        ready[:, nodes:] = (paths_in.sums + vertices)[:, :-nodes]
        entering[:, :-nodes] += paths_out.sums[:, nodes:]
        return cls(paths_in, paths_out, ready, entering, nodes)

    def joined(self, tail: int, head: int, shape: tuple[int, int]) -> list[list[int]]:
        """Return the nodes that the data into each layer passes, both ends included, without loops."""
        layers, nodes = shape
        passed: list[list[int]] = [[] for _ in range(layers)]

        def follow(chains: _Chains, place: int) -> None:
            while 0 <= place < layers * nodes:
                passed[place // nodes].append(place % nodes)
                place = int(chains.next[place])

        if self.step:
            passed[tail // nodes].append(tail % nodes)
        follow(self.paths_in, tail - self.step)
        for some in passed:
            some.reverse()
        if self.step:
            passed[head // nodes].append(head % nodes)
        follow(self.paths_out, head + self.step)
        return [_without_loops(some) for some in passed]


def joined_path(relaxation: Relaxation, arcs: Arcs) -> Paths | None:
    """Return the cheapest join of a best path in, a link and a best path out that keeps the limits.

    Args:
        relaxation: A scenario without capacities.
        arcs: Links between places; joins take no others.

    Returns:
        The path, None where no join keeps the limits.
    """
    weights, most = relaxation.weights, limits_of_sums(relaxation)
    sums = np.array([arcs.cost, arcs.limited, *arcs.further.T])
    links = _Links(arcs.tail, arcs.target, sums, weights @ sums)
    option, vertices = sums_of_vertices(relaxation, weights)
    paths_in, paths_out = _paths_in(relaxation, links, vertices), _paths_out(relaxation, links, vertices)
    ends = _Ends.of(relaxation, paths_in, paths_out, vertices)
    # a join without a link is one at the place itself
    moving = ends.before[:, links.tail] + sums + ends.behind[:, links.head]
    total = np.append(moving, ends.before + ends.behind, axis=1)
    cost = np.where(_within(total, most), total[0], np.inf)
    best = int(cost.argmin())
    if not np.isfinite(cost[best]):
        return None
    stays = best - len(links.tail)
    tail, head = (stays, stays) if stays >= 0 else (int(links.tail[best]), int(links.head[best]))
    return _path_over(ends.joined(tail, head, relaxation.alive.shape), option)


def _within(sums: Floats, most: Floats) -> Bools:
    """Mark the joins whose (S, A) sums keep every limit."""
    kept: Bools = np.isfinite(sums[0])
    for row in np.flatnonzero(np.isfinite(most)).tolist():
        kept &= sums[row] <= most[row]
    return np.asarray(kept)


def limits_of_sums(relaxation: Relaxation) -> Floats:
    """(S,) limits of the sums with tolerance; no limit is infinite."""
    further = () if relaxation.further is None else relaxation.further.most
    return np.array([np.inf, relaxation.most, *further])


def sums_of_vertices(relaxation: Relaxation, weights: Floats) -> tuple[Ints, Floats]:
    """(D, N) best result option of each vertex, and (S, P) its sums; infinite where it is closed."""
    graph = relaxation.graph
    further = () if graph.further is None else graph.further.vertex[0]
    sums = np.stack([graph.vertex_cost[0], graph.vertex_limited[0], *further])  # (S, D, N, O)
    option = np.zeros(sums.shape[1:3], dtype=np.int64)
    if sums.shape[3] > 1:
        combined = np.where(graph.open[0], np.tensordot(weights, sums, axes=1), np.inf)
        option = np.asarray(combined.argmin(axis=2), dtype=np.int64)
    chosen = np.take_along_axis(sums, option[None, :, :, None], axis=3)[..., 0]
    return option, np.where(graph.open[0].any(axis=2), chosen, np.inf).reshape(len(sums), -1)


def _paths_in(relaxation: Relaxation, links: _Links, vertices: Floats) -> _Chains:
    """Return the best paths from the source to every place."""
    nodes, source = relaxation.alive.shape[1], relaxation.graph.source
    ready = np.full(relaxation.alive.shape, np.inf)
    ready[0, source] = 0.0
    ready[1:] = relaxation.before.values[0, :-1]
    arriving = relaxation.before.arriving[0]
    begin = ready if relaxation.graph.links.single_hop else arriving
    step = np.zeros_like(vertices)
    step[:, nodes:] = vertices[:, :-nodes]
    following = np.arange(arriving.size) - nodes
    following[:nodes] = arriving.size
    known, moved = np.isfinite(arriving).ravel(), (arriving < ready).ravel()
    return _chains((following, step), known, moved, begin.ravel()[links.tail] + links.price, links, links.head)


def _paths_out(relaxation: Relaxation, links: _Links, vertices: Floats) -> _Chains:
    """Return the best paths from every place to the end."""
    nodes, onward = relaxation.alive.shape[1], relaxation.to_go[0, :-1]
    entering = relaxation.vertices + relaxation.to_go[0, 1:]
    following = np.arange(onward.size) + nodes
    following[-nodes:] = onward.size
    known, moved = np.isfinite(onward).ravel(), (onward < entering).ravel()
    price = relaxation.arrival.ravel()[links.head] + links.price
    return _chains((following, vertices.copy()), known, moved, price, links, links.tail)


def _chains(stay: tuple[Ints, Floats], known: Bools, moved: Bools, price: Floats, links: _Links, here: Ints) -> _Chains:
    """Let the places at which something moves follow their cheapest link.

    Args:
        stay: (P,) place that each one comes from (or goes on to) where nothing moves, and (S, P) sums of that step;
            both are changed in place.
        known: (P,) places that have a best path.
        moved: (P,) places whose best path takes a link.
        price: (A,) weighted sum of the best path over each link.
        links: The links.
        here: (A,) place at this end of each link.
    """
    following, step = stay
    cheapest = np.full(len(following), -1)
    if len(here):
        order = np.argsort(here, kind="stable")
        at, price = here[order], price[order]
        first = np.flatnonzero(np.diff(at, prepend=-1))
        least = np.repeat(np.minimum.reduceat(price, first), np.diff(first, append=len(at)))
        chosen = np.flatnonzero(price == least)
        cheapest[at[chosen[::-1]]] = order[chosen[::-1]]  # of equal links the first one
    step[:, ~known | (moved & (cheapest < 0))] = np.inf
    place = np.flatnonzero(moved & known & (cheapest >= 0))
    link = cheapest[place]
    following[place] = links.tail[link] + links.head[link] - place
    step[:, place] = links.sums[:, link]
    return _Chains.of(following, step)


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
