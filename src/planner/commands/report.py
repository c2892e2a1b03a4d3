"""`planner report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.command import command
from planner.commands.options import Limits, PartialSources
from planner.commands.output import PAGE, note, say
from planner.schemas.reading.printable import printable

Shown = Annotated[Path, typer.Argument(help="A placement, a front, a run, or a folder (or CSV) of results.")]
PageOutput = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="File for the page (.html)."), PAGE]


@command
def report_command(shown: Shown, files: PartialSources, limits: Limits, output: PageOutput) -> int:
    """Draw a plan, a front, a run or results as one HTML page that needs no network."""
    from planner.commands.inputs import asked_for
    from planner.files.writing import whole_file
    from planner.library.pages import page_of
    from planner.progress import waiting
    from planner.report.page import page_html

    with whole_file(output) as file:
        page = page_of(shown, asked_for(files, limits), note=note)
        with waiting("drawing"):
            file.write(page_html(page))
    say(f"wrote {printable(str(output))}", err=True)
    return 0
