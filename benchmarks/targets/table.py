"""The table of targets as text for people, Markdown and JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.report import markdown
from benchmarks.targets.figures import Figure

_COLUMNS = ("work", "measured", "sweeps", "target", "")


@dataclass(frozen=True)
class Measured:
    """One row of the registry."""

    name: str
    sweep_s: float | None
    """CPU seconds of the yardstick in the same process, None where the row failed."""
    figures: tuple[Figure, ...]


def _quantity(value: float, unit: str) -> str:
    """Write a number with its unit; seconds in a unit that fits."""
    if unit == "s":
        return f"{value:.3g} s" if value >= 1.0 else f"{value * 1e3:.3g} ms"
    return f"{value:.3g} {unit}"


def _cells(measured: Measured) -> list[tuple[str, ...]]:
    rows = []
    for figure in measured.figures:
        value, sweeps, target = "-", "", ""
        if figure.value is not None:
            value = _quantity(figure.value, figure.unit)
            if figure.unit == "s" and measured.sweep_s:
                sweeps = f"{figure.value / measured.sweep_s:.3g}"
        if figure.target is not None:
            target = f"{'at least' if figure.at_least else 'at most'} {_quantity(figure.target, figure.unit)}"
        what = figure.what + (f" ({figure.note})" if figure.note else "")
        rows.append((what, value, sweeps, target, figure.verdict))
    return rows


def machine_text(found: Sequence[Measured]) -> str:
    """Name the class of machine and the yardstick.

    Args:
        found: What was measured.
    """
    sweeps = [row.sweep_s for row in found if row.sweep_s]
    yardstick = f"{min(sweeps) * 1e3:.2f} to {max(sweeps) * 1e3:.2f} ms" if sweeps else "not measured"
    return (
        f"CPU time on one core of a machine with {os.cpu_count()} cores ({platform.machine()}, Python "
        f"{platform.python_version()}, NumPy {np.__version__}), the least of several runs, each row in a process of "
        "its own. A sweep is a NumPy min-plus sweep over 24 tables of 400 x 400 in the same process "
        f"({yardstick} in this run), so ratios hold on other machines too."
    )


def markdown_table(found: Sequence[Measured]) -> str:
    """Return the table as Markdown.

    Args:
        found: What was measured.
    """
    return markdown(_COLUMNS, [cells for row in found for cells in _cells(row)])


def json_text(found: Sequence[Measured]) -> str:
    """Return everything that was measured as JSON.

    Args:
        found: What was measured.
    """
    rows = [asdict(row) | {"figures": [asdict(each) | {"verdict": each.verdict} for each in row.figures]}
            for row in found]  # fmt: skip
    return json.dumps({"machine": machine_text(found), "rows": rows}, indent=1) + "\n"


def print_table(found: Sequence[Measured]) -> None:
    """Print the table.

    Args:
        found: What was measured.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title="targets", title_justify="left")
    for index, column in enumerate(_COLUMNS):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in found:
        for cells in _cells(row):
            table.add_row(*cells)
    console = Console()
    console.print(table)
    console.print(machine_text(found), markup=False, highlight=False)
