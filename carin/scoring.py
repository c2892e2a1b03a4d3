"""Scores of all joint designs, chunk by chunk: measures, feasibility, and distance to the utopia point.

No joint design is ever an object: a chunk is a handful of arrays, so memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum

import numpy as np

from planner.carin.design_space import Bools, DesignSpace, Floats, Ints, Measure

CHUNK_SIZE = 1 << 15
"""Joint designs scored at once; the arrays of a chunk stay in the processor's cache."""
SAME = 1e-12
"""Relative difference below which values are the same: rounding of sums, not a difference of designs."""

DesignGrid = tuple[Ints, ...]
"""For each task the designs that take part, by number, ascending."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """Consecutive joint designs of a grid in lexicographic order, arrays of shape (n,) each."""

    indices: tuple[Ints, ...]
    """The design of every task, by number."""
    co_located: tuple[Ints, ...]
    """For every task, the tasks on its engine beside itself (0: alone)."""
    engines: Ints
    """Bit mask of the engines in use."""

    def number(self, space: DesignSpace) -> Ints:
        """Return the numbers of the joint designs in the design space, shape (n,)."""
        return np.asarray(np.ravel_multi_index(self.indices, space.shape), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Standardisation:
    """Utopia point and spread of the objectives over the feasible joint designs."""

    feasible: int
    """How many they are; without any the rest says nothing."""
    best: Floats
    """The best value of every objective."""
    standard_deviation: Floats
    """Population standard deviation of every objective; 0 where all values are the same."""
    largest_magnitude: Floats
    """Largest magnitude of every objective."""


def whole_grid(space: DesignSpace) -> DesignGrid:
    """Return the grid of all joint designs: every design of every task."""
    return tuple(np.arange(count) for count in space.shape)


def chunks(space: DesignSpace, grid: DesignGrid) -> Iterator[Chunk]:
    """Yield a grid in lexicographic order, at most `CHUNK_SIZE` joint designs at a time."""
    shape = tuple(len(each) for each in grid)
    total = int(np.prod(shape, dtype=np.int64))
    for start in range(0, total, CHUNK_SIZE):
        places = np.unravel_index(np.arange(start, min(start + CHUNK_SIZE, total)), shape)
        yield chunk_of(space, tuple(each[place] for each, place in zip(grid, places, strict=True)))


def chunk_of(space: DesignSpace, indices: tuple[Ints, ...]) -> Chunk:
    """Return joint designs given by the design of every task.

    Args:
        space: The design space.
        indices: Index of the design of each task, shape (n,) each.
    """
    width = len(space.tasks).bit_length()  # bits that count the tasks of one engine
    shifts = [width * engine_of for engine_of in space.engine_of]
    places = [shift[index] for shift, index in zip(shifts, indices, strict=True)]
    counts = np.zeros_like(places[0])
    engines = np.zeros_like(places[0])
    for place, engine_of, index in zip(places, space.engine_of, indices, strict=True):
        counts += np.left_shift(1, place)
        engines |= np.left_shift(1, engine_of)[index]
    most = (1 << width) - 1
    return Chunk(indices, tuple((counts >> place & most) - 1 for place in places), engines)


def values_of(measure: Measure, chunk: Chunk) -> Floats:
    """Return a measure of every joint design of a chunk.

    Args:
        measure: The measure.
        chunk: n joint designs.

    Returns:
        Values in the unit of the metric, shape (n,).
    """
    total = values_of_part(measure, 0, chunk)
    for part in range(1, len(measure.parts)):
        total = _aggregated(measure.aggregation, total, values_of_part(measure, part, chunk))
    return total / len(measure.parts) if measure.aggregation == "mean" else total


def values_of_part(measure: Measure, part: int, chunk: Chunk) -> Floats:
    """Return the contribution of one task to a measure, contention included.

    Args:
        measure: The measure.
        part: Position of the task in the measure's `parts`.
        chunk: n joint designs.

    Returns:
        Values in the unit of the metric, shape (n,).
    """
    task, table = measure.parts[part], measure.tables[part]
    width = table.shape[1]
    places = chunk.indices[task] if width == 1 else chunk.indices[task] * width + chunk.co_located[task]
    return table.ravel()[places]


def _aggregated(aggregation: str, left: Floats, right: Floats) -> Floats:
    if aggregation == "max":
        return np.maximum(left, right)
    return np.minimum(left, right) if aggregation == "min" else left + right


def all_values(space: DesignSpace, chunk: Chunk) -> list[Floats]:
    """Return every measure of every joint design of a chunk, shape (n,) each."""
    return [values_of(measure, chunk) for measure in space.measures]


def meets_all(space: DesignSpace, values: list[Floats]) -> Bools:
    """Tell for every joint design whether it meets every constraint.

    Args:
        space: The design space.
        values: Every measure, shape (n,) each.

    Returns:
        Shape (n,).
    """
    meets = np.ones(values[0].shape, dtype=np.bool_)
    for bound in space.inequalities:
        meets &= bound.holds(values[bound.measure])
    return meets


def standardise(space: DesignSpace) -> Standardisation:
    """Return utopia point, standard deviation and largest magnitude of every objective over the feasible joint designs.

    Means and squared deviations are taken chunk by chunk around each chunk's own mean and merged with exact rounding
    (Chan, Golub and LeVeque, The American Statistician 1983), so that the result does not depend on the size of
    chunks.

    Args:
        space: The design space.
    """
    parts: list[list[_Moments]] = [[] for _ in space.objectives]
    feasible = 0
    for chunk in chunks(space, whole_grid(space)):
        values = all_values(space, chunk)
        meets = meets_all(space, values)
        count = int(np.count_nonzero(meets))
        feasible += count
        if count:
            for part, measure in zip(parts, space.objectives, strict=True):
                kept = values[measure] if count == len(meets) else values[measure][meets]
                part.append(_Moments.of(kept, space.measures[measure].magnitude))
    if not feasible:
        nothing = np.zeros(len(space.objectives))
        return Standardisation(0, nothing, nothing, nothing)
    rows = [_merged(part, space.measures[m]) for part, m in zip(parts, space.objectives, strict=True)]
    best, standard_deviation, largest_magnitude = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Standardisation(feasible, best, standard_deviation, largest_magnitude)


@dataclass(frozen=True)
class _Moments:
    """What is kept of one objective's values in one chunk; mean and squares are of values over the magnitude."""

    count: int
    least: float
    most: float
    mean: float
    squares: float

    @classmethod
    def of(cls, values: Floats, magnitude: float) -> _Moments:
        scaled = values / magnitude  # exact, and squares of small numbers do not vanish
        mean = float(scaled.mean())
        scaled -= mean
        squares = float(np.square(scaled).sum())  # a dot product would depend on the number of threads
        return cls(len(values), float(values.min()), float(values.max()), mean, squares)


