"""`planner calibrate`."""

from __future__ import annotations

import json
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
    from planner.files.writing import whole_file
    from planner.running.results.calibrating import calibrated_model, calibrated_topology
    from planner.schemas import Model, Topology, check_document
    from planner.schemas.bundles.run import Run
    from planner.schemas.reading.files import read_document, read_json
    from planner.schemas.reading.problems import input_error

    held, _ = read_document(run, Run)
    path = model / "model.json" if model.is_dir() else model
    raw_model, raw_topology = read_json(path), read_json(topology)
    network, nodes = check_document(raw_model, Model, str(path)), check_document(raw_topology, Topology, str(topology))
    documents = {
        "model.json": calibrated_model(held, network, raw_model, nodes),
        "topology.json": calibrated_topology(held, nodes, raw_topology),
    }
    check_document(documents["model.json"], Model, "model.json")
    check_document(documents["topology.json"], Topology, "topology.json")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the folder ({error.strerror or error})"
        raise input_error(message, "give another folder", file=str(output)) from None
    for name, document in documents.items():
        with whole_file(output / name) as file:
            json.dump(document, file, indent=1)
            file.write("\n")
    say(f"wrote {output}: model.json and topology.json as measured", err=True)
    return 0
