"""What a case reports, how it is timed, and how it is printed."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol, TypeVar

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Report:
    """A table."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    """What was aimed at and whether it was met; says nothing at small sizes."""


class Case(Protocol):
    """A question with an answer in numbers. A case is a frozen dataclass: its fields are its specification."""

    @property
    def name(self) -> str:
        """Name on the command line."""

    def quick(self) -> Case:
        """Return a small version that shows that the case runs."""

    def run(self) -> Report:
        """Measure."""


def timed(work: Callable[[], ResultT]) -> tuple[float, ResultT]:
    """Return the seconds that some work took, and its result; garbage is collected before, not during."""
    gc.collect()
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of several runs."""
    return median(timed(work)[0] for _ in range(repeats))


def seconds_text(seconds: float) -> str:
    """Write seconds in a unit that fits."""
    return f"{seconds:.2f} s" if seconds >= 1.0 else f"{seconds * 1e3:.2f} ms"


def at_most(what: str, value: float, most: float, unit: str) -> str:
    """Name a target, and tell whether it is met."""
    return f"target: {what} at most {most:g} {unit}: {'met' if value <= most else 'missed'}"


def at_least(what: str, value: float, least: float, unit: str) -> str:
    """Name a target, and tell whether it is met."""
    return f"target: {what} at least {least:g} {unit}: {'met' if value >= least else 'missed'}"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def print_markdown(reports: Sequence[Report], with_targets: bool) -> None:
    """Print all tables as Markdown, for pages of docs."""
    for report in reports:
        print(f"{report.title}\n\n{markdown(report.columns, report.rows)}")
        for note in (*report.notes, *(report.targets if with_targets else ())):
            print(f"- {note}")
        print()


def print_reports(reports: Sequence[Report], with_targets: bool) -> None:
    """Print all tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for report in reports:
        table = Table(title=report.title, title_justify="left")
        for index, column in enumerate(report.columns):
            table.add_column(column, justify="left" if index == 0 else "right")
        for row in report.rows:
            table.add_row(*row)
        console.print(table)
        for note in (*report.notes, *(report.targets if with_targets else ())):
            console.print(f"  {note}", markup=False, highlight=False)
        console.print()
