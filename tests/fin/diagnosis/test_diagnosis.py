"""Diagnoses of small problems: the best value of each limit by hand."""

from __future__ import annotations

import pytest
from diagnosis_cases import FULL, Json, model, topology, why

from planner import plan


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
    assert rows["pin", "b2"].message == "there is a plan if b2 may run elsewhere"


def test_limits_that_exclude_each_other_only_together() -> None:
    rows = why(model(FULL), topology(), max_latency_s=3.0, max_energy_j=5.0)
    assert set(rows) == {("latency", "app"), ("energy", "app")}
    assert rows["latency", "app"].best == pytest.approx(4.0, rel=1e-8)
    assert rows["energy", "app"].best == pytest.approx(6.0, rel=1e-8)
    assert all("not enough by itself" in row.message for row in rows.values())


def test_limits_that_hold_beside_those_that_exclude_each_other_are_not_listed() -> None:
    """Two nodes are allowed, memory is ample, and the rate is slow: only latency and energy must give way."""
    roomy = topology({"memory_bytes": 1e9}, {"memory_bytes": 1e9})
    rows = why(model(), roomy, max_latency_s=1.0, max_energy_j=1.0, max_nodes=2, min_accuracy=0.5, rate_per_s=1e-3)
    assert set(rows) == {("latency", "app"), ("energy", "app")}


def test_memory_that_some_nodes_have_without_limit_is_told_by_numbers() -> None:
    """Both blocks are pinned to the phone, which is too small, and 6 s are too long there."""
    pins = {"b1": ["phone", "edge"], "b2": ["phone"]}
    rows = why(model(FULL), topology({"memory_bytes": 1.0}), max_latency_s=1.0, pin=pins)
    assert {kind: (row.demand, row.best) for (kind, _), row in rows.items()}["memory"] == (1.0, 8.0)
    assert "those of these nodes that have a limit hold 1 B" in rows["memory", "app"].message


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
