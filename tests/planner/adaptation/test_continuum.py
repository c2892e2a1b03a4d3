"""Policies over states of a topology, against inputs degraded by hand and against enumeration."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cases import random_app, random_model, random_topology
from hypothesis import given
from hypothesis import strategies as st

from planner import plan
from planner.adaptation.placement_policy import plan_for_states
from planner.fin.method import Options
from planner.pipeline.one_app import solve
from planner.pipeline.request import Request
from planner.schemas import App, InputError, Model, Placement, Topology, Workload, check_document
from planner.schemas.adaptation.placement_policy import PlacementPolicy, StatePlan
from planner.schemas.adaptation.states import States, states_of
from planner.verifier.verify import verify

EXAMPLES = Path(__file__).parents[3] / "examples"
EQUAL = 1e-8
Json = dict[str, Any]


def read(name: str) -> Json:
    document: Json = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    return document


def app_of(raw: Json) -> App:
    return check_document({"schema_version": "1", "apps": [raw]}, Workload).apps[0]


# Inputs degraded by hand: plain JSON, no code of the planner


def degrade(raw_model: Json, raw_topology: Json, raw_app: Json, conditions: list[Json]) -> tuple[Json, Json, Json]:
    """Return model, topology and app under conditions."""
    model, topology, app = copy.deepcopy((raw_model, raw_topology, raw_app))
    links = []
    for link in topology["links"]:
        both = link.pop("bidirectional", False)
        links += [link, {**link, "source": link["target"], "target": link["source"]}] if both else [link]
    for condition in conditions:
        for name, change in condition.get("nodes", {}).items():
            for node in topology["nodes"]:
                if node["name"] == name:
                    slow_down(model, node, change["slow_down"])
        for change in condition.get("links", []):
            for link in links:
                if (link["source"], link["target"]) == (change["source"], change["target"]):
                    link["bit_per_s"] *= change.get("bandwidth_factor", 1.0)
                    link["latency_s"] = link.get("latency_s", 0.0) + change.get("extra_latency_s", 0.0)
        gone = [(link["source"], link["target"]) for link in condition.get("lost_links", [])]
        links = [link for link in links if (link["source"], link["target"]) not in gone]
        for name in condition.get("lost_nodes", []):
            topology["nodes"] = [node for node in topology["nodes"] if node["name"] != name]
            topology["packages"] = [each for each in topology.get("packages", []) if each["name"] != name]
            links = [link for link in links if name not in (link["source"], link["target"])]
    topology["links"] = links
    return model, topology, app


def slow_down(model: Json, node: Json, factor: float) -> None:
    """Slow a node: give it a hardware of its own, so that its profile can change alone."""
    if "ops_per_s" in node:
        node["ops_per_s"] /= factor
    profile = model.get("profiles", {}).get(node.get("hardware"))
    if profile is not None:
        node["hardware"] = f"own hardware of {node['name']}"
        model["profiles"][node["hardware"]] = {
            row: {**entry, "time_s": entry["time_s"] * factor} for row, entry in profile.items()
        }


def request_of(model: Json, topology: Json, app: Json, method: str = "auto") -> Request:
    # a pin to no node is nothing that a file may say, but is what is left of a pin to lost nodes
    pin = {block: tuple(nodes) for block, nodes in app.get("pin", {}).items()}
    checked = app_of({key: value for key, value in app.items() if key != "pin"}).model_copy(update={"pin": pin})
    return Request(checked, check_document(model, Model), check_document(topology, Topology), method)


# The examples


@pytest.fixture(scope="module")
def camera() -> PlacementPolicy:
    app = app_of(read("vit.workload.json")["apps"][0])
    request = Request(app, check_document(read("vit.json"), Model), check_document(read("mcm.json"), Topology))
    return plan_for_states(request, check_document(read("mcm.states.json"), States))


def state(policy: PlacementPolicy, *conditions: str) -> StatePlan:
    return next(row for row in policy.policy if row.conditions == conditions)


def test_the_example_has_a_row_for_every_state(camera: PlacementPolicy) -> None:
    states = check_document(read("mcm.states.json"), States)
    assert [row.conditions for row in camera.policy] == [
        tuple(condition.name for condition in row) for row in states_of(states)
    ]
    assert state(camera).plan == "p0"
    assert {row.plan for row in camera.policy} == {each.name for each in camera.plan_set}
    assert sum(each.states for each in camera.plan_set) == len(camera.policy)


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


# Small problems of every kind, with enumeration as the oracle


def random_conditions(r: Random, topology: Json) -> list[Json]:
    nodes = [node["name"] for node in topology["nodes"]]
    packages = [package["name"] for package in topology.get("packages", [])]
    pairs = [(link["source"], link["target"]) for link in topology["links"]]
    conditions: list[Json] = []
    for index in range(r.randint(1, 3)):
        condition: Json = {"name": f"c{index}"}
        if r.random() < 0.5:
            names = r.sample(nodes, r.randint(1, len(nodes)))
            condition["nodes"] = {name: {"slow_down": r.choice([0.5, 2.0, r.uniform(1, 4)])} for name in names}
        if pairs and r.random() < 0.5:
            source, target = r.choice(pairs)
            change = {"bandwidth_factor": r.choice([0.3, 0.5, 2.0]), "extra_latency_s": r.choice([0.0, 0.5])}
            condition["links"] = [{"source": source, "target": target, **change}]
        elif pairs and r.random() < 0.5:
            source, target = r.choice(pairs)
            condition["lost_links"] = [{"source": source, "target": target}]
        if r.random() < 0.25 or len(condition) == 1:
            condition["lost_nodes"] = [r.choice(nodes + packages)]
            condition.get("nodes", {}).pop(condition["lost_nodes"][0], None)
        conditions.append(condition)
    return conditions


@given(st.randoms(use_true_random=False))
def test_every_state_is_optimal_and_what_is_given_up_had_to_be(r: Random) -> None:
    topology, model = random_topology(r), random_model(r)
    app = random_app(r, model, topology)
    conditions = random_conditions(r, topology)
    states = check_document({"schema_version": "1", "name": "s", "conditions": conditions}, States)
    try:
        policy = plan_for_states(request_of(model, topology, app), states)
    except InputError as error:
        assert "says what energy" in str(error) or "does not profile" in str(error)
        return
    by_name = {condition["name"]: condition for condition in conditions}
    for row in policy.policy:
        check_state(policy, row, *degrade(model, topology, app, [by_name[name] for name in row.conditions]))


def check_state(policy: PlacementPolicy, row: StatePlan, model: Json, topology: Json, app: Json) -> None:
    """Check one row against enumeration of inputs that are degraded by hand."""
    nodes = [node["name"] for node in topology["nodes"]]
    if any(app.get(end) not in (None, *nodes) for end in ("source", "destination")):
        assert (row.status, row.plan, row.degraded) == ("infeasible", None, False)
        assert row.diagnosis is not None
        return
    app["pin"] = {block: [name for name in names if name in nodes] for block, names in app.get("pin", {}).items()}
    best = solve(request_of(model, topology, app, "brute"))
    assert row.status == best.status
    if best.apps:
        assert not row.degraded
        assert value_of(app, row) == pytest.approx(value_of(app, best.apps[0]), rel=EQUAL)
        check_regrets(policy, row, model, topology, app)
    else:
        check_fallback(row, model, topology, app)


def value_of(app: Json, row: Any) -> float:
    value: float = row.energy_j if app["objective"] == "energy" else row.latency_s
    return value


def check_regrets(policy: PlacementPolicy, row: StatePlan, model: Json, topology: Json, app: Json) -> None:
    """Check what each plan would cost here with the verifier, which shares no code with what computed it."""
    request = request_of(model, topology, app)
    for each in policy.plan_set:
        regret = row.regret[each.name]
        claims = each.placement
        if regret is not None:
            # the verifier recomputes every claim, so claim what the regret says
            field = "energy_j" if app["objective"] == "energy" else "latency_s"
            claims = claims.model_copy(update={field: value_of(app, row) + regret})
        placement = Placement(status="feasible", apps=(claims,))
        found = [fault.what for fault in verify(placement, request.topology, [(request.app, request.model)])]
        own = {"total", "energy_j", "latency_s", "certificate"}
        broken = [what for what in found if what not in own and not what.startswith("breakdown")]
        assert (regret is None) == bool(broken), (each.name, found)
        if regret is not None:
            assert field not in found


def check_fallback(row: StatePlan, model: Json, topology: Json, app: Json) -> None:
    """Check that what was given up had to be, and no more of it than needed."""
    deadline, most_j = app.pop("max_latency_s", None), app.pop("max_energy_j", None)

    def best(**changes: Any) -> Placement:
        fields = {**app, **{key: value for key, value in changes.items() if value is not None}}
        return solve(request_of(model, topology, fields, "brute"))

    if row.plan is None:
        assert best(min_accuracy=0.0, rate_per_s=0.0).status == "infeasible"
        return
    assert row.degraded
    assert row.gave_up
    assert row.latency_s is not None
    assert row.energy_j is not None
    if best().apps:  # without deadline and energy limit
        assert set(row.gave_up) <= {"latency", "energy"}
        late = deadline is not None and best(objective="latency", max_energy_j=most_j)
        if late and late.apps:
            assert row.gave_up == ("latency",)
            assert row.latency_s == pytest.approx(late.apps[0].latency_s, rel=EQUAL)
        elif most_j is not None and (dear := best(objective="energy", max_latency_s=deadline)).apps:
            assert row.gave_up == ("energy",)
            assert row.energy_j == pytest.approx(dear.apps[0].energy_j, rel=EQUAL)
        else:
            assert row.latency_s == pytest.approx(best(objective="latency").apps[0].latency_s, rel=EQUAL)
        return
    assert set(row.gave_up) & {"accuracy", "rate"}
    assert ("rate" in row.gave_up) == (not best(min_accuracy=0.0).apps)
    assert row.accuracy is not None
    if "rate" not in row.gave_up and (more := row.accuracy + 1e-6) <= 1.0:
        assert not best(min_accuracy=more).apps
    for field, limit, value in (("latency", deadline, row.latency_s), ("energy", most_j, row.energy_j)):
        assert (field in row.gave_up) == (limit is not None and value > limit * (1 + 1e-9))


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
