"""`planner bench`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.commands.command import command
from planner.commands.exit_codes import EXIT_OTHER
from planner.commands.options import AsJson
from planner.commands.output import FOLDER, say, say_json
from planner.process import Ended, orderly_end
from planner.schemas.reading.printable import printable
from planner.schemas.reading.problems import input_error
from planner.schemas.reading.quantities import format_quantity

if TYPE_CHECKING:
    from planner.bench.runner import SuiteSummary


@command
def bench_command(
    suite: Annotated[Path, typer.Argument(help="The suite: a TOML file.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the rows."), FOLDER],
    as_json: AsJson = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Cases at once (default: one per processor).")] = None,
    engine: Annotated[str, typer.Option(help="Where cases run: local or ray.")] = "local",
    address: Annotated[str | None, typer.Option(help="Address of the Ray cluster, such as 10.0.0.1:6379.")] = None,
) -> int:
    """Run a suite of requests; what is done is kept, and the same command goes on where an earlier one ended."""
    from planner.bench.runner import run_suite

    if address is not None and engine == "local":
        raise input_error(
            "this option means nothing on this machine", "leave it out, or add --engine ray", path="--address"
        )
    try:
        with orderly_end():
            summary = run_suite(suite, output, jobs=jobs, engine_name=engine, address=address)
    except Ended as ended:
        say("stopped; what is done is kept: run the same command again to go on", err=True)
        return ended.exit_code
    if as_json:
        say_json(asdict(summary))
    else:
        say(_text(summary, output))
    if summary.errors:
        failed = f"error: {summary.errors} of {summary.cases} cases have the status error"
        say(f"{failed}; the column message of the table says why", err=True)
        return EXIT_OTHER
    return 0


def _text(summary: SuiteSummary, output: Path) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in summary.statuses.items())
    folder = printable(str(output))
    lines = [f"{printable(summary.suite)}: {summary.cases} cases: {counts}"]
    others = summary.cases - summary.before - summary.run
    parts = [f"{summary.run} run in {format_quantity(summary.seconds, 's')}", f"{summary.before} were there before"]
    parts += [f"{others} were run by other processes"] if others else []
    if summary.outside:
        parts.append(f"{summary.outside} rows of cases that the suite no longer has are kept")
    return "\n".join([*lines, f"{folder}: {', '.join(parts)}; planner export {folder} -o table.csv writes the table"])
