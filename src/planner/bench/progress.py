"""A progress bar with the time that is left, on the error stream."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(what: str, total: int, before: int) -> Iterator[Callable[[int], None]]:
    """Yield what takes the number of cases done so far; nothing is shown where nobody looks.

    Args:
        what: Words beside the bar.
        total: Number of cases (count).
        before: Cases that were done before the start, which say nothing of how fast this run is.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("left"), TimeRemainingColumn(), TextColumn("spent"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, completed=before)
        yield lambda done: bar.update(task, completed=done)
