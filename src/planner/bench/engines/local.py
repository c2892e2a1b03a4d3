"""Engine `local`: long-lived processes of this machine, so that cases do not pay for importing libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection, Pipe, wait
from signal import Signals

from planner.bench.case import Case
from planner.bench.engines.engine import EngineConfig, Worker, WorkerDied, WorkerEvent

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A case is single-threaded wherever it runs: sums do not depend on the machine, and workers not on each other."""
_END_S = 10.0
"""How long to wait for the end of a worker that was told to end, or killed."""


class LocalEngine:
    """Processes of this machine."""

    name = "local"

    def __init__(self, setting: EngineConfig) -> None:
        self._setting = setting

    def slots(self) -> int:
        """Return the number of workers asked for, else that of the processors this process may use."""
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return self._setting.jobs or usable or 1

    def start(self) -> LocalWorker:
        """Start a process."""
        return LocalWorker(self._setting)

    def wait(self, workers: Sequence[Worker], timeout_s: float) -> list[tuple[Worker, WorkerEvent]]:
        """Wait for messages; a pipe that closes tells that its process is gone."""
        local = {worker.connection: worker for worker in workers if isinstance(worker, LocalWorker)}
        return [
            (local[one], local[one].receive()) for one in wait(list(local), timeout_s) if isinstance(one, Connection)
        ]

    def close(self) -> None:
        """Free nothing: workers are all there is."""


class LocalWorker:
    """A worker process, and the pipe to it.

    It is a program of its own: a fork would keep the locks of this process alive when this process is killed, and
    multiprocessing's spawn would run the main module of the program that uses this library once more.
    """

    def __init__(self, setting: EngineConfig) -> None:
        self.connection, theirs = Pipe()
        command = [sys.executable, "-P", "-m", "planner.bench.engines.worker", str(theirs.fileno())]
        # the worker ends when its standard input does, which happens however this process ends
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(theirs.fileno(),),
            env={**os.environ, **THREADS}, start_new_session=True,
        )  # fmt: skip
        theirs.close()
        self._say(setting)

    def send(self, case: Case) -> None:
        """Begin a case."""
        self._say(case)

    def receive(self) -> WorkerEvent:
        """Return the message that waits in the pipe."""
        try:
            event: WorkerEvent = self.connection.recv()
        except (EOFError, OSError):
            self.kill()
            return WorkerDied(_how_it_ended(self._process.wait()))
        return event

    def kill(self) -> None:
        """End the process."""
        if not self.connection.closed:
            self._process.kill()
            self._process.wait(_END_S)
            self._process.stdin.close()  # type: ignore[union-attr] # it is a pipe, as asked for above
            self.connection.close()

    def _say(self, message: EngineConfig | Case) -> None:
        try:
            self.connection.send(message)
        except OSError:  # it died a moment ago, which the pipe tells when it is read
            return


def _how_it_ended(exit_code: int) -> str:
    return f"ended by signal {Signals(-exit_code).name}" if exit_code < 0 else f"ended with exit code {exit_code}"
