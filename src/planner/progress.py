"""Progress of long work on the error stream: elapsed time, or cases done with the time left."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_DELAY_S = 1.0


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show a progress bar with the time spent once the work has taken a second; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(what, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(what: str, done: threading.Event) -> None:
    if done.wait(_DELAY_S):
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(what, total=None)
        done.wait()


@contextmanager
def counting(what: str, total: int, before: int) -> Iterator[Callable[[int], None]]:
    """Show a bar of cases done; yield the function that takes their number. Without a terminal nothing is shown.

    Args:
        what: Label of the bar.
        total: Number of cases (count).
        before: Cases done before the start (count); they do not enter the estimate of the time left.

    Returns:
        A context manager that gives the function.
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


Report = Callable[[str, float, float], None]
"""Takes what is done, the bound and the value so far (infinite where there is none)."""


@contextmanager
def bounding(what: str) -> Iterator[Report]:
    """Show a progress bar with stage, bound and gap; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _stage, _bound, _value: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from planner.schemas.reading.quantities import format_quantity

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)

        def report(stage: str, bound: float, value: float) -> None:
            gap = (value - bound) / value if 0.0 < value < math.inf and bound > -math.inf else math.inf
            shown = f"gap {gap:.2%}" if gap < 1.0 else "no plan yet"
            progress.update(task, description=f"{stage}: bound {format_quantity(bound, 'W')}, {shown}")

        yield report
