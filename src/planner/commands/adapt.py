"""`planner adapt`: designs of a device (CARIn), or placements on a topology."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from planner.commands.adapt_placement import adapt_placement
from planner.commands.exits import EXIT_INFEASIBLE, exit_codes
from planner.commands.options import (
    AppName,
    AsJson,
    Destination,
    Gap,
    MaxEnergy,
    MaxLatency,
    MinAccuracy,
    ModelPath,
    Objective,
    Pin,
    Rate,
    Source,
    Statistic,
    Thresholds,
    TimeLimit,
    WorkloadPath,
    options_of,
    per_exit,
)
from planner.schemas.reading.problems import input_error

DesignsPath = Annotated[Path | None, typer.Argument(help="What each task may run on the device: a designs file.")]
MaxDesigns = Annotated[int | None, typer.Option(min=1, help="Most joint designs to hold ready (default: no bound).")]
TransferFrom = Annotated[Path | None, typer.Option(help="Designs file of another device, whose best is tried here.")]
TopologyPath = Annotated[Path | None, typer.Option("--topology", help="For placements: nodes and links.")]
StatesPath = Annotated[Path | None, typer.Option("--states", help="For placements: what may happen to the topology.")]
PolicyOutput = Annotated[Path | None, typer.Option("--output", "-o", help="File for the policy as JSON.")]


@exit_codes
def adapt_command(
    designs: DesignsPath = None,
    max_designs: MaxDesigns = None,
    transfer_from: TransferFrom = None,
    topology: TopologyPath = None,
    states: StatesPath = None,
    model: ModelPath = None,
    workload: WorkloadPath = None,
    app_name: AppName = None,
    source: Source = None,
    destination: Destination = None,
    rate: Rate = None,
    max_latency: MaxLatency = None,
    latency: Statistic = None,
    min_accuracy: MinAccuracy = None,
    max_energy: MaxEnergy = None,
    objective: Objective = None,
    pin: Pin = None,
    gap: Gap = "0",
    time_limit: TimeLimit = None,
    thresholds: Thresholds = "common",
    output: PolicyOutput = None,
    as_json: AsJson = False,
) -> int:
    """Choose what to run in every state of a device or a topology, before any comes about."""
    from planner.commands.inputs import Limits, Sources
    from planner.fin.method import Options

    limits = Limits(
        source, destination, rate, max_latency, latency, min_accuracy, max_energy, objective, tuple(pin or ())
    )
    of_designs = {"--max-designs": max_designs, "--transfer-from": transfer_from}
    of_placements = {
        "--model": model, "--workload": workload, "--topology": topology, "--states": states, "--app": app_name,
        **dict.fromkeys(limits.given(), True), "--gap": None if gap == "0" else gap, "--time-limit": time_limit,
        "--thresholds": None if thresholds == "common" else thresholds,
    }  # fmt: skip
    _refuse_a_mixture(designs, _given(of_designs), _given(of_placements))
    if designs is not None:
        return adapt_designs(designs, max_designs, transfer_from, output, as_json)
    if topology is None or states is None:
        missing = " and ".join(name for name in ("--topology", "--states") if of_placements[name] is None)
        raise input_error(f"placements need {missing}", "give --model or --workload, --topology and --states")
    sources = Sources(topology, model, workload, app_name)
    options = options_of(gap, time_limit, Options.gamma)
    return adapt_placement(sources, limits, states, options, per_exit(thresholds), output, as_json)


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
    """Make the policy of a designs file, write it and print it; return the exit code."""
    from planner.adaptation.designs import policy_of
    from planner.commands.results import written
    from planner.progress import waiting
    from planner.text.designs import policy_text

    with written(output, as_json) as give:
        with waiting("scoring joint designs"):
            policy = policy_of(designs, max_designs, transfer_from)
        give(policy.model_dump(mode="json"), policy_text(policy), policy.diagnosis is None)
    return EXIT_INFEASIBLE if policy.diagnosis is not None else 0
