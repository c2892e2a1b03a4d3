"""Other ways of choosing the design of the state where nothing is wrong, to measure ours against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from planner.carin.candidates import first_least
from planner.carin.dominance import undominated
from planner.carin.problem import Bools, Floats, Problem, build_problem
from planner.carin.scoring import Grid, Standards, all_values, distances, meets_all, stretches, survey
from planner.schemas.adaptation.designs import MAXIMISED, Constraint, Designs, Task
from planner.schemas.reading.problems import input_error

Score = Callable[[list[Floats]], Floats]
"""From the measures of joint designs to what is minimised."""


@dataclass(frozen=True)
class Pick:
    """A joint design by its number, or the reason why there is none."""

    number: int | None
    message: str = ""


@dataclass(frozen=True)
class Scored:
    """A problem with all that its distances are measured by."""

    designs: Designs
    problem: Problem
    standards: Standards
    grid: Grid
    """Joint designs among which every least distance is found."""

    def distance(self, values: list[Floats]) -> Floats:
        """Return the distances of joint designs."""
        return distances(self.problem, self.standards, values)


def score(designs: Designs) -> Scored:
    """Build a problem and measure its objectives; the grid means nothing where no joint design is feasible."""
    problem = build_problem(designs)
    return Scored(designs, problem, survey(problem), undominated(problem))


def all_baselines(scored: Scored, other: Designs | None) -> dict[str, Pick]:
    """Return every baseline's joint design; the transferred one if another device is given.

    Raises:
        InputError: The other device has other tasks.
    """
    picks = {
        "oodin": oodin(scored),
        "single_model_most_accurate": single_model(scored, "accuracy", most=True),
        "single_model_smallest": single_model(scored, "size_bytes", most=False),
        "best_per_task": best_per_task(scored),
    }
    return picks if other is None else {**picks, "transferred": transferred(scored, other)}


def least(problem: Problem, grid: Grid, value: Score) -> int | None:
    """Return the number of a grid's joint design of least value that meets every constraint; None where none does.

    Of equal ones the first counts.
    """
    found: list[tuple[float, int]] = []
    for stretch in stretches(problem, grid):
        values = all_values(problem, stretch)
        meets = meets_all(problem, values)
        if meets.any():
            row = _first(value(values), meets)
            found.append((float(value([each[row : row + 1] for each in values])[0]), int(stretch.number(problem)[row])))
    if not found:
        return None
    keys = np.array([each for each, _ in found])
    return found[_first(keys, np.ones(len(found), dtype=np.bool_))][1]


def _first(keys: Floats, alive: Bools) -> int:
    return int(first_least([keys], alive, np.zeros(1, dtype=np.int64))[0])


def oodin(scored: Scored) -> Pick:
    """OODIn's choice: the weighted sum of objectives, each divided by its largest magnitude.

    Accuracy and throughput count negative. Among the joint designs that meet every constraint.
    Venieris, Panopoulos and Venieris, SMARTCOMP 2021.
    """
    problem, standards = scored.problem, scored.standards
    terms = [
        (measure, (-1.0 if problem.measures[measure].maximised else 1.0) * float(weight) / float(largest))
        for measure, weight, largest in zip(problem.objectives, problem.weights, standards.largest, strict=True)
        if largest > 0.0
    ]

    def weighted_sum(values: list[Floats]) -> Floats:
        total = np.zeros(values[0].shape)
        for measure, factor in terms:
            total += factor * values[measure]
        return total

    return Pick(least(problem, scored.grid, weighted_sum))


def single_model(scored: Scored, metric: str, *, most: bool) -> Pick:
    """Hold one model for each task, the most accurate or the smallest, and choose its engine and options alone.

    A design's model is its name up to the first `@`.
    """
    grid = []
    for task in scored.designs.tasks:
        model = _extreme_model(task, metric, most)
        if model is None:
            return Pick(None, f"not every design of {task.name!r} gives {metric}")
        numbers = [number for number, each in enumerate(task.designs) if model_of(each.name) == model]
        grid.append(np.array(numbers, dtype=np.int64))
    number = least(scored.problem, tuple(grid), scored.distance)
    return Pick(number, "" if number is not None else "no joint design of these models meets every constraint")


def model_of(design: str) -> str:
    """Return the model that a design runs: its name up to the first `@`."""
    return design.partition("@")[0]


def _extreme_model(task: Task, metric: str, most: bool) -> str | None:
    given = [getattr(design, metric) for design in task.designs]
    if any(value is None for value in given):
        return None
    best = max(given) if most else min(given)
    return model_of(task.designs[given.index(best)].name)


def best_per_task(scored: Scored) -> Pick:
    """Choose the design of each task as if it ran alone, unaware of contention; all of them together then run."""
    digits = []
    for task in scored.designs.tasks:
        alone = score(_alone(scored.designs, task))
        number = least(alone.problem, alone.grid, alone.distance) if alone.standards.feasible else None
        if number is None:
            return Pick(None, f"no design of {task.name!r} alone meets its constraints")
        digits.append(number)
    return Pick(scored.problem.number_of(digits))


def _alone(designs: Designs, task: Task) -> Designs:
    """Return one task with what is asked of it, and with what a bound on all tasks together implies for it."""
    constraints = [each if each.task == task.name else _implied(each) for each in designs.constraints]
    return designs.model_copy(
        update={
            "tasks": (task,),
            "objectives": tuple(each for each in designs.objectives if each.task in (None, task.name)),
            "constraints": tuple(each for each in constraints if each is not None),
        }
    )


def _implied(constraint: Constraint) -> Constraint | None:
    """Return what each task has to keep alone: a part of a sum, and the largest, are no larger than their bound.

    A bound on the mean accuracy says nothing of one task, nor does a lower bound on a sum or on the largest.
    """
    if constraint.task is not None or constraint.metric == "accuracy":
        return None
    return constraint.model_copy(update={"max" if constraint.metric in MAXIMISED else "min": None})


def transferred(scored: Scored, other: Designs) -> Pick:
    """Run the best design of another device here, by its names.

    Raises:
        InputError: The other device has other tasks.
    """
    tasks = {task.name for task in other.tasks}
    if tasks != set(scored.problem.tasks):
        fix = f"give a designs file with the tasks {', '.join(scored.problem.tasks)}"
        raise input_error("the other device has other tasks", fix, path="--transfer-from", value=sorted(tasks))
    there = score(other)
    number = least(there.problem, there.grid, there.distance) if there.standards.feasible else None
    if number is None:
        return Pick(None, "no joint design of the other device meets its constraints")
    return _by_name(scored.problem, choice_of(there.problem, number))


def _by_name(problem: Problem, choice: Mapping[str, str]) -> Pick:
    digits = []
    for task, names in zip(problem.tasks, problem.design_names, strict=True):
        if choice[task] not in names:
            return Pick(None, f"this device has no design {choice[task]!r} of {task!r}")
        digits.append(names.index(choice[task]))
    return Pick(problem.number_of(digits))


def choice_of(problem: Problem, number: int) -> dict[str, str]:
    """Return the name of the design of every task."""
    digits = problem.digits_of(number)
    return {task: names[digit] for task, names, digit in zip(problem.tasks, problem.design_names, digits, strict=True)}
