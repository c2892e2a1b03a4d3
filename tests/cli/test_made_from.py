"""`check` and `report` find the inputs of a placement by the names and hashes that it holds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import EXAMPLES, MODEL, TOPOLOGY, refused, run


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A placement in a folder with copies of its inputs."""
    model, topology = (Path(shutil.copy(path, tmp_path)) for path in (MODEL, TOPOLOGY))
    plan = tmp_path / "plan.json"
    assert run("plan", "--model", model, "--topology", topology, "-o", plan).code == 0
    return plan


def test_inputs_beside_the_placement_are_found(made: Path) -> None:
    ran = run("check", made)
    assert (ran.code, ran.err) == (0, "")
    assert "stands (optimal)" in ran.out
    page = made.parent / "plan.html"
    assert run("report", made, "-o", page).code == 0
    assert page.stat().st_size > 10_000


def test_inputs_in_the_current_folder_are_found(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    raw = json.loads(made.read_text(encoding="utf-8"))
    del raw["provenance"]["files"]
    moved = apart / "plan.json"
    moved.write_text(json.dumps(raw), encoding="utf-8")
    assert "not found: small-topology.json, small.json" in refused("check", moved)
    monkeypatch.chdir(tmp_path)
    assert run("check", moved).code == 0


def test_inputs_are_found_by_the_paths_that_they_were_given_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets" / "small").mkdir(parents=True)
    shutil.copy(MODEL, tmp_path / "nets" / "small" / "model.json")
    shutil.copy(TOPOLOGY, tmp_path / "nets" / "t.json")
    monkeypatch.chdir(tmp_path)
    assert run("plan", "--model", "nets/small", "--topology", "nets/t.json", "-o", "plan.json").code == 0
    files = json.loads(Path("plan.json").read_text(encoding="utf-8"))["provenance"]["files"]
    assert files == {"model.json": "nets/small/model.json", "t.json": "nets/t.json"}
    assert run("check", "plan.json").code == 0
    monkeypatch.chdir(tmp_path / "nets")
    assert run("check", "../plan.json").code == 0
    shutil.rmtree(tmp_path / "nets" / "small")
    assert "not found: nets/small/model.json" in refused("check", "../plan.json")


def test_several_bundles_are_found_by_their_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, file in (("fp32", "small.json"), ("int8", "small-int8.json")):
        (tmp_path / folder).mkdir()
        shutil.copy(EXAMPLES / file, tmp_path / folder / "model.json")
    monkeypatch.chdir(tmp_path)
    models = ("--model", "fp32", "--model", "int8")
    assert run("plan", *models, "--topology", str(EXAMPLES / "small-topology.json"), "-o", "plan.json").code == 0
    assert json.loads(Path("plan.json").read_text(encoding="utf-8"))["apps"][0]["model"] == "fp32"
    assert run("check", "plan.json").code == 0
    assert run("report", "plan.json", "-o", "plan.html").code == 0


def test_workloads_are_found_with_their_models(tmp_path: Path) -> None:
    names = ("small-shared.workload.json", "small-shared.json", "small.json")
    for path in EXAMPLES.glob("*.json"):
        shutil.copy(path, tmp_path)
    plan = tmp_path / "plan.json"
    given = ("--workload", tmp_path / names[0], "--topology", tmp_path / names[1])
    assert run("plan", *given, "--method", "alone", "-o", plan).code == 0
    assert run("check", plan).code == 0


def test_a_changed_input_is_said_and_used(made: Path) -> None:
    topology = made.parent / "small-topology.json"
    raw = json.loads(topology.read_text(encoding="utf-8"))
    for node in raw["nodes"]:
        node["ops_per_s"] /= 2
    topology.write_text(json.dumps(raw), encoding="utf-8")
    ran = run("check", made)
    assert ran.code == 1
    assert "small-topology.json has changed since the plan was made" in ran.err
    assert "broken: app: latency_s" in ran.out


def test_flags_override_what_the_placement_names(made: Path, tmp_path: Path) -> None:
    (tmp_path / "small.json").unlink()
    assert f"not found: {tmp_path / 'small.json'}" in refused("check", made)
    assert run("check", made, "--model", MODEL, "--topology", TOPOLOGY).code == 0
    assert run("check", made, "--model", MODEL).code == 0


def test_limits_are_those_that_the_plan_was_made_with(made: Path) -> None:
    plan, given = made.parent / "quick.json", ("--model", made.parent / "small.json")
    options = ("--topology", made.parent / "small-topology.json", "--max-latency", "30ms", "--pin", "a=phone")
    assert run("plan", *given, *options, "-o", plan).code == 0
    limits = json.loads(plan.read_text(encoding="utf-8"))["provenance"]["limits"]
    assert limits == {"max_latency_s": 0.03, "pin": ["a=phone"]}
    assert run("check", plan).code == 0
    ran = run("check", plan, "--max-latency", "1ms")
    assert ran.code == 1
    assert "max_latency_s: the plan takes 27.56 ms, more than 1 ms" in ran.out
    page = made.parent / "quick.html"
    assert run("report", plan, "-o", page).code == 0
    assert "limit 30 ms" in page.read_text(encoding="utf-8")


def test_one_app_of_a_workload_is_found_again(tmp_path: Path) -> None:
    for path in EXAMPLES.glob("small*.json"):
        shutil.copy(path, tmp_path)
    plan = tmp_path / "plan.json"
    given = ("--workload", tmp_path / "small-shared.workload.json", "--topology", tmp_path / "small-shared.json")
    assert run("plan", *given, "--app", "camera", "-o", plan).code == 0
    assert run("check", plan).code == 0
    ran = run("check", plan, "--model", tmp_path / "small.json", *given[2:])
    assert (ran.code, ran.out) == (
        1,
        "broken: app: apps: planned 0 times, not once\nbroken: camera: apps: no app of this name was asked for\n",
    )
