"""RASS (runtime-aware sorting and search): the design of every state of the device, found before any occurs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.carin.candidates import Candidates, lexicographic_argmin
from planner.carin.design_space import Bools, Floats, Ints
from planner.schemas.adaptation.designs import MAX_ENGINES

_ALL = np.zeros(1, dtype=np.int64)
"""Start of the only group."""
_BITS = np.array([mask.bit_count() for mask in range(2**MAX_ENGINES)], dtype=np.float64)
"""Engines of every bit mask (count)."""


@dataclass(frozen=True)
class State:
    """A state of the device: which engines are overloaded, and whether memory is tight."""

    overloaded: int
    """Bit mask of engines."""
    memory_tight: bool

    @property
    def number(self) -> int:
        """Position of the state in the order of `states`."""
        return 2 * self.overloaded + self.memory_tight


@dataclass(frozen=True, eq=False)
class StateDesigns:
    """The candidate that every state runs, shape (states,) each, in the order of `states`."""

    candidate: Ints
    degraded: Bools


@dataclass(frozen=True, eq=False)
class StateFeasibility:
    """Which candidates suit one state, shape (candidates,) each."""

    admissible: Bools
    """Uses no overloaded engine, and fits where memory is tight."""
    overloaded_in_use: Floats
    """Overloaded engines that it uses (count)."""


def states(engines: int) -> Iterator[State]:
    """Yield all states, by the bit mask of overloaded engines; memory not tight, then tight.

    Args:
        engines: Number of engines.

    Returns:
        2**(engines + 1) states.
    """
    for overloaded in range(2**engines):
        yield State(overloaded, False)
        yield State(overloaded, True)


def state_feasibility(candidates: Candidates, state: State) -> StateFeasibility:
    """Tell which candidates suit a state, and how many overloaded engines each uses.

    Args:
        candidates: The candidates.
        state: The state.
    """
    in_use = _BITS[candidates.engines & state.overloaded]
    admissible = in_use == 0
    return StateFeasibility(admissible & candidates.fits if state.memory_tight else admissible, in_use)


def choose_designs(candidates: Candidates, engines: int) -> StateDesigns:
    """Choose the design of every state: CARIn's RASS.

    It is the candidate of least distance that uses no overloaded engine and, where memory is tight, fits the budget.
    Where there is none, the state is degraded: fewest overloaded engines in use, then least memory, then least
    distance. Of equal candidates the first in lexicographic order is chosen.

    Args:
        candidates: The candidates, in lexicographic order.
        engines: Number of engines.
    """
    found = [_choose(candidates, state) for state in states(engines)]
    return StateDesigns(np.array([place for place, _ in found]), np.array([degraded for _, degraded in found]))


def _choose(candidates: Candidates, state: State) -> tuple[int, bool]:
    stands = state_feasibility(candidates, state)
    if stands.admissible.any():
        return int(lexicographic_argmin([candidates.distance], stands.admissible, _ALL)[0]), False
    everyone = np.ones(len(candidates), dtype=np.bool_)
    keys = [stands.overloaded_in_use, candidates.memory_bytes, candidates.distance]
    return int(lexicographic_argmin(keys, everyone, _ALL)[0]), True
