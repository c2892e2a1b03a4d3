"""`planner compare`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.commands.command import command
from planner.commands.exit_codes import EXIT_INFEASIBLE, EXIT_UNKNOWN
from planner.commands.options import AsJson, Gamma, Jobs, Limits, Search, Sources
from planner.commands.output import TABLE, say
from planner.fin.method import Options
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from planner.library.comparison import Comparison


_TEN_SECONDS = Search(time_limit="10s")
Methods = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME[,NAME]", help="Methods to compare (default: all). May be repeated.", show_default=False),
]
Trace = Annotated[bool, typer.Option("--trace", help="Step through the traces of the topology's media.")]
Step = Annotated[str | None, typer.Option(help="With --trace: time between two plans (default: 10s).")]
ColdSteps = Annotated[
    int | None, typer.Option(min=0, help="With --trace: steps planned from scratch as well (default: 0).")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="File for the rows: JSON, or a table as CSV by suffix."),
    TABLE,
]


@command
def compare_command(
    sources: Sources,
    limits: Limits,
    methods: Methods = None,
    search: Search = _TEN_SECONDS,
    gamma: Gamma = Options.gamma,
    jobs: Jobs = Options.jobs,
    output: Output = None,
    as_json: AsJson = False,
    trace: Trace = False,
    step: Step = None,
    cold_steps: ColdSteps = None,
) -> int:
    """Run every method on the same inputs, in one table; or one plan and plans made anew on measured rates."""
    from planner.commands.inputs import asked_for
    from planner.commands.results import written
    from planner.library.comparison import compare
    from planner.text.table import terminal_width

    _check_options(trace, methods, {"--step": step, "--cold-steps": cold_steps})
    if trace:
        from planner.commands.compare_trace import compare_trace

        options, per_exit = search.options(gamma, jobs), search.per_exit()
        return compare_trace(sources, limits, options, per_exit, step or "10s", cold_steps or 0, output, as_json)
    names = [name.strip() for each in methods or () for name in each.split(",")] or None
    if gamma != Options.gamma and names is not None and "gamma" not in names:
        raise input_error("this option means nothing without the method gamma", "leave it out", path="--gamma")
    asked, given = asked_for(sources, limits), search.arguments()
    with written(output, as_json) as give:
        with _progress() as watch:
            comparison = compare(
                **asked, **given, methods=names, gamma=gamma, jobs=jobs, watch=lambda row: watch(row.method)
            )
        text = comparison.summary(terminal_width(), notes=True)
        give(comparison.to_json, text, True, comparison.to_csv)
    reasons = (row.placement.diagnosis for row in comparison if row.placement.diagnosis is not None)
    if comparison.best is None and (reason := next(reasons, None)) is not None:
        say(f"infeasible: {reason.summary}", err=True)
    return _exit_code(comparison)


def _exit_code(comparison: Comparison) -> int:
    if comparison.best is not None:
        return 0
    return EXIT_INFEASIBLE if any(row.placement.status == "infeasible" for row in comparison) else EXIT_UNKNOWN


def _check_options(trace: bool, methods: list[str] | None, of_traces: dict[str, object]) -> None:
    """Raise InputError for options that mean nothing with --trace, or nothing without it."""
    if trace and methods:
        raise input_error("this option means nothing with --trace", "leave it out", path="--methods")
    for name, value in of_traces.items() if not trace else ():
        if value is not None:
            message, fix = "this option means nothing without --trace", "add --trace, or leave it out"
            raise input_error(message, fix, path=name)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Hand out what takes the name of every method that is done, and shows it where a person watches."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    errors = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("comparing")
        yield lambda done: progress.update(task, description=f"comparing: {done} is done")
