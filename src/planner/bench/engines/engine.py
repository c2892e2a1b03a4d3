"""The seam between the pool and where cases run: an engine starts workers, each of which runs a case at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from planner.bench.case import Case, CaseRow
from planner.bench.loaded_inputs import LoadedInputs
from planner.fin.registry import load


@dataclass(frozen=True)
class EngineConfig:
    """What an engine is given."""

    methods: tuple[tuple[str, bool], ...]
    """What cases ask for, and whether that is a joint method, so that workers can load it before the first."""
    loaded: LoadedInputs
    jobs: int | None = None
    """Workers at once; None: as many as there are processors."""
    address: str | None = None
    """Where the cluster is, for engines that have one."""


@dataclass(frozen=True)
class WorkerReady:
    """A worker has loaded all it needs."""


@dataclass(frozen=True)
class WorkerDied:
    """A worker is gone, and with it the case that it ran."""

    reason: str


WorkerEvent = WorkerReady | WorkerDied | CaseRow


class Worker(Protocol):
    """A process of its own."""

    def send(self, case: Case) -> None:
        """Begin a case; only a worker that is ready and idle may be given one."""

    def kill(self) -> None:
        """End the process at once, whatever it does."""


class Engine(Protocol):
    """A place where cases run. Rows do not depend on it, but for what is measured."""

    name: str

    def slots(self) -> int:
        """Return how many workers to have."""

    def start(self) -> Worker:
        """Start a worker; it says later that it is ready."""

    def wait(self, workers: Sequence[Worker], timeout_s: float) -> list[tuple[Worker, WorkerEvent]]:
        """Return what has happened to workers, or nothing once the time is over."""

    def close(self) -> None:
        """Free what the engine holds besides workers."""


_REGISTRY = {"local": "planner.bench.engines.local:LocalEngine", "ray": "planner.bench.engines.on_ray:RayEngine"}

ENGINES = tuple(_REGISTRY)


def engine(name: str, setting: EngineConfig) -> Engine:
    """Return an engine by its name; its module (and what that needs) loads now.

    Raises:
        InputError: There is no such engine, what it needs is not installed, or its cluster does not answer.
    """
    found: Engine = load(name, _REGISTRY, "there is no such engine", setting, path="--engine")
    return found
