"""Diagnosis of limits on metrics: which cannot hold, and the best that can be reached."""

from __future__ import annotations

from typing import Any

import pytest

from planner.pipeline.one_app import solve
from planner.pipeline.request import Request
from planner.schemas import App, Model, Placement, Topology, check_document

MODEL: dict[str, Any] = {
    "schema_version": "1", "name": "m", "input_bits": 4.0, "accuracy": 0.9,
    "blocks": [{"name": "a", "ops": 2.0, "output_bits": 1.0}, {"name": "b", "ops": 8.0, "output_bits": 1.0}],
}  # fmt: skip
TOPOLOGY: dict[str, Any] = {
    "schema_version": "1", "name": "t",
    "nodes": [
        {"name": "phone", "ops_per_s": 1.0, "j_per_op": 1.0},
        {"name": "cloud", "ops_per_s": 8.0, "j_per_op": 1.0},
    ],
    "links": [{"source": "phone", "target": "cloud", "bit_per_s": 1.0, "j_per_bit": 0.5}],
    "metrics": [
        {"name": "battery", "unit": "J", "nodes": {"phone": {"per_j": 1.0}},
         "links": [{"source": "phone", "target": "cloud", "per_bit": 0.5}]},
        {"name": "cost", "unit": "USD", "nodes": {"cloud": {"per_s": 2.0}}},
    ],
}  # fmt: skip


def planned(**limits: Any) -> Placement:
    app = App(model="m", **limits)
    return solve(Request(app, check_document(MODEL, Model), check_document(TOPOLOGY, Topology)))


def test_a_limit_that_cannot_hold_is_named_with_the_best_that_can() -> None:
    # input to the cloud: 4 bit * 0.5 J; after block a: 2 J and 0.5 J
    placement = planned(limits={"battery": 1.5})
    assert placement.diagnosis is not None
    (row,) = placement.diagnosis.limits
    assert (row.kind, row.demand, row.best, row.unit) == ("metric", 1.5, pytest.approx(2.0), "J")
    assert "the least battery is 2 J, the limit 1.5 J" in row.message


def test_limits_that_exclude_each_other_are_both_named() -> None:
    placement = planned(limits={"battery": 3.0, "cost": 1.0})
    assert placement.diagnosis is not None
    rows = {row.message.split()[2]: row for row in placement.diagnosis.limits}
    assert rows["battery"].best == pytest.approx(10.0)  # all on the phone
    assert rows["cost"].best == pytest.approx(2.0)  # block b in the cloud for a second
    assert rows["cost"].unit == "USD"


def test_the_cheapest_split_is_found_by_hand() -> None:
    placement = planned(objective="cost", limits={"battery": 3.0})
    assert placement.status == "optimal"
    assert placement.apps[0].metrics == {"battery": pytest.approx(2.5), "cost": pytest.approx(2.0)}
    assert placement.certificate is not None
    assert placement.certificate.objective == "cost"
    assert placement.objective_unit == "USD"
