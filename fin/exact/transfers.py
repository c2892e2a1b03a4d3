"""Extension of labels into the next layer: along links one hop at a time, then into the vertices.

Every hop is bounded by the cheapest completion from the node that it reaches, so labels spread over few links only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.exact.arcs import Arcs, Stage
from planner.fin.exact.hops import Hops
from planner.fin.exact.labels import Labels, priced, pruned, undominated, within_capacities, without_noise
from planner.fin.exact.relaxation import Relaxation
from planner.fin.instance.network import Floats, Ints
from planner.fin.links.sparse import ragged

_CELLS_AT_ONCE = 2_000_000


def extended(
    relaxation: Relaxation, labels: Labels, stage: Stage, cutoff: float, most: int, hops: Hops, deadline: Deadline
) -> tuple[list[Labels], float]:
    """Extend labels through a stage: into its first layer, then through the others where they are.

    Args:
        relaxation: The scenario and its bounds.
        labels: Labels of the layer before, or of the source.
        stage: Layers to extend through, and the arcs into the first one.
        cutoff: Only paths below are of interest.
        most: Labels that a round of hops may keep; those of worst bound are dropped.
        hops: Where hops are noted.
        deadline: When to give up.

    Returns:
        The new labels in parts, and the least bound of those dropped (infinite where none was).

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    rows = np.arange(len(labels.node))
    still = replace(labels, parent=rows, relay=np.full(len(rows), -1))
    arcs, layer = stage.arcs, stage.first
    arrived, lost = [still], np.inf
    if arcs is not None and (arcs.hop is not None or relaxation.graph.links.single_hop):
        for part in _hopped(relaxation, labels, still, layer, arcs, hops):
            deadline.check()
            arrived.append(part)
    elif arcs is not None:
        arrived[0], lost = _relayed(relaxation, labels, still, layer, arcs, most, hops, deadline)
    parts = [
        pruned(relaxation, part, stage.last, cutoff) for some in arrived for part in _entered(relaxation, some, stage)
    ]
    return parts, lost


def _relayed(
    relaxation: Relaxation, labels: Labels, still: Labels, layer: int, arcs: Arcs, most: int, hops: Hops,
    deadline: Deadline,
) -> tuple[Labels, float]:  # fmt: skip
    """Return everything that reaches a node before a layer: what stays, and what moves over any number of links."""
    kept, frontier, lost = still, still, np.inf
    while len(frontier.node):
        deadline.check()
        parts = list(_hopped(relaxation, labels, frontier, layer, arcs, hops))
        if not parts:
            break
        new = Labels.joined(parts)
        if len(new.node) > most:
            bound = _arrival_bounds(relaxation, new, layer)
            order = np.argsort(without_noise(bound, relaxation.lower_bound), kind="stable")
            lost = min(lost, float(bound[order[most]]))
            new = new.take(np.sort(order[:most]))
        merged = Labels.joined([kept, new])
        keep = undominated(relaxation, merged, layer - 1, in_transfer=True)
        fresh = keep.copy()
        fresh[: len(kept.node)] = False
        kept, frontier = merged.take(keep), merged.take(fresh)
    return kept, lost


def _arrival_bounds(relaxation: Relaxation, labels: Labels, layer: int) -> Floats:
    """(Q,) lower bound on every completion of labels that have left their node towards a layer."""
    ahead = relaxation.arrival[layer, labels.node] - relaxation.offset
    return np.asarray(priced(relaxation, labels) + ahead, dtype=np.float64)


