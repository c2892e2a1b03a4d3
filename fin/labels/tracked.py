"""Extension of labels into the next layer: along links one hop at a time, then into the vertices.

Every hop is bounded by the cheapest completion from the node that it reaches, so labels spread over few links only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.labels.arcs import Arcs, Stage
from planner.fin.labels.hops import Hops
from planner.fin.labels.sums import without_noise
from planner.fin.labels.tracked_labels import (
    TrackedLabels,
    bounds,
    priced,
    pruned,
    root_label,
    undominated,
    within_capacities,
)
from planner.fin.links.sparse import ragged

_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class TrackedSteps:
    """Steps of labels that may state capacities, late results and node segments, and that spread link by link."""

    relaxation: Relaxation
    stages: list[Stage]
    cutoff: float
    deadline: Deadline
    links: dict[int, Hops] = field(default_factory=dict)
    """Hops that labels made into each stage over single links."""

    def root(self) -> TrackedLabels:
        """Return the label of the source, before the first stage."""
        return root_label(self.relaxation)

    def extended(self, labels: TrackedLabels, stage: int, most: int) -> tuple[TrackedLabels, float]:
        """Extend labels through a stage: into its first layer, then through the others where they are.

        Args:
            labels: Labels of the stage before, or of the source.
            stage: Index of the stage.
            most: Labels that a round of hops may keep; those of worst bound are dropped.

        Returns:
            The new labels, and the least bound of those dropped (infinite where none was).

        Raises:
            DeadlineReachedError: The deadline came first.
        """
        self.deadline.check()
        relaxation, into = self.relaxation, self.stages[stage]
        hops = self.links.setdefault(stage, into.hops or Hops())
        rows = np.arange(len(labels.node))
        still = replace(labels, parent=rows, relay=np.full(len(rows), -1))
        arcs, layer = into.arcs, into.first
        arrived, lost = [still], np.inf
        if arcs is not None and (arcs.hop is not None or relaxation.graph.links.single_hop):
            for part in _hopped(relaxation, labels, still, layer, arcs, hops):
                self.deadline.check()
                arrived.append(part)
        elif arcs is not None:
            arrived[0], lost = _relayed(relaxation, labels, still, layer, arcs, most, hops, self.deadline)
        entered = (part for some in arrived for part in _entered(relaxation, some, into))
        parts = [pruned(relaxation, part, into.last, self.cutoff) for part in entered]
        return TrackedLabels.joined(parts) if parts else labels.take(np.zeros(0, dtype=np.int64)), lost

    def bounds(self, labels: TrackedLabels, layer: int) -> Floats:
        """(Q,) lower bounds on all completions of labels that have placed a layer last, in the objective's unit."""
        return bounds(self.relaxation, labels, layer)

    def undominated(self, labels: TrackedLabels, layer: int) -> Bools:
        """(Q,) whether no other label of its node dominates each one."""
        return undominated(self.relaxation, labels, layer)

    def step(self, labels: TrackedLabels, stage: int, row: int) -> tuple[int, int, list[int]]:
        """Trace the last step of a label.

        Args:
            labels: Labels of a stage.
            stage: Index of the stage.
            row: Which of them.

        Returns:
            Its node, its result option, and the nodes passed on the way to it, the last one first.
        """
        relays = self.links[stage].relays(int(labels.relay[row]))
        return int(labels.node[row]), int(labels.option[row]), relays

    def below(self, cutoff: float) -> TrackedSteps:
        """Return the steps of paths that cost less."""
        return replace(self, cutoff=cutoff)


def _relayed(
    relaxation: Relaxation, labels: TrackedLabels, still: TrackedLabels, layer: int, arcs: Arcs, most: int, hops: Hops,
    deadline: Deadline,
) -> tuple[TrackedLabels, float]:  # fmt: skip
    """Return everything that reaches a node before a layer: what stays, and what moves over any number of links."""
    kept, frontier, lost = still, still, np.inf
    while len(frontier.node):
        deadline.check()
        parts = list(_hopped(relaxation, labels, frontier, layer, arcs, hops))
        if not parts:
            break
        new = TrackedLabels.joined(parts)
        if len(new.node) > most:
            bound = _arrival_bounds(relaxation, new, layer)
            order = np.argsort(without_noise(bound, relaxation.lower_bound), kind="stable")
            lost = min(lost, float(bound[order[most]]))
            new = new.take(np.sort(order[:most]))
        merged = TrackedLabels.joined([kept, new])
        keep = undominated(relaxation, merged, layer - 1, in_transfer=True)
        fresh = keep.copy()
        fresh[: len(kept.node)] = False
        kept, frontier = merged.take(keep), merged.take(fresh)
    return kept, lost


def _arrival_bounds(relaxation: Relaxation, labels: TrackedLabels, layer: int) -> Floats:
    """(Q,) lower bound on every completion of labels that have left their node towards a layer."""
    ahead = relaxation.arrival[layer, labels.node] - relaxation.offset
    return np.asarray(priced(relaxation, labels) + ahead, dtype=np.float64)


def _hopped(
    relaxation: Relaxation, labels: TrackedLabels, frontier: TrackedLabels, layer: int, arcs: Arcs, hops: Hops
) -> Iterator[TrackedLabels]:
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


def _moved(
    labels: TrackedLabels, layer: int, row: Ints, target: Ints, sums: tuple[Floats, Floats, Floats]
) -> TrackedLabels:
    """Return copies of labels at other nodes, where they begin a node segment with a layer.

    `row` says which label each is a copy of, `sums` what it costs and takes of the limited and the further sums.
    """
    first_hop = labels.relay[row] < 0
    return TrackedLabels(
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


def _entered(relaxation: Relaxation, arrived: TrackedLabels, stage: Stage) -> Iterator[TrackedLabels]:
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


def _sums(relaxation: Relaxation, labels: TrackedLabels, run: slice, option: int) -> tuple[Floats, Floats]:
    """(Q,) costs and limited sums once the blocks of some layers run."""
    cost = relaxation.graph.vertex_cost[0, run, :, option][:, labels.node]
    limited = relaxation.graph.vertex_limited[0, run, :, option][:, labels.node]
    if relaxation.raised is None:
        return labels.cost + cost.sum(axis=0), labels.limited + limited.sum(axis=0)
    sums = labels.cost, labels.limited
    for block_cost, block_limited in zip(cost, limited, strict=True):
        sums = relaxation.raised(sums[0] + block_cost, sums[1] + block_limited)
    return sums


def _with_vertices(relaxation: Relaxation, labels: TrackedLabels, stage: Stage, option: int) -> Floats:
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
