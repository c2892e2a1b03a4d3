"""Tables: CSV and Parquet hold the rows to the last bit, in the order of the suite."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from bench_folder import quick_suite
from command_line import names_in, refused, run
from pyarrow import parquet

from planner.bench.results.export import table
from planner.bench.results.store import Store
from planner.bench.runner import run_suite


@pytest.fixture
def results(tmp_path: Path) -> Path:
    run_suite(quick_suite(tmp_path, 12), tmp_path / "r", jobs=2)
    return tmp_path / "r"


def as_text(value: Any) -> str:
    return "" if value is None else str(value)


def test_csv_holds_every_bit(results: Path) -> None:
    path = results.parent / "t.csv"
    ran = run("export", results, "-o", path)
    assert (ran.code, ran.out, ran.err) == (0, "", f"{path}: 12 rows of 12 cases\n")
    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    held = table(results)
    assert read == [{name: as_text(value) for name, value in record.items()} for record in held]
    assert [int(record["number"]) for record in read] == list(range(12))
    energies = [record["energy_j"] for record in held if record["energy_j"] is not None]
    assert energies == [float(record["energy_j"]) for record in read if record["energy_j"]]
    assert energies


@pytest.mark.slow
def test_parquet_holds_every_bit_and_type(results: Path) -> None:
    path = results.parent / "t.parquet"
    assert run("export", results, "-o", path).code == 0
    read = parquet.read_table(path)
    assert read.to_pylist() == table(results)
    assert str(read.schema.field("energy_j").type) == "double"
    assert str(read.schema.field("number").type) == "int64"


def test_columns_that_hold_nothing_keep_their_type(tmp_path: Path) -> None:
    suite = quick_suite(tmp_path, 4)  # the first deadline alone, which no plan keeps
    run_suite(suite, tmp_path / "r", jobs=1)
    path = tmp_path / "t.parquet"
    assert run("export", tmp_path / "r", "-o", path).code == 0
    schema = parquet.read_table(path).schema
    assert [str(schema.field(name).type) for name in ("energy_j", "nodes_used", "plan")] == [
        "double",
        "int64",
        "string",
    ]


def test_two_exports_are_the_same_bytes(results: Path) -> None:
    for ending in ("csv", "parquet"):
        one, two = (results.parent / f"{name}.{ending}" for name in ("one", "two"))
        run("export", results, "-o", one)
        run("export", results, "-o", two)
        assert one.read_bytes() == two.read_bytes()


def test_unfinished_results_say_so(results: Path) -> None:
    with Store(results) as store:
        store._database.execute("DELETE FROM rows WHERE digest = (SELECT digest FROM cases WHERE number = 3)")
    path = results.parent / "t.csv"
    assert run("export", results, "-o", path).err == f"{path}: 11 rows of 12 cases; 1 have no row yet\n"
    assert [record["number"] for record in table(results)] == [n for n in range(12) if n != 3]


def test_parquet_without_pyarrow_is_refused(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    message = refused("export", results, "-o", results.parent / "t.parquet")
    assert "needs pyarrow" in message
    assert "pip install '.[parquet]'" in message
    assert run("export", results, "-o", results.parent / "t.csv").code == 0


def test_what_is_no_results_folder_or_no_table_is_refused(tmp_path: Path, results: Path) -> None:
    assert "holds no results" in refused("export", tmp_path, "-o", tmp_path / "t.csv")
    assert "holds no results" in refused("export", tmp_path / "none", "-o", tmp_path / "t.csv")
    assert ".csv or .parquet" in refused("export", results, "-o", tmp_path / "t.xls")
    assert not {"t.csv", "t.xls", "none"} & set(names_in(tmp_path))
