"""Baseline `milp`: one mixed-integer program over every column of every app, for small workloads.

All columns are enumerated. `clear.baselines.grid_program` chooses among them with speeds and shares on grids, and the
geometric program sets speeds and shares anew for what it chooses. Nothing is proved.
"""

from __future__ import annotations

import time

import numpy as np

from planner.clear.allocation.allocate import least_shares
from planner.clear.allocation.plan import Plan, plan_of
from planner.clear.baselines.grid_program import choose
from planner.clear.problem.column import Column
from planner.clear.problem.enumeration import all_columns
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.method import Options
from planner.fin.methods.enumeration import TooManyError
from planner.fin.outcome import Outcome, Termination

MOST_PLANS = 50_000
"""Plans of an app that are enumerated."""
MOST_COLUMNS = 2_000
"""Columns of all apps in one program."""


class MixedIntegerProgram:
    """One program over columns, speeds and shares."""

    name = "milp"
    description = "one integer program over all columns, with grids of speeds and shares, by OR-Tools (HiGHS)"

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Plan all apps; nothing is proved."""
        began = time.perf_counter()
        deadline = Deadline.after(options.time_limit_s)
        try:
            columns = _columns(joint, deadline)
        except TooManyError as stopped:
            late = deadline.expired
            out_of_time = Termination.at_limit("time", "the time limit came before all columns were enumerated")
            termination = out_of_time if late else stopped.termination
            return Outcome("unknown", None, 0.0, termination, time.perf_counter() - began)
        built = time.perf_counter()
        if not all(columns):
            return Outcome("infeasible", None, np.inf, build_s=built - began)
        choice = choose(joint, columns, options.gap, deadline.remaining_s)
        plan = None if choice.columns is None else plan_of(joint, choice.columns)
        if plan is not None:
            plan = Plan(plan.columns, least_shares(joint.network, plan.columns, plan.allocation))
        counts = {"columns": sum(map(len, columns)), "variables": choice.variables, "rows": choice.rows}
        statistics = {name: float(count) for name, count in counts.items()}
        times = (built - began, time.perf_counter() - built, statistics)
        nothing = "there is no plan on the grids" if plan is None else "grids prove nothing"
        termination = Termination.incomplete(choice.message or nothing)
        return Outcome("unknown" if plan is None else "feasible", plan, 0.0, termination, *times)


def _columns(joint: JointInstance, deadline: Deadline) -> list[list[Column]]:
    """Enumerate columns.

    Raises:
        TooManyError: There are more than a program can take, or the time is up.
    """
    columns = all_columns(joint, MOST_PLANS, deadline)
    if (count := sum(map(len, columns))) > MOST_COLUMNS:
        message = f"{count} columns are too many for one program; it takes {MOST_COLUMNS}"
        raise TooManyError(message)
    return columns
