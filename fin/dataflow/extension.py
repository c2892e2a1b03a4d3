"""Extension of labels by one block: every host, every route worth a label of what it reads and of its result.

What a block reads is carried one tensor after the other. In between, labels are left out whose bounds reach the cutoff
with the cheapest routes of what is still to be carried, and those that another way to the same host dominates. Of too
many, those of the worst bounds are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.dataflow.bounds import Bound, Bounded
from planner.fin.dataflow.labels import Labels, LabelSpace, concatenated
from planner.fin.dataflow.memory import add_block, relax
from planner.fin.deadline import Deadline
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints

_AT_ONCE = 200_000
"""Labels that are made at once."""
_FEW = 64
"""Labels of one step up to which ways to the same host are not compared."""
_ROUNDING = 1e-11
_SLACK = 1.0 + 1e-12
"""Rounding of sums that limits leave room for."""


@dataclass(frozen=True, eq=False)
class Extended:
    """Labels that bounds leave, with the lower bound of each on the weighted sum of the tightest bound."""

    labels: Labels
    values: Floats
    lost: float
    """Least such bound of the labels that were dropped; infinite where none was."""


def extend(
    space: LabelSpace, found: Bounded, labels: Labels, block: int, cutoff: float, most: int, deadline: Deadline
) -> Extended:
    """Extend labels by one block; those that no plan below the cutoff extends are left out.

    Args:
        space: What labels need.
        found: The problem with its bounds.
        labels: Placements of all blocks before.
        block: The block.
        cutoff: Objective that plans of interest stay below.
        most: Labels between the inputs of the block at most.
        deadline: When to give up.

    Returns:
        The labels that are left, with lower bounds on the plans that extend them.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    step = _Step(space, found, block, cutoff)
    hosts = len(space.problem.hosts[block])
    size = max(1, _AT_ONCE // max(1, hosts * space.problem.routes.options))
    parts: list[Extended] = []
    for start in range(0, labels.count, size):
        deadline.check()
        rows = np.arange(start, min(start + size, labels.count))
        made, places = labels.take(np.repeat(rows, hosts)), np.tile(np.arange(hosts), len(rows))
        parts.append(step.extend(made, places, max(hosts, most * len(rows) // labels.count)))
    values = np.concatenate([part.values for part in parts])
    return Extended(concatenated([part.labels for part in parts]), values, min(part.lost for part in parts))


class _Step:
    """One block of a search: what its inputs and its result cost at least, under each bound."""

    def __init__(self, space: LabelSpace, found: Bounded, block: int, cutoff: float) -> None:
        self.space, self.found, self.block, self.cutoff = space, found, block, cutoff
        problem = space.problem
        self.rows = range(problem.first_input[block], problem.first_input[block + 1])
        self.least = [[_least_carried(space, row, bound) for row in self.rows] for bound in found.bounds]
        self.least_returned = [_least_returned(space, block, bound) for bound in found.bounds]

    def extend(self, labels: Labels, place: Ints, most: int) -> Extended:
        """Place the block in every label, carry what it reads and hand over its result."""
        space, problem, block = self.space, self.space.problem, self.block
        node = problem.hosts[block][place]
        way = np.arange(labels.count)
        labels = replace(
            labels,
            places=np.concatenate([labels.places, place[:, None].astype(np.int64)], axis=1),
            usage=labels.usage + problem.node[block][:, node].T,
        )
        if problem.result_limit is not None:
            labels = replace(labels, elapsed=labels.elapsed + space.seconds[block, node])
        keep, _ = self._bounded(labels, 0, returned=False)
        labels, way, lost = labels.take(keep), way[keep], np.inf
        for number, row in enumerate(self.rows, start=1):
            labels, way = _carried(space, labels, way, row, block)
            keep, values = self._bounded(labels, number, returned=False)
            labels, way, values = labels.take(keep), way[keep], values[keep]
            if labels.count > _FEW and number > 1:
                rows, dropped = space.thinned(labels, values, most, block, way)
                labels, way, lost = labels.take(rows), way[rows], min(lost, dropped)
        return self._finished(_returned(space, labels, block), lost)

    def _bounded(self, labels: Labels, carried: int, *, returned: bool) -> tuple[Bools, Floats]:
        """Return which labels keep limits and bounds, and their weighted sums with the least cost to go."""
        space, problem, block = self.space, self.space.problem, self.block
        limits = problem.limits[space.kept] * (1.0 + TOLERANCE) * _SLACK
        keep: Bools = np.all(labels.usage[:, space.kept] <= limits, axis=1)
        node = space.nodes(labels, block)
        ends = [(space.nodes(labels, problem.inputs[row].producer), _is_there(space, labels, row, block))
                for row in self.rows[carried:]]  # fmt: skip
        values = np.zeros(labels.count)
        index = tuple(labels.places[:, axis] for axis in self.found.scopes.open[block + 1])
        bounds = list(zip(self.found.bounds, self.least, self.least_returned, strict=True))
        for bound, inputs, least_returned in reversed(bounds):  # the first one last, whose values are returned
            values = labels.usage @ bound.swept.weights + bound.swept.to_go[block + 1][index]
            for least, (source, there) in zip(inputs[carried:], ends, strict=True):
                values = values + np.where(there, 0.0, least[source, node])
            if not returned:
                values = values + least_returned[node]
            keep &= values <= bound.threshold(self.cutoff)
        return keep, values

    def _finished(self, labels: Labels, lost: float) -> Extended:
        """Count memory, and drop labels that break a limit or a bound."""
        space, memory = self.space, self.space.memory
        if memory is not None:
            usage, working, held = labels.usage.copy(), labels.working.copy(), labels.held.copy()
            fits = add_block(memory, self.block, space.nodes(labels, self.block), usage, working, held)
            labels = replace(labels, usage=usage, working=working, held=held).take(np.asarray(fits))
        keep, values = self._bounded(labels, len(self.rows), returned=True)
        labels, values = labels.take(keep), values[keep]
        if memory is not None:
            usage, working, held = labels.usage.copy(), labels.working.copy(), labels.held.copy()
            relax(memory, self.block, usage, working, held)
            labels = replace(labels, usage=usage, working=working, held=held)
        return Extended(labels, values, lost)


def _least_carried(space: LabelSpace, row: int, bound: Bound) -> Floats:
    """(N, N) least weighted sum over the routes of an input, infinite where there is none."""
    problem, nodes = space.problem, space.problem.instance.network.size
    sources, targets = problem.producer_nodes(row), problem.hosts[problem.inputs[row].reader]
    least = np.full((nodes, nodes), np.inf)
    least[sources[:, None], targets] = problem.carried(row, bound.swept.weights, sources, targets).min(axis=0)
    return least


def _least_returned(space: LabelSpace, block: int, bound: Bound) -> Floats:
    """(N,) least weighted sum over the routes of a result; 0 where none travels."""
    problem, nodes = space.problem, space.problem.hosts[block]
    least = np.zeros(space.problem.instance.network.size)
    if problem.sends[block]:
        least[nodes] = problem.returned(block, bound.swept.weights, nodes).min(axis=0)
    return least


def _is_there(space: LabelSpace, labels: Labels, row: int, block: int) -> Bools:
    """(Q,) whether the node of a block has an input already: it was made or carried there."""
    node = space.nodes(labels, block)
    there = node == space.nodes(labels, space.problem.inputs[row].producer)
    for other in space.problem.earlier[row]:
        there |= space.nodes(labels, other) == node
    return np.asarray(there)


def _carried(space: LabelSpace, labels: Labels, way: Ints, row: int, block: int) -> tuple[Labels, Ints]:
    """Carry one input over each of its routes; free where the node has it already."""
    problem = space.problem
    node, source = space.nodes(labels, block), space.nodes(labels, problem.inputs[row].producer)
    moving = ~_is_there(space, labels, row, block)
    rows, options = _choices(space.input_choices(row), source, node, moving)
    labels, source, node, moves = labels.take(rows), source[rows], node[rows], options >= 0
    some = problem.criteria[:, options[moves], source[moves], node[moves]]
    usage = labels.usage.copy()
    usage[moves] += (problem.carry[row] @ some).T
    elapsed = labels.elapsed
    if problem.result_limit is not None:
        elapsed = elapsed.copy()
        elapsed[moves] += problem.inputs[row].bits * some[1] + some[2]
    chosen = np.concatenate([labels.options, options[:, None].astype(np.int64)], axis=1)
    return replace(labels, usage=usage, elapsed=elapsed, options=chosen), way[rows]


def _choices(routes: Bools, source: Ints, target: Ints, moving: Bools) -> tuple[Ints, Ints]:
    """Return rows with a route for each: all of those that move, none (-1) for the others."""
    stay = np.flatnonzero(~moving)
    options, rows = np.nonzero(routes[:, source, target] & moving)
    return np.concatenate([stay, rows]), np.concatenate([np.full(len(stay), -1), options])


def _returned(space: LabelSpace, labels: Labels, block: int) -> Labels:
    """Hand a result over to the destination, over each of its routes; one that comes too late is counted as late."""
    problem = space.problem
    destination, limit = problem.instance.destination, problem.result_limit
    if not problem.sends[block] or destination is None:
        none = np.full((labels.count, 1), -1, dtype=np.int64)
        return replace(labels, results=np.concatenate([labels.results, none], axis=1))
    node = space.nodes(labels, block)
    target = np.full(labels.count, destination)
    rows, options = _choices(space.result_choices(block), node, target, np.ones(labels.count, dtype=bool))
    labels, node = labels.take(rows), node[rows]
    some = problem.criteria[:, options, node, destination]
    usage, late = labels.usage + (problem.result[block] @ some).T, labels.late
    keep = np.ones(labels.count, dtype=bool)
    if limit is not None and problem.leaves[block] > 0.0:
        head = int(np.flatnonzero(problem.instance.points.exit_block == block)[0])
        done_s = labels.elapsed + problem.instance.result_bits[head] * some[1] + some[2]
        late = late + np.where(done_s > limit.latency_s * (1.0 + _ROUNDING), problem.leaves[block], 0.0)
        keep = late <= limit.late
    results = np.concatenate([labels.results, options[:, None].astype(np.int64)], axis=1)
    return replace(labels, usage=usage, late=late, results=results).take(keep)
