"""`--output` and `--json` mean the same on every command, and a suffix that does not fit is refused."""

from __future__ import annotations

import csv
import inspect
import json
from pathlib import Path

import pytest
from command_line import EXAMPLES, SMALL, refused, run

from planner.commands.output import DOCUMENT, EXPORT, FOLDER, GROUPS, PAGE, TABLE, Written
from planner.commands.registry import COMMANDS

WRITES = {
    "plan": TABLE,
    "compare": TABLE,
    "pareto": TABLE,
    "report": PAGE,
    "check": DOCUMENT,
    "measure": DOCUMENT,
    "import": FOLDER,
    "profile": DOCUMENT,
    "split": FOLDER,
    "agent": None,
    "run": DOCUMENT,
    "calibrate": FOLDER,
    "fleet": GROUPS,
    "adapt": DOCUMENT,
    "replay": DOCUMENT,
    "bench": FOLDER,
    "export": EXPORT,
    "schema": DOCUMENT,
}
"""What every command writes to --output; None for a command without a result."""
NO_JSON = {"agent", "report", "calibrate", "export"}
"""Commands whose result is no JSON: none, a page, files, a table."""
VIT = ("--model", EXAMPLES / "vit.json", "--topology", EXAMPLES / "mcm.json")
SMALL_SHARED = ("--workload", EXAMPLES / "small-shared.workload.json", "--topology", EXAMPLES / "small-shared.json")


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_command_says_what_it_writes(row) -> None:
    parameters = inspect.signature(row.load()).parameters
    notes = [
        note for note in getattr(parameters["output"].annotation, "__metadata__", ()) if isinstance(note, Written)
    ] if "output" in parameters else [None]  # fmt: skip
    assert notes == [WRITES[row.name]]
    assert ("as_json" in parameters) == (row.name not in NO_JSON)
    listed = run(row.name, "--help").out
    assert ("-o, --output" in listed) == (WRITES[row.name] is not None)
    assert ("--json" in listed) == (row.name not in NO_JSON)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", *SMALL),
        ("plan", *SMALL_SHARED, "--method", "alone"),
        ("compare", *SMALL, "--methods", "exact,mcp"),
        ("pareto", *SMALL),
        ("adapt", "--states", EXAMPLES / "mcm.states.json", *VIT),
        ("adapt", EXAMPLES / "measured-cpu.designs.json"),
        ("schema", "model"),
    ],
    ids=lambda arguments: " ".join(map(str, arguments[:2]))[:20],
)  # fmt: skip
def test_the_file_holds_what_is_printed(arguments: tuple[object, ...], tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    printed, written = run(*arguments, "--json"), run(*arguments, "-o", path)
    assert printed.code == written.code == 0, printed.err + written.err
    assert _timeless(json.loads(printed.out)) == _timeless(json.loads(path.read_text(encoding="utf-8")))


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if key not in ("timing", "seconds")}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def test_a_plan_as_csv_has_a_row_per_block_with_what_it_receives(tmp_path: Path) -> None:
    assert run("plan", *SMALL, "--min-accuracy", "0.9", "-o", tmp_path / "plan.csv").code == 0
    rows = list(csv.DictReader((tmp_path / "plan.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["block"], row["node"], row["received_from"], float(row["received_bits"])) for row in rows] == [
        ("a", "phone", "", 0.0),
        ("b", "edge", "phone > edge", 1e6),
        ("c", "cloud", "edge > cloud", 8e5),
        ("d", "cloud", "", 0.0),
    ]


def test_tables_are_csv_by_suffix(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    assert run("compare", *SMALL, "--methods", "exact,mcp", "-o", rows).code == 0
    head, *lines = rows.read_text(encoding="utf-8").splitlines()
    assert head == "method,status,objective,value,lower_bound,upper_bound,relative_gap,seconds"
    assert [line.split(",")[0] for line in lines] == ["exact", "mcp"]
    front = tmp_path / "front.csv"
    printed = run("pareto", *SMALL, "--csv", "-o", front)
    assert front.read_text(encoding="utf-8") == printed.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("plan", *SMALL, "-o", "plan.html"),
            "give a name that ends in .json or .csv",
        ),
        (("plan", *SMALL, "-o", "plan.HTML"), "planner report draws a page of a plan"),
        (("pareto", *SMALL, "-o", "front.parquet"), "give a name that ends in .json or .csv"),
        (("report", "plan.json", "-o", "plan.pdf"), "a page is not written as .pdf; give a name that ends in .html"),
        (("import", "net.onnx", "-o", "net.json"), "the result is a folder, not a file; give -o net"),
        (("bench", "suite.toml", "-o", "results.csv"), "the result is a folder, not a file"),
        (("export", "results", "-o", "table.xlsx"), "give a name that ends in .csv or .parquet"),
    ],
)
def test_a_suffix_that_does_not_fit_is_refused(arguments: tuple[object, ...], says: str) -> None:
    assert says in refused(*arguments)


def test_other_suffixes_are_part_of_names(tmp_path: Path) -> None:
    assert run("plan", *SMALL, "-o", tmp_path / "plan.v1").code == 0


def test_check_says_as_json_what_does_not_stand(tmp_path: Path) -> None:
    plan, found = tmp_path / "plan.json", tmp_path / "found.json"
    assert run("plan", *SMALL, "-o", plan).code == 0
    ran = run("check", plan, *SMALL, "--json")
    assert (ran.code, json.loads(ran.out)) == (
        0,
        {"status": "optimal", "stands": True, "violations": [], "proof": None},
    )
    raw = json.loads(plan.read_text(encoding="utf-8"))
    raw["apps"][0]["energy_j"] *= 2
    plan.write_text(json.dumps(raw), encoding="utf-8")
    assert run("check", plan, *SMALL, "-o", found).code == 1
    first = json.loads(found.read_text(encoding="utf-8"))["violations"][0]
    assert (first["what"], first["unit"]) == ("energy_j", "J")
    assert first["claimed"] == pytest.approx(2 * first["recomputed"])
