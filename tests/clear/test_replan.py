"""Planning again after rates have changed: verified, as good as from scratch, the same every time."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.clear.workloads import Setting, random_setting
from planner.clear.allocation.evaluation import evaluate_plan, with_all_shares
from planner.clear.allocation.plan import Plan
from planner.clear.pricing.app_arrays import app_arrays
from planner.clear.problem.instance import JointInstance, build_joint
from planner.clear.replan import Replanner, with_app_rates, with_link_rates, with_medium_rates
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.outcome import Outcome
from planner.pipeline.joint_placement import joint_placement_of
from planner.schemas.planning.placement import Placement, Provenance
from planner.schemas.planning.traces import with_rates
from planner.verifier.verify import verify

SEEDS = (1, 2, 5)
MARGIN = 0.01
"""Planning again may cost so much more than planning from scratch (no unit); on these workloads it costs nothing."""
MEDIA = ("cell-up", "cell-down")


@cache
def setting_of(seed: int) -> Setting:
    return random_setting(2, seed, rows=1, cols=2, phones=2)


def joint_of(seed: int) -> JointInstance:
    setting = setting_of(seed)
    return build_joint(setting.apps, build_network(*expand(setting.topology)))


def cell(seed: int, factor: float) -> dict[str, float]:
    rates = {link.medium: link.bit_per_s for link in setting_of(seed).topology.links}
    return {name: factor * (rates[name] or 0.0) for name in MEDIA}


def changed(seed: int, joint: JointInstance, factor: float, app_factor: float) -> JointInstance:
    rated = with_app_rates(
        joint, [app.inferences_per_s * (app_factor if at == 0 else 1.0) for at, app in enumerate(joint.apps)]
    )
    return with_medium_rates(rated, cell(seed, factor))


CHANGES = ((0.5, 1.0), (0.12, 1.0), (2.0, 1.0), (1.0, 1.7), (0.3, 0.6))
"""Factors of the cell's rates and of the first app's rate."""


def placement_of(joint: JointInstance, outcome: Outcome[Plan]) -> Placement:
    return joint_placement_of(joint, outcome, Provenance(planner="", method="clear", inputs={}), 0.0, None)


@pytest.mark.parametrize("seed", SEEDS)
def test_plans_stand_and_cost_no_more_than_from_scratch(seed: int) -> None:
    setting, joint = setting_of(seed), joint_of(seed)
    planner = Replanner(joint)
    assert planner.plan is not None
    for factor, app_factor in CHANGES:
        now = changed(seed, joint, factor, app_factor)
        outcome, scratch = planner.replan(now), Replanner(now).plan
        assert (outcome.plan is None) == (scratch is None)
        if outcome.plan is None or scratch is None:
            continue
        assert outcome.plan.power_w <= scratch.power_w * (1.0 + MARGIN)
        assert planner.bound_w() <= outcome.plan.power_w * (1.0 + 1e-9)
        apps = [
            (app.model_copy(update={"rate_per_s": held.inferences_per_s}), model)
            for (app, model), held in zip(setting.apps, now.apps, strict=True)
        ]
        assert verify(placement_of(now, outcome), with_rates(setting.topology, cell(seed, factor)), apps) == []


def test_a_series_gives_the_same_plans_every_time() -> None:
    def powers() -> list[tuple[float, tuple[tuple[int, ...], ...]]]:
        planner = Replanner(joint_of(5))
        plans = [planner.replan(changed(5, joint_of(5), *change)).plan for change in CHANGES]
        return [(plan.power_w, tuple(column.decision.nodes for column in plan.columns)) for plan in plans if plan]

    first = powers()
    assert len(first) == len(CHANGES)
    assert powers() == first


def test_nothing_changed_keeps_the_power() -> None:
    planner = Replanner(joint_of(2))
    assert planner.plan is not None
    before_w = planner.plan.power_w
    outcome = planner.replan(joint_of(2))
    assert outcome.plan is not None
    assert outcome.plan.power_w <= before_w * (1.0 + 1e-6)


def test_without_a_plan_the_last_one_is_kept_for_later() -> None:
    joint = joint_of(1)
    impossible = with_app_rates(joint, [1e4 * app.inferences_per_s for app in joint.apps])
    planner = Replanner(joint)
    kept = planner.plan
    assert kept is not None
    outcome = planner.replan(impossible)
    assert (outcome.status, outcome.plan) == ("unknown", None)
    assert planner.plan is kept
    again = planner.replan(joint)
    assert again.plan is not None
    assert again.plan.power_w <= kept.power_w * (1.0 + 1e-6)


def test_rates_change_only_what_is_named() -> None:
    joint = joint_of(1)
    with pytest.raises(KeyError):
        with_medium_rates(joint, {"cell": 1.0})
    now = with_medium_rates(joint, {"cell-up": 7.0})
    different = now.network.link_bit_per_s != joint.network.link_bit_per_s
    assert {joint.network.medium_name(int(medium)) for medium in joint.network.link_medium[different]} == {"cell-up"}
    assert set(now.network.link_bit_per_s[different]) == {7.0}
    assert all((app.network.link_bit_per_s == now.network.link_bit_per_s).all() for app in now.variants)


@given(st.floats(0.1, 10.0))
@settings(max_examples=10)
def test_stages_at_another_rate_are_those_of_the_app_with_that_rate(factor: float) -> None:
    for app in joint_of(1).variants:
        scaled = app_arrays(app).at_rate_of(app, factor)
        anew = app_arrays(replace(app, rate_per_s=factor * app.rate_per_s))
        for field in fields(scaled):
            np.testing.assert_allclose(getattr(scaled, field.name), getattr(anew, field.name), rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_late_at_other_rates_is_what_the_verifier_calls_late(seed: int) -> None:
    setting, joint = setting_of(seed), joint_of(seed)
    plan = Replanner(joint).plan
    assert plan is not None
    for held in (plan, with_all_shares(joint, plan)):
        outcome = Outcome("feasible", held, 0.0)
        for factor in (1.5, 1.0, 0.8, 0.3, 0.01, 1e-6):
            at = with_rates(setting.topology, cell(seed, factor))
            found = verify(placement_of(joint, outcome), at, setting.apps)
            late = {fault.app for fault in found if fault.what in ("max_latency_s", "stability")}
            did = evaluate_plan(with_medium_rates(joint, cell(seed, factor)), held)
            assert {app.name for app, is_late in zip(joint.apps, did.late, strict=True) if is_late} == late
            assert did.power_w == plan.power_w


def test_all_shares_are_given_out_in_proportion() -> None:
    joint = joint_of(5)
    plan = Replanner(joint).plan
    assert plan is not None
    grown = with_all_shares(joint, plan)
    outcome = Outcome("feasible", grown, 0.0)
    assert verify(placement_of(joint, outcome), setting_of(5).topology, setting_of(5).apps) == []
    sums: dict[int, float] = {}
    for column, before, after in zip(
        plan.columns, plan.allocation.node_shares, grown.allocation.node_shares, strict=True
    ):
        assert (after >= before).all()
        for node, share in zip(column.nodes.tolist(), after.tolist(), strict=True):
            sums[node] = sums.get(node, 0.0) + share
    assert sums == pytest.approx({node: joint.network.max_utilization[node] for node in sums})


def test_links_of_one_medium_may_be_changed_by_their_arrays() -> None:
    joint = joint_of(2)
    halved = with_link_rates(joint, joint.network.link_bit_per_s / 2)
    assert (halved.network.link_bit_per_s * 2 == joint.network.link_bit_per_s).all()
