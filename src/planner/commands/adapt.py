"""`planner adapt`: designs of a device (CARIn), or placements on a topology."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from planner.commands.adapt_placement import adapt_placement
from planner.commands.command import command
from planner.commands.exit_codes import EXIT_INFEASIBLE
from planner.commands.options import DEFAULT_SEARCH, AsJson, Limits, Output, PartialSources, Search
from planner.schemas.reading.problems import input_error

DesignsPath = Annotated[Path | None, typer.Argument(help="What each task may run on the device: a designs file.")]
MaxDesigns = Annotated[int | None, typer.Option(min=1, help="Most joint designs to hold ready (default: no bound).")]
TransferFrom = Annotated[Path | None, typer.Option(help="Designs file of another device, whose best is tried here.")]
StatesPath = Annotated[Path | None, typer.Option("--states", help="For placements: what may happen to the topology.")]


@command
def adapt_command(
    files: PartialSources,
    limits: Limits,
    designs: DesignsPath = None,
    max_designs: MaxDesigns = None,
    transfer_from: TransferFrom = None,
    states: StatesPath = None,
    search: Search = DEFAULT_SEARCH,
    output: Output = None,
    as_json: AsJson = False,
) -> int:
    """Choose what to run in every state of a device or a topology, before any comes about."""
    of_designs = {"--max-designs": max_designs, "--transfer-from": transfer_from}
    of_placements = [*files.given(), *_given({"--states": states}), *limits.given(), *search.given()]
    _refuse_a_mixture(designs, _given(of_designs), of_placements)
    if designs is not None:
        return adapt_designs(designs, max_designs, transfer_from, output, as_json)
    if files.topology is None or states is None:
        missing = [name for name, path in (("--topology", files.topology), ("--states", states)) if path is None]
        fix = "give --model or --workload, --topology and --states"
        raise input_error(f"placements need {' and '.join(missing)}", fix)
    return adapt_placement(files, limits, states, search, output, as_json)


def _given(options: Mapping[str, object]) -> list[str]:
    return [name for name, value in options.items() if value is not None]


def _refuse_a_mixture(designs: Path | None, of_designs: list[str], of_placements: list[str]) -> None:
    """Refuse options of both kinds of policy, or of neither."""
    if designs is not None and of_placements:
        fix = f"give the designs file alone, or leave it out and keep {', '.join(of_placements)}"
        raise input_error("designs of a device and placements on a topology are two policies", fix, value=str(designs))
    if designs is None and of_designs:
        raise input_error(f"{', '.join(of_designs)} needs a designs file", "name one, or leave the option out")
    if designs is None and not of_placements:
        fix = "give a designs file, or --model (or --workload) with --topology and --states"
        raise input_error("there is nothing to adapt", fix)


def adapt_designs(
    designs: Path, max_designs: int | None, transfer_from: Path | None, output: Path | None, as_json: bool
) -> int:
    """Make the policy of a designs file, write it and print it; return the exit code.

    Args:
        designs: The designs file.
        max_designs: Most joint designs to hold ready; None for no bound.
        transfer_from: Designs file of another device; None for none.
        output: File for the policy as JSON.
        as_json: Print the policy as JSON.

    Returns:
        The exit code.
    """
    from planner.adaptation.designs import policy_of
    from planner.commands.results import written
    from planner.progress import waiting
    from planner.text.designs import policy_text

    with written(output, as_json) as give:
        with waiting("scoring joint designs"):
            policy = policy_of(designs, max_designs, transfer_from)
        give(lambda: policy.model_dump(mode="json"), policy_text(policy), policy.diagnosis is None)
    return EXIT_INFEASIBLE if policy.diagnosis is not None else 0
