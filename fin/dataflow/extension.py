"""Extension of labels by one block: every host, every efficient route of what it reads and of its result."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.dataflow.bounds import Bounded
from planner.fin.dataflow.labels import Labels, LabelSpace, concatenated
from planner.fin.dataflow.memory import add_block, relax
from planner.fin.deadline import Deadline
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints

_AT_ONCE = 200_000
"""Labels that are made at once."""
_ROUNDING = 1e-11
_SLACK = 1.0 + 1e-12
"""Rounding of sums that limits leave room for."""


@dataclass(frozen=True, eq=False)
class Extended:
    """Labels that bounds leave, with the lower bound of each on the weighted sum of the tightest bound."""

    labels: Labels
    values: Floats


def extend(
    space: LabelSpace, found: Bounded, labels: Labels, block: int, cutoff: float, deadline: Deadline
) -> Extended:
    """Extend labels by one block; those that no plan below the cutoff extends are left out.

    Args:
        space: What labels need.
        found: The problem with its bounds.
        labels: Placements of all blocks before.
        block: The block.
        cutoff: Objective that plans of interest stay below.
        deadline: When to give up.

    Returns:
        The labels that are left, with lower bounds on the plans that extend them.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    hosts = len(space.problem.hosts[block])
    size = max(1, _AT_ONCE // max(1, hosts * space.problem.routes.options))
    parts: list[Extended] = []
    for start in range(0, labels.count, size):
        deadline.check()
        rows = np.arange(start, min(start + size, labels.count))
        made = _placed(space, labels.take(np.repeat(rows, hosts)), block, np.tile(np.arange(hosts), len(rows)))
        parts.append(_bounded(space, found, made, block, cutoff))
    return Extended(concatenated([part.labels for part in parts]), np.concatenate([part.values for part in parts]))


def _placed(space: LabelSpace, labels: Labels, block: int, place: Ints) -> Labels:
    """Place the block in every label, carry what it reads and hand over its result."""
    problem = space.problem
    node = problem.hosts[block][place]
    labels = replace(
        labels,
        places=np.concatenate([labels.places, place[:, None].astype(np.int64)], axis=1),
        usage=labels.usage + problem.node[block][:, node].T,
    )
    for row in range(problem.first_input[block], problem.first_input[block + 1]):
        labels = _carried(space, labels, row, block)
    if problem.result_limit is not None:
        labels = replace(labels, elapsed=labels.elapsed + space.seconds[block, space.nodes(labels, block)])
    return _returned(space, labels, block)


def _carried(space: LabelSpace, labels: Labels, row: int, block: int) -> Labels:
    """Carry one input over each of its routes; free where the node has it already."""
    problem = space.problem
    node, source = space.nodes(labels, block), space.nodes(labels, problem.inputs[row].producer)
    there = node == source
    for other in problem.earlier[row]:
        there |= space.nodes(labels, other) == node
    rows, options = _choices(space, source, node, ~there)
    labels, source, node, moves = labels.take(rows), source[rows], node[rows], options >= 0
    some = problem.criteria[:, options[moves], source[moves], node[moves]]
    usage = labels.usage.copy()
    usage[moves] += (problem.carry[row] @ some).T
    elapsed = labels.elapsed
    if problem.result_limit is not None:
        elapsed = elapsed.copy()
        elapsed[moves] += problem.inputs[row].bits * some[1] + some[2]
    chosen = np.concatenate([labels.options, options[:, None].astype(np.int64)], axis=1)
    return replace(labels, usage=usage, elapsed=elapsed, options=chosen)


def _choices(space: LabelSpace, source: Ints, target: Ints, moves: Bools) -> tuple[Ints, Ints]:
    """Return rows with a route for each: all of those that move, none (-1) for the others."""
    rows, options = [np.flatnonzero(~moves)], [np.full(int((~moves).sum()), -1)]
    for option in range(space.problem.routes.options):
        some = np.flatnonzero(moves & space.problem.routes.valid[option, source, target])
        rows.append(some)
        options.append(np.full(len(some), option))
    return np.concatenate(rows), np.concatenate(options)


def _returned(space: LabelSpace, labels: Labels, block: int) -> Labels:
    """Hand a result over to the destination, over each of its routes; one that comes too late is counted as late."""
    problem = space.problem
    destination, limit = problem.instance.destination, problem.result_limit
    if not problem.sends[block] or destination is None:
        none = np.full((labels.count, 1), -1, dtype=np.int64)
        return replace(labels, results=np.concatenate([labels.results, none], axis=1))
    node = space.nodes(labels, block)
    target = np.full(labels.count, destination)
    rows, options = _choices(space, node, target, np.ones(labels.count, dtype=bool))
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


def _bounded(space: LabelSpace, found: Bounded, labels: Labels, block: int, cutoff: float) -> Extended:
    """Drop labels that break a limit or a bound; `values` are weighted sums with the least cost to go."""
    problem, memory = space.problem, space.memory
    keep = (labels.usage[:, space.kept] <= problem.limits[space.kept] * (1.0 + TOLERANCE) * _SLACK).all(axis=1)
    if memory is not None:
        usage, working, held = labels.usage.copy(), labels.working.copy(), labels.held.copy()
        keep &= add_block(memory, block, space.nodes(labels, block), usage, working, held)
        labels = replace(labels, usage=usage, working=working, held=held)
    labels = labels.take(np.asarray(keep))
    values = np.zeros(labels.count)
    for bound in reversed(found.bounds):  # the first one last, whose values are returned
        index = tuple(labels.places[:, axis] for axis in found.scopes.open[block + 1])
        values = labels.usage @ bound.swept.weights + bound.swept.to_go[block + 1][index]
        kept = values <= bound.threshold(cutoff)
        labels, values = labels.take(kept), values[kept]
    if memory is not None:
        usage, working, held = labels.usage.copy(), labels.working.copy(), labels.held.copy()
        relax(memory, block, usage, working, held)
        labels = replace(labels, usage=usage, working=working, held=held)
    return Extended(labels, values)
