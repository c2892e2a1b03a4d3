"""`planner adapt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.adapt_placement import adapt_placement
from planner.commands.exits import exit_codes
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
    TopologyPath,
    WorkloadPath,
    options_of,
    per_exit,
)


@exit_codes
def adapt_command(
    topology: TopologyPath,
    states: Annotated[Path, typer.Option("--states", help="What may happen to the topology: a states file.")],
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
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File for the policy as JSON.")] = None,
    as_json: AsJson = False,
) -> int:
    """Choose a plan for every state of a topology, ahead of time."""
    from fin.method import Options
    from planner.inputs import Limits, Sources

    limits = Limits(
        source, destination, rate, max_latency, latency, min_accuracy, max_energy, objective, tuple(pin or ())
    )
    sources = Sources(topology, model, workload, app_name)
    options = options_of(gap, time_limit, Options.gamma)
    return adapt_placement(sources, limits, states, options, per_exit(thresholds), output, as_json)
