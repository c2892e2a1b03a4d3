"""Worker process, ``python -m planner.bench.engines.worker FD``: runs the cases that come through a pipe."""

from __future__ import annotations

import os
import sys
import threading
from multiprocessing.connection import Connection

from planner.bench.engines.engine import WorkerReady
from planner.bench.solving import run_case, warm_up


def main() -> None:
    """Serve the pipe whose file descriptor the command line names."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    connection = Connection(int(sys.argv[1]))
    try:
        setting = connection.recv()
        warm_up(setting.methods)
        connection.send(WorkerReady())
        while True:
            connection.send(run_case(connection.recv(), setting.loaded))
    except (EOFError, OSError):  # nobody listens any more
        return


def _end_with_parent() -> None:
    """End this process as soon as its parent is gone, even in the middle of a long case."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
