"""From shares to whole users: round down, then place the users left over one by one where they fit.

A vertex of the linear program splits few classes, so few users are left over. Each takes the plan of least cost at the
dual prices that fits into what is free; classes that need shared capacity go first. Where some find no room, the prices
of what their plans load rise and all who were left over are placed anew, so that others leave room for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.instance.fleet_instance import FleetInstance, KindPlans
from planner.fleet.instance.model_arrays import TOLERANCE
from planner.fleet.master.pool import Columns
from planner.fleet.rounding.state import WholeUsers

_NEARLY_WHOLE = 1e-6
_RISE = 1.25
"""Prices rise by this the first time, and by its powers then."""
_RISES = 8
"""Times that prices rise at most for users who find no room."""


def rounded_down(instance: FleetInstance, columns: Columns, share: Floats) -> WholeUsers:
    """Take the whole part of all shares; the other users wait.

    Shares of a program that was stopped may exceed capacities: columns that load such a row lose the part by which it
    is exceeded.

    Args:
        instance: The fleet.
        columns: n columns.
        share: (n,) share of its class that takes each column.

    Returns:
        (n,) whole users of the columns, within capacities, and (C,) users who wait.
    """
    count = instance.count
    users = np.floor(share * count[columns.owner] + _NEARLY_WHOLE).astype(np.int64)
    capacity = instance.resources.capacity
    load = columns.load_of(instance.rate_per_s[columns.owner] * users, len(capacity))
    over = load > capacity * (1.0 + TOLERANCE / 2.0)
    if over.any():
        part, left = np.ones(columns.count), np.where(over, capacity / np.where(over, load, 1.0), 1.0)
        np.minimum.at(part, columns.load_column, left[columns.load_row])
        users = np.floor(users * part).astype(np.int64)
    placed = np.bincount(columns.owner, weights=users, minlength=len(count)).astype(np.int64)
    for owner in np.flatnonzero(placed > count).tolist():  # shares that sum to a hair more than 1
        own = np.flatnonzero((columns.owner == owner) & (users > 0))
        users[own[-1]] -= placed[owner] - count[owner]
    placed = np.bincount(columns.owner, weights=users, minlength=len(count)).astype(np.int64)
    return WholeUsers(instance, columns, users, count - placed)


def nobody_placed(instance: FleetInstance, columns: Columns) -> WholeUsers:
    """Return the state in which all users wait, over some columns."""
    return WholeUsers(instance, columns, np.zeros(columns.count, dtype=np.int64), instance.count.copy())


@dataclass(frozen=True)
class Option:
    """A plan that a user may take."""

    pair: int
    plan: int
    rows: Ints
    load: Floats
    """Load of one user on the rows."""


class Placer:
    """Places waiting users, class by class."""

    def __init__(self, state: WholeUsers, prices: Floats, rank: Ints | None = None) -> None:
        """Prepare to place the waiting users of `state`.

        Args:
            state: Users now.
            prices: (R,) watts per unit of capacity; plans are tried in the order of their cost at these.
            rank: (Q,) pairs of a lower rank are tried before any cost counts; None for no ranks.
        """
        self._rank = rank
        self._state, self._prices = state, np.append(prices, 0.0)
        self._free = np.append(state.free, np.inf)
        self._instance = state.instance
        self._position = state.instance.position

    def place_all(self, latest: Deadline | None = None) -> WholeUsers:
        """Place every waiting user that fits somewhere until a deadline; return the state with them."""
        state = self._state
        pairs: list[int] = []
        plans: list[int] = []
        users: list[int] = []
        waiting = state.waiting.copy()
        for owner in self._order(waiting).tolist():
            if latest is not None and latest.expired:
                break
            while waiting[owner] and (option := self._best(owner)) is not None:
                fits = self._fitting(option, int(waiting[owner]))
                self._free[option.rows] -= fits * option.load
                pairs.append(option.pair)
                plans.append(option.plan)
                users.append(fits)
                waiting[owner] -= fits
        return placed(state, np.array(pairs, dtype=np.int64), np.array(plans, dtype=np.int64), users, waiting)

    def _order(self, waiting: Ints) -> Ints:
        """Classes with waiting users: those with no plan on the device alone first, of these the largest rates."""
        instance = self._instance
        least = [each.plans.loads_s.max(axis=1, initial=0.0).min(initial=np.inf) for each in instance.kinds]
        alone = np.zeros(instance.classes, dtype=bool)
        alone[instance.pair_class[np.array(least)[instance.pair_kind] <= 0.0]] = True
        owners = np.flatnonzero(waiting)
        return owners[np.lexsort((-instance.rate_per_s[owners], alone[owners]))]

    def _best(self, owner: int) -> Option | None:
        """Return the plan of least rank and cost at the dual prices that fits for one user at least."""
        instance, best, found = self._instance, (np.inf, np.inf), None
        rate = float(instance.rate_per_s[owner])
        for pair in range(int(instance.first_pair[owner]), int(instance.first_pair[owner + 1])):
            each = instance.kinds[instance.pair_kind[pair]]
            if not each.plans.count:
                continue
            rows = each.rows[self._position[pair]]
            load = rate * each.plans.loads_s
            fits = ((load <= self._free[rows]) | (load <= 0.0)).all(axis=1)
            fits &= rate <= each.plans.most_rate_per_s * (1.0 + TOLERANCE)
            fits &= self._allowed(pair, each)
            if not fits.any():
                continue
            cost = np.where(fits, each.plans.energy_j + each.plans.loads_s @ self._prices[rows], np.inf)
            plan = int(cost.argmin())
            key = (0.0 if self._rank is None else float(self._rank[pair]), float(cost[plan]))
            if key < best:
                best, found = key, Option(pair, plan, rows, load[plan])
        return found

    def _allowed(self, _pair: int, each: KindPlans) -> Bools:
        """(P,) plans of a pair that may be taken; all of them here."""
        return np.ones(each.plans.count, dtype=bool)

    def _fitting(self, option: Option, most: int) -> int:
        """Return how many users fit, at least 1 and at most `most`."""
        loaded = option.load > 0.0
        if not loaded.any():
            return most
        room = float((self._free[option.rows[loaded]] / option.load[loaded]).min())
        return int(min(most, max(1.0, np.floor(room))))


def placed_at_rising_prices(
    state: WholeUsers, prices: Floats, deadline: Deadline, latest: Deadline | None = None
) -> WholeUsers:
    """Place the waiting users; where some find no room, raise the prices of all that their plans load, and start again.

    Args:
        state: Users now; those that have a plan keep it.
        prices: (R,) watts per unit of capacity to begin with.
        deadline: When to stop; prices rise once at least.
        latest: When to stop even with users who could be placed; None where there is no such time.

    Returns:
        The state of the fewest waiting users, and of least power among these.
    """
    latest = latest or Deadline()

    def one_by_one(prices: Floats) -> WholeUsers:
        return Placer(state, prices).place_all(latest)

    return best_at_rising_prices(one_by_one, prices, deadline, latest, _RISES)


def best_at_rising_prices(
    place: Callable[[Floats], WholeUsers], prices: Floats, deadline: Deadline, latest: Deadline, most_rises: int
) -> WholeUsers:
    """Place users again and again, at prices that rise on all that plans of those may load who found no room.

    Args:
        place: Places users at (R,) prices, always from the same state.
        prices: (R,) watts per unit of capacity to begin with.
        deadline: When to stop; prices rise once at least.
        latest: When to stop even before that.
        most_rises: Times that prices rise at most.

    Returns:
        The state of the fewest waiting users, and of least power among these.
    """
    best = found = place(prices)
    for rise in range(most_rises):
        if not best.waiting.any() or latest.expired or (rise and deadline.expired):
            break
        prices = prices.copy()
        prices[_rows_of(found.instance, found.waiting > 0)] *= _RISE ** (1 + rise)
        found = place(prices)
        best = min(best, found, key=lambda each: (int(each.waiting.sum()), each.power_w))
    return best


def _rows_of(instance: FleetInstance, classes: Bools) -> Ints:
    """Return the resources that plans of some classes may load, as ascending rows."""
    chosen = classes[instance.pair_class]
    rows = np.concatenate([each.rows[chosen[each.pairs]].reshape(-1) for each in instance.kinds])
    return np.unique(rows[rows < instance.resources.count])


def placed(state: WholeUsers, pair: Ints, plan: Ints, users: list[int], waiting: Ints) -> WholeUsers:
    """Add some users to a state, on plans that may be new columns.

    Args:
        state: Users now.
        pair: (n,) pairs of the others.
        plan: (n,) plan of each.
        users: Users of each.
        waiting: (C,) users that have no plan then.

    Returns:
        A state of its own over the columns of both; `state` does not change.
    """
    from planner.fleet.rounding.state import places

    grown = state.with_columns(pair, plan)
    np.add.at(grown.users, places(grown.columns, pair, plan), np.array(users, dtype=np.int64))
    return WholeUsers(state.instance, grown.columns, grown.users, waiting)
