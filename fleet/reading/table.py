"""A table read by columns: CSV in chunks, or Parquet; numbers are checked vectorised, bad rows gathered as problems."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.reading.document import Codes
from planner.fleet.reading.findings import Findings
from planner.fleet.reading.plain_csv import EncodedCells, cells_of, plain_bytes
from planner.schemas.reading.base import LEAST, MOST
from planner.schemas.reading.problems import InputError, input_error

_CHUNK = 100_000
_MOST_ROWS = 20_000_000


@dataclass(frozen=True)
class NumberRule:
    """What a numeric column may hold."""

    least: float = 0.0
    most: float = MOST
    whole: bool = False
    missing: float | None = None
    """Value of an empty cell; None where one is required."""

    @property
    def words(self) -> str:
        """What to give, for messages."""
        sort = "a whole number" if self.whole else "a number"
        bounds = f"greater than 0 (at least {LEAST:g})" if self.least == LEAST else f"at least {self.least:g}"
        return f"give {sort}, {bounds}, at most {self.most:g}"


class TableReader:
    """Columns of one table, filled chunk by chunk."""

    def __init__(
        self, path: Path, numbers: dict[str, NumberRule], texts: dict[str, bool], found: Findings,
        metrics: tuple[str, NumberRule],
    ) -> None:  # fmt: skip
        """Prepare to read `path`.

        Args:
            path: The file.
            numbers: Columns of numbers by name.
            texts: For each column of texts, whether a cell may be empty.
            found: Where problems go.
            metrics: Prefix of columns of numbers that end with the name of a metric, such as `limits.`, and their rule.
        """
        self.path, self.numbers, self.texts, self.found = path, dict(numbers), texts, found
        self._prefix, self._rule = metrics
        self.codes = {name: Codes([""]) for name in texts}
        self._numbers: dict[str, list[Floats]] = {name: [] for name in numbers}
        self._codes: dict[str, list[Ints]] = {name: [] for name in texts}
        self._rows = 0

    def read(self) -> int:
        """Read the table; return its number of rows.

        Raises:
            InputError: The file cannot be read, or lacks a column.
        """
        chunks = self._parquet() if self.path.suffix.lower() == ".parquet" else self._csv()
        for columns, rows in chunks:
            for name, rule in self.numbers.items():
                self._numbers[name].append(self._number_column(name, rule, columns.get(name), rows))
            for name, may_be_empty in self.texts.items():
                self._codes[name].append(self._text_column(name, may_be_empty, columns.get(name), rows))
            self._rows += rows
            if self._rows > _MOST_ROWS:
                raise input_error(
                    f"the table has more than {_MOST_ROWS:,} rows", "merge users that are alike", file=str(self.path)
                )
        return self._rows

    def number(self, name: str) -> Floats:
        """Return a numeric column."""
        return np.concatenate(self._numbers[name]) if self._numbers[name] else np.zeros(0)

    def by_metric(self) -> dict[str, Floats]:
        """Return the columns that end with the name of a metric, by that name."""
        names = [name for name in self.numbers if name.startswith(self._prefix)]
        return {name.removeprefix(self._prefix): self.number(name) for name in names}

    def code(self, name: str) -> Ints:
        """Return a column of texts as numbers; 0 stands for an empty cell."""
        return np.concatenate(self._codes[name]) if self._codes[name] else np.zeros(0, dtype=np.int64)

    def _csv(self) -> Iterator[tuple[dict[str, Sequence[Any]], int]]:
        try:
            if (data := plain_bytes(self.path)) is not None:
                header = [name.strip() for name in data.partition(b"\n")[0].decode().split(",")]
                self._check_header(header)
                if (chunks := cells_of(data, header)) is not None:
                    yield from chunks
                    return
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file)
                header = [name.strip() for name in next(reader, [])]
                self._check_header(header)
                while rows := list(islice(reader, _CHUNK)):
                    yield self._chunk(header, rows)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise self._unreadable(error, "CSV") from None

    def _chunk(self, header: list[str], rows: list[list[str]]) -> tuple[dict[str, Sequence[Any]], int]:
        """Turn rows into columns; rows of another length are problems, and read as far as they go."""
        width = len(header)
        if set(map(len, rows)) != {width}:
            for index, row in enumerate(rows):
                if len(row) != width:
                    fix = "give every row as many cells as the header has"
                    self.found.add(self._at("", index), len(row), f"the row does not have {width} cells", fix)
                    rows[index] = (row + [""] * width)[:width]
        return dict(zip(header, zip(*rows, strict=True), strict=True)), len(rows)

    def _parquet(self) -> Iterator[tuple[dict[str, Sequence[Any]], int]]:
        try:
            from pyarrow import parquet
        except ImportError:
            fix = "install it from the checkout: pip install '.[parquet]', or give CSV"
            raise input_error("reading Parquet needs the package pyarrow", fix, file=str(self.path)) from None
        try:
            source = parquet.ParquetFile(self.path)
            self._check_header(source.schema_arrow.names)
            for batch in source.iter_batches(_CHUNK):
                yield {name: self._cells(batch.column(name)) for name in batch.schema.names}, batch.num_rows
        except (OSError, ValueError) as error:
            raise self._unreadable(error, "Parquet") from None

    def _unreadable(self, error: Exception, what: str) -> InputError:
        reason = getattr(error, "strerror", None) or error
        fix = (
            f"give a {what} file"
            if not isinstance(error, OSError)
            else "mend its path under `tables` of the fleet file"
        )
        return input_error(f"cannot read the table ({reason})", fix, file=str(self.path))

    @staticmethod
    def _cells(column: Any) -> Sequence[Any]:  # noqa: ANN401 - an array of pyarrow
        return ["" if value is None else value for value in column.to_pylist()]

    def _check_header(self, header: Sequence[str]) -> None:
        for name in header:
            if name.startswith(self._prefix) and name != self._prefix:
                self.numbers[name], self._numbers[name] = self._rule, []
        known = {**self.numbers, **self.texts}
        if len(header) == 1 and (mark := next((each for each in ";\t|" if each in header[0]), None)):
            message = f"the header is one cell with {header[0].count(mark)} times {mark!r}"
            raise input_error(message, "separate cells by commas", file=str(self.path), path="row 1")
        required = [name for name, rule in self.numbers.items() if rule.missing is None]
        required += [name for name, may_be_empty in self.texts.items() if not may_be_empty]
        for name in required:
            if name not in header:
                self.found.add("", None, f"the table has no column {name!r}", "add it")
        for name in header:
            if name not in known:
                self.found.add(
                    "", name, "unknown column", f"remove it (known here: {', '.join(known)}, {self._prefix}METRIC)"
                )
        if len(set(header)) != len(header):
            self.found.add("", list(header), "two columns have one name", "keep one of the two")
        self.found.raise_any()

    def _at(self, name: str, index: int) -> str:
        """Return the place of a cell: the row as a text editor counts it, the header being row 1."""
        row = f"row {self._rows + index + 2:,}"
        return f"{row}, {name}" if name else row

    def _number_column(self, name: str, rule: NumberRule, cells: Sequence[Any] | None, rows: int) -> Floats:
        missing = np.nan if rule.missing is None else rule.missing
        if cells is None:
            return np.full(rows, missing)
        values, empty, bad = _numbers(cells)
        with np.errstate(invalid="ignore"):
            wrong = bad | (~empty & ~((values >= rule.least) & (values <= rule.most)))
            if rule.whole:
                wrong |= ~empty & ~bad & (values != np.floor(values))
        if rule.missing is None:
            wrong |= empty
        if wrong.any():
            where = np.flatnonzero(wrong)
            cause = "not a whole number" if rule.whole else "not usable"
            paths = ((self._at(name, index), cells[index]) for index in where.tolist())
            self.found.add_rows(paths, len(where), cause, rule.words)
        return np.where(empty, missing, values)

    def _text_column(self, name: str, may_be_empty: bool, cells: Sequence[Any] | None, rows: int) -> Ints:
        if cells is None:
            return np.zeros(rows, dtype=np.int64)
        if isinstance(cells, EncodedCells):
            codes = self.codes[name].numbers(cells.texts)[cells.codes]
        else:
            codes = self.codes[name].numbers(list(map(str, cells)))
        if not may_be_empty and (codes == 0).any():
            where = np.flatnonzero(codes == 0)
            paths = ((self._at(name, index), None) for index in where.tolist())
            self.found.add_rows(paths, len(where), "the cell is empty", "give a name")
        return codes


def _numbers(cells: Sequence[Any]) -> tuple[Floats, Bools, Bools]:
    """Return values, which cells are empty, and which are no numbers; equal cells are converted once."""
    if isinstance(cells, EncodedCells):
        values, empty, bad = _numbers(cells.texts)
        return values[cells.codes], empty[cells.codes], bad[cells.codes]
    count, empty = len(cells), np.zeros(len(cells), dtype=bool)
    try:
        known = {cell: _number(cell) for cell in set(cells)}
        values = np.fromiter(map(known.__getitem__, cells), dtype=np.float64, count=count)
        if "" in known:
            empty = np.fromiter((cell == "" for cell in cells), dtype=np.bool_, count=count)
    except TypeError:  # Parquet has lists, which no set holds
        values = np.fromiter(map(_number, cells), dtype=np.float64, count=count)
    return values, empty, np.isnan(values) & ~empty


def _number(cell: object) -> float:
    """Return a cell as a number, NaN where it is none."""
    try:
        return float(cell)  # type: ignore[arg-type] # whatever is no number raises
    except (ValueError, TypeError):
        return float("nan")
