"""Outcomes of fleet methods: a plan's status by its bound, and a check that no plan is better than its bound."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.instance.network import Bools, Floats
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.column_generation import LinearAnswer
from planner.fleet.method import FleetOptions, FleetOutcome, Short
from planner.fleet.rounding.memory import within_memory
from planner.fleet.rounding.state import WholeUsers
from planner.schemas.planning.placement import Status
from planner.schemas.reading.quantities import told_apart

STOPPED_EARLY = "the time limit stopped the planner before any user was placed"


@dataclass(frozen=True)
class Bounded:
    """What is proved of a fleet: a bound with the penalties of users without a plan, and the prices that prove it."""

    bound_w: float
    prices: Floats
    linear_gap: float | None = None


def heuristic_outcome(
    instance: FleetInstance, options: FleetOptions, state: WholeUsers, proved: Bounded, spent_s: float
) -> FleetOutcome:
    """State the answer of a method that proves no infeasibility.

    Args:
        instance: The fleet.
        options: What was asked.
        state: Whole users.
        proved: The bound, without penalties.
        spent_s: Seconds spent.

    Returns:
        A plan with its bound; unknown where users found no room (with `serve_most` where nobody did), infeasible where
        a class has no plan at any price.
    """
    state = within_memory(state, proved.prices)
    left, users = int(state.waiting.sum()), int(instance.count.sum())
    bound = 0.0 if left and options.serve_most else proved.bound_w
    if left and not (options.serve_most and left < users):
        if instance.all_plans and (impossible := _impossible(instance)).any():
            short = _short_of_plans(instance, impossible)
            return FleetOutcome("infeasible", None, np.inf, proved.prices, short=short, whole_s=spent_s)
        message = f"{left:,} of {users:,} users found no room"
        message += " (--serve-most gives the plan of the rest)" if left < users else ""
        return FleetOutcome("unknown", None, bound, proved.prices, message, proved.linear_gap, whole_s=spent_s)
    found = plan_outcome(options, state, Bounded(bound, proved.prices, proved.linear_gap), None, "", (0.0, spent_s), {})
    return replace(found, status="feasible") if left else found  # whether more could be served is not known


def _impossible(instance: FleetInstance) -> Bools:
    """(C,) classes with users that can take none of their plans."""
    possible = instance.count <= 0
    for number, each in enumerate(instance.kinds):
        usable = (~instance.ruled_out(number)).any(axis=1)
        possible[instance.pair_class[each.pairs[usable]]] = True
    return np.asarray(~possible, dtype=np.bool_)


def _short_of_plans(instance: FleetInstance, impossible: Bools) -> Short:
    most_served = int(instance.count[~impossible].sum())
    return Short(most_served, np.zeros(instance.resources.count), np.flatnonzero(impossible))


def outcome_of(
    instance: FleetInstance,
    options: FleetOptions,
    linear: LinearAnswer,
    state: WholeUsers,
    penalty_w: float,
    short: Short | None,
    times_s: tuple[float, float],
) -> FleetOutcome:
    """State the answer of column generation, its value checked against its bound.

    Args:
        instance: The fleet.
        options: What was asked.
        linear: The linear program.
        state: Whole users.
        penalty_w: Cost of a user without a plan, in watts.
        short: Why not all are served; None where all are.
        times_s: Seconds of the linear program and of whole users.

    Returns:
        Optimal or feasible with the bound of the users served; unknown where users were left without a plan.

    Raises:
        BoundError: The plan is better than the bound.
    """
    left = int(state.waiting.sum())
    served_rate = instance.rate_per_s > 0.0
    bound = max(0.0, linear.bound_w - penalty_w * float(state.waiting[served_rate].sum()))
    message = "the time limit stopped the search" if linear.stopped else ""
    if left and not options.serve_most:
        message = f"{message}; " if message else ""
        message += f"{left:,} users were left without a plan by the heuristic for whole users"
        bound = max(0.0, linear.bound_w)  # on plans that serve all
        return FleetOutcome("unknown", None, bound, linear.prices, message, linear.gap, None, *times_s)
    statistics = {"rounds": float(linear.rounds), "columns": float(linear.columns.count)}
    proved = Bounded(bound, linear.prices, linear.gap)
    return plan_outcome(options, state, proved, short if left else None, message, times_s, statistics)


def plan_outcome(
    options: FleetOptions, state: WholeUsers, proved: Bounded, short: Short | None, message: str,
    times_s: tuple[float, float], statistics: dict[str, float],
) -> FleetOutcome:  # fmt: skip
    """State a plan with its status, by the gap between its power and its bound.

    Args:
        options: What was asked.
        state: Whole users.
        proved: The bound, for the users that are served.
        short: Why not all are served; None where all are.
        message: What stopped the search early; empty where nothing did.
        times_s: Seconds of the linear program and of whole users.
        statistics: Counts of the search, by name.

    Returns:
        Optimal where the gap is at most the one that was asked for, else feasible.

    Raises:
        BoundError: The plan is better than the bound.
    """
    power, bound = state.power_w + state.idle_w, proved.bound_w
    if bound > power * (1.0 + 1e-7) + 1e-15:
        raise BoundError(bound, power)
    gap = (power - bound) / power if power > 0.0 else 0.0
    status: Status = "optimal" if gap <= options.gap else "feasible"
    return FleetOutcome(
        status, state.solution(), min(bound, power), proved.prices, message, proved.linear_gap, short, *times_s,
        statistics,
    )  # fmt: skip


class BoundError(RuntimeError):
    """A plan is better than what was proved to be the best: an error of the planner."""

    def __init__(self, bound_w: float, power_w: float) -> None:
        super().__init__("the plan takes {}, below the bound {}".format(*told_apart(power_w, bound_w, "W")))
