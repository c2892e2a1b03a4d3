"""`planner pareto`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.commands.command import command
from planner.commands.exit_codes import EXIT_INFEASIBLE, EXIT_UNKNOWN
from planner.commands.options import AUTO, Constraints, Sources, Thresholds, TimeLimit, per_exit, time_limit_s
from planner.commands.output import say

if TYPE_CHECKING:
    from planner.pipeline.pareto import Watch
    from planner.schemas.planning.front import Front

MostPoints = Annotated[int | None, typer.Option("--max-points", min=1, help="Stop after this number of points.")]
FrontOutput = Annotated[Path | None, typer.Option("--output", "-o", help="File for the front as JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the front as CSV, in SI units.")]


@command
def pareto_command(
    sources: Sources,
    limits: Constraints,
    thresholds: Thresholds = "common",
    max_points: MostPoints = None,
    time_limit: TimeLimit = None,
    output: FrontOutput = None,
    as_csv: AsCsv = False,
) -> int:
    """Find every trade-off of energy, latency and accuracy that no other plan beats, with proof."""
    from planner.commands.inputs import read_request
    from planner.fin.method import Options
    from planner.pipeline.pareto import pareto

    options = Options(time_limit_s=time_limit_s(time_limit))
    with _written(output) as give:
        request = read_request(sources, limits, AUTO, options, per_exit(thresholds))
        with _progress() as watch:
            front = pareto(request, max_points, options.time_limit_s, watch)
        give.append(front)
    _report(front, as_csv)
    return {"infeasible": EXIT_INFEASIBLE, "unknown": EXIT_UNKNOWN}.get(front.status, 0)


@contextmanager
def _written(output: Path | None) -> Iterator[list[Front]]:
    """Hand out a list; the front put into it is written whole, and a file that cannot be shows before any work."""
    import json
    from contextlib import nullcontext

    from planner.files.writing import placement_json, whole_file

    given: list[Front] = []
    with nullcontext() if output is None else whole_file(output) as file:
        yield given
        if file is not None:
            json.dump(placement_json(given[0]), file, indent=2)
            file.write("\n")


@contextmanager
def _progress() -> Iterator[Watch]:
    """Show how many points are found, and at which accuracy the search is; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    errors = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("searching")

        def watch(found: int, accuracy: float) -> None:
            progress.update(task, description=f"{found} points, searching accuracy {accuracy:.4g} and below")

        yield watch


def _report(front: Front, as_csv: bool) -> None:
    """Print the result; without a plan the reasons go to the error stream."""
    from planner.text.front import front_csv, front_text

    if as_csv:
        say(front_csv(front).removesuffix("\n"))
        if front.status == "partial":
            say(f"partial: {front.message}", err=True)
    if not as_csv or not front.points:
        say(front_text(front), err=not front.points)
