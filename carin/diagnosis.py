"""Why no joint design will do: for every constraint, the best that could be had if it gave way alone."""

from __future__ import annotations

import numpy as np

from planner.carin.problem import Bound, Problem
from planner.carin.scoring import all_values, stretches, whole_grid
from planner.schemas.adaptation.designs import Metric
from planner.schemas.adaptation.policy import BrokenConstraint, PolicyDiagnosis

_UNITS: dict[str, str] = {
    "latency_s": "s", "throughput_per_s": "1/s", "energy_j": "J", "memory_bytes": "B", "size_bytes": "B",
    "accuracy": "fraction",
}  # fmt: skip


def diagnose(problem: Problem) -> PolicyDiagnosis:
    """Return, for every bound, the best value that any joint design reaches with all other bounds kept."""
    best: list[float | None] = [None] * len(problem.bounds)
    for stretch in stretches(problem, whole_grid(problem)):
        values = all_values(problem, stretch)
        holds = np.array([bound.holds(values[bound.measure]) for bound in problem.bounds])
        broken = (~holds).sum(axis=0)
        for number, bound in enumerate(problem.bounds):
            alone = values[bound.measure][broken - ~holds[number] == 0]
            if len(alone):
                reached = float(alone.min() if bound.upper else alone.max())
                before = best[number]
                best[number] = reached if before is None else (min if bound.upper else max)(before, reached)
    rows = tuple(_row(problem, bound, reached) for bound, reached in zip(problem.bounds, best, strict=True))
    count = f"{problem.joint_designs:,} joint design{'s' * (problem.joint_designs != 1)}"
    return PolicyDiagnosis(summary=f"none of {count} meets every constraint", constraints=rows)


def _row(problem: Problem, bound: Bound, best: float | None) -> BrokenConstraint:
    measure = problem.measures[bound.measure]
    unit = _UNITS[measure.metric]
    what = f"{measure.metric}{'' if measure.statistic is None else f' {measure.statistic}'} of {measure.task or 'all'}"
    side = "at most" if bound.upper else "at least"
    in_words = "" if unit == "fraction" else f" {unit}"
    asked = f"{what} is to be {side} {bound.limit:.6g}{in_words}"
    if best is None:
        found = "no joint design meets the others either"
    else:
        found = f"with the others kept the best is {best:.6g}{in_words}"
    metric: Metric = measure.metric  # type: ignore[assignment] # measures are made of checked files
    return BrokenConstraint(
        metric=metric, statistic=measure.statistic, task=measure.task, bound="max" if bound.upper else "min",
        demand=bound.limit, best=best, unit=unit, message=f"{asked}; {found}",
    )  # fmt: skip
