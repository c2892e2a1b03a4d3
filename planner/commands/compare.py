"""`planner compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fin.method import METHODS, Options
from planner.commands.exits import EXIT_INFEASIBLE, EXIT_UNKNOWN, exit_codes
from planner.commands.options import (
    AUTO,
    AppName,
    Destination,
    Gamma,
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

if TYPE_CHECKING:
    from planner.pipeline import Request


@exit_codes
def compare_command(
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
    methods: Annotated[str, typer.Option(help="Methods to compare, separated by commas.")] = ",".join(METHODS),
    gap: Gap = "0",
    time_limit: TimeLimit = "10s",
    gamma: Gamma = Options.gamma,
    thresholds: Thresholds = "common",
) -> int:
    """Run every method on the same inputs, in one table."""
    from planner.inputs import Limits, Sources, read_request

    limits = Limits(
        source, destination, rate, max_latency, latency, min_accuracy, max_energy, objective, tuple(pin or ())
    )
    sources = Sources(topology, model, workload, app_name)
    request = read_request(sources, limits, AUTO, options_of(gap, time_limit, gamma), per_exit(thresholds))
    return _compare(request, [name.strip() for name in methods.split(",")])


def _compare(request: Request, methods: list[str]) -> int:
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from fin.method import method
    from planner.compare import HEADINGS, cells, compare
    from planner.pipeline import instance_of

    instance_of(request)  # input errors show before anything runs
    for name in methods:
        method(name)
    errors = Console(stderr=True)
    steps = track(
        compare(request, methods),
        "comparing",
        len(methods),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    rows = list(steps)
    values = [row.value for row in rows if row.value is not None]
    best = min(values, default=None)
    table = Table(*HEADINGS)
    for row in rows:
        table.add_row(*cells(row, best))
    console = Console()
    Console(width=console.width if console.is_terminal else 160).print(table)
    for row in rows:
        if row.placement.message:
            typer.echo(f"{row.method}: {row.placement.message}")
    if values:
        return 0
    return EXIT_INFEASIBLE if any(row.placement.status == "infeasible" for row in rows) else EXIT_UNKNOWN
