"""Deadlines of joint searches: every search inside gets one, and what comes after it is not begun."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from together import small_request

from benchmarks.clear.workloads import random_setting
from planner.clear.allocation.plan import Plan
from planner.clear.baselines import single_node
from planner.clear.column_generation import PricingProblem
from planner.clear.diagnosis.diagnose import contradiction, no_room
from planner.clear.diagnosis.flow_relaxation import maximum_rates
from planner.clear.latency.method import least_alone
from planner.clear.method import joint_method
from planner.clear.pricing.app_pricing import AppPricing
from planner.clear.problem.instance import JointInstance, build_joint
from planner.clear.replan import with_app_rates
from planner.clear.solve import solve_joint
from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options
from planner.fin.outcome import Outcome
from planner.pipeline import several_apps
from planner.pipeline.several_apps import joint_of

GONE = Deadline.after(0.0)


def random_joint(apps: int, seed: int = 0) -> JointInstance:
    setting = random_setting(apps, seed, rows=2, cols=2)
    return build_joint(setting.apps, build_network(*expand(setting.topology)))


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Time limits of all exact searches of single apps."""
    seen: list[float | None] = []
    solve = Exact.solve

    def watched(self: Exact, instance: Instance, options: Options) -> Outcome[Decision]:
        seen.append(options.time_limit_s)
        return solve(self, instance, options)

    monkeypatch.setattr(Exact, "solve", watched)
    return seen


def test_searches_of_single_apps_share_the_time_of_a_diagnosis(limits: list[float | None]) -> None:
    joint = random_joint(2)
    until = Deadline.after(100.0)
    assert contradiction(joint, joint.apps, until, until) is None
    assert no_room(joint, until).limits
    assert least_alone(joint, until) > 0.0
    assert len(limits) == 6
    assert all(limit is not None and limit <= 100.0 for limit in limits)
    assert limits[0] is not None
    assert limits[0] <= 25.0  # half of the half that the program of loads leaves


def test_nothing_is_searched_behind_a_deadline(limits: list[float | None]) -> None:
    joint = random_joint(3)
    assert contradiction(joint, joint.apps, GONE, GONE) is None
    assert "before it was found which limits are to blame" in no_room(joint, GONE).summary
    assert least_alone(joint, GONE) == 0.0
    assert all(limit == 0.0 for limit in limits)


def test_the_program_of_loads_proves_nothing_behind_a_deadline() -> None:
    joint = random_joint(3)
    crowded = with_app_rates(joint, [1e4 * app.inferences_per_s for app in joint.apps])
    assert maximum_rates(crowded).part < 0.01
    late = maximum_rates(crowded, GONE)
    assert (late.part, late.short) == (1.0, ())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("factor", [60.0, 300.0])
def test_equal_nodes_and_links_that_are_never_full_change_no_rate(seed: int, factor: float) -> None:
    joint = random_joint(3, seed)
    joint = with_app_rates(joint, [factor * app.inferences_per_s for app in joint.apps])
    apart = replace(joint)
    apart.__dict__["media"] = np.arange(joint.network.media)
    apart.__dict__["kinds"] = np.arange(joint.network.size)
    assert len(maximum_rates(joint).equal) < joint.network.size == len(maximum_rates(apart).equal)
    assert maximum_rates(joint).part == pytest.approx(maximum_rates(apart).part, rel=1e-7)


def test_subproblems_are_not_built_behind_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    joint = random_joint(14)
    with pytest.raises(DeadlineReachedError):
        PricingProblem.of(joint, 0.0, 1, GONE)
    monkeypatch.setattr(AppPricing, "of", lambda *arguments: pytest.fail("built"))
    assert solve_joint(joint, Options(time_limit_s=0.0)).status in ("unknown", "feasible")


@pytest.mark.parametrize("name", ["alone", "full-dnn"])
def test_baselines_look_at_the_clock_for_every_app(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_node, "best_on_nodes", lambda *arguments: pytest.fail("searched"))
    outcome = joint_method(name).solve(random_joint(3), Options(time_limit_s=0.0))
    assert (outcome.status, outcome.termination.limit) == ("unknown", "time")


def test_a_joint_search_gets_what_building_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float | None] = []

    class Watched:
        name, description = "clear", ""

        def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
            seen.append(options.time_limit_s)
            return solve_joint(joint, Options())

    looks = count(step=2.0)  # a clock that runs on by two seconds at every look
    request = replace(small_request(), options=Options(time_limit_s=8.0))
    monkeypatch.setattr(several_apps, "joint_method", lambda *names: Watched())
    monkeypatch.setattr(several_apps.time, "perf_counter", lambda: next(looks))
    several_apps.solve_joint(request)
    assert seen == [pytest.approx(8.0 - 2.0)]
    assert joint_of(request).count == 2
