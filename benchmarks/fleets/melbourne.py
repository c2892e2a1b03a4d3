"""Case `fleets`: fleets around the sites of Melbourne, planned by `fleet` and side by side with its peers.

Fleets are drawn by examples/melbourne/make_fleet.py; its arguments here are the specification. Every plan is a command
in a process of its own: seconds are CPU time of all of it (start, reading, building, planning, verifying, writing).
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from benchmarks.report import Report, at_most
from planner.schemas.fleets.placement import FleetPlacement
from planner.schemas.reading.files import read_document

_SCRIPT = Path(__file__).parents[2] / "examples" / "melbourne" / "make_fleet.py"


@dataclass(frozen=True)
class Drawing:
    """A fleet and who plans it."""

    title: str
    arguments: tuple[str, ...]
    methods: tuple[str, ...]
    most_gap: float
    most_s: float
    most_linear_gap: float = 1.0
    most_mb: float = 1000.0
    most_again: float | None = None
    """CPU of planning again, as a part of a cold plan; None for small fleets, where starting takes most of both."""
    again: bool = True
    """Whether it is planned again after one class in a hundred got a user more."""


@dataclass(frozen=True)
class Answer:
    """What a command wrote, its CPU time in seconds and its peak memory in MB."""

    placement: FleetPlacement | None
    spent_s: float
    peak_mb: float


_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""Runs a command from a small process, since the peak of a large one would count as that of its children."""
_CBD = ("--cbd", "--seed", "1")
_MILLION = ("--users", "1000000", "--cell-km", "1.1", "--scale", "8", "--seed", "1")
DRAWINGS = (
    Drawing("CBD, 816 users", ("--users", "816", *_CBD), ("fleet", "pop", "lp", "ilp"), 0.02, 30.0, 1e-6),
    Drawing("CBD, 8,160 users", ("--users", "8160", *_CBD), ("fleet", "pop", "lp", "ilp"), 0.02, 30.0, 1e-6),
    Drawing(
        "131,312 users", ("--users", "131312", "--seed", "1"), ("fleet", "pop", "cheapest", "nearest", "lp"),
        0.01, 25.0, 1e-4, 500.0, 0.2,
    ),
    Drawing("1,000,000 users", _MILLION, ("fleet", "pop"), 0.002, 45.0, 1e-4, 500.0, 0.2),
    Drawing(
        "131,312 users, sites draw 1 W idle", ("--users", "131312", "--idle-power-w", "1", "--seed", "1"),
        ("fleet",), 0.06, 300.0, again=False,
    ),
)  # fmt: skip
QUICK = (Drawing("CBD, 60 users", ("--users", "60", *_CBD), ("fleet", "pop", "lp"), 0.1, 30.0),)


