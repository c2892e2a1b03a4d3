"""The plan of least largest latency over its limit among listed columns: depth-first branch and bound, proved.

A partial choice has at least the factor of its own geometric program. It cannot reach a factor at which shares of its
columns, and of the cheapest columns of the apps to come, are worth more than there is (`clear.latency.needs`); the same
bound rules out columns one by one. A branch ends where nothing in it is better than the best plan known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.allocation.allocate import NoAllocation
from planner.clear.allocation.plan import overfull
from planner.clear.latency.needs import Needs, ascended, least_worth
from planner.clear.latency.quickest import Quickest, quickest
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats

EQUAL = 5e-7
"""Relative difference of factors that nothing is searched for."""
_ROOM = 1.0 + 1e-9
_FEW_STEPS = 8
"""Steps of prices within a branch."""
_BISECTIONS = 40


@dataclass
class BestChoice:
    """The best columns found, one of each app in order, with speeds and shares."""

    columns: tuple[Column, ...] = ()
    found: Quickest | None = None

    @property
    def factor(self) -> float:
        """Largest latency over its limit; infinite where there is no plan."""
        return np.inf if self.found is None else self.found.factor

    def offer(self, columns: Sequence[Column], found: Quickest) -> None:
        """Take a plan that is better."""
        if found.factor < self.factor:
            self.columns, self.found = tuple(columns), found


@dataclass(frozen=True)
class TreeResult:
    """What the tree proved."""

    proved: bool
    """Whether every choice was looked at or ruled out."""
    least: float
    """No plan has a smaller factor (no unit)."""
    programs: int
    """Geometric programs solved (count)."""


def undominated(own: Needs, limited: Floats) -> Needs:
    """Return the columns that no other one of the app beats in loads, times and limited figures at once.

    Args:
        own: Columns of one app.
        limited: (C, B) further figures: memory, and what else is limited.
    """
    count = len(own.columns)
    if count == 0:
        return own
    parts = [own.late.reshape(count, -1), own.fixed, own.load, limited]
    figures = np.concatenate(parts, axis=1)
    order = sorted(range(count), key=lambda number: (float(figures[number].sum()), number))
    kept: list[int] = []
    for number in order:
        if not kept or not (figures[kept] <= figures[number]).all(axis=1).any():
            kept.append(number)
    return own.take(kept)


def quickest_of_columns(
    joint: JointInstance,
    apps: Sequence[Needs],
    best: BestChoice,
    gap: float,
    most_programs: int,
    deadline: Deadline,
) -> TreeResult:
    """Search all choices of one column per app.

    Args:
        joint: The apps.
        apps: Columns of each app.
        best: The best plan known; a better one takes its place.
        gap: Relative gap that is asked for.
        most_programs: Geometric programs after which to give up.
        deadline: When to give up.

    Returns:
        Whether all was searched, and a lower bound of the factor of every plan within the limits (so at most 1).
    """
    if not all(own.columns for own in apps):
        return TreeResult(proved=True, least=np.inf, programs=0)
    tree = _Tree(joint, apps, best, max(gap, EQUAL), most_programs, deadline)
    places = joint.network.size + joint.network.media
    prices = np.full(places, 1.0 / places)
    tree.branch({}, prices, 0.0)
    alone = max(float(own.alone.min()) for own in apps)
    if tree.proved:
        searched = min(tree.target, tree.lowest) if best.found is not None else np.inf
        return TreeResult(True, max(alone, searched), tree.programs)
    return TreeResult(False, max(alone, _root_bound(apps, prices, tree.target)), tree.programs)


def _root_bound(apps: Sequence[Needs], prices: Floats, target: float) -> float:
    """Return a factor that no choice of columns reaches, by the worth of shares at the best prices for it."""
    low, high = 0.0, target
    _, prices = ascended(apps, prices, target)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if least_worth(apps, prices, middle) > _ROOM else (low, middle)
    return low


@dataclass
class _Tree:
    """State of one depth-first search."""

    joint: JointInstance
    apps: Sequence[Needs]
    best: BestChoice
    gap: float
    most_programs: int
    deadline: Deadline
    programs: int = 0
    proved: bool = True
    lowest: float = np.inf
    """Least factor that the programs of whole choices leave possible."""

    @property
    def target(self) -> float:
        """Factor below which plans are searched for: a limit holds at 1."""
        return min(self.best.factor * (1.0 - self.gap), _ROOM)

    def branch(self, chosen: dict[int, int], prices: Floats, least: float) -> None:
        """Search every plan that holds the columns chosen so far.

        Args:
            chosen: Number of the column of each app that has one.
            prices: (P,) prices of places to begin with.
            least: No such plan has a smaller factor.
        """
        if least >= self.target:
            return
        held = [own.take([chosen[app]]) if app in chosen else own for app, own in enumerate(self.apps)]
        worth, prices = ascended(held, prices, self.target, _FEW_STEPS if chosen else 60)
        if worth > _ROOM:
            return
        open_apps = [app for app in range(len(self.apps)) if app not in chosen]
        options = {app: self._options(app, chosen, held, prices, worth) for app in open_apps}
        app = min(open_apps, key=lambda one: (len(options[one]), one))
        for number in options[app]:
            if self.programs >= self.most_programs or self.deadline.expired:
                self.proved = False
                return
            more = {**chosen, app: number}
            columns = [self.apps[one].columns[more[one]] for one in sorted(more)]
            if overfull(self.joint, columns):
                continue
            self.programs += 1
            found = quickest(self.joint.network, columns)
            if isinstance(found, NoAllocation):
                if not found.proved:
                    self._unsolved(more, prices, least)
                continue
            if found.least >= self.target:
                continue
            if len(more) == len(self.apps):
                self.lowest = min(self.lowest, found.least)
                self.best.offer(columns, found)
            else:
                self.branch(more, prices, max(least, found.least))

    def _unsolved(self, more: dict[int, int], prices: Floats, least: float) -> None:
        """Go on below a partial choice whose program was not solved; a whole one stays open."""
        if len(more) == len(self.apps):
            self.proved = False
        else:
            self.branch(more, prices, least)

    def _options(
        self, app: int, chosen: dict[int, int], held: Sequence[Needs], prices: Floats, worth: float
    ) -> list[int]:
        """Return the columns of an app that the worth of shares, loads and memory leave, the cheapest first."""
        own, target = self.apps[app], self.target
        worths, _ = own.worths(prices, target)
        others = worth - float(worths.min())
        shares, memory = own.shares(target), own.memory
        for one in chosen:
            shares, memory = shares + held[one].shares(target), memory + held[one].memory
        fits = (worths + others <= _ROOM) & (shares <= _ROOM).all(axis=1) & (memory <= _ROOM).all(axis=1)
        return sorted(np.flatnonzero(fits).tolist(), key=lambda number: (float(worths[number]), number))
