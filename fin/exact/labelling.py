"""Label setting: all efficient ways through the layers of one scenario, bounded, layer by layer.

A label is a way from the source to a vertex: its cost, its use of the limit, of each tracked capacity, of the late
budget, and where its present visit began. A label that is no better than another of its vertex in all of these is
dropped (Desrochers and Soumis, INFOR 26, 1988), and so is one whose bound reaches the cutoff.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.fin.exact.relaxation import Relaxation
from planner.fin.graph.dominance import non_dominated
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints

_CELLS_AT_ONCE = 2_000_000
_FEW = 40
"""Labels that are dearer to compare than to extend."""


class TimeUpError(Exception):
    """The time limit came before the search ended."""


@dataclass(frozen=True)
class Labels:
    """Q labels of one layer."""

    node: Ints
    cost: Floats
    limited: Floats
    usage: Floats
    """(Q, R) use of each tracked capacity: nodes first, then media."""
    late: Floats
    start: Ints
    """(Q,) block that began the present visit."""
    parent: Ints
    """(Q,) label of the layer before."""
    route: Ints
    option: Ints

    def take(self, keep: Ints | Bools) -> Labels:
        """Return some of the labels."""
        if keep.dtype == np.bool_ and keep.all():
            return self
        return Labels(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Search:
    """What a search found."""

    paths: tuple[Paths, ...]
    """Complete ways below the cutoff, cheapest first (only the first few)."""
    best_cost: float
    """Cost of the first of them, infinite where there is none."""
    lower_bound: float
    """No way costs less; the cutoff where there is none below it."""


def search(relaxation: Relaxation, cutoff: float, most_labels: int, stop_at: float, keep_paths: int = 20) -> Search:
    """Search all ways that cost less than the cutoff.

    Args:
        relaxation: The scenario, its tracked capacities and its bounds.
        cutoff: Only ways below are of interest.
        most_labels: Labels kept in a layer; those of worst bound are dropped, and their bound is accounted for.
        stop_at: Time on the performance counter at which to give up.
        keep_paths: Complete ways to return.

    Raises:
        TimeUpError: The time is up.
    """
    layers = relaxation.graph.shape[1]
    dropped = cutoff
    reached: list[Labels] = []
    labels = _root(relaxation)
    for layer in range(layers):
        if time.perf_counter() > stop_at:
            raise TimeUpError
        parts = [_prune(relaxation, part, layer, cutoff) for part in _extend(relaxation, labels, layer, cutoff)]
        labels = _joined(parts) if parts else labels.take(np.zeros(0, dtype=np.int64))
        # far too many are thinned out before dominance is looked at, which is the dearer of the two
        labels, lost = _narrowed(relaxation, labels, layer, 4 * most_labels)
        if len(labels.node) > _FEW or layer == layers - 1:
            labels = labels.take(non_dominated(labels.node, _criteria(relaxation, labels, layer)))
        labels, lost_after = _narrowed(relaxation, labels, layer, most_labels)
        dropped = min(dropped, lost, lost_after)
        reached.append(labels)
    labels = reached[-1] = labels.take(labels.cost < cutoff)
    order = np.argsort(_without_noise(labels.cost, relaxation.lower_bound), kind="stable")[:keep_paths]
    best = float(labels.cost.min(initial=np.inf))
    return Search(tuple(_trace(reached, int(index)) for index in order), best, min(best, dropped))


def _narrowed(relaxation: Relaxation, labels: Labels, layer: int, most: int) -> tuple[Labels, float]:
    """Keep the labels of least bound; return them and the least bound of those dropped."""
    if len(labels.node) <= most:
        return labels, np.inf
    bounds = _bounds(relaxation, labels, layer)
    order = np.argsort(_without_noise(bounds, relaxation.lower_bound), kind="stable")
    return labels.take(np.sort(order[:most])), float(bounds[order[most]])


def _root(relaxation: Relaxation) -> Labels:
    zero, none = np.zeros(1), np.zeros(1, dtype=np.int64)
    resources = len(relaxation.tracked) + relaxation.graph.routes.loads.shape[0]
    source = np.array([relaxation.graph.source])
    return Labels(source, zero, zero, np.zeros((1, resources)), zero, none, none, none, none)


def _extend(relaxation: Relaxation, labels: Labels, layer: int, cutoff: float) -> Iterator[Labels]:
    """Yield the extensions of labels into a layer, those aside whose bound is too high at their best option."""
    graph = relaxation.graph
    targets = np.flatnonzero(relaxation.alive[layer])
    if len(targets) == 0 or len(labels.node) == 0:
        return
    cells = len(targets) * graph.routes.options * graph.open.shape[-1]
    size = max(1, _CELLS_AT_ONCE // cells)
    for first in range(0, len(labels.node), size):
        rows = np.arange(first, min(first + size, len(labels.node)))
        yield from _extend_rows(relaxation, labels, rows, targets, layer, cutoff)


def _extend_rows(
    relaxation: Relaxation, labels: Labels, rows: Ints, targets: Ints, layer: int, cutoff: float
) -> Iterator[Labels]:
    graph, routes = relaxation.graph, relaxation.graph.routes
    figures = routes.between(labels.node[rows], targets)  # (3, P, Q, M)
    shape = figures.shape[1:]
    flat = figures.reshape(3, -1)
    cost = labels.cost[rows, None] + (graph.arc_cost[0, layer] @ flat).reshape(shape)
    limited = labels.limited[rows, None] + (graph.arc_limited[0, layer] @ flat).reshape(shape)
    possible = limited <= relaxation.most
    if not routes.complete:
        possible &= routes.valid[:, labels.node[rows, None], targets]
    starts: Ints | int = 0
    if relaxation.ends is not None:
        stays = (labels.node[rows, None] == targets) & (layer > 0)
        starts = np.where(stays, labels.start[rows, None], layer)
        possible &= relaxation.ends[starts, targets] >= layer
    # most extensions fall here, before anything is built for them
    ahead = relaxation.vertices[layer, targets] + relaxation.to_go[starts, layer, targets] - relaxation.offset
    possible &= cost + (relaxation.multiplier * limited if relaxation.multiplier > 0 else 0.0) + ahead < cutoff
    for option in range(graph.open.shape[-1]):
        route, row, target = np.nonzero(possible & graph.open[0, layer, targets, option])
        if len(row):
            picked = (route, row, target)
            yield _labels(
                relaxation, labels, rows[row], targets[target], route, option, layer, cost[picked], limited[picked]
            )


def _labels(
    relaxation: Relaxation, labels: Labels, parent: Ints, node: Ints, route: Ints, option: int, layer: int,
    cost: Floats, limited: Floats,
) -> Labels:  # fmt: skip
    """Build the labels of chosen extensions with one result option."""
    graph = relaxation.graph
    before = labels.node[parent]
    usage = labels.usage[parent]
    for column, resource in enumerate(relaxation.tracked):
        usage[:, column] += np.where(node == resource.node, resource.demand[layer], 0.0)
    for column, load in enumerate(graph.routes.loads, start=len(relaxation.tracked)):
        usage[:, column] += graph.medium_arc[0, layer] * load[route, before, node]
        if graph.destination is not None:
            back = load[option % graph.routes.options, node, graph.destination]
            usage[:, column] += graph.medium_result[0, layer] * back
    late = labels.late[parent]
    if graph.late is not None:
        late = late + graph.late[0, layer, option]
    stays = (before == node) & (layer > 0)
    return Labels(
        node=node,
        cost=cost + graph.vertex_cost[0, layer, node, option],
        limited=limited + graph.vertex_limited[0, layer, node, option],
        usage=usage,
        late=late,
        start=np.where(stays, labels.start[parent], layer),
        parent=parent,
        route=route,
        option=np.full(len(node), option),
    )


def _prune(relaxation: Relaxation, labels: Labels, layer: int, cutoff: float) -> Labels:
    """Drop labels that cannot be completed within the limits below the cutoff."""
    graph = relaxation.graph
    keep = _bounds(relaxation, labels, layer) < cutoff
    keep &= labels.limited + _behind(relaxation.remaining, labels, layer) <= relaxation.most
    capacities = [resource.capacity for resource in relaxation.tracked] + [1.0] * graph.routes.loads.shape[0]
    if capacities:
        keep &= (labels.usage <= np.array(capacities) * (1.0 + TOLERANCE)).all(axis=1)
    if graph.deadline is not None:
        # the governing exit's own way back is in `limited`, but it has no deadline besides the limit
        keep &= labels.limited <= graph.deadline[0, layer, labels.node, labels.option]
        keep &= labels.late <= graph.scenarios.late_budget[0] + TOLERANCE
    return labels.take(keep)


def _behind(table: Floats, labels: Labels, layer: int) -> Floats:
    """Look a (S, D, N) table up at the vertex and visit of each label."""
    start = labels.start if table.shape[0] > 1 else 0
    return np.asarray(table[start, layer, labels.node], dtype=np.float64)


def _bounds(relaxation: Relaxation, labels: Labels, layer: int) -> Floats:
    """(Q,) lower bound on the cost of every completion of a label."""
    so_far = labels.cost + (relaxation.multiplier * labels.limited if relaxation.multiplier > 0 else 0.0)
    return so_far + _behind(relaxation.to_go, labels, layer) - relaxation.offset


def _criteria(relaxation: Relaxation, labels: Labels, layer: int) -> Floats:
    """(Q, C) what dominance compares, less is better."""
    columns = [_without_noise(labels.cost, relaxation.lower_bound)]
    if np.isfinite(relaxation.graph.limit):
        columns.append(_without_noise(labels.limited, relaxation.graph.limit))
    if relaxation.graph.late is not None:
        columns.append(labels.late)
    if relaxation.ends is not None:
        columns.append(-labels.start.astype(np.float64))
    for column in range(labels.usage.shape[1]):
        usage = labels.usage[:, column]
        tracked = column < len(relaxation.tracked)
        columns.append(relaxation.tracked[column].shortened(usage, layer) if tracked else usage)
    table = np.array(columns).T
    if len(columns) <= 2:
        return table
    varies = (table != table[:1]).any(axis=0)
    varies[0] = True
    return table[:, varies]


def _without_noise(values: Floats, scale: float) -> Floats:
    """Round values to about 1e-12 of a scale.

    Plans that cost the same then tie on every machine, whatever the order in which its sums are rounded, and ties go
    to the first node.
    """
    if not 0.0 < abs(scale) < np.inf:
        return values
    quantum = math.ldexp(1.0, math.frexp(scale)[1] - 41)
    return np.asarray(np.rint(values / quantum) * quantum)


def _joined(parts: list[Labels]) -> Labels:
    if len(parts) == 1:
        return parts[0]
    return Labels(*(np.concatenate([getattr(part, name) for part in parts]) for name in Labels.__dataclass_fields__))


def _trace(reached: list[Labels], index: int) -> Paths:
    """Follow parents back from a label of the last layer."""
    rows = []
    for labels in reversed(reached):
        rows.append((labels.node[index], labels.option[index], labels.route[index]))
        index = int(labels.parent[index])
    node, option, route = (np.array([column], dtype=np.int64) for column in zip(*reversed(rows), strict=True))
    return Paths(node, option, route)