def _hopped(
    relaxation: Relaxation, labels: Labels, frontier: Labels, layer: int, arcs: Arcs, hops: Hops
) -> Iterator[Labels]:
    """Yield the extensions of a frontier by one link that bounds and capacities leave open."""
    graph, further = relaxation.graph, relaxation.further
    size = max(1, _CELLS_AT_ONCE // arcs.most)
    for first in range(0, len(frontier.node), size):
        rows = np.arange(first, min(first + size, len(frontier.node)))
        part = frontier.take(rows) if len(rows) < len(frontier.node) else frontier
        row, arc = ragged(arcs.start, part.node)
        if len(row) == 0:
            continue
        cost, limited = part.cost[row] + arcs.cost[arc], part.limited[row] + arcs.limited[arc]
        # most extensions fall here, before anything is built for them
        value = cost + relaxation.multiplier * limited if relaxation.multiplier > 0 else cost
        sums = part.further[row]
        if further is not None:
            sums += arcs.further[arc]
            value = value + sums @ further.multiplier
        keep = value < arcs.below[arc]
        keep &= limited <= arcs.most_limited[arc]
        keep &= labels.node[part.parent[row]] != arcs.target[arc]  # data that comes back has not moved
        chosen = np.flatnonzero(keep)
        if len(chosen) == 0:
            continue
        row, arc = row[chosen], arc[chosen]
        new = _moved(part, layer, row, arcs.target[arc], (cost[chosen], limited[chosen], sums[chosen]))
        if len(graph.links.loads):
            new.usage[:, len(relaxation.tracked) :] += graph.medium_arc[0, layer] * arcs.loads[arc]
            keep = within_capacities(relaxation, new.usage)
            row, arc, new = row[keep], arc[keep], new.take(keep)
        yield replace(new, relay=hops.add(new.node, part.relay[row]) if arcs.hop is None else arcs.hop[arc])


def _moved(labels: Labels, layer: int, row: Ints, target: Ints, sums: tuple[Floats, Floats, Floats]) -> Labels:
    """Return copies of labels at other nodes, where they begin a node segment with a layer.

    `row` says which label each is a copy of, `sums` what it costs and takes of the limited and the further sums.
    """
    first_hop = labels.relay[row] < 0
    return Labels(
        node=target,
        cost=sums[0],
        limited=sums[1],
        further=sums[2],
        usage=labels.usage[row],
        late=labels.late[row],
        transfers=labels.transfers[row] + first_hop,
        start=np.full(len(row), layer),
        parent=labels.parent[row],
        relay=labels.relay[row],
        option=labels.option[row],
        path=labels.path[row],
    )


def _entered(relaxation: Relaxation, arrived: Labels, stage: Stage) -> Iterator[Labels]:
    """Yield labels that enter the vertices of their nodes, for each result option."""
    graph, layer = relaxation.graph, stage.first
    run = slice(stage.first, stage.last + 1)
    possible = relaxation.alive[run, arrived.node].all(axis=0)
    if relaxation.ends is not None:
        possible &= relaxation.ends[arrived.start, arrived.node] >= stage.last
    options = graph.open.shape[-1]
    for option in range(options):
        rows = np.flatnonzero(possible if options == 1 else possible & graph.open[0, layer, arrived.node, option])
        if len(rows) == 0:
            continue
        some = arrived if len(rows) == len(arrived.node) else arrived.take(rows)
        usage = some.usage
        if usage.shape[1]:
            usage = _with_vertices(relaxation, some, stage, option)
        late = some.late if graph.late is None else some.late + graph.late[0, layer, option]
        transfers = some.transfers
        if graph.results is not None and relaxation.ties:
            transfers = transfers + (graph.sends_result[0, layer] & (some.node != graph.results.end))
        further = some.further
        if graph.further is not None:
            further = further + graph.further.vertex[0][:, run, :, option][:, :, some.node].sum(axis=1).T
        path, limits = some.path, graph.path_limits
        if limits is not None:
            blocks = range(stage.first, min(stage.last + 1, int(graph.depth[0])))
            path = limits.entered(int(graph.scenarios.point[0]), path, some.node, some.relay >= 0, blocks)
        cost, limited = _sums(relaxation, some, run, option)
        yield replace(
            some,
            cost=cost,
            limited=limited,
            further=further,
            usage=usage,
            late=late,
            transfers=transfers,
            option=np.full(len(rows), option),
            path=path,
        )


def _sums(relaxation: Relaxation, labels: Labels, run: slice, option: int) -> tuple[Floats, Floats]:
    """(Q,) costs and limited sums once the blocks of some layers run."""
    cost = relaxation.graph.vertex_cost[0, run, :, option][:, labels.node]
    limited = relaxation.graph.vertex_limited[0, run, :, option][:, labels.node]
    if relaxation.raised is None:
        return labels.cost + cost.sum(axis=0), labels.limited + limited.sum(axis=0)
    sums = labels.cost, labels.limited
    for block_cost, block_limited in zip(cost, limited, strict=True):
        sums = relaxation.raised(sums[0] + block_cost, sums[1] + block_limited)
    return sums


def _with_vertices(relaxation: Relaxation, labels: Labels, stage: Stage, option: int) -> Floats:
    """(Q, R) use of tracked capacities once the blocks of a stage run and the result is sent."""
    graph = relaxation.graph
    usage = labels.usage.copy()
    for index, resource in enumerate(relaxation.tracked):
        demand = resource.demand[stage.first : stage.last + 1].sum()
        usage[:, index] += np.where(labels.node == resource.node, demand, 0.0)
    if graph.results is not None:
        first = len(relaxation.tracked)
        loads = graph.results.loads[:, labels.node, option % graph.results.options]
        usage[:, first:] += (graph.medium_result[0, stage.first] * loads).T
    return usage
