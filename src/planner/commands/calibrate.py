"""`planner calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.command import command
from planner.commands.output import FOLDER, say


@command
def calibrate_command(
    run: Annotated[Path, typer.Argument(help="The record of a run, from planner run -o.")],
    model: Annotated[Path, typer.Option(help="The model that ran: a model file or a bundle.")],
    topology: Annotated[Path, typer.Option(help="The topology that was planned.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the corrected files."),
        FOLDER,
    ],
) -> int:
    """Write profiles and links as a run measured them, to plan with again."""
    from planner.library.measuring import calibrate

    found = calibrate(run, model, topology)
    found.write(output)
    kind = "" if found.bundle is None else " (a bundle: plan with it, and split it)"
    say(f"wrote {output}: model.json and topology.json as measured{kind}", err=True)
    return 0
