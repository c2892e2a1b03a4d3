"""Arcs that may lie on a path below a cutoff: reduced-cost fixing of links, transfer by transfer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.instance.network import Floats, Ints
from planner.fin.links.interface import FULL

if TYPE_CHECKING:
    from planner.fin.labels.hops import Hops

_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class Arcs:
    """A links, or paths of links, that data may take, in order of what they leave.

    Ends are places, place l * N + n being node n in the transfer into layer l; or nodes, in the arcs into one layer.
    """

    start: Ints
    """(P + 1,) first arc out of each of P places or nodes."""
    target: Ints
    cost: Floats
    limited: Floats
    further: Floats
    """(A, R) what each takes of the further sums with a limit."""
    loads: Floats
    """(A, M) s/bit that each takes of tracked media."""
    below: Floats
    """(A,) what cost and limited sums times multipliers must stay below on a path that has taken the arc."""
    most_limited: Floats
    """(A,) what its limited sum may be at most then."""
    hop: Ints | None = None
    """(A,) last hop of each, as an index into `hops`, where an arc is a path of links."""
    hops: Hops | None = None

    between_vertices: bool = True
    """Whether each leads from one open vertex to another; False where a transfer may take several."""

    @property
    def most(self) -> int:
        """Largest number of arcs out of a node."""
        return int(np.diff(self.start).max())

    @property
    def tail(self) -> Ints:
        """(A,) place that each arc leaves."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    def by_layer(self, nodes: int) -> list[Arcs | None]:
        """Return the arcs into each layer, between nodes; None where there is none."""
        first = self.start[::nodes].tolist()
        found: list[Arcs | None] = [None] * (len(first) - 1)
        for layer, (begin, end) in enumerate(pairwise(first)):
            if end > begin:
                part = slice(begin, end)
                found[layer] = Arcs(
                    start=self.start[layer * nodes : (layer + 1) * nodes + 1] - begin,
                    target=self.target[part] - layer * nodes,
                    cost=self.cost[part],
                    limited=self.limited[part],
                    further=self.further[part],
                    loads=self.loads[part],
                    below=self.below[part],
                    most_limited=self.most_limited[part],
                    hop=None if self.hop is None else self.hop[part],
                    hops=self.hops,
                    between_vertices=self.between_vertices,
                )
        return found


class Stage(NamedTuple):
    """Layers of which only the first one can be moved into; in the others everything stays where it is."""

    first: int
    last: int
    arcs: Arcs | None
    """Arcs of the transfer into the first one."""

    @property
    def hops(self) -> Hops | None:
        """Hops of the arcs, None where these are single links."""
        return None if self.arcs is None else self.arcs.hops


def stages_of(relaxation: Relaxation, arcs: Arcs) -> list[Stage]:
    """Join layers into which no arc leads with the layer before.

    Where results travel, every layer is a stage of its own.

    Args:
        relaxation: The scenario and its bounds.
        arcs: Arcs between places.
    """
    layers, nodes = relaxation.alive.shape
    into = arcs.by_layer(nodes)
    apart = relaxation.graph.results is not None
    first = [layer for layer in range(layers) if layer == 0 or apart or into[layer] is not None]
    return [Stage(here, behind - 1, into[here]) for here, behind in zip(first, [*first[1:], layers], strict=True)]


def surviving_arcs(relaxation: Relaxation, cutoff: float) -> Arcs:
    """Collect the links that bounds up to their tails and from their heads on leave open, in all transfers.

    Args:
        relaxation: The scenario and its bounds.
        cutoff: Only paths below are of interest.

    Returns:
        The arcs between places.
    """
    if relaxation.link_bounds is None:
        return _layer_by_layer(relaxation, cutoff)
    graph, links = relaxation.graph, relaxation.graph.links
    layer, link = np.nonzero(relaxation.link_bounds < cutoff)
    place = layer * links.size + links.ends[0][link]
    if (place[1:] < place[:-1]).any():
        order = np.argsort(place, kind="stable")
        layer, link, place = layer[order], link[order], place[order]
    target, figures = links.ends[1][link], links.metrics[:, link]
    further = () if graph.further is None else graph.further.arc[0]
    sums = [
        np.einsum("ac,ca->a", coefficients[layer], figures)
        for coefficients in (graph.arc_cost[0], graph.arc_limited[0], *further)
    ]
    return Arcs(
        start=np.searchsorted(place, np.arange(relaxation.alive.size + 1)),
        target=layer * links.size + target,
        cost=sums[0],
        limited=sums[1],
        further=np.array(sums[2:]).reshape(len(sums) - 2, len(link)).T,
        loads=links.loads[:, link].T,
        below=cutoff + relaxation.offset - relaxation.arrival[layer, target],
        most_limited=relaxation.most - relaxation.arrival_remaining[layer, target],
    )


