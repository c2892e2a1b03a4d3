"""The best plan of a small workload, from the raw documents: the oracle of joint planning.

All choices of all apps are enumerated (`joint_choices`), and the power of a combination is the optimum of a geometric
program, written out from the model of cost and solved by Clarabel. Combinations are solved in the order of a simple
lower bound, so that few programs are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from joint_choices import Choice, Places, choices, places
from joint_programs import FEASIBLE, MOST_PROGRAMS, GaveUpError, JointProgram

from planner.fin.instance.network import Floats


@dataclass(frozen=True)
class Optimum:
    """The least power of all plans; infinite where there is none."""

    power_w: float
    chosen: tuple[Choice, ...] | None
    programs: int
    combinations: int


def optimum(apps: Sequence[tuple[dict[str, Any], dict[str, Any]]], topology: dict[str, Any], **limits: Any) -> Optimum:
    """Return the least power of a workload.

    Args:
        apps: Every app with its model, as documents.
        topology: The topology, as a document.
        limits: As for `best_of`.
    """
    return best_of([choices(app, model, topology) for app, model in apps], places(topology), **limits)


def best_of(
    by_app: Sequence[Sequence[Choice]], shared: Places, known_w: float = np.inf, most_programs: int = MOST_PROGRAMS
) -> Optimum:
    """Return the best combination of choices.

    Args:
        by_app: The choices of every app.
        shared: What they share.
        known_w: Power of a plan that is known; only combinations that may be below it are looked at.
        most_programs: Largest number of geometric programs.

    Raises:
        GaveUpError: That number is not enough.
    """
    numbers, bounds = _in_question(by_app, shared, known_w)
    best_w, best, programs = np.inf, None, 0
    for at in np.argsort(bounds, kind="stable"):
        if bounds[at] >= best_w * (1.0 - 1e-9) or bounds[at] > known_w:
            break
        if programs == most_programs:
            message = f"{len(bounds)} combinations are in question"
            raise GaveUpError(message)
        chosen = tuple(own[number] for own, number in zip(by_app, numbers[at], strict=True))
        power_w = least_power(chosen, shared)
        programs += 1
        if power_w < best_w:
            best_w, best = power_w, chosen
    return Optimum(best_w, best, programs, len(bounds))


def _in_question(by_app: Sequence[Sequence[Choice]], shared: Places, known_w: float) -> tuple[Any, Floats]:
    """Return the combinations that simple necessary conditions leave, as numbers of choices, and bounds of them."""
    stacks = [_Stack.of(own, shared) for own in by_app]
    numbers = np.zeros((1, 0), dtype=np.int64)
    for count, stack in enumerate(stacks, start=1):
        new = np.arange(len(stack.alone_w))
        numbers = np.hstack([np.repeat(numbers, len(new), axis=0), np.tile(new, len(numbers))[:, None]])
        bounds = _bounds(stacks[:count], numbers, shared)
        keep = bounds <= known_w if np.isfinite(known_w) else bounds < np.inf
        numbers, bounds = numbers[keep], bounds[keep]
        if len(numbers) > 3_000_000:
            message = f"{len(numbers)} combinations are in question"
            raise GaveUpError(message)
    return numbers, bounds


@dataclass(frozen=True)
class _Stack:
    """The choices of one app as arrays of C rows."""

    used: Floats
    load: Floats
    dynamic_w: Floats
    static_w: Floats
    memory: Floats
    least_share: Floats
    """(C, P) least share of a place at full speed, with full shares of all else."""
    carried_w: Floats
    alone_w: Floats
    """(C,) least power of the app alone; infinite where it has no plan."""

    @classmethod
    def of(cls, own: Sequence[Choice], shared: Places) -> _Stack:
        shape = (len(own), len(shared.names))
        columns = {
            name: np.array([getattr(choice, name) for choice in own]).reshape(shape)
            for name in ("used", "load", "dynamic_w", "static_w", "memory")
        }
        least = np.array([least_share(choice, shared) for choice in own]).reshape(shape)
        carried_w = np.array([choice.carried_w for choice in own])
        alone = np.array([alone_w(choice, shared) for choice in own])
        return cls(**columns, least_share=least, carried_w=carried_w, alone_w=alone)


def _over(amount: Floats, capacity: Floats) -> Floats:
    """Return quotients; nothing asks for no part of anything, and anything for more than there is of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(amount > 0.0, amount / capacity, 0.0))


def least_share(choice: Choice, shared: Places) -> Floats:
    """(P,) share that a place must give, times its speed, whatever else happens; infinite where there is no plan."""
    rates = shared.most * shared.fastest
    least = choice.load.copy()
    for late_s, fixed_s in zip(choice.late_s, choice.fixed_s, strict=True):
        quickest = _over(late_s, rates)
        if np.isinf(quickest).any():
            return np.full(len(least), np.inf)
        others = np.array([np.delete(quickest, place).sum() for place in range(len(quickest))])
        left = choice.most_s - fixed_s - others
        asked = np.where(late_s > 0.0, np.where(left > 0.0, late_s / np.where(left > 0.0, left, 1.0), np.inf), 0.0)
        late = fixed_s + quickest.sum() > choice.most_s * (1.0 + FEASIBLE)
        least = np.maximum(least, np.inf if late else asked)
    return least


