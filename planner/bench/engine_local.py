"""Engine `local`: long-lived processes on this machine, so that a case does not pay for loading libraries."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait

from planner.bench.case import Case
from planner.bench.engine import Died, Event, Ready, Setting, Worker

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A case is single-threaded wherever it runs: sums do not depend on the machine, and workers not on each other."""
_END_S = 10.0


class LocalEngine:
    """Processes of this machine."""

    name = "local"

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def slots(self) -> int:
        """Return the number of workers asked for, else that of the processors this process may use."""
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return self._setting.jobs or usable or 1

    def start(self) -> LocalWorker:
        """Start a process."""
        return LocalWorker(self._setting)

    def wait(self, workers: Sequence[Worker], timeout_s: float) -> list[tuple[Worker, Event]]:
        """Wait for messages; a pipe that closes tells that its process is gone."""
        local = {worker.connection: worker for worker in workers if isinstance(worker, LocalWorker)}
        return [(local[one], local[one].heard()) for one in wait(list(local), timeout_s) if isinstance(one, Connection)]

    def close(self) -> None:
        """Free nothing: workers are all there is."""


class LocalWorker:
    """A process, and the pipe to it."""

    def __init__(self, setting: Setting) -> None:
        # spawned, not forked: a fork would keep the locks of this process when this process is killed
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, setting), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, case: Case) -> None:
        """Begin a case."""
        try:
            self.connection.send(case)
        except OSError:  # it died a moment ago, which the pipe tells when it is read
            return

    def heard(self) -> Event:
        """Return the message that waits in the pipe."""
        try:
            event: Event = self.connection.recv()
        except (EOFError, OSError):
            self._process.join(_END_S)
            return Died(_how_it_ended(self._process.exitcode))
        return event

    def kill(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join(_END_S)
        self.connection.close()


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"ended by signal {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"


def serve(connection: Connection, setting: Setting) -> None:
    """Run the cases that come through a pipe, in a process of its own, until the pipe closes."""
    os.environ.update(THREADS)  # before NumPy loads
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from planner.bench.solving import run_case, warm_up

    warm_up(setting.methods)
    connection.send(Ready())
    while True:
        try:
            case = connection.recv()
        except EOFError:
            return
        connection.send(run_case(case, setting.documents))


def _end_with_parent() -> None:
    """End this process as soon as its parent is gone, even in the middle of a long case."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
