"""One step of the large neighbourhood search: an integer program over chosen classes, all other users fixed."""

from __future__ import annotations

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.instance.model_arrays import TOLERANCE
from planner.fleet.master.program import Program, program_of, solve
from planner.fleet.rounding.state import WholeUsers

_GAP = 1e-5
_AGREE = 1e-6


def reoptimised(
    state: WholeUsers, chosen: Bools, penalty_w: float, *, seconds: float, nodes: int | None, gap: float = _GAP
) -> tuple[WholeUsers, float]:
    """Plan some classes anew over their columns by an integer program, all others as they are, and bound them below.

    The bound is on power and penalties of the chosen classes, over the columns known. It is only believed where the
    solver's own value agrees with the recomputed one.

    Args:
        state: Users now.
        chosen: (C,) classes to plan anew.
        penalty_w: Cost of a user without a plan, in watts.
        seconds: Time limit, in seconds.
        nodes: Nodes of branch and bound at most.
        gap: Relative gap at which the program is done.

    Returns:
        The better of the users found and `state`, and the bound in watts; -inf where nothing is proved.
    """
    instance, columns = state.instance, state.columns
    own = chosen[columns.owner]
    numbers, classes = np.flatnonzero(own), np.flatnonzero(chosen)
    if not len(classes) or not len(numbers):
        return state, -np.inf
    program, unit = _program(state, own, numbers, classes, penalty_w)
    found = solve(program, seconds=seconds, nodes=nodes, gap=gap)
    if found.x is None:
        return state, -np.inf
    whole = np.round(found.x).astype(np.int64)
    claimed, recomputed = float(program.cost @ found.x), float(program.cost @ whole)
    agrees = abs(claimed - recomputed) <= _AGREE * max(1.0, abs(recomputed))
    bound = found.bound * unit if agrees and found.bound <= recomputed * (1.0 + _AGREE) + _AGREE else -np.inf
    users = state.users.copy()
    users[numbers] = whole[: len(numbers)]
    placed = np.bincount(columns.owner[numbers], weights=users[numbers], minlength=instance.classes).astype(np.int64)
    waiting = state.waiting.copy()
    waiting[classes] = instance.count[classes] - placed[classes]
    new = WholeUsers(instance, columns, users, waiting)
    return (new if _is_better(new, state, penalty_w) else state), bound


def _is_better(new: WholeUsers, old: WholeUsers, penalty_w: float) -> bool:
    """Recompute the answer of the solver: it must hold, and cost less than what is held."""
    capacity = new.instance.resources.capacity
    if (new.waiting < 0).any() or (new.users < 0).any() or (new.load > capacity * (1.0 + TOLERANCE)).any():
        return False
    held = [each.power_w + penalty_w * float(each.waiting.sum()) for each in (new, old)]
    return held[0] < held[1]


def _program(state: WholeUsers, own: Bools, numbers: Ints, classes: Ints, penalty_w: float) -> tuple[Program, float]:
    """Write the program (users of each column, then users without a plan of each class) and the unit of its costs."""
    instance, columns = state.instance, state.columns
    rate = instance.rate_per_s[columns.owner]
    position = np.full(columns.count, -1)
    position[numbers] = np.arange(len(numbers))
    entry = own[columns.load_column]
    rows, row = np.unique(columns.load_row[entry], return_inverse=True)
    column = columns.load_column[entry]
    fixed = columns.load_of(rate * np.where(own, 0, state.users), instance.resources.count)
    room = np.maximum(instance.resources.capacity[rows] * (1.0 + TOLERANCE / 2.0) - fixed[rows], 0.0)
    scale = np.where(room > 0.0, room, 1.0)
    place = np.searchsorted(classes, columns.owner[numbers])
    count = len(numbers)
    entries = (
        np.concatenate([place, np.arange(len(classes)), len(classes) + row]),
        np.concatenate([np.arange(count), count + np.arange(len(classes)), position[column]]),
        np.concatenate([np.ones(count + len(classes)), rate[column] * columns.load_s[entry] / scale[row]]),
    )
    cost: Floats = np.concatenate([rate[numbers] * columns.energy_j[numbers], np.full(len(classes), penalty_w)])
    unit = float(np.median(cost[:count])) if count and (cost[:count] > 0.0).any() else 1.0
    users = instance.count[classes].astype(np.float64)
    low = np.concatenate([users, np.full(len(rows), -np.inf)])
    high = np.concatenate([users, np.where(room > 0.0, 1.0, 0.0)])
    most = np.concatenate([users[place], users])
    unit = unit if unit > 0.0 else 1.0
    return program_of(cost / unit, most, entries, low, high, np.ones(len(cost), dtype=bool)), unit
