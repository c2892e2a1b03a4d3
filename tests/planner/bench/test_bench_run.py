"""Running suites: rows are what the planner answers, and nothing that is done is lost or done again."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bench_folder import (
    bench,
    cases_run,
    done_in,
    ended,
    endless,
    quick_suite,
    rows,
    state_of,
    stopped_midway,
    suite_file,
    wait_for,
)
from command_line import EXAMPLES, ROOT, refused, run

import planner
from planner.bench.case import Case
from planner.bench.expansion import expand_suite
from planner.bench.results.export import table
from planner.bench.results.folder import DATABASE, IDENTITY, PROCESSES
from planner.bench.runner import run_suite
from planner.bench.solving import run_case
from planner.commands.exit_codes import EXIT_INTERRUPTED

INTERRUPTED = "stopped; what is done is kept: run the same command again to go on\n"
KILLS = int(os.environ.get("PLANNER_TEST_KILLS", "6"))
"""Moments at which a run is killed."""
CASES = 240


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def children_of(process: subprocess.Popen[str]) -> list[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(child) for child in listed.read_text(encoding="ascii").split()] if listed.exists() else []


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has asked after yet (a zombie) does not."""
    return state_of(pid) not in "ZX"


# Rows


def test_rows_are_what_the_planner_answers(tmp_path: Path) -> None:
    latencies, accuracies = [0.01, 0.02, 0.03], [0.78, 0.9]
    axes = {"method": ["exact", "gamma"], "max_latency_s": latencies, "min_accuracy": accuracies}
    run_suite(suite_file(tmp_path, axes=axes), tmp_path / "r", jobs=2)
    found = table(tmp_path / "r")
    wanted = [(m, latency, least) for m in ("exact", "gamma") for latency in latencies for least in accuracies]
    assert [(row["method"], row["max_latency_s"], row["min_accuracy"]) for row in found] == wanted
    assert [row["number"] for row in found] == list(range(12))
    for row, (method, max_latency_s, min_accuracy) in zip(found, wanted, strict=True):
        answer = planner.plan(
            EXAMPLES / "small.json", EXAMPLES / "small-topology.json",
            method=method, max_latency_s=max_latency_s, min_accuracy=min_accuracy,
        )  # fmt: skip
        assert row["status"] == answer.status
        (app,) = answer.apps or (None,)
        figures = (None,) * 4 if app is None else (app.energy_j, app.latency_s, app.accuracy, app.operating_point)
        assert (row["energy_j"], row["latency_s"], row["accuracy"], row["operating_point"]) == figures
        bound = (None, None)
        if answer.certificate is not None:
            bound = (answer.certificate.lower_bound, answer.certificate.relative_gap)
        assert (row["lower_bound"], row["relative_gap"]) == bound
        assert row["planner"] == planner.__version__
        assert row["peak_memory_bytes"] > 1e7
        assert 0 < row["whole_s"] < 60
    assert {row["status"] for row in found} == {"optimal", "infeasible"}
    assert "the least worst latency is" in found[0]["message"]


def test_the_number_of_workers_changes_no_row(tmp_path: Path) -> None:
    suite = quick_suite(tmp_path, 40)
    for jobs in (1, 3):
        assert run_suite(suite, tmp_path / str(jobs), jobs=jobs).run == 40
    assert rows(tmp_path / "1") == rows(tmp_path / "3")


@pytest.mark.slow
def test_a_case_that_overruns_is_killed_and_is_a_row(tmp_path: Path) -> None:
    """The limit is many times what the other two cases take, for machines that are busy."""
    run_suite(endless(tmp_path, 8.0), tmp_path / "r", jobs=1)
    found = table(tmp_path / "r")
    assert [row["status"] for row in found] == ["optimal", "unknown", "feasible"]
    assert found[1]["message"] == "timeout: killed, for the case took longer than its limit of 8 s"
    assert found[1]["energy_j"] is None