def _layer_by_layer(relaxation: Relaxation, cutoff: float) -> Arcs:
    """Collect the same links a few at a time, where there are too many to bound them all at once."""
    layers, nodes = relaxation.alive.shape
    parts = [
        (columns[0] + layer * nodes, columns[1] + layer * nodes, *columns[2:])
        for layer in range(layers)
        for columns in _parts(relaxation, layer, cutoff)
    ]
    further = 0 if relaxation.further is None else len(relaxation.further.most)
    none = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), *(np.zeros(0),) * 2, np.zeros((0, further))
    parts.append((*none, np.zeros((0, len(relaxation.graph.links.loads))), np.zeros(0), np.zeros(0)))
    tail, target, cost, limited, further_sums, loads, below, most_limited = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    start = np.searchsorted(tail, np.arange(layers * nodes + 1))
    return Arcs(start, target, cost, limited, further_sums, loads, below, most_limited)


def _parts(relaxation: Relaxation, layer: int, cutoff: float) -> Iterator[tuple[Ints | Floats, ...]]:
    """Yield tails and the columns of `Arcs`, a few tails at a time."""
    graph, usable = relaxation.graph, relaxation.passable[layer]
    tails, values = _tails(relaxation, layer)
    sums = () if graph.further is None else graph.further.arc[0, :, layer]
    coefficients = np.array([graph.arc_cost[0, layer], graph.arc_limited[0, layer], *sums])
    size = max(1, _CELLS_AT_ONCE // max(1, int(usable.sum())))
    for first in range(0, len(tails), size):
        some = tails[first : first + size]
        row, link, target = graph.links.out_of(some, usable)
        if len(row) == 0:
            continue
        figures = coefficients @ graph.links.metrics[:, link]
        cost, limited, further = figures[0], figures[1], figures[2:].T
        behind = relaxation.arrival[layer, target]
        below = np.full(len(behind), -np.inf)  # without a way on no link survives, whatever the cutoff
        np.subtract(cutoff + relaxation.offset, behind, out=below, where=np.isfinite(behind))
        priced = cost + relaxation.multiplier * limited if relaxation.multiplier > 0 else cost
        if relaxation.further is not None:
            priced = priced + further @ relaxation.further.multiplier
        keep = values[first:][row] + priced < below
        if (carried := graph.medium_arc[0, layer]) > 0.0:
            keep &= carried * graph.links.metrics[1, link] <= FULL
        chosen = np.flatnonzero(keep)
        if len(chosen):
            row, target = row[chosen], target[chosen]
            most_limited = relaxation.most - relaxation.arrival_remaining[layer, target]
            added = (cost[chosen], limited[chosen], further[chosen], graph.links.loads[:, link[chosen]].T)
            yield some[row], target, *added, below[chosen], most_limited


def _tails(relaxation: Relaxation, layer: int) -> tuple[Ints, Floats]:
    """Return the nodes that data may leave in the transfer into a layer, and the least priced cost there."""
    before = relaxation.before
    if relaxation.graph.links.single_hop:
        if layer == 0:
            return np.array([relaxation.graph.source]), np.zeros(1)
        tails = np.flatnonzero(relaxation.alive[layer - 1])
        return tails, before.values[0, layer - 1, tails]
    leaving = relaxation.passable[layer].copy()
    if layer == 0:
        leaving[relaxation.graph.source] = True
    else:
        leaving |= relaxation.alive[layer - 1]
    tails = np.flatnonzero(leaving)
    return tails, before.arriving[0, layer, tails]
