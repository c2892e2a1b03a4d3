"""Measured layers from a CSV file as a model: a chain of blocks with a profile, without any network."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planner.schemas.planning.model import Model
from planner.schemas.reading.files import check_document, read_bytes
from planner.schemas.reading.problems import InputError, Problem, input_error

INPUT = "input"
_NUMBERS = {"time_s": True, "energy_j": False, "output_bits": True, "ops": False, "param_bytes": False}
"""Columns beside `name`; whether each is needed."""
_FIX = "give the columns name,time_s,output_bits and, where known, energy_j,ops,param_bytes"


def read_layers(path: Path, hardware: str, accuracy: float | None, name: str | None) -> tuple[Model, bytes, list[str]]:
    """Make a model of measured layers.

    Every row is a block, in execution order; a first row named `input` gives the size of the input.

    Args:
        path: CSV with a header: name, time_s, output_bits; energy_j, ops and param_bytes where known. Columns are
            separated by commas, semicolons or tabs.
        hardware: Name of the profile that the times belong to.
        accuracy: Accuracy of the network, as stated (None: unknown).
        name: Name of the model (default: that of the file).

    Returns:
        The model, its file, and notes.

    Raises:
        InputError: With every problem of the file.
    """
    rows = _rows(path)
    head, layers = (rows[0], rows[1:]) if rows and rows[0]["name"] == INPUT else ({}, rows)
    if not layers:
        raise input_error("the file has no layer", _FIX, file=str(path))
    notes = []
    if not head:
        notes.append("there is no row `input`: the input is taken to have no size")
    if any("ops" not in row for row in layers):
        notes.append(f"layers without ops run on nodes of hardware {hardware} only: nothing says what others need")
    fields = ("ops", "param_bytes", "output_bits")
    blocks = [{"name": row["name"]} | {each: row.get(each, 0.0) for each in fields} for row in layers]
    last = {"name": "output", "after": layers[-1]["name"], "result_bits": layers[-1]["output_bits"]}
    costs = ("time_s", "energy_j")
    document = {
        "schema_version": "1",
        "name": name or path.stem,
        "citation": f"layers as measured, from {path.name}; accuracy as stated"
        if accuracy is not None
        else f"layers as measured, from {path.name}; accuracy unknown",
        "input_bits": head.get("output_bits", 0.0),
        "blocks": blocks,
        "exits": [last],
        "operating_points": [{"name": "full", "exit_fractions": {"output": 1.0}, "accuracy": accuracy}],
        "profiles": {hardware: {row["name"]: {each: row[each] for each in costs if each in row} for row in layers}},
    }
    text = (json.dumps(document, indent=1) + "\n").encode()
    return check_document(json.loads(text), Model, str(path)), text, notes


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        text = read_bytes(path).decode("utf-8-sig")
        separator = _separator(text)
        reader = csv.DictReader(io.StringIO(text), strict=True, delimiter=separator)
        header = [each.strip() for each in reader.fieldnames or []]
        reader.fieldnames = header
        raw = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise input_error(f"not a CSV file ({error})", _FIX, file=str(path)) from None
    lacking = [each for each in ("name", *(key for key, needed in _NUMBERS.items() if needed)) if each not in header]
    unknown = [str(each) for each in header if each != "name" and each not in _NUMBERS]
    if lacking or unknown:
        message = f"no column {', '.join(lacking)}" if lacking else f"unknown column {', '.join(unknown)}"
        raise input_error(message, _FIX, file=str(path), value=separator.join(header))
    problems: list[Problem] = []
    comma = separator != ","
    rows = [_row(index, line, str(path), problems, comma) for index, line in enumerate(raw)]
    if problems:
        raise InputError(problems)
    return rows


def _separator(text: str) -> str:
    """Return what separates the columns: a semicolon or tab where the header has one, else a comma."""
    header = text.partition("\n")[0]
    return next((each for each in ";\t" if each in header), ",")


def _row(
    index: int, line: Mapping[Any, Any], file: str, problems: list[Problem], decimal_comma: bool
) -> dict[str, Any]:
    """Return the values of a line; with another separator than the comma, a comma may mark decimals."""
    row: dict[str, Any] = {"name": (line.get("name") or "").strip()}
    where = f"row {index + 2}"
    if None in line or not row["name"]:
        problems.append(Problem(file, where, "", "a row needs a name and one value for each column", _FIX))
    for key, needed in _NUMBERS.items():
        value = (line.get(key) or "").strip()
        if decimal_comma:
            value = value.replace(",", ".")
        if not value:
            if needed and not (row["name"] == INPUT and key == "time_s"):
                problems.append(Problem(file, f"{where}, {key}", "", "a value is missing", "give a number"))
            continue
        try:
            row[key] = float(value)
        except ValueError:
            problems.append(Problem(file, f"{where}, {key}", value[:40], "not a number", "give a plain number"))
    return row
