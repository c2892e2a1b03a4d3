"""Page of a comparison: one request, every method, their objectives and times as bars and a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from planner.pipeline.compare import Row, best_value, by_rate, cells, headings, objective_of_all
from planner.report.bars import Bar, bars_figure
from planner.report.page import Figure, Page, Section, Table, Tile
from planner.report.quantities import axis_unit
from planner.schemas.planning.placement import Placement
from planner.schemas.reading.files import check_document
from planner.schemas.reading.problems import input_error, shown
from planner.text.objective import is_joint, objective_text
from planner.units import format_quantity


def read_comparison(raw: Sequence[object], file: str) -> tuple[Row, ...]:
    """Return the rows that `planner compare` wrote as JSON.

    Args:
        raw: Rows, each with its method, its placement and how long it took in seconds.
        file: The file, for messages.

    Raises:
        InputError: They are no rows of a comparison.
    """
    rows = []
    for index, row in enumerate(raw):
        held = row if isinstance(row, dict) else {}
        method, placement, seconds = (held.get(name) for name in ("method", "placement", "seconds"))
        if not isinstance(method, str) or not isinstance(seconds, (int, float)) or not isinstance(placement, dict):
            fix = "give the JSON of planner compare as it was written"
            raise input_error("not the row of a comparison", fix, file=file, path=f"[{index}]", value=row)
        rows.append(Row(method, check_document(placement, Placement, f"{file}[{index}].placement"), float(seconds)))
    if not rows:
        raise input_error("the comparison has no row", "run planner compare first", file=file)
    return tuple(rows)


def comparison_page(rows: Sequence[Row], file: Path) -> Page:
    """Lay out the page of a comparison.

    Args:
        rows: The answer of every method.
        file: The file that they were read from.
    """
    best = best_value(rows)
    first = next((row.method for row in rows if row.value == best and best is not None), None)
    proved = any(row.placement.status in ("optimal", "infeasible") for row in rows)
    return Page(
        title=f"Methods side by side: {file.stem}",
        badge="proved" if proved else "compared",
        severity="good" if proved else "warning",
        lead=_lead(rows, best, first),
        tiles=[
            Tile("methods", str(len(rows))),
            Tile("with a plan", str(sum(row.value is not None for row in rows))),
            Tile("proved", str(sum(row.placement.status in ("optimal", "infeasible") for row in rows))),
        ],
        sections=[_answers(rows, best), _times(rows), _asked(rows)],
    )


def _lead(rows: Sequence[Row], best: float | None, first: str | None) -> str:
    if first is None:
        return "no method found a plan"
    placement = next(row.placement for row in rows if row.method == first)
    return f"the best plan: {objective_text(placement, best)}, by {first}" + (
        " and others" if sum(row.value == best for row in rows) > 1 else ""
    )


def _answers(rows: Sequence[Row], best: float | None) -> Section:
    together = any(is_joint(row.placement) for row in rows)
    named = together and objective_of_all(rows) is not None
    heads = headings(rows, together)
    listed = [cells(row, best, together, named, by_rate(rows)) for row in rows]
    table = Table(heads, listed, numbers=range(2, len(heads)))
    notes = dict.fromkeys(row.placement.message for row in rows if row.placement.message)
    said = [(", ".join(row.method for row in rows if row.placement.message == note), note) for note in notes]
    drawn = _bars(
        [(row.method, row.value, objective_text(row.placement, row.value)) for row in rows if row.value is not None],
        "Objective of the plan of each method. Methods without a plan have no bar.",
    )
    parts: list[Table | Figure] = [*drawn, table, *([Table(("method", "note"), said)] if said else [])]
    return Section("Answers", parts=parts)


def _times(rows: Sequence[Row]) -> Section:
    bars = [(row.method, row.seconds, format_quantity(row.seconds, "s")) for row in rows]
    return Section("Time", parts=_bars(bars, "Time from the request to the verified answer.", "s"))


def _bars(bars: Sequence[tuple[str, float, str]], caption: str, unit: str = "") -> list[Figure]:
    """Draw a bar for each method, with its value beside it; nothing where there is no bar."""
    if not bars:
        return []
    factor, shown_unit = axis_unit([value for _, value, _ in bars], unit)
    drawn = [Bar(method, value / factor, text) for method, value, text in bars]
    title = f"time ({shown_unit})" if unit else None
    return [Figure(bars_figure(drawn, title, caption, tooltip={"name": "method", "text": "value"}), caption)]


def _asked(rows: Sequence[Row]) -> Section:
    made = next((row.placement.provenance for row in rows if row.placement.provenance is not None), None)
    if made is None:
        return Section("What was asked", "The file does not say what was asked for.")
    limits = [(name, shown(value).strip('"')) for name, value in made.limits.items()]
    parts = [Table(("argument", "value"), limits)] if limits else []
    parts.append(Table(("file", "hash"), list(made.inputs.items()), hashes=(1,)))
    return Section("What was asked", "" if limits else "No limit was given beside the files.", parts=parts)
