"""Threads for work that falls apart into one task per app; results do not depend on how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(task: Callable[[T], R], items: Iterable[T], jobs: int) -> list[R]:
    """Run a task for every item, in threads.

    NumPy lets other threads run while it computes on large arrays, so models of many blocks gain the most.

    Args:
        task: Changes nothing that a task of another item reads.
        items: What it is called with.
        jobs: Threads (count).

    Returns:
        The results, in the order of the items.
    """
    if jobs <= 1:
        return [task(item) for item in items]
    with ThreadPoolExecutor(jobs) as threads:
        return list(threads.map(task, items))
