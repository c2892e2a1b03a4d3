"""Starting plans: sequential plans of few operating points stand before the verifier, and a limit leaves a plan."""

from __future__ import annotations

from random import Random

from hypothesis import assume, given
from joint_cases import FEW, SEEDS, random_case
from joint_plans import violations

from benchmarks.clear.workloads import random_setting
from planner.clear.baselines.sequential import sequential_plan
from planner.clear.primal.starting_plan import any_baseline_plan, inserted_plan, starting_plan
from planner.clear.problem.instance import build_joint
from planner.clear.solve import solve_joint
from planner.fin.deadline import Deadline
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options
from planner.fin.outcome import Outcome


@FEW
@given(SEEDS)
def test_sequential_plans_of_few_points_name_points_of_the_whole_app(seed: int) -> None:
    case = random_case(Random(seed), most_nodes=3)
    joint = case.joint()
    topology, apps = case.documents()
    for most_points in (1, 2, None):
        if all(app.possible for app in joint.apps):
            plan = sequential_plan(joint, 0.05, Deadline(), most_points)
            if plan is not None:
                assert violations(joint, topology, apps, Outcome("feasible", plan, 0.0)) == []


@FEW
@given(SEEDS)
def test_plans_by_insertion_stand_before_the_verifier(seed: int) -> None:
    case = random_case(Random(seed), most_nodes=4)
    joint = case.joint()
    topology, apps = case.documents()
    plan = inserted_plan(joint, Deadline()) if all(app.possible for app in joint.apps) else None
    assume(plan is not None)
    assert plan is not None
    assert violations(joint, topology, apps, Outcome("feasible", plan, 0.0)) == []


def test_many_apps_are_inserted_on_single_nodes() -> None:
    setting = random_setting(30, 0, rows=2, cols=2)
    joint = build_joint(setting.apps, build_network(*expand(setting.topology)))
    plan = inserted_plan(joint, Deadline())
    assert plan is not None
    assert all(len(column.nodes) == 1 for column in plan.columns)


def test_what_baselines_find_is_held_from_the_start() -> None:
    setting = random_setting(14, 0, rows=2, cols=2)
    joint = build_joint(setting.apps, build_network(*expand(setting.topology)))
    start = starting_plan(joint, Deadline.after(300.0), Deadline.after(300.0))
    assert start is not None
    outcome = solve_joint(joint, Options(time_limit_s=300.0))
    assert outcome.plan is not None
    assert outcome.plan.power_w <= start.power_w * (1.0 + 1e-9)


def test_without_time_no_further_baseline_is_tried() -> None:
    assert any_baseline_plan(random_case(Random(1)).joint(), Deadline.after(0.0)) is None
