"""`planner pareto`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.commands.command import command
from planner.commands.exit_codes import status_code
from planner.commands.options import AsJson, Constraints, Sources, Thresholds, TimeLimit, per_exit, time_limit_s
from planner.commands.output import TABLE, say

if TYPE_CHECKING:
    from planner.pipeline.pareto import Watch

Axes = Annotated[
    str | None,
    typer.Option(
        metavar="FIGURE,FIGURE",
        help="Two of energy, latency, accuracy and the topology's metrics (default: energy, latency and accuracy).",
    ),
]
MostPoints = Annotated[int | None, typer.Option("--max-points", min=1, help="Stop after this number of points.")]
FrontOutput = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="File for the front: JSON, or a table as CSV by suffix."),
    TABLE,
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print the front as CSV, in SI units.")]


@command
def pareto_command(
    sources: Sources,
    limits: Constraints,
    axes: Axes = None,
    thresholds: Thresholds = "common",
    max_points: MostPoints = None,
    time_limit: TimeLimit = None,
    output: FrontOutput = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> int:
    """Find every trade-off of energy, latency and accuracy that no other plan beats, with proof."""
    from planner.commands.inputs import asked_for
    from planner.commands.results import written
    from planner.files.writing import placement_json
    from planner.library.front import pareto
    from planner.text.front import front_csv, front_text

    asked, limit_s, separate = asked_for(sources, limits), time_limit_s(time_limit), per_exit(thresholds)
    with written(output, as_json) as give:
        with _progress() as watch:
            compared = None if axes is None else tuple(axes.split(","))
            front = pareto(
                **asked, axes=compared, max_points=max_points, time_limit_s=limit_s, per_exit_thresholds=separate,
                watch=watch,
            )  # fmt: skip
        table = front_csv(front)
        shown = table.removesuffix("\n") if as_csv and front.points else front_text(front)
        give(lambda: placement_json(front), shown, bool(front.points), lambda: table)
    if front.status == "partial" and (as_csv or as_json):
        say(f"partial: {front.message}", err=True)
    return status_code(front.status)


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
