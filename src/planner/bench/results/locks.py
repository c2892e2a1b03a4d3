"""Which processes are at work on a results folder: each holds a lock that the system frees when it dies, however."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def process_lock(folder: Path) -> Iterator[str]:
    """Hold a lock under a name that no other process has; yield the name.

    Worker processes must not inherit the lock, so they are programs of their own, never forks.
    """
    name = f"{os.getpid()}-{secrets.token_hex(8)}"
    path = folder / name
    with path.open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield name
        finally:
            path.unlink(missing_ok=True)


def dead_processes(folder: Path, names: Iterable[str]) -> list[str]:
    """Return those names whose process is gone."""
    return [name for name in names if not _alive(folder / name)]


def _alive(path: Path) -> bool:
    try:
        with path.open("r", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    path.unlink(missing_ok=True)
    return False
