"""Best-first branch and bound on how many nodes of each class are in use, by column generation in every branch.

For workloads whose columns are too many to list. A branch starts from the prices and the columns of the one that it was
divided from, so that few rounds of pricing are needed.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

from planner.clear.bounds.lower_bound import lower_bound_w
from planner.clear.branching.node_branching import BranchingResult, divided
from planner.clear.column_generation import (
    Duals,
    Incumbent,
    PricingProblem,
    choose_columns,
    generate_columns,
    within_branch,
)
from planner.clear.master.column_pool import ColumnPool
from planner.clear.problem.instance import NodeCounts
from planner.fin.deadline import Deadline


@dataclass(frozen=True, order=True)
class _Branch:
    """A branch with its prices, its columns, and its bound."""

    bound_w: float
    number: int
    problem: PricingProblem = field(compare=False)
    pool: ColumnPool = field(compare=False)
    duals: Duals = field(compare=False)


def branch_on_counts(
    problem: PricingProblem,
    pool: ColumnPool,
    incumbent: Incumbent,
    root: Duals,
    bound_w: float,
    most_divisions: int,
    deadline: Deadline,
) -> BranchingResult:
    """Divide branches, lowest bound first, until the gap is closed or a limit comes.

    Args:
        problem: The apps.
        pool: Columns of the root.
        incumbent: The best plan; better ones take its place.
        root: Prices of the root.
        bound_w: Lower bound of the root.
        most_divisions: Branches that are divided at most (count).
        deadline: When to give up.

    Returns:
        The least bound over all branches that are left.
    """
    queue, closed_w, divisions = [_Branch(bound_w, 0, problem, pool, root)], float("inf"), 0
    while queue and divisions < most_divisions and not deadline.expired:
        branch = heapq.heappop(queue)
        enough_w = incumbent.power_w * (1.0 - max(problem.gap, _EQUAL))
        parts = divided(branch.problem.joint, branch.duals.relaxation) if branch.bound_w < enough_w else None
        if parts is None:
            closed_w = min(closed_w, branch.bound_w)
            if branch.bound_w >= enough_w:  # so are all others
                break
            continue
        divisions += 1
        for counts in parts:
            heapq.heappush(queue, _solved(branch, counts, incumbent, 2 * divisions + len(queue), deadline))
    least_w = min([closed_w, *(branch.bound_w for branch in queue)])
    return BranchingResult(max(least_w, bound_w), 1 + 2 * divisions, 0)


_EQUAL = 1e-6
"""Relative gap at which a branch is closed."""


def _solved(above: _Branch, counts: NodeCounts, incumbent: Incumbent, number: int, deadline: Deadline) -> _Branch:
    """Solve one part of a branch; where time runs out it keeps the bound of the branch."""
    problem = above.problem.restricted_to(counts)
    pool = ColumnPool(problem.joint)
    pool.priced.extend(within_branch(problem.joint, above.pool.priced))
    duals = generate_columns(problem, pool, incumbent, deadline, Deadline(), above.duals.prices)
    if deadline.expired:
        return _Branch(above.bound_w, number, problem, pool, duals)
    choose_columns(problem.joint, pool, incumbent, deadline)
    bound_w = max(above.bound_w, lower_bound_w(problem, duals, deadline))
    return _Branch(bound_w, number, problem, pool, duals)
