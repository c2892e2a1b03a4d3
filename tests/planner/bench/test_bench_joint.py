"""Suites of workloads: objectives of all apps, limits on metrics, and the variants that rows say were chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from planner.bench.expansion import expand_suite
from planner.bench.solving import run_case
from planner.schemas import InputError

EXAMPLES = Path(__file__).parents[3] / "examples"


def suite_of(folder: Path, axes: str, **workload_fields: Any) -> Path:
    """Write a suite over two apps, one with two models and one with two batch sizes, and a topology with a metric."""
    workload = json.loads((EXAMPLES / "small-shared.workload.json").read_text(encoding="utf-8")) | workload_fields
    workload["apps"][0] |= {"model": ["small.json", "small-int8.json"], "min_accuracy": 0.5}
    workload["apps"][1]["batch"] = [1, 2]
    topology = json.loads((EXAMPLES / "small-shared.json").read_text(encoding="utf-8"))
    topology["metrics"] = [{"name": "cost", "unit": "USD", "nodes": {"phone-a": {"per_s": 1e-3}}, "links": []}]
    for name in ("small.json", "small-int8.json"):
        (folder / name).write_text((EXAMPLES / name).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "w.json").write_text(json.dumps(workload), encoding="utf-8")
    (folder / "t.json").write_text(json.dumps(topology), encoding="utf-8")
    path = folder / "s.toml"
    head = 'schema_version = "1"\nname = "s"\n[fixed]\ntopology = "t.json"\nworkload = "w.json"\nmethod = "alone"\n'
    path.write_text(head + axes, encoding="utf-8")
    return path


def test_objectives_and_limits_of_all_apps_are_swept(tmp_path: Path) -> None:
    axes = '[axes]\nobjective = ["power", "cost"]\n[axes.limits]\ncost = [1e-12, 1.0]\n'
    suite = expand_suite(suite_of(tmp_path, axes))
    rows = [run_case(case, suite.loaded) for case in suite.cases]
    assert [dict(case.labels)["limits.cost"] for case in suite.cases] == [1e-12, 1.0, 1e-12, 1.0]
    assert [row.objective for row in rows] == ["power_w", "power_w", "cost", "cost"]
    assert rows[1].value == rows[1].power_w
    assert rows[3].value is not None
    assert rows[3].value >= (rows[3].lower_bound or 0.0)
    assert rows[1].chosen_model == "small-int8.json"
    assert rows[1].chosen_batch in ("1, 1", "1, 2")


def test_the_objective_of_a_workload_holds_and_none_is_maximised(tmp_path: Path) -> None:
    suite = expand_suite(suite_of(tmp_path, "[axes]\nseed = [1]\n", objective="cost"))
    assert run_case(suite.cases[0], suite.loaded).objective == "cost"
    with pytest.raises(InputError, match="do not maximise"):
        expand_suite(suite_of(tmp_path, "[axes]\nseed = [1]\n", objective="accuracy"))
