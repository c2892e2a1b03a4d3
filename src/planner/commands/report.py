"""`planner report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.commands.command import command
from planner.commands.options import Limits, PartialSources
from planner.commands.output import say
from planner.schemas.reading.printable import printable
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from planner.report.page import Page

Shown = Annotated[Path, typer.Argument(help="A placement, a front, a run, or a folder (or CSV) of results.")]
PageOutput = Annotated[Path, typer.Option("--output", "-o", help="File for the page (HTML).")]


@command
def report_command(
    shown: Shown,
    files: PartialSources,
    limits: Limits,
    output: PageOutput,
) -> int:
    """Draw a plan, a front, a run or results as one HTML page that needs no network."""
    from planner.files.writing import whole_file
    from planner.progress import waiting
    from planner.report.page import page_html

    files.whole()
    with whole_file(output) as file:
        page = _page(shown, files, limits)
        with waiting("drawing"):
            file.write(page_html(page))
    say(f"wrote {printable(str(output))}", err=True)
    return 0


def _page(shown: Path, files: PartialSources, limits: Limits) -> Page:
    if shown.is_dir() or shown.suffix.lower() == ".csv":
        from planner.report.results.page import results_page
        from planner.report.results.reading import read_results

        if files.given() or limits.given():
            raise input_error("results carry their own inputs", "leave --topology and the rest out", file=str(shown))
        return results_page(read_results(shown))
    from planner.commands.report_checked import checked_page

    return checked_page(shown, files, limits)
