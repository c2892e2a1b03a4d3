"""Figures of the table: what was measured, in which unit, and what was aimed at."""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

_SWEEPS = 7
_KIB = 1024


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    what: str
    value: float | None
    """None where it could not be measured; `note` says why."""
    unit: str
    target: float | None = None
    at_least: bool = False
    """Whether the target is a least value instead of a largest one."""
    note: str = ""

    @property
    def verdict(self) -> str:
        """Tell whether the target is met."""
        if self.target is None:
            return ""
        if self.value is None:
            return "not measured"
        met = self.value >= self.target if self.at_least else self.value <= self.target
        return "met" if met else "missed"


Measure = Callable[[], list[Figure]]


def least_cpu(works: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the least CPU seconds of each of some works, run in turn so that all meet the same noise.

    Args:
        works: What to run, by name.
        repeats: Rounds, after one that is not counted.
    """
    found = dict.fromkeys(works, float("inf"))
    for number in range(repeats + 1):
        for name, work in works.items():
            gc.collect()
            began = time.process_time()
            work()
            if number:
                found[name] = min(found[name], time.process_time() - began)
    return found


def sweep_seconds() -> float:
    """Return the CPU seconds of the yardstick: a NumPy min-plus sweep over 24 given tables of 400 x 400."""
    tables = np.random.default_rng(1).uniform(size=(24, 400, 400))

    def sweep() -> None:
        values = tables[0, 0]
        for table in tables[1:]:
            values = (values[:, None] + table).min(axis=0)

    return least_cpu({"sweep": sweep}, _SWEEPS)["sweep"]


def peak_megabytes() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB / 1e6
