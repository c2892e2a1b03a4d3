"""`planner check`: what stands, what was tampered with, and what is no placement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import two_apps
from command_line import MODEL, SMALL, refused, run, run_apart, write

from planner.commands.inputs import read_planned
from planner.commands.options import Limits, Sources


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    assert run("plan", *SMALL, "--output", path).code == 0
    return path


def test_check_accepts_what_plan_wrote(planned: Path) -> None:
    ran = run("check", planned, *SMALL)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"{planned}: stands (optimal); energy, latency, accuracy and every limit recomputed\n"
        "not checked: that no plan is better (--prove solves again to see)\n"
    )
    assert run_apart("check", planned, *SMALL).out == ran.out


@pytest.mark.parametrize(
    ("place", "value", "found"),
    [
        ("apps.0.energy_j", 0.1, "energy_j: claims 100 mJ"),
        ("apps.0.latency_s", 0.02, "latency_s: claims 20 ms"),
        ("apps.0.accuracy", 0.99, "accuracy"),
        ("apps.0.operating_point", "half", "fractions"),
        ("apps.0.assignments.0.node", "cloud", "route"),
        ("apps.0.assignments.0.node", "nowhere", "nowhere"),
        ("apps.0.routes.0.path", ["phone", "cloud"], "route"),
        ("apps.0.routes", [], "route"),
        ("apps.0.breakdown.compute_j", 0.0, "breakdown.compute_j"),
        ("apps.0.name", "other", "other"),
        ("total.energy_j", 0.1, "total.energy_j"),
        ("total.nodes_used", 3, "total.nodes_used"),
        ("certificate.lower_bound", 0.2, "certificate.lower_bound"),
        ("certificate.relative_gap", 0.5, "certificate.relative_gap"),
        ("certificate.objective", "latency_s", "certificate"),
        ("status", "infeasible", "status"),
        ("apps", [], "apps"),
    ],
)
def test_check_rejects_what_was_tampered_with(planned: Path, place: str, value: object, found: str) -> None:
    raw = json.loads(planned.read_text(encoding="utf-8"))
    spot: Any = raw
    *way, last = place.split(".")
    for part in way:
        spot = spot[int(part) if part.isdigit() else part]
    assert spot[last] != value
    spot[last] = value
    ran = run("check", write(planned, raw), *SMALL)
    assert (ran.code, ran.err) == (1, "")
    assert all(line.startswith("broken: ") for line in ran.out.splitlines())
    assert found in ran.out


def test_check_asks_for_the_limits_of_the_request(planned: Path) -> None:
    assert run("check", planned, *SMALL, "--max-latency", "28ms").code == 0
    ran = run("check", planned, *SMALL, "--max-latency", "27ms")
    assert ran.code == 1
    assert "broken: app: max_latency_s: " in ran.out
    assert run("check", planned, *SMALL, "--pin", "a=edge").code == 1


def test_check_of_a_plan_that_is_proved_within_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert run("plan", *SMALL, "--method", "exact", "--output", path).code == 0
    raw = json.loads(path.read_text(encoding="utf-8"))
    energy = raw["apps"][0]["energy_j"]
    raw["certificate"].update(lower_bound=0.96 * energy, relative_gap=1 - 0.96)
    write(path, raw)
    assert run("check", path, *SMALL).code == 1
    assert run("check", path, *SMALL, "--gap", "5%").code == 0


def test_check_refuses_files_that_are_no_placements(planned: Path) -> None:
    raw = json.loads(planned.read_text(encoding="utf-8"))
    raw["apps"][0]["energy"] = raw["apps"][0].pop("energy_j")
    message = refused("check", write(planned, raw), *SMALL)
    assert "apps[0].energy: unknown field" in message
    assert "apps[0].energy_j: required field is missing" in message
    assert "the file is a model, not a placement" in refused("check", MODEL, *SMALL)


@pytest.mark.parametrize(("option", "value"), [("--source", "moon"), ("--destination", "moon"), ("--pin", "a=moon")])
def test_check_refuses_names_that_the_topology_does_not_have(planned: Path, option: str, value: str) -> None:
    assert "no node of this name (found moon)" in refused("check", planned, *SMALL, option, value)


def test_check_does_not_pretend_to_have_checked_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert run("plan", *SMALL, "--max-latency", "1us", "--output", path).code == 3
    ran = run("check", path, *SMALL, "--max-latency", "1us")
    assert (ran.code, ran.out) == (
        0,
        f"{path}: holds no plan to check (infeasible)\n"
        "not checked: that there is no plan (--prove solves again to see)\n",
    )


@pytest.fixture
def shared(tmp_path: Path) -> tuple[Path, ...]:
    """A plan of two apps with shares beside its inputs; its options follow the path of the plan."""
    write(tmp_path / "net.json", two_apps.MODEL)
    files = {"--topology": two_apps.TOPOLOGY, "--workload": two_apps.WORKLOAD}
    paths = {option: write(tmp_path / f"{option[2:]}.json", document) for option, document in files.items()}
    plan = write(tmp_path / "plan.json", two_apps.PLACEMENT)
    return (plan, *(Path(word) for pair in paths.items() for word in pair))


def test_check_takes_all_apps_of_a_workload(shared: tuple[Path, ...]) -> None:
    """The model's path is relative to the workload file, wherever the command runs."""
    ran = run("check", *shared)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{shared[0]}: stands (optimal); energy, latency, accuracy and every limit recomputed\n")
    assert run_apart("check", *shared).out == ran.out


