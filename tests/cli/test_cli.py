"""The command line: exit codes, the two streams, usage; and never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import MODEL, ROOT, SMALL, TOPOLOGY, names_in, one_block_per_chiplet, run, run_apart, without_timing

from planner import __version__
from planner.schemas import Placement, check_document, read_document
from planner.schemas.export import DOCUMENTS
from planner.verifier.violations import Violation

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
        "infeasible: no plan for 'app': the least worst latency is 18.8 ms, the limit 1 µs; "
        "the output of a over phone->edge takes longest (12 ms)\n"
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
    monkeypatch.setattr("planner.pipeline.one_app.verify", lambda *_: broken)
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

    monkeypatch.setattr("planner.library.planning.answer", exhausted)
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
