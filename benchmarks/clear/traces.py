"""Case `traces`: a plan made once against plans made anew on measured rates of a cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import median

from benchmarks.report import Report, seconds_text
from planner.adaptation.measured_rates import ONCE, ONCE_ALL_SHARES, REPLANNED, RateTraceComparison, StepOutcome
from planner.commands.inputs import read_planned
from planner.commands.options import Limits, Sources
from planner.fin.method import Options
from planner.pipeline.request import JointRequest
from planner.schemas import InputError, Topology, check_document, read_document
from planner.schemas.planning.traces import read_traces, with_planned_rates

_EXAMPLES = Path(__file__).parents[2] / "examples"
_COLUMNS = {"5g-uplink": "uplink_bit_per_s", "5g-downlink": "downlink_bit_per_s"}
"""Media of the example with phones in a cell, and the columns of a trace that their rates are read from."""


@dataclass(frozen=True)
class Traces:
    """The apps of the examples on every trace of a folder; without a folder, the example with an invented trace."""

    name: str = "traces"
    folder: Path | None = None
    """CSV files with `time_s`, `uplink_bit_per_s` and `downlink_bit_per_s`."""
    step_s: float = 5.0
    percentiles: tuple[float, ...] = (10.0, 50.0)
    """Of the rates that the one plan is made for."""
    cold_steps: int = 3
    time_limit_s: float = 60.0

    def quick(self) -> Traces:
        """Return a version with few steps of the invented trace."""
        return replace(self, folder=None, step_s=80.0, cold_steps=1, percentiles=(10.0,))

    def run(self) -> Report:
        """Step through all traces."""
        rows, notes = [], []
        for (name, topology, folder, workload), percentile in product(self.cases(), self.percentiles):
            media = tuple(medium.model_copy(update={"percentile": percentile}) for medium in topology.media)
            planned = topology.model_copy(update={"media": media})
            try:
                rows.append((name, *self._row(planned, folder, workload)))
            except InputError as error:
                notes.append(f"{name}: left out: {error.problems[0].message}")
        columns = (
            "trace", "planned for", "steps", "energy: once", "anew", "late: once", "once, all shares", "anew",
            "time per step", "/ from scratch", "power over it",
        )  # fmt: skip
        return Report(f"traces: steps of {self.step_s:g} s", columns, tuple(rows), tuple(notes))

    def cases(self) -> Iterator[tuple[str, Topology, Path, Path]]:
        """Yield the name of each trace with a topology that names it, where that stands, and the workload."""
        if self.folder is None:
            topology, _ = read_document(_EXAMPLES / "small-cell.json", Topology)
            yield "cell.trace (invented)", topology, _EXAMPLES, _EXAMPLES / "small-shared.workload.json"
            return
        raw = json.loads((_EXAMPLES / "mobile-mcm.json").read_text(encoding="utf-8"))
        for path in sorted(self.folder.glob("*.csv")):
            media = [{"name": name, "trace": path.name, "column": column} for name, column in _COLUMNS.items()]
            topology = check_document({**raw, "media": media}, Topology)
            yield path.stem, topology, self.folder, _EXAMPLES / "lte.workload.json"

    def _row(self, topology: Topology, folder: Path, workload: Path) -> tuple[str, ...]:
        """Return the cells of one trace with the percentile that its media state."""
        traces = read_traces(topology, folder)
        planned_for = f"p{topology.media[0].percentile:g}"
        asked = read_planned(Sources(_EXAMPLES / "mobile-mcm.json", workload=workload), Limits())
        options = Options(time_limit_s=self.time_limit_s)
        request = JointRequest(asked.apps, with_planned_rates(topology, traces), options=options)
        comparison = RateTraceComparison(request, traces, self.step_s, self.cold_steps)
        if not comparison.planned:
            return (planned_for, str(len(comparison.steps)), "no plan", *[""] * 7)
        return planned_for, *_cells(comparison, list(comparison.rows()))


def _cells(comparison: RateTraceComparison, rows: list[StepOutcome]) -> tuple[str, ...]:
    once, spread, anew = (comparison.totals_of(rows, policy) for policy in (ONCE, ONCE_ALL_SHARES, REPLANNED))
    cold = [row for row in rows if row.cold_s is not None]
    ratios = [row.replan_s / row.cold_s for row in cold if row.cold_s]
    over = [row.served[REPLANNED].power_w / row.cold_power_w - 1.0 for row in cold if row.found and row.cold_power_w]
    return (
        str(len(rows)),
        f"{once.energy_j:.4g} J",
        f"{anew.energy_j:.4g} J",
        *(f"{100.0 * done.late / done.inferences:.1f} %" for done in (once, spread, anew)),
        seconds_text(median(row.replan_s for row in rows)),
        f"{median(ratios):.1%}" if ratios else "",
        f"{100.0 * max(over):+.2g} %" if over else "",
    )
