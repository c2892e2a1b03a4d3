"""Recorded load traces: CSV with a column for time, one for the load of each engine, and one for available memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from planner.carin.design_space import Floats
from planner.schemas.reading.files import MAX_FILE_BYTES
from planner.schemas.reading.problems import InputError, Problem, input_error, shown
from planner.schemas.reading.quantities import format_quantity

TIME, MEMORY = "time_s", "memory_available_bytes"
_MOST_PROBLEMS = 10


@dataclass(frozen=True, eq=False)
class LoadTrace:
    """Samples of a device in order of time."""

    time_s: Floats
    """Shape (samples,); never falls."""
    load: Floats
    """Share of each engine's time that others take, in [0, 1], shape (samples, engines)."""
    memory_available_bytes: Floats
    """Memory that the tasks may use, shape (samples,)."""

    def __len__(self) -> int:
        return len(self.time_s)


def read_load_trace(path: Path, engines: Sequence[str]) -> LoadTrace:
    """Read and check a trace.

    Args:
        path: The CSV file; its first line names the columns, in any order.
        engines: Engines of the device; each has a column.

    Raises:
        InputError: With the first problems found, each with its line.
    """
    text = _text(path)
    first, _, rest = text.partition("\n")
    header = [name.strip() for name in _cells_of(first)]
    wanted = (TIME, *engines, MEMORY)
    if problems := list(_header_problems(header, wanted)):
        raise InputError([Problem(str(path), "line 1", shown(value), what, fix) for value, what, fix in problems])
    if not rest or rest.isspace():
        raise input_error("the trace has no samples", "give a line for each sample", file=str(path))
    table = _table(path, text, len(header))
    if table is None or _has_bad_rows(table, header):
        raise InputError(list(_line_problems(str(path), rest, header)))
    columns = {name: table[:, place] for place, name in enumerate(header)}
    load = np.column_stack([columns[name] for name in engines])
    return LoadTrace(columns[TIME], load, columns[MEMORY])


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        message = f"cannot read the file ({error.strerror or error})"
        raise input_error(message, "check the path and its permissions", file=str(path)) from None
    if len(data) > MAX_FILE_BYTES:
        message = f"the file has more than {format_quantity(MAX_FILE_BYTES, 'B')}"
        raise input_error(message, "give a shorter trace", file=str(path))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise input_error("not UTF-8 text", "give a CSV file", file=str(path)) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _cells_of(line: str) -> list[str]:
    """Return the cells of a line; none where it is no CSV."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _header_problems(header: Sequence[str], wanted: Sequence[str]) -> Iterator[tuple[object, str, str]]:
    if not set(wanted) & set(header):
        yield ",".join(header), "the first line does not name the columns", f"write {','.join(wanted)}"
        return
    for name in wanted:
        if name not in header:
            yield None, f"there is no column {name!r}", f"the columns are {', '.join(wanted)}"
    for place, name in enumerate(header):
        if name not in wanted:
            yield name, "unknown column: no engine of the policy has this name", f"use {', '.join(wanted)}"
        elif name in header[:place]:
            yield name, "this column stands twice", "keep one of the two"


def _table(path: Path, text: str, columns: int) -> Floats | None:
    """Return the numbers, shape (samples, columns); None where a line is not made of that many numbers."""
    source = path if path.is_file() else io.StringIO(text)  # NumPy reads files twice as fast; a pipe is read by now
    try:
        table = np.loadtxt(
            source, delimiter=",", skiprows=1, ndmin=2, comments=None, quotechar='"', encoding="utf-8-sig"
        )
    except ValueError:
        return None
    return np.asarray(table, dtype=np.float64) if table.shape[1] == columns else None


def _has_bad_rows(table: Floats, header: Sequence[str]) -> bool:
    loads = [place for place, name in enumerate(header) if name not in (TIME, MEMORY)]
    good = np.isfinite(table).all() and (table >= 0.0).all() and (table[:, loads] <= 1.0).all()
    return not good or bool((np.diff(table[:, header.index(TIME)]) < 0.0).any())


def _line_problems(file: str, rest: str, header: Sequence[str]) -> Iterator[Problem]:
    """Go through the lines behind the header one by one, and report the first that cannot be used."""
    found, before_s = 0, 0.0
    for number, line in enumerate(io.StringIO(rest), start=2):
        if not line.strip():
            continue
        cells = _cells_of(line.strip())
        for where, value, what, fix in _cell_problems(cells, header, before_s):
            found += 1
            if found <= _MOST_PROBLEMS:
                yield Problem(file, f"line {number}{where}", shown(value), what, fix)
        time_s = _number(cells[header.index(TIME)]) if len(cells) == len(header) else None
        before_s = before_s if time_s is None else max(before_s, time_s)
    if not found:  # what the fast reader refuses beyond that
        yield Problem(file, "", "", "not a table of plain numbers", "give plain numbers, separated by commas")
    if found > _MOST_PROBLEMS:
        yield Problem(file, "", "", f"{found - _MOST_PROBLEMS} more problems", "mend these first")


def _cell_problems(
    cells: Sequence[str], header: Sequence[str], before_s: float
) -> Iterator[tuple[str, object, str, str]]:
    if len(cells) != len(header):
        fix = "give every sample all values"
        yield "", len(cells), f"{len(header)} values are needed, one for each column", fix
        return
    for name, cell in zip(header, cells, strict=True):
        where, value = f", {name}", _number(cell)
        if not cell.strip():
            yield where, None, "the value is missing", "fill the gap, or leave the sample out"
        elif value is None:
            yield where, cell, "not a finite number", "give a plain number in the unit that the column's name ends with"
        elif value < 0.0:
            yield where, value, "negative", "give a number from 0 on"
        elif name not in (TIME, MEMORY) and value > 1.0:
            yield where, value, "a load above 1", "give the load as a fraction in [0, 1]"
        elif name == TIME and value < before_s:
            yield (
                where,
                value,
                f"earlier than a sample before it ({format_quantity(before_s, 's')})",
                "sort the samples by time",
            )


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) and "_" not in cell else None
