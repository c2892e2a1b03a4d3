"""Design sets of limited size: the set that gives up least over all states, by enumeration or by greedy exchange."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from planner.carin.candidates import Candidates
from planner.carin.design_space import Bools, Floats, Ints
from planner.carin.rass import StateDesigns, state_feasibility, states

_MOST_SETS = 20_000
"""Sets up to which every one is compared."""
_MOST_CELLS = 4_000_000
"""Entries of the tables of states and candidates."""

SetLoss = tuple[int, int, float, float]


@dataclass(frozen=True)
class BoundedDesignSet:
    """The designs of all states from a bounded design set, and what they give up against the unbounded choice."""

    chosen: StateDesigns
    newly_degraded: int
    extra_overloaded_engines: int
    extra_memory_bytes: float
    extra_distance: float
    largest_extra_distance: float
    states_changed: int
    proved_least: bool


@dataclass(frozen=True, eq=False)
class _LossTables:
    """Rank and loss of each candidate (column) in each state (row), against the state's unbounded choice."""

    rank: Ints
    degraded: Bools
    overloaded: Floats
    memory_bytes: Floats
    """In excess, in whole bytes; 0 where the state is not degraded."""
    distance: Floats
    """In excess, 0 where the state is degraded."""

    def loss(self, held: Ints) -> SetLoss:
        """Return what a design set gives up, the most important criterion first, summed over states."""
        rows = np.arange(len(self.rank))
        picked = self.picks(held)
        return (
            int(self.degraded[rows, picked].sum()), int(self.overloaded[rows, picked].sum()),
            float(self.memory_bytes[rows, picked].sum()), float(self.distance[rows, picked].sum()),
        )  # fmt: skip

    def picks(self, held: Ints) -> Ints:
        """Return the candidate that each state runs from a design set, shape (states,)."""
        return np.asarray(held[np.argmin(self.rank[:, held], axis=1)], dtype=np.int64)


def choose_bounded(candidates: Candidates, chosen: StateDesigns, engines: int, max_designs: int) -> BoundedDesignSet:
    """Choose at most `max_designs` candidates, and the design of every state among them.

    The design of the normal state is always kept. The others are chosen to give up least: fewest states that become
    degraded, then fewest overloaded engines in use, then least memory in degraded states, then least distance, each
    summed over all states with equal weight. Up to 20,000 sets are enumerated; beyond that, designs are added
    greedily and then exchanged one at a time while that helps, without proof that no set is better.

    Args:
        candidates: The candidates of the device.
        chosen: The unbounded choice of every state.
        engines: Number of engines.
        max_designs: Most candidates of the set, at least 1.

    Returns:
        The bounded choice, what it gives up against the unbounded one, and whether that is proved least.
    """
    wanted = np.unique(chosen.candidate)
    if len(wanted) <= max_designs:
        return BoundedDesignSet(chosen, 0, 0, 0.0, 0.0, 0.0, 0, True)
    usual = int(chosen.candidate[0])
    useful, all_of_them = _considered(candidates, chosen, 2 ** (engines + 1))
    few = candidates.take(useful)
    tables = _tables(few, candidates.take(chosen.candidate), chosen.degraded, engines)
    first = int(np.searchsorted(useful, usual))
    others = [place for place in range(len(few)) if place != first]
    complete = comb(len(others), max_designs - 1) <= _MOST_SETS
    held = (
        _enumerate_sets(tables, first, others, max_designs)
        if complete
        else _greedy_with_exchange(tables, first, others, max_designs)
    )
    return _bounded(tables, held, useful, chosen, complete and all_of_them)


def _bounded(tables: _LossTables, held: Ints, useful: Ints, chosen: StateDesigns, proved: bool) -> BoundedDesignSet:
    picked = tables.picks(held)
    rows = np.arange(len(picked))
    degraded, overloaded, memory_bytes, distance = tables.loss(held)
    return BoundedDesignSet(
        chosen=StateDesigns(useful[picked], chosen.degraded | tables.degraded[rows, picked]),
        newly_degraded=degraded,
        extra_overloaded_engines=overloaded,
        extra_memory_bytes=memory_bytes,
        extra_distance=distance,
        largest_extra_distance=max(0.0, float(tables.distance[rows, picked].max())),
        states_changed=int(np.count_nonzero(useful[picked] != chosen.candidate)),
        proved_least=proved,
    )


