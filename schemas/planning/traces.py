"""Measured rates of media over time: CSV files, checked, and the rate at a percentile.

The *rate at a percentile* p of n samples is the lower empirical quantile (definition 1 of Hyndman and Fan, The American
Statistician 50(4), 1996): the k-th smallest rate with ``k = ceil(p n / 100)``, which is a rate that was measured, the
least that at least p % of all samples are at or below. All samples count alike, however far apart they are.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Protocol

from planner.schemas.planning.topology import Medium, Topology
from planner.schemas.reading.base import LEAST, MOST
from planner.schemas.reading.files import digest_of, read_bytes
from planner.schemas.reading.problems import InputError, Problem, input_error, nearest_name, shown
from planner.schemas.reading.quantities import format_quantity

TIME = "time_s"
GAP_STEPS = 10.0
"""A step longer than this many median steps is a gap, unless the medium says how long one may be."""
BIT_PER_S = {"bit/s": 1.0, "kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9}
"""Bits per second in each unit of rates."""
_MOST_PROBLEMS = 10


class _Rows(Protocol):
    """A reader of the module csv."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


Finding = tuple[str, object, str, str]
"""Where in the file, the value found, what is wrong, what to do."""


@dataclass(frozen=True)
class RateTrace:
    """Rates of a medium in the order of time."""

    time_s: tuple[float, ...]
    """Strictly increasing."""
    bit_per_s: tuple[float, ...]
    """At least 0."""
    digest: str = ""
    """Hash of the file, ``sha256:...``."""

    def at_percentile(self, percentile: float) -> float:
        """Return the rate at a percentile in (0, 100], in bit/s."""
        rank = math.ceil(Fraction(str(percentile)) * len(self.bit_per_s) / 100)
        return sorted(self.bit_per_s)[max(rank, 1) - 1]


def read_traces(topology: Topology, folder: Path) -> dict[str, RateTrace]:
    """Read the trace of every medium that has one.

    Args:
        topology: The topology as its file says it.
        folder: Where the topology file stands; paths of traces are relative to it.

    Returns:
        The traces, by the name of the medium.

    Raises:
        InputError: With the problems of all traces, each with its file, row and column.
    """
    traces, problems = dict[str, RateTrace](), list[Problem]()
    for medium in topology.media:
        try:
            traces[medium.name] = read_trace(folder / medium.trace, medium)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return traces


def with_rates(topology: Topology, bit_per_s: Mapping[str, float]) -> Topology:
    """Return the topology with a rate for every link of the media that are named; the others need none any more."""
    links = [
        link if link.medium is None or link.medium not in bit_per_s
        else link.model_copy(update={"bit_per_s": bit_per_s[link.medium]})
        for link in topology.links
    ]  # fmt: skip
    left = tuple(medium for medium in topology.media if medium.name not in bit_per_s)
    return topology.model_copy(update={"links": tuple(links), "media": left})


def with_planned_rates(topology: Topology, traces: Mapping[str, RateTrace]) -> Topology:
    """Return the topology with every medium that has a trace at the percentile that it states."""
    return with_rates(
        topology, {medium.name: traces[medium.name].at_percentile(medium.percentile) for medium in topology.media}
    )


def read_trace(path: Path, medium: Medium) -> RateTrace:
    """Read and check the trace of a medium.

    Raises:
        InputError: With the first problems found, each with its row and column.
    """
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise input_error("not UTF-8 text", "give a CSV file", file=str(path)) from None
    reader = csv.reader(io.StringIO(text), strict=True)
    table = _Table(medium)
    findings = list(_limited(table.read(reader)))
    if not findings:
        findings = list(_limited(_sample_findings(table, medium)))
    if findings:
        raise InputError([Problem(str(path), where, shown(value), what, fix) for where, value, what, fix in findings])
    return RateTrace(tuple(table.time_s), tuple(table.bit_per_s), digest_of(data))


