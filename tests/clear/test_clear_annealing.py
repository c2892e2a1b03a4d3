"""Annealing of whole plans: what it counts is what the geometric program can keep, and it never loses power."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import pytest
from ortools.math_opt.python import mathopt

from benchmarks.clear.workloads import random_setting
from planner.clear.allocation.plan import plan_of
from planner.clear.column_generation import Incumbent, PricingProblem, generate_columns, priced_columns_of
from planner.clear.master.column_pool import ColumnPool
from planner.clear.primal.annealing import anneal
from planner.clear.primal.neighbourhood import neighbourhood
from planner.clear.problem.column import column_of
from planner.clear.problem.instance import build_joint
from planner.clear.solve import solve_joint
from planner.fin.deadline import Deadline
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options


@pytest.mark.parametrize("seed", [0, 1])
def test_annealed_power_is_an_upper_bound_of_the_program_and_no_worse_than_at_first(seed: int) -> None:
    setting = random_setting(6, seed, rows=2, cols=3)
    joint = build_joint(setting.apps, build_network(*expand(setting.topology)))
    problem, pool, incumbent = PricingProblem.of(joint, 0.0), ColumnPool(joint), Incumbent()
    generate_columns(problem, pool, incumbent, Deadline(), Deadline())
    plan = incumbent.plan
    assert plan is not None
    known = [pool.columns(app) for app in range(joint.count)]
    priced_columns = [*priced_columns_of(plan), *neighbourhood(joint, problem.symmetry, known, plan, Deadline())]
    for priced in priced_columns:  # offers on equal nodes are in time too
        rate = priced.node_share * priced.speed
        late_s = priced.column.fixed_s + (priced.column.node_s / rate).sum(axis=1)
        late_s = late_s + (priced.column.medium_s / priced.medium_share).sum(axis=1)
        assert (late_s <= priced.column.most_s * (1.0 + 1e-3)).all()
    first = anneal(joint, priced_columns, range(joint.count), 0, Deadline())
    assert first == anneal(joint, priced_columns, range(joint.count), 0, Deadline())
    chosen, power_w = first
    assert power_w <= plan.power_w * (1.0 + 1e-9)
    apps = list(joint.variants)
    found = plan_of(
        joint, [column_of(a, apps[a], priced_columns[number].column.decision) for a, number in enumerate(chosen)]
    )
    assert found is not None
    assert found.power_w <= power_w * (1.0 + 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("apps", [3, 10])
def test_without_a_time_limit_the_clock_decides_nothing(apps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that runs on by an hour at every look is the slowest machine there can be."""
    setting = random_setting(apps, 0, rows=2, cols=2)
    joint = build_joint(setting.apps, build_network(*expand(setting.topology)))
    first = solve_joint(joint, Options())
    hours, limits, solve = count(step=3600), list[object](), mathopt.solve

    def watched(*arguments: Any, params: mathopt.SolveParameters) -> Any:
        limits.append(params.time_limit)
        return solve(*arguments, params=params)

    monkeypatch.setattr(mathopt, "solve", watched)
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(hours)))
    again = solve_joint(joint, Options())
    assert first.plan is not None
    assert again.plan is not None
    assert [column.key for column in again.plan.columns] == [column.key for column in first.plan.columns]
    assert (again.plan.power_w, again.lower_bound) == (first.plan.power_w, first.lower_bound)
    assert set(limits) <= {None}
