"""Dominance among the designs of a task: designs that no state of the device can prefer are left out of the search."""

from __future__ import annotations

import numpy as np

from planner.carin.design_space import Bools, DesignSpace, Floats, Ints
from planner.carin.scoring import DesignGrid

MOST = 2000
"""Designs of one task on one engine beyond which comparing all pairs would take longer than scoring them."""


def undominated_designs(space: DesignSpace) -> DesignGrid:
    """Return the designs that the search has to look at, ascending.

    A design ``a`` is left out if an earlier design ``b`` of its task runs on the same engine and is no worse in
    any of: memory, every constraint's measure in the direction of its bounds, every objective's measure, each
    under any number of tasks on the engine.

    That is safe in every state. Take any joint design ``x`` with ``a``, and ``y``, the same with ``b``:

    - ``y`` uses the same engines, so it uses the same overloaded ones, and every other task has the same contention.
    - Every measure is a sum, mean, largest or smallest over tasks. These never fall when one task's value rises (in
      floating point too: rounding keeps order). So ``y`` meets every constraint that ``x`` meets, needs no more
      memory, and has no objective further from its best value: its distance is no larger.
    - Each state's order compares, in turn, engines used, memory and distance, so ``y`` is before ``x`` or equal to
      it; and among equals the earliest in lexicographic order counts, which is ``y``.

    So ``x`` is no state's design. The best values and deviations that distances are measured by are taken over all
    joint designs, with the dominated ones: leaving those out would move every distance.
    """
    return tuple(_undominated_of(space, task) for task in range(len(space.tasks)))


def _undominated_of(space: DesignSpace, task: int) -> Ints:
    costs = _costs(space, task)
    engine_of = space.engine_of[task]
    kept = np.ones(len(engine_of), dtype=np.bool_)
    for engine in np.unique(engine_of):
        numbers = np.flatnonzero(engine_of == engine)
        if len(numbers) <= MOST:
            kept[numbers] = _first_of_front(costs[numbers])
    return np.flatnonzero(kept)


def _costs(space: DesignSpace, task: int) -> Floats:
    """Return what has to be no worse, as columns where less is better."""
    columns = []
    for number, sign in sorted({(0, 1.0), *_directions(space)}):
        measure = space.measures[number]
        if task in measure.parts:
            columns.append(sign * measure.tables[measure.parts.index(task)])
    return np.concatenate(columns, axis=1)


def _directions(space: DesignSpace) -> set[tuple[int, float]]:
    wanted = {(number, -1.0 if space.measures[number].maximised else 1.0) for number in space.objectives}
    return wanted | {(bound.measure, 1.0 if bound.upper else -1.0) for bound in space.inequalities}


def _first_of_front(costs: Floats) -> Bools:
    """Tell for every row whether no row before it is at most as large in every column."""
    front = np.ones(len(costs), dtype=np.bool_)
    for row in range(1, len(costs)):
        before = costs[:row][front[:row]]  # what dominates a dominated row dominates this one too
        front[row] = not (before <= costs[row]).all(axis=1).any()
    return front
