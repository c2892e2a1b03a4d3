"""Energy counters of the processor (RAPL), as Linux shows them; Intel and AMD processors have them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RAPL = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Counter:
    """The energy counter of one processor package."""

    folder: Path
    wraps_at_j: float
    """Joules at which the counter starts again from 0."""

    def read_j(self) -> float:
        """Return the joules counted."""
        return int((self.folder / "energy_uj").read_text(encoding="ascii")) * 1e-6

    def used_j(self, before_j: float, after_j: float) -> float:
        """Return the joules between two readings, less than one wrap apart."""
        return after_j - before_j if after_j >= before_j else after_j + self.wraps_at_j - before_j


def counters(root: Path = RAPL) -> list[Counter]:
    """Return the counters of all processor packages that may be read; none in most virtual machines."""
    found = []
    for folder in sorted(root.glob("intel-rapl:*")) if root.is_dir() else ():
        if folder.name.count(":") != 1:  # parts of a package, counted in it already
            continue
        try:
            counter = Counter(folder, int((folder / "max_energy_range_uj").read_text(encoding="ascii")) * 1e-6)
            counter.read_j()
        except (OSError, ValueError):  # kernels let root alone read it
            continue
        found.append(counter)
    return found
