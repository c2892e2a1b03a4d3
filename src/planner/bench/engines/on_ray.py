"""Engine `ray`: actors on the machines of a Ray cluster, each of which has this version of the planner."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from planner.bench.case import Case, CaseRow
from planner.bench.engines.engine import EngineConfig, Worker, WorkerDied, WorkerEvent, WorkerReady
from planner.bench.engines.local import THREADS
from planner.schemas.reading.problems import input_error
from planner.version import __version__

_ANSWER_S = 10.0
INSTALL = "install it from the checkout: pip install '.[ray]', or use --engine local"


class RayEngine:
    """A Ray cluster; without an address the one that RAY_ADDRESS names, else one of this machine alone."""

    name = "ray"

    def __init__(self, setting: EngineConfig) -> None:
        """Connect to the cluster.

        Raises:
            InputError: Ray is not installed, or no cluster answers.
        """
        if find_spec("ray") is None:
            raise input_error("the engine ray needs the package ray", INSTALL, path="--engine", value="ray")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        self._ray: Any = ray
        self._setting = setting
        self._connected_here = not ray.is_initialized()
        if self._connected_here:
            _connect(ray, setting.address)
        environment = {"env_vars": THREADS}
        self._actor = ray.remote(num_cpus=1, max_restarts=0, runtime_env=environment)(_ActorProcess)
        self._documents = ray.put(setting.loaded)

    def slots(self) -> int:
        """Return the number of workers asked for, else that of the cluster's processors."""
        return self._setting.jobs or int(self._ray.cluster_resources().get("CPU", 1))

    def start(self) -> RayWorker:
        """Ask for an actor; it is ready once the cluster has room for it."""
        return RayWorker(self._ray, self._actor.remote(self._setting.methods, self._documents))

    def wait(self, workers: Sequence[Worker], timeout_s: float) -> list[tuple[Worker, WorkerEvent]]:
        """Wait for answers of actors."""
        asked = {worker.answer: worker for worker in workers if isinstance(worker, RayWorker) and worker.answer}
        if not asked:
            time.sleep(timeout_s)
            return []
        first, rest = self._ray.wait(list(asked), num_returns=1, timeout=timeout_s)
        more = self._ray.wait(rest, num_returns=len(rest), timeout=0)[0] if first and rest else []
        return [(asked[answer], asked[answer].receive()) for answer in (*first, *more)]

    def close(self) -> None:
        """Leave the cluster."""
        if self._connected_here:
            self._ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:  # noqa: ANN401 - a module that may be missing
    try:
        _try_address(address)
        ray.init(address=address, logging_level="ERROR", log_to_driver=False, configure_logging=False)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        fix = "give the address that ray start --head printed"
        raise input_error(f"no Ray cluster answers ({reason})", fix, path="--address", value=address) from None


def _try_address(address: str | None) -> None:
    """Raise OSError where nothing listens at HOST:PORT, which Ray would take minutes to notice."""
    host, separator, port = (address or "").rpartition(":")
    if separator and port.isdecimal() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()


class RayWorker:
    """An actor, and what it was asked last."""

    def __init__(self, ray: Any, actor: Any) -> None:  # noqa: ANN401 - Ray's handles have no useful types
        self._ray, self._actor = ray, actor
        self.answer: Any = actor.version.remote()

    def send(self, case: Case) -> None:
        """Begin a case."""
        self.answer = self._actor.run.remote(case)

    def receive(self) -> WorkerEvent:
        """Return the answer that has come.

        Raises:
            InputError: The actor's machine has another version of the planner.
        """
        answer, self.answer = self.answer, None
        try:
            found: str | CaseRow = self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            return WorkerDied(str(error).strip().partition("\n")[0])
        if isinstance(found, CaseRow):
            return found
        if found != __version__:
            message = f"a machine of the cluster has planner {found}, and this is {__version__}"
            raise input_error(message, "install the same version everywhere", path="--engine", value="ray")
        return WorkerReady()

    def kill(self) -> None:
        """End the actor's process, or withdraw the wish for one."""
        self._ray.kill(self._actor)


class _ActorProcess:
    """What runs inside an actor."""

    def __init__(self, methods: tuple[tuple[str, bool], ...], loaded: Any) -> None:  # noqa: ANN401 - Ray fills in the value
        from planner.bench.solving import warm_up

        warm_up(methods)
        self._documents = loaded

    def version(self) -> str:
        return __version__

    def run(self, case: Case) -> CaseRow:
        from planner.bench.solving import run_case

        return run_case(case, self._documents)
