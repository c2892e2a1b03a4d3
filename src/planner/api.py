"""The library: `plan` takes typed inputs (or paths of files) and returns a typed, verified placement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from planner.files.reading import read_input, read_topology, single_app
from planner.fin.method import Options
from planner.pipeline.dispatch import answer
from planner.pipeline.request import AUTO, request_of
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import Placement
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.workload import App, Workload
from planner.schemas.reading.problems import input_error

DocumentT = TypeVar("DocumentT", Model, Workload)
Apps = tuple[tuple[App, Model], ...]


def plan(
    model: Model | str | Path | None = None,
    topology: Topology | str | Path | None = None,
    *,
    workload: Workload | str | Path | None = None,
    models: Mapping[str, Model] | None = None,
    source: str | None = None,
    destination: str | None = None,
    rate_per_s: float | None = None,
    max_latency_s: float | None = None,
    latency: str | None = None,
    min_accuracy: float | None = None,
    max_energy_j: float | None = None,
    objective: str | None = None,
    pin: Mapping[str, Sequence[str]] | None = None,
    method: str = AUTO,
    gap: float = 0.0,
    time_limit_s: float | None = None,
    gamma: int = Options.gamma,
    per_exit_thresholds: bool = False,
) -> Placement:
    """Place one DNN on a topology, or all apps of a workload together.

    Args:
        model: The model, or the path of its file.
        topology: The topology, or the path of its file.
        workload: Apps with their limits, or the path of their file, instead of a model; limits of one app are not
            given then. Several apps are planned together for least power.
        models: Models by the name that apps give them (default: files beside the workload's, or in the current folder).
        source: Node that holds the input (default: the first mobile node, else the first).
        destination: Node that needs the results (default: they stay where they are made).
        rate_per_s: Inferences per second (default: 0, a single one that loads no capacity).
        max_latency_s: Latency limit in seconds.
        latency: Which latency counts: `worst` (the default), `mean` or a percentile such as `p95`.
        min_accuracy: Least accuracy as a fraction (default: the best that the model offers).
        max_energy_j: Energy limit of one inference in joules.
        objective: What is minimised, `energy` (the default) or `latency`.
        pin: Nodes that a block may run on, by block.
        method: `auto`, or the name of a method (`fin.method.METHODS`; for several apps `clear.method.JOINT_METHODS`).
        gap: Relative gap at which an answer counts as proved.
        time_limit_s: Seconds after which the best plan so far is returned with its gap.
        gamma: Latency levels of the method `gamma`.
        per_exit_thresholds: Design operating points with one threshold per exit.

    Returns:
        The placement, verified. `status` tells optimal, feasible, infeasible (with a `diagnosis`) and unknown apart.

    Raises:
        InputError: An input cannot be used; the error holds every problem found.
    """
    if topology is None or (model is None) == (workload is None):
        raise input_error("give a topology, and either a model or a workload", "see help(planner.plan)")
    limits = {
        "source": source,
        "destination": destination,
        "rate_per_s": rate_per_s,
        "max_latency_s": max_latency_s,
        "latency": latency,
        "min_accuracy": min_accuracy,
        "max_energy_j": max_energy_j,
        "objective": objective,
        "pin": None if pin is None else {block: list(nodes) for block, nodes in pin.items()},
    }
    inputs: dict[str, str] = {}
    if model is not None:
        name = str(model) if isinstance(model, (str, Path)) else model.name
        apps: Apps = ((single_app({"model": name, **limits}), _document(model, Model, inputs)),)
    elif workload is not None:
        _check_no_limits(limits)
        apps = _apps_of(workload, models or {}, inputs)
    options = Options(gap=gap, time_limit_s=time_limit_s, gamma=gamma)
    network = read_topology(Path(topology), inputs) if isinstance(topology, (str, Path)) else topology
    return answer(request_of(apps, network, method, options, per_exit_thresholds, inputs))


def _check_no_limits(limits: Mapping[str, object]) -> None:
    if given := [name for name, value in limits.items() if value is not None]:
        fix = f"write them into the workload, or leave out {', '.join(given)}"
        raise input_error("limits stand in the workload, and are arguments too", fix)


def _apps_of(workload: Workload | str | Path, models: Mapping[str, Model], inputs: dict[str, str]) -> Apps:
    """Return every app with its model; a file that several apps name is read once."""
    folder = Path(workload).parent if isinstance(workload, (str, Path)) else Path()
    apps = _document(workload, Workload, inputs).apps
    known = dict(models)
    for app in apps:
        if app.model not in known:
            known[app.model] = read_input(folder / app.model, Model, inputs)
    return tuple((app, known[app.model]) for app in apps)


def _document(value: DocumentT | str | Path, schema: type[DocumentT], inputs: dict[str, str]) -> DocumentT:
    return read_input(Path(value), schema, inputs) if isinstance(value, (str, Path)) else value
