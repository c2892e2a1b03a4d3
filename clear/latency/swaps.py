"""Iterated local search for the plan of least factor: columns of single apps are swapped, speeds and shares follow.

At the best prices for a choice of columns and its factor z, the shares of all columns are worth the whole capacity
(`clear.latency.needs`). A column that is worth no less than the one it is to replace cannot lower z, and a few steps of
prices rule most other swaps out too. What is left is decided by a geometric program. Where no swap helps, some apps get
other columns of small worth, and the search goes on from there if that leads to nothing worse.

Source: H. R. Lourenco, O. C. Martin and T. Stutzle, Iterated Local Search, in Handbook of Metaheuristics (2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.allocation.allocate import NoAllocation
from planner.clear.allocation.plan import overfull
from planner.clear.latency.column_tree import BestChoice
from planner.clear.latency.needs import Needs, ascended_of_choice
from planner.clear.latency.quickest import Quickest, quickest
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats, Ints

_KICKS, _KICKED, _NEAR = 150, 2, 10
"""Times that a search begins anew, apps that get another column then, and columns of each that are drawn from."""
_VAIN = 60
"""Kicks in a row that lead to nothing better before the search ends."""
_WORSE = 1.15
"""Where a kick alone makes the factor larger than this many times, the search does not begin."""
_TRIED, _MOST_TRIED = 20, 40
"""Swaps that are looked at before a search ends where none helps, and in all of one search (count)."""
_FIRST_TRIED = 200
"""Swaps that the first search may look at."""
_MOST_PROGRAMS = 400
"""Geometric programs after which the search ends."""
_STEPS = 12
"""Steps of prices that are to rule a swap out."""
_BETTER = 1.0 - 1e-6
_TARGET = 1.0 - 1e-4
"""Part of the factor that a swap has to reach."""
_EVEN = 0.05
"""Part of prices that is spread evenly over all places, so that nothing is free."""


@dataclass(frozen=True)
class _Choice:
    """A column of each app, with speeds and shares."""

    numbers: tuple[int, ...]
    found: Quickest
    prices: Floats
    """(P,) prices of places at which the columns are worth the most."""


class SwapSearch:
    """Searches choices of the columns of all apps."""

    def __init__(self, joint: JointInstance, columns: Sequence[Sequence[Column]], deadline: Deadline) -> None:
        """Write all columns as arrays.

        Args:
            joint: The apps.
            columns: Different columns of each app, in order.
            deadline: When to stop.
        """
        self._joint, self._deadline, self._programs = joint, deadline, 0
        self._columns = [column for own in columns for column in own]
        self._app: Ints = np.array([column.app for column in self._columns])
        self._needs = Needs.of(joint.network, self._columns)
        places = joint.network.size + joint.network.media
        self._even = np.full(places, 1.0 / places)

    def run(self, best: BestChoice, enough: float) -> None:
        """Improve a plan until its factor is at most `enough`, kicks are used up, or time is.

        Args:
            best: The best plan known, of columns among those searched; a better one takes its place.
            enough: Factor that is good enough.
        """
        number = {(column.app, column.key): index for index, column in enumerate(self._columns)}
        choice = self._evaluated([number[column.app, column.key] for column in best.columns])
        if choice is None:
            return
        choice = self._descended(choice, _FIRST_TRIED)
        random, helped = np.random.default_rng(0), 0
        for kick in range(_KICKS):
            if choice.found.factor <= enough or kick - helped > _VAIN or self._ended:
                break
            kicked = self._kicked(choice, random)
            if kicked is not None:
                found = self._descended(kicked, _MOST_TRIED)
                helped = kick if found.found.factor < choice.found.factor * _BETTER else helped
                choice = found if found.found.factor <= choice.found.factor else choice
        best.offer([self._columns[one] for one in choice.numbers], choice.found)

    @property
    def _ended(self) -> bool:
        return self._programs >= _MOST_PROGRAMS or self._deadline.expired

    def _kicked(self, choice: _Choice, random: np.random.Generator) -> _Choice | None:
        """Give some apps another column of small worth; None where that has no plan that is nearly as good."""
        worths = self._worths(choice, 4.0 * _EVEN)
        numbers = list(choice.numbers)
        for app in random.choice(len(numbers), min(_KICKED, len(numbers)), replace=False).tolist():
            own = np.flatnonzero((self._app == app) & np.isfinite(worths))
            nearest = own[np.argsort(worths[own], kind="stable")[:_NEAR]]
            numbers[app] = int(random.choice(nearest)) if len(nearest) else numbers[app]
        if self._ruled_out(numbers, choice.prices, _WORSE * choice.found.factor):
            return None
        return self._evaluated(numbers, choice.prices)

    def _descended(self, choice: _Choice, most: int) -> _Choice:
        """Swap columns of single apps as long as one of the most promising swaps helps."""
        tried = 0
        while tried < most and not self._ended:
            better = None
            for number in self._promising(choice)[:_TRIED]:
                tried += 1
                numbers = list(choice.numbers)
                numbers[self._app[number]] = number
                if not self._ruled_out(numbers, choice.prices, choice.found.factor * _TARGET):
                    better = self._evaluated(numbers, choice.prices)
                    if better is not None and better.found.factor < choice.found.factor * _BETTER:
                        break
                    better = None
            if better is None:
                break
            choice = better
        return choice

    def _promising(self, choice: _Choice) -> list[int]:
        """Return the columns that are worth less than the one of their app, the best swap first."""
        now = np.array(choice.numbers)[self._app]
        exact = self._needs.worths(choice.prices, choice.found.factor)[0]
        worths = self._worths(choice, _EVEN)
        with np.errstate(invalid="ignore"):
            gain = worths - worths[now]
            less = (exact < exact[now] * _BETTER) | ((exact <= exact[now]) & (gain < 0.0))
        some = np.flatnonzero(less)
        return [int(number) for number in some[np.argsort(gain[some], kind="stable")]]

    def _worths(self, choice: _Choice, even: float) -> Floats:
        """(C,) what all columns are worth at the prices of a choice, partly spread over all places."""
        prices = (1.0 - even) * choice.prices + even * self._even
        return self._needs.worths(prices, choice.found.factor)[0]

    def _ruled_out(self, numbers: Sequence[int], prices: Floats, factor: float) -> bool:
        """Whether some prices show that columns cannot reach a factor."""
        start = (1.0 - _EVEN) * prices + _EVEN * self._even
        return ascended_of_choice(self._needs.take(numbers), start, factor, _STEPS)[0] > 1.0

    def _evaluated(self, numbers: Sequence[int], prices: Floats | None = None) -> _Choice | None:
        """Solve the geometric program of some columns; None where limits other than deadlines fail."""
        columns = [self._columns[number] for number in numbers]
        if overfull(self._joint, columns):
            return None
        self._programs += 1
        found = quickest(self._joint.network, columns)
        if isinstance(found, NoAllocation):
            return None
        start = self._even if prices is None else (1.0 - _EVEN) * prices + _EVEN * self._even
        _, own = ascended_of_choice(self._needs.take(numbers), start, found.factor)
        return _Choice(tuple(numbers), found, own)
