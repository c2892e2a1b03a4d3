"""Clairvoyant oracle: the best feasible joint design at every sample of a trace, by search over undominated ones.

Under load the latency of whatever runs on an engine grows by a factor of at least 1 (`carin.replay`). A joint design
that meets every constraint while nothing is loaded can then break only an upper bound of a latency, or a lower one of
a throughput, and does so when the factor of some engine exceeds the joint design's tolerance there. So tolerances,
memory and distance are all that the oracle compares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.carin.design_space import LIMIT_TOLERANCE, DesignSpace, Floats, Inequality, Ints
from planner.carin.scored_designs import ScoredDesigns
from planner.carin.scoring import Chunk, all_values, chunks, meets_all, values_of_part
from planner.schemas.adaptation.designs import TIMED

_BLOCK = 256
"""Joint designs compared at once with those before them."""
_CHUNK = 64
"""Joint designs tried at once on the samples that none before them suits."""


@dataclass(frozen=True, eq=False)
class OracleDesigns:
    """Feasible joint designs that no other dominates in memory, tolerances and distance, nearest first."""

    number: Ints
    """Shape (n,), as every array below but `tolerance`."""
    distance: Floats
    memory_bytes: Floats
    tolerance: Floats
    """Factor of each engine up to which every constraint holds, shape (n, engines); infinite where none minds."""

    def take(self, places: Ints) -> OracleDesigns:
        """Return the joint designs at some positions."""
        return OracleDesigns(
            self.number[places], self.distance[places], self.memory_bytes[places], self.tolerance[places]
        )


def oracle_designs(scored: ScoredDesigns) -> OracleDesigns:
    """Return the joint designs that the oracle has to compare.

    The grid of undominated designs is enough: what replaces a dominated design runs on the same engine, and is no
    worse in memory, distance, and the latencies that tolerances come from.

    Args:
        scored: The designs of a device.
    """
    parts = [_undominated(_pool_of_chunk(scored, chunk)) for chunk in chunks(scored.space, scored.grid)]
    return _undominated(
        OracleDesigns(
            np.concatenate([part.number for part in parts]),
            np.concatenate([part.distance for part in parts]),
            np.concatenate([part.memory_bytes for part in parts]),
            np.concatenate([part.tolerance for part in parts]),
        )
    )


def _pool_of_chunk(scored: ScoredDesigns, chunk: Chunk) -> OracleDesigns:
    space = scored.space
    values = all_values(space, chunk)
    meets = np.flatnonzero(meets_all(space, values))
    tolerance = np.full((len(chunk.engines), len(space.engines)), np.inf)
    for bound in space.inequalities:
        _tighten_tolerances(tolerance, space, bound, chunk)
    whole = OracleDesigns(chunk.number(space), scored.distance(values), values[0], tolerance)
    return whole.take(meets)


def _tighten_tolerances(tolerance: Floats, space: DesignSpace, bound: Inequality, chunk: Chunk) -> None:
    """Lower tolerances to what a bound allows, in place."""
    measure = space.measures[bound.measure]
    if measure.metric not in TIMED or bound.upper == measure.maximised:
        return  # load changes neither, or only further to the allowed side
    rows = np.arange(len(tolerance))
    for part, task in enumerate(measure.parts):
        alone = values_of_part(measure, part, chunk)
        above, below = (alone, np.array(bound.limit)) if measure.maximised else (np.array(bound.limit), alone)
        most = np.divide(above, below, out=np.full(alone.shape, np.inf), where=below > 0.0) * (1.0 + LIMIT_TOLERANCE)
        engines = space.engine_of[task][chunk.indices[task]]
        tolerance[rows, engines] = np.minimum(tolerance[rows, engines], most)


def _undominated(pool: OracleDesigns) -> OracleDesigns:
    """Keep the first of those that are no worse in everything, in the order of distance."""
    pool = pool.take(np.lexsort((pool.number, pool.memory_bytes, pool.distance)))
    costs = np.column_stack([pool.memory_bytes, -pool.tolerance])  # the order takes care of distance
    kept = np.zeros(0, dtype=np.int64)
    for start in range(0, len(costs), _BLOCK):
        fresh = np.arange(start, min(start + _BLOCK, len(costs)))
        fresh = fresh[~_dominated(costs[kept], costs[fresh])]
        twins = costs[fresh]
        before = np.tri(len(fresh), k=-1, dtype=np.bool_)
        no_worse = (twins[np.newaxis] <= twins[:, np.newaxis]).all(axis=2)
        kept = np.concatenate([kept, fresh[~(no_worse & before).any(axis=1)]])
    return pool.take(kept)


def _dominated(costs: Floats, fresh: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell for every fresh row whether some row of `costs` is at most as large in every column."""
    beaten = np.ones((len(costs), len(fresh)), dtype=np.bool_)
    for column in range(fresh.shape[1]):
        beaten &= costs[:, column, np.newaxis] <= fresh[:, column]
    return np.asarray(beaten.any(axis=0))


def clairvoyant_choice(pool: OracleDesigns, slowdown: Floats, memory_available_bytes: Floats) -> Ints:
    """Return the joint design that the oracle runs at every sample.

    It is the one that breaks fewest of (any constraint, memory), and of these the one of least distance.

    Args:
        pool: The joint designs, n in number.
        slowdown: Factor of the latencies on every engine, shape (engines, samples).
        memory_available_bytes: Memory that the tasks may use, shape (samples,).

    Returns:
        Positions in the pool, shape (samples,).
    """
    best = np.zeros(slowdown.shape[1], dtype=np.int64)
    troubles = np.full(slowdown.shape[1], 3, dtype=np.int8)
    unsuited = np.arange(slowdown.shape[1])
    for start in range(0, len(pool.number), _CHUNK):
        some = slice(start, start + _CHUNK)
        found = _violations(pool.tolerance[some], slowdown[:, unsuited]) + (
            pool.memory_bytes[some, np.newaxis] > memory_available_bytes[unsuited] * (1.0 + LIMIT_TOLERANCE)
        )
        first = np.argmin(found, axis=0)
        least = found[first, np.arange(len(unsuited))]
        better = least < troubles[unsuited]
        best[unsuited[better]], troubles[unsuited[better]] = start + first[better], least[better]
        unsuited = unsuited[troubles[unsuited] > 0]
        if not len(unsuited):
            break
    return best


def _violations(tolerance: Floats, slowdown: Floats) -> np.ndarray[tuple[int, int], np.dtype[np.int8]]:
    """Return 1 where a joint design (row) breaks a constraint at a sample (column), else 0."""
    broken = np.zeros((len(tolerance), slowdown.shape[1]), dtype=np.bool_)
    for engine, factors in enumerate(slowdown):
        broken |= factors > tolerance[:, engine, np.newaxis]
    return broken.astype(np.int8)
