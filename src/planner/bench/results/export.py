"""Tables: the rows of a results folder as CSV or Parquet, in the order of the suite."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

from planner.bench.case import COLUMN_TYPES, ROW_COLUMNS
from planner.bench.results.folder import DATABASE, held_identity
from planner.bench.results.store import Store
from planner.files.writing import whole_file
from planner.schemas.reading.problems import input_error

FORMATS = (".csv", ".parquet")
INSTALL = "install it from the checkout: pip install '.[parquet]', or write a .csv"

Record = dict[str, Any]


def export_table(folder: Path, output: Path) -> tuple[int, int]:
    """Write the rows that there are; return their number and that of all cases.

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
    return len(records), identity.cases


def table(folder: Path) -> list[Record]:
    """Return the rows as flat records with one set of columns: number, settings, answers, inputs, version.

    Raises:
        InputError: The folder holds no results of this version.
    """
    identity = held_identity(folder)
    if not (folder / DATABASE).is_file():
        return []
    with Store(folder) as store:
        records = store.records()
    labels = dict.fromkeys(label for record in records for label in record["settings"])
    return [
        {
            "number": record["number"],
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
