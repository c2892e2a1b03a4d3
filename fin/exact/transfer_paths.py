"""Efficient paths of links between the vertices that bounds leave open, for the transfers into all layers at once.

One label correcting search, a round per link, begins at the open vertices of every layer and goes over the links that
bounds leave open. What is left takes the place of links in the label search: a transfer is then a single step, and
labels that leave the same node share the work of finding its way.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.exact.arcs import Arcs, by_layer
from planner.fin.exact.hops import Hops
from planner.fin.exact.labels import without_noise
from planner.fin.exact.relaxation import Relaxation
from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.links.sparse import ragged

_MOST_LINKS = 300_000
"""Open vertices times links of a layer, summed over the layers, up to which paths are listed."""
_MOST_PATHS = 100_000
"""Paths that are held at once."""


@dataclass(frozen=True, eq=False)
class _Paths:
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

    def take(self, keep: Ints | Bools) -> _Paths:
        return _Paths(*(getattr(self, each.name)[keep] for each in fields(self)))

    @classmethod
    def joined(cls, first: _Paths, second: _Paths) -> _Paths:
        pairs = ((getattr(first, each.name), getattr(second, each.name)) for each in fields(cls))
        return cls(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True, eq=False)
class _Links:
    """Paths of one link, by their ends."""

    nodes: int
    rows: Ints
    """(T * N,) path from each tail to each node; the last one where there is none."""
    sums: Floats
    """(P + 1, C) all that dominance compares; infinite in the last row."""

    @classmethod
    def of(cls, paths: _Paths, tails: int, nodes: int) -> _Links:
        """Return those of the first round."""
        rows = np.full(tails * nodes, len(paths.place))
        rows[paths.tail * nodes + paths.place % nodes] = np.arange(len(paths.place))
        sums = _sums(paths)
        return cls(nodes, rows, np.concatenate([sums, np.full((1, sums.shape[1]), np.inf)]))

    def no_worse_than(self, paths: _Paths) -> Bools:
        """(P,) whether the link between the ends of each path is no worse than the path."""
        rows = self.rows[paths.tail * self.nodes + paths.place % self.nodes]
        return np.asarray((self.sums[rows] <= _sums(paths)).all(axis=1))


def _sums(paths: _Paths) -> Floats:
    """(P, C) all that labels add up along paths."""
    return np.concatenate([paths.cost[:, None], paths.limited[:, None], paths.further, paths.loads], axis=1)


@dataclass(frozen=True, eq=False)
class _Tails:
    """Open vertices that data may leave, and the least sums up to there."""

    place: Ints
    value: Floats
    """Cost plus multipliers times limited sums."""
    limited: Floats


def with_paths(
    relaxation: Relaxation, arcs: list[Arcs | None], cutoff: float, deadline: Deadline
) -> list[Arcs | None] | None:
    """Replace the links of every layer by efficient paths between its open vertices; None where that does not pay.

    Args:
        relaxation: The scenario and its bounds.
        arcs: Links that bounds leave open, by layer.
        cutoff: Only paths below are of interest.
        deadline: When to give up.

    Returns:
        Arcs into each layer, None where there is none; or None for all.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    layers = np.array([layer for layer, some in enumerate(arcs) if some is not None], dtype=np.int64)
    some = [each for each in arcs if each is not None]
    if not some:
        return arcs
    links = (
        len(_tail_nodes(relaxation, row)) * len(arc.target) for row, arc in zip(layers.tolist(), some, strict=True)
    )
    if sum(links) > _MOST_LINKS or not _labels_differ(relaxation):
        return None
    hops = Hops()
    found = _searched(relaxation, some, layers, hops, deadline)
    if found is None:
        return None
    listed = dict(zip(layers.tolist(), _as_arcs(relaxation, *found, layers, cutoff, hops), strict=True))
    return [listed.get(layer) for layer in range(len(arcs))]


def _labels_differ(relaxation: Relaxation) -> bool:
    """Tell whether a node may hold several labels: with one criterion alone, all vertices share one search."""
    limited = relaxation.ties or np.isfinite(relaxation.graph.limit) or relaxation.further is not None
    return bool(limited or relaxation.tracked or len(relaxation.graph.links.loads))


def _tail_nodes(relaxation: Relaxation, layer: int) -> Ints:
    """Return the nodes that the data into a layer may be made at."""
    if layer == 0:
        return np.array([relaxation.graph.source])
    return np.flatnonzero(relaxation.alive[layer - 1])


def _tails(relaxation: Relaxation, layers: Ints) -> _Tails:
    """Return the open vertices before each layer."""
    nodes = relaxation.graph.shape[2]
    at = [_tail_nodes(relaxation, layer) for layer in layers.tolist()]
    node = np.concatenate(at)
    row = np.repeat(np.arange(len(layers)), [len(each) for each in at])
    layer = layers[row]
    value = np.where(layer > 0, relaxation.before.values[0, layer - 1, node], 0.0)
    limited = np.where(layer > 0, relaxation.elapsed[layer - 1, node], 0.0)
    return _Tails(row * nodes + node, value, limited)


