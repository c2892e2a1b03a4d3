"""Placement policies of random problems, against enumeration of inputs degraded by hand."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from cases import random_app, random_model, random_topology
from degraded_inputs import Json, degrade, request_of
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples
from undiagnosed import solve_undiagnosed

from planner.adaptation.placement_policy import plan_for_states
from planner.schemas import InputError, Placement, check_document
from planner.schemas.adaptation.placement_policy import PlacementPolicy, StatePlan
from planner.schemas.adaptation.states import States
from planner.verifier.verify import verify

EQUAL = 1e-8

EXAMPLES = examples(15, 300)
"""Every example plans many states, each by several methods."""


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


@pytest.mark.slow
@settings(max_examples=EXAMPLES)
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
    best = solve_undiagnosed(request_of(model, topology, app, "brute"))
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
        return solve_undiagnosed(request_of(model, topology, fields, "brute"))

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
