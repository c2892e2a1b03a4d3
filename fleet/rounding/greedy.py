"""Greedy placement of all waiting users at once: rounds of pricing, and cumulative loads in the order of savings.

In each round every class asks for its cheapest plan at prices; those that have no plan without load have some rounds
of their own first. Requests are ranked by the power that they save over such plans, per part of capacity. On every
resource the loads are summed in that order, and a request is granted for as many users as fit. Resources that had to
refuse somebody get a price that nobody pays, so that the next round asks for other plans.
"""

from __future__ import annotations

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.master.pool import Columns, columns_of
from planner.fleet.pricing.engine import FleetPrices, Pricer
from planner.fleet.rounding.rounding import Placer, best_at_rising_prices, placed
from planner.fleet.rounding.state import WholeUsers

_ROUNDS = 8
"""Rounds at most for each of the two sets of classes."""
_RISES = 6
"""Times that prices rise at most for users who find no room."""
_NOBODY_PAYS = 1e9
"""Price of refused capacity in watts per unit, over the largest energy of a plan in joules."""


def placed_at_once(state: WholeUsers, pricer: Pricer, prices: Floats, latest: Deadline) -> WholeUsers:
    """Place the waiting users: in rounds first, the others on plans without load, who has none one by one.

    Args:
        state: Users now; those that have a plan keep it.
        pricer: Prices plans.
        prices: (R,) watts per unit of capacity to begin with.
        latest: When to stop placing users one by one; the rounds, which are few, are not stopped.

    Returns:
        The state with all users that were placed.
    """
    instance = state.instance
    energy = max((float(each.plans.energy_j.max(initial=0.0)) for each in instance.kinds), default=0.0)
    refused_w = _NOBODY_PAYS * max(energy, 1e-9)
    alone = pricer.price(np.full(instance.resources.count, refused_w))
    has_alone = alone.class_cost <= 2.0 * energy
    alone_j, prices = np.where(has_alone, alone.class_cost, np.inf), prices.copy()
    for may_ask in (~has_alone, np.ones(instance.classes, dtype=bool)):
        for _ in range(_ROUNDS):
            found = pricer.price(prices)
            asks = may_ask & (state.waiting > 0) & (found.class_cost < alone_j)
            if not asks.any():
                break
            columns = _cheapest(state, found, asks)
            users, short = _granted(state, columns, alone_j)
            state = _with(state, columns, users)
            prices[short] = refused_w
    columns = _cheapest(state, alone, has_alone)  # their loads are none, or too small to cost anything at these prices
    users, _ = _granted(state, columns, alone_j)
    return Placer(_with(state, columns, users), prices).place_all(latest)


def placed_at_once_or_dearer(state: WholeUsers, pricer: Pricer, prices: Floats, latest: Deadline) -> WholeUsers:
    """Place the waiting users; where some find no room, raise the prices of all that their plans load, and start again.

    Args:
        state: Users now; those that have a plan keep it.
        pricer: Prices plans.
        prices: (R,) watts per unit of capacity to begin with.
        latest: When to stop.

    Returns:
        The state of the fewest waiting users, and of least power among these.
    """

    def at_once(prices: Floats) -> WholeUsers:
        return placed_at_once(state, pricer, prices, latest)

    return best_at_rising_prices(at_once, prices, latest, latest, _RISES)


def _cheapest(state: WholeUsers, found: FleetPrices, asks: Bools) -> Columns:
    """Return the cheapest plan of each class that asks, the first of equal ones."""
    instance = state.instance
    owner = instance.pair_class
    pairs = np.flatnonzero(asks[owner] & np.isfinite(found.pair_cost) & (found.pair_cost <= found.class_cost[owner]))
    pairs = pairs[np.unique(owner[pairs], return_index=True)[1]]
    return columns_of(instance, pairs, found.pair_plan[pairs])


def _granted(state: WholeUsers, columns: Columns, alone_j: Floats) -> tuple[Ints, Ints]:
    """Return the users of each column that fit, and the resources that refused somebody.

    Args:
        state: Users now.
        columns: One column of each class that asks.
        alone_j: (C,) energy of plans without load, infinite where there is none.

    Returns:
        (n,) users, and resources in ascending order.
    """
    instance = state.instance
    wanted, rate = state.waiting[columns.owner], instance.rate_per_s[columns.owner]
    capacity = np.maximum(instance.resources.capacity, 1e-300)
    part = np.bincount(
        columns.load_column, weights=columns.load_s / capacity[columns.load_row], minlength=columns.count
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(part > 0.0, (alone_j[columns.owner] - columns.energy_j) / part, np.inf)
    rank = np.empty(columns.count, dtype=np.int64)
    rank[np.lexsort((columns.owner, -worth))] = np.arange(columns.count)
    load = rate[columns.load_column] * columns.load_s
    order = np.lexsort((rank[columns.load_column], columns.load_row))
    row, one, column = columns.load_row[order], load[order], columns.load_column[order]
    asked = one * wanted[column]
    before = np.cumsum(asked) - asked
    first = np.searchsorted(row, row)
    room = state.free[row] - (before - before[first])
    with np.errstate(divide="ignore", invalid="ignore"):
        fits = np.where(one > 0.0, np.floor(np.maximum(room, 0.0) / one), np.inf)
    users = wanted.astype(np.float64)
    np.minimum.at(users, column, fits)
    short = np.unique(row[fits < wanted[column]])
    return users.astype(np.int64), short


def _with(state: WholeUsers, columns: Columns, users: Ints) -> WholeUsers:
    """Return the state with some of the waiting users on columns."""
    some = users > 0
    if not some.any():
        return state
    waiting = state.waiting.copy()
    np.subtract.at(waiting, columns.owner[some], users[some])
    return placed(state, columns.pair[some], columns.plan[some], users[some].tolist(), waiting)
