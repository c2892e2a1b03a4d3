"""A run through measured rates as a table, and as CSV with a row for each step."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from planner.adaptation.measured_rates import POLICIES, REPLANNED, RateTraceComparison, StepOutcome
from planner.text.table import table_lines
from planner.units import format_quantity

HEADINGS = ("policy", "energy", "power", "inferences late", "time with a miss", "steps without a plan", "time per step")
_COLUMNS = dict(zip(POLICIES, ("once", "once_all_shares", "replanned"), strict=True))


def table(comparison: RateTraceComparison, rows: Sequence[StepOutcome]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each policy."""
    total_s = sum(row.step.duration_s for row in rows)
    for policy in POLICIES:
        done = comparison.totals_of(rows, policy)
        again = policy == REPLANNED
        yield (
            policy,
            format_quantity(done.energy_j, "J"),
            format_quantity(done.energy_j / total_s, "W"),
            f"{100.0 * done.late / done.inferences:.3g} %",
            f"{100.0 * done.missing_share:.3g} %",
            str(sum(not row.found for row in rows)) if again else "",
            format_quantity(median(row.replan_s for row in rows), "s") if again else "",
        )


def notes(comparison: RateTraceComparison, rows: Sequence[StepOutcome]) -> Iterator[str]:
    """Yield what stands below the table: what was stepped through, and plans from scratch beside it."""
    count, begin = len(rows), rows[0].step.time_s
    end = rows[-1].step.time_s + rows[-1].step.duration_s
    step, first, last = (format_quantity(value, "s") for value in (comparison.step_s, begin, end))
    yield f"{count} steps of {step}, from {first} to {last}"
    cold = [row for row in rows if row.cold_s is not None]
    both = [row for row in cold if row.found and row.cold_power_w is not None]
    if cold:
        faster = median(row.replan_s / row.cold_s for row in cold if row.cold_s)
        yield f"{len(cold)} steps planned from scratch as well (no proof): planning anew took {faster:.1%} of that time"
    if both:
        more = [row.served[REPLANNED].power_w / row.cold_power_w - 1.0 for row in both if row.cold_power_w]
        yield f"and its plans took {100.0 * max(more):+.2g} % power at most, {100.0 * median(more):+.2g} % by median"


def rates_text(comparison: RateTraceComparison, rows: Sequence[StepOutcome]) -> str:
    """Return the table of policies, and notes below it."""
    return "\n".join([*table_lines([HEADINGS, *table(comparison, rows)]), *notes(comparison, rows)])


def rates_rows(comparison: RateTraceComparison, rows: Sequence[StepOutcome]) -> list[dict[str, Any]]:
    """Return a row for each step, in SI units: rates of media, what every policy did, and plans made anew."""
    media = sorted(comparison.traces)
    found = []
    for row in rows:
        cells: dict[str, Any] = {"time_s": row.step.time_s, "duration_s": row.step.duration_s}
        cells |= {f"{medium}_bit_per_s": row.step.bit_per_s[medium] for medium in media}
        for policy in POLICIES:
            did, name = row.served[policy], _COLUMNS[policy]
            cells[f"{name}_power_w"] = did.power_w
            cells[f"{name}_late_apps"] = int(did.late.sum())
            cells[f"{name}_late_inferences"] = comparison.late_inferences(row, policy)
        cells |= {"replan_found": int(row.found), "replan_s": row.replan_s}
        found.append(cells | {"cold_power_w": row.cold_power_w, "cold_s": row.cold_s})
    return found


def rates_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return `rates_rows` as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
