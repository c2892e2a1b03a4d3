"""Inputs of the library: models, topologies and workloads by value, dict or path; limits of one app by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from planner.files.reading import read_input, read_topology, single_app
from planner.library.pins import read_pins
from planner.pipeline.prepared import PreparedTopology, prepared
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.variants import Pair, by_app, variants_of
from planner.schemas.planning.workload import POWER, AppLimits, Pins, Workload
from planner.schemas.reading.base import Document
from planner.schemas.reading.files import check_document, is_folder
from planner.schemas.reading.problems import advice_for, input_error
from planner.units import limits_in_units

DocumentT = TypeVar("DocumentT", bound=Document)
ModelLike = Model | Mapping[str, object] | str | Path
TopologyLike = Topology | PreparedTopology | Mapping[str, object] | str | Path
WorkloadLike = Workload | Mapping[str, object] | str | Path


ModelsLike = ModelLike | Sequence[ModelLike]
"""A model, or several of which one is chosen."""


class Asked(AppLimits, total=False):
    """What functions of the library are asked for: files or values, and limits of one app."""

    model: ModelsLike | None
    topology: TopologyLike | None
    workload: WorkloadLike | None


_FILES = ("model", "topology", "workload")


@dataclass(frozen=True)
class PlanningInputs:
    """Every app that is asked for with its model, and what they run on."""

    apps: tuple[Pair, ...]
    """An app that names several models stands here with each of them in turn."""
    topology: Topology
    inputs: Mapping[str, str]
    """Hash of every input file, by its name."""
    prepared: PreparedTopology | None = None
    limits: Mapping[str, object] = field(default_factory=dict)
    """Limits that were given beside the files, by the name of the argument."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path of every input that was given by more than its name, by that name."""
    objective: str = POWER
    """What all apps of a workload together are planned for."""


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
    between all pairs of nodes. The topology is then checked and expanded once; every search still takes its own time.

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
    model: ModelsLike | None,
    topology: TopologyLike | None,
    workload: WorkloadLike | None,
    models: Mapping[str, Model] | None,
    limits: AppLimits,
) -> PlanningInputs:
    """Read and check what a function of the library was given.

    Args:
        model: The model, or several of which one is chosen; None with a workload.
        topology: The topology, which must be given.
        workload: The workload, or None with a model.
        models: Models by the name that apps give them.
        limits: Limits of one app, by the name of the argument; beside a workload only `app`, or the `objective` of all.

    Returns:
        Every app with its model, the topology, hashes of files, and the limits given.

    Raises:
        InputError: An input is missing or cannot be used; the error holds every problem found.
    """
    if topology is None or (model is None) == (workload is None):
        raise input_error("give a topology, and either a model or a workload", "see planner plan -h or help(planner)")
    inputs: dict[str, str] = {}
    read_limits = {name: _plain(value) for name, value in limits.items()}
    given = {name: value for name, value in read_limits.items() if value is not None and value != []}
    nodes, objective = topology_of(topology, inputs), POWER
    if workload is not None:
        read = _workload_of(workload, inputs, given)
        objective = read.objective if "app" not in given else POWER
        apps = _chosen(_apps_of(workload, read, models or {}, inputs), limits.get("app"))
    else:
        assert model is not None
        if limits.get("app") is not None:
            raise input_error("an app is chosen from a workload, and none is given", "leave it out", path="app")
        if isinstance(most := given.get("limits"), Mapping):
            given["limits"] = limits_in_units(most, {each.name: each.unit for each in nodes.metrics})
        apps = _app_of(model, inputs, given)
    kept = topology if isinstance(topology, PreparedTopology) else None
    limits_given = {name: given[name] for name in sorted(given)}
    files = _files_of([topology, workload, *(model if isinstance(model, (list, tuple)) else [model])], inputs)
    return PlanningInputs(apps, nodes, inputs, kept, limits_given, files, objective)


