"""Page of suite results: methods side by side, figures, and every case."""

from __future__ import annotations

from collections.abc import Sequence

from planner.report.page import Figure, Page, Section, Table, Tile
from planner.report.results.axis_figures import axis_figures
from planner.report.results.figures import (
    answers_figure,
    methods_of,
    over_best,
    over_best_figure,
    plans_figure,
    quantile,
    seconds_of,
    time_of,
    times_figure,
)
from planner.report.results.reading import STATUSES, ReportedCase, SuiteResults
from planner.schemas.reading.quantities import FRACTION
from planner.units import format_quantity

MOST_ROWS = 1_000
"""Cases that are listed one by one."""


def results_page(results: SuiteResults) -> Page:
    """Lay out the page of a suite's results."""
    rows = results.rows
    missing = results.cases - len(rows)
    failed = sum(row.status == "error" for row in rows)
    badge = f"{failed} failed" if failed else f"{missing} to do" if missing else "complete"
    return Page(
        title=f"Results of {results.name}",
        badge=badge,
        severity="bad" if failed else "warning" if missing else "good",
        lead=f"{len(rows)} of {results.cases} cases have an answer{_outside(results)}",
        tiles=_tiles(rows),
        sections=[
            Section("Methods side by side", parts=[_methods_table(rows), *_drawn(answers_figure(rows))]),
            *_quality(rows),
            *([Section("Against each swept setting", parts=swept)] if (swept := axis_figures(rows)) else []),
            *_section("Search time", times_figure(rows)),
            *_section("Energy, latency and accuracy", plans_figure(rows)),
            Section("Case by case", parts=[_cases_table(rows)]),
            _inputs(results),
        ],
    )


def _outside(results: SuiteResults) -> str:
    count = len(results.outside)
    return f"; {count} further rows are of cases that the suite no longer has, and are left out here" if count else ""


def _quality(rows: Sequence[ReportedCase]) -> list[Section]:
    drawn = over_best_figure(rows)
    plans = sum(row.value is not None for row in rows)
    if drawn is None and plans and len(methods_of(rows)) > 1:
        return [Section("Quality of plans", "Every plan is as good as the best that any method found for its case.")]
    return _section("Quality of plans", drawn)


def _drawn(figure: Figure | None) -> list[Figure]:
    return [] if figure is None else [figure]


def _section(heading: str, figure: Figure | None) -> list[Section]:
    return [] if figure is None else [Section(heading, parts=[figure])]


def _tiles(rows: Sequence[ReportedCase]) -> list[Tile]:
    cases = len({row.setting for row in rows})
    tiles = [Tile("requests", str(cases), f"{len(rows)} answers"), Tile("methods", str(len(methods_of(rows))))]
    counts = {status: sum(row.status == status for row in rows) for status in STATUSES}
    notes = {
        "optimal": "proved best", "feasible": "a plan, not proved best", "infeasible": "proved: no plan",
        "unknown": "no answer in the limit", "error": "the planner failed",
    }  # fmt: skip
    return tiles + [Tile(status, str(count), notes[status]) for status, count in counts.items() if count]


def _methods_table(rows: Sequence[ReportedCase]) -> Table:
    seen = [status for status in STATUSES if any(row.status == status for row in rows)]
    headings = ("method", "answers", *seen, "above best: mean", "most", "time: median", "95 %", "most")
    table = []
    for method in methods_of(rows):
        mine = [row for row in rows if row.method == method]
        counts = [str(sum(row.status == status for row in mine)) for status in seen]
        ratios, times = over_best(rows, method), seconds_of(rows, method)
        above = [_percent(sum(ratios) / len(ratios)), _percent(ratios[-1])] if ratios else ["–", "–"]
        spent = [format_quantity(quantile(times, part), "s") for part in (0.5, 0.95, 1.0)] if times else ["–"] * 3
        table.append((method, str(len(mine)), *counts, *above, *spent))
    return Table(headings, table, numbers=range(1, len(headings)))


def _percent(fraction: float) -> str:
    return f"{100.0 * fraction:.3g} %"


def _cases_table(rows: Sequence[ReportedCase]) -> Table:
    headings = (
        "inputs",
        "asked for",
        "method",
        "status",
        "energy",
        "latency",
        "accuracy",
        "bound",
        "gap",
        "time",
        "blocks",
        "note",
    )
    table = [
        (
            row.group or "–", row.asked or "–", row.method, row.status, _quantity(row.energy_j, "J"),
            _quantity(row.latency_s, "s"), "–" if row.accuracy is None else f"{row.accuracy:.4g}",
            _quantity(row.lower_bound, _unit(row)), "–" if row.relative_gap is None else _percent(row.relative_gap),
            _quantity(time_of(row), "s"), row.deployment or "–", row.message,
        )
        for row in rows[:MOST_ROWS]
    ]  # fmt: skip
    shown = f"All {len(rows)} answers" if len(rows) <= MOST_ROWS else f"The first {MOST_ROWS} of {len(rows)} answers"
    return Table(headings, table, numbers=range(4, 10), summary=shown)


def _unit(row: ReportedCase) -> str:
    """Return the unit of the objective; a metric, whose unit rows do not say, is named instead."""
    units = {"energy_j": "J", "latency_s": "s", "power_w": "W", "rate_per_s": "1/s", "accuracy": FRACTION}
    return units.get(row.objective or "", row.objective or "")


def _quantity(value: float | None, unit: str) -> str:
    return "–" if value is None else format_quantity(value, unit)


def _inputs(results: SuiteResults) -> Section:
    rows = list(results.inputs.items())
    parts = [Table(("file", "hash"), rows, hashes=(1,))] if rows else []
    return Section("Input files", "" if rows else "The table does not name the input files.", parts)
