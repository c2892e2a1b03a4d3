"""Interface of execution engines: an engine starts workers, each of which runs one case at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from planner.bench.case import Case, CaseRow
from planner.bench.loaded_inputs import LoadedInputs
from planner.fin.registry import load


@dataclass(frozen=True)
class EngineConfig:
    """What an engine is started with."""

    methods: tuple[tuple[str, bool], ...]
    """What cases ask for, and whether that is a joint method, so that workers can load it before the first."""
    loaded: LoadedInputs
    jobs: int | None = None
    """Workers at once; None: as many as there are processors."""
    address: str | None = None
    """Where the cluster is, for engines that have one."""


@dataclass(frozen=True)
class WorkerReady:
    """Event: a worker has imported all that it needs."""


@dataclass(frozen=True)
class WorkerDied:
    """Event: a worker has ended, and with it the case that it ran."""

    reason: str


WorkerEvent = WorkerReady | WorkerDied | CaseRow


class Worker(Protocol):
    """A process that runs cases, one at a time."""

    def send(self, case: Case) -> None:
        """Start a case; the worker must be ready and idle."""

    def kill(self) -> None:
        """End the process at once."""


class Engine(Protocol):
    """A kind of workers. Rows do not depend on the engine, except for measured times and memory."""

    name: str

    def slots(self) -> int:
        """Return the number of workers to run at once."""

    def start(self) -> Worker:
        """Start a worker, which announces later that it is ready."""

    def wait(self, workers: Sequence[Worker], timeout_s: float) -> list[tuple[Worker, WorkerEvent]]:
        """Return events of workers, none after `timeout_s` seconds without any."""

    def close(self) -> None:
        """Free what the engine holds besides workers."""


_REGISTRY = {"local": "planner.bench.engines.local:LocalEngine", "ray": "planner.bench.engines.on_ray:RayEngine"}

ENGINES = tuple(_REGISTRY)


def engine(name: str, setting: EngineConfig) -> Engine:
    """Return an engine by its name; its module is imported now.

    Args:
        name: One of `ENGINES`.
        setting: What it is started with.

    Raises:
        InputError: There is no such engine, its package is not installed, or its cluster does not answer.
    """
    found: Engine = load(name, _REGISTRY, "there is no such engine", setting, path="--engine")
    return found
