"""Results of suites as pages read them: folders and tables, figures worked out by hand, refusals."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from command_line import refused, run
from report_cases import SMALL_OPTIONS, records, results_folder, write

from planner.report.results.figures import over_best, quantile, seconds_of
from planner.report.results.reading import ReportedCase, read_results


def test_a_folder_and_its_table_give_the_same_results(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "results", records(), 13)
    results = read_results(folder)
    assert (results.name, results.cases, len(results.rows)) == ("duel", 13, 12)
    assert results.inputs == {"net.json": "sha256:aa"}
    assert results.rows[0].group == "net.json, one.json"
    assert results.rows[0].asked == "max_latency_s 0.02"
    table = tmp_path / "table.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        names = list(dict.fromkeys(name for row in records() for name in row))
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(records())
    assert read_results(table).rows == results.rows


def test_figures_of_results_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    rows = read_results(results_folder(tmp_path / "results", records(), 12)).rows
    assert over_best(rows, "exact") == [0.0] * 4
    assert over_best(rows, "rival") == pytest.approx([0.25, 0.25, 0.5, 0.5])
    assert seconds_of(rows, "rival") == [0.0005, 0.0005, 0.001, 0.001, 5.0, 5.0]
    assert [quantile([1.0, 2.0, 3.0, 4.0], part) for part in (0.0, 0.25, 0.5, 0.51, 1.0)] == [1.0, 1.0, 2.0, 3.0, 4.0]
    lost = ReportedCase("slow", (("model", "x"),), "optimal", "latency_s", energy_j=1.0, latency_s=3.0)
    won = ReportedCase("fast", (("model", "x"),), "optimal", "latency_s", energy_j=9.0, latency_s=2.0)
    assert over_best([lost, won], "slow") == pytest.approx([0.5])


def test_unusable_results_are_refused(tmp_path: Path) -> None:
    assert "holds no results" in refused("report", tmp_path, "-o", tmp_path / "page.html")
    empty = results_folder(tmp_path / "empty", [], 3)
    assert "there is no row yet" in refused("report", empty, "-o", tmp_path / "page.html")
    (tmp_path / "empty" / "rows.sqlite").write_bytes(b"no database at all, but long enough to look like one")
    assert "the rows cannot be read" in refused("report", empty, "-o", tmp_path / "page.html")
    table = tmp_path / "table.csv"
    table.write_text("method,energy_j\nexact,1\n", encoding="utf-8")
    assert "no column status" in refused("report", table, "-o", tmp_path / "page.html")
    table.write_text("method,status,energy_j\nexact,optimal,nan\nexact,great,2\n", encoding="utf-8")
    message = refused("report", table, "-o", tmp_path / "page.html")
    assert "row 1.energy_j: not a finite number" in message
    assert "row 2.status: no such status" in message
    table.write_text("method,status,objective,energy_j,accuracy\nexact,optimal,1 metric,-1,1.5\n", encoding="utf-8")
    message = refused("report", table, "-o", tmp_path / "page.html")
    assert "row 1.objective: no name of an objective (found 1 metric)" in message
    assert "row 1.energy_j: below 0 (found -1)" in message
    assert "row 1.accuracy: not in [0, 1] (found 1.5)" in message
    table.write_text("method,status,inputs\nexact,optimal,{\n", encoding="utf-8")
    assert "a row holds no JSON where it should" in refused("report", table, "-o", tmp_path / "page.html")
    table.write_text("method,status,method\nexact,optimal,mcp\n", encoding="utf-8")
    assert 'this column stands twice (found "method")' in refused("report", table, "-o", tmp_path / "page.html")
    table.write_text("", encoding="utf-8")
    assert "no column status" in refused("report", table, "-o", tmp_path / "page.html")
    strange = results_folder(tmp_path / "strange", records(), 3)
    write(strange / "suite.json", ["small"])
    assert "not the identity of a results folder" in refused("report", strange, "-o", tmp_path / "page.html")
    write(strange / "suite.json", {"format": "0", "planner": "0.0.1", "suite": "duel", "cases": 3, "digest": "x"})
    assert "were made by planner 0.0.1 (format 0)" in refused("report", strange, "-o", tmp_path / "page.html")
    table.write_text("method,status\nexact,optimal\n", encoding="utf-8")
    assert "their own inputs" in refused("report", table, *SMALL_OPTIONS, "-o", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_figures_without_a_finite_ratio_make_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the smallest number there is, nothing else is a finite multiple, nor of 0."""
    monkeypatch.setattr("planner.report.page.drawing_library", lambda: "")
    table = tmp_path / "table.csv"
    for least in ("5e-324", "1e-320", "0", "1e-300"):
        lines = ["method,status,objective,energy_j,latency_s,accuracy,lower_bound,search_s"]
        lines += [f"exact,optimal,energy_j,{least},{least},0.9,{least},{least}"]
        lines += ["gamma,feasible,energy_j,1e300,0.02,0.9,0.1,0.001"]
        table.write_text("\n".join(lines), encoding="utf-8")
        assert run("report", table, "-o", tmp_path / "page.html").code == 0
        results = read_results(table)
        assert over_best(results.rows, "exact") == [0.0]
        assert over_best(results.rows, "gamma") == []
