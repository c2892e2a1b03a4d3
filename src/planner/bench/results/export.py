"""Export of the rows of a results folder as CSV or Parquet, in the order of the suite."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from planner.bench.case import COLUMN_TYPES, ROW_COLUMNS
from planner.bench.results.folder import held_identity
from planner.bench.results.reading import Record, read_records
from planner.files.writing import whole_file
from planner.schemas.reading.problems import input_error

FORMATS = (".csv", ".parquet")
INSTALL = "install it from the checkout: pip install '.[parquet]', or write a .csv"


@dataclass(frozen=True)
class ExportSummary:
    """Counts of an exported table."""

    rows: int
    """Rows of the suite's cases."""
    cases: int
    """Cases of the suite."""
    outside: int
    """Further rows, whose cases the suite no longer has."""


def export_table(folder: Path, output: Path) -> ExportSummary:
    """Write all rows of a results folder as a table.

    Args:
        folder: The results folder, which may be read-only.
        output: The table, a path that ends in .csv or .parquet.

    Raises:
        InputError: The folder holds no results, the table's name has another ending, or it cannot be written.
    """
    if output.suffix not in FORMATS:
        raise input_error("no such table format", f"let the name end in {' or '.join(FORMATS)}", file=str(output))
    if output.suffix == ".parquet":
        _check_pyarrow()
    identity = held_identity(folder)
    records = table(folder)
    with whole_file(output) as file:
        if output.suffix == ".csv":
            _write_csv(records, file)
        else:
            # whole_file opens texts; the bytes go to the file beneath
            cast(io.TextIOWrapper, file).buffer.write(_parquet(records))
    rows = sum(record["in_suite"] for record in records)
    return ExportSummary(rows, identity.cases, len(records) - rows)


def table(folder: Path) -> list[Record]:
    """Return all rows of a results folder as flat records with one set of columns.

    Args:
        folder: The results folder, which may be read-only.

    Returns:
        Records of number, in_suite (False where the suite no longer has the case), a column for each setting, the
        columns of `CaseRow`, inputs (JSON), planner (version).

    Raises:
        InputError: The folder holds no results of this version.
    """
    identity = held_identity(folder)
    records = read_records(folder)
    labels = dict.fromkeys(label for record in records for label in record["settings"])
    return [
        {
            "number": record["number"],
            "in_suite": record["in_suite"],
            **{label: record["settings"].get(label) for label in labels},
            **{name: record[name] for name in ROW_COLUMNS},
            "inputs": json.dumps(record["inputs"], sort_keys=True),
            "planner": identity.planner,
        }
        for record in records
    ]


def _write_csv(records: Sequence[Record], file: IO[str]) -> None:
    """Write numbers so that reading them gives the same bits; what does not apply is empty."""
    writer = csv.DictWriter(file, list(records[0]) if records else ["number"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)


def _check_pyarrow() -> None:
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise input_error("writing Parquet needs pyarrow", INSTALL)


def _parquet(records: Sequence[Record]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    arrow = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    names = list(records[0]) if records else ["number"]
    columns = {
        name: pa.array([record[name] for record in records], arrow[kind] if (kind := COLUMN_TYPES.get(name)) else None)
        for name in names
    }
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue()
