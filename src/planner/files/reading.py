"""Reading of input files with their hashes: topologies with the traces of their media, and the limits of one app."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import BaseModel

from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.workload import App, Workload
from planner.schemas.reading.files import check_document, is_folder, read_document

if TYPE_CHECKING:
    from planner.schemas.planning.traces import RateTrace

SchemaT = TypeVar("SchemaT", bound=BaseModel)


def single_app(fields: Mapping[str, object]) -> App:
    """Check the limits of one app that no workload file holds; raise InputError with every problem."""
    given = {name: value for name, value in fields.items() if value is not None}
    return check_document({"schema_version": "1", "apps": [given]}, Workload, "limits").apps[0]


def read_topology(path: Path, inputs: dict[str, str]) -> Topology:
    """Read a topology; media that have a trace get the rate at the percentile that they state.

    Raises:
        InputError: With every problem of the topology, or else of all traces.
    """
    topology, traces = read_measured(path, inputs)
    if not traces:
        return topology
    from planner.schemas.planning.traces import with_planned_rates

    return with_planned_rates(topology, traces)


def read_measured(path: Path, inputs: dict[str, str]) -> tuple[Topology, dict[str, RateTrace]]:
    """Read a topology as it is, and the traces of its media by name; raise InputError as `read_topology` does."""
    topology = read_input(path, Topology, inputs)
    if not topology.media:
        return topology, {}
    from planner.schemas.planning.traces import read_traces

    traces = read_traces(topology, path.parent)
    for file, digest in {path.parent / medium.trace: traces[medium.name].digest for medium in topology.media}.items():
        _note(file, digest, inputs)
    return topology, traces


def read_input(path: Path, schema: type[SchemaT], inputs: dict[str, str]) -> SchemaT:
    """Read a file and note its hash under its name, or its whole path where another input has that name.

    A model may also be a bundle (a folder), or an ONNX file, which is imported on the way.

    Args:
        path: The file.
        schema: What it must fit.
        inputs: Hashes by name, which the file's is added to.

    Returns:
        The checked document.
    """
    if schema is Model and is_folder(path):
        path = path / "model.json"
    if schema is Model and path.suffix.lower() == ".onnx":
        return cast(SchemaT, _imported(path, inputs))
    document, digest = read_document(path, schema)
    _note(path, digest, inputs)
    return document


def _imported(path: Path, inputs: dict[str, str]) -> Model:
    """Import an ONNX file as a model, and note the hash of the file."""
    from planner.running.graph.importing import import_onnx
    from planner.running.graph.options import ImportOptions
    from planner.running.requirements import require

    require("onnx", "onnxruntime", doing="importing networks")
    bundle = import_onnx(path, ImportOptions())
    _note(path, bundle.cuts.source, inputs)
    return bundle.model


def _note(path: Path, digest: str, inputs: dict[str, str]) -> None:
    inputs[str(path) if path.name in inputs else path.name] = digest
