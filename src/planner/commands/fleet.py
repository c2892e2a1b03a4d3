"""`planner fleet`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.command import command
from planner.commands.exit_codes import status_code
from planner.commands.options import AsJson, TimeLimit
from planner.commands.output import GROUPS, say, say_json
from planner.fleet.method import FLEET_METHODS
from planner.units import parse_fraction, parse_quantity

FleetPath = Annotated[Path, typer.Argument(help="Users in classes: a fleet file (its tables are found beside it).")]
TopologyPath = Annotated[Path, typer.Option("--topology", help="Shared nodes and links: a topology file.")]
Method = Annotated[str, typer.Option("--method", help=f"{', '.join(FLEET_METHODS)}.")]
Gap = Annotated[str, typer.Option(help="Relative gap of whole users that counts as proved, such as 0.01 or 1%.")]
ServeMost = Annotated[bool, typer.Option("--serve-most", help="Plan as many users as can be served.")]
Jobs = Annotated[int, typer.Option(min=1, max=1024, help="Threads (or actors) that price classes.")]
Hosts = Annotated[int, typer.Option(min=1, max=16, help="Shared nodes considered at most from one attach node.")]
Engine = Annotated[str, typer.Option(help="Where classes are priced: local, or ray (--jobs actors).")]
Address = Annotated[str | None, typer.Option(help="Ray cluster (host:port, or auto); none: one on this machine.")]
Before = Annotated[Path | None, typer.Option("--from", help="Placement to plan again from; its plans are kept.")]
Moves = Annotated[
    int | None,
    typer.Option("--most-moves", min=0, help="Users of --from who may move, beside those whose plan is ruled out."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="File for the placement as JSON, or its groups as .parquet."),
    GROUPS,
]


@command
def fleet_command(
    fleet: FleetPath,
    topology: TopologyPath,
    method: Method = "fleet",
    gap: Gap = "1%",
    time_limit: TimeLimit = None,
    serve_most: ServeMost = False,
    jobs: Jobs = 1,
    hosts: Hosts = 6,
    engine: Engine = "local",
    address: Address = None,
    before: Before = None,
    most_moves: Moves = None,
    output: Output = None,
    as_json: AsJson = False,
) -> int:
    """Plan all users of a fleet together: least power within every limit and the shared capacity, with a bound."""
    from planner.collection import collection_paused
    from planner.files.fleet import fleet_file, fleet_json
    from planner.fleet.method import FleetOptions
    from planner.fleet.reading.files import read_fleet
    from planner.pipeline.fleet import FleetRequest, answer_fleet, keep_memory, read_before, read_shared
    from planner.progress import bounding
    from planner.text.fleet import fleet_text

    seconds = None if time_limit is None else parse_quantity(time_limit, "s", "--time-limit")
    relative = parse_fraction(gap, "--gap")
    with collection_paused():
        with fleet_file(output) as write:
            read = read_fleet(fleet)
            network = read_shared(topology, read.inputs)
            held = None if before is None else read_before(before, read.inputs)
            with bounding("planning") as progress:
                options = FleetOptions(
                    gap=relative, time_limit_s=seconds, serve_most=serve_most, jobs=jobs, progress=progress,
                    engine=engine, address=address, most_moves=most_moves,
                )  # fmt: skip
                request = FleetRequest(read.columns, read.models, network, method, options, hosts, read.inputs, held)
                answer = answer_fleet(request)
            placement = answer.placement
            write(placement)
        if output is not None and output.suffix.lower() != ".parquet":
            keep_memory(output, answer.memory)
    if as_json:
        say_json(fleet_json(placement))
    if not as_json or not placement.groups:
        say(fleet_text(placement), err=not placement.groups)
    return status_code(placement.status)
