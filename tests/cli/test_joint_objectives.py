"""Objectives of all apps together on the command line: planned, checked, compared, refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import EXAMPLES, run

FILES = ("--workload", str(EXAMPLES / "small-shared.workload.json"), "--topology", str(EXAMPLES / "small-shared.json"))


def planned(tmp_path: Path, objective: str, *more: str) -> Path:
    """Plan the example for an objective and return the file of the plan."""
    plan = tmp_path / "plan.json"
    done = run("plan", *FILES, "--objective", objective, "--output", str(plan), *more)
    assert done.code == 0, done.out + done.err
    return plan


@pytest.mark.slow
def test_latency_is_planned_checked_and_proved(tmp_path: Path) -> None:
    plan = planned(tmp_path, "latency")
    held = json.loads(plan.read_text())
    assert held["status"] == "optimal"
    assert held["certificate"]["objective"] == "latency_over_limit"
    limits_s = {"camera": 0.12, "microphone": 0.25}
    worst = max(app["latency_s"] / limits_s[app["name"]] for app in held["apps"])
    assert held["total"]["latency_over_limit"] == pytest.approx(worst)
    done = run("check", str(plan), *FILES, "--objective", "latency", "--prove")
    assert (done.code, "solved again: no plan within the limits is below" in (done.out + done.err)) == (0, True)


def test_a_plan_for_latency_is_none_for_power(tmp_path: Path) -> None:
    done = run("check", str(planned(tmp_path, "latency")), *FILES)
    assert done.code == 1
    assert "this is said of plans for latency" in (done.out + done.err)


def test_compare_has_a_column_for_the_objective() -> None:
    done = run("compare", *FILES, "--objective", "latency", "--json")
    rows = json.loads(done.out)
    assert [row["method"] for row in rows] == ["clear", "iao"]
    factors = [row["placement"]["total"]["latency_over_limit"] for row in rows]
    assert factors[0] <= factors[1]


def test_one_app_of_a_workload_with_an_objective_is_planned_for_energy_and_this_is_said(tmp_path: Path) -> None:
    apps = [{"name": name, "model": str(EXAMPLES / "small.json"), "rate_per_s": 1.0} for name in ("a", "b")]
    workload = tmp_path / "w.json"
    workload.write_text(json.dumps({"schema_version": "1", "objective": "accuracy", "apps": apps}))
    given = ("--workload", str(workload), "--topology", FILES[3])
    done = run("plan", *given, "--app", "b")
    assert done.code == 0
    assert done.err == "note: b alone is for least energy: objective accuracy of w.json is that of all apps\n"
    assert run("plan", *FILES, "--app", "camera").err == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "rate"}, "this is no objective of several apps"),
        ({"objective": "latency", "max_latency_s": None}, "weighed against its limit, and the app has none"),
        ({"objective": "latency", "own": "latency"}, "the workload has an objective for all apps"),
        ({"objective": "money"}, "w.json: objective: the topology defines no metric of this name"),
    ],
)
def test_bad_workloads_are_one_message(tmp_path: Path, changes: dict[str, str | None], message: str) -> None:
    app = {"name": "a", "model": str(EXAMPLES / "small.json"), "rate_per_s": 1.0, "max_latency_s": 1.0}
    if "max_latency_s" in changes:
        del app["max_latency_s"]
    if "own" in changes:
        app["objective"] = "latency"
    workload = tmp_path / "w.json"
    workload.write_text(json.dumps({"schema_version": "1", "objective": changes["objective"], "apps": [app]}))
    done = run("plan", "--workload", str(workload), "--topology", FILES[3])
    assert done.code == 2
    assert message in (done.out + done.err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plan", "--method", "milp", "--objective", "latency"), "does not know the objective latency"),
        (("plan", "--method", "iao"), "does not know the objective power"),
        (("plan", "--app", "camera", "--objective", "latency"), "one app is chosen"),
        (("compare", "--trace", "--objective", "latency"), "is for least power, not for latency"),
    ],
)
def test_what_does_not_know_the_objective_says_so(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments, *FILES)
    assert done.code == 2
    assert message in (done.out + done.err).replace("\n", " ")


def test_without_a_plan_the_limits_are_said_and_no_other_objective(tmp_path: Path) -> None:
    app = {"name": "a", "model": str(EXAMPLES / "small.json"), "rate_per_s": 1.0, "max_energy_j": 0.0}
    workload = tmp_path / "w.json"
    workload.write_text(json.dumps({"schema_version": "1", "objective": "accuracy", "apps": [app]}))
    done = run("plan", "--workload", str(workload), "--topology", FILES[3])
    assert done.code == 3
    assert done.err.splitlines()[-1] == "asked     energy at most 0 J, 1 inference per second"


def test_accuracy_is_planned_with_an_upper_bound(tmp_path: Path) -> None:
    plan = planned(tmp_path, "accuracy")
    held = json.loads(plan.read_text())
    rates = {"camera": 5.0, "microphone": 2.0}
    mean = sum(rates[app["name"]] * app["accuracy"] for app in held["apps"]) / 7.0
    assert held["total"]["mean_accuracy"] == pytest.approx(mean)
    assert held["certificate"]["upper_bound"] == pytest.approx(mean)
    assert "lower_bound" not in held["certificate"]
    done = run("check", str(plan), *FILES, "--objective", "accuracy", "--prove")
    assert (done.code, "no plan within the limits is above" in done.out) == (0, True)


@pytest.mark.parametrize(
    ("objective", "words"), [("latency", "largest latency over its limit"), ("accuracy", "accuracy")]
)
def test_pages_show_the_objective_and_its_bound(tmp_path: Path, objective: str, words: str) -> None:
    page = tmp_path / "page.html"
    files = ("--objective", objective, *FILES, "--output", str(page))
    done = run("report", str(planned(tmp_path, objective)), *files)
    assert done.code == 0, done.err
    text = page.read_text(encoding="utf-8")
    assert words in text
    assert "proved bound" in text


def test_an_unknown_metric_is_one_message(tmp_path: Path) -> None:
    done = run("plan", *FILES, "--objective", "money")
    assert done.code == 2
    assert "error: --objective: the topology defines no metric of this name" in done.err
    plan = tmp_path / "plan.json"
    assert run("plan", *FILES, "--app", "camera", "-o", plan).code == 0
    done = run("check", plan, *FILES, "--objective", "money")
    assert (done.code, done.err.count("error:")) == (2, 1)
    assert "error: --objective: the topology defines no metric of this name" in done.err
    done = run("plan", "--model", EXAMPLES / "small.json", *FILES[2:], "--objective", "Energy")
    assert (done.code, done.err.count("error:")) == (2, 1)
    assert "did you mean 'energy'?" in done.err
