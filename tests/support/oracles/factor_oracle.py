"""The least largest latency over its limit of a small workload, from the raw documents: an oracle of joint planning.

All combinations of choices (`joint_choices`) are enumerated. The least factor of one is the optimum of a geometric
program, and combinations are solved in the order of a simple bound: at each place alone, with all else whole,
shares that keep a factor must sum to at most what there is.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from joint_choices import Choice, Places, choices, places
from joint_programs import MOST_PROGRAMS, GaveUpError, JointProgram, Term, fits

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
    combinations = list(product(*by_app))
    queue = [(_least(chosen, shared), False, at) for at, chosen in enumerate(combinations)]
    heapq.heapify(queue)
    best, programs = np.inf, 0
    while queue and queue[0][0] < best * (1.0 - 1e-9):
        bound, refined, at = heapq.heappop(queue)
        if not refined:  # the bound by shares is dear: only for those that the simple one leaves
            heapq.heappush(queue, (max(bound, _bound(combinations[at], shared)), True, at))
            continue
        if programs == MOST_PROGRAMS:
            message = f"{len(queue)} combinations are in question"
            raise GaveUpError(message)
        best, programs = min(best, factor_of(combinations[at], shared)), programs + 1
    return best


def _times(chosen: Sequence[Choice], shared: Places) -> list[Any]:
    """Return the seconds of every choice at each place, alone and with all of it."""
    rate = shared.most * shared.fastest
    return [
        np.divide(choice.late_s, rate, out=np.zeros_like(choice.late_s), where=choice.late_s > 0.0) for choice in chosen
    ]


def _least(chosen: Sequence[Choice], shared: Places) -> float:
    """Return a factor that each choice alone cannot be below; infinite where memory or speed does not suffice."""
    if not fits(chosen, shared):
        return np.inf
    rate = shared.most * shared.fastest
    if (sum(choice.load for choice in chosen) > rate * (1.0 + 1e-9)).any():
        return np.inf
    times = _times(chosen, shared)
    return max(float(((own.sum(axis=1) + c.fixed_s) / c.most_s).max()) for own, c in zip(times, chosen, strict=True))


def _bound(chosen: Sequence[Choice], shared: Places) -> float:
    """Return a factor that a combination cannot be below: shares that keep it must not sum to more than there is."""
    rate, times = shared.most * shared.fastest, _times(chosen, shared)
    least = _least(chosen, shared)
    low, high = least, 1e6
    for _ in range(60):
        middle = float(np.sqrt(max(low, 1e-12) * high))
        asked = np.zeros(len(rate))
        for own, choice in zip(times, chosen, strict=True):
            room = middle * choice.most_s - choice.fixed_s[:, None] - (own.sum(axis=1, keepdims=True) - own)
            with np.errstate(divide="ignore", invalid="ignore"):
                asked += np.where(own > 0.0, np.where(room > 0.0, own / room, np.inf), 0.0).max(axis=0)
        low, high = (low, middle) if (asked <= 1.0 + 1e-9).all() else (middle, high)
    return low * (1.0 - 1e-7)


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