_VALUES = np.append(0.0, 10.0 ** np.arange(-4.0, 5.0, 0.25))
"""Watts that a second of latency may be worth."""


def alone_w(choice: Choice, shared: Places) -> float:
    """Return a lower bound of an app's power without idle power: all shares are full, one latency at a time."""
    best = 0.0
    slowest = np.maximum(shared.slowest, _over(choice.load, shared.most))
    if (slowest > shared.fastest * (1.0 + FEASIBLE)).any():
        return np.inf
    for late_s, fixed_s in zip(choice.late_s, choice.fixed_s, strict=True):
        value = _VALUES if np.isfinite(choice.most_s) else _VALUES[:1]
        worth = choice.static_w + value[:, None] * _over(late_s, shared.most)
        with np.errstate(divide="ignore", invalid="ignore"):
            speed = np.where(worth > 0.0, np.cbrt(worth / (2.0 * choice.dynamic_w)), 0.0)
        speed = np.clip(speed, slowest, np.maximum(shared.fastest, slowest))
        limit = value * (choice.most_s - fixed_s) if len(value) > 1 else 0.0
        best = max(best, float(((choice.dynamic_w * speed**2 + worth / speed).sum(axis=1) - limit).max()))
    best += choice.carried_w
    return np.inf if best > choice.most_w * (1.0 + FEASIBLE) else best


def _bounds(stacks: Sequence[_Stack], numbers: Any, shared: Places) -> Floats:
    """(C,) powers that combinations are not below; infinite where they have no plan."""

    def total(name: str) -> Floats:
        return np.asarray(sum(getattr(stack, name)[numbers[:, app]] for app, stack in enumerate(stacks)))

    used = np.stack([stack.used[numbers[:, app]] for app, stack in enumerate(stacks)]).max(axis=0)
    idle_w = used @ shared.idle_w
    least = _over(total("least_share"), shared.most)
    fits = (least <= shared.fastest * (1.0 + FEASIBLE)).all(axis=1)
    fits &= (total("memory") <= shared.memory * (1.0 + FEASIBLE)).all(axis=1)
    dynamic_w, static_w = total("dynamic_w"), total("static_w")
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = np.where(static_w > 0.0, np.cbrt(static_w / (2.0 * dynamic_w)), 0.0)
    low = np.minimum(np.maximum(shared.slowest, least), shared.fastest)
    speed = np.clip(speed, low, shared.fastest)
    together = (dynamic_w * speed**2 + static_w / speed).sum(axis=1) + total("carried_w")
    return np.where(fits, np.maximum(together, total("alone_w")) + idle_w, np.inf)


# geometric programs -------------------------------------------------------------------------------


def least_metric(chosen: Sequence[Choice], shared: Places, name: str) -> float:
    """Return a metric that a combination is not below, at the best speeds of every choice alone."""
    low, high = shared.slowest, shared.fastest
    parts = [choice.metrics[name] for choice in chosen]
    return sum(float((dynamic * low**2 + static / high).sum()) + carried for dynamic, static, carried in parts)


def optimum_of_metric(
    apps: Sequence[tuple[dict[str, Any], dict[str, Any]]], topology: dict[str, Any], name: str
) -> float:
    """Return the least sum of rates times a metric of a workload; infinite where no plan keeps the limits.

    Raises:
        GaveUpError: There are too many combinations, or too many programs to solve.
    """
    shared, by_app = places(topology), [choices(app, model, topology) for app, model in apps]
    if (count := int(np.prod([len(own) for own in by_app]))) > 60_000:
        message = f"{count} combinations"
        raise GaveUpError(message)
    bounded = [(least_metric(chosen, shared, name), number, chosen) for number, chosen in enumerate(product(*by_app))]
    best = np.inf
    for programs, (bound, _, chosen) in enumerate(sorted(bounded)):
        if bound >= best * (1.0 - 1e-9):
            break
        if programs == MOST_PROGRAMS:
            message = f"{len(bounded)} combinations are in question"
            raise GaveUpError(message)
        best = min(best, least_power(chosen, shared, name))
    return best


def least_power(chosen: Sequence[Choice], shared: Places, minimise: str | None = None) -> float:
    """Return the least power (or metric) of a combination, by a cone program; infinite where it is infeasible."""
    joint = JointProgram.of(chosen, shared)
    if joint is None:
        return np.inf
    for app, choice in enumerate(chosen):
        for late_s, fixed_s in zip(choice.late_s, choice.fixed_s, strict=True):
            left = choice.most_s - float(fixed_s)
            if np.isfinite(choice.most_s) and not joint.at_most(joint.over_rate(app, late_s), left):
                return np.inf
    if minimise is not None:
        power = [term for choice in chosen for term in joint.metric_terms(choice, minimise)]
        constant = sum(choice.metrics[minimise][2] for choice in chosen)
    else:
        power = [term for choice in chosen for term in joint.power_terms(choice)]
        used = np.max([choice.used for choice in chosen], axis=0)
        constant = sum(choice.carried_w for choice in chosen) + float(used @ shared.idle_w)
    return constant + joint.program.least([power])
