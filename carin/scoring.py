"""Every joint design, stretch by stretch: its figures, whether it meets the constraints, its distance to the best.

No joint design is ever an object: a stretch is a handful of arrays, so memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum

import numpy as np

from planner.carin.problem import Bools, Floats, Ints, Measure, Problem

STRETCH = 1 << 15
"""Joint designs scored at once; the arrays of a stretch stay in the processor's cache."""
SAME = 1e-12
"""Relative difference below which values are the same: rounding of sums, not a difference of designs."""

Grid = tuple[Ints, ...]
"""For each task the designs that take part, by number, ascending."""


@dataclass(frozen=True)
class Stretch:
    """Joint designs of a grid in lexicographic order, shape (n,) each."""

    digits: tuple[Ints, ...]
    """The design of every task, by number."""
    crowd: tuple[Ints, ...]
    """For every task, the tasks on its engine beside itself (0: alone)."""
    engines: Ints
    """Bit mask of the engines in use."""

    def number(self, problem: Problem) -> Ints:
        """Return the numbers of the joint designs."""
        return np.asarray(np.ravel_multi_index(self.digits, problem.shape), dtype=np.int64)


@dataclass(frozen=True)
class Standards:
    """What distances are measured by, over the joint designs that meet every constraint."""

    feasible: int
    """How many they are; without any the rest says nothing."""
    best: Floats
    """The best value of every objective."""
    deviation: Floats
    """Population standard deviation of every objective; 0 where all values are the same."""
    largest: Floats
    """Largest magnitude of every objective."""


def whole_grid(problem: Problem) -> Grid:
    """Return the grid of all joint designs."""
    return tuple(np.arange(count) for count in problem.shape)


def stretches(problem: Problem, grid: Grid) -> Iterator[Stretch]:
    """Go through a grid in lexicographic order."""
    shape = tuple(len(each) for each in grid)
    total = int(np.prod(shape, dtype=np.int64))
    for start in range(0, total, STRETCH):
        places = np.unravel_index(np.arange(start, min(start + STRETCH, total)), shape)
        yield stretch_of(problem, tuple(each[place] for each, place in zip(grid, places, strict=True)))


def stretch_of(problem: Problem, digits: tuple[Ints, ...]) -> Stretch:
    """Return some joint designs, given the design of every task by number."""
    width = len(problem.tasks).bit_length()  # bits that count the tasks of one engine
    shifts = [width * engine_of for engine_of in problem.engine_of]
    places = [shift[digit] for shift, digit in zip(shifts, digits, strict=True)]
    counts = np.zeros_like(places[0])
    engines = np.zeros_like(places[0])
    for place, engine_of, digit in zip(places, problem.engine_of, digits, strict=True):
        counts += np.left_shift(1, place)
        engines |= np.left_shift(1, engine_of)[digit]
    most = (1 << width) - 1
    return Stretch(digits, tuple((counts >> place & most) - 1 for place in places), engines)


def values_of(measure: Measure, stretch: Stretch) -> Floats:
    """Return a measure of every joint design, shape (n,), in the unit of its metric."""
    total = values_of_part(measure, 0, stretch)
    for part in range(1, len(measure.parts)):
        total = _joined(measure.join, total, values_of_part(measure, part, stretch))
    return total / len(measure.parts) if measure.join == "mean" else total


def values_of_part(measure: Measure, part: int, stretch: Stretch) -> Floats:
    """Return what one task of a measure contributes in every joint design, contention included, shape (n,)."""
    task, table = measure.parts[part], measure.tables[part]
    width = table.shape[1]
    places = stretch.digits[task] if width == 1 else stretch.digits[task] * width + stretch.crowd[task]
    return table.ravel()[places]


def _joined(join: str, left: Floats, right: Floats) -> Floats:
    if join == "max":
        return np.maximum(left, right)
    return np.minimum(left, right) if join == "min" else left + right


def all_values(problem: Problem, stretch: Stretch) -> list[Floats]:
    """Return every measure of every joint design."""
    return [values_of(measure, stretch) for measure in problem.measures]


def meets_all(problem: Problem, values: list[Floats]) -> Bools:
    """Tell for every joint design whether it meets every constraint."""
    meets = np.ones(values[0].shape, dtype=np.bool_)
    for bound in problem.bounds:
        meets &= bound.holds(values[bound.measure])
    return meets


def survey(problem: Problem) -> Standards:
    """Measure the objectives over all joint designs that meet every constraint.

    Means and squares are taken stretch by stretch around each stretch's own mean, and put together exactly
    rounded (Chan, Golub and LeVeque, The American Statistician 1983), so that the order of stretches says nothing.
    """
    tallies: list[list[_Tally]] = [[] for _ in problem.objectives]
    feasible = 0
    for stretch in stretches(problem, whole_grid(problem)):
        values = all_values(problem, stretch)
        meets = meets_all(problem, values)
        count = int(np.count_nonzero(meets))
        feasible += count
        if count:
            for tally, measure in zip(tallies, problem.objectives, strict=True):
                kept = values[measure] if count == len(meets) else values[measure][meets]
                tally.append(_Tally.of(kept, problem.measures[measure].magnitude))
    if not feasible:
        nothing = np.zeros(len(problem.objectives))
        return Standards(0, nothing, nothing, nothing)
    rows = [_put_together(tally, problem.measures[m]) for tally, m in zip(tallies, problem.objectives, strict=True)]
    best, deviation, largest = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Standards(feasible, best, deviation, largest)


@dataclass(frozen=True)
class _Tally:
    """What is kept of one objective's values in one stretch; mean and squares are of values over the magnitude."""

    count: int
    least: float
    most: float
    mean: float
    squares: float

    @classmethod
    def of(cls, values: Floats, magnitude: float) -> _Tally:
        scaled = values / magnitude  # exact, and squares of small numbers do not vanish
        mean = float(scaled.mean())
        scaled -= mean
        squares = float(np.square(scaled).sum())  # a dot product would depend on the number of threads
        return cls(len(values), float(values.min()), float(values.max()), mean, squares)


def _put_together(tallies: list[_Tally], measure: Measure) -> tuple[float, float, float]:
    """Return best value, standard deviation and largest magnitude."""
    least, most = min(tally.least for tally in tallies), max(tally.most for tally in tallies)
    count = sum(tally.count for tally in tallies)
    mean = fsum(tally.count * tally.mean for tally in tallies) / count
    squares = fsum(tally.squares + tally.count * (tally.mean - mean) ** 2 for tally in tallies)
    deviation = measure.magnitude * float(np.sqrt(squares / count))
    if most - least <= SAME * most:  # all values are at least 0
        deviation = 0.0
    return (most if measure.maximised else least), deviation, most


def distances(problem: Problem, standards: Standards, values: list[Floats]) -> Floats:
    """Return how far every joint design is from the best values, in weighted standard deviations, shape (n,)."""
    squares = np.zeros(values[0].shape)
    for number, measure in enumerate(problem.objectives):
        if standards.deviation[number] > 0.0:
            apart = (values[measure] - standards.best[number]) / standards.deviation[number]
            squares += problem.weights[number] * np.square(apart)
    return np.sqrt(squares)
