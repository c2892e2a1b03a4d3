"""`planner export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.command import command


@command
def export_command(
    results: Annotated[Path, typer.Argument(help="The folder that planner bench wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table: a file that ends in .csv or .parquet.")],
) -> int:
    """Write the rows of a suite as a table, in the order of its cases."""
    from planner.bench.results.export import export_table

    rows, cases = export_table(results, output)
    missing = f"; {cases - rows} have no row yet" if rows < cases else ""
    typer.echo(f"{output}: {rows} rows of {cases} cases{missing}", err=True)
    return 0