def _merged(parts: list[_Moments], measure: Measure) -> tuple[float, float, float]:
    """Return best value, standard deviation and largest magnitude."""
    least, most = min(part.least for part in parts), max(part.most for part in parts)
    count = sum(part.count for part in parts)
    mean = fsum(part.count * part.mean for part in parts) / count
    squares = fsum(part.squares + part.count * (part.mean - mean) ** 2 for part in parts)
    standard_deviation = measure.magnitude * float(np.sqrt(squares / count))
    if most - least <= SAME * most:  # all values are at least 0
        standard_deviation = 0.0
    return (most if measure.maximised else least), standard_deviation, most


def distances(space: DesignSpace, standardisation: Standardisation, values: list[Floats]) -> Floats:
    """Return the distance of every joint design to the utopia point: sqrt(sum_i w_i ((f_i - u_i) / sigma_i)^2).

    Args:
        space: The design space, with the weights w.
        standardisation: Utopia point u and standard deviations sigma; an objective with sigma 0 is left out.
        values: Every measure f, shape (n,) each.

    Returns:
        Distances in weighted standard deviations, shape (n,).
    """
    squares = np.zeros(values[0].shape)
    for number, measure in enumerate(space.objectives):
        if standardisation.standard_deviation[number] > 0.0:
            apart = (values[measure] - standardisation.best[number]) / standardisation.standard_deviation[number]
            squares += space.weights[number] * np.square(apart)
    return np.sqrt(squares)
