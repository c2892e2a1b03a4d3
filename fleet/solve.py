"""Method `fleet`: column generation with a Lagrangian bound, then whole users by rounding and integer programs."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.again.replan import changed_within, kept_plan, warm_start
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.column_generation import ColumnGeneration, LinearAnswer, LinearOptions, price_units
from planner.fleet.method import FleetOptions, FleetOutcome, Short
from planner.fleet.outcomes import STOPPED_EARLY, Bounded, outcome_of, plan_outcome
from planner.fleet.pricing.engine import EngineSetting, LocalEngine, Pricer, engine
from planner.fleet.pricing.smoothed import Demand
from planner.fleet.rounding.closing import with_nodes_closed
from planner.fleet.rounding.greedy import placed_at_once, placed_at_once_or_dearer
from planner.fleet.rounding.local_search import LocalSearch
from planner.fleet.rounding.memory import within_memory
from planner.fleet.rounding.neighbourhood import reoptimised
from planner.fleet.rounding.rounding import nobody_placed, placed_at_rising_prices, rounded_down
from planner.fleet.rounding.state import WholeUsers
from planner.fleet.task import Run, cost_of, demand_of, idle_prices, penalty_per_user

_TINY_USERS = 1e-7
"""Part of all users that may be left over by rounding errors of the linear program."""
_MOST_RISES = 3
"""Times that prices of exceeded capacities rise before it is asked whether all users can be served."""
_ROUGH = 0.1
"""Prices to place users at without a linear program, as a part of the power of those who may load a resource."""
_SLACK_USERS = 0.2
"""Gap, in users, of the linear program for how many can be served."""
_WHOLE_COLUMNS = 6_000
"""Columns up to which one integer program takes all classes."""
_NODES = 300
_NODES_TIMES_COLUMNS = 3_000_000
"""Nodes of branch and bound of programs with few columns, which are quick."""


class ColumnGenerationMethod:
    """Linear program over all plans, then whole users."""

    name = "fleet"
    description = "column generation with a certified bound, whole users by rounding and integer programs"

    def solve(self, instance: FleetInstance, options: FleetOptions) -> FleetOutcome:
        """Plan the fleet."""
        pricing = engine(options.engine, EngineSetting(instance, options.jobs, options.address))
        try:
            run = Run(instance, options, Pricer.of(instance, pricing), Deadline.after(options.time_limit_s))
            return _solve(run)
        finally:
            pricing.close()


def _solve(run: Run) -> FleetOutcome:
    began = time.perf_counter()
    instance, options = run.instance, run.options
    penalty_w = penalty_per_user(instance)
    before = options.before
    if options.latest.expired:
        return FleetOutcome("unknown", None, 0.0, np.zeros(instance.resources.count), STOPPED_EARLY)
    if before is not None and (kept := kept_plan(run, before, penalty_w)) is not None:
        times_s = (0.0, time.perf_counter() - began)
        return plan_outcome(options, kept[0], Bounded(kept[1], before.prices), None, "", times_s, {})
    start = LinearOptions() if before is None else warm_start(instance, before)
    linear, penalty_w, short = _linear(run, penalty_w, start)
    linear_s = time.perf_counter() - began
    served = None if short is None else short.most_served
    if served == 0 or (served is not None and served < int(instance.count.sum()) and not options.serve_most):
        return FleetOutcome(
            "infeasible", None, np.inf, linear.prices, short=short, linear_gap=linear.gap, linear_s=linear_s
        )
    if before is not None and options.most_moves is not None:
        state = changed_within(run, before, linear, penalty_w)
    else:
        state, linear = whole_users(run, linear, penalty_w)
    state = within_memory(state, linear.prices + idle_prices(instance))
    whole_s = time.perf_counter() - began - linear_s
    return outcome_of(instance, options, linear, state, penalty_w, short, (linear_s, whole_s))


def _linear(run: Run, penalty_w: float, start: LinearOptions) -> tuple[LinearAnswer, float, Short | None]:
    """Solve the linear program; where it leaves users out, find how many must be, and raise the penalty if fewer."""
    instance, users = run.instance, int(run.instance.count.sum())
    linear = _generated(run, penalty_w, replace(start, most_rises=_MOST_RISES))
    left = float((linear.unserved * instance.count)[instance.rate_per_s > 0.0].sum())
    impossible = _impossible(run)
    if left <= _TINY_USERS * users and not impossible.any() and not linear.overloaded:
        return linear, penalty_w, None
    if run.deadline.expired and not impossible.any():
        return linear, penalty_w, None  # shares of a program that was stopped prove nothing of who can be served
    short = least_unserved(run, linear, impossible)
    some_left = short.most_served < users
    if some_left and not run.options.serve_most:
        return linear, penalty_w, short
    if linear.overloaded and not run.deadline.expired:
        prices = linear.prices + penalty_w * short.users_per_capacity
        linear = _generated(run, penalty_w, replace(start, start=prices, start_columns=linear.columns))
        left = float((linear.unserved * instance.count)[instance.rate_per_s > 0.0].sum())
    if left > users - short.most_served + 0.01 and not run.deadline.expired:
        penalty_w *= 100.0
        linear = _generated(run, penalty_w, replace(start, start=linear.prices, start_columns=linear.columns))
    return linear, penalty_w, short


def _generated(run: Run, penalty_w: float, options: LinearOptions) -> LinearAnswer:
    """Run column generation with one cost for every user without a plan."""
    demand = demand_of(run.instance, penalty_w)
    return ColumnGeneration(run.instance, run.pricer, demand, run.deadline, run.options.progress).solve(options)


def _impossible(run: Run) -> Bools:
    """(C,) classes with users that no plan can serve."""
    cost = run.pricer.price(np.zeros(run.instance.resources.count)).class_cost
    return np.asarray(~np.isfinite(cost) & (run.instance.count > 0), dtype=np.bool_)


def least_unserved(run: Run, linear: LinearAnswer, impossible: Bools) -> Short:
    """Find how many users can be served at most: the linear program without costs, one for each user left out.

    Args:
        run: The solve.
        linear: The linear program that left users out.
        impossible: (C,) classes that no plan can serve.

    Returns:
        The least number of users without a plan, and what is short.
    """
    instance = run.instance
    rate = instance.rate_per_s
    free = tuple(
        replace(each, plans=replace(each.plans, energy_j=np.zeros(each.plans.count))) for each in instance.kinds
    )
    relaxed = replace(instance, kinds=free)
    pricing = engine(run.options.engine, EngineSetting(relaxed, run.options.jobs, run.options.address))
    try:
        demand = Demand(
            instance.count * rate, 1.0 / np.where(rate > 0.0, rate, 1.0), instance.resources.capacity,
            np.zeros(instance.resources.count),
        )  # fmt: skip
        generation = ColumnGeneration(
            relaxed, Pricer.of(relaxed, pricing), demand, run.deadline, lambda _stage, _bound, _value: None
        )
        answer = generation.solve(
            LinearOptions(gap=1e-6, start_columns=linear.columns, vertex=False, slack_w=_SLACK_USERS)
        )
    finally:
        pricing.close()
    still = float(instance.count[impossible & (rate <= 0.0)].sum())
    least = max(0, int(np.ceil(answer.bound_w + still - 1e-4)))
    return Short(int(instance.count.sum()) - least, answer.prices, np.flatnonzero(impossible))


def whole_users(run: Run, linear: LinearAnswer, penalty_w: float) -> tuple[WholeUsers, LinearAnswer]:
    """Round shares down to whole users, then improve them; where few plans are left, one integer program is exact.

    A plan whose reduced cost for one user is more than what bound and plan differ by is in no better solution.

    Args:
        run: The solve.
        linear: The linear program.
        penalty_w: Cost of a user without a plan, in watts.

    Returns:
        The users, and the linear program with the bound in watts that integer programs have raised.
    """
    instance, deadline, options = run.instance, run.deadline, run.options
    prices = linear.prices + idle_prices(instance)
    state = rounded_down(instance, linear.columns, linear.share)
    if linear.stopped:
        state = _placed_in_time(run, state, prices, penalty_w)
    else:
        state = placed_at_rising_prices(state, prices, deadline, options.latest)
    state = _searched(run, state, linear, penalty_w, shrink=False)
    options.progress("whole users", linear.bound_w, cost_of(state, penalty_w))
    if deadline.expired or (_gap(state, linear, penalty_w) <= options.gap and not state.waiting.any()):
        return state, linear
    if state.idle_w:
        return with_nodes_closed(state, linear.prices, deadline), linear
    if (wider := _with_promising(run, state, linear, penalty_w)) is not None:
        state, bound = reoptimised(
            wider, instance.rate_per_s > 0.0, penalty_w, seconds=deadline.remaining_s,
            nodes=max(_NODES, _NODES_TIMES_COLUMNS // wider.columns.count), gap=min(1e-4, options.gap / 10.0),
        )  # fmt: skip
        return state, replace(linear, bound_w=max(linear.bound_w, min(bound, cost_of(state, penalty_w))))
    return _searched(run, state, linear, penalty_w, shrink=True), linear


def _placed_in_time(run: Run, state: WholeUsers, prices: Floats, penalty_w: float) -> WholeUsers:
    """Place users at the prices that a linear program had when it was stopped, some of them or all anew."""
    latest, nobody = run.options.latest, nobody_placed(run.instance, state.columns)
    best = placed_at_once_or_dearer(state, run.pricer, prices, latest)
    if best.waiting.any():
        anew = placed_at_once(nobody, run.pricer, idle_prices(run.instance), latest)
        best = min(best, anew, key=lambda each: cost_of(each, penalty_w))
    if not best.waiting.any() or latest.expired:
        return best
    higher = np.maximum(prices, _rough_prices(run, penalty_w))
    anew = placed_at_rising_prices(nobody, higher, run.deadline, latest)
    return min(best, anew, key=lambda each: cost_of(each, penalty_w))


def _rough_prices(run: Run, penalty_w: float) -> Floats:
    """(R,) prices of the size that matters, for programs that were stopped before they had any."""
    free = run.pricer.price(np.zeros(run.instance.resources.count)).class_cost
    return _ROUGH * price_units(run.instance, demand_of(run.instance, penalty_w), free)


def _searched(run: Run, state: WholeUsers, linear: LinearAnswer, penalty_w: float, *, shrink: bool) -> WholeUsers:
    """Place who waits, and shrink the gap to what is asked, by integer programs over neighbourhoods."""
    if not shrink and not state.waiting.any():
        return state
    prices = linear.prices + idle_prices(run.instance)
    search = LocalSearch.of(state, prices, penalty_w, run.deadline)
    search.place_waiting()
    if shrink:
        search.shrink(cost_of(state, penalty_w) - linear.bound_w / (1.0 - min(run.options.gap, 0.99)))
    return search.state()


def _gap(state: WholeUsers, linear: LinearAnswer, penalty_w: float) -> float:
    cost = cost_of(state, penalty_w)
    return (cost - linear.bound_w) / cost if cost > 0.0 else 0.0


def _with_promising(run: Run, state: WholeUsers, linear: LinearAnswer, penalty_w: float) -> WholeUsers | None:
    """Return the state over all columns that a better solution may use; None where these are many."""
    instance = run.instance
    rate = instance.rate_per_s
    prices = linear.prices + idle_prices(instance)
    found = run.pricer.price(prices)
    slack = (cost_of(state, penalty_w) - linear.bound_w) * (1.0 + 1e-6)
    cost = np.minimum(found.class_cost, penalty_w / np.where(rate > 0.0, rate, 1.0))
    usable = np.isfinite(found.class_cost) & (rate > 0.0)
    allowed = np.where(usable, slack / np.where(rate > 0.0, rate, 1.0), -1.0)
    near = run.pricer.near(prices, np.where(usable, cost, 0.0), allowed)
    if len(near.pair) + state.columns.count > _WHOLE_COLUMNS:
        return None
    return state.with_columns(near.pair, near.plan)


def bound_at(instance: FleetInstance, prices: Floats) -> float:
    """Return the Lagrangian bound at some prices, for plans that serve every user."""
    pricing = LocalEngine(EngineSetting(instance))
    offset = idle_prices(instance)
    prices = np.where(instance.resources.capacity > 0.0, prices, 0.0)
    cost = Pricer.of(instance, pricing).price(prices + offset).class_cost
    pricing.close()
    per_s = instance.count * instance.rate_per_s
    cost = np.where(np.isfinite(cost), cost, 0.0)
    return max(0.0, float((per_s * cost).sum() - (prices * instance.resources.capacity).sum()))


def bound_of_placed(instance: FleetInstance, prices: Floats, waiting: Ints) -> float:
    """Return the Lagrangian bound at some prices; at none where users wait, since prices then hold their penalties.

    Args:
        instance: The fleet.
        prices: (R,) prices in watts per unit.
        waiting: (C,) users of each class that have no plan.

    Returns:
        Watts that no plan for every user is below.
    """
    return bound_at(instance, np.zeros_like(prices) if waiting.any() else prices)


def plan_part(instance: FleetInstance, options: FleetOptions, deadline: Deadline) -> tuple[WholeUsers, Floats]:
    """Plan whole users of a fleet by the linear program and rounding alone.

    Args:
        instance: The fleet.
        options: What was asked.
        deadline: When to stop.

    Returns:
        Whole users, and (R,) prices of resources, in watts per unit.
    """
    pricing = engine("local", EngineSetting(instance, options.jobs))
    generation = ColumnGeneration(
        instance, Pricer.of(instance, pricing), demand_of(instance, penalty_per_user(instance)), deadline,
        options.progress,
    )  # fmt: skip
    linear = generation.solve(LinearOptions())
    pricing.close()
    state = rounded_down(instance, linear.columns, linear.share)
    return placed_at_rising_prices(state, linear.prices + idle_prices(instance), deadline), linear.prices
