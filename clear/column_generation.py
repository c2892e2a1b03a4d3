"""Column generation: rounds of pricing at smoothed dual prices, until the restricted master's value meets the bound.

State is kept in three parts: the problem, which never changes; the pool of columns, which grows; and the duals, the
best prices with their Lagrangian value, which every run returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planner.clear.allocation.plan import Plan, overfull, plan_of
from planner.clear.master.column_pool import ColumnPool
from planner.clear.master.priced_column import PricedColumn, price_columns
from planner.clear.master.restricted_master import MasterSolution, RestrictedMaster
from planner.clear.master.symmetry import NodeSymmetry
from planner.clear.pricing.app_pricing import AppPricing
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.pricing.routes import list_routes
from planner.clear.pricing.subproblem import PricingResult
from planner.clear.primal.greedy import greedy_plan
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance, NodeCounts
from planner.clear.workers import in_parallel
from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Decision

FEW_APPS = 12
"""Of so few apps, the integer master finds good plans from any beginning, and all bounds are quick."""
_UNLIMITED = Deadline()
_ROUNDS = 16
_STEP = 0.5
"""Smoothing: how far prices move towards those of the master."""
CLOSE = 1e-3
"""Relative distance of the master's value, or a plan's power, from the bound at which rounds end."""


@dataclass(frozen=True)
class PricingProblem:
    """What does not change while columns are generated."""

    joint: JointInstance
    subproblems: tuple[AppPricing, ...]
    """Of each app; they remember the best latency multipliers of the prices before."""
    symmetry: NodeSymmetry
    gap: float
    """Relative gap that is asked for."""
    jobs: int = 1
    """Threads that price apps."""

    @classmethod
    def of(cls, joint: JointInstance, gap: float, jobs: int = 1, deadline: Deadline = _UNLIMITED) -> PricingProblem:
        """Build the pricing subproblems of all apps, over routes that they share.

        Args:
            joint: The apps.
            gap: Relative gap that is asked for.
            jobs: Threads that price apps; results do not depend on their number.
            deadline: When to give up.

        Returns:
            The subproblems, with the symmetry of the nodes.

        Raises:
            DeadlineReachedError: The time is up.
        """
        routes = list_routes(joint.network, joint.media.tolist(), deadline)
        subproblems = []
        for app in joint.apps:
            deadline.check()
            subproblems.append(AppPricing.of(app, routes))
        return cls(joint, tuple(subproblems), NodeSymmetry(joint, routes), gap, jobs)

    def with_deadlines(self, joint: JointInstance) -> PricingProblem:
        """Return the problem of the same apps with shorter latency limits."""
        pairs = zip(self.subproblems, joint.apps, strict=True)
        return replace(self, joint=joint, subproblems=tuple(one.with_deadline(app) for one, app in pairs))

    def restricted_to(self, counts: NodeCounts) -> PricingProblem:
        """Return the problem of a branch that bounds the numbers of nodes in use."""
        joint = self.joint.restricted_to(counts)
        pairs = zip(self.subproblems, joint.apps, strict=True)
        return replace(self, joint=joint, subproblems=tuple(one.restricted_to(app) for one, app in pairs))


@dataclass
class Incumbent:
    """The best joint plan found so far: every phase of the search offers plans, and ends where a bound meets it."""

    plan: Plan | None = None

    @property
    def power_w(self) -> float:
        """Its power; infinite where there is none."""
        return np.inf if self.plan is None else self.plan.power_w

    def offer(self, plan: Plan | None) -> None:
        """Take a plan that is better."""
        if plan is not None and plan.power_w < self.power_w:
            self.plan = plan

    def within(self, bound_w: float, gap: float) -> bool:
        """Whether a lower bound leaves at most a relative gap."""
        return self.plan is not None and bound_w >= self.power_w * (1.0 - gap)


@dataclass(frozen=True)
class Duals:
    """The best prices of a run of column generation."""

    prices: DualPrices
    value_w: float = -np.inf
    """Lagrangian value at these prices, over the operating points that were priced; no proved bound."""
    rounds: int = 0
    relaxation: MasterSolution | None = field(default=None, compare=False)
    """The last solution of the relaxed master."""


def generate_columns(
    problem: PricingProblem,
    pool: ColumnPool,
    incumbent: Incumbent,
    deadline: Deadline,
    enough: Deadline,
    start: DualPrices | None = None,
) -> Duals:
    """Price every app at changing prices until the relaxed master's value meets the Lagrangian value.

    Args:
        problem: The apps.
        pool: Columns known; those that pricing finds are added.
        incumbent: The best plan; where there is none, the first integer choice of the master becomes it.
        deadline: When to give up.
        enough: When to end if there is a plan.
        start: Prices to begin with; None for those that pass on idle power alone.

    Returns:
        The best prices.
    """
    joint = problem.joint
    best = Duals(DualPrices.none(joint) if start is None else start.covering_idle_power(joint))
    trial, step, master = best.prices, _STEP, None
    for number in range(1, _ROUNDS + 1):
        if deadline.expired or (enough.expired and incumbent.plan is not None):
            break
        value_w = price_all(problem, pool, trial, deadline)
        if value_w > best.value_w:
            best, step = Duals(trial, value_w, number), _STEP
        else:
            step = 0.5 * (1.0 + step)  # the same step once more would price the same columns
        master = RestrictedMaster(joint, pool.priced).solve_relaxation()
        if master is None or master.prices is None:
            break
        if incumbent.plan is None and master.unserved < 0.5:
            known = [pool.columns(app) for app in range(joint.count)]
            incumbent.offer(greedy_plan(joint, problem.symmetry, known, deadline))
        if incumbent.plan is None and master.unserved < 0.5:
            choose_columns(joint, pool, incumbent, deadline)
        if best.value_w >= min(master.value_w * (1.0 - max(CLOSE, 0.5 * problem.gap)), incumbent.power_w):
            break
        trial = best.prices.smoothed(master.prices, step).rounded(joint)
    return Duals(best.prices, best.value_w, best.rounds, master)


def price_all(problem: PricingProblem, pool: ColumnPool, prices: DualPrices, deadline: Deadline) -> float:
    """Price all apps, add their columns to the pool, and return the Lagrangian value; -inf where time runs out.

    Args:
        problem: The apps.
        pool: Columns known; those found are added.
        prices: Dual prices.
        deadline: When to give up.

    Returns:
        The Lagrangian value over the operating points that were priced, in W: no proved bound.
    """

    def priced(app: int) -> PricingResult | None:
        return None if deadline.expired else problem.subproblems[app].price_heuristically(prices.of_app(app))

    results = in_parallel(priced, range(problem.joint.count), problem.jobs)
    found = [(app, result) for app, result in enumerate(results) if result is not None]
    add_decisions(problem, pool, [(app, decision) for app, result in found for decision in result.decisions], prices)
    if len(found) < problem.joint.count:
        return -np.inf
    return prices.constant_w(problem.joint) + sum(result.bound_w for _, result in found)


def choose_columns(joint: JointInstance, pool: ColumnPool, incumbent: Incumbent, deadline: Deadline) -> None:
    """Solve the integer master, and offer the plan of the columns that it chooses.

    Args:
        joint: The apps.
        pool: The priced columns.
        incumbent: The best plan known; a better one takes its place.
        deadline: When to give up.
    """
    if not pool.priced or deadline.expired:
        return
    chosen = RestrictedMaster(joint, pool.priced).solve_integer(deadline.remaining_s).chosen
    if chosen is not None:
        incumbent.offer(plan_of(joint, [pool.priced[number].column for number in chosen]))


def add_decisions(
    problem: PricingProblem,
    pool: ColumnPool,
    decisions: Iterable[tuple[int, Decision]],
    prices: DualPrices,
    offset: int = 0,
) -> None:
    """Add decisions to the pool, moved to the first nodes of each equivalence class, and their priced columns.

    Args:
        problem: The apps.
        pool: Columns known.
        decisions: What pricing found, each with the number of its app.
        prices: Prices at which speeds and shares of the columns are set.
        offset: How many nodes of each class are passed over.
    """
    moved = ((app, problem.symmetry.moved_to(app, decision, offset)) for app, decision in decisions)
    add_columns(problem.joint, pool, [pool.column(app, decision) for app, decision in moved], prices)


def add_columns(joint: JointInstance, pool: ColumnPool, columns: Iterable[Column], prices: DualPrices) -> None:
    """Add priced columns to the pool, but for those whose memory or latency limit cannot hold.

    Args:
        joint: The apps.
        pool: The priced columns, to which these are added.
        columns: Columns of any app.
        prices: Dual prices at which shares are chosen.
    """
    # where a path returns to a node, pricing saw the memory of each segment alone
    fitting = [column for column in columns if not overfull(joint, [column])]
    for priced in price_columns(fitting, joint, prices):
        if priced is not None:
            pool.add(priced)


def add_plan(pool: ColumnPool, plan: Plan) -> None:
    """Add the columns of a plan, priced at its own speeds and shares."""
    for priced in priced_columns_of(plan):
        pool.keep(priced.column)
        pool.add(priced)


def priced_columns_of(plan: Plan) -> list[PricedColumn]:
    """Return the columns of a plan with its speeds and shares."""
    found = []
    held = zip(plan.columns, plan.allocation.node_shares, plan.allocation.medium_shares, strict=True)
    for column, node_share, medium_share in held:
        speed = plan.allocation.speed[column.nodes]
        power_w = column.transfer_w + float((column.dynamic_w * speed**2 + column.static_w / speed).sum())
        found.append(PricedColumn(column, speed, node_share, medium_share, power_w))
    return found


def within_branch(joint: JointInstance, priced: Iterable[PricedColumn]) -> Sequence[PricedColumn]:
    """Return the priced columns whose nodes may be in use in a branch."""
    allowed = (joint.node_counts.most > 0)[joint.kinds]
    return [one for one in priced if allowed[one.column.nodes].all()]