@dataclass(frozen=True)
class Fleets:
    """Fleets of growing size."""

    name: str = "fleets"
    drawings: tuple[Drawing, ...] = DRAWINGS
    time_limit_s: float = 120.0

    def quick(self) -> Fleets:
        """Return a version of seconds."""
        return replace(self, drawings=QUICK, time_limit_s=20.0)

    def run(self) -> Report:
        """Plan every fleet by every method."""
        rows: list[tuple[str, ...]] = []
        targets: list[str] = []
        for drawing in self.drawings:
            with tempfile.TemporaryDirectory() as folder:
                made, found = self._drawing(drawing, Path(folder))
            rows += made
            targets += found
        columns = (
            "fleet and method",
            "served",
            "power (W)",
            "gap to the best bound",
            "linear gap",
            "CPU (s)",
            "peak (MB)",
        )
        notes = (
            f"CPU: all of a command, one thread of BLAS; at most {self.time_limit_s:g} s (--time-limit) each",
            "again: counts of two classes in a hundred changed by a user, --from",
        )
        return Report(
            "fleet: users around 1,464 sites, capacity 0.6 of free load", columns, tuple(rows), notes, tuple(targets)
        )

    def _drawing(self, drawing: Drawing, folder: Path) -> tuple[list[tuple[str, ...]], list[str]]:
        make_fleet().main([str(folder), *drawing.arguments])
        answers = {method: self._planned(folder, method, "--method", method) for method in drawing.methods}
        cold = answers["fleet"]
        if drawing.again and cold.placement is not None:
            change_counts(folder / "classes.csv")
            answers["again"] = self._planned(folder, "again", "--from", str(folder / "plan-fleet.json"))
        best = max((_bound(each.placement) for name, each in answers.items() if name != "again"), default=0.0)
        rows = [_row(f"{drawing.title}: {name}", answer, best if name != "again" else None)
                for name, answer in answers.items()]  # fmt: skip
        certificate = None if cold.placement is None else cold.placement.certificate
        gap = 1.0 if certificate is None or certificate.relative_gap is None else certificate.relative_gap
        targets = [
            at_most(f"{drawing.title}: gap", gap, drawing.most_gap, ""),
            at_most(f"{drawing.title}: CPU", cold.spent_s, drawing.most_s, "s"),
            at_most(f"{drawing.title}: peak", cold.peak_mb, drawing.most_mb, "MB"),
        ]
        if certificate is not None and certificate.linear_gap is not None:
            gap = certificate.linear_gap
            targets.append(at_most(f"{drawing.title}: linear gap", gap, drawing.most_linear_gap, ""))
        if "again" in answers and drawing.most_again is not None:
            part = answers["again"].spent_s / cold.spent_s
            targets.append(at_most(f"{drawing.title}: again, part of a cold plan", part, drawing.most_again, ""))
        return rows, targets

    def _planned(self, folder: Path, name: str, *options: str) -> Answer:
        """Run `planner fleet`; a fleet that is too large for a method has no placement."""
        output = folder / f"plan-{name}.json"
        files = [str(folder / "fleet.json"), "--topology", str(folder / "topology.json"), "-o", str(output)]
        limit = f"{self.time_limit_s:g}s"
        command = [sys.executable, "-m", "planner", "fleet", *files, "--time-limit", limit, *options]
        measured = subprocess.run(
            [sys.executable, "-c", _MEASURE, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        spent_s, peak_kb = map(float, measured.stdout.split()[-2:])
        found = read_document(output, FleetPlacement)[0] if output.exists() else None
        return Answer(found, spent_s, peak_kb / 1024)


def make_fleet() -> ModuleType:
    """Load the script that draws fleets."""
    spec = importlib.util.spec_from_file_location("make_fleet", _SCRIPT)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(_SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_fleet"] = module
    spec.loader.exec_module(module)
    return module


def change_counts(classes: Path) -> None:
    """Give one class in a hundred another user, and take one from its neighbour where it has several."""
    lines = classes.read_text(encoding="utf-8").splitlines()
    place = lines[0].split(",").index("count")
    for index in range(1, len(lines), 100):
        for row, step in ((index, 1), (index + 1, -1)):
            cells = lines[row].split(",") if row < len(lines) else []
            if cells and int(cells[place]) + step > 0:
                cells[place] = str(int(cells[place]) + step)
                lines[row] = ",".join(cells)
    classes.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _bound(placement: FleetPlacement | None) -> float:
    """Return the bound of a plan that serves all."""
    whole = placement is not None and placement.total is not None and placement.certificate is not None
    return placement.certificate.lower_bound if whole else 0.0  # type: ignore[union-attr] # checked in `whole`


def _row(name: str, answer: Answer, best: float | None) -> tuple[str, ...]:
    placement, costs = answer.placement, (f"{answer.spent_s:.1f}", f"{answer.peak_mb:.0f}")
    if placement is None:
        return (name, "too large", "", "", "", *costs)
    total, certificate = placement.total, placement.certificate
    if total is None or certificate is None:
        return (name, placement.status, "", "", "", *costs)
    bound = certificate.lower_bound if best is None else best
    moved = "" if placement.change is None else f" ({placement.change.moved:,} moved)"
    linear = "" if certificate.linear_gap is None else f"{certificate.linear_gap:.1e}"
    gap = f"{(total.power_w - bound) / total.power_w:.3%}" if total.power_w > 0.0 else "0 %"
    return (name + moved, f"{total.served:,}", f"{total.power_w:.6g}", gap, linear, *costs)