def _plain(value: object) -> object:
    """Turn scalars and arrays of NumPy, and ranges, into numbers and lists, which files can hold."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [_plain(each) for each in value]
    to_python = getattr(value, "tolist", None)
    return value if to_python is None else to_python()


def _files_of(sources: Sequence[object], inputs: Mapping[str, str]) -> dict[str, str]:
    """Return the paths of inputs by their names, of those whose path says more than the name."""
    files: dict[str, str] = {}
    for source in sources:
        if isinstance(source, (str, Path)):
            path = Path(source)
            path = path / "model.json" if is_folder(path) else path
            if path.name in inputs and str(path) not in inputs:
                files.setdefault(path.name, str(path))
    return files


def planned_from(asked: Asked, models: Mapping[str, Model] | None = None) -> PlanningInputs:
    """Read and check what is asked for, as `planning_inputs` does.

    Args:
        asked: Files or values, and limits of one app.
        models: Models by the name that apps give them.

    Raises:
        InputError: An input is missing or cannot be used; the error holds every problem found.
    """
    limits: AppLimits = {key: value for key, value in asked.items() if key not in _FILES}  # type: ignore[assignment] # the same keys
    return planning_inputs(asked.get("model"), asked.get("topology"), asked.get("workload"), models, limits)


def _app_of(model: ModelsLike, inputs: dict[str, str], given: dict[str, object]) -> tuple[Pair, ...]:
    """Return the one app that limits describe with each of its models, by which names of blocks are resolved."""
    fields = {name: value for name, value in given.items() if name != "pin"}
    if isinstance(size := given.get("batch"), int):
        fields["batch"] = [size]
    if not isinstance(model, (list, tuple)):
        read = document(cast(ModelLike, model), Model, inputs)
        name = str(model) if isinstance(model, (str, Path)) else read.name
        pins = _pins_of(read, given)
        return ((single_app({"model": name, **fields, **({"pin": pins} if pins else {})}), read),)
    models = tuple(document(each, Model, inputs) for each in model)
    app = single_app({"model": _names_of(model, models), **fields})
    pinned = [_pins_of(each, given) for each in models]
    pins = {block: nodes for each in pinned for block, nodes in each.items()}
    return variants_of(app.model_copy(update={"pin": {b: tuple(nodes) for b, nodes in pins.items()}}), models)


def _names_of(sources: Sequence[ModelLike], models: Sequence[Model]) -> list[str]:
    """Return what tells alternatives apart: names of files where these differ, else whole paths; names of values."""
    files = [Path(source).name for source in sources if isinstance(source, (str, Path))]
    names = []
    for source, model in zip(sources, models, strict=True):
        path = Path(source) if isinstance(source, (str, Path)) else None
        names.append(model.name if path is None else path.name if files.count(path.name) == 1 else str(path))
    return names


def _pins_of(model: Model, given: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the nodes of pinned blocks of a model, by name."""
    return read_pins(cast(Pins, given.get("pin", {})), [block.name for block in model.blocks])


def _chosen(apps: tuple[Pair, ...], name: str | None) -> tuple[Pair, ...]:
    """Return all apps, or the one of that name."""
    names = list(by_app(apps))
    if name is not None and name not in names:
        raise input_error("the workload has no app of this name", advice_for(name, names), path="app", value=name)
    return tuple(pair for pair in apps if name in (None, pair[0].name))


def document(
    source: DocumentT | Mapping[str, object] | str | Path, schema: type[DocumentT], inputs: dict[str, str]
) -> DocumentT:
    """Check a document that is given as a value, a dict or a path.

    Args:
        source: A value of the schema, a dict as in its file, or a path.
        schema: What it must fit.
        inputs: Hashes by name, which a file's is added to.

    Returns:
        The document; a value of the schema is returned as it is.

    Raises:
        InputError: The input cannot be used; the error holds every problem found.
    """
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


def _workload_of(workload: WorkloadLike, inputs: dict[str, str], given: Mapping[str, object]) -> Workload:
    """Return a checked workload, with the objective that is given beside it."""
    if limits := [name for name in given if name not in ("app", "objective")]:
        fix = f"write them into the workload, or leave out {', '.join(limits)}"
        raise input_error("limits stand in the workload, and are given beside it too", fix)
    read = document(workload, Workload, inputs)
    if "objective" not in given:
        return read
    if "app" in given:
        message = "an objective beside a workload is that of all apps, and one app is chosen"
        raise input_error(message, "write it into the app, or leave one of the two out", path="objective")
    changed = {**read.model_dump(mode="json", exclude_unset=True), "objective": given["objective"]}
    return check_document(changed, Workload, "workload")


def _apps_of(
    workload: WorkloadLike, read: Workload, models: Mapping[str, Model], inputs: dict[str, str]
) -> tuple[Pair, ...]:
    """Return every app with its model; a file that several apps name is read once."""
    folder = Path(workload).parent if isinstance(workload, (str, Path)) else Path()
    known = dict(models)
    for name in (name for app in read.apps for name in app.models):
        if name not in known:
            known[name] = read_input(folder / name, Model, inputs)
    return tuple(pair for app in read.apps for pair in variants_of(app, [known[name] for name in app.models]))
