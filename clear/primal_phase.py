"""From offers to the best plan: the master's choice, annealing, speeds and shares on grids, all columns of few.

Every step is limited by counts, not by the clock, so that a search which no time limit ends finds the same plan on any
machine, busy or not.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from planner.clear.allocation.plan import Plan, plan_of
from planner.clear.baselines.single_node import on_single_nodes, single_nodes
from planner.clear.column_generation import FEW_APPS, ColumnGeneration, priced_columns_of
from planner.clear.primal.annealing import anneal
from planner.clear.primal.branch_and_bound import branch_and_bound
from planner.clear.primal.grid_program import Effort, choose
from planner.clear.primal.local_search import prices_of
from planner.clear.primal.neighbourhood import neighbourhood
from planner.clear.problem.column import Column
from planner.clear.problem.enumeration import columns_of
from planner.fin.instance.instance import Instance
from planner.fin.methods.enumeration import TooManyError

_REOFFERS = 3
_ALONE = 100
"""Choices of one node per app for which speeds and shares are sought."""
_GRID_COLUMNS, _GRID_EFFORT = 240, Effort(nodes=200, variables=5_000)
"""Columns among which the program with grids of speeds and shares chooses, over all apps, and what it may take."""
_FEW_NODES, _FEW_PLANS, _FEW_COLUMNS, _FEW_PROGRAMS = 8, 2_000, 200, 4_000
"""On so few nodes, an app with so few plans and columns that may be the best has all of these columns looked at."""
_BETTER = 1.0 - 1e-4


def improve_plan(search: ColumnGeneration) -> None:
    """Pick offers, anneal, then choose where speeds and shares adapt to each other."""
    few = search.joint.count <= FEW_APPS
    if few or search.plan is None:
        _start_on_single_nodes(search)
    search.spread()
    if few or search.plan is None:
        _choose_columns(search)
    _refine(search, _anneal)
    _refine(search, _choose_on_grids)


def enumerate_columns(search: ColumnGeneration) -> float:
    """Look at all columns where they are few; return a lower bound: 0 where none shows, infinite where no plan is."""
    if search.late or search.joint.network.size > _FEW_NODES:
        return 0.0
    few = _all_columns(search)
    if few is None:
        return 0.0
    _refine(search, _choose_on_grids)
    looked = branch_and_bound(search.joint, few, search.plan, _FEW_PROGRAMS, search.stop_at)
    search.plan = looked.plan
    return looked.lower_bound_w if looked.proved else 0.0


def _refine(search: ColumnGeneration, step: Callable[[ColumnGeneration, int], None]) -> None:
    """Take a step, and offer again at the prices of the plan that it finds, as long as it finds better ones."""
    for attempt in range(_REOFFERS):
        before = np.inf if search.plan is None else search.plan.power_w
        if not search.good_enough and not search.late:
            step(search, attempt)
        if search.plan is None or search.good_enough or search.plan.power_w >= before * _BETTER:
            return
        search.price_known_columns(search.plan)


def _start_on_single_nodes(search: ColumnGeneration) -> None:
    """Know the plan that puts every app on one node."""
    if search.late:
        return
    joint = search.joint
    plan = on_single_nodes(joint, single_nodes(joint, joint.network.hosts), _ALONE, search.stop_at)
    if plan is not None:
        columns = (search.moves.column(column.app, column.decision) for column in plan.columns)
        plan = Plan(tuple(columns), plan.allocation)
        for own in priced_columns_of(plan):
            search.master.add(own)
        search.keep(plan)


def _choose_columns(search: ColumnGeneration) -> None:
    """Pick offers, set speeds and shares, move apps; then offer again at the prices of that plan."""
    for _ in range(1 + _REOFFERS):
        before = np.inf if search.plan is None else search.plan.power_w
        search.choose()
        if search.plan is None or search.late:
            return
        search.plan = search.moves.improved(search.plan)
        if search.good_enough or search.plan.power_w >= before * _BETTER:
            return
        search.price_known_columns(search.plan)


def _anneal(search: ColumnGeneration, attempt: int) -> None:
    """Anneal the plan at hand, with random numbers of this attempt."""
    if search.plan is None:
        return
    joint, apps = search.joint, range(search.joint.count)
    known = [search.moves.columns(app) for app in apps]
    priced_columns = [
        *priced_columns_of(search.plan),
        *neighbourhood(joint, search.media, search.symmetry, known, search.plan),
    ]
    chosen, _ = anneal(joint, search.media, priced_columns, apps, attempt, search.stop_at)
    columns = [search.moves.column(app, priced_columns[number].column.decision) for app, number in enumerate(chosen)]
    plan = plan_of(joint, columns)
    search.keep(plan and search.moves.improved(plan))


def _choose_on_grids(search: ColumnGeneration, _: int) -> None:
    """Choose among the most promising columns of each app with speeds and shares left open, then move apps."""
    joint = search.joint
    each = max(2, _GRID_COLUMNS // joint.count)
    prices = search.prices if search.plan is None else prices_of(joint, search.plan, search.media)
    pool = [search.moves.best(app, prices, search.plan)[:each] for app in range(joint.count)]
    if not all(pool):
        return
    choice = choose(joint, pool, 1e-4, search.stop_at - time.perf_counter(), _GRID_EFFORT)
    plan = None if choice.columns is None else plan_of(joint, choice.columns)
    search.keep(plan and search.moves.improved(plan))


def _all_columns(search: ColumnGeneration) -> list[list[Column]] | None:
    """Make all columns of all apps known, if every app has few."""
    every: list[list[Column]] = []
    if not all(_may_be_few(app) for app in search.joint.apps):
        return None
    for app, instance in enumerate(search.joint.apps):
        try:
            own = columns_of(app, instance, _FEW_PLANS, search.stop_at)
        except TooManyError:
            return None
        if len(own) > _FEW_COLUMNS or search.late:
            return None
        every.append([search.moves.column(app, column.decision) for column in own])
    return every


def _may_be_few(app: Instance) -> bool:
    """Whether all columns can be listed; where results go on, shares decide which exits a percentile counts."""
    plans = np.prod(app.allowed.sum(axis=1), dtype=np.float64) * app.points.count
    return bool(plans <= 10 * _FEW_PLANS) and (app.percentile is None or app.destination is None)
