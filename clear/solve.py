"""The method `clear`: column generation, primal heuristics, a lower bound, and branch and bound of few columns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from planner.clear.allocation.allocate import least_shares
from planner.clear.allocation.plan import Plan
from planner.clear.baselines.baseline import own_bound_w
from planner.clear.bounds.lower_bound import lower_bound_w
from planner.clear.branching.count_branching import branch_on_counts
from planner.clear.branching.node_branching import BranchingResult, NodeBranching
from planner.clear.column_generation import (
    FEW_APPS,
    Duals,
    Incumbent,
    PricingProblem,
    add_plan,
    generate_columns,
)
from planner.clear.master.column_pool import ColumnPool
from planner.clear.primal.starting_plan import any_baseline_plan, starting_plan
from planner.clear.primal_phase import PrimalPhase
from planner.clear.problem.enumeration import columns_of_few
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.method import Options
from planner.fin.outcome import PROVED, Outcome, Termination

_START_UNTIL, _ROUNDS_UNTIL, _PLAN_UNTIL = 0.1, 0.35, 0.7
"""Parts of the time that is left when the starting plan, the rounds of prices and the primal heuristics end."""
_LATE_S, _LATE_S_PER_APP = 0.5, 0.01
"""How late a starting plan may come, in seconds, and for each app: greedy insertion takes about as long."""
_DIVISIONS, _SMALL_GAP = 50, 1e-3
"""Branches that are divided at most within a time limit, where the gap is larger than this."""
_EQUAL = 1e-6
"""Relative precision of what geometric programs prove."""


class Clear:
    """The method `clear`."""

    name = "clear"
    description = "all apps together: exits, blocks, routes, speeds and shares, with a proved bound"

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Plan all apps together; a valid lower bound comes with every answer."""
        return solve_joint(joint, options)


@dataclass(frozen=True)
class _Proof:
    """What is known when the search ends."""

    incumbent: Incumbent
    bound_w: float
    infeasible: bool
    statistics: Mapping[str, float]


def solve_joint(joint: JointInstance, options: Options) -> Outcome[Plan]:
    """Plan all apps together.

    Args:
        joint: The apps.
        options: Relative gap that is asked for, and time limit.

    Returns:
        The best plan found with a lower bound of the power of all plans. `infeasible` is proved.
    """
    began = time.perf_counter()
    if not all(app.possible for app in joint.apps):
        return Outcome("infeasible", None, np.inf)
    deadline = Deadline.after(options.time_limit_s)
    # no plan is worse than one that comes a moment late
    late = Deadline(deadline.at_s + _LATE_S + _LATE_S_PER_APP * joint.count)
    incumbent = Incumbent(starting_plan(joint, deadline.fraction(_START_UNTIL), late))
    weak_w = own_bound_w(joint)
    nothing = _Proof(incumbent, weak_w, infeasible=False, statistics={})
    if incumbent.within(weak_w, max(options.gap, _EQUAL)):
        return _outcome(joint, nothing, options.gap, deadline, (0.0, time.perf_counter() - began, {}))
    try:
        problem = PricingProblem.of(joint, options.gap, options.jobs, deadline)
    except DeadlineReachedError:
        return _outcome(joint, nothing, options.gap, deadline, (time.perf_counter() - began, 0.0, {}))
    built = time.perf_counter()
    proof = _searched(problem, incumbent, deadline)
    times = (built - began, time.perf_counter() - built, proof.statistics)
    return _outcome(joint, proof, options.gap, deadline, times)


