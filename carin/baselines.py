"""Baselines for the design of the normal state: OODIn, one model per task, best per task alone, transferred."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from planner.carin.candidates import lexicographic_argmin
from planner.carin.design_space import Bools, DesignSpace, Floats
from planner.carin.scored_designs import ScoredDesigns, choice_of, score_designs
from planner.carin.scoring import DesignGrid, all_values, chunks, meets_all
from planner.schemas.adaptation.designs import MAXIMISED, Constraint, Designs, Task
from planner.schemas.reading.problems import input_error

Score = Callable[[list[Floats]], Floats]
"""From the measures of joint designs to what is minimised."""


@dataclass(frozen=True)
class BaselineDesign:
    """The joint design that a baseline chooses, by its number, or the reason why it has none."""

    number: int | None
    message: str = ""


def all_baselines(scored: ScoredDesigns, other: Designs | None) -> dict[str, BaselineDesign]:
    """Return the joint design of every baseline, by the baseline's name.

    Args:
        scored: The designs of this device.
        other: Designs of another device for the baseline `transferred`; None leaves that out.

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


def minimise(space: DesignSpace, grid: DesignGrid, value: Score) -> int | None:
    """Find the feasible joint design of least score in a grid, by enumeration in chunks.

    Args:
        space: The design space.
        grid: Designs of each task that take part.
        value: Score of joint designs, to be minimised.

    Returns:
        The number of the joint design, the first of equal ones; None where none meets every constraint.
    """
    found: list[tuple[float, int]] = []
    for chunk in chunks(space, grid):
        values = all_values(space, chunk)
        meets = meets_all(space, values)
        if meets.any():
            row = _first(value(values), meets)
            found.append((float(value([each[row : row + 1] for each in values])[0]), int(chunk.number(space)[row])))
    if not found:
        return None
    keys = np.array([each for each, _ in found])
    return found[_first(keys, np.ones(len(found), dtype=np.bool_))][1]


def _first(keys: Floats, alive: Bools) -> int:
    return int(lexicographic_argmin([keys], alive, np.zeros(1, dtype=np.int64))[0])


def oodin(scored: ScoredDesigns) -> BaselineDesign:
    """OODIn's choice: the least weighted sum of objectives, each divided by its largest magnitude.

    Accuracy and throughput enter with a negative sign. Only joint designs that meet every constraint take part.
    Venieris, Panopoulos and Venieris, OODIn, SMARTCOMP 2021.

    Args:
        scored: The designs of a device, at least one joint design of which is feasible.
    """
    space, standardisation = scored.space, scored.standardisation
    terms = [
        (measure, (-1.0 if space.measures[measure].maximised else 1.0) * float(weight) / float(largest_magnitude))
        for measure, weight, largest_magnitude in zip(
            space.objectives, space.weights, standardisation.largest_magnitude, strict=True
        )
        if largest_magnitude > 0.0
    ]

    def weighted_sum(values: list[Floats]) -> Floats:
        total = np.zeros(values[0].shape)
        for measure, factor in terms:
            total += factor * values[measure]
        return total

    return BaselineDesign(minimise(space, scored.grid, weighted_sum))


def single_model(scored: ScoredDesigns, metric: str, *, most: bool) -> BaselineDesign:
    """Fix one model per task, and choose its engine and options by least distance.

    Args:
        scored: The designs of a device.
        metric: What the model of each task is chosen by (`accuracy` or `size_bytes`).
        most: Whether the largest value is chosen, else the smallest.

    Returns:
        The design, or why there is none.
    """
    grid = []
    for task in scored.designs.tasks:
        model = _extreme_model(task, metric, most)
        if model is None:
            return BaselineDesign(None, f"not every design of {task.name!r} gives {metric}")
        numbers = [number for number, each in enumerate(task.designs) if model_of(each.name) == model]
        grid.append(np.array(numbers, dtype=np.int64))
    number = minimise(scored.space, tuple(grid), scored.distance)
    return BaselineDesign(
        number, "" if number is not None else "no joint design of these models meets every constraint"
    )


def model_of(design: str) -> str:
    """Return the model that a design runs: its name up to the first `@`."""
    return design.partition("@")[0]


def _extreme_model(task: Task, metric: str, most: bool) -> str | None:
    given = [getattr(design, metric) for design in task.designs]
    if any(value is None for value in given):
        return None
    best = max(given) if most else min(given)
    return model_of(task.designs[given.index(best)].name)


def best_per_task(scored: ScoredDesigns) -> BaselineDesign:
    """Choose the design of each task by least distance as if it ran alone, unaware of contention.

    Args:
        scored: The designs of a device.
    """
    indices = []
    for task in scored.designs.tasks:
        alone = score_designs(_alone(scored.designs, task))
        number = minimise(alone.space, alone.grid, alone.distance) if alone.standardisation.feasible else None
        if number is None:
            return BaselineDesign(None, f"no design of {task.name!r} alone meets its constraints")
        indices.append(number)
    return BaselineDesign(scored.space.number_of(indices))


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


def transferred(scored: ScoredDesigns, other: Designs) -> BaselineDesign:
    """Take the best joint design of another device, by the names of its designs.

    Args:
        scored: The designs of this device.
        other: The designs of the other device.

    Raises:
        InputError: The other device has other tasks.
    """
    tasks = {task.name for task in other.tasks}
    if tasks != set(scored.space.tasks):
        fix = f"give a designs file with the tasks {', '.join(scored.space.tasks)}"
        raise input_error("the other device has other tasks", fix, path="--transfer-from", value=sorted(tasks))
    there = score_designs(other)
    number = minimise(there.space, there.grid, there.distance) if there.standardisation.feasible else None
    if number is None:
        return BaselineDesign(None, "no joint design of the other device meets its constraints")
    return _by_name(scored.space, choice_of(there.space, number))


def _by_name(space: DesignSpace, choice: Mapping[str, str]) -> BaselineDesign:
    indices = []
    for task, names in zip(space.tasks, space.design_names, strict=True):
        if choice[task] not in names:
            return BaselineDesign(None, f"this device has no design {choice[task]!r} of {task!r}")
        indices.append(names.index(choice[task]))
    return BaselineDesign(space.number_of(indices))