def _searched(
    relaxation: Relaxation, arcs: list[Arcs], layers: Ints, hops: Hops, deadline: Deadline
) -> tuple[_Tails, _Paths] | None:
    """Return the tails, and the efficient paths from them, those of no link included."""
    nodes = relaxation.graph.shape[2]
    joined = _side_by_side(arcs, nodes)
    tails = _tails(relaxation, layers)
    count = len(tails.place)
    none = np.zeros((count, joined.further.shape[1])), np.zeros((count, joined.loads.shape[1]))
    kept = _Paths(np.arange(count), tails.place, np.zeros(count), np.zeros(count), *none, np.full(count, -1))
    frontier, links = kept, None
    while len(frontier.place):
        deadline.check()
        new = _extended(relaxation, tails, frontier, joined, links)
        new = replace(new, hop=hops.add(new.place % nodes, new.hop))
        links = links or _Links.of(new, count, nodes)
        if len(kept.place) + len(new.place) > _MOST_PATHS:
            return None
        merged = _Paths.joined(kept, new)
        keep = non_dominated(merged.tail * (len(layers) * nodes) + merged.place, _criteria(relaxation, merged))
        fresh = keep.copy()
        fresh[: len(kept.place)] = False
        kept, frontier = merged.take(keep), merged.take(fresh)
    return tails, kept


def _side_by_side(arcs: list[Arcs], nodes: int) -> Arcs:
    """Return the arcs of all layers as those of one, whose nodes are places."""
    starts = np.cumsum([0, *(len(some.target) for some in arcs)])
    first = [some.start[:-1] + start for some, start in zip(arcs, starts.tolist(), strict=False)]

    def column(name: str) -> Floats:
        return np.concatenate([getattr(some, name) for some in arcs])

    return Arcs(
        start=np.append(np.concatenate(first), starts[-1]),
        target=np.concatenate([some.target + row * nodes for row, some in enumerate(arcs)]),
        cost=column("cost"),
        limited=column("limited"),
        further=column("further"),
        loads=column("loads"),
        below=column("below"),
        most_limited=column("most_limited"),
    )


def _extended(relaxation: Relaxation, tails: _Tails, frontier: _Paths, arcs: Arcs, links: _Links | None) -> _Paths:
    """Return the paths that are longer by a link, that bounds leave open and that beat a direct link; hops are old."""
    row, arc = ragged(arcs.start, frontier.place)
    tail = frontier.tail[row]
    cost, limited = frontier.cost[row] + arcs.cost[arc], frontier.limited[row] + arcs.limited[arc]
    further = frontier.further[row] + arcs.further[arc]
    keep = tails.value[tail] + _priced(relaxation, cost, limited, further) < arcs.below[arc]
    keep &= tails.limited[tail] + limited <= arcs.most_limited[arc]
    keep &= arcs.target[arc] != tails.place[tail]
    chosen = np.flatnonzero(keep)
    row, arc = row[chosen], arc[chosen]
    loads, sums = frontier.loads[row] + arcs.loads[arc], (cost[chosen], limited[chosen], further[chosen])
    new = _Paths(tail[chosen], arcs.target[arc], *sums, loads, frontier.hop[row])
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


def _as_arcs(
    relaxation: Relaxation, tails: _Tails, paths: _Paths, layers: Ints, cutoff: float, hops: Hops
) -> list[Arcs | None]:
    """Return the paths that end at open vertices, as arcs into each layer."""
    nodes = relaxation.graph.shape[2]
    row, node = np.divmod(paths.place, nodes)
    layer = layers[row]
    onward = relaxation.entering(layer, node)
    below = np.full(len(node), -np.inf)
    np.subtract(cutoff + relaxation.offset, onward, out=below, where=np.isfinite(onward))
    keep = tails.value[paths.tail] + _priced(relaxation, paths.cost, paths.limited, paths.further) < below
    keep &= relaxation.alive[layer, node] & (paths.hop >= 0)
    chosen = np.flatnonzero(keep)
    chosen = chosen[np.argsort(tails.place[paths.tail[chosen]], kind="stable")]
    paths, below = paths.take(chosen), below[chosen]
    most_limited = relaxation.most - relaxation.arrival_remaining[layer[chosen], node[chosen]]
    sums = (paths.cost, paths.limited, paths.further, paths.loads)
    columns = (node[chosen], *sums, below, most_limited)
    return by_layer(tails.place[paths.tail], (len(layers), nodes), columns, paths.hop, hops)
