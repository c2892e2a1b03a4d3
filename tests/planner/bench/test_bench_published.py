"""Suites of published settings: their rows against other ways to the same figures, and the docs against their rows."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from bench_folder import toml
from command_line import ROOT, run

from benchmarks.fin.grid import CONTENDERS, Contender, requests
from benchmarks.suites.__main__ import HERE
from benchmarks.suites.tables import TABLES, fin_energies, fin_methods, label, portend, three_apps, together
from planner.bench.expansion import expand_suite
from planner.bench.results.export import table
from planner.bench.runner import run_suite
from planner.fin.instance.decision import evaluate
from planner.fin.method import Options, method

DOCS = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")


def thinned(name: str, folder: Path, **axes: Any) -> Path:
    """Write a suite of the folder with other values on some axes."""
    raw = tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))
    for kind in ("topology", "workload"):
        if kind in raw["fixed"]:
            raw["fixed"][kind] = str((HERE / raw["fixed"][kind]).resolve())
    for group in raw.get("zipped", ()):
        if "model" in group:
            group["model"] = [str((HERE / path).resolve()) for path in group["model"]]
    raw["axes"] |= axes
    path = folder / f"{name}.toml"
    path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in raw.items()), encoding="utf-8")
    return path


def test_there_are_tables_for_every_suite() -> None:
    assert {path.stem for path in HERE.glob("*.toml")} == set(TABLES)
    for name in TABLES:
        assert expand_suite(HERE / f"{name}.toml").cases


@pytest.mark.slow
def test_rows_of_fins_grid_are_those_of_another_way(tmp_path: Path) -> None:
    """`fin_grid` goes from instances to decisions on its own; the suite goes through files and verified placements."""
    deadlines_s, accuracies = [0.003, 0.006, 0.007], [0.1, 0.6, 0.8]
    suite = thinned("fin-b-alexnet", tmp_path, max_latency_s=deadlines_s, min_accuracy=accuracies)
    run_suite(suite, tmp_path / "r")
    records = table(tmp_path / "r")
    found = {(label(row), row["max_latency_s"], row["min_accuracy"]): row["energy_j"] for row in records}
    contenders = {"exact": CONTENDERS[0], "brute": Contender("brute", "brute", Options())}
    contenders |= {row.label: row for row in CONTENDERS if row.method == "gamma"}
    compared = 0
    for percent, instance in requests():
        deadline_s = round(float(instance.limits.latency_s), 9)
        if deadline_s in deadlines_s and percent / 100 in accuracies:
            for name, contender in contenders.items():
                decision = method(contender.method).solve(instance, contender.options).plan
                energy_j = None if decision is None else pytest.approx(evaluate(instance, decision).energy_j, rel=1e-12)
                assert found[name, deadline_s, percent / 100] == energy_j
                compared += 1
    assert compared == 9 * len(contenders)
    rows = {line.split(" | ")[0].strip("| "): line for line in fin_methods(records)}
    assert rows["exact"] == "| exact | 9 | 9 | 1.000 | 1.000 |"
    documented = [line.strip("|").split("|") for line in DOCS.splitlines() if line.startswith("|")]
    shown = [line.strip("|").split("|") for line in fin_energies(records)][2:]
    cells = [[row[1], row[4], row[5]] for row in documented if row[0].strip() in ("10-55 %", "60-75 %", "80-85 %")]
    assert [row[1:] for row in shown] == cells


@pytest.mark.slow
def test_rows_of_portend_are_those_of_the_docs(tmp_path: Path) -> None:
    suite = thinned("portend-aws", tmp_path, links={"device->edge": {"bit_per_s": [1e8]}})
    run_suite(suite, tmp_path / "r")
    lines = list(portend(table(tmp_path / "r")))
    assert len(lines) == 2 + 8
    for line in lines:
        assert line in DOCS.splitlines()


@pytest.mark.slow
def test_three_apps_with_time_to_spare_take_thrice_the_power_of_one(tmp_path: Path) -> None:
    rates, deadlines_s, accuracies = 3 * 10.0, [0.006, 0.020], [0.55, 0.75, 0.85]
    suite = thinned("fin-three-apps", tmp_path, max_latency_s=deadlines_s, min_accuracy=accuracies)
    run_suite(suite, tmp_path / "three")
    records = table(tmp_path / "three")
    for line in three_apps([row for row in records if row["max_latency_s"] == 0.020]):
        assert line in DOCS.splitlines()
    one = thinned("fin-b-alexnet", tmp_path, max_latency_s=[0.015], min_accuracy=accuracies)
    run_suite(one, tmp_path / "one")
    energies_j = {row["min_accuracy"]: row["energy_j"] for row in table(tmp_path / "one") if row["method"] == "brute"}
    loose = [row for row in records if row["max_latency_s"] == 0.020 and row["method"] != "full-dnn"]
    assert len(loose) == 9
    for row in loose:
        assert row["power_w"] == pytest.approx(rates * energies_j[row["min_accuracy"]], rel=1e-6)
    # thrice the first block, which is pinned to the device, takes 3 * 22.62e6 / 11e9 s: over 6 ms
    assert all(row["power_w"] is None for row in records if row["max_latency_s"] == 0.006)


@pytest.mark.slow
def test_rows_of_clears_baselines_are_those_of_the_docs(tmp_path: Path) -> None:
    """The rows of clear, fin-in-order and milp take long, and depend on the time that they have."""
    suite = thinned("clear-mobile", tmp_path, method=["edge-only", "full-dnn", "full-dnn-edge"])
    run_suite(suite, tmp_path / "r")
    shown = [line.split(" | ") for line in list(together(table(tmp_path / "r")))[2:]]
    documented = [line.split(" | ") for line in DOCS.splitlines()]
    assert len(shown) == 3
    for name, power, _, *held in shown:
        (line,) = [cells for cells in documented if cells[0] == name and len(cells) == 7]
        assert [line[1], *line[3:]] == [power, *held]


def test_the_docs_show_the_example_and_their_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = tomllib.loads(DOCS.partition("```toml\n")[2].partition("```")[0])
    assert shown == tomllib.loads((ROOT / "examples" / "small.suite.toml").read_text(encoding="utf-8"))
    commands = [line for line in DOCS.splitlines() if line.startswith("planner ")]
    assert len(commands) == 2
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    for command in commands:
        assert run(*shlex.split(command)[1:]).code == 0
    assert (tmp_path / "small.csv").read_text(encoding="utf-8").count("\n") == 25
