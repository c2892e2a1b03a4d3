"""`planner export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.command import command
from planner.commands.output import EXPORT, say
from planner.schemas.reading.printable import printable


@command
def export_command(
    results: Annotated[Path, typer.Argument(help="The folder that planner bench wrote.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="File for the table (.csv or .parquet)."),
        EXPORT,
    ],
) -> int:
    """Write the rows of a suite as a table, in the order of its cases."""
    from planner.bench.results.export import export_table

    done = export_table(results, output)
    missing = f"; {done.cases - done.rows} have no row yet" if done.rows < done.cases else ""
    outside = f"; {done.outside} further rows of cases that the suite no longer has" if done.outside else ""
    say(f"{printable(str(output))}: {done.rows} rows of {done.cases} cases{missing}{outside}", err=True)
    return 0
