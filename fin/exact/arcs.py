"""Arcs that may lie on a path below a cutoff: reduced-cost fixing of links, transfer by transfer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from planner.fin.exact.hops import Hops
from planner.fin.exact.relaxation import Relaxation
from planner.fin.instance.network import Floats, Ints
from planner.fin.links.interface import FULL

_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class Arcs:
    """A links, or paths of links, that data may take into one layer, in order of the nodes that they leave."""

    start: Ints
    """(N + 1,) first arc out of each node."""
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

    @property
    def most(self) -> int:
        """Largest number of arcs out of a node."""
        return int(np.diff(self.start).max())


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


def stages_of(relaxation: Relaxation, arcs: list[Arcs | None]) -> list[Stage]:
    """Join layers into which no arc leads with the layer before.

    Where results travel, every layer is a stage of its own.

    Args:
        relaxation: The scenario and its bounds.
        arcs: Arcs into each layer, None where there is none.
    """
    layers = len(arcs)
    apart = relaxation.graph.results is not None
    first = [layer for layer in range(layers) if layer == 0 or apart or arcs[layer] is not None]
    return [Stage(here, behind - 1, arcs[here]) for here, behind in zip(first, [*first[1:], layers], strict=True)]


def surviving_arcs(relaxation: Relaxation, cutoff: float) -> list[Arcs | None]:
    """Collect the links that bounds up to their tails and from their heads on leave open, in every transfer.

    Args:
        relaxation: The scenario and its bounds.
        cutoff: Only paths below are of interest.

    Returns:
        The arcs into each layer; None where no arc stays open.
    """
    if relaxation.link_bounds is None:
        return [_of_layer(relaxation, layer, cutoff) for layer in range(relaxation.graph.shape[1])]
    links = relaxation.graph.links
    layer, link = np.nonzero(relaxation.link_bounds < cutoff)
    place = layer * links.size + links.ends[0][link]
    if (place[1:] < place[:-1]).any():
        order = np.argsort(place, kind="stable")
        layer, link, place = layer[order], link[order], place[order]
    graph, target = relaxation.graph, links.ends[1][link]
    further = () if graph.further is None else graph.further.arc[0]
    coefficients = np.array([graph.arc_cost[0], graph.arc_limited[0], *further])
    figures = (coefficients[:, layer] * links.metrics[:, link].T).sum(axis=2)
    below = cutoff + relaxation.offset - relaxation.arrival[layer, target]
    most_limited = relaxation.most - relaxation.arrival_remaining[layer, target]
    columns = (target, figures[0], figures[1], figures[2:].T, links.loads[:, link].T, below, most_limited)
    return by_layer(place, relaxation.alive.shape, columns)


def by_layer(
    place: Ints, shape: tuple[int, int], columns: tuple[Ints | Floats, ...], hop: Ints | None = None,
    hops: Hops | None = None,
) -> list[Arcs | None]:  # fmt: skip
    """Split arcs by the layers that they lead into.

    Args:
        place: (A,) l * N + n for an arc out of node n into layer l; in order.
        shape: D and N.
        columns: The other columns of `Arcs`, without the hops.
        hop: (A,) last hop of each arc, where these are paths of links.
        hops: All hops.

    Returns:
        The arcs into each of the D layers; None where there is none.
    """
    layers, nodes = shape
    begin = np.searchsorted(place, np.arange(layers * nodes + 1))
    first = begin[::nodes].tolist()
    found: list[Arcs | None] = [None] * layers
    for layer, (start, stop) in enumerate(pairwise(first)):
        if stop > start:
            part = slice(start, stop)
            starts = begin[layer * nodes : (layer + 1) * nodes + 1] - start
            last = None if hop is None else hop[part]
            found[layer] = Arcs(starts, *(column[part] for column in columns), last, hops)
    return found


def _of_layer(relaxation: Relaxation, layer: int, cutoff: float) -> Arcs | None:
    """Return the arcs that stay open in one transfer; None where there is none."""
    parts = list(_parts(relaxation, layer, cutoff))
    if not parts:
        return None
    tail, target, cost, limited, further, loads, below, most_limited = (
        column[0] if len(column) == 1 else np.concatenate(column) for column in zip(*parts, strict=True)
    )
    start = np.searchsorted(tail, np.arange(relaxation.graph.shape[2] + 1))
    return Arcs(start, target, cost, limited, further, loads, below, most_limited)


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
