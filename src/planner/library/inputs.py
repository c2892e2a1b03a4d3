"""Inputs of the library: models, topologies and workloads by value, dict or path; limits of one app by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, TypeVar

from planner.files.reading import read_input, read_topology, single_app
from planner.pipeline.prepared import PreparedTopology, prepared
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.workload import App, Workload
from planner.schemas.reading.base import Document
from planner.schemas.reading.files import check_document
from planner.schemas.reading.problems import input_error

DocumentT = TypeVar("DocumentT", bound=Document)
ModelLike = Model | Mapping[str, object] | str | Path
TopologyLike = Topology | PreparedTopology | Mapping[str, object] | str | Path
WorkloadLike = Workload | Mapping[str, object] | str | Path
Pins = Mapping[str, str | Sequence[str]]


class AppLimits(TypedDict, total=False):
    """What is asked of one app; every key is an argument of `planner.plan`, which describes it."""

    source: str | None
    destination: str | None
    rate_per_s: float | None
    max_latency_s: float | None
    latency: str | None
    min_accuracy: float | None
    max_energy_j: float | None
    limits: Mapping[str, float] | None
    objective: str | None
    pin: Pins | None


@dataclass(frozen=True)
class PlanningInputs:
    """Every app that is asked for with its model, and what they run on."""

    apps: tuple[tuple[App, Model], ...]
    topology: Topology
    inputs: Mapping[str, str]
    """Hash of every input file, by its name."""
    prepared: PreparedTopology | None = None


def load_model(source: ModelLike) -> Model:
    """Return a checked model.

    Args:
        source: A path (of a model file, a bundle or an ONNX file), a dict as in the file, or a model.

    Raises:
        InputError: The input cannot be used; the error holds every problem found.

    Example:
        >>> planner.load_model("examples/small.json").blocks[0].name
        'a'
    """
    return document(source, Model, {})


def load_topology(source: Topology | Mapping[str, object] | str | Path) -> Topology:
    """Return a checked topology; media with a trace get the rate at the percentile that they state.

    Args:
        source: A path, a dict as in the file, or a topology.

    Raises:
        InputError: The input cannot be used; the error holds every problem found.
    """
    if isinstance(source, (str, Path)):
        return read_topology(Path(source), {})
    return document(source, Topology, {})


def load_workload(source: WorkloadLike) -> Workload:
    """Return a checked workload.

    Args:
        source: A path, a dict as in the file, or a workload. Its models are read where it is planned.

    Raises:
        InputError: The input cannot be used; the error holds every problem found.
    """
    return document(source, Workload, {})


def prepare(topology: TopologyLike) -> PreparedTopology:
    """Turn a topology into arrays once, for many plans on it: `plan`, `compare` and `pareto` take the result.

    Kept are the expanded packages, nodes and links as arrays, and, for methods that use them, the efficient routes
    between all pairs of nodes. In CPU time a plan by `exact` takes about a sixth less on a package of 256 chiplets, one
    by `gamma` half on 36.

    Args:
        topology: A path, a dict as in the file, or a topology.

    Raises:
        InputError: The input cannot be used; the error holds every problem found.

    Example:
        >>> board = planner.prepare("examples/mcm.json")
        >>> print(*(planner.plan("examples/vit.json", board, max_latency_s=t).status for t in (0.001, 0.04)))
        infeasible optimal
    """
    if isinstance(topology, PreparedTopology):
        return topology
    inputs: dict[str, str] = {}
    return prepared(topology_of(topology, inputs), tuple(inputs.items()))


def planning_inputs(
    model: ModelLike | None,
    topology: TopologyLike | None,
    workload: WorkloadLike | None,
    models: Mapping[str, Model] | None,
    limits: AppLimits,
) -> PlanningInputs:
    """Read and check what a function of the library was given.

    Raises:
        InputError: An input is missing or cannot be used; the error holds every problem found.
    """
    if topology is None or (model is None) == (workload is None):
        raise input_error("give a topology, and either a model or a workload", "see help(planner.plan)")
    inputs: dict[str, str] = {}
    given = {name: value for name, value in limits.items() if value is not None}
    if model is not None:
        name = str(model) if isinstance(model, (str, Path)) else None
        read = document(model, Model, inputs)
        if pins := limits.get("pin"):
            given["pin"] = {block: [on] if isinstance(on, str) else list(on) for block, on in pins.items()}
        if most := limits.get("limits"):
            given["limits"] = dict(most)
        apps: tuple[tuple[App, Model], ...] = ((single_app({"model": name or read.name, **given}), read),)
    else:
        if given:
            fix = f"write them into the workload, or leave out {', '.join(given)}"
            raise input_error("limits stand in the workload, and are arguments too", fix)
        assert workload is not None
        apps = _apps_of(workload, models or {}, inputs)
    kept = topology if isinstance(topology, PreparedTopology) else None
    return PlanningInputs(apps, topology_of(topology, inputs), inputs, kept)


def document(
    source: DocumentT | Mapping[str, object] | str | Path, schema: type[DocumentT], inputs: dict[str, str]
) -> DocumentT:
    """Return a checked document of a value, a dict or a path; the hash of a file is noted in `inputs`."""
    if isinstance(source, schema):
        return source
    if isinstance(source, (str, Path)):
        return read_input(Path(source), schema, inputs)
    if not isinstance(source, Mapping):
        fix = f"give a path, a dict or a planner.{schema.__name__}"
        raise input_error(f"a value of type {type(source).__name__} is no {schema.__name__.lower()}", fix)
    return check_document({"schema_version": "1", **source}, schema, schema.__name__.lower())


def topology_of(source: TopologyLike, inputs: dict[str, str]) -> Topology:
    """Return a checked topology of a value, a dict or a path; hashes of files are noted in `inputs`."""
    if isinstance(source, PreparedTopology):
        inputs.update(source.inputs)
        return source.topology
    if isinstance(source, (str, Path)):
        return read_topology(Path(source), inputs)
    return document(source, Topology, inputs)


def _apps_of(
    workload: WorkloadLike, models: Mapping[str, Model], inputs: dict[str, str]
) -> tuple[tuple[App, Model], ...]:
    """Return every app with its model; a file that several apps name is read once."""
    folder = Path(workload).parent if isinstance(workload, (str, Path)) else Path()
    apps = document(workload, Workload, inputs).apps
    known = dict(models)
    for app in apps:
        if app.model not in known:
            known[app.model] = read_input(folder / app.model, Model, inputs)
    return tuple((app, known[app.model]) for app in apps)
