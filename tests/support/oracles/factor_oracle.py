"""The least largest latency over its limit of a small workload, from the raw documents: an oracle of joint planning.

All combinations of choices (`joint_choices`) are enumerated. The least factor of one is the optimum of a geometric
program, which is solved where two necessary conditions leave a combination: no app alone is late, and at each place
alone, with all else whole, the shares that keep the best factor so far sum to at most what there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from joint_choices import Choice, Places, choices, places
from joint_programs import FEASIBLE, MOST_PROGRAMS, GaveUpError, JointProgram, Term

from planner.fin.instance.network import Floats

_MOST_COMBINATIONS = 60_000


def least_factor(apps: Sequence[tuple[dict[str, Any], dict[str, Any]]], topology: dict[str, Any]) -> float:
    """Return the least factor of a workload, infinite where no plan keeps the other limits.

    Args:
        apps: Every app with its model, as documents; each with a latency limit.
        topology: The topology, as a document.

    Raises:
        GaveUpError: There are too many combinations, or too many programs to solve.
    """
    shared = places(topology)
    by_app = [choices(app, model, topology) for app, model in apps]
    count = int(np.prod([len(own) for own in by_app]))
    if count > _MOST_COMBINATIONS:
        message = f"{count} combinations"
        raise GaveUpError(message)
    if count == 0:
        return np.inf
    numbers = np.indices([len(own) for own in by_app]).reshape(len(by_app), count)
    bounds = _bounds(by_app, numbers, shared)
    best, programs = np.inf, 0
    for at in np.argsort(bounds, kind="stable"):
        if bounds[at] >= best * (1.0 - 1e-9):
            break
        chosen = [own[number] for own, number in zip(by_app, numbers[:, at], strict=True)]
        if not _may_keep(best, chosen, shared):
            continue
        if programs == MOST_PROGRAMS:
            message = f"{count} combinations are in question"
            raise GaveUpError(message)
        best, programs = min(best, factor_of(chosen, shared)), programs + 1
    return best


def _times(choice: Choice, shared: Places) -> Floats:
    """(R, P) seconds of a choice at each place, alone and with all of it."""
    rate = shared.most * shared.fastest
    return np.divide(choice.late_s, rate, out=np.zeros_like(choice.late_s), where=choice.late_s > 0.0)


def _bounds(by_app: Sequence[Sequence[Choice]], numbers: Any, shared: Places) -> Floats:
    """(C,) factors that combinations are not below: of each choice alone; infinite where loads or memory do not fit."""
    bounds = np.zeros(numbers.shape[1])
    load, memory = np.zeros((2, numbers.shape[1], len(shared.names)))
    for own, number in zip(by_app, numbers, strict=True):
        alone = [((_times(choice, shared).sum(axis=1) + choice.fixed_s) / choice.most_s).max() for choice in own]
        bounds = np.maximum(bounds, np.array(alone)[number])
        load += np.array([choice.load for choice in own])[number]
        memory += np.array([choice.memory for choice in own])[number]
    fits = (load <= shared.most * shared.fastest * (1.0 + FEASIBLE)).all(axis=1)
    fits &= (memory <= shared.memory * (1.0 + FEASIBLE)).all(axis=1)
    return np.where(fits, bounds, np.inf)


def _may_keep(factor: float, chosen: Sequence[Choice], shared: Places) -> bool:
    """Tell whether the shares that each choice needs of a place alone, to keep a factor, sum to at most what it has."""
    asked = np.zeros(len(shared.names))
    for choice in chosen:
        own = _times(choice, shared)
        room = factor * choice.most_s - choice.fixed_s[:, None] - (own.sum(axis=1, keepdims=True) - own)
        with np.errstate(divide="ignore", invalid="ignore"):
            asked += np.where(own > 0.0, np.where(room > 0.0, own / room, np.inf), 0.0).max(axis=0)
    return bool((asked <= 1.0 + 1e-7).all())


def factor_of(chosen: Sequence[Choice], shared: Places) -> float:
    """Return the least factor of one combination; infinite where the other limits cannot be kept."""
    joint = JointProgram.of(chosen, shared)
    if joint is None:
        return np.inf
    sums = []
    for app, choice in enumerate(chosen):
        for late_s, fixed_s in zip(choice.late_s, choice.fixed_s, strict=True):
            terms = joint.over_rate(app, late_s / choice.most_s)
            sums.append([*terms, *([Term(float(fixed_s) / choice.most_s, {})] if fixed_s > 0.0 else [])])
    return joint.program.least(sums)
