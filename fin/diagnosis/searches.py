"""Searches of a diagnosis, by the exact method until a deadline: any plan, the best plan, the least of a figure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import Decision, evaluate
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.method import Options
from planner.fin.outcome import Outcome
from planner.fin.path_resources.interface import PATH_RESOURCES
from planner.schemas.planning.workload import MAXIMISED


def searched(instance: Instance, gap: float, until: Deadline) -> Outcome[Decision]:
    """Search by the exact method.

    Args:
        instance: The app.
        gap: Relative gap at which a plan is good enough.
        until: When to stop.

    Returns:
        The outcome; its plan may not be the best where time ran out.

    Raises:
        DeadlineReachedError: There is neither a plan nor a proof in time.
    """
    until.check()
    limit_s = until.limit_s
    outcome = Exact().solve(instance, Options(gap=gap, time_limit_s=limit_s))
    if outcome.plan is None and outcome.status != "infeasible" and limit_s is not None:
        raise DeadlineReachedError
    return outcome


def any_plan(instance: Instance, until: Deadline) -> Decision | None:
    """Return some plan within the limits; whether there is one does not depend on what is minimised.

    Args:
        instance: The app.
        until: When to stop.

    Raises:
        DeadlineReachedError: There is neither a plan nor a proof in time.
    """
    first = replace(instance, minimise="energy")
    return searched(first, 1.0, until).plan if instance.points.count else None


def best_plan(instance: Instance, until: Deadline) -> tuple[Decision | None, bool]:
    """Return the best plan within the limits (of what is maximised, the plan of least energy), and if it is proved.

    Args:
        instance: The app.
        until: When to stop.

    Returns:
        The plan, or None where there is none; False where the deadline came before the proof that none is better.

    Raises:
        DeadlineReachedError: There is neither a plan nor a proof in time.
    """
    if not instance.points.count:
        return None, True
    first = replace(instance, minimise="energy") if instance.minimise in MAXIMISED else instance
    outcome = searched(first, 0.0, until)
    return outcome.plan, outcome.status != "feasible" or np.isinf(until.at_s)


@dataclass(frozen=True)
class Least:
    """The least value of a figure that was found."""

    plan: Decision
    value: float
    """In the unit of the figure."""
    proved: bool = True
    """Whether no plan has less; False where a deadline ended the search for one."""


def least_figure(instance: Instance, kind: str, until: Deadline) -> Least | None:
    """Return the least figure of plans within all other limits; None where there is no plan.

    A sum is minimised. Any other figure is limited below that of each plan in turn, until there is none.

    Args:
        instance: The app.
        kind: A kind of `LIMITED_FIGURES` or the name of a metric; a limit on it does not count.
        until: When to stop.

    Returns:
        The least figure, marked where time ran out before it was proved; None where there is no plan.

    Raises:
        DeadlineReachedError: The deadline came before there was a plan.
    """
    if kind not in PATH_RESOURCES:
        decision, proved = best_plan(replace(instance, limits=instance.limits.without(kind), minimise=kind), until)
        return None if decision is None else Least(decision, evaluate(instance, decision).figure(kind), proved)
    found: Least | None = None
    below = np.inf
    try:
        while (decision := any_plan(instance.limited(kind, below), until)) is not None:
            value = evaluate(instance, decision).figure(kind)
            found, below = Least(decision, value), value * (1.0 - 4.0 * TOLERANCE)
            if value <= 0.0:
                break
    except DeadlineReachedError:
        if found is None:
            raise
        return replace(found, proved=False)
    return found