def _undominated(candidates: Candidates) -> Ints:
    """Return the candidates that no other beats: no engine beside theirs, no more memory, no larger distance.

    A set that holds a beaten one gives up no less than the same set with the one that beats it.
    """
    kept = np.ones(len(candidates), dtype=np.bool_)
    engines, memory_bytes, distance = candidates.engines, candidates.memory_bytes, candidates.distance
    for place in range(len(candidates)):
        beats = kept & ((engines & ~engines[place]) == 0)
        beats &= (memory_bytes <= memory_bytes[place]) & (distance <= distance[place])
        beats[place] = False
        kept[place] = not beats.any()  # of equal ones the last stays, as those before it see it
    return np.flatnonzero(kept)


def _considered(candidates: Candidates, chosen: StateDesigns, count: int) -> tuple[Ints, bool]:
    """Return the candidates to compare, and whether no set of others could give up less.

    They are the front and what states want; where those are too many, what most states want.
    """
    wanted, times = np.unique(chosen.candidate, return_counts=True)
    useful = np.union1d(_undominated(candidates), wanted)
    most = max(1, _MOST_CELLS // count)
    if len(useful) <= most:
        return useful, True
    favourites = wanted[np.argsort(-times, kind="stable")][:most]
    return np.union1d(favourites, [chosen.candidate[0]]), False


def _tables(candidates: Candidates, best: Candidates, degraded: Bools, engines: int) -> _LossTables:
    """Return the tables of some candidates, given each state's choice without a bound and whether it is degraded."""
    shape = (2 ** (engines + 1), len(candidates))
    rank = np.empty(shape, dtype=np.int32)
    newly = np.empty(shape, dtype=np.bool_)
    overloaded, memory_bytes, distance = np.empty(shape), np.empty(shape), np.empty(shape)
    for state in states(engines):
        row = state.number
        stands = state_feasibility(candidates, state)
        out = ~stands.admissible
        order = np.lexsort(
            (candidates.distance, np.where(out, candidates.memory_bytes, 0.0), stands.overloaded_in_use, out)
        )
        rank[row, order] = np.arange(len(candidates))
        rank[row, candidates.number == best.number[row]] = -1  # ties are broken as they were without the bound
        newly[row] = out & ~degraded[row]
        overloaded[row] = (
            stands.overloaded_in_use - state_feasibility(best.take(np.array([row])), state).overloaded_in_use
        )
        # whole bytes, lest the rounding of a sum count for more than distance does
        excess = np.rint(np.maximum(candidates.memory_bytes - best.memory_bytes[row], 0.0))
        memory_bytes[row] = np.where(out, excess, 0.0)
        distance[row] = np.where(out, 0.0, candidates.distance - best.distance[row])
    return _LossTables(rank, newly, overloaded, memory_bytes, distance)


def _enumerate_sets(tables: _LossTables, first: int, others: list[int], size: int) -> Ints:
    sets = (np.array(sorted((first, *some))) for some in combinations(others, size - 1))
    return _least(tables, sets)


def _least(tables: _LossTables, sets: Iterable[Ints]) -> Ints:
    return min(sets, key=tables.loss)


def _greedy_with_exchange(tables: _LossTables, first: int, others: list[int], size: int) -> Ints:
    """Add the design that helps most until the set is full; then exchange one at a time while that helps."""
    held = np.array([first])
    while len(held) < size:
        held = _least(tables, (np.append(held, other) for other in others if other not in held))
    improved = True
    while improved:
        improved = False
        for place in range(1, len(held)):
            exchanged = [held] + [_replaced(held, place, other) for other in others if other not in held]
            better = _least(tables, exchanged)
            improved |= better is not held
            held = better
    return np.sort(held)


def _replaced(held: Ints, place: int, other: int) -> Ints:
    changed = held.copy()
    changed[place] = other
    return changed
