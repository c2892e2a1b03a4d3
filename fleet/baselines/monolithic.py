"""Baselines `lp` and `ilp`: every plan of every pair in one program, for small fleets."""

from __future__ import annotations

import time

import numpy as np

from planner.fin.deadline import Deadline
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.column_generation import tight_resources
from planner.fleet.master.pool import Columns, columns_of
from planner.fleet.master.restricted import RestrictedMaster
from planner.fleet.method import FleetOptions, FleetOutcome
from planner.fleet.outcomes import Bounded, heuristic_outcome
from planner.fleet.rounding.neighbourhood import reoptimised
from planner.fleet.rounding.rounding import Placer, rounded_down
from planner.fleet.rounding.state import WholeUsers
from planner.fleet.solve import bound_at, bound_of_placed
from planner.fleet.task import demand_of, penalty_per_user
from planner.schemas.reading.problems import input_error

MOST_COLUMNS = 1_000_000


def all_columns(instance: FleetInstance) -> Columns:
    """Return every plan of every pair, without those that no user can take.

    Raises:
        InputError: There are more than a million.
    """
    pairs, plans = [], []
    total = sum(len(each.pairs) * each.plans.count for each in instance.kinds)
    if total > MOST_COLUMNS:
        message = f"the program over all plans has {total:,} columns, more than {MOST_COLUMNS:,}"
        raise input_error(message, "use --method fleet, which generates them", path="--method")
    for kind, each in enumerate(instance.kinds):
        place, plan = np.nonzero(~instance.ruled_out(kind))
        pairs.append(each.pairs[place])
        plans.append(plan)
    none = np.zeros(0, dtype=np.int64)
    return columns_of(instance, np.concatenate([none, *pairs]), np.concatenate([none, *plans]))


class LinearProgram:
    """The whole linear program by HiGHS; its vertex is rounded."""

    name = "lp"
    description = "the whole linear program over all plans (small fleets), rounded to whole users"

    def solve(self, instance: FleetInstance, options: FleetOptions) -> FleetOutcome:
        """Plan the fleet; the bound is the Lagrangian one at the duals of the program."""
        began = time.perf_counter()
        columns = all_columns(instance)
        demand = demand_of(instance, penalty_per_user(instance))
        master = RestrictedMaster(demand, tight_resources(instance, demand))
        answer = master.vertex(columns, seconds=Deadline.after(options.time_limit_s).remaining_s)
        if answer is None:
            none = np.zeros(instance.resources.count)
            return FleetOutcome("unknown", None, 0.0, none, "the time limit stopped the search")
        bound = bound_at(instance, answer.prices)
        gap = max(0.0, answer.value_w - bound) / answer.value_w if answer.value_w > 0.0 else 0.0
        state = Placer(rounded_down(instance, columns, answer.share), answer.prices).place_all(options.latest)
        bound = bound_of_placed(instance, answer.prices, state.waiting)
        spent_s = time.perf_counter() - began
        return heuristic_outcome(instance, options, state, Bounded(bound, answer.prices, gap), spent_s)


class IntegerProgram:
    """The whole integer program by HiGHS."""

    name = "ilp"
    description = "the whole integer program over all plans (small fleets), HiGHS"

    def solve(self, instance: FleetInstance, options: FleetOptions) -> FleetOutcome:
        """Plan the fleet; the bound is that of branch and bound."""
        began = time.perf_counter()
        columns, penalty = all_columns(instance), penalty_per_user(instance)
        none = np.zeros(columns.count, dtype=np.int64)
        free = np.zeros(instance.resources.count)
        state = Placer(WholeUsers(instance, columns, none, instance.count.copy()), free).place_all(options.latest)
        seconds = np.inf if options.time_limit_s is None else options.time_limit_s
        everyone = instance.count > 0
        state, bound = reoptimised(state, everyone, penalty, seconds=seconds, nodes=None, gap=options.gap / 2.0)
        waiting = state.waiting[instance.rate_per_s > 0.0].sum()
        bound = max(0.0, bound - penalty * float(waiting))
        return heuristic_outcome(instance, options, state, Bounded(bound, free), time.perf_counter() - began)
