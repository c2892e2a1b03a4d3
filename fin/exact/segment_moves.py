"""Local search by segment moves: paths are improved by placing some blocks in a row on one node, best move first.

Where several limits hold, best paths at one vector of multipliers may all be far from the optimum. Moving a segment is
the least change that gives up some of one sum for another. All D (D + 1) / 2 * N moves of a path are priced at once,
from sums along the path before and behind each block, and along each node.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.exact.path_joining import limits_of_sums, sums_of_vertices
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.network import Floats, Ints

_MOST_MOVES = 8
"""Moves of one path."""
_GO_ON = 2
"""Paths that are moved further, of all that a round of moves leads to."""
_WORTH = 1e-9
"""Share of the cost that a move must save; sums are rounded by less."""


def improved(relaxation: Relaxation, starts: Ints, cutoff: float) -> Paths | None:
    """Return the best path that segment moves lead to from some paths; the best few go on after each move.

    A path beyond the limits is moved to the cheapest one within them, if there is one; from there on moves must save.

    Args:
        relaxation: A scenario without capacities, over a complete network on which no relay is better than a link.
        starts: (P, D) nodes of some paths.
        cutoff: Only paths that cost less are of interest.

    Returns:
        The path; None where there is none below the cutoff.
    """
    option, vertices = sums_of_vertices(relaxation, relaxation.weights)
    moves = _Moves.of(relaxation, vertices)
    # moves that lead from beyond the limits to far above the cutoff seldom lead on below it
    paths = [(2.0 * cutoff - relaxation.lower_bound, path) for path in starts]
    best, found = cutoff, None
    for _ in range(_MOST_MOVES):
        moved = {path.tobytes(): (cost, path) for cost, path in (moves.best(*each) for each in paths) if cost < np.inf}
        paths = sorted(moved.values(), key=lambda each: each[0])[:_GO_ON]
        if not paths:
            break
        if paths[0][0] < best:
            best, found = paths[0]
        paths = [(cost - _WORTH * abs(cost), path) for cost, path in paths]
    if found is None:
        return None
    chosen = option[np.arange(len(found)), found]
    return Paths(found[None], chosen[None], np.full((1, len(found), 0), -1, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class _Moves:
    """Moves of segments of a path over D layers to M nodes, and what S sums become by them."""

    vertices: Floats
    """(S, D, N) sums of vertices, 0 where one is closed; the last sum counts closed vertices."""
    on_nodes: Floats
    """(S, D, M) the same added up from the first layer on, for the nodes that segments may move to."""
    arcs: Floats
    """(D, S, C) coefficients of the figures of links."""
    links: Floats
    """(C, N, N) figures of the link from each node to each one, 0 from a node to itself."""
    most: Floats
    """(S,) limits of the sums."""
    source: int
    nodes: Ints
    """(M,) nodes that segments may move to."""
    first: Ints
    """(D (D + 1) / 2 * M,) place in (D, M) of the first layer of each segment, on each node."""
    last: Ints
    """(D (D + 1) / 2 * M,) the same of the last one."""

    @classmethod
    def of(cls, relaxation: Relaxation, sums: Floats) -> _Moves:
        """Return the moves in a scenario, given the (S - 1, D * N) sums of its vertices."""
        graph, (layers, size) = relaxation.graph, relaxation.alive.shape
        closed, nodes = ~np.isfinite(sums[0]), np.flatnonzero(relaxation.alive.any(axis=0))
        vertices = np.append(np.where(closed, 0.0, sums), closed[None], axis=0).reshape(-1, layers, size)
        further = () if graph.further is None else graph.further.arc[0]
        arcs = (graph.arc_cost[0], graph.arc_limited[0], *further, np.zeros_like(graph.arc_cost[0]))
        first, last = ((end[:, None] * len(nodes) + np.arange(len(nodes))).ravel() for end in np.triu_indices(layers))
        return cls(
            vertices=vertices,
            on_nodes=np.cumsum(vertices[:, :, nodes], axis=1),
            arcs=np.stack(arcs, axis=1),
            links=graph.links.metrics.reshape(-1, size, size),
            most=np.append(limits_of_sums(relaxation), 0.5),
            source=graph.source,
            nodes=nodes,
            first=first,
            last=last,
        )

    def best(self, below: float, path: Ints) -> tuple[float, Ints]:
        """Make the cheapest move of a path that keeps the limits and leads below a cost.

        Args:
            below: The cost.
            path: (D,) nodes.

        Returns:
            The cost behind the move, infinite where there is none, and the (D,) nodes.
        """
        up_to, onward = self._around(path)
        cost = up_to[0].take(self.first) + onward[0].take(self.last)
        move = np.flatnonzero(cost < below)
        first, last = self.first.take(move), self.last.take(move)
        for row in np.flatnonzero(np.isfinite(self.most)).tolist():
            kept = np.flatnonzero(up_to[row].take(first) + onward[row].take(last) <= self.most[row])
            move, first, last = move.take(kept), first.take(kept), last.take(kept)
        if len(move) == 0:
            return np.inf, path
        best = int(cost.take(move).argmin())
        (begin, node), end = divmod(int(first[best]), len(self.nodes)), int(last[best]) // len(self.nodes)
        moved = path.copy()
        moved[begin : end + 1] = self.nodes[node]
        return float(cost[move[best]]), moved

    def _around(self, path: Ints) -> tuple[Floats, Floats]:
        """Sum up what comes before and behind the segments of a path, for each node that they may move to.

        Returns:
            (S, D * M) sums up to a segment that begins with a layer, the link to it included, and from a segment on
            that ends with a layer. The latter count the blocks on the node from the first layer on, the former take
            off those before the segment.
        """
        before = np.append(self.source, path[:-1])
        over = self._priced(self.links[:, before, path][..., None])[..., 0]  # (S, D)
        through = np.cumsum(over + self.vertices[:, np.arange(len(path)), path], axis=1)[..., None]
        up_to = self._priced(self.links[:, before[:, None], self.nodes])
        up_to[:, 1:] += through[:, :-1] - self.on_nodes[:, :-1]
        onward = self.on_nodes.copy()
        onward[:, :-1] += self._priced(self.links[:, self.nodes, path[1:, None]], first=1)
        onward[:, :-1] += through[:, -1:] - through[:, :-1] - over[:, 1:, None]
        return up_to.reshape(len(up_to), -1), onward.reshape(len(onward), -1)

    def _priced(self, figures: Floats, first: int = 0) -> Floats:
        """(S, D', M) sums of links into the layers from one on, given their (C, D', M) figures."""
        return np.ascontiguousarray((self.arcs[first:] @ figures.swapaxes(0, 1)).swapaxes(0, 1))
