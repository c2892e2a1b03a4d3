"""`planner compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.commands.command import command
from planner.commands.exit_codes import EXIT_INFEASIBLE, EXIT_UNKNOWN
from planner.commands.options import AsJson, Gamma, Limits, Search, Sources
from planner.commands.output import say, say_json
from planner.fin.method import Options
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from planner.pipeline.compare import Row
    from planner.pipeline.request import AnyRequest


_TEN_SECONDS = Search(time_limit="10s")


@command
def compare_command(
    sources: Sources,
    limits: Limits,
    methods: Annotated[
        str | None, typer.Option(help="Methods to compare, separated by commas (default: all).", show_default=False)
    ] = None,
    search: Search = _TEN_SECONDS,
    gamma: Gamma = Options.gamma,
    as_json: AsJson = False,
    trace: Annotated[bool, typer.Option("--trace", help="Step through the traces of the topology's media.")] = False,
    step: Annotated[str | None, typer.Option(help="With --trace: time between two plans (default: 10s).")] = None,
    cold_steps: Annotated[
        int | None, typer.Option(min=0, help="With --trace: steps planned from scratch as well (default: 0).")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="With --trace: CSV, a row per step.")] = None,
) -> int:
    """Run every method on the same inputs, in one table; or one plan and plans made anew on measured rates."""
    from planner.commands.inputs import read_compared
    from planner.pipeline.request import together

    of_traces = {"--step": step, "--cold-steps": cold_steps, "--output": output}
    _check_options(trace, {"--methods": methods, "--json": as_json or None}, of_traces)
    if trace:
        from planner.commands.compare_trace import compare_trace

        return compare_trace(
            sources, limits, search.options(gamma), search.per_exit(), step or "10s", cold_steps or 0, output
        )
    names = None if methods is None else [name.strip() for name in methods.split(",")]
    request, chosen = read_compared(sources, limits, names, search.options(gamma), search.per_exit())
    rows = _rows(request, chosen)
    if as_json:
        from planner.pipeline.compare import row_json

        say_json([row_json(row) for row in rows])
    else:
        _print(rows, together(request))
    if any(row.value is not None for row in rows):
        return 0
    return EXIT_INFEASIBLE if any(row.placement.status == "infeasible" for row in rows) else EXIT_UNKNOWN


def _check_options(trace: bool, only_without: Mapping[str, object], only_with: Mapping[str, object]) -> None:
    """Raise InputError for options that mean nothing with --trace, or nothing without it."""
    for name, value in (only_without if trace else only_with).items():
        if value is not None:
            message = f"this option means nothing {'with' if trace else 'without'} --trace"
            raise input_error(message, "leave it out" if trace else "add --trace, or leave it out", path=name)


def _rows(request: AnyRequest, methods: Sequence[str]) -> list[Row]:
    """Run the methods, with a bar on the error stream where a person watches."""
    from rich.console import Console
    from rich.progress import track

    from planner.pipeline.compare import compare

    errors = Console(stderr=True)
    silent = not errors.is_terminal
    return list(
        track(compare(request, methods), "comparing", len(methods), console=errors, transient=True, disable=silent)
    )


def _print(rows: Sequence[Row], together: bool) -> None:
    from planner.pipeline.compare import OPTIONAL, best_value, cells, headings
    from planner.schemas.reading.printable import printable
    from planner.text.table import fitted, table_lines, terminal_width

    best = best_value(rows)
    table = [headings(rows, together), *(cells(row, best, together) for row in rows)]
    for line in table_lines(fitted(table, OPTIONAL, terminal_width())):
        say(line)
    messages = dict.fromkeys(row.placement.message for row in rows if row.placement.message)
    for message in messages:
        names = ", ".join(row.method for row in rows if row.placement.message == message)
        say(f"{names}: {printable(message)}")
