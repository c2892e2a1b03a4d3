"""Why there is no plan: closed forms, and the promise that giving way to what is reported gives a plan."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from cases import instance_of, random_case
from hypothesis import given
from hypothesis import strategies as st

from planner import plan
from planner.fin.diagnosis import diagnose as diagnosis_module
from planner.fin.diagnosis.capacities import bytes_text
from planner.fin.diagnosis.diagnose import diagnose
from planner.fin.exact.method import Exact
from planner.fin.instance.instance import Instance
from planner.fin.method import Options
from planner.schemas import App, BrokenLimit, Diagnosis, Model, Topology, check_document

UNITS = {"latency": "s", "energy": "J", "accuracy": "fraction", "memory": "bytes", "rate": "1/s"}
Json = dict[str, Any]

# Two blocks on a phone (1 op/s, 1 J/op) and an edge (4 op/s, 2 J/op), 4 bit/s, 0.5 s and 0.1 J/bit apart.
# full, (b1, b2) on:  phone phone 6 s 6 J, phone edge 4.5 s 10.4 J, edge edge 4 s 12.8 J, edge phone 8.5 s 9.2 J
# short, b1 on:       phone 2 s 2 J, edge 3 s 4.8 J
FULL = {"name": "full", "exit_fractions": {"e2": 1.0}, "accuracy": 0.9}
SHORT = {"name": "short", "exit_fractions": {"e1": 1.0}, "accuracy": 0.6}


def model(*points: Json, **changes: Any) -> Model:
    document = {
        "schema_version": "1",
        "name": "m",
        "input_bits": 8.0,
        "blocks": [
            {"name": "b1", "ops": 2.0, "param_bytes": 3.0, "output_bits": 4.0},
            {"name": "b2", "ops": 4.0, "param_bytes": 5.0},
        ],
        "exits": [{"name": "e1", "after": "b1", "result_bits": 1.0}, {"name": "e2", "after": "b2", "result_bits": 1.0}],
        "operating_points": list(points or (FULL, SHORT)),
        **changes,
    }
    return check_document(document, Model)


def topology(phone: Json | None = None, edge: Json | None = None, more: Json | None = None) -> Topology:
    document = {
        "schema_version": "1",
        "name": "t",
        "nodes": [
            {"name": "phone", "tier": "mobile", "ops_per_s": 1.0, "j_per_op": 1.0, **(phone or {})},
            {"name": "edge", "tier": "edge", "ops_per_s": 4.0, "j_per_op": 2.0, **(edge or {})},
            *([{"name": "island", "ops_per_s": 1.0, "j_per_op": 1.0, **more}] if more is not None else []),
        ],
        "links": [
            {
                "source": "phone", "target": "edge", "bidirectional": True,
                "bit_per_s": 4.0, "latency_s": 0.5, "j_per_bit": 0.1,
            }
        ],
    }  # fmt: skip
    return check_document(document, Topology)


def why(asked: Model, where: Topology, **limits: Any) -> dict[tuple[str, str], BrokenLimit]:
    """Return the broken limits of a request without a plan, by kind and subject."""
    placement = plan(asked, where, **limits)
    assert placement.status == "infeasible"
    assert placement.diagnosis is not None
    check_units(placement.diagnosis)
    assert placement.diagnosis.summary.startswith("no plan for 'app': ")
    assert placement.diagnosis.limits[0].message in placement.diagnosis.summary
    rows = {(row.kind, row.subject): row for row in placement.diagnosis.limits}
    assert len(rows) == len(placement.diagnosis.limits)
    return rows


def check_units(diagnosis: Diagnosis) -> None:
    """Every number has its unit, and stands in the message."""
    for row in diagnosis.limits:
        assert row.unit == UNITS.get(row.kind, "")
        assert row.message
        if not row.unit:
            assert row.demand is None
            assert row.best is None
        elif row.best is not None:
            words = {"bytes": bytes_text, "1/s": lambda rate: f"{rate:.10g}"}.get(row.unit, lambda best: f"{best:.6g}")
            assert words(row.best) in row.message


def test_least_latency_and_best_accuracy_within_the_others() -> None:
    rows = why(model(), topology(), max_latency_s=3.0)
    assert set(rows) == {("latency", "app"), ("accuracy", "app")}
    latency, accuracy = rows["latency", "app"], rows["accuracy", "app"]
    assert (latency.demand, accuracy.demand) == (3.0, 0.9)
    assert latency.best == pytest.approx(4.0, rel=1e-8)
    assert accuracy.best == 0.6
    assert latency.message == (
        "the least worst latency is 4 s, the limit 3 s; the input over phone->edge takes longest (2.5 s)"
    )
    assert accuracy.message == "the best accuracy within the other limits is 0.6, the limit 0.9"


def test_memory_of_any_size_is_found_in_few_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[float] = []

    def counted(instance: Instance) -> Any:
        searched.append(0.0)
        assert len(searched) < 200
        return any_plan(instance)

    any_plan = diagnosis_module._any_plan
    monkeypatch.setattr(diagnosis_module, "_any_plan", counted)
    huge = {"blocks": [{"name": "b1", "ops": 2.0, "param_bytes": 1e12}, {"name": "b2", "ops": 4.0}]}
    rows = why(model(FULL, **huge), topology({"memory_bytes": 5e6}), pin={"b1": ["phone"]})
    assert rows["memory", "phone"].best == pytest.approx(1e12, rel=1e-8)


def test_least_energy() -> None:
    rows = why(model(FULL), topology(), max_energy_j=5.0)
    assert set(rows) == {("energy", "app")}
    assert rows["energy", "app"].demand == 5.0
    assert rows["energy", "app"].best == pytest.approx(6.0, rel=1e-8)


@pytest.mark.parametrize("objective", ["energy", "latency"])
def test_each_limit_is_given_up_with_the_others_kept(objective: str) -> None:
    """Within 10 J the fastest takes 6 s, within 5 s the cheapest takes 10.4 J; short keeps both."""
    rows = why(model(), topology(), max_latency_s=5.0, max_energy_j=10.0, objective=objective)
    assert {kind: row.best for (kind, _), row in rows.items()} == pytest.approx(
        {"latency": 6.0, "energy": 10.4, "accuracy": 0.6}, rel=1e-8
    )


def test_the_statistic_asked_for_is_the_one_reported() -> None:
    """Half leave after b1. Phone and edge: at 2 s and 4.5 s, the edge alone: at 3 s and 4 s."""
    half = {"name": "half", "exit_fractions": {"e1": 0.5, "e2": 0.5}, "accuracy": 0.8}
    for statistic, best in (("mean", 3.25), ("p50", 2.0), ("worst", 4.0), ("p95", 4.0)):
        (row,) = why(model(half), topology(), max_latency_s=1.0, latency=statistic).values()
        assert row.best == pytest.approx(best, rel=1e-8)
        assert f"the least {statistic} latency" in row.message


def test_accuracy_beyond_the_model() -> None:
    rows = why(model(), topology(), min_accuracy=0.95)
    assert set(rows) == {("accuracy", "app")}
    assert rows["accuracy", "app"].message == "the best accuracy that the model offers is 0.9, the limit 0.95"


def test_accuracy_beyond_the_model_and_a_latency_limit() -> None:
    """The model offers 0.9, but not within 3 s: what is reported must be reachable."""
    rows = why(model(), topology(), min_accuracy=0.95, max_latency_s=3.0)
    assert {kind: row.best for (kind, _), row in rows.items()} == {"accuracy": 0.6}


def test_missing_memory_to_the_byte() -> None:
    """The edge can take b1 (3 bytes), so the phone need only hold b2 (5 bytes)."""
    rows = why(model(), topology({"memory_bytes": 2.0}, {"memory_bytes": 4.0}))
    memory = rows["memory", "phone"]
    assert (memory.demand, memory.best) == (2.0, 5.0)
    assert memory.message == (
        "phone has 2 bytes of memory and needs 5 bytes "
        "(3 bytes are missing; the largest block it may run is b2, 5 bytes)"
    )
    assert rows["accuracy", "app"].best == 0.6


def test_large_amounts_of_missing_memory_are_exact_too() -> None:
    blocks = [{"name": "b1", "ops": 2.0, "param_bytes": 3e6}, {"name": "b2", "ops": 4.0, "param_bytes": 5_000_777.0}]
    rows = why(model(FULL, blocks=blocks), topology({"memory_bytes": 2e6}, {"memory_bytes": 4e6}))
    assert rows["memory", "phone"].best == 5_000_777.0


def test_memory_missing_on_two_nodes_at_once() -> None:
    pins = {"b1": ["phone"], "b2": ["edge"]}
    rows = why(model(), topology({"memory_bytes": 2.0}, {"memory_bytes": 4.0}), pin=pins)
    assert {key: (row.demand, row.best) for key, row in rows.items()} == {
        ("memory", "b1"): (2.0, 3.0),
        ("memory", "b2"): (4.0, 5.0),
        ("memory", "phone"): (2.0, 3.0),
        ("memory", "edge"): (4.0, 5.0),
    }


def test_a_block_that_fits_nowhere_is_named_with_the_node_of_most_room() -> None:
    blocks = [{"name": "b1", "ops": 2.0, "param_bytes": 1e6}, {"name": "b2", "ops": 4.0, "param_bytes": 7.5e9}]
    rows = why(model(FULL, blocks=blocks), topology({"memory_bytes": 4e9}, {"memory_bytes": 6e9}))
    block = rows["memory", "b2"]
    assert (block.demand, block.best) == (6e9, 7.5e9)
    assert block.message == (
        "block b2 takes 7.5 GB of memory; the most that a node which may run it has is 6 GB (edge; 1.5 GB are missing)"
    )
    pinned = why(model(FULL, blocks=blocks), topology({"memory_bytes": 4e9}), pin={"b2": ["phone"]})
    assert pinned["memory", "b2"].demand == 4e9


def test_no_block_is_too_large_where_a_shorter_plan_need_not_run_it() -> None:
    blocks = [{"name": "b1", "ops": 2.0, "param_bytes": 1.0}, {"name": "b2", "ops": 4.0, "param_bytes": 9.0}]
    rows = why(model(blocks=blocks), topology({"memory_bytes": 4.0}, {"memory_bytes": 6.0}), max_latency_s=0.1,
               min_accuracy=0.5)  # fmt: skip
    assert ("memory", "b2") not in rows


@pytest.mark.parametrize(
    ("phone", "pins", "best"),
    [
        ({}, {"b1": ["phone"], "b2": ["phone"]}, 1 / 6),  # the phone is busy for 6 s
        ({"max_utilization": 0.5}, {"b1": ["phone"], "b2": ["phone"]}, 1 / 12),
        ({}, {"b1": ["phone"], "b2": ["edge"]}, 1 / 2),  # the phone for 2 s, the link for 1 s
        ({}, {"b1": ["edge"], "b2": ["edge"]}, 1 / 2),  # the link for 2 s, the edge for 1.5 s
    ],
)
def test_the_largest_rate(phone: Json, pins: dict[str, list[str]], best: float) -> None:
    rows = why(model(FULL), topology(phone), rate_per_s=10.0, pin=pins)
    rate = rows["rate", "app"]
    assert rate.demand == 10.0
    assert rate.best is not None
    assert rate.best == pytest.approx(best, rel=1e-9)
    attained = plan(model(FULL), topology(phone), rate_per_s=rate.best, pin=pins)
    assert attained.status == "optimal"
    assert plan(model(FULL), topology(phone), rate_per_s=rate.best * (1 + 1e-7), pin=pins).status == "infeasible"


def test_the_largest_rate_is_told_whatever_is_asked_for() -> None:
    asked = why(model(FULL), topology({"max_utilization": 0.5}), rate_per_s=10.0)["rate", "app"].best
    assert asked is not None
    huge = why(model(FULL), topology({"max_utilization": 0.5}), rate_per_s=1e20)["rate", "app"]
    assert huge.best == pytest.approx(asked, rel=1e-8)


def test_a_pin_that_costs_too_much() -> None:
    rows = why(model(FULL), topology(), max_energy_j=7.0, pin={"b2": ["edge"]})
    assert set(rows) == {("energy", "app"), ("pin", "b2")}
    assert rows["energy", "app"].best == pytest.approx(10.4, rel=1e-8)
    assert rows["pin", "b2"].message == "there is a plan if b2 is not pinned"


def test_limits_that_exclude_each_other_only_together() -> None:
    rows = why(model(FULL), topology(), max_latency_s=3.0, max_energy_j=5.0)
    assert set(rows) == {("latency", "app"), ("energy", "app")}
    assert rows["latency", "app"].best == pytest.approx(4.0, rel=1e-8)
    assert rows["energy", "app"].best == pytest.approx(6.0, rel=1e-8)
    assert all("not enough by itself" in row.message for row in rows.values())


def test_accuracy_latency_and_memory_together() -> None:
    rows = why(model(), topology({"memory_bytes": 1.0}, {"memory_bytes": 1.0}), min_accuracy=0.95, max_latency_s=1.0)
    assert {kind: (row.demand, row.best) for (kind, _), row in rows.items()} == {
        "accuracy": (0.95, 0.9),
        "latency": (1.0, pytest.approx(2.0, rel=1e-8)),
        "memory": (2.0, 8.0),
    }


def test_a_node_without_links_cannot_be_reached() -> None:
    (row,) = why(model(FULL), topology(more={}), pin={"b2": ["island"]}).values()
    assert (row.kind, row.subject) == ("reachability", "b2")
    assert row.message == "block b2 may run on island only, and no links lead there from phone, edge"


def test_a_source_without_links_reaches_nothing() -> None:
    (row,) = why(model(FULL), topology(more={}), source="island", pin={"b1": ["phone", "edge"]}).values()
    assert (row.kind, row.subject) == ("reachability", "b1")
    assert row.message == "block b1 may run on phone, edge only, and no links lead there from island"


def test_a_destination_without_links_gets_no_result() -> None:
    (row,) = why(model(), topology(more={}), destination="island").values()
    assert (row.kind, row.subject) == ("reachability", "island")
    assert "no result reaches the destination island" in row.message


def test_a_pin_off_the_map_does_not_hide_what_a_shorter_plan_could_do() -> None:
    rows = why(model(), topology(more={}), pin={"b2": ["island"]})
    assert set(rows) == {("accuracy", "app"), ("pin", "b2")}
    assert rows["accuracy", "app"].best == 0.6


def test_a_block_that_nobody_can_run() -> None:
    """The npu has no speed of its own, and the model was never measured on it beyond b1."""
    asked = model(FULL, profiles={"npu": {"b1": {"time_s": 1.0, "energy_j": 1.0}}})
    npu = {"ops_per_s": None, "j_per_op": None, "hardware": "npu"}
    (row,) = why(asked, topology(npu, npu)).values()
    assert (row.kind, row.subject) == ("reachability", "b2")
    assert "no node can run block b2" in row.message


# The promise


def diagnosed(app: App, model: Model, topology: Topology) -> tuple[Instance, Diagnosis] | None:
    instance = instance_of(app, model, topology)
    if instance is None or Exact().solve(instance, Options()).status != "infeasible":
        return None
    everything = instance_of(app.model_copy(update={"min_accuracy": 0.0}), model, topology)
    assert everything is not None
    unpinned = np.broadcast_to(instance.blocks.can_run, instance.allowed.shape)
    return instance, diagnose(instance, everything, unpinned)


def has_plan(instance: Instance | None) -> bool:
    assert instance is not None
    return Exact().solve(instance, Options()).plan is not None


def relaxed(app: App, row: BrokenLimit, factor: float) -> App | None:
    """Return the app that asks for the reported best, times a factor, instead."""
    assert row.best is not None or row.kind in ("pin", "reachability", "memory")
    best = (row.best or 0.0) * factor
    changes: Json | None = {
        "latency": {"max_latency_s": max(best, 1e-12)},
        "energy": {"max_energy_j": best},
        "accuracy": {"min_accuracy": row.best},
        "rate": {"rate_per_s": row.best},
        "pin": {"pin": {block: nodes for block, nodes in app.pin.items() if block != row.subject}},
    }.get(row.kind)
    return None if changes is None else app.model_copy(update=changes)


@given(st.randoms(use_true_random=False))
def test_giving_way_to_what_is_reported_gives_a_plan(random: Random) -> None:
    app, asked, where = random_case(random)
    found = diagnosed(app, asked, where)
    if found is None:
        return
    instance, diagnosis = found
    assert diagnosis.limits
    assert diagnosis.summary
    check_units(diagnosis)
    if any("not enough by itself" in row.message for row in diagnosis.limits):
        return
    for row in diagnosis.limits:
        other = relaxed(app, row, 1 + 1e-6)
        if other is not None:
            assert has_plan(instance_of(other, asked, where)), row
    short = {row.subject: row.best for row in diagnosis.limits if row.kind == "memory"}
    if short:
        names, memory = instance.network.names, instance.network.memory_bytes
        roomier = np.array([short.get(name) or has for name, has in zip(names, memory, strict=True)])
        assert has_plan(replace(instance, network=replace(instance.network, memory_bytes=roomier)))


@given(st.randoms(use_true_random=False))
def test_nothing_better_than_what_is_reported_can_be_had(random: Random) -> None:
    app, asked, where = random_case(random)
    found = diagnosed(app, asked, where)
    if found is None or any("not enough by itself" in row.message for row in found[1].limits):
        return
    for row in found[1].limits:
        if row.kind in ("latency", "energy") and row.best:
            assert not has_plan(instance_of(relaxed(app, row, 1 - 1e-6), asked, where)), row
        elif row.kind == "accuracy":
            assert row.best is not None
            stricter = app.model_copy(update={"min_accuracy": row.best + 1e-6})
            assert not has_plan(instance_of(stricter, asked, where)), row
        elif row.kind == "rate":
            assert row.best is not None
            faster = app.model_copy(update={"rate_per_s": row.best * 1.001 + app.rate_per_s * 1e-5})
            assert not has_plan(instance_of(faster, asked, where)), row