def _searched(problem: PricingProblem, incumbent: Incumbent, deadline: Deadline) -> _Proof:
    """Search for a plan and for a bound."""
    joint, pool = problem.joint, ColumnPool(problem.joint)
    if incumbent.plan is not None:
        add_plan(pool, incumbent.plan)
    plans_until = deadline.fraction(_PLAN_UNTIL)
    duals = generate_columns(problem, pool, incumbent, plans_until, deadline.fraction(_ROUNDS_UNTIL))
    PrimalPhase(problem, pool, incumbent, duals, plans_until).run()
    few = cache(lambda: columns_of_few(joint, deadline))
    if incumbent.plan is None and few() is None:  # else branching finds a plan, or that there is none
        incumbent.offer(any_baseline_plan(joint, deadline))
    bound_w = max(lower_bound_w(problem, duals, deadline), 0.0)
    branched = BranchingResult(bound_w, 0, 0)
    if not (np.isinf(bound_w) or incumbent.within(bound_w, max(problem.gap, _EQUAL))):
        columns = None if deadline.expired else few()
        if columns is not None:
            branched = NodeBranching(joint, columns, incumbent, problem.gap).run(duals.prices, deadline)
        else:
            branched = _branched(problem, pool, incumbent, duals, bound_w, deadline)
    bound_w, programs, branches = max(bound_w, branched.lower_bound_w), branched.programs, branched.branches
    counts = {"rounds": duals.rounds, "priced_columns": len(pool.priced), "programs": programs, "branches": branches}
    infeasible = incumbent.plan is None and bool(bound_w > _most_power(joint))
    if incumbent.plan is None and few() is not None and not infeasible:
        incumbent.offer(any_baseline_plan(joint, deadline))
    return _Proof(incumbent, bound_w, infeasible, {name: float(value) for name, value in counts.items()})


def _branched(
    problem: PricingProblem, pool: ColumnPool, incumbent: Incumbent, duals: Duals, bound_w: float, deadline: Deadline
) -> BranchingResult:
    """Branch on the nodes in use in the time that a limit leaves."""
    unlimited = np.isinf(deadline.remaining_s)  # each branch takes as long as the root, and gains little
    if unlimited or problem.joint.count > FEW_APPS or incumbent.within(bound_w, _SMALL_GAP):
        return BranchingResult(bound_w, 0, 0)
    return branch_on_counts(problem, pool, incumbent, duals, bound_w, _DIVISIONS, deadline)


def _outcome(
    joint: JointInstance, proof: _Proof, gap: float, deadline: Deadline, times: tuple[float, float, Mapping[str, float]]
) -> Outcome[Plan]:
    """Name the answer by what is held and what is proved."""
    held = proof.incumbent.plan
    if held is None and proof.infeasible:
        return Outcome("infeasible", None, np.inf, PROVED, *times)
    if held is None:
        return Outcome("unknown", None, proof.bound_w, _stopped(deadline, "no plan was found within the limit"), *times)
    allocation = least_shares(joint.network, held.columns, held.allocation)
    plan, bound_w = Plan(held.columns, allocation), min(proof.bound_w, held.power_w)
    if proof.incumbent.within(bound_w, max(gap, _EQUAL)):
        return Outcome("optimal", plan, bound_w, PROVED, *times)
    return Outcome("feasible", plan, bound_w, _stopped(deadline), *times)


def _stopped(deadline: Deadline, detail: str = "") -> Termination:
    """Say what ended a search that is not proved: the time limit, else its own limits."""
    return Termination.at_limit("time", detail) if deadline.expired else Termination.at_limit("nodes", detail)


def _most_power(joint: JointInstance) -> float:
    """Return a power that no plan exceeds."""
    network, speed = joint.network, joint.network.fastest
    total = float(network.idle_power_w.sum())
    for app in joint.variants:  # the sum over variants is above any choice of them
        block_w = app.blocks.dynamic_j * speed**2 + (app.blocks.energy_j - app.blocks.dynamic_j) / network.slowest
        head_w = app.heads.dynamic_j * speed**2 + (app.heads.energy_j - app.heads.dynamic_j) / network.slowest
        total += app.inferences_per_s * float(block_w.max(axis=1).sum() + head_w.max(axis=1).sum())
        bits = float(sum(row.bits for row in app.inputs(len(app.block_names))) + app.result_bits.sum())
        total += app.inferences_per_s * bits * float(network.link_j_per_bit.sum())
        total += 0.0 if app.point_j is None else app.inferences_per_s * float(app.point_j.max(initial=0.0))
    return total
