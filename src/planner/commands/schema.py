"""`planner schema`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from planner.commands.command import command
from planner.commands.output import say, say_json
from planner.schemas.reading.problems import input_error

FORMATS = (
    *("model", "topology", "workload", "placement", "states", "placement-policy", "designs", "policy", "front"),
    *("suite", "cuts", "manifest", "nodes", "run", "fleet", "fleet-placement", "sites"),
)


@command
def schema_command(
    name: Annotated[
        str,
        typer.Argument(help=f"{', '.join(FORMATS)}."),
    ] = "",
) -> int:
    """Print the JSON Schema of a file format (all formats without a name)."""
    from planner.schemas.export import DOCUMENTS, json_schema

    if name and name not in DOCUMENTS:
        raise input_error("there is no such format", f"use one of {', '.join(DOCUMENTS)}", value=name)
    if name:
        say(json_schema(name).removesuffix("\n"))
    else:
        say_json({each: json.loads(json_schema(each)) for each in DOCUMENTS})
    return 0
