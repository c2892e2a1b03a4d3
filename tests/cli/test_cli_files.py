"""Files of the command line: models, topologies and workloads that go in, and placements that come out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import (
    EXAMPLES,
    MODEL,
    SMALL,
    TOPOLOGY,
    Json,
    names_in,
    refused,
    run,
    run_apart,
    without_timing,
    write,
)

from planner.schemas import Placement, read_document

# Input files


def test_all_problems_of_a_file_are_shown_with_path_and_fix(tmp_path: Path) -> None:
    raw = json.loads(MODEL.read_text(encoding="utf-8"))
    raw["blocks"][0]["ops"] = "50ms"
    raw["blocks"][1]["opps"] = 1
    raw["exits"][0]["after"] = "nowhere"
    path = write(tmp_path / "bad.json", raw)
    lines = refused("plan", "--model", path, "--topology", TOPOLOGY).splitlines()
    assert [line.split(": ")[:3] for line in lines] == [
        ["error", str(path), "blocks[0].ops"],
        ["error", str(path), "blocks[1].opps"],
        ["error", str(path), "exits[0].after"],
    ]
    assert '(found "50ms")' in lines[0]
    assert "did you mean 'ops'?" in lines[1]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"a": 1, "a": 2}', b"[" * 100_000, b"[]", b"null"])
def test_files_that_are_no_json_documents_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    for options in (("--model", path, "--topology", TOPOLOGY), ("--model", MODEL, "--topology", path)):
        assert str(path) in refused("plan", *options)
    assert str(path) in refused("plan", "--workload", path, "--topology", TOPOLOGY)
    assert str(path) in refused("check", path, *SMALL)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    assert "No such file" in refused("plan", "--model", missing, "--topology", TOPOLOGY)
    assert "No such file" in refused("plan", "--model", MODEL, "--topology", missing)
    assert "No such file" in refused("plan", "--workload", missing, "--topology", TOPOLOGY)
    assert "No such file" in refused("check", missing, *SMALL)
    assert "model.json: cannot read the file" in refused("plan", "--model", tmp_path, "--topology", TOPOLOGY)


def test_a_path_that_no_system_takes_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "w.json", {"schema_version": "1", "apps": [{"model": "a\0b.json"}]})
    assert "cannot read the file (embedded null byte)" in refused("plan", "--workload", path, "--topology", TOPOLOGY)


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--model", "LONG", "--topology", TOPOLOGY),
        ("report", "LONG", "-o", "page.html"),
        ("bench", EXAMPLES / "small.suite.toml", "-o", "LONG"),
        ("profile", "LONG", "--hardware", "phone"),
        ("export", "LONG", "-o", "rows.csv"),
        ("calibrate", "LONG", "--model", "LONG", "--topology", TOPOLOGY, "-o", "net"),
        ("fleet", "LONG", "--topology", TOPOLOGY, "-o", "plan.json"),
    ],
    ids=lambda words: words[0],
)
def test_names_that_no_file_can_have_are_refused(
    words: tuple[str | Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "n" * 200 in refused(*("n" * 300 if word == "LONG" else word for word in words))


def test_a_placement_whose_files_have_names_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert run("plan", *SMALL, "-o", path).code == 0
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["provenance"]["files"] = dict.fromkeys(raw["provenance"]["files"], "n" * 300)
    raw["provenance"]["inputs"] = dict.fromkeys(["n" * 300], next(iter(raw["provenance"]["inputs"].values())))
    assert "--model" in refused("check", write(path, raw))


def test_a_model_on_hardware_that_it_does_not_profile_is_refused(tmp_path: Path) -> None:
    raw = json.loads(TOPOLOGY.read_text(encoding="utf-8"))
    raw["nodes"][0] = {"name": "phone", "tier": "mobile", "hardware": "npu"}
    message = refused("plan", "--model", MODEL, "--topology", write(tmp_path / "t.json", raw))
    assert "node phone" in message
    assert "npu" in message


# Workloads


def workload(folder: Path, *apps: Json) -> Path:
    (folder / "small.json").write_bytes(MODEL.read_bytes())
    document = {"schema_version": "1", "apps": [{"model": "small.json", **entry} for entry in apps]}
    return write(folder / "w.json", document)


def test_a_workload_says_the_same_as_limits(tmp_path: Path) -> None:
    """The model's path is relative to the workload file, wherever the command runs."""
    path = workload(tmp_path, {"max_latency_s": 0.025, "min_accuracy": 0.9, "pin": {"a": ["phone"]}, "latency": "mean"})
    by_file = run_apart("plan", "--workload", path, "--topology", TOPOLOGY, "--json", cwd=tmp_path.parent)
    assert by_file.code == 0
    limits = ("--max-latency", "25ms", "--min-accuracy", "0.9", "--pin", "a=phone", "--latency", "mean")
    by_hand = without_timing(run("plan", *SMALL, *limits, "--json").out)
    raw = without_timing(by_file.out)
    assert set(raw["provenance"].pop("inputs")) == {"w.json", "small.json", "small-topology.json"}
    del by_hand["provenance"]["inputs"], by_hand["provenance"]["files"], raw["provenance"]["files"]
    assert set(by_hand["provenance"].pop("limits")) == {"max_latency_s", "min_accuracy", "pin", "latency"}
    assert raw == by_hand


