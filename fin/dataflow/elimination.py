"""Least weighted sums of figures over all placements, by elimination of one block after the other.

The placement of a block is a variable, and what a block reads couples it with the blocks that made it and, since a node
gets a tensor once, with those that read it before. Blocks are eliminated from the last to the first; a table holds the
least cost to go for every placement of the blocks that later ones still depend on. Where such a table would be too
large, some couplings are left out and charged at their least, which leaves a lower bound (state space relaxation).

Source: bucket elimination (Dechter, Artificial Intelligence 113, 1999), mini-buckets (Dechter and Rish, JACM 50, 2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.dataflow.problem import PointProblem
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats, Ints

Scope = tuple[int, ...]


@dataclass(frozen=True)
class Scopes:
    """Which blocks each coupling sees, and which blocks later ones depend on."""

    rows: tuple[Scope, ...]
    """(R,) blocks that the charge of each input depends on, besides its reader."""
    open: tuple[Scope, ...]
    """(D + 1,) blocks before each one that it or a later one depends on."""
    complete: bool
    """Whether nothing is left out."""


def choose_scopes(problem: PointProblem, most: int) -> Scopes:
    """Choose couplings, dear ones first, so that no table has more than a number of entries.

    Args:
        problem: The operating point.
        most: Entries of a table at most.
    """
    rows: list[Scope] = [()] * len(problem.inputs)
    complete = True
    weight = np.abs(problem.carry).sum(axis=(1, 2))
    for row in np.argsort(-weight, kind="stable").tolist():
        full = _full_scope(problem, row)
        near = tuple(block for block in full if block == problem.inputs[row].reader - 1)
        for scope in (full, near):
            trial = [*rows[:row], scope, *rows[row + 1 :]]
            if _largest(problem, _open(problem, trial)) <= most or not scope:
                rows = trial
                complete &= scope == full
                break
        else:
            complete &= not full
    return Scopes(tuple(rows), _open(problem, rows), complete)


def _full_scope(problem: PointProblem, row: int) -> Scope:
    """Return the blocks that decide what an input costs: its producer, and the earlier readers of the same tensor."""
    producer = problem.inputs[row].producer
    return tuple(sorted({*problem.earlier[row], *((producer,) if producer >= 0 else ())}))


def _open(problem: PointProblem, rows: list[Scope]) -> tuple[Scope, ...]:
    needed: list[set[int]] = [set() for _ in range(problem.depth + 1)]
    for row, scope in enumerate(rows):
        for block in scope:
            for later in range(block + 1, problem.inputs[row].reader + 1):
                needed[later].add(block)
    return tuple(tuple(sorted(blocks)) for blocks in needed)


def _largest(problem: PointProblem, open_: tuple[Scope, ...]) -> float:
    sizes = [len(hosts) for hosts in problem.hosts]
    return max(
        float(np.prod([sizes[block] for block in (*open_[block], block)], dtype=np.float64))
        for block in range(problem.depth)
    )


@dataclass(frozen=True, eq=False)
class Sweep:
    """Costs to go at some weights."""

    weights: Floats
    """(F,)"""
    step: tuple[Floats, ...]
    """(D,) cost of each block, over the blocks that it depends on and itself."""
    to_go: tuple[Floats, ...]
    """(D + 1,) least cost of each block and all later ones, over the blocks before that they depend on."""

    @property
    def least(self) -> float:
        """Least weighted sum of all placements."""
        return float(self.to_go[0])


def sweep(problem: PointProblem, scopes: Scopes, weights: Floats, deadline: Deadline) -> Sweep:
    """Eliminate all blocks, the last one first.

    Args:
        problem: The operating point.
        scopes: Couplings that count.
        weights: (F,) weight of each figure, at least 0.
        deadline: When to give up.

    Returns:
        The cost of every step, and the least cost to go behind each block, over the blocks that are open there.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    steps: list[Floats] = []
    to_go: list[Floats] = [np.zeros(())]
    for block in range(problem.depth - 1, -1, -1):
        deadline.check()
        axes = (*scopes.open[block], block)
        cost = step_cost(problem, scopes, block, weights)
        steps.append(cost)
        total = cost + spread(to_go[-1], scopes.open[block + 1], axes)
        to_go.append(np.asarray(total.min(axis=-1)))
    return Sweep(weights, tuple(reversed(steps)), tuple(reversed(to_go)))


def spread(table: Floats, own: Scope, axes: Scope) -> Floats:
    """Reshape a table over some blocks to one over more of them, both in increasing order.

    Args:
        table: One axis for each block of its scope.
        own: Blocks of the table.
        axes: Blocks of the result.

    Returns:
        The same entries with one axis for each block of `axes`, of size 1 for those outside `own`.
    """
    sizes = dict(zip(own, table.shape, strict=True))
    return table.reshape([sizes.get(block, 1) for block in axes])


