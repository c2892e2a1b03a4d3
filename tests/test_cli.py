"""The command line: exit codes, the two streams, files, units, names; and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import two_apps
from typer.testing import CliRunner

from fin.method import METHODS
from planner import __version__
from planner.cli import app
from planner.inputs import Limits, Sources, read_asked
from planner.violations import Violation
from schemas import Placement, check_document, read_document
from schemas.export import DOCUMENTS, json_schema

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
MODEL, TOPOLOGY = EXAMPLES / "small.json", EXAMPLES / "small-topology.json"
SMALL = ("--model", str(MODEL), "--topology", str(TOPOLOGY))
Json = dict[str, Any]


class Ran:
    """What a run left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        assert "Traceback" not in out + err
        self.code, self.out, self.err = code, out, err


def run(*arguments: object) -> Ran:
    """Run a command in this process; an exception that gets out is a failure."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def run_apart(*arguments: object, cwd: Path = ROOT, stdout: Any = subprocess.PIPE) -> Ran:
    """Run ``python -m planner`` as users do."""
    command = [sys.executable, "-m", "planner", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    return Ran(done.returncode, done.stdout or "", done.stderr)


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def without_timing(text: str) -> Json:
    raw: Json = json.loads(text)
    assert raw.pop("timing")
    return raw


def refused(*arguments: object) -> str:
    """Run a command that must be refused, and return its message."""
    ran = run(*arguments)
    assert ran.code == 2, ran.err
    assert ran.out == ""
    assert ran.err
    return ran.err


def one_block_per_chiplet(folder: Path, blocks: int) -> tuple[object, ...]:
    """Write a package of nine chiplets that hold one block each: without a search nobody knows what fits."""
    model = {
        "schema_version": "1", "name": "chain", "input_bits": 8.0,
        "blocks": [{"name": f"b{i}", "ops": 10.0, "param_bytes": 1.0, "output_bits": 8.0} for i in range(blocks)],
        "exits": [{"name": "out", "after": f"b{blocks - 1}"}],
        "operating_points": [{"name": "all", "exit_fractions": {"out": 1.0}, "accuracy": 0.9}],
    }  # fmt: skip
    package = {
        "name": "p", "rows": 3, "cols": 3, "gateways": [[0, 0]],
        "chiplet": {"ops_per_s": 10.0, "j_per_op": 0.1, "memory_bytes": 1.0},
        "interposer": {"bit_per_s": 80.0, "j_per_bit": 0.01},
        "gateway_link": {"bit_per_s": 80.0, "j_per_bit": 0.01},
    }  # fmt: skip
    topology = {"schema_version": "1", "name": "p", "packages": [package]}
    model_path, topology_path = write(folder / "chain.json", model), write(folder / "package.json", topology)
    return "--model", model_path, "--topology", topology_path, "--source", "p[0,0]"


# Exit codes and streams


def test_a_plan_goes_to_standard_output() -> None:
    ran = run("plan", *SMALL)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("optimal: 118 mJ, 27.56 ms, accuracy 0.92\n")


def test_the_module_runs_as_a_program() -> None:
    ran = run_apart("plan", "--model", "examples/small.json", "--topology", "examples/small-topology.json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == run("plan", *SMALL).out


def test_json_is_a_placement_and_nothing_else() -> None:
    ran = run("plan", *SMALL, "--json")
    assert (ran.code, ran.err) == (0, "")
    placement = check_document(json.loads(ran.out), Placement)
    assert placement.status == "optimal"
    assert placement.total is not None
    assert placement.total.energy_j == pytest.approx(0.11801, rel=1e-9)
    assert placement.provenance is not None
    hashes = {
        path.name: read_document(path, DOCUMENTS[kind])[1] for path, kind in ((MODEL, "model"), (TOPOLOGY, "topology"))
    }
    assert placement.provenance.inputs == hashes
    assert placement.provenance.method == "exact"


def test_no_plan_is_code_3_with_the_reasons_on_the_error_stream() -> None:
    ran = run("plan", *SMALL, "--max-latency", "1us")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith(
        "infeasible: no plan for 'app': the least worst latency is 0.018801 s, the limit 1e-06 s\n"
    )


def test_no_plan_as_json_names_every_limit() -> None:
    ran = run("plan", *SMALL, "--max-latency", "17ms", "--max-energy", "130mJ", "--json")
    assert ran.code == 3
    placement = check_document(json.loads(ran.out), Placement)
    assert placement.status == "infeasible"
    assert placement.apps == ()
    assert placement.diagnosis is not None
    best = {row.kind: row.best for row in placement.diagnosis.limits}
    assert best["latency"] == pytest.approx(0.018801, rel=1e-6)
    assert best["accuracy"] == 0.78
    assert "infeasible: no plan" in ran.err


def test_no_answer_in_time_is_code_4(tmp_path: Path) -> None:
    problem = one_block_per_chiplet(tmp_path, 10)
    ran = run("plan", *problem, "--time-limit", "0s")
    assert (ran.code, ran.out) == (4, "")
    assert "unknown: no plan was found" in ran.err
    assert "the time limit came before the proof" in ran.err
    ran = run("plan", *problem, "--time-limit", "0s", "--json")
    assert ran.code == 4
    placement = check_document(json.loads(ran.out), Placement)
    assert placement.status == "unknown"
    assert placement.certificate is not None
    assert placement.certificate.relative_gap is None
    assert placement.certificate.lower_bound <= 10 + 0.08 * 9
    assert run("plan", *problem).code == 3


def test_an_unverified_plan_is_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [Violation("app", "energy_j", 1.0, 2.0, "J", "claims 1 J, is 2")]
    monkeypatch.setattr("planner.pipeline.verify", lambda *_: broken)
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")
    ran = run("plan", *SMALL, "--output", path)
    assert (ran.code, ran.out) == (1, "")
    assert "internal error" in ran.err
    assert "energy_j: claims 1 J, is 2" in ran.err
    assert path.read_text(encoding="utf-8") == "old"
    assert names_in(tmp_path) == ["plan.json"]


def test_too_little_memory_is_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("planner.requests.answer", exhausted)
    ran = run("plan", *SMALL)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: not enough memory")


def test_help_and_version() -> None:
    for command in ("plan", "compare", "check", "schema"):
        ran = run(command, "--help")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("Usage:")
    assert run("--version").out == f"planner {__version__}\n"
    listed = run("--help").out
    assert all(command in listed for command in ("plan", "compare", "check", "schema"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Usage:"),
        (("fly",), "No such command 'fly'"),
        (("plan",), "Missing option '--topology'"),
        (("plan", "--bogus"), "No such option"),
        (("plan", *SMALL, "extra"), "unexpected extra argument"),
        (("plan", *SMALL, "--rate", "often"), "Invalid value for '--rate'"),
        (("plan", *SMALL, "--gamma", "0"), "Invalid value for '--gamma'"),
        (("plan", "--topology", TOPOLOGY), "give one of --model and --workload"),
        (("plan", *SMALL, "--workload", "w.json"), "give one of --model and --workload"),
        (("check", "--topology", TOPOLOGY), "Missing argument"),
        (("schema", "placements"), "there is no such format"),
    ],
)
def test_bad_usage_is_code_2(arguments: tuple[object, ...], message: str) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert message in ran.out + ran.err


def test_results_do_not_change_from_run_to_run() -> None:
    arguments = ("plan", *SMALL, "--destination", "phone", "--min-accuracy", "0.8", "--latency", "p95", "--json")
    first, second = run(*arguments), run(*arguments)
    assert first.code == 0
    assert without_timing(first.out) == without_timing(second.out)
    assert without_timing(first.out) == without_timing(run_apart(*arguments).out)


# Limits on the command line


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--max-latency", "fast"), ("--max-latency", "not a number with the unit s", '"fast"', "50ms")),
        (("--max-latency", "50mJ"), ("--max-latency", "not a number with the unit s")),
        (("--max-latency", "-1ms"), ("--max-latency", "out of range")),
        (("--max-latency", "1e999"), ("--max-latency", "out of range")),
        (("--max-latency", "0"), ("max_latency_s", "greater than 0")),
        (("--max-energy", "20ms"), ("--max-energy", "not a number with the unit J", "50mJ")),
        (("--max-energy", "-1J"), ("--max-energy", "out of range")),
        (("--min-accuracy", "80"), ("--min-accuracy", "not in [0, 1]", "80%")),
        (("--min-accuracy", "good"), ("--min-accuracy", "not a fraction")),
        (("--gap", "-1"), ("--gap", "not in [0, 1]")),
        (("--time-limit", "soon"), ("--time-limit", "not a number with the unit s")),
        (("--time-limit", "-1s"), ("--time-limit", "out of range")),
        (("--rate", "-1"), ("rate_per_s", "greater than or equal to 0")),
        (("--rate", "nan"), ("rate_per_s", "finite")),
        (("--rate", "inf"), ("rate_per_s", "finite")),
        (("--latency", "median"), ("latency", "percentile such as p95")),
        (("--latency", "p0"), ("latency", "0th percentile")),
        (("--objective", "speed"), ("objective", "'energy' or 'latency'")),
        (("--thresholds", "each"), ("--thresholds", "common or per-exit")),
        (("--method", "magic"), ("method", "no such method", "exact, gamma")),
        (("--source", "laptop"), ("source", "no node of this name", "laptop", "cloud, edge, phone")),
        (("--source", ""), ("source", "at least 1 character")),
        (("--destination", "laptop"), ("destination", "no node of this name", "laptop")),
        (("--pin", "a"), ("--pin", "BLOCK=NODE")),
        (("--pin", "a="), ("--pin", "BLOCK=NODE")),
        (("--pin", "=phone"), ("--pin", "not a pin", "BLOCK=NODE")),
        (("--pin", "z=phone"), ("pin.z", "no block of this name", "a, b, c, d")),
        (("--pin", "a=laptop"), ("pin.a", "no node of this name", "laptop")),
        (("--pin", "a=phone,,edge"), ("pin.a[1]", "at least 1 character")),
        (("--pin", "a=phone", "--pin", "a=edge"), ("--pin", "pinned twice")),
        (("--app", "cam"), ("--app", "--workload")),
    ],
)
def test_bad_limits_are_refused_by_name(options: tuple[str, ...], words: tuple[str, ...]) -> None:
    message = refused("plan", *SMALL, *options)
    assert message.startswith("error: ")
    for word in words:
        assert word in message


def test_names_that_are_not_there_are_reported_together() -> None:
    lines = refused("plan", *SMALL, "--source", "x", "--destination", "y", "--pin", "z=w").splitlines()
    assert len(lines) == 4
    assert all(line.startswith("error: app app: ") for line in lines)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        (("--max-latency", "25ms"), ("--max-latency", "0.025")),
        (("--max-latency", "25000us"), ("--max-latency", "0.025s")),
        (("--max-energy", "120mJ"), ("--max-energy", "0.12")),
        (("--min-accuracy", "90%"), ("--min-accuracy", "0.9")),
        (("--gap", "5%"), ("--gap", "0.05")),
    ],
)
def test_units_are_understood(written: tuple[str, str], same: tuple[str, str]) -> None:
    first, second = (run("plan", *SMALL, *options, "--json") for options in (written, same))
    assert first.code == 0
    assert without_timing(first.out) == without_timing(second.out)


def test_a_chiplet_can_be_pinned_by_its_name() -> None:
    mcm = ("--model", EXAMPLES / "small.json", "--topology", EXAMPLES / "mcm.json")
    ran = run("plan", *mcm, "--pin", "b=mcm0[5,1]", "--pin", "c=mcm0[5,1],mcm0[5,2]", "--json")
    (plan,) = check_document(json.loads(ran.out), Placement).apps
    nodes = {assignment.block: assignment.node for assignment in plan.assignments}
    assert nodes["b"] == "mcm0[5,1]"
    assert nodes["c"] in ("mcm0[5,1]", "mcm0[5,2]")
    assert "found m[0,1]" in refused("plan", *SMALL, "--pin", "a=phone,m[0,1]")


def test_limits_are_kept() -> None:
    ran = run("plan", *SMALL, "--max-latency", "25ms", "--pin", "a=phone,edge", "--pin", "d=edge", "--json")
    placement = check_document(json.loads(ran.out), Placement)
    (plan,) = placement.apps
    nodes = {row.block: row.node for row in plan.assignments}
    assert nodes["a"] in ("phone", "edge")
    assert nodes["d"] == "edge"
    assert plan.latency_s <= 0.025
    relaxed = check_document(json.loads(run("plan", *SMALL, "--min-accuracy", "78%", "--json").out), Placement)
    assert relaxed.apps[0].operating_point == "short"


def test_a_node_without_links_is_out_of_reach(tmp_path: Path) -> None:
    raw = json.loads(TOPOLOGY.read_text(encoding="utf-8"))
    raw["nodes"].append({"name": "island", "ops_per_s": 1e9, "j_per_op": 1e-10})
    island = write(tmp_path / "t.json", raw)
    for options in (("--pin", "a=island"), ("--destination", "island"), ("--source", "island", "--pin", "a=phone")):
        ran = run("plan", "--model", MODEL, "--topology", island, *options, "--json")
        assert ran.code == 3
        diagnosis = check_document(json.loads(ran.out), Placement).diagnosis
        assert diagnosis is not None
        assert [row.kind for row in diagnosis.limits] == ["reachability"]
        assert "no links lead there" in ran.err
        assert "island" in ran.err


def test_an_io_die_hosts_no_block(tmp_path: Path) -> None:
    message = refused("plan", *one_block_per_chiplet(tmp_path, 2), "--pin", "b0=p")
    assert "I/O die hosts no block" in message
    assert "p[0,0]" in message


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
    assert "Is a directory" in refused("plan", "--model", tmp_path, "--topology", TOPOLOGY)


def test_a_path_that_no_system_takes_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "w.json", {"schema_version": "1", "apps": [{"model": "a\0b.json"}]})
    assert "cannot read the file (embedded null byte)" in refused("plan", "--workload", path, "--topology", TOPOLOGY)


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
    del by_hand["provenance"]["inputs"]
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
    assert "--app (cam, ear)" in message
    assert "no app of this name" in refused("plan", *options, "--app", "nose")
    raw = json.loads(run("plan", *options, "--app", "ear", "--json").out)
    assert [(plan["name"], plan["operating_point"]) for plan in raw["apps"]] == [("ear", "short")]


@pytest.mark.parametrize(
    "option",
    [
        ("--max-latency", "1s"), ("--source", "phone"), ("--destination", "phone"), ("--rate", "0"),
        ("--latency", "mean"), ("--min-accuracy", "0"), ("--max-energy", "1J"), ("--objective", "energy"),
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
    monkeypatch.setattr("planner.pipeline.solve", lambda _: pytest.fail("work was done"))
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


# The verifier


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    assert run("plan", *SMALL, "--output", path).code == 0
    return path


def test_check_accepts_what_plan_wrote(planned: Path) -> None:
    ran = run("check", planned, *SMALL)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{planned}: stands (optimal); energy, latency, accuracy and every limit recomputed\n"
    assert run_apart("check", planned, *SMALL).out == ran.out


@pytest.mark.parametrize(
    ("place", "value", "found"),
    [
        ("apps.0.energy_j", 0.1, "energy_j: claims 0.1 J"),
        ("apps.0.latency_s", 0.02, "latency_s: claims 0.02 s"),
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
    assert "unknown field" in refused("check", MODEL, *SMALL)


def test_check_does_not_pretend_to_have_checked_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert run("plan", *SMALL, "--max-latency", "1us", "--output", path).code == 3
    ran = run("check", path, *SMALL, "--max-latency", "1us")
    assert (ran.code, ran.out) == (0, f"{path}: holds no plan to check (infeasible)\n")


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
    assert ran.out == f"{shared[0]}: stands (optimal); energy, latency, accuracy and every limit recomputed\n"
    assert run_apart("check", *shared).out == ran.out


def test_check_names_the_app_that_does_not_stand(shared: tuple[Path, ...]) -> None:
    wrong = json.loads(json.dumps(two_apps.PLACEMENT))
    wrong["apps"][1]["shares"]["nodes"]["p2"] = 0.3
    write(shared[0], wrong)
    ran = run("check", *shared)
    assert (ran.code, ran.err) == (1, "")
    assert "broken: mic: stability: the queue at p2 takes 0.4 fraction, more than 0.3\n" in ran.out
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
    asked = read_asked(Sources(topology, workload=path), Limits())
    assert [app.name for app, _ in asked.apps] == ["cam", "mic"]
    assert asked.apps[0][1] is asked.apps[1][1]
    assert set(asked.inputs) == {"topology.json", "workload.json", "net.json"}


# Comparison and schemas


def table_of(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("│|").split("│")] for line in text.splitlines() if line.startswith("│")
    ]


def test_compare_prints_one_row_per_method() -> None:
    ran = run("compare", *SMALL)
    assert (ran.code, ran.err) == (0, "")
    rows = {row[0]: row for row in table_of(ran.out)}
    assert list(rows) == list(METHODS)
    assert len(table_of(ran.out)) == len(METHODS)
    for exact in ("exact", "ilp", "brute"):
        assert rows[exact][1:7] == ["optimal", "118 mJ", "27.56 ms", "0.92", "118 mJ", "0 %"]


def test_compare_of_some_methods() -> None:
    ran = run("compare", *SMALL, "--methods", "brute, exact")
    assert [row[0] for row in table_of(ran.out)] == ["brute", "exact"]
    for methods in ("exact,magic", "", "exact,"):
        assert "there is no such method" in refused("compare", *SMALL, "--methods", methods)


def test_compare_says_that_there_is_no_plan(tmp_path: Path) -> None:
    ran = run("compare", *SMALL, "--max-latency", "1us", "--methods", "exact,brute")
    assert ran.code == 3
    assert [row[1] for row in table_of(ran.out)] == ["infeasible", "infeasible"]
    problem = one_block_per_chiplet(tmp_path, 10)
    ran = run("compare", *problem, "--methods", "exact", "--time-limit", "0s")
    assert ran.code == 4
    assert [row[1] for row in table_of(ran.out)] == ["unknown"]


def test_compare_refuses_what_plan_refuses() -> None:
    assert "no node of this name" in refused("compare", *SMALL, "--source", "nobody")
    assert "not a number" in refused("compare", *SMALL, "--max-latency", "fast")


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_schema_prints_a_format(kind: str) -> None:
    ran = run("schema", kind)
    assert (ran.code, ran.err, ran.out) == (0, "", json_schema(kind))


def test_schema_prints_all_formats() -> None:
    assert json.loads(run("schema").out) == {kind: json.loads(json_schema(kind)) for kind in DOCUMENTS}


# Streams that end early


@pytest.mark.parametrize("read", [True, False])
def test_a_reader_that_goes_away_causes_no_traceback(read: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "planner", "schema"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    if read:  # as `head -1` does
        assert process.stdout.readline() == "{\n"
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) in ((0, 1) if read else (1,))
    assert errors == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [("schema",), ("plan", *SMALL), ("compare", *SMALL, "--methods", "exact")])
def test_a_full_disk_behind_standard_output_is_said_in_one_line(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ran = run_apart(*arguments, stdout=full)
    assert (ran.code, ran.err) == (1, "error: No space left on device\n")
