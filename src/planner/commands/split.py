"""`planner split`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.command import command
from planner.commands.options import AsJson
from planner.commands.output import FOLDER, say, say_json


@command
def split_command(
    network: Annotated[Path, typer.Argument(help="A bundle (or an ONNX file, or a workload of bundles).")],
    plan: Annotated[Path, typer.Argument(help="The placement, or the policy of placements.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the pieces."), FOLDER],
    as_json: AsJson = False,
) -> int:
    """Cut a network into the pieces of a plan, and check that they compute what the whole does."""
    from planner.progress import waiting
    from planner.running.library import split
    from planner.text.pieces import pieces_text

    with waiting("splitting"):
        manifest = split(network, plan, output)
    if as_json:
        say_json(manifest.model_dump(mode="json"))
    else:
        files = (piece.file for each in manifest.plans for piece in each.pieces)
        say(pieces_text(manifest, {name: (output / name).stat().st_size for name in files}))
    say(f"wrote {output}", err=True)
    return 0