def test_a_case_that_the_planner_fails_on_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = expand_suite(quick_suite(tmp_path, 4))

    def fail(_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("planner.pipeline.dispatch.answer", fail)
    row = run_case(plan.cases[0], plan.loaded)
    assert (row.digest, row.status, row.message) == (plan.cases[0].digest, "error", "ZeroDivisionError: by zero")


def test_a_seed_tells_repeats_apart(tmp_path: Path) -> None:
    run_suite(suite_file(tmp_path, axes={"seed": [1, 2, 3]}), tmp_path / "r", jobs=1)
    found = rows(tmp_path / "r")
    assert [row["seed"] for row in found] == [1, 2, 3]
    assert len({row["digest"] for row in found}) == 3
    assert len({row["plan"] for row in found}) == 1


# Nothing is lost


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killed_at_random_moments_the_table_is_that_of_an_uninterrupted_run(
    tmp_path: Path, how: signal.Signals
) -> None:
    """Kill the program and nothing else; its workers must end by themselves. What has a row is never run again."""
    suite, results = quick_suite(tmp_path, CASES), tmp_path / "killed"
    run_suite(suite, tmp_path / "whole")
    r = random.Random(5)
    held: list[dict[str, Any]] = []
    for number in range(KILLS):
        process = bench(suite, results, "--jobs", "2")
        if number % 2:  # somewhere in the start-up, which takes about a second of an idle machine
            time.sleep(r.uniform(0.0, 1.5))
        else:  # between rows
            most = min(CASES - 1, len(held) + r.randint(1, CASES // KILLS))
            wait_for(lambda most=most: done_in(results) >= most, "rows", process)
        workers = children_of(process)
        process.send_signal(how)
        process.communicate()
        wait_for(lambda workers=workers: not any(map(alive, workers)), "workers that end")
        if (results / IDENTITY).exists():
            found = table(results)
            assert [row for row in found if row["number"] in {row["number"] for row in held}] == held
            held = found
    assert len(held) > 0
    said = ended(bench(suite, results, "--jobs", "2"))
    assert cases_run(said) == CASES - len(held)
    assert [row for row in table(results) if row["number"] in {row["number"] for row in held}] == held
    assert rows(results) == rows(tmp_path / "whole")
    assert cases_run(ended(bench(suite, results))) == 0


def test_two_processes_share_a_folder_and_the_work(tmp_path: Path) -> None:
    """The first is stopped while the second stores rows, so that both have some to store."""
    suite, results = quick_suite(tmp_path, 240), tmp_path / "r"
    first = bench(suite, results, "--jobs", "1")
    held = stopped_midway(first, results, 1)
    second = bench(suite, results, "--jobs", "1")
    wait_for(lambda: done_in(results) > held, "a row of the second process", second)
    first.send_signal(signal.SIGCONT)
    run_by = [cases_run(ended(process)) for process in (first, second)]
    assert sum(run_by) == 240
    assert min(run_by) > 0
    run_suite(suite, tmp_path / "alone")
    assert rows(results) == rows(tmp_path / "alone")


@pytest.mark.slow
def test_a_process_takes_over_what_a_killed_one_had_begun(tmp_path: Path) -> None:
    """The first has begun a case and stands still, and nobody else may run that case until the first is gone."""
    suite = endless(tmp_path, 8.0)
    first = bench(suite, tmp_path / "r", "--jobs", "2")
    stopped_midway(first, tmp_path / "r", 1)
    second = bench(suite, tmp_path / "r", "--jobs", "1")
    wait_for(lambda: len(list((tmp_path / "r" / PROCESSES).iterdir())) == 2, "a second process", second)
    first.kill()
    first.communicate()
    said = ended(second)
    assert said.startswith("s: 3 cases: 1 feasible, 1 optimal, 1 unknown")


def test_a_killed_worker_costs_no_row(tmp_path: Path) -> None:
    suite = quick_suite(tmp_path, 240)
    process = bench(suite, tmp_path / "r", "--jobs", "2")
    for least in (20, 100):
        wait_for(lambda least=least: done_in(tmp_path / "r") >= least, "rows", process)
        for worker in children_of(process):
            os.kill(worker, signal.SIGKILL)
    ended(process)
    run_suite(suite, tmp_path / "whole")
    assert rows(tmp_path / "r") == rows(tmp_path / "whole")


@pytest.mark.slow
def test_an_interrupt_ends_a_run_in_order(tmp_path: Path) -> None:
    """The run is stopped first: when the signal comes, some cases are done and others are not, on any machine."""
    suite, results = quick_suite(tmp_path, 600), tmp_path / "r"
    process = bench(suite, results, "--jobs", "2")
    assert stopped_midway(process, results, 20) < 600
    workers = children_of(process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    assert ended(process, code=EXIT_INTERRUPTED) == INTERRUPTED
    wait_for(lambda: not any(map(alive, workers)), "workers that end")
    held = done_in(results)
    assert 20 <= held < 600
    assert cases_run(ended(bench(suite, results))) == 600 - held


def test_a_full_disk_is_said_and_what_is_done_is_kept(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk; once it is lifted, the rest is run."""
    suite = quick_suite(tmp_path, 400)
    limited = ("bash", "-c", 'ulimit -f 300 && exec "$0" "$@"')
    said = ended(bench(suite, tmp_path / "r", prefix=limited), code=1)
    assert said.startswith(f"error: cannot store rows in {tmp_path / 'r'} (")
    assert "free some space and run the same command again" in said
    held = table(tmp_path / "r")
    assert 0 < len(held) < 400
    assert cases_run(ended(bench(suite, tmp_path / "r"))) == 400 - len(held)
    assert [row for row in table(tmp_path / "r") if row["number"] in {row["number"] for row in held}] == held


def test_a_database_without_room_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = quick_suite(tmp_path, 400)
    connect = sqlite3.connect

    def small(*arguments: Any, **options: Any) -> sqlite3.Connection:
        database = connect(*arguments, **options)
        database.execute("PRAGMA max_page_count = 70")
        return database

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", small)
        with pytest.raises(OSError, match=r"database or disk is full.*free some space"):
            run_suite(suite, tmp_path / "r")
    held = len(table(tmp_path / "r"))
    assert 0 < held < 400
    assert run_suite(suite, tmp_path / "r").run == 400 - held


# Folders


@pytest.fixture
def held_results(tmp_path: Path) -> Path:
    run_suite(quick_suite(tmp_path, 4), tmp_path / "r", jobs=1)
    return tmp_path / "r"


def test_results_of_another_suite_are_left_alone(tmp_path: Path, held_results: Path) -> None:
    before = contents(held_results)
    assert "another suite, s" in refused("bench", quick_suite(tmp_path, 4, name="t"), "-o", held_results)
    message = refused("bench", quick_suite(tmp_path, 4, case_limit_s=5), "-o", held_results)
    assert "killed after 600 s, not 5 s; set case_limit_s = 600" in message
    assert contents(held_results) == before


def test_results_of_another_version_are_left_alone(
    tmp_path: Path, held_results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(held_results)
    monkeypatch.setattr("planner.bench.results.folder.__version__", "9.9.9")
    message = refused("bench", quick_suite(tmp_path, 4), "-o", held_results)
    assert f"made by planner {planner.__version__}" in message
    assert "this is planner 9.9.9" in message
    assert "9.9.9" in refused("export", held_results, "-o", tmp_path / "t.csv")
    assert contents(held_results) == before


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("x", encoding="utf-8"), "is no folder"),
        (lambda path: (path.mkdir(), (path / "thesis.tex").write_text("x", encoding="utf-8")), "thesis.tex"),
        (lambda path: (path.mkdir(), (path / DATABASE).write_text("x", encoding="utf-8")), DATABASE),
        (lambda path: (path.mkdir(), (path / IDENTITY).write_text("{}", encoding="utf-8")), "not the identity"),
        (lambda path: (path.mkdir(), (path / IDENTITY).write_text("[", encoding="utf-8")), "not JSON"),
    ],
)
def test_folders_of_something_else_are_left_alone(tmp_path: Path, make: Any, words: str) -> None:
    results = tmp_path / "r"
    make(results)
    before = results.read_bytes() if results.is_file() else contents(results)
    assert words in refused("bench", quick_suite(tmp_path, 4), "-o", results)
    assert (results.read_bytes() if results.is_file() else contents(results)) == before


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    suite = quick_suite(tmp_path, 4)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    assert "Not a directory" in refused("bench", suite, "-o", tmp_path / "file" / "r")
    assert "File name too long" in refused("bench", suite, "-o", tmp_path / ("n" * 300))


def test_a_damaged_database_is_said(tmp_path: Path, held_results: Path) -> None:
    (held_results / DATABASE).write_bytes(b"no database" * 1000)
    assert "cannot be read" in refused("bench", quick_suite(tmp_path, 4), "-o", held_results)
    assert "cannot be read" in refused("export", held_results, "-o", tmp_path / "t.csv")


def test_a_database_of_something_else_is_said(tmp_path: Path, held_results: Path) -> None:
    with closing(sqlite3.connect(held_results / DATABASE)) as database, database:
        database.execute("UPDATE cases SET settings = '{'")
    message = refused("export", held_results, "-o", tmp_path / "t.csv")
    assert "the rows cannot be read (case 0 has no JSON in settings); give another folder" in message
    with closing(sqlite3.connect(held_results / DATABASE)) as database, database:
        database.execute("DROP TABLE rows")
    assert "no such table: rows" in refused("export", held_results, "-o", tmp_path / "t.csv")


def test_what_a_kill_leaves_of_an_empty_folder_is_taken_over(tmp_path: Path) -> None:
    suite = quick_suite(tmp_path, 4)
    run_suite(suite, tmp_path / "r", jobs=1)
    for path in (tmp_path / "r").iterdir():
        if path.name != "lock":
            path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "r" / ".planner-abc").write_text("{", encoding="utf-8")
    assert run_suite(suite, tmp_path / "r", jobs=1).run == 4


def test_the_example_runs_as_documented(tmp_path: Path) -> None:
    ran = run("bench", ROOT / "examples" / "small.suite.toml", "-o", tmp_path / "r", "--jobs", "2")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("small: 24 cases: 1 feasible, 12 infeasible, 11 optimal\n")


def test_bad_options_are_refused(tmp_path: Path) -> None:
    message = refused("bench", quick_suite(tmp_path, 4), "-o", tmp_path / "r", "--address", "10.0.0.1:6379")
    assert "--address: this option means nothing on this machine" in message
    suite = quick_suite(tmp_path, 4)
    assert "use one of local, ray" in refused("bench", suite, "-o", tmp_path / "r", "--engine", "moon")
    assert "jobs" in run("bench", suite, "-o", tmp_path / "r", "--jobs", "0").err
    assert not (tmp_path / "r").exists()


def test_cases_are_hashable_texts() -> None:
    case = Case(0, {("gap",): 0.1}, {"m.json": "sha256:0"})
    assert len(case.digest) == 64
    assert Case(5, {("gap",): 0.1}, {"m.json": "sha256:0"}).digest == case.digest
