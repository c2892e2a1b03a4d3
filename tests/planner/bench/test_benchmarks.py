"""Every benchmark runs at its small size, and judges nothing by it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.registry import CASES
from benchmarks.report import Case, Report, at_least, at_most, print_reports
from benchmarks.targets.figures import Figure
from benchmarks.targets.page import page_text
from benchmarks.targets.table import Measured, json_text


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_runs(case: Case) -> None:
    report = case.quick().run()
    assert report.rows
    assert all(len(row) == len(report.columns) for row in report.rows)
    assert not [note for note in report.notes if "ended with" in note]


def test_quick_prints_no_targets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--quick", "large", "designed"])
    assert command.main() == 0
    printed = capsys.readouterr().out
    assert "dense sweep" in printed
    assert "target" not in printed


def test_targets_are_met_or_missed(capsys: pytest.CaptureFixture[str]) -> None:
    targets = (at_most("this", 2.0, 2.0, "s"), at_most("that", 2.1, 2.0, "s"), at_least("more", 9.0, 10.0, "times"))
    print_reports([Report("t", ("a",), (("1",),), targets=targets)], with_targets=True)
    printed = capsys.readouterr().out
    for line in ("target: this at most 2 s: met", "target: that at most 2 s: missed", "more at least 10 times: missed"):
        assert line in printed


def test_the_page_of_targets_says_what_misses_and_why() -> None:
    met = Measured(
        "star", 0.005, (Figure("a star", 0.05, "s", 0.1), Figure("its ratio", 9.0, "times", 5.0, at_least=True))
    )
    missed = Measured(
        "grid", 0.005, (Figure("a grid", 1.5, "s", 0.5, note="busy"), Figure("memory", None, "MB", 200.0))
    )
    page = page_text([met, missed])
    for line in (
        "| a star | 50 ms | 10 | at most 100 ms | met |",
        "| its ratio | 9 times |  | at least 5 times | met |",
        "| a grid (busy) | 1.5 s | 300 | at most 500 ms | missed |",
        "| memory | - |  | at most 200 MB | not measured |",
    ):
        assert line in page
    assert "- a grid: " in page
    assert "- a star: " not in page
    assert [row["name"] for row in json.loads(json_text([met, missed]))["rows"]] == ["star", "grid"]


def test_a_folder_without_traces_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "traces", "--traces", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert stopped.value.code == 2
    assert f"no CSV files in {tmp_path}" in capsys.readouterr().err
