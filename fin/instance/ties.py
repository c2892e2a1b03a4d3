"""Ties: of the plans whose objective is the best to 1e-9, the one that is best by further criteria, in order.

Objective energy or a metric: latency, then accuracy, then the number of routes. Objective latency, rate or accuracy:
energy, latency, accuracy, number of routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from planner.fin.instance.decision import Decision, Evaluation, evaluate, objective_of, within_limits
from planner.fin.instance.instance import Instance
from planner.schemas.planning.workload import MAXIMISED

TIE = 1e-9
"""Relative difference within which two values of a criterion count as equal."""


class Merit(NamedTuple):
    """What plans are compared by, in order; less is better."""

    objective: float
    criteria: tuple[float, ...]


def merit_of(instance: Instance, decision: Decision, evaluation: Evaluation | None = None) -> Merit | None:
    """Compute what a decision is compared by.

    Args:
        instance: The app.
        decision: A decision for it.
        evaluation: What the decision costs, where that is known already.

    Returns:
        The objective in its own unit, then the criteria among ties: energy in J (where the objective is latency or a
        figure that is maximised), latency in s, accuracy with a minus sign, and the number of routes; None where the
        decision breaks a limit.
    """
    evaluation = evaluate(instance, decision) if evaluation is None else evaluation
    if not within_limits(instance, evaluation):
        return None
    accuracy = float(instance.points.accuracy[decision.point])
    paths = (*decision.transfers, *decision.results.values())
    routes = float(sum(len(path) > 1 for path in paths))
    by_energy = instance.minimise in ("latency", *MAXIMISED)
    first = (evaluation.energy_j, evaluation.latency_s) if by_energy else (evaluation.latency_s,)
    return Merit(objective_of(instance, evaluation), (*first, -accuracy, routes))


def most(value: float) -> float:
    """Return the largest value that ties with one; equal where it is 0."""
    return value + TIE * abs(value)


def above_ties(value: float) -> float:
    """Return the least number above all values that tie with one."""
    return float(np.nextafter(most(value), np.inf))


def preferred(merits: Sequence[Merit]) -> int:
    """Return the place of the best of some plans, criterion after criterion.

    Args:
        merits: What the plans are compared by, at least one.

    Example:
        >>> preferred([Merit(1.0, (3.0, 0.0)), Merit(1.0 + 1e-12, (2.0, 0.0)), Merit(2.0, (1.0, 0.0))])
        1
    """
    table = np.array([(merit.objective, *merit.criteria) for merit in merits])
    rows = np.arange(len(table))
    for column in table.T:
        values = column[rows]
        rows = rows[values <= most(float(values.min()))]
    return int(rows[0])


class TiedPlans:
    """The plans within a tie of the best one offered so far, without those that another one is no worse than."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._held: list[tuple[Merit, Decision]] = []

    @property
    def value(self) -> float:
        """Least objective of the plans held, infinite where there is none."""
        return min((merit.objective for merit, _ in self._held), default=np.inf)

    @property
    def best(self) -> Decision | None:
        """The plan that the criteria prefer, None where none keeps every limit."""
        if not self._held:
            return None
        return self._held[preferred([merit for merit, _ in self._held])][1]

    def offer(self, decision: Decision, evaluation: Evaluation | None = None) -> bool:
        """Hold a plan if it may be the one that the criteria prefer; return whether it keeps every limit.

        Args:
            decision: The plan.
            evaluation: What it costs, where that is known already.
        """
        merit = merit_of(self._instance, decision, evaluation)
        if merit is None:
            return False
        least = min(self.value, merit.objective)
        if merit.objective > most(least) or any(_no_worse(other, merit) for other, _ in self._held):
            return True
        kept = [(other, plan) for other, plan in self._held if other.objective <= most(least)]
        self._held = [(other, plan) for other, plan in kept if not _no_worse(merit, other)] + [(merit, decision)]
        return True


def _no_worse(first: Merit, second: Merit) -> bool:
    pairs = zip((first.objective, *first.criteria), (second.objective, *second.criteria), strict=True)
    return all(mine <= other for mine, other in pairs)
