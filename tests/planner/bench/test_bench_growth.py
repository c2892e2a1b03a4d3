"""Suites that change: only new cases run, rows of cases that are gone stay and are marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench_folder import FIXED, bench, ended, endless, stopped_midway, suite_file, without_measured
from command_line import refused, run

from planner.bench.results.export import table
from planner.bench.runner import run_suite
from planner.report.results.reading import read_results

LATENCIES = [0.02, 0.05, 0.1]


def rows_by_digest(results: Path) -> dict[str, dict[str, Any]]:
    return {row["digest"]: row for row in table(results)}


def changed(tmp_path: Path, results: Path, **fields: Any) -> tuple[int, int, int]:
    """Run the suite as it is now; return how many cases there are, were run, and are no longer in the suite."""
    summary = run_suite(suite_file(tmp_path, **fields), results, jobs=1)
    assert summary.before + summary.run == summary.cases
    return summary.cases, summary.run, summary.outside


@pytest.mark.slow
def test_only_new_cases_of_a_suite_that_grows_are_run(tmp_path: Path) -> None:
    results = tmp_path / "r"
    assert changed(tmp_path, results, axes={"max_latency_s": LATENCIES[:2]}) == (2, 2, 0)
    first = rows_by_digest(results)
    # more values, more methods (the default among them), more axes (the defaults among their values)
    assert changed(tmp_path, results, axes={"max_latency_s": LATENCIES}) == (3, 1, 0)
    axes = {"method": ["gamma", "auto"], "max_latency_s": LATENCIES}
    assert changed(tmp_path, results, axes=axes) == (6, 3, 0)
    axes |= {"latency": ["mean", "worst"], "gap": [0.0, 0.1]}
    assert changed(tmp_path, results, axes=axes) == (24, 18, 0)
    # a value that moves from the fixed part to an axis is the same value
    axes |= {"min_accuracy": [0.78, 0.9]}
    fixed = FIXED | {"seed": 1}
    assert changed(tmp_path, results, axes={"gap": [0.0]}, fixed=fixed) == (1, 1, 24)
    assert changed(tmp_path, results, axes={"gap": [0.0], "seed": [1, 2]}) == (2, 1, 24)
    last = rows_by_digest(results)
    numbers = ("number", "in_suite", "method", "latency", "gap", "max_latency_s", "seed")
    for digest, row in first.items():
        kept = {name: value for name, value in last[digest].items() if name not in numbers}
        assert kept == {name: value for name, value in row.items() if name not in numbers}


def test_the_table_of_a_suite_that_grew_is_that_of_a_run_from_scratch(tmp_path: Path) -> None:
    grown, whole = tmp_path / "grown", tmp_path / "whole"
    axes: dict[str, Any] = {"max_latency_s": LATENCIES[1:]}
    run_suite(suite_file(tmp_path, axes=axes), grown, jobs=1)
    suite = suite_file(tmp_path, axes={"method": ["exact", "auto"], "max_latency_s": LATENCIES, "latency": ["worst"]})
    run_suite(suite, grown, jobs=1)
    run_suite(suite, whole, jobs=1)
    assert without_measured(table(grown)) == without_measured(table(whole))


def test_rows_of_cases_that_are_gone_are_kept_and_marked(tmp_path: Path) -> None:
    results = tmp_path / "r"
    run_suite(suite_file(tmp_path, axes={"max_latency_s": LATENCIES}), results, jobs=1)
    before = rows_by_digest(results)
    ran = run("bench", suite_file(tmp_path, axes={"max_latency_s": LATENCIES[1:2]}), "-o", results, "--jobs", "1")
    assert ran.code == 0
    assert ran.out.startswith("s: 1 cases: 1 ")
    assert "2 rows of cases that the suite no longer has are kept" in ran.out
    after = table(results)
    assert [(row["in_suite"], row["max_latency_s"]) for row in after] == [
        (True, LATENCIES[1]), (False, LATENCIES[0]), (False, LATENCIES[2]),
    ]  # fmt: skip
    assert all(before[row["digest"]]["whole_s"] == row["whole_s"] for row in after)
    exported = run("export", results, "-o", tmp_path / "t.csv")
    assert exported.err.endswith("t.csv: 1 rows of 1 cases; 2 further rows of cases that the suite no longer has\n")
    for source in (results, tmp_path / "t.csv"):
        read = read_results(source)
        assert (len(read.rows), len(read.outside)) == (1, 2)
    # they are back where the suite has them again
    run_suite(suite_file(tmp_path, axes={"max_latency_s": LATENCIES}), results, jobs=1)
    assert rows_by_digest(results) == before


def test_an_input_file_that_changes_makes_new_cases(tmp_path: Path) -> None:
    results = tmp_path / "r"
    suite = suite_file(tmp_path, axes={"max_latency_s": LATENCIES})
    run_suite(suite, results, jobs=1)
    model = tmp_path / "small.json"
    model.write_text(model.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    summary = run_suite(suite, results, jobs=1)
    assert (summary.run, summary.outside) == (3, 3)


def test_a_suite_does_not_change_under_a_process_at_work(tmp_path: Path) -> None:
    results = tmp_path / "r"
    process = bench(endless(tmp_path, 600.0), results, "--jobs", "1")
    stopped_midway(process, results, 1)
    try:
        axes = {"method": ["exact", "brute", "mcp", "gamma"]}
        message = refused("bench", endless(tmp_path, 600.0, axes=axes), "-o", results)
        assert "another process runs an earlier state of this suite" in message
    finally:
        process.kill()
        process.communicate()
    axes = {"method": ["exact", "mcp"]}
    assert run_suite(endless(tmp_path, 600.0, axes=axes), results, jobs=1).statuses == {"feasible": 1, "optimal": 1}


def test_failed_cases_are_counted_and_told_by_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that import a planner whose search always fails."""
    startup = tmp_path / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(
        "import planner.pipeline.dispatch as d\ndef fail(_): raise ZeroDivisionError('by zero')\nd.answer = fail\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(startup))
    said = ended(bench(suite_file(tmp_path, axes={"max_latency_s": LATENCIES}), tmp_path / "r", "--jobs", "1"), code=1)
    assert said.startswith("s: 3 cases: 3 error\n")
    assert said.endswith("error: 3 of 3 cases have the status error; the column message of the table says why\n")
    assert {row["message"] for row in table(tmp_path / "r")} == {"ZeroDivisionError: by zero"}
