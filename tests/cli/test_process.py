"""The process of a command: closed and foreign streams, pipes, signals; nothing of the current folder is imported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import processes
import pytest
from command_line import EXAMPLES, ROOT, SMALL, names_in, refused, run, run_apart, write
from processes import HASHING

from planner.schemas import Placement, read_document

PLANNER = (sys.executable, "-m", "planner")


def shell(script: str, *arguments: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script of bash whose words "$@" are the arguments."""
    command = ["bash", "-c", script, "bash", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


# Standard streams


def test_a_closed_standard_output_is_said_and_the_file_is_right(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    done = shell('"$@" >&-', *PLANNER, "plan", *SMALL, "-o", path)
    assert (done.returncode, done.stderr) == (1, "error: standard output is closed\n")
    assert read_document(path, Placement)[0].status == "optimal"
    assert names_in(tmp_path) == ["plan.json"]


@pytest.mark.slow
def test_a_closed_standard_output_keeps_joint_answers_right(tmp_path: Path) -> None:
    """What compiled solvers print must not land in a file that got the number of the closed stream."""
    path = tmp_path / "plan.json"
    joint = ("--workload", EXAMPLES / "small-shared.workload.json", "--topology", EXAMPLES / "small-shared.json")
    done = shell('"$@" >&-', *PLANNER, "plan", *joint, "--method", "milp", "-o", path)
    assert done.returncode == 1
    held = read_document(path, Placement)[0]
    assert held.status in ("optimal", "feasible")


def test_a_closed_error_stream_loses_the_message_alone() -> None:
    done = shell('"$@" 2>&-', *PLANNER, "plan", *SMALL, "--max-latency", "1us")
    assert (done.returncode, done.stdout) == (3, "")
    done = shell('"$@" <&- >&- 2>&-', *PLANNER, "plan", *SMALL, "--max-latency", "often")
    assert done.returncode == 2


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-16", "cp1252"])
def test_names_outside_of_the_encoding_are_escaped(tmp_path: Path, encoding: str) -> None:
    model = json.loads((EXAMPLES / "small.json").read_text(encoding="utf-8"))
    model["blocks"][0]["name"] = "块"
    path = write(tmp_path / "块.json", model)
    command = (*PLANNER, "plan", "--model", path, "--topology", EXAMPLES / "small-topology.json")
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == b""
    text = done.stdout.decode(encoding)
    assert ("块" if encoding == "utf-16" else "\\u5757") in text


# Pipes as inputs


def test_inputs_may_be_pipes_that_are_read_once(tmp_path: Path) -> None:
    whole = run("plan", *SMALL).out
    model, topology = SMALL[1], SMALL[3]
    done = shell('cat "$1" | "${@:3}" --model /dev/stdin --topology "$2"', model, topology, *PLANNER, "plan")
    assert (done.returncode, done.stdout, done.stderr) == (0, whole, "")
    done = shell('"${@:3}" --model <(cat "$1") --topology <(cat "$2")', model, topology, *PLANNER, "plan")
    assert (done.returncode, done.stdout) == (0, whole)


@pytest.mark.slow
def test_reports_of_pipes(tmp_path: Path) -> None:
    plan, page = tmp_path / "plan.json", tmp_path / "plan.html"
    assert run("plan", *SMALL, "-o", plan).code == 0
    done = shell('"${@:2}" <(cat "$1")', plan, *PLANNER, "report", *SMALL, "-o", page)
    assert (done.returncode, done.stderr) == (0, f"wrote {page}\n")
    assert page.stat().st_size > 10_000


# Outputs that are inputs


@pytest.mark.parametrize("link", ["same", "relative", "symbolic", "hard"])
def test_an_output_never_replaces_an_input(tmp_path: Path, link: str) -> None:
    model = tmp_path / "model.json"
    before = (EXAMPLES / "small.json").read_text(encoding="utf-8")
    model.write_text(before, encoding="utf-8")
    output = model if link == "same" else tmp_path / "other.json"
    if link == "relative":
        (tmp_path / "folder").mkdir()
        output = tmp_path / "folder" / ".." / "model.json"
    elif link == "symbolic":
        output.symlink_to(model)
    elif link == "hard":
        output.hardlink_to(model)
    given = ("--model", model, "--topology", EXAMPLES / "small-topology.json")
    for command in (("plan",), ("pareto",), ("compare",)):
        assert "the output would replace an input" in refused(*command, *given, "-o", output)
    assert "a page is not written as .json" in refused("report", model, *given, "-o", output)
    assert model.read_text(encoding="utf-8") == before


def test_an_output_never_replaces_a_file_that_an_input_names(tmp_path: Path) -> None:
    model = tmp_path / "net.json"
    before = (EXAMPLES / "small.json").read_text(encoding="utf-8")
    model.write_text(before, encoding="utf-8")
    workload = write(tmp_path / "w.json", {"schema_version": "1", "apps": [{"model": "net.json"}]})
    given = ("--workload", workload, "--topology", EXAMPLES / "small-topology.json")
    assert "the output would replace a file that is read" in refused("plan", *given, "-o", model)
    assert "the output would replace a file that is read" in refused("pareto", *given, "-o", model)
    assert model.read_text(encoding="utf-8") == before
    assert names_in(tmp_path) == ["net.json", "w.json"]


def test_every_command_with_an_output_refuses_its_inputs(tmp_path: Path) -> None:
    phone = tmp_path / "phone.json"
    before = (EXAMPLES / "synthetic-phone.designs.json").read_text(encoding="utf-8")
    phone.write_text(before, encoding="utf-8")
    assert "would replace" in refused("adapt", phone, "-o", phone)
    assert "would replace" in refused("replay", phone, EXAMPLES / "synthetic-phone.trace.csv", "-o", phone)
    assert "would replace" in refused("measure", phone, "-o", phone)
    assert "would replace" in refused("measure", "--task", f"t={phone}", "-o", phone)
    assert phone.read_text(encoding="utf-8") == before


# Signals


@pytest.mark.parametrize("named", [False, True], ids=["nameless", "named"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_the_old_file_and_nothing_else(tmp_path: Path, number: int, named: bool) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")
    patch = "import planner.files.writing as w; w._nameless = lambda folder: None" if named else ""
    process = processes.start_search(("plan", *SMALL, "-o", path), patch=patch)
    assert (len(names_in(tmp_path)) == 2) == named
    code, _, messages = processes.ended(process, number)
    assert code == 128 + number
    assert messages == ("interrupted\n" if number == signal.SIGINT else "")
    assert path.read_text(encoding="utf-8") == "old"
    assert names_in(tmp_path) == ["plan.json"]


def test_a_kill_leaves_nothing_where_files_need_no_name(tmp_path: Path) -> None:
    process = processes.start_search(("plan", *SMALL, "-o", tmp_path / "plan.json"))
    assert processes.ended(process, signal.SIGKILL)[0] == -signal.SIGKILL
    assert names_in(tmp_path) == []


def test_compiled_code_does_not_hold_up_an_interrupt(tmp_path: Path) -> None:
    process = processes.start_search(("plan", *SMALL, "-o", tmp_path / "plan.json"), body=HASHING)
    code, _, messages = processes.ended(process, signal.SIGINT)
    assert (code, messages) == (130, "interrupted\n")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("moment_ms", [0, 5, 15, 40, 100, 200, 350])
def test_an_interrupt_while_libraries_load_is_no_traceback(tmp_path: Path, moment_ms: int) -> None:
    path = tmp_path / "plan.json"
    process = processes.start([*PLANNER, "plan", *SMALL, "-o", str(path)], cwd=ROOT)
    processes.wait_for_handlers(process)
    time.sleep(moment_ms / 1000)
    code, out, messages = processes.ended(process, signal.SIGINT)
    assert (code, out, messages) == (130, "", "interrupted\n") or (code, messages) == (0, "")
    assert names_in(tmp_path) in ([], ["plan.json"])
    if path.exists():
        assert read_document(path, Placement)[0].status == "optimal"


def test_signals_that_are_ignored_stay_ignored(tmp_path: Path) -> None:
    """As `nohup` does."""
    program = "import signal, sys, runpy; signal.signal(signal.SIGHUP, signal.SIG_IGN); sys.argv = {}; {}"
    run_module = "runpy.run_module('planner', run_name='__main__')"
    body = "import os; os.kill(os.getpid(), signal.SIGHUP); import planner.process"
    code = program.format(["planner", "schema", "model"], "from planner.cli import main; " + body + "; main()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert run_module


def test_a_fault_of_the_program_is_one_line(tmp_path: Path) -> None:
    program = processes.PATCHED.format(arguments=["plan", *SMALL], body="raise RuntimeError('a\\x1b[2J')", patch="")
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("internal error: RuntimeError: a\\x1b[2J (<string>:")
    assert done.stderr.count("\n") == 1
    shown = subprocess.run(
        command, env={**os.environ, "PLANNER_TRACEBACK": "1"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" in shown.stderr


# The current folder


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder whose modules have the names of libraries, and must never run."""
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in ("numpy", "secrets", "pydantic", "typer", "scipy", "rich", "planner_trap"):
        (folder / f"{name}.py").write_text("import os\nos.write(2, b'TRAPPED')\nos._exit(77)\n", encoding="utf-8")
    return folder


def test_nothing_of_the_current_folder_is_imported(trap: Path) -> None:
    ran = run_apart("plan", *SMALL, cwd=trap)
    assert (ran.code, ran.err) == (0, "")


def test_workers_import_nothing_of_the_current_folder(trap: Path) -> None:
    example = (EXAMPLES / "small.suite.toml").read_text(encoding="utf-8")
    suite = EXAMPLES / "small.suite.toml"
    assert example
    ran = run_apart("bench", suite, "-o", trap / "results", "--jobs", "1", cwd=trap)
    assert (ran.code, ran.err) == (0, "")
    assert "error" not in ran.out