def test_several_apps_are_chosen_from_by_name(tmp_path: Path) -> None:
    path = workload(tmp_path, {"name": "cam"}, {"name": "ear", "min_accuracy": 0.78})
    options = ("--workload", path, "--topology", TOPOLOGY)
    message = refused("plan", *options)  # the apps are planned together, and none has a rate
    assert "app cam: rate_per_s" in message
    assert "app ear: rate_per_s" in message
    states = write(tmp_path / "states.json", {"schema_version": "1", "name": "s", "conditions": []})
    message = refused("adapt", *options, "--states", states)
    assert "has 2 apps" in message
    assert "--app: " in message
    assert "choose one of cam, ear" in message
    assert "no app of this name" in refused("plan", *options, "--app", "nose")
    raw = json.loads(run("plan", *options, "--app", "ear", "--json").out)
    assert [(plan["name"], plan["operating_point"]) for plan in raw["apps"]] == [("ear", "short")]


@pytest.mark.parametrize(
    "option",
    [
        ("--max-latency", "1s"), ("--source", "phone"), ("--destination", "phone"), ("--rate", "0"),
        ("--latency", "mean"), ("--min-accuracy", "0"), ("--max-energy", "1J"),
        ("--pin", "a=phone"),
    ],
)  # fmt: skip
def test_limits_stand_in_the_workload_or_on_the_command_line(tmp_path: Path, option: tuple[str, str]) -> None:
    message = refused("plan", "--workload", workload(tmp_path, {}), "--topology", TOPOLOGY, *option)
    assert "limits stand in the workload file and on the command line" in message
    assert f"leave out {option[0]}" in message


def test_a_workload_with_a_missing_model_says_which(tmp_path: Path) -> None:
    path = write(tmp_path / "w.json", {"schema_version": "1", "apps": [{"model": "gone.json"}]})
    assert str(tmp_path / "gone.json") in refused("plan", "--workload", path, "--topology", TOPOLOGY)


# Output files


def test_output_holds_what_json_prints(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")
    ran = run("plan", *SMALL, "-o", path, "--json")
    assert ran.code == 0
    assert path.read_text(encoding="utf-8") == ran.out
    assert names_in(tmp_path) == ["plan.json"]


def test_an_infeasible_answer_is_written_too(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert run("plan", *SMALL, "--max-latency", "1us", "--output", path).code == 3
    assert read_document(path, Placement)[0].status == "infeasible"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--model", "none.json", "--topology", TOPOLOGY),
        (*SMALL, "--source", "nobody"),
        (*SMALL, "--max-latency", "fast"),
        (*SMALL, "--method", "magic"),
        (*SMALL, "--workload", "w.json"),
    ],
)
def test_bad_input_leaves_an_existing_file_alone(tmp_path: Path, arguments: tuple[object, ...]) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b"old\r\n\x00")
    refused("plan", *arguments, "--output", path)
    assert path.read_bytes() == b"old\r\n\x00"
    assert names_in(tmp_path) == ["plan.json"]


PLACES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing folder": (lambda folder: folder / "none" / "plan.json", "No such file or directory"),
    "a folder": (lambda folder: folder, "it is a folder"),
    "below a file": (lambda folder: folder / "file" / "plan.json", "Not a directory"),
    "too long": (lambda folder: folder / ("n" * 300), "File name too long"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "file").write_text("old", encoding="utf-8")
    monkeypatch.setattr("planner.pipeline.one_app.solve", lambda _: pytest.fail("work was done"))
    path_in, reason = PLACES[place]
    message = refused("plan", *SMALL, "--output", path_in(tmp_path))
    assert "cannot write the output" in message
    assert reason in message
    assert names_in(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "old"


def test_a_write_protected_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere, so there the system's answer is made up."""
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o444)
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "access", lambda place, mode, **_: mode != os.W_OK or Path(place) != path)
    assert "write-protected" in refused("plan", *SMALL, "--output", path)
    assert path.read_text(encoding="utf-8") == "old"
    assert names_in(tmp_path) == ["plan.json"]


ESCAPES = "\x1b]0;PWNED\x07\x1b[31m\x1b[2J"
FAKED = "full\nbound     no plan within the limits is below 1 nJ (gap 0 %)\rX"


@pytest.mark.slow
def test_names_never_steer_a_terminal_or_fake_a_line(tmp_path: Path) -> None:
    model = json.loads(MODEL.read_text(encoding="utf-8"))
    model["blocks"][0]["name"] = ESCAPES
    model["operating_points"][0]["name"] = FAKED
    path = write(tmp_path / "m\x1b[2J.json", model)
    given = ("--model", path, "--topology", TOPOLOGY)
    plan, page = tmp_path / "plan\r.json", tmp_path / "p\n.html"
    outputs = [
        run("plan", *given, "-o", plan), run("plan", *given, "--json"), run("plan", *given, "--max-latency", "1us"),
        run("compare", *given), run("pareto", *given), run("pareto", *given, "--csv"), run("check", plan, *given),
        run("check", plan, *SMALL), run("report", plan, *given, "-o", page), run("plan", *given, "--pin", "\x1b=edge"),
        run("plan", *given, "--source", "\x1bnobody"), run("plan", "--model", tmp_path / "\x1b", *given[2:]),
        run("schema", "\x1b"),
    ]  # fmt: skip
    for ran in outputs:
        assert set(ran.out + ran.err) - {"\n"} == {each for each in ran.out + ran.err if each.isprintable()}
        assert sum(line.startswith("bound ") for line in ran.out.splitlines()) <= 1
    assert "\\x1b]0;PWNED" in outputs[0].out
    assert json.loads(outputs[1].out)["apps"][0]["assignments"][0]["block"] == ESCAPES
