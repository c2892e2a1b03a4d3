"""Efficient paths of links between the vertices that bounds leave open, for the transfers into all layers at once.

One label correcting search, a round per link, begins at the open vertices of every layer and goes over the links that
bounds leave open. What is left takes the place of links in the label search: a transfer is then a single step, and
labels that leave the same node share the work of finding its way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.deadline import Deadline
from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.labels.arcs import Arcs
from planner.fin.labels.hops import Hops
from planner.fin.labels.interface import Columns
from planner.fin.labels.sums import without_noise
from planner.fin.links.sparse import ragged

_MOST_LINKS = 300_000
"""Open vertices times links of a layer, summed over the layers, up to which paths are listed."""
_MOST_PATHS = 100_000
"""Paths that are held at once."""


@dataclass(frozen=True, eq=False)
class _Paths(Columns):
    """P paths of links; a place is a node in the transfer into one of the layers that are searched."""

    tail: Ints
    """(P,) where each path begins, as an index into the tails."""
    place: Ints
    """(P,) where it has come to."""
    cost: Floats
    limited: Floats
    further: Floats
    """(P, R)"""
    loads: Floats
    """(P, M) s/bit of tracked media."""
    hop: Ints
    """(P,) last hop, -1 where nothing moved."""


@dataclass(frozen=True, eq=False)
class _Links:
    """Paths of one link, by their ends."""

    nodes: int
    rows: Ints
    """(T * N,) path from each tail to each node; the last one where there is none."""
    sums: Floats
    """(C, P + 1) all that dominance compares; infinite in the last column."""

    @classmethod
    def of(cls, paths: _Paths, tails: int, nodes: int) -> _Links:
        """Return those of the first round."""
        rows = np.full(tails * nodes, len(paths.place))
        rows[paths.tail * nodes + paths.place % nodes] = np.arange(len(paths.place))
        sums = np.array(_sums(paths))
        return cls(nodes, rows, np.append(sums, np.full((len(sums), 1), np.inf), axis=1))

    def no_worse_than(self, paths: _Paths) -> Bools:
        """(P,) whether the link between the ends of each path is no worse than the path."""
        rows = self.rows[paths.tail * self.nodes + paths.place % self.nodes]
        found = np.ones(len(rows), dtype=bool)
        for direct, column in zip(self.sums, _sums(paths), strict=True):
            found &= direct[rows] <= column
        return found


def _sums(paths: _Paths) -> list[Floats]:
    """Return the (P,) sums that labels add up along paths."""
    return [paths.cost, paths.limited, *paths.further.T, *paths.loads.T]


@dataclass(frozen=True, eq=False)
class _Tails:
    """Open vertices that data may leave, and the least sums up to there."""

    place: Ints
    value: Floats
    """Cost plus multipliers times limited sums."""
    limited: Floats


def with_paths(relaxation: Relaxation, arcs: Arcs, cutoff: float, deadline: Deadline) -> Arcs | None:
    """Replace links by efficient paths between the open vertices of layers; None where that does not pay.

    Args:
        relaxation: The scenario and its bounds.
        arcs: Links between places that bounds leave open.
        cutoff: Only paths below are of interest.
        deadline: When to give up.

    Returns:
        Arcs between places, or None.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    if len(arcs.target) == 0:
        return arcs
    layers, nodes = relaxation.alive.shape
    into = np.diff(arcs.start[::nodes])
    tails = _tails(relaxation, np.flatnonzero(into))
    links = int((np.bincount(tails.place // nodes, minlength=layers) * into).sum())
    if links > _MOST_LINKS or not _labels_differ(relaxation):
        return None
    hops = Hops()
    found = _searched(relaxation, arcs, tails, hops, deadline)
    return None if found is None else _as_arcs(relaxation, tails, found, cutoff, hops)


def _labels_differ(relaxation: Relaxation) -> bool:
    """Tell whether a node may hold several labels: with one criterion alone, all vertices share one search."""
    limited = relaxation.ties or np.isfinite(relaxation.graph.limit) or relaxation.further is not None
    return bool(limited or relaxation.tracked or len(relaxation.graph.links.loads))


def _tails(relaxation: Relaxation, layers: Ints) -> _Tails:
    """Return the open vertices before each of some layers."""
    nodes = relaxation.alive.shape[1]
    vertices = relaxation.alive[np.maximum(layers - 1, 0)]
    vertices[layers == 0] = np.arange(nodes) == relaxation.graph.source
    row, node = np.nonzero(vertices)
    layer = layers[row]
    value = np.where(layer > 0, relaxation.before.values[0, layer - 1, node], 0.0)
    limited = np.where(layer > 0, relaxation.elapsed[layer - 1, node], 0.0)
    return _Tails(layer * nodes + node, value, limited)


def _searched(relaxation: Relaxation, arcs: Arcs, tails: _Tails, hops: Hops, deadline: Deadline) -> _Paths | None:
    """Return the efficient paths from tails, those of no link included; None where there are too many."""
    layers, nodes = relaxation.alive.shape
    count = len(tails.place)
    none = np.zeros((count, arcs.further.shape[1])), np.zeros((count, arcs.loads.shape[1]))
    kept = _Paths(np.arange(count), tails.place, np.zeros(count), np.zeros(count), *none, np.full(count, -1))
    frontier, links = kept, None
    while len(frontier.place):
        deadline.check()
        new = _extended(relaxation, tails, frontier, arcs, links)
        new = replace(new, hop=hops.add(new.place % nodes, new.hop))
        if len(kept.place) + len(new.place) > _MOST_PATHS:
            return None
        merged = _Paths.joined([kept, new])
        if links is None:  # no two of these have the same ends
            kept, frontier, links = merged, new, _Links.of(new, count, nodes)
            continue
        keep = non_dominated(merged.tail * (layers * nodes) + merged.place, _criteria(relaxation, merged))
        fresh = keep.copy()
        fresh[: len(kept.place)] = False
        kept, frontier = merged.take(keep), merged.take(fresh)
    return kept


def _extended(relaxation: Relaxation, tails: _Tails, frontier: _Paths, arcs: Arcs, links: _Links | None) -> _Paths:
    """Return the paths that are longer by a link, that bounds leave open and that beat a direct link; hops are old."""
    row, arc = ragged(arcs.start, frontier.place)
    so_far = tails.value[frontier.tail] + _priced(relaxation, frontier.cost, frontier.limited, frontier.further)
    onward = arcs.below - _priced(relaxation, arcs.cost, arcs.limited, arcs.further)
    # most extensions fall here, before anything is built for them
    keep = so_far[row] < onward[arc]
    keep &= (tails.limited[frontier.tail] + frontier.limited)[row] <= (arcs.most_limited - arcs.limited)[arc]
    keep &= arcs.target[arc] != tails.place[frontier.tail][row]
    chosen = keep.nonzero()[0]
    row, arc = row[chosen], arc[chosen]
    new = _Paths(
        tail=frontier.tail[row],
        place=arcs.target[arc],
        cost=frontier.cost[row] + arcs.cost[arc],
        limited=frontier.limited[row] + arcs.limited[arc],
        further=frontier.further[row] + arcs.further[arc],
        loads=frontier.loads[row] + arcs.loads[arc],
        hop=frontier.hop[row],
    )
    return new if links is None else new.take(~links.no_worse_than(new))


def _priced(relaxation: Relaxation, cost: Floats, limited: Floats, further: Floats) -> Floats:
    """(P,) cost plus multipliers times limited sums."""
    value = cost + relaxation.multiplier * limited if relaxation.multiplier > 0 else cost
    return value if relaxation.further is None else value + further @ relaxation.further.multiplier


def _criteria(relaxation: Relaxation, paths: _Paths) -> Floats:
    """(P, C) what dominance compares: all that a label adds up along a path of links."""
    limit = relaxation.graph.limit
    columns = [without_noise(paths.cost, relaxation.lower_bound)]
    if relaxation.ties or np.isfinite(limit):
        columns.append(without_noise(paths.limited, limit))
    if relaxation.further is not None:
        scales = relaxation.further.most.tolist()
        columns += [without_noise(column, most) for column, most in zip(paths.further.T, scales, strict=True)]
    return np.array([*columns, *paths.loads.T]).T


def _as_arcs(relaxation: Relaxation, tails: _Tails, paths: _Paths, cutoff: float, hops: Hops) -> Arcs:
    """Return the paths that end at open vertices, as arcs between places."""
    layer, node = np.divmod(paths.place, relaxation.alive.shape[1])
    onward = relaxation.entering(layer, node)
    below = np.full(len(node), -np.inf)
    np.subtract(cutoff + relaxation.offset, onward, out=below, where=np.isfinite(onward))
    keep = tails.value[paths.tail] + _priced(relaxation, paths.cost, paths.limited, paths.further) < below
    keep &= relaxation.alive[layer, node] & (paths.hop >= 0)
    chosen = np.flatnonzero(keep)
    chosen = chosen[np.argsort(tails.place[paths.tail[chosen]], kind="stable")]
    paths, below = paths.take(chosen), below[chosen]
    start = np.searchsorted(tails.place[paths.tail], np.arange(relaxation.alive.size + 1))
    most_limited = relaxation.most - relaxation.arrival_remaining[layer[chosen], node[chosen]]
    sums = (paths.cost, paths.limited, paths.further, paths.loads)
    return Arcs(start, paths.place, *sums, below, most_limited, paths.hop, hops)
