"""Placement policies of the examples and of small problems, against inputs degraded by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from degraded_inputs import Json, app_of, degrade, request_of

from planner import plan
from planner.adaptation.placement_policy import plan_for_states
from planner.fin.method import Options
from planner.pipeline.one_app import solve
from planner.pipeline.request import Request
from planner.schemas import Model, Topology, check_document
from planner.schemas.adaptation.placement_policy import PlacementPolicy, StatePlan
from planner.schemas.adaptation.states import States, states_of

EXAMPLES = Path(__file__).parents[3] / "examples"

EQUAL = 1e-8


def read(name: str) -> Json:
    document: Json = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    return document


# The examples


@pytest.fixture(scope="module")
def camera() -> PlacementPolicy:
    app = app_of(read("vit.workload.json")["apps"][0])
    request = Request(app, check_document(read("vit.json"), Model), check_document(read("mcm.json"), Topology))
    return plan_for_states(request, check_document(read("mcm.states.json"), States))


def state(policy: PlacementPolicy, *conditions: str) -> StatePlan:
    return next(row for row in policy.policy if row.conditions == conditions)


@pytest.mark.slow
def test_the_example_has_a_row_for_every_state(camera: PlacementPolicy) -> None:
    states = check_document(read("mcm.states.json"), States)
    assert [row.conditions for row in camera.policy] == [
        tuple(condition.name for condition in row) for row in states_of(states)
    ]
    assert state(camera).plan == "p0"
    assert {row.plan for row in camera.policy} == {each.name for each in camera.plan_set}
    assert sum(each.states for each in camera.plan_set) == len(camera.policy)


@pytest.mark.slow
def test_every_state_of_the_example_is_the_optimum_of_inputs_degraded_by_hand(camera: PlacementPolicy) -> None:
    conditions = {row["name"]: row for row in read("mcm.states.json")["conditions"]}
    app = read("vit.workload.json")["apps"][0]
    for row in camera.policy:
        held = [conditions[name] for name in row.conditions]
        model, topology, _ = degrade(read("vit.json"), read("mcm.json"), app, held)
        for condition in held:
            if "mcm0" in condition.get("nodes", {}) and topology["packages"]:
                topology["packages"][0]["chiplet"]["ops_per_s"] /= condition["nodes"]["mcm0"]["slow_down"]
        direct = solve(request_of(model, topology, app))
        assert direct.status == row.status
        if direct.apps:
            best = direct.apps[0]
            held_plan = next(each.placement for each in camera.plan_set if each.name == row.plan)
            assert (row.energy_j, row.latency_s) == pytest.approx((best.energy_j, best.latency_s), rel=EQUAL)
            assert (held_plan.assignments, set(held_plan.routes)) == (best.assignments, set(best.routes))
            assert held_plan.operating_point == best.operating_point


def test_where_no_plan_holds_the_deadline_the_fastest_plan_is_used_and_called_degraded(camera: PlacementPolicy) -> None:
    row = state(camera, "phone-hot", "radio-weak")
    assert (row.status, row.degraded, row.gave_up) == ("infeasible", True, ("latency",))
    assert row.diagnosis is not None
    (latency,) = [limit for limit in row.diagnosis.limits if limit.kind == "latency"]
    assert row.latency_s == pytest.approx(latency.best, rel=EQUAL)
    assert row.message == "takes 44.27 ms, the limit is 40 ms"
    assert row.regret == {}
    assert [other.degraded for other in camera.policy].count(True) == 1


def test_a_plan_that_is_kept_is_never_better_than_the_states_own(camera: PlacementPolicy) -> None:
    for row in camera.policy:
        if row.plan is not None and not row.degraded:
            assert row.regret[row.plan] == pytest.approx(0.0, abs=1e-12)
    p1 = camera.plan_set[1]
    kept = [regret for row in camera.policy if (regret := row.regret.get("p1")) is not None]
    assert p1.kept_fixed.states_kept == len(kept)
    assert p1.kept_fixed.worst_regret == max(kept) > 0
    assert p1.kept_fixed.mean_regret == pytest.approx(sum(kept) / len(kept))


# What only a hand-made problem shows
SMALL_STATES: Json = {
    "schema_version": "1",
    "name": "s",
    "conditions": [
        {"name": "phone-lost", "lost_nodes": ["phone"]},
        {"name": "edge-lost", "lost_nodes": ["edge"]},
    ],
}


def small(states: Json = SMALL_STATES, topology: Json | None = None, **app: Any) -> PlacementPolicy:
    raw = topology or read("small-topology.json")
    return plan_for_states(request_of(read("small.json"), raw, {"model": "m", **app}), check_document(states, States))


def test_the_default_source_does_not_wander_when_it_is_lost() -> None:
    policy = small()
    lost = state(policy, "phone-lost")
    assert (lost.status, lost.plan, lost.energy_j) == ("infeasible", None, None)
    assert lost.diagnosis is not None
    assert lost.diagnosis.summary == "no plan for 'app': the source phone is lost"


def test_memory_that_is_lost_costs_accuracy_no_more_than_needed() -> None:
    """The phone alone holds the short network only."""
    row = state(small(min_accuracy=0.9), "edge-lost")
    assert (row.gave_up, row.accuracy) == (("accuracy",), 0.78)
    assert row.message == "accuracy 0.78, asked for is 0.9"
    assert "asked for is the best that the model offers" in state(small(), "edge-lost").message


def test_a_network_that_is_never_right_still_runs() -> None:
    model = read("small.json")
    model["operating_points"] = [{"name": "full", "exit_fractions": {"last": 1}, "accuracy": 0.0}]
    request = request_of(model, read("small-topology.json"), {"model": "m", "min_accuracy": 0.5})
    row = plan_for_states(request, check_document(SMALL_STATES, States)).policy[0]
    assert (row.plan, row.gave_up, row.accuracy) == ("p0", ("accuracy",), 0.0)


def test_a_rate_that_nothing_bears_is_lowered_last() -> None:
    topology = read("small-topology.json")
    for node in topology["nodes"]:
        node.pop("memory_bytes", None)
    row = state(small(topology=topology, rate_per_s=30.0, min_accuracy=0.78), "edge-lost")
    assert row.gave_up == ()
    row = state(small(topology=topology, rate_per_s=30.0, min_accuracy=0.92), "edge-lost")
    assert row.gave_up == ("accuracy",)
    row = state(small(topology=topology, rate_per_s=100.0, min_accuracy=0.92), "edge-lost")
    assert row.gave_up == ("rate",)
    assert row.rate_per_s is not None
    # 3 G operations and a head of 1 M at 50 G per second
    assert row.rate_per_s == pytest.approx(50e9 / 3.001e9, rel=1e-3)
    assert row.message.startswith("bears 16.66 inferences per second, asked for are 100 per second")


def test_accuracy_and_rate_both_give_way_where_neither_is_enough() -> None:
    row = state(small(rate_per_s=100.0, min_accuracy=0.9), "edge-lost")
    assert set(row.gave_up) == {"accuracy", "rate"}
    assert (row.rate_per_s, row.accuracy) == (0.0, 0.78)
    assert "single inferences only" in row.message


def test_a_policy_does_not_depend_on_when_it_is_made() -> None:
    assert small().model_dump() == small().model_dump()


def test_designed_points_are_found_again_in_other_states() -> None:
    model = check_document(read("efficientnet-b0-aws.json"), Model)
    topology = check_document(read("aws-four-tiers.json"), Topology)
    names = [node.name for node in topology.nodes]
    states = {
        "schema_version": "1",
        "name": "s",
        "conditions": [{"name": name, "nodes": {name: {"slow_down": 2.0}}} for name in names[:3]],
    }
    app = app_of({"model": "m", "min_accuracy": 0.7, "max_latency_s": 0.1})
    policy = plan_for_states(Request(app, model, topology, options=Options(gap=0.0)), check_document(states, States))
    for row in policy.policy:
        if row.plan is not None and not row.degraded:
            assert row.regret[row.plan] == pytest.approx(0.0, abs=1e-12)
    assert any(each.placement.thresholds is not None for each in policy.plan_set)
    assert policy.policy[0].energy_j == plan(model, topology, min_accuracy=0.7, max_latency_s=0.1).apps[0].energy_j