class _Table:
    """The two columns of a trace that count, as far as they are read."""

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        self.time_s: list[float] = []
        self.bit_per_s: list[float] = []
        self.lines: list[int] = []
        """Line of the file that each sample stands in, from 1."""

    def read(self, reader: _Rows) -> Iterator[Finding]:
        """Take all rows in, and yield what is wrong with single ones."""
        try:
            header = [name.strip() for name in next(reader, [])]
            missing = list(_header_findings(header, self._medium.column))
            yield from missing
            if missing:
                return
            places = header.index(TIME), header.index(self._medium.column)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield from self._row(reader.line_num, cells, header, places)
        except csv.Error as error:
            yield f"line {reader.line_num}", None, f"not CSV: {error}", "give plain values, separated by commas"
            return
        if not self.lines:
            yield "", None, "the trace has no rows", "give a row for each sample"

    def _row(
        self, line: int, cells: Sequence[str], header: Sequence[str], places: tuple[int, int]
    ) -> Iterator[Finding]:
        self.lines.append(line)
        if len(cells) != len(header):
            fix = "give every row a value (or nothing) for each column"
            yield f"line {line}", len(cells), f"{len(header)} columns are named, and the row has another number", fix
            return
        columns = ((self.time_s, 1.0), (self.bit_per_s, BIT_PER_S[self._medium.unit]))
        for place, (into, scale) in zip(places, columns, strict=True):
            where, value = f"line {line}, {header[place]}", _number(cells[place], scale)
            if not cells[place].strip():
                yield where, None, "the value is missing", "give a number, or leave the row out"
            elif value is None:
                yield where, cells[place], "not a finite number", f"give a plain number, {MOST:g} at most"
            elif value < 0.0 and into is self.bit_per_s:
                yield where, value / scale, "a negative rate", "give a rate from 0 on, or leave the row out"
            elif into is self.time_s and into and value <= into[-1]:
                fix = "sort the rows by time, and keep one for each time"
                yield where, value, f"not later than the row before ({format_quantity(into[-1], 's')})", fix
                into.append(value)
            else:
                into.append(value)


def _header_findings(header: Sequence[str], column: str) -> Iterator[Finding]:
    for name in dict.fromkeys((TIME, column)):
        if name not in header:
            near = nearest_name(name, tuple(header))
            known = ", ".join(header) or "none"
            hint = f"did you mean {near!r}?" if near else "use one that is there"
            fix = f"{hint} (columns: {known})"
            yield "line 1", None, f"there is no column {name!r}", fix
        elif header.count(name) > 1:
            yield "line 1", name, "this column stands twice", "keep one of the two"
    if column == TIME:
        yield "line 1", column, "the column of rates is that of the time", "name the column that holds the rate"


def _sample_findings(table: _Table, medium: Medium) -> Iterator[Finding]:
    """Report gaps, and a rate to plan for that carries nothing."""
    steps = [later - earlier for earlier, later in pairwise(table.time_s)]
    usual = median(steps) if steps else math.inf
    longest = GAP_STEPS * usual if medium.max_gap_s is None else medium.max_gap_s
    for line, step in zip(table.lines[1:], steps, strict=True):
        if step > longest * (1.0 + 1e-9):
            limit = (
                f"{GAP_STEPS:g} times the median step of {format_quantity(usual, 's')}"
                if medium.max_gap_s is None
                else "max_gap_s"
            )
            fix = f"fill the gap, cut the trace there, or let the medium {medium.name!r} have max_gap_s {step:g}"
            yield (
                f"line {line}, {TIME}",
                step,
                f"a gap longer than {format_quantity(longest, 's')} ({limit}) before this row",
                fix,
            )
    if RateTrace((), tuple(table.bit_per_s)).at_percentile(medium.percentile) < LEAST:
        share = sum(rate < LEAST for rate in table.bit_per_s) / len(table.bit_per_s)
        what = f"the rate at percentile {medium.percentile:g} is 0, so nothing could be carried"
        fix = f"let the medium {medium.name!r} have a percentile above {100.0 * share:.4g}"
        fix = fix if share < 1.0 else "give a trace in which the medium carries anything"
        yield medium.column, 0.0, f"{what} ({100.0 * share:.4g} % of all samples are 0)", fix


def _number(cell: str, scale: float) -> float | None:
    """Return a cell's value times the scale, None where that is no number that can be computed with."""
    try:
        value = float(cell) * scale
    except ValueError:
        return None
    return value if abs(value) <= MOST and "_" not in cell else None


def _limited(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the first findings, then how many more there are."""
    count = 0
    for count, finding in enumerate(findings, start=1):
        if count <= _MOST_PROBLEMS:
            yield finding
    if count > _MOST_PROBLEMS:
        yield "", None, f"{count - _MOST_PROBLEMS} more problems", "mend these first"
