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
    from planner.running.pieces.plans import read_plans
    from planner.running.pieces.splitting import split_plans, write_pieces
    from planner.running.requirements import require
    from planner.text.pieces import pieces_text

    require("onnx", "onnxruntime", doing="splitting networks")
    with waiting("splitting"):
        manifest, files = split_plans(*read_plans(network, plan))
        write_pieces(files, output)
    if as_json:
        say_json(manifest.model_dump(mode="json"))
    else:
        say(pieces_text(manifest, {name: len(data) for name, data in files.items()}))
    say(f"wrote {output}", err=True)
    return 0
