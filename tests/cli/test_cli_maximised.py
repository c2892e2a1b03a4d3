"""`planner plan`, `compare` and `check` where the rate or the accuracy is maximised."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import run

ROOT = Path(__file__).parents[2] / "examples"
INPUTS = ("--model", str(ROOT / "small.json"), "--topology", str(ROOT / "small-topology.json"))


def test_the_largest_rate_is_planned_checked_and_proved(tmp_path: Path) -> None:
    asked = (*INPUTS, "--objective", "rate", "--min-accuracy", "0.9", "--max-latency", "40ms")
    ran = run("plan", *asked, "-o", str(tmp_path / "plan.json"))
    assert ran.code == 0, ran.err
    assert "bounded by radio" in ran.out
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["certificate"]["objective"] == "rate_per_s"
    assert "lower_bound" not in plan["certificate"]
    assert plan["certificate"]["upper_bound"] == plan["apps"][0]["rate_per_s"]
    checked = run("check", str(tmp_path / "plan.json"), *asked, "--prove")
    assert checked.code == 0, checked.err


def test_baselines_of_the_rate_are_compared() -> None:
    ran = run("compare", *INPUTS, "--objective", "rate", "--json")
    assert ran.code == 0, ran.err
    rows = {row["method"]: row["placement"] for row in json.loads(ran.out)}
    assert {"exact", "best-split", "by-work", "by-memory"} <= set(rows)
    assert rows["best-split"]["apps"][0]["rate_per_s"] <= rows["exact"]["apps"][0]["rate_per_s"] * (1.0 + 1e-9)


def test_a_method_that_does_not_know_the_objective_is_refused() -> None:
    ran = run("plan", *INPUTS, "--objective", "rate", "--method", "gamma")
    assert ran.code == 2
    assert "the method does not know the objective rate" in ran.err


def test_a_table_of_rates_has_rows_of_methods_that_find_no_plan(tmp_path: Path) -> None:
    topology = json.loads((ROOT / "small-topology.json").read_text())
    for node in topology["nodes"]:
        node["max_utilization"] = 0
    (tmp_path / "t.json").write_text(json.dumps(topology))
    inputs = (*INPUTS[:3], str(tmp_path / "t.json"), "--objective", "rate")
    ran = run("compare", *inputs, "--methods", "exact,best-split")
    assert ran.code == 0, ran.err
    heading, exact, split = ran.out.splitlines()[:3]
    assert "rate" in heading and "0 /s" in exact and "unknown" in split


def test_several_apps_refuse_to_maximise_a_rate(tmp_path: Path) -> None:
    apps = [{"name": name, "model": str(ROOT / "small.json"), "rate_per_s": 1.0} for name in "ab"]
    apps[0]["objective"] = "rate"
    (tmp_path / "w.json").write_text(json.dumps({"schema_version": "1", "apps": apps}))
    ran = run("plan", "--workload", str(tmp_path / "w.json"), "--topology", str(ROOT / "small-topology.json"))
    assert ran.code == 2
    assert "the workload's objective may be power, latency, accuracy or a metric" in ran.err


def test_states_refuse_an_objective_that_is_maximised(tmp_path: Path) -> None:
    states = {"schema_version": "1", "name": "s", "conditions": [{"name": "down", "lost_nodes": ["cloud"]}]}
    (tmp_path / "s.json").write_text(json.dumps(states))
    ran = run("adapt", *INPUTS, "--objective", "rate", "--states", str(tmp_path / "s.json"), "-o", str(tmp_path / "p"))
    assert ran.code == 2, ran.err
    assert "minimised" in ran.err
