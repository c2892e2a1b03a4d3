"""`planner adapt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.exits import EXIT_INFEASIBLE, exit_codes
from planner.commands.options import AsJson
from schemas.problems import input_error

DesignsPath = Annotated[Path | None, typer.Argument(help="What each task may run on the device: a designs file.")]
MaxDesigns = Annotated[int | None, typer.Option(min=1, help="Most joint designs to hold ready (default: no bound).")]
TransferFrom = Annotated[Path | None, typer.Option(help="Designs file of another device, whose best is tried here.")]
PolicyOutput = Annotated[Path | None, typer.Option("--output", "-o", help="File for the policy as JSON.")]


@exit_codes
def adapt_command(
    designs: DesignsPath = None,
    max_designs: MaxDesigns = None,
    transfer_from: TransferFrom = None,
    output: PolicyOutput = None,
    as_json: AsJson = False,
) -> int:
    """Choose what to run in every state of a device, before any comes about."""
    if designs is None:
        raise input_error("there is nothing to adapt", "give a designs file: planner adapt designs.json -o policy.json")
    return adapt_designs(designs, max_designs, transfer_from, output, as_json)


def adapt_designs(
    designs: Path, max_designs: int | None, transfer_from: Path | None, output: Path | None, as_json: bool
) -> int:
    """Make the policy of a designs file, write it and print it; return the exit code."""
    from planner.adapting import policy_of
    from planner.commands.results import written
    from planner.progress import waiting
    from planner.render_policy import policy_text

    with written(output, as_json) as give:
        with waiting("scoring joint designs"):
            policy = policy_of(designs, max_designs, transfer_from)
        give(policy.model_dump(mode="json"), policy_text(policy), policy.diagnosis is None)
    return EXIT_INFEASIBLE if policy.diagnosis is not None else 0
