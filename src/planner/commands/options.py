"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.clear.method import JOINT_METHODS
from planner.fin.method import METHODS, Options
from planner.schemas.reading.problems import input_error
from planner.units import parse_fraction, parse_quantity

ModelPath = Annotated[Path | None, typer.Option("--model", help="The DNN: a model file.")]
TopologyPath = Annotated[Path, typer.Option("--topology", help="Nodes and links: a topology file.")]
WorkloadPath = Annotated[Path | None, typer.Option("--workload", help="Apps with their limits: a workload file.")]
AppName = Annotated[str | None, typer.Option("--app", help="App of the workload to take alone (default: all).")]
Source = Annotated[str | None, typer.Option(help="Node that holds the input (default: the first mobile node).")]
Destination = Annotated[str | None, typer.Option(help="Node that needs the results (default: none).")]
Rate = Annotated[float | None, typer.Option(help="Inferences per second (default: 0, a single one).")]
MaxLatency = Annotated[str | None, typer.Option(help="Latency limit, such as 50ms.")]
Statistic = Annotated[str | None, typer.Option("--latency", help="Which latency counts: worst, mean, p95, ...")]
MinAccuracy = Annotated[str | None, typer.Option(help="Least accuracy, such as 0.8 or 80% (default: the best).")]
MaxEnergy = Annotated[str | None, typer.Option(help="Energy limit of one inference, such as 20mJ.")]
Objective = Annotated[str | None, typer.Option(help="What is minimised: energy or latency.")]
Pin = Annotated[list[str] | None, typer.Option(help="BLOCK=NODE[,NODE]: where a block may run. May be repeated.")]
AUTO = "auto"
_TOGETHER = ", ".join(JOINT_METHODS)
MethodName = Annotated[
    str, typer.Option("--method", help=f"auto; for one app {', '.join(METHODS)}; for several {_TOGETHER}.")
]
Gap = Annotated[str, typer.Option(help="Relative gap that counts as proved, such as 0.01 or 1%.")]
TimeLimit = Annotated[str | None, typer.Option(help="Time after which the best plan so far is given, such as 10s.")]
Gamma = Annotated[int, typer.Option(min=1, max=100_000, help="Latency levels of the method gamma.")]
Thresholds = Annotated[str, typer.Option(help="Designed operating points: common threshold, or one per-exit.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="File for the placement as JSON.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def options_of(gap: str, time_limit: str | None, gamma: int) -> Options:
    """Return what every method may be asked; raise InputError for what is not a number."""
    seconds = None if time_limit is None else parse_quantity(time_limit, "s", "--time-limit")
    return Options(gap=parse_fraction(gap, "--gap"), time_limit_s=seconds, gamma=gamma)


def per_exit(thresholds: str) -> bool:
    """Tell whether designed points have a threshold per exit; raise InputError for another word."""
    if thresholds not in ("common", "per-exit"):
        raise input_error("no such choice", "use common or per-exit", path="--thresholds", value=thresholds)
    return thresholds == "per-exit"
