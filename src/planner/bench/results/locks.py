"""Locks of processes at work on a results folder; the system frees a lock whenever and however its process ends."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def process_lock(folder: Path) -> Iterator[str]:
    """Hold a lock under a unique name, and yield the name.

    Args:
        folder: Where the lock files are.

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
    """Return those of the names whose process has ended."""
    return [name for name in names if not _alive(folder / name)]


def live_processes(folder: Path) -> list[str]:
    """Return the names of all processes at work; no file is changed."""
    return [path.name for path in sorted(folder.glob("*")) if _is_locked(path)]


def _alive(path: Path) -> bool:
    if _is_locked(path):
        return True
    path.unlink(missing_ok=True)
    return False


def _is_locked(path: Path) -> bool:
    try:
        with path.open("r", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
