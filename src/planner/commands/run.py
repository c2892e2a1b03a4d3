"""`planner run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.commands.command import command
from planner.commands.exit_codes import EXIT_INTERRUPTED, EXIT_OTHER
from planner.commands.options import AsJson, Output
from planner.commands.output import say

if TYPE_CHECKING:
    from planner.pipeline.execution import RunRequest
    from planner.running.agents.errors import RunFailedError


@command
def run_command(
    pieces: Annotated[Path, typer.Argument(help="Folder of pieces, from planner split.")],
    nodes: Annotated[Path, typer.Option(help="Addresses of agents by node (JSON).")],
    data: Annotated[Path, typer.Option(help="Samples (.npz), with labels where accuracy is wanted.")],
    topology: Annotated[Path | None, typer.Option(help="Topology that was planned, to predict and emulate.")] = None,
    plan: Annotated[str | None, typer.Option(help="Plan of the folder to run (default: the first).")] = None,
    placement: Annotated[Path | None, typer.Option(help="Placement, for the energy that it predicts.")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Samples to run (default: all of the data once).")] = None,
    rate: Annotated[float | None, typer.Option(min=1e-3, max=1e6, help="Samples started per second.")] = None,
    in_flight: Annotated[int | None, typer.Option(min=1, max=10_000, help="Most samples under way at once.")] = None,
    emulate_links: Annotated[bool, typer.Option("--emulate-links", help="Hold messages as the links would.")] = False,
    timeout: Annotated[str, typer.Option(help="Longest time without any result, such as 30s.")] = "30s",
    keys: Annotated[Path | None, typer.Option(help="Folder of keys, if the agents have them.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Policy of placements: switch plans by state.")] = None,
    states: Annotated[Path | None, typer.Option(help="States that the policy was made for.")] = None,
    output: Output = None,
    as_json: AsJson = False,
) -> int:
    """Run pieces on agents, and set what is measured beside what was predicted."""
    from planner.pipeline.execution import RunRequest
    from planner.running.agents.errors import RunFailedError
    from planner.running.requirements import require
    from planner.units import parse_quantity

    require("onnx", "onnxruntime", "pyzmq", doing="running pieces")
    request = RunRequest(
        pieces=pieces,
        nodes=nodes,
        data=data,
        topology=topology,
        plan=plan,
        placement=placement,
        samples=samples,
        rate_per_s=rate,
        in_flight=in_flight,
        emulate_links=emulate_links,
        timeout_s=parse_quantity(timeout, "s", "--timeout"),
        keys=keys,
        policy=policy,
        states=states,
    )
    try:
        failure = _run(request, output, as_json)
    except RunFailedError as error:
        failure = error
    except KeyboardInterrupt:
        say("interrupted: the run was ended on all agents", err=True)
        return EXIT_INTERRUPTED
    if failure is not None:
        say(f"error: {failure}", err=True)
        return EXIT_OTHER
    return 0


def _run(request: RunRequest, output: Path | None, as_json: bool) -> RunFailedError | None:
    """Write the record of a run, and return why it ended early where it did."""
    from planner.commands.results import written
    from planner.pipeline.execution import execute
    from planner.running.agents.errors import RunFailedError
    from planner.text.run import run_text

    failure = None
    with written(output, as_json) as give:
        try:
            run = execute(request)
        except RunFailedError as error:
            if error.run is None:
                raise
            run, failure = error.run, error
        give(lambda: run.model_dump(mode="json"), run_text(run), True)
    return failure
