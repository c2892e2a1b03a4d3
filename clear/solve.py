"""The method `clear`: rounds of prices and offers, then plans and a bound."""

from __future__ import annotations

import time

import numpy as np

from planner.clear.allocation.allocate import least_shares
from planner.clear.allocation.plan import Plan
from planner.clear.bounds.lower_bound import lower_bound_w
from planner.clear.column_generation import ColumnGeneration
from planner.clear.primal_phase import enumerate_columns, improve_plan
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.network import Network
from planner.fin.method import Options
from planner.fin.outcome import PROVED, Outcome, Termination

_ROUNDS_UNTIL, _PLAN_UNTIL = 0.45, 0.7
"""Parts of the time limit when rounds end, and when the search for a plan does; what is left is for the bound."""
_EQUAL = 1e-6
"""Relative precision of what geometric programs prove."""


class Clear:
    """The method `clear`."""

    name = "clear"
    description = "all apps together: exits, blocks, routes, speeds and shares, with a proved bound"

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Plan all apps together; a valid lower bound comes with every answer."""
        return solve_joint(joint, options)


def solve_joint(joint: JointInstance, options: Options) -> Outcome[Plan]:
    """Plan all apps together; a valid lower bound comes with every answer."""
    began = time.perf_counter()
    if any(app.points.count == 0 for app in joint.apps):
        return Outcome("infeasible", None, np.inf)
    limit_s = np.inf if options.time_limit_s is None else options.time_limit_s
    search = ColumnGeneration(joint, began + _PLAN_UNTIL * limit_s, options.gap)
    built = time.perf_counter()
    search.rounds(began + _ROUNDS_UNTIL * limit_s)
    improve_plan(search)
    search.until(began + limit_s)
    bound = lower_bound_w(search)
    if not (np.isinf(bound) or _closed(search, bound)):
        bound = max(bound, enumerate_columns(search))
    plan = search.plan
    if plan is not None:
        plan = Plan(plan.columns, least_shares(joint.network, plan.columns, plan.allocation))
    statistics = {
        "rounds": search.count,
        "offers": len(search.master.priced_columns),
        "programs": search.moves.programs,
    }
    times = (built - began, time.perf_counter() - built, {name: float(value) for name, value in statistics.items()})
    if plan is None:
        proved = bool(bound > _most_power(joint))
        if proved:
            return Outcome("infeasible", None, np.inf, PROVED, *times)
        return Outcome("unknown", None, bound, _stopped(search, "no plan was found within the limit"), *times)
    bound = min(bound, plan.power_w)
    if _closed(search, bound):
        return Outcome("optimal", plan, bound, PROVED, *times)
    return Outcome("feasible", plan, bound, _stopped(search), *times)


def _stopped(search: ColumnGeneration, detail: str = "") -> Termination:
    """Say what ended a search that is not proved: the time limit, else its own limits."""
    return Termination.at_limit("time", detail) if search.late else Termination("limit", "nodes", detail)


def _closed(search: ColumnGeneration, bound_w: float) -> bool:
    """Whether a bound says that no plan is better than the best one by as much as anybody asks."""
    return search.plan is not None and bound_w >= search.plan.power_w * (1.0 - max(search.gap, _EQUAL))


def _most_power(joint: JointInstance) -> float:
    """Return a power that no plan exceeds."""
    network: Network = joint.network
    total = float(network.idle_power_w.sum())
    for app in joint.apps:
        speed = network.fastest
        block_w = app.blocks.dynamic_j * speed**2 + (app.blocks.energy_j - app.blocks.dynamic_j) / network.slowest
        head_w = app.heads.dynamic_j * speed**2 + (app.heads.energy_j - app.heads.dynamic_j) / network.slowest
        total += app.rate_per_s * float(block_w.max(axis=1).sum() + head_w.max(axis=1).sum())
        bits = float(app.input_bits + app.output_bits.sum() + app.result_bits.sum())
        total += app.rate_per_s * bits * float(network.link_j_per_bit.sum())
    return total
