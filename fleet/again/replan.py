"""Planning again: plans of before are kept, users without one are placed, and few others move.

The bound is the Lagrangian one at the prices of before, which need not be optimal to hold. Where it closes the gap, no
linear program is solved; where it does not, that starts from the prices and plans of before.
"""

from __future__ import annotations

import numpy as np

from planner.fleet.again.keeping import kept_users
from planner.fleet.again.moves import MoveBudget, Plans, groups_of
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.column_generation import LinearAnswer, LinearOptions
from planner.fleet.master.pool import columns_of
from planner.fleet.method import Before
from planner.fleet.rounding.local_search import LocalSearch
from planner.fleet.rounding.rounding import placed_at_rising_prices
from planner.fleet.rounding.state import WholeUsers
from planner.fleet.task import Run, cost_of, demand_of, idle_prices


def warm_start(instance: FleetInstance, before: Before) -> LinearOptions:
    """Return where the linear program starts: the prices and plans of before."""
    columns = columns_of(instance, before.solution.pair, before.solution.plan)
    return LinearOptions(start=before.prices, start_columns=columns)


def kept_plan(run: Run, before: Before, penalty_w: float) -> tuple[WholeUsers, float] | None:
    """Return whole users near those of before with the bound at the prices of before, if these close the gap.

    Args:
        run: The solve.
        before: The placement to plan again from.
        penalty_w: Cost of a user without a plan, in watts.

    Returns:
        The users and the bound in watts; None where the gap stays open.
    """
    demand = demand_of(run.instance, penalty_w)
    prices = np.where(demand.capacity > 0.0, before.prices, 0.0)
    cost = np.minimum(run.pricer.price(prices + demand.idle_w).class_cost, demand.penalty_j)
    bound = max(0.0, float((demand.per_s * cost).sum() - (prices * demand.capacity).sum()))
    state = _kept(run, before)
    if state.waiting.any():
        search = _search(run, before, penalty_w, state)
        search.place_waiting()
        state = search.state()
    power = state.power_w + state.idle_w
    if state.waiting.any() or power - bound > run.options.gap * power:
        return None
    run.options.progress("kept", bound, power)
    return state, bound


def changed_within(run: Run, before: Before, linear: LinearAnswer, penalty_w: float) -> WholeUsers:
    """Place users near their plans of before, and improve that by local search with as many moves as are allowed.

    Args:
        run: The solve.
        before: The placement to plan again from.
        linear: The linear program.
        penalty_w: Cost of a user without a plan, in watts.

    Returns:
        The whole users; those without a plan wait.
    """
    search = _search(run, before, penalty_w, _kept(run, before))
    search.place_waiting()
    search.shrink(cost_of(search.state(), penalty_w) - linear.bound_w)
    return search.state()


def _kept(run: Run, before: Before) -> WholeUsers:
    """Return the users of before that still have their plan; the others are placed at rising prices."""
    prices = before.prices + idle_prices(run.instance)
    state = kept_users(run.instance, before, prices)
    return placed_at_rising_prices(state, prices, run.deadline, run.options.latest)


def _search(run: Run, before: Before, penalty_w: float, state: WholeUsers) -> LocalSearch:
    """Return a search from users near those of before, within the moves that are allowed."""
    instance = run.instance
    prices = before.prices + idle_prices(instance)
    budget = None
    if run.options.most_moves is not None:
        groups = groups_of(instance, state.solution())
        budget = MoveBudget.of(Plans.of(instance, before), run.options.most_moves, groups, state.waiting)
    return LocalSearch.of(state, prices, penalty_w, run.deadline, budget)