def test_check_names_the_app_that_does_not_stand(shared: tuple[Path, ...]) -> None:
    wrong = json.loads(json.dumps(two_apps.PLACEMENT))
    wrong["apps"][1]["shares"]["nodes"]["p2"] = 0.3
    write(shared[0], wrong)
    ran = run("check", *shared)
    assert (ran.code, ran.err) == (1, "")
    assert "broken: mic: stability: the queue at p2 takes 0.4, more than 0.3\n" in ran.out
    assert "cam" not in ran.out


def test_check_of_one_app_wants_a_plan_of_that_app(shared: tuple[Path, ...]) -> None:
    ran = run("check", *shared, "--app", "mic")
    assert ran.code == 1
    assert "broken: cam: apps: no app of this name was asked for\n" in ran.out
    assert "no app of this name" in refused("check", *shared, "--app", "nose")


def test_check_reads_the_model_of_every_app(shared: tuple[Path, ...]) -> None:
    workload_path = shared[-1]
    raw = json.loads(json.dumps(two_apps.WORKLOAD))
    raw["apps"][1]["model"] = "gone.json"
    write(workload_path, raw)
    assert str(workload_path.parent / "gone.json") in refused("check", *shared)


def test_a_model_of_several_apps_is_read_once(shared: tuple[Path, ...]) -> None:
    _, _, topology, _, path = shared
    asked = read_planned(Sources(topology, workload=path), Limits())
    assert [app.name for app, _ in asked.apps] == ["cam", "mic"]
    assert asked.apps[0][1] is asked.apps[1][1]
    assert set(asked.inputs) == {"topology.json", "workload.json", "net.json"}


def test_prove_solves_again(planned: Path) -> None:
    ran = run("check", planned, *SMALL, "--prove")
    assert ran.code == 0
    assert ran.out.splitlines()[1] == "solved again: no plan within the limits is below 118 mJ"


def forged(planned: Path, method: str) -> Path:
    """Write the plan of a baseline that claims to be optimal."""
    assert run("plan", *SMALL, "--method", method, "--output", planned).code == 0
    raw = json.loads(planned.read_text(encoding="utf-8"))
    value = raw["apps"][0]["energy_j"]
    raw["status"], raw["certificate"] = "optimal", {"lower_bound": value, "relative_gap": 0, "objective": "energy_j"}
    planned.write_text(json.dumps(raw), encoding="utf-8")
    return planned


def test_prove_finds_a_plan_that_is_not_optimal(planned: Path) -> None:
    path = forged(planned, "edge-only")
    assert run("check", path, *SMALL).code == 0
    ran = run("check", path, *SMALL, "--prove")
    assert ran.code == 1
    assert "is wrong: there is a plan of 118 mJ" in ran.out


def test_prove_finds_a_plan_where_none_was_said_to_be(planned: Path) -> None:
    assert run("plan", *SMALL, "--max-latency", "1us", "--output", planned).code == 3
    assert "not checked: that there is no plan" in run("check", planned, *SMALL, "--max-latency", "1us").out
    again = run("check", planned, *SMALL, "--max-latency", "1us", "--prove")
    assert (again.code, again.out.splitlines()[1]) == (0, "solved again: there is no plan within the limits")
    ran = run("check", planned, *SMALL, "--max-latency", "1s", "--prove")  # overrides what the plan was asked
    assert ran.code == 1
    assert "broken: infeasible, but there is a plan of 118 mJ" in ran.out


def test_strict_refuses_inputs_that_have_changed(planned: Path, tmp_path: Path) -> None:
    assert run("check", planned, *SMALL, "--strict").code == 0
    spaced = tmp_path / MODEL.name
    spaced.write_text(MODEL.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    changed = ("--model", spaced, *SMALL[2:])
    assert run("check", planned, *changed).code == 0
    ran = run("check", planned, *changed, "--strict")
    assert ran.code == 1
    assert f"broken: provenance: {MODEL.name} has changed since the plan was made" in ran.out


def test_check_takes_the_design_of_operating_points_that_the_plan_was_made_with(tmp_path: Path) -> None:
    exits = {"e0": {"exited": [60, 30], "correct": [57, 30]}, "e1": {"exited": [80, 50], "correct": [70, 48]}}
    model, topology = tmp_path / "m.json", tmp_path / "t.json"
    write(
        model,
        {
            "schema_version": "1",
            "name": "m",
            "input_bits": 1,
            "blocks": [{"name": "b0", "ops": 1e6}, {"name": "b1", "ops": 1e6}],
            "exits": [{"name": "e0", "after": "b0"}, {"name": "e1", "after": "b1"}],
            "calibration": {"samples": 100, "thresholds": [0.5, 0.9], "exits": exits},
        },
    )
    nodes = [{"name": "n", "ops_per_s": 1e9, "j_per_op": 1e-9}]
    write(topology, {"schema_version": "1", "name": "t", "nodes": nodes})
    inputs = ("--model", model, "--topology", topology)
    for thresholds in ("common", "per-exit"):
        path = tmp_path / f"{thresholds}.json"
        assert run("plan", *inputs, "--thresholds", thresholds, "--output", path).code == 0
        assert run("check", path, *inputs, "--thresholds", thresholds, "--prove", "--strict").code == 0
