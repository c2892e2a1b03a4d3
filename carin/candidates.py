"""Candidates: the feasible joint designs that some state can call for, three for each set of engines in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.carin.design_space import LIMIT_TOLERANCE, Bools, DesignSpace, Floats, Ints
from planner.carin.scoring import SAME, DesignGrid, Standardisation, all_values, chunks, distances, meets_all

_POOL = 1 << 18
"""Candidates of chunks that are held before they are compared with each other."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Joint designs that meet every constraint, arrays of shape (n,) each, in lexicographic order."""

    number: Ints
    engines: Ints
    """Bit mask of the engines in use."""
    memory_bytes: Floats
    distance: Floats
    fits: Bools
    """Whether the memory budget holds."""

    def __len__(self) -> int:
        return len(self.number)

    def take(self, places: Ints | Bools) -> Candidates:
        """Return the candidates at some positions, or where a mask of shape (n,) holds."""
        return Candidates(
            self.number[places], self.engines[places], self.memory_bytes[places], self.distance[places],
            self.fits[places],
        )  # fmt: skip


def lexicographic_argmin(keys: Sequence[Floats], alive: Bools, starts: Ints) -> Ints:
    """Return, for each group of rows, the first row that is least by one key after the other.

    Values that differ by rounding alone (relative 1e-12) count as equal.

    Args:
        keys: Criteria, the most important first, shape (n,) each.
        alive: Rows that take part, shape (n,).
        starts: First row of every group, shape (groups,), ascending.

    Returns:
        A row for every group in which any takes part, ascending.
    """
    sizes = np.diff(starts, append=len(alive))
    for key in keys:
        least = np.minimum.reduceat(np.where(alive, key, np.inf), starts)
        alive = alive & (key <= np.repeat(least + SAME * np.maximum(np.abs(least), 1.0), sizes))
    rows = np.minimum.reduceat(np.where(alive, np.arange(len(alive)), len(alive)), starts)
    return np.asarray(rows[rows < len(alive)], dtype=np.int64)


def find_candidates(space: DesignSpace, standardisation: Standardisation, grid: DesignGrid) -> Candidates:
    """Return three joint designs for every set of engines in use, by one pass over a grid in chunks.

    They are the one of least distance, the one of least distance within the memory budget, and the one of least memory
    (then least distance). Every state's design is among them: a state sees no more of a joint design than its
    engines, its memory and its distance, and its order compares engines first, then (where it is degraded) memory,
    then distance.

    Args:
        space: The design space.
        standardisation: Utopia point and standard deviations of the objectives.
        grid: Designs of each task that take part.

    Returns:
        At most 3 * 2**engines candidates in lexicographic order.
    """
    pool: list[Candidates] = []
    held = 0
    for chunk in chunks(space, grid):
        values = all_values(space, chunk)
        meets = meets_all(space, values)
        if not meets.any():
            continue
        some = [each[meets] for each in values]
        memory_bytes = some[0]
        fits = memory_bytes <= space.memory_budget_bytes * (1.0 + LIMIT_TOLERANCE)
        far = distances(space, standardisation, some)
        found = Candidates(chunk.number(space)[meets], chunk.engines[meets], memory_bytes, far, fits)
        pool.append(_least_of_each(found))
        held += len(pool[-1])
        if held > _POOL:
            pool = [_least_of_each(_together(pool))]
            held = len(pool[0])
    return _sorted_by_number(_least_of_each(_together(pool)))


def _least_of_each(found: Candidates) -> Candidates:
    """Keep the three of every set of engines."""
    # sets of engines fit 16 bits, for which sorting is by counting; stable, so numbers ascend within a set
    order = np.argsort(found.engines.astype(np.uint16), kind="stable")
    grouped = found.take(order)
    starts = np.flatnonzero(np.diff(grouped.engines, prepend=-1))
    everyone = np.ones(len(grouped), dtype=np.bool_)
    rows = (
        lexicographic_argmin([grouped.distance], everyone, starts),
        lexicographic_argmin([grouped.distance], grouped.fits, starts),
        lexicographic_argmin([grouped.memory_bytes, grouped.distance], everyone, starts),
    )
    return _sorted_by_number(grouped.take(np.unique(np.concatenate(rows))))


def _together(pool: Sequence[Candidates]) -> Candidates:
    return Candidates(
        np.concatenate([each.number for each in pool]),
        np.concatenate([each.engines for each in pool]),
        np.concatenate([each.memory_bytes for each in pool]),
        np.concatenate([each.distance for each in pool]),
        np.concatenate([each.fits for each in pool]),
    )


def _sorted_by_number(found: Candidates) -> Candidates:
    return found.take(np.argsort(found.number, kind="stable"))
