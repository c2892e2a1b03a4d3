"""`planner compare` and `planner schema`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command_line import SMALL, TOPOLOGY, one_block_per_chiplet, refused, run

from planner.fin.method import METHODS
from planner.schemas.export import DOCUMENTS, json_schema


def table_of(text: str) -> list[list[str]]:
    """Return the cells of the rows below the heading."""
    heading, *rows = text.splitlines()
    return [re.split(r"  +", row) for row in rows if ": " not in row and len(row) <= len(heading) + 12]


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
    assert "--gamma: this option means nothing without" in refused(
        "compare", *SMALL, "--methods", "exact", "--gamma", 5
    )


def test_compare_says_that_there_is_no_plan(tmp_path: Path) -> None:
    ran = run("compare", *SMALL, "--max-latency", "1us", "--methods", "exact,brute")
    assert ran.code == 3
    assert [row[1] for row in table_of(ran.out)] == ["infeasible", "infeasible"]
    assert ran.err.startswith("infeasible: no plan for 'app': the least worst latency is 18.8 ms, the limit 1 µs")
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


def test_a_model_that_is_too_large_for_one_method_is_compared_on_the_others(tmp_path: Path) -> None:
    blocks = [{"name": f"b{index}", "ops": 1e6, "output_bits": 1e4} for index in range(1000)]
    model = tmp_path / "long.json"
    model.write_text(json.dumps({"schema_version": "1", "name": "long", "input_bits": 1e5, "blocks": blocks}))
    ran = run("compare", "--model", model, "--topology", TOPOLOGY, "--methods", "exact,brute,neurosurgeon", "--json")
    assert ran.code == 0
    rows = {row["method"]: row["placement"] for row in json.loads(ran.out)}
    assert rows["exact"]["status"] == "optimal"
    assert rows["brute"]["status"] == "unknown"
    assert rows["brute"]["termination"] == {
        "reason": "limit",
        "limit": "size",
        "detail": "too large to enumerate: 1000 blocks, and enumeration takes 200",
    }
