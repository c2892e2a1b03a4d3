"""Diagnosis of an infeasible design space: the best value of each constraint with all others kept, by enumeration."""

from __future__ import annotations

import numpy as np

from planner.carin.design_space import DesignSpace, Inequality
from planner.carin.scoring import all_values, chunks, whole_grid
from planner.schemas.adaptation.designs import METRIC_UNITS, Metric
from planner.schemas.adaptation.policy import BrokenConstraint, PolicyDiagnosis
from planner.schemas.reading.quantities import told_apart


def diagnose(space: DesignSpace) -> PolicyDiagnosis:
    """Return, for every constraint, the best value that any joint design reaches with all other constraints kept.

    Args:
        space: A design space without a feasible joint design.
    """
    best: list[float | None] = [None] * len(space.inequalities)
    for chunk in chunks(space, whole_grid(space)):
        values = all_values(space, chunk)
        holds = np.array([bound.holds(values[bound.measure]) for bound in space.inequalities])
        broken = (~holds).sum(axis=0)
        for number, bound in enumerate(space.inequalities):
            alone = values[bound.measure][broken - ~holds[number] == 0]
            if len(alone):
                reached = float(alone.min() if bound.upper else alone.max())
                before = best[number]
                best[number] = reached if before is None else (min if bound.upper else max)(before, reached)
    rows = tuple(_row(space, bound, reached) for bound, reached in zip(space.inequalities, best, strict=True))
    count = f"{space.joint_designs:,} joint design{'s' * (space.joint_designs != 1)}"
    return PolicyDiagnosis(summary=f"none of {count} meets every constraint", constraints=rows)


def _row(space: DesignSpace, bound: Inequality, best: float | None) -> BrokenConstraint:
    measure = space.measures[bound.measure]
    metric: Metric = measure.metric  # type: ignore[assignment] # measures are made of checked files
    unit = METRIC_UNITS[metric]
    what = f"{measure.metric}{'' if measure.statistic is None else f' {measure.statistic}'} of {measure.task or 'all'}"
    side = "at most" if bound.upper else "at least"
    limit, reached = told_apart(bound.limit, bound.limit if best is None else best, unit)
    asked = f"{what} is to be {side} {limit}"
    found = f"with the others kept the best is {reached}"
    if best is None:
        found = "no joint design meets the others either"
    return BrokenConstraint(
        metric=metric, statistic=measure.statistic, task=measure.task, bound="max" if bound.upper else "min",
        demand=bound.limit, best=best, unit=unit or "fraction", message=f"{asked}; {found}",
    )  # fmt: skip
