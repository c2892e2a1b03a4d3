"""`planner schema`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from planner.commands.command import command
from planner.commands.options import Output
from planner.commands.output import json_text
from planner.schemas.reading.problems import advice_for, input_error

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
    output: Output = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the schema, as without this option.")] = False,
) -> int:
    """Print the JSON Schema of a file format (all formats without a name)."""
    from planner.commands.results import written
    from planner.schemas.export import DOCUMENTS, json_schema

    if name and name not in DOCUMENTS:
        raise input_error("there is no such format", advice_for(name, DOCUMENTS, len(DOCUMENTS)), value=name)
    schemas = {each: json.loads(json_schema(each)) for each in ([name] if name else DOCUMENTS)}
    schema = schemas[name] if name else schemas
    with written(output, as_json) as give:
        give(lambda: schema, json_text(schema), True)
    return 0
