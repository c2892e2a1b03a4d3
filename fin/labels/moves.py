"""Moves of labels from one stage to the next: what a transfer and the vertices behind it add to all sums at once.

Where every arc leads from one open vertex to another, a label takes one step per stage: it stays or takes an arc, then
runs the blocks of the stage. What a step adds depends on its two ends alone, so it is known before the search.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.labels.arcs import Arcs, Stage


@dataclass(frozen=True, eq=False)
class Moves:
    """M moves into T stages, in order of the stage and of the node that they leave.

    The S sums are the cost, the limited sum, the further sums, and last the cost plus multipliers times all of these.
    """

    start: Ints
    """(T * N + 1,) first move of each stage and node."""
    target: Ints
    """(M,) node that each leads to."""
    option: Ints
    """(M,) how the result is handed over there."""
    sums: Floats
    """(M, S) what each adds."""
    transfers: Ints
    """(M,) transfers between nodes, those of a result included."""
    hop: Ints
    """(M,) last hop, 0 for a single link, -1 where the data stays."""
    most: Floats
    """(M, S - 2) what the limited sums may be, the move included, on a path within the limits."""
    onward: Floats
    """(M,) least weighted sum of the move and all behind it, less what the limits allow."""
    bound: Floats
    """(M,) lower bound on the cost of every path that makes the move."""
    nodes: int
    """N."""

    def out_of(self, stage: int) -> Ints:
        """(N + 1,) first move into a stage out of each node."""
        return self.start[stage * self.nodes : (stage + 1) * self.nodes + 1]

    def below(self, cutoff: float) -> Moves:
        """Return the moves on paths that cost less than a cutoff."""
        keep = self.bound < cutoff
        columns = {name: getattr(self, name)[keep] for name in _PER_MOVE}
        return replace(self, start=np.append(0, np.cumsum(keep))[self.start], **columns)


_PER_MOVE = ("target", "option", "sums", "transfers", "hop", "most", "onward", "bound")


def moves_of(relaxation: Relaxation, stages: list[Stage], arcs: Arcs) -> Moves:
    """Collect the moves that bounds leave open.

    Args:
        relaxation: The scenario and its bounds; what differs by the start of a node segment counts at its least.
        stages: Stages to search.
        arcs: Arcs between places that are open vertices.

    Returns:
        The moves into all stages, those of data that stays included.
    """
    layers, nodes = relaxation.alive.shape
    first = np.array([stage.first for stage in stages])
    may_enter = np.logical_and.reduceat(relaxation.alive, first, axis=0)
    stage, node = np.nonzero(may_enter & _open_before(relaxation, first))
    layer, tail = np.divmod(arcs.tail, nodes)
    stage = np.concatenate([stage, np.searchsorted(first, layer)])
    tail, head = np.concatenate([node, tail]), np.concatenate([node, arcs.target % nodes])
    hop = np.concatenate([np.full(len(node), -1), np.zeros_like(tail[len(node) :]) if arcs.hop is None else arcs.hop])
    entered = may_enter[:, :, None]
    if relaxation.graph.open.shape[-1] > 1:
        entered = entered & relaxation.graph.open[0, first]
    entered = entered[stage, head] & ((hop < 0) | (tail != head))[:, None]  # data that comes back has not moved
    move, option = np.nonzero(entered)
    order = np.argsort(stage[move] * nodes + tail[move], kind="stable")
    move, option = move[order], option[order]
    stage, tail, head, hop = stage[move], tail[move], head[move], hop[move]
    along = np.concatenate([np.zeros((len(node), 2 + arcs.further.shape[1])), _sums_along(arcs)])
    added = along[move] + _sums_at(relaxation, first)[:, stage, head, option].T
    weighted, behind = added @ relaxation.weights, np.append(first[1:], layers)[stage]
    onward = weighted + relaxation.to_go.min(axis=0)[behind, head] - relaxation.offset
    before = np.where(stage > 0, relaxation.before.values[0, first[stage] - 1, tail], 0.0)
    return Moves(
        start=np.searchsorted(stage * nodes + tail, np.arange(len(stages) * nodes + 1)),
        target=head,
        option=option,
        sums=np.concatenate([added, weighted[:, None]], axis=1),
        transfers=(hop >= 0) + _results_sent(relaxation, first)[stage, head],
        hop=hop,
        most=_most_behind(relaxation, behind, head),
        onward=onward,
        bound=before + onward,
        nodes=nodes,
    )


def _open_before(relaxation: Relaxation, first: Ints) -> Bools:
    """(T, N) nodes that labels may be at before a stage: open vertices of the layer before, the source at first."""
    found = relaxation.alive[first - 1]
    found[0] = np.arange(found.shape[1]) == relaxation.graph.source
    return found


def _sums_along(arcs: Arcs) -> Floats:
    """(A, S - 1) what the arcs add to the cost, the limited sum and the further sums."""
    return np.concatenate([arcs.cost[:, None], arcs.limited[:, None], arcs.further], axis=1)


def _sums_at(relaxation: Relaxation, first: Ints) -> Floats:
    """(S - 1, T, N, O) what the blocks of a stage add on a node, for each way to hand the result over."""
    graph = relaxation.graph
    further = () if graph.further is None else graph.further.vertex[0]
    vertices = np.stack([graph.vertex_cost[0], graph.vertex_limited[0], *further])
    return np.asarray(np.add.reduceat(vertices, first, axis=1))


def _results_sent(relaxation: Relaxation, first: Ints) -> Ints:
    """(T, N) results that leave a node for the destination, where plans that tie are told apart by them."""
    results, nodes = relaxation.graph.results, relaxation.alive.shape[1]
    if results is None or not relaxation.ties:
        return np.zeros((len(first), nodes), dtype=np.int64)
    elsewhere = np.arange(nodes) != results.end
    return np.asarray((relaxation.graph.sends_result[0, first, None] & elsewhere).astype(np.int64))


def _most_behind(relaxation: Relaxation, behind: Ints, node: Ints) -> Floats:
    """(M, S - 2) what the limited sums may be at nodes, given the layers that come next."""
    further = relaxation.further
    to_go, most = relaxation.remaining.min(axis=0, keepdims=True), np.array([relaxation.most])
    if further is not None:
        to_go, most = np.concatenate([to_go, further.remaining]), np.append(most, further.most)
    return np.asarray(most - to_go[:, behind, node].T)
