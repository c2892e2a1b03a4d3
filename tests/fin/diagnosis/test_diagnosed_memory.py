"""Diagnoses of memory: what is missing, to the byte."""

from __future__ import annotations

from typing import Any

import pytest
from diagnosis_cases import FULL, model, topology, why

from planner.fin.deadline import Deadline
from planner.fin.diagnosis import diagnose as diagnosis_module
from planner.fin.instance.instance import Instance


def test_memory_of_any_size_is_found_in_few_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[float] = []

    def counted(instance: Instance, until: Deadline) -> Any:
        searched.append(0.0)
        assert len(searched) < 200
        return any_plan(instance, until)

    any_plan = diagnosis_module.any_plan
    monkeypatch.setattr(diagnosis_module, "any_plan", counted)
    huge = {"blocks": [{"name": "b1", "ops": 2.0, "param_bytes": 1e12}, {"name": "b2", "ops": 4.0}]}
    rows = why(model(FULL, **huge), topology({"memory_bytes": 5e6}), pin={"b1": ["phone"]})
    assert rows["memory", "phone"].best == pytest.approx(1e12, rel=1e-8)


def test_missing_memory_to_the_byte() -> None:
    """The edge can take b1 (3 bytes), so the phone need only hold b2 (5 bytes)."""
    rows = why(model(), topology({"memory_bytes": 2.0}, {"memory_bytes": 4.0}))
    memory = rows["memory", "phone"]
    assert (memory.demand, memory.best) == (2.0, 5.0)
    assert memory.message == (
        "phone has 2 B of memory and needs 5 B (3 B are missing; the largest block it may run is b2, 5 B)"
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
