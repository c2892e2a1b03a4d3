"""Files of a suite, read once: all cases use the contents that were checked, on whatever machine they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from planner.bench.case import Scalar
from planner.files.reading import read_input, read_measured
from planner.schemas.batch.suite import Path as SettingPath
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.traces import with_planned_rates
from planner.schemas.planning.workload import Workload
from planner.schemas.reading.files import read_document
from planner.schemas.reading.problems import InputError, Problem

FileT = TypeVar("FileT", bound=BaseModel)


@dataclass(frozen=True)
class LoadedInputs:
    """Checked files by their paths relative to the suite, those that workloads name included."""

    topologies: Mapping[str, Topology]
    """Media that have a trace at the rate that they state."""
    models: Mapping[str, Model]
    workloads: Mapping[str, Workload]
    digests: Mapping[str, str]
    """``sha256:...`` of every file."""
    traces: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Paths of the traces of every topology that has any."""

    def models_of(self, workload: str) -> list[str]:
        """Return the paths of a workload's models, app by app."""
        return [path_beside(workload, name) for app in self.workloads[workload].apps for name in app.models]

    def inputs_of(self, settings: Mapping[SettingPath, Scalar]) -> dict[str, str]:
        """Return the hash of every file that a case with these settings reads, by path."""
        topology, model, workload = (settings.get((kind,)) for kind in ("topology", "model", "workload"))
        paths = [str(topology), *self.traces.get(str(topology), ())]
        paths += [str(model)] if workload is None else [str(workload), *self.models_of(str(workload))]
        return {path: self.digests[path] for path in paths}


def path_beside(file: str, named: str) -> str:
    """Return the path, relative to the suite, of a file that another file names relative to itself."""
    return str(Path(file).parent / named)


def load_inputs(folder: Path, settings: Iterable[Mapping[SettingPath, Scalar]]) -> LoadedInputs:
    """Read every file that cases name.

    Args:
        folder: Folder that paths are relative to.
        settings: Settings of every case.

    Raises:
        InputError: With every problem of every file.
    """
    named: dict[str, dict[str, None]] = {"topology": {}, "model": {}, "workload": {}}
    for each in settings:
        for kind, paths in named.items():
            if (path := each.get((kind,))) is not None:
                paths[str(path)] = None
    problems: list[Problem] = []
    digests: dict[str, str] = {}

    traces: dict[str, Sequence[str]] = {}

    def read(paths: Iterable[str], schema: type[FileT]) -> dict[str, FileT]:
        return _read_all(paths, lambda path: read_document(folder / path, schema), digests, problems)

    topologies = _read_all(named["topology"], lambda path: _topology(folder, path, traces, digests), digests, problems)
    workloads = read(named["workload"], Workload)
    apps = [(path, app) for path, workload in workloads.items() for app in workload.apps]
    of_workloads = [path_beside(path, name) for path, app in apps for name in app.models]
    paths = dict.fromkeys([*named["model"], *of_workloads])
    models = _read_all(paths, lambda path: _model(folder / path), digests, problems)
    if problems:
        raise InputError(problems)
    return LoadedInputs(topologies, models, workloads, digests, traces)


def _model(path: Path) -> tuple[Model, str]:
    """Return a model (of a file, a bundle or an ONNX network), and the hash of its file."""
    inputs: dict[str, str] = {}
    model = read_input(path, Model, inputs)
    return model, next(iter(inputs.values()))


def _topology(
    folder: Path, path: str, traces: dict[str, Sequence[str]], digests: dict[str, str]
) -> tuple[Topology, str]:
    """Return a topology as `planner.files.reading.read_topology` does, and its hash; note its traces, and theirs."""
    inputs: dict[str, str] = {}
    topology, rates = read_measured(folder / path, inputs)
    found = {path_beside(path, medium.trace): rates[medium.name].digest for medium in topology.media}
    if found:
        traces[path] = tuple(found)
        digests |= found
        topology = with_planned_rates(topology, rates)
    return topology, inputs[Path(path).name]


def _read_all(
    paths: Iterable[str],
    read: Callable[[str], tuple[FileT, str]],
    digests: dict[str, str],
    problems: list[Problem],
) -> dict[str, FileT]:
    """Return every file that can be read, by its path, and note its hash, or its problems."""
    found: dict[str, FileT] = {}
    for path in paths:
        try:
            found[path], digests[path] = read(path)
        except InputError as error:
            problems.extend(error.problems)
    return found
