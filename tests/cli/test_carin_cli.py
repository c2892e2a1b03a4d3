"""`planner adapt` and `planner replay`: files, exit codes, the two streams; and never a traceback."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from command_line import refused, run
from profiles import MANY

from benchmarks.carin import optimality
from benchmarks.carin.synthetic_devices import main as write_devices
from planner.schemas import Policy, check_document, read_document

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PHONE, TABLET = EXAMPLES / "synthetic-phone.designs.json", EXAMPLES / "synthetic-tablet.designs.json"
TRACE = EXAMPLES / "synthetic-phone.trace.csv"
Json = dict[str, Any]


def changed(folder: Path, **changes: Any) -> Path:
    path = folder / "designs.json"
    path.write_text(json.dumps({**json.loads(PHONE.read_text(encoding="utf-8")), **changes}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policy") / "policy.json"
    assert run("adapt", PHONE, "-o", path)[0] == 0
    return path


# planner adapt


def test_a_policy_is_printed_and_written(tmp_path: Path) -> None:
    code, out, err = run("adapt", PHONE, "--transfer-from", TABLET, "-o", tmp_path / "policy.json")
    assert (code, err) == (0, "")
    assert out.startswith("synthetic-phone: 1,977 of 19,683 joint designs meet every constraint\n")
    assert re.search(r"^cpu +ample +d0$", out, re.M)
    assert re.search(r"^OODIn +[\d.]+ +[\d.]+ +[\d.]+ x$", out, re.M)
    assert [path.name for path in tmp_path.iterdir()] == ["policy.json"]
    held, _ = read_document(tmp_path / "policy.json", Policy)
    assert held.provenance is not None
    assert set(held.provenance.inputs) == {PHONE.name, TABLET.name}
    assert list(held.baselines)[-1] == "transferred"


def test_json_is_a_policy_and_nothing_else(policy: Path) -> None:
    code, out, err = run("adapt", PHONE, "--json")
    assert (code, err) == (0, "")
    assert check_document(json.loads(out), Policy).policy[0].design == "d0"
    assert out == policy.read_text(encoding="utf-8")


def test_a_bound_on_the_design_set() -> None:
    code, out, _ = run("adapt", PHONE, "--max-designs", 2)
    assert code == 0
    assert "at most 2 of 7 designs: " in out
    assert not re.search(r"^d2 ", out, re.M)


def test_no_joint_design_is_code_3_with_the_best_of_each_bound(tmp_path: Path) -> None:
    constraints = [
        {"metric": "latency_s", "statistic": "p95", "max": 0.01},
        {"metric": "accuracy", "min": 0.85},
    ]
    path, output = changed(tmp_path, constraints=constraints), tmp_path / "policy.json"
    code, out, err = run("adapt", path, "-o", output)
    assert (code, out) == (3, "")
    assert err.startswith("infeasible: none of 19,683 joint designs meets every constraint\n")
    assert re.search(r"latency_s p95 of all is to be at most 10 ms; with the others kept the best is [\d.]+ ms\n", err)
    assert re.search(r"accuracy of all is to be at least 0.85; with the others kept the best is 0.814\d*\n", err)
    held, _ = read_document(output, Policy)
    assert held.diagnosis is not None
    assert (held.policy, held.design_set) == ((), ())
    code, out, err = run("adapt", path, "--json")
    assert code == 3
    assert "infeasible" in err
    assert check_document(json.loads(out), Policy).diagnosis == held.diagnosis
    assert "no design to run" in refused("replay", output, TRACE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"engine": 1}, ("engine", "unknown field", "did you mean 'engines'?")),
        ({"engines": ["cpu", "gpu"]}, ("engine", "no engine of this name")),
        ({"objectives": []}, ("objectives", "at least one entry")),
        ({"objectives": [{"metric": "latency_s", "statistic": "p99"}]}, ("objectives[0].statistic", "p99")),
        ({"objectives": [{"metric": "accuracy", "weight": -1}]}, ("objectives[0].weight", "greater than or equal")),
        ({"tasks": []}, ("tasks", "at least one entry")),
        ({"contention": {"cpu": [1.0]}}, ("contention.cpu", "3 tasks can share the engine")),
    ],
)
def test_bad_designs_are_code_2(tmp_path: Path, changes: Json, words: tuple[str, ...]) -> None:
    output = tmp_path / "policy.json"
    output.write_text("old", encoding="utf-8")
    message = refused("adapt", changed(tmp_path, **changes), "-o", output)
    assert all(word in message for word in ("designs.json", *words)), message
    assert output.read_text(encoding="utf-8") == "old"


def test_bad_usage_of_adapt(tmp_path: Path) -> None:
    assert "there is nothing to adapt" in refused("adapt")
    assert "No such file" in refused("adapt", tmp_path / "none.json")
    assert "--max-designs" in refused("adapt", PHONE, "--max-designs", 0)
    assert "cannot write the output" in refused("adapt", PHONE, "-o", tmp_path / "none" / "policy.json")
    tasks = json.loads(PHONE.read_text(encoding="utf-8"))["tasks"][:2]
    constraints: list[Json] = []
    other = changed(tmp_path, tasks=tasks, constraints=constraints)
    assert "the other device has other tasks" in refused("adapt", PHONE, "--transfer-from", other)


def test_many_states_are_not_all_printed(tmp_path: Path) -> None:
    engines = ["cpu", "gpu", "npu", "dsp", "isp"]
    code, out, _ = run("adapt", changed(tmp_path, engines=engines))
    assert code == 0
    assert "and 32 more states" in out


# planner replay


def test_a_replay_compares_the_manager_with_fixed_designs_and_an_oracle(policy: Path, tmp_path: Path) -> None:
    code, out, err = run("replay", policy, TRACE, "-o", tmp_path / "report.json")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "1,200 samples"
    assert [line.split()[0] for line in lines[1:]] == ["run", "manager", *(f"d{n}" for n in range(7)), "oracle"]
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["manager"]["slo_violations"] < min(run["slo_violations"] for run in report["fixed"])
    assert report["oracle"]["slo_violations"] <= report["manager"]["slo_violations"]
    assert len(report["switches"]) == report["manager"]["switches"] + 1
    code, out, _ = run("replay", policy, TRACE, "--json")
    assert json.loads(out) == report


def test_thresholds_count(policy: Path) -> None:
    def switches(*options: str) -> int:
        code, out, _ = run("replay", policy, TRACE, "--json", *options)
        assert code == 0
        return int(json.loads(out)["manager"]["switches"])

    assert switches("--dwell", "10000s") <= 1
    assert switches("--enter-load", "1", "--leave-load", "0") < switches()
    assert switches("--dwell", "0s", "--enter-load", "90%", "--leave-load", "90%") > switches()
    assert switches("--memory-enter-bytes", "1e3") != switches()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--enter-load", "2"), "--enter-load"),
        (("--enter-load", "0.5", "--leave-load", "0.6"), "leave <= enter"),
        (("--dwell", "soon"), "--dwell"),
        (("--dwell", "-1s"), "--dwell"),
        (("--memory-enter-bytes", "50s"), "--memory-enter-bytes"),
        (("--memory-enter-bytes", "nan"), "enter <= leave"),
        (("--memory-enter-bytes", "-1"), "enter <= leave"),
        (("--memory-enter-bytes", "5e7", "--memory-leave-bytes", "4e7"), "enter <= leave"),
    ],
)
def test_bad_thresholds_are_code_2(policy: Path, options: tuple[str, ...], words: str) -> None:
    assert words in refused("replay", policy, TRACE, *options)


HEADER = "time_s,cpu,gpu,npu,memory_available_bytes"
GOOD = "0,0.1,0.2,0.3,1e9"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ("line 1", "does not name the columns", f"write {HEADER}")),
        (GOOD, ("line 1", "does not name the columns", '"0,0.1,0.2,0.3,1e9"')),
        (HEADER.replace(",", ";"), ("line 1", "does not name the columns")),
        (f"{HEADER}\n0,{'1' * 200_000},0.2,0.3,1e9", ("line 2",)),
        (f"{HEADER}\r0,0.1,,0.3,1e9\r", ("line 2, gpu", "missing")),
        (HEADER.upper() + ",cpu\n", ("no column 'time_s'", "unknown column", '"TIME_S"')),
        (HEADER + "\n", ("no samples",)),
        (HEADER + "\n\n  \n", ("no samples",)),
        (f"time_s,cpu,gpu,memory_available_bytes\n{GOOD}", ("no column 'npu'",)),
        (f"{HEADER},dsp\n{GOOD},0.1", ("unknown column", '"dsp"')),
        (f"{HEADER},cpu\n{GOOD},0.1", ("stands twice", '"cpu"')),
        (f"{HEADER}\n0,0.1,,0.3,1e9", ("line 2, gpu", "missing", "fill the gap")),
        (f"{HEADER}\n{GOOD}\n1,0.1,0.2,0.3", ("line 3", "5 values are needed", "(found 4)")),
        (f"{HEADER}\n{GOOD}\n1,0.1,0.2,0.3,1e9,7", ("line 3", "5 values are needed", "(found 6)")),
        (f"{HEADER}\n0,0.1,high,0.3,1e9", ("line 2, gpu", "not a finite number", '"high"')),
        (f"{HEADER}\n0,0.1,nan,0.3,1e9", ("line 2, gpu", "not a finite number")),
        (f"{HEADER}\n0,0.1,0.2,0.3,inf", ("line 2, memory_available_bytes", "not a finite number")),
        (f"{HEADER}\n0,-0.1,0.2,0.3,1e9", ("line 2, cpu", "negative")),
        (f"{HEADER}\n0,0.1,0.2,0.3,-1", ("line 2, memory_available_bytes", "negative")),
        (f"{HEADER}\n0,0.1,0.2,90,1e9", ("line 2, npu", "a load above 1")),
        (f"{HEADER}\n{GOOD}\n2{GOOD[1:]}\n1{GOOD[1:]}", ("line 4, time_s", "earlier than a sample before it (2 s)")),
        (f"{HEADER}\n" + "x,0.1,0.2,0.3,1e9\n" * 30, ("line 11, time_s", "20 more problems")),
        (f"{HEADER}\n1_0,0.1,0.2,0.3,1e9", ("line 2, time_s", "not a finite number")),
        (f'{HEADER}\n"0,0.1,0.2,0.3,1e9', ("line 2",)),
    ],
)
def test_bad_traces_are_code_2(policy: Path, tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text, encoding="utf-8")
    message = refused("replay", policy, path)
    assert all(word in message for word in ("trace.csv", *words)), message


def test_a_policy_whose_metrics_say_too_little_is_named(policy: Path, tmp_path: Path) -> None:
    raw = json.loads(policy.read_text(encoding="utf-8"))
    raw["constraints"].append({"metric": "latency_s", "statistic": "p12", "max": 1.0})
    path = tmp_path / "p.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    message = refused("replay", path, TRACE)
    assert message.startswith(f"error: {path}: design_set: the metrics of 'd0' do not say what")
    assert "latency_s p12" in message


def test_traces_in_other_dress_are_read(policy: Path, tmp_path: Path) -> None:
    """Another order of columns, CRLF, a byte order mark, quotes, blank lines, equal times."""
    text = '\ufeffmemory_available_bytes,npu,"gpu",cpu,time_s\r\n1e9,0.3,"0.2",0.1,0\r\n\r\n1e9,0.3,0.2,0.1,0\r\n'
    path = tmp_path / "trace.csv"
    path.write_bytes(text.encode())
    code, out, err = run("replay", policy, path)
    assert (code, err) == (0, "")
    assert out.startswith("2 samples\n")


def test_files_that_are_no_traces_are_refused(policy: Path, tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in refused("replay", policy, path)
    assert "No such file" in refused("replay", policy, tmp_path / "none.csv")
    assert "Is a directory" in refused("replay", policy, tmp_path)
    assert "this is no policy of designs" in refused("replay", PHONE, TRACE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_trace_may_come_through_a_pipe(policy: Path, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(f"{HEADER}\n{GOOD}\n",))
    writer.start()
    code, out, err = run("replay", policy, path)
    writer.join()
    assert (code, err) == (0, "")
    assert out.startswith("1 sample\n")


# Examples and documentation


def test_the_synthetic_examples_are_what_their_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["synthetic_devices", str(tmp_path)])
    assert write_devices() == 0
    for path in (PHONE, TABLET, TRACE):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


ENVIRONMENT = dict(os.environ)
PAGES = (EXAMPLES / "README.md", ROOT / "docs" / "carin.md", ROOT / "README.md")
LINES = [
    line for page in PAGES for line in re.findall(r"^planner ((?:adapt|replay) .*examples/.*)$", page.read_text(), re.M)
]


@pytest.mark.slow
def test_every_command_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    assert len(LINES) > 3
    for line in LINES:
        code, _, err = run(*shlex.split(line))
        assert code == 0, line + err


def test_the_documentation_shows_what_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fenced block behind a command of docs/carin.md is what that command prints."""
    (tmp_path / "examples").symlink_to(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    page = PAGES[1].read_text(encoding="utf-8")
    shown = re.findall(r"```\nplanner ([^\n]*)\n```\n\n```\n(.*?)```", page, re.S)
    assert len(shown) == 2
    for line, text in shown:
        assert run(*shlex.split(line))[1] == text
    ((code, text),) = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", page, re.S)
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, text), done.stderr
    (bound,) = re.findall(r"`planner (adapt [^`]* --max-designs 3)` ends with:\n\n> (.*?)\n\n", page, re.S)
    assert run(*shlex.split(bound[0]))[1].splitlines()[-1] == bound[1].replace("\n> ", " ")


def test_the_documentations_table_of_optimality_is_what_its_command_prints() -> None:
    page = PAGES[1].read_text(encoding="utf-8")
    assert "\n".join(optimality.as_they_are()) in page
    assert len(list(optimality.with_random_weights(1))) == 2 + len(optimality.DEVICES)
    if MANY:  # a policy for each of 300 weightings takes seconds
        assert "\n".join(optimality.with_random_weights()) in page
