"""`planner check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.exits import EXIT_OTHER, exit_codes
from planner.commands.options import (
    AppName,
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
    TopologyPath,
    WorkloadPath,
)
from planner.units import parse_fraction


@exit_codes
def check_command(
    placement: Annotated[Path, typer.Argument(help="The placement file to check.")],
    topology: TopologyPath,
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
    gap: Gap = "1e-6",
) -> int:
    """Check a placement against its inputs, with code that shares nothing with the solvers."""
    from planner.commands.inputs import Limits, Sources, read_checked
    from planner.schemas.planning.placement import Placement
    from planner.schemas.reading.files import read_document
    from planner.verifier.verify import verify

    limits = Limits(
        source, destination, rate, max_latency, latency, min_accuracy, max_energy, objective, tuple(pin or ())
    )
    asked = read_checked(Sources(topology, model, workload, app_name), limits)
    held, _ = read_document(placement, Placement)
    violations = verify(held, asked.topology, asked.apps, parse_fraction(gap, "--gap"))
    for violation in violations:
        where = ": ".join(part for part in (violation.app, violation.what) if part)
        typer.echo(f"broken: {where}: {violation.message}")
    if not violations and held.apps:
        typer.echo(f"{placement}: stands ({held.status}); energy, latency, accuracy and every limit recomputed")
    elif not violations:
        typer.echo(f"{placement}: holds no plan to check ({held.status})")
    return EXIT_OTHER if violations else 0
