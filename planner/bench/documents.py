"""The files of a suite, read once: cases see what was checked, whatever happens to the files, on whatever machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from planner.bench.case import Scalar
from schemas.files import read_document
from schemas.model import Model
from schemas.problems import InputError, Problem
from schemas.suite import Path as SettingPath
from schemas.topology import Topology
from schemas.workload import Workload

DocumentT = TypeVar("DocumentT", bound=BaseModel)


@dataclass(frozen=True)
class Documents:
    """Checked files by their paths as the suite has them; models of workloads by their paths from the suite too."""

    topologies: Mapping[str, Topology]
    models: Mapping[str, Model]
    workloads: Mapping[str, Workload]
    digests: Mapping[str, str]
    """``sha256:...`` of every file."""

    def models_of(self, workload: str) -> list[str]:
        """Return the paths of a workload's models, an app each."""
        return [model_path(workload, app.model) for app in self.workloads[workload].apps]

    def inputs_of(self, settings: Mapping[SettingPath, Scalar]) -> dict[str, str]:
        """Return the hash of every file that a case reads."""
        topology, model, workload = (settings.get((kind,)) for kind in ("topology", "model", "workload"))
        paths = [str(topology)]
        paths += [str(model)] if workload is None else [str(workload), *self.models_of(str(workload))]
        return {path: self.digests[path] for path in paths}


def model_path(workload: str, model: str) -> str:
    """Return the path, from the suite's folder, of a model that a workload file names."""
    return str(Path(workload).parent / model)


def read_documents(folder: Path, settings: Iterable[Mapping[SettingPath, Scalar]]) -> Documents:
    """Read every file that cases name, paths being relative to a folder.

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

    def read(paths: Iterable[str], schema: type[DocumentT]) -> dict[str, DocumentT]:
        return _read_all(paths, _reader(folder, schema, digests, problems))

    topologies = read(named["topology"], Topology)
    workloads = read(named["workload"], Workload)
    of_workloads = [model_path(path, app.model) for path, workload in workloads.items() for app in workload.apps]
    models = read(dict.fromkeys([*named["model"], *of_workloads]), Model)
    if problems:
        raise InputError(problems)
    return Documents(topologies, models, workloads, digests)


def _reader(
    folder: Path, schema: type[DocumentT], digests: dict[str, str], problems: list[Problem]
) -> Callable[[str], DocumentT | None]:
    """Return what reads a file and notes its hash, or its problems."""

    def read(path: str) -> DocumentT | None:
        try:
            document, digests[path] = read_document(folder / path, schema)
        except InputError as error:
            problems.extend(error.problems)
            return None
        return document

    return read


def _read_all(paths: Iterable[str], read: Callable[[str], DocumentT | None]) -> dict[str, DocumentT]:
    found = ((path, read(path)) for path in paths)
    return {path: document for path, document in found if document is not None}
