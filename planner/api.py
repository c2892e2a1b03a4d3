"""The library: `plan` takes typed inputs (or paths of files) and returns a typed, verified placement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from fin.method import Options
from planner.pipeline import AUTO, Request, solve
from schemas.files import check_document, read_document
from schemas.model import Model
from schemas.placement import Placement
from schemas.topology import Topology
from schemas.traces import RateTrace, read_traces, with_planned_rates
from schemas.workload import App, Workload

SchemaT = TypeVar("SchemaT", bound=BaseModel)


def plan(
    model: Model | str | Path,
    topology: Topology | str | Path,
    *,
    source: str | None = None,
    destination: str | None = None,
    rate_per_s: float = 0.0,
    max_latency_s: float | None = None,
    latency: str = "worst",
    min_accuracy: float | None = None,
    max_energy_j: float | None = None,
    objective: str = "energy",
    pin: Mapping[str, Sequence[str]] | None = None,
    method: str = AUTO,
    gap: float = 0.0,
    time_limit_s: float | None = None,
    gamma: int = Options.gamma,
    per_exit_thresholds: bool = False,
) -> Placement:
    """Place one DNN on a topology.

    Args:
        model: The model, or the path of its file.
        topology: The topology, or the path of its file.
        source: Node that holds the input (default: the first mobile node, else the first).
        destination: Node that needs the results (default: they stay where they are made).
        rate_per_s: Inferences per second; 0 is a single one that loads no capacity.
        max_latency_s: Latency limit in seconds.
        latency: Which latency counts: `worst`, `mean` or a percentile such as `p95`.
        min_accuracy: Least accuracy as a fraction (default: the best that the model offers).
        max_energy_j: Energy limit of one inference in joules.
        objective: What is minimised, `energy` or `latency`.
        pin: Nodes that a block may run on, by block.
        method: `auto`, or the name of a method (`fin.method.METHODS`).
        gap: Relative gap at which an answer counts as proved.
        time_limit_s: Seconds after which the best plan so far is returned with its gap.
        gamma: Latency levels of the method `gamma`.
        per_exit_thresholds: Design operating points with one threshold per exit.

    Returns:
        The placement, verified. `status` tells optimal, feasible, infeasible (with a `diagnosis`) and unknown apart.

    Raises:
        InputError: An input cannot be used; the error holds every problem found.
    """
    fields = {
        "model": str(model) if isinstance(model, (str, Path)) else model.name,
        "source": source,
        "destination": destination,
        "rate_per_s": rate_per_s,
        "max_latency_s": max_latency_s,
        "latency": latency,
        "min_accuracy": min_accuracy,
        "max_energy_j": max_energy_j,
        "objective": objective,
        "pin": {block: list(nodes) for block, nodes in (pin or {}).items()},
    }
    inputs: dict[str, str] = {}
    request = Request(
        app=single_app(fields),
        model=read_input(Path(model), Model, inputs) if isinstance(model, (str, Path)) else model,
        topology=read_topology(Path(topology), inputs) if isinstance(topology, (str, Path)) else topology,
        method=method,
        options=Options(gap=gap, time_limit_s=time_limit_s, gamma=gamma),
        per_exit_thresholds=per_exit_thresholds,
        inputs=inputs,
    )
    return solve(request)


def single_app(fields: Mapping[str, object]) -> App:
    """Check the limits of one app that no workload file holds; raise InputError with every problem."""
    given = {name: value for name, value in fields.items() if value is not None}
    return check_document({"schema_version": "1", "apps": [given]}, Workload, "limits").apps[0]


def read_topology(path: Path, inputs: dict[str, str]) -> Topology:
    """Read a topology; media that have a trace get the rate at the percentile that they state.

    Raises:
        InputError: With every problem of the topology, or else of all traces.
    """
    return with_planned_rates(*read_measured(path, inputs))


def read_measured(path: Path, inputs: dict[str, str]) -> tuple[Topology, dict[str, RateTrace]]:
    """Read a topology as it is, and the traces of its media by name; raise InputError as `read_topology` does."""
    topology = read_input(path, Topology, inputs)
    traces = read_traces(topology, path.parent)
    for file, digest in {path.parent / medium.trace: traces[medium.name].digest for medium in topology.media}.items():
        _note(file, digest, inputs)
    return topology, traces


def read_input(path: Path, schema: type[SchemaT], inputs: dict[str, str]) -> SchemaT:
    """Read a file and note its hash under its name, or its whole path where another input has that name."""
    document, digest = read_document(path, schema)
    _note(path, digest, inputs)
    return document


def _note(path: Path, digest: str, inputs: dict[str, str]) -> None:
    inputs[str(path) if path.name in inputs else path.name] = digest
