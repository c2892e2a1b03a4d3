"""Greedy insertion: the plans that it finds keep every limit; more threads find the same plan."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from joint_cases import FEW, SEEDS, random_case
from joint_plans import violations

from benchmarks.clear.workloads import random_setting
from planner.clear.column_generation import Incumbent, PricingProblem, generate_columns
from planner.clear.master.column_pool import ColumnPool
from planner.clear.primal.greedy import greedy_plan
from planner.clear.problem.instance import build_joint
from planner.clear.solve import solve_joint
from planner.fin.deadline import Deadline
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options
from planner.fin.outcome import Outcome


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_what_greedy_insertion_finds_is_a_plan(seed: int) -> None:
    case = random_case(Random(seed), most_nodes=3)
    joint = case.joint()
    problem, pool = PricingProblem.of(joint, 0.0), ColumnPool(joint)
    generate_columns(problem, pool, Incumbent(), Deadline(), Deadline())
    known = [pool.columns(app) for app in range(joint.count)]
    plan = greedy_plan(joint, problem.symmetry, known, Deadline())
    if plan is not None:
        topology, apps = case.documents()
        assert violations(joint, topology, apps, Outcome("feasible", plan, 0.0)) == []
    assert greedy_plan(joint, problem.symmetry, known, Deadline.after(0.0)) is None


@pytest.mark.slow
@pytest.mark.parametrize("apps", [3, 10])
def test_the_answer_does_not_depend_on_the_number_of_threads(apps: int) -> None:
    setting = random_setting(apps, 0, rows=2, cols=2)
    joint = build_joint(setting.apps, build_network(*expand(setting.topology)))
    alone, together = (solve_joint(joint, Options(jobs=jobs)) for jobs in (1, 3))
    assert alone.plan is not None
    assert together.plan is not None
    assert [column.key for column in alone.plan.columns] == [column.key for column in together.plan.columns]
    assert (alone.plan.power_w, alone.lower_bound) == (together.plan.power_w, together.lower_bound)