def step_cost(problem: PointProblem, scopes: Scopes, block: int, weights: Floats) -> Floats:
    """Add up the weighted cost of a block: computing, the inputs that it reads and its result.

    Args:
        problem: The operating point.
        scopes: Couplings that count.
        block: The block.
        weights: (F,) weight of each figure, at least 0.

    Returns:
        Weighted sums over the hosts of the open blocks and of the block itself: one axis for each open block, in
        increasing order, and the last for the block.
    """
    hosts, axes = problem.hosts[block], (*scopes.open[block], block)
    alone = weights @ problem.node[block][:, hosts]
    if problem.sends[block]:
        alone = alone + problem.returned(block, weights, hosts).min(axis=0)
    cost: Floats = np.zeros([len(problem.hosts[axis]) for axis in axes]) + alone
    for row in range(problem.first_input[block], problem.first_input[block + 1]):
        charge, own = _charge(problem, scopes.rows[row], row, weights)
        cost += spread(charge, (*own, block), axes)
    return cost


def _charge(problem: PointProblem, scope: Scope, row: int, weights: Floats) -> tuple[Floats, Scope]:
    """Return what an input costs at least over the blocks of its scope and its reader."""
    producer, reader = problem.inputs[row].producer, problem.inputs[row].reader
    hosts = problem.hosts[reader]
    values = problem.carried(row, weights, problem.producer_nodes(row), hosts).min(axis=0)
    own: Scope = (producer,) if producer >= 0 and producer in scope else ()
    charge = values if own else values.min(axis=0)
    for other in problem.earlier[row]:
        if other not in scope:
            charge = np.where(np.isin(hosts, problem.hosts[other]), 0.0, charge)
            continue
        axes = tuple(sorted({*own, other}))
        there = problem.hosts[other][:, None] == hosts
        charge = np.where(
            spread(there.astype(np.float64), (other, reader), (*axes, reader)) > 0.0,
            0.0,
            spread(charge, (*own, reader), (*axes, reader)),
        )
        own = axes
    return charge, own


def marginals(problem: PointProblem, scopes: Scopes, swept: Sweep) -> list[Floats]:
    """Compute the least weighted sums with each block held on each of its hosts, by a pass from the first block on.

    Args:
        problem: The operating point.
        scopes: Couplings that count.
        swept: Elimination at some weights.

    Returns:
        (D,) arrays, one per block: entry h is the least weighted sum of all placements with the block on host h of its
        hosts.
    """
    before: Floats = np.zeros(())
    found = []
    for block in range(problem.depth):
        axes = (*scopes.open[block], block)
        here = swept.step[block] + spread(before, scopes.open[block], axes)
        total = here + spread(swept.to_go[block + 1], scopes.open[block + 1], axes)
        found.append(np.asarray(total.min(axis=tuple(range(len(axes) - 1)))))
        gone = tuple(place for place, axis in enumerate(axes) if axis not in scopes.open[block + 1])
        before = np.asarray(here.min(axis=gone)) if gone else here
    return found


def least_path(problem: PointProblem, scopes: Scopes, swept: Sweep) -> Ints:
    """Trace a placement that attains the least weighted sum, from the first block to the last.

    Args:
        problem: The operating point.
        scopes: Couplings that count.
        swept: Elimination at some weights.

    Returns:
        (D,) host of each block, as its place among the hosts.
    """
    places: dict[int, int] = {}
    for block in range(problem.depth):
        fixed = tuple(places[axis] for axis in scopes.open[block])
        here = swept.step[block][fixed]
        own = scopes.open[block + 1]
        index = tuple(slice(None) if axis == block else places[axis] for axis in own)
        places[block] = int(np.argmin(here + swept.to_go[block + 1][index]))
    return np.array([places[block] for block in range(problem.depth)], dtype=np.int64)


def relaxed_figures(problem: PointProblem, scopes: Scopes, weights: Floats, places: Ints) -> Floats:
    """Compute the figures of a least path, charged as the sweep charges them.

    Args:
        problem: The operating point.
        scopes: Couplings that count.
        weights: (F,) weights of the sweep.
        places: (D,) host of each block.

    Returns:
        (F,) figures, each in its own unit (energy in J, latency in s); a subgradient of the sweep's least value in the
        weights.
    """
    figures = np.zeros(len(weights))
    for block in range(problem.depth):
        node = problem.hosts[block][places[block]]
        figures += problem.node[block][:, node]
        if problem.sends[block]:
            option = int(problem.returned(block, weights, np.array([node]))[:, 0].argmin())
            figures += problem.result[block] @ problem.criteria[:, option, node, problem.instance.destination]
        for row in range(problem.first_input[block], problem.first_input[block + 1]):
            if not _is_free(problem, scopes.rows[row], row, int(node), places):
                figures += _cheapest(problem, scopes.rows[row], row, weights, int(node), places)
    return figures


def _is_free(problem: PointProblem, scope: Scope, row: int, node: int, places: Ints) -> bool:
    for other in problem.earlier[row]:
        hosts: Ints = problem.hosts[other]
        if (hosts[places[other]] == node) if other in scope else (hosts == node).any():
            return True
    return False


def _cheapest(problem: PointProblem, scope: Scope, row: int, weights: Floats, node: int, places: Ints) -> Floats:
    producer, sources = problem.inputs[row].producer, problem.producer_nodes(row)
    if producer >= 0 and producer in scope:
        sources = sources[places[producer] : places[producer] + 1]
    values = problem.carried(row, weights, sources, np.array([node]))[:, :, 0]
    option, source = np.unravel_index(int(values.argmin()), values.shape)
    return np.asarray(problem.carry[row] @ problem.criteria[:, option, sources[source], node])
