"""One inference as a time line: which node or link is at work when, and when samples leave."""

from __future__ import annotations

from collections.abc import Sequence

from planner.report.breakdown import COMPUTING, HEAD, RESULT, TRANSFER, AppBreakdown, Phase
from planner.report.page import Figure
from planner.report.quantities import axis_unit, percent
from planner.report.theme import BAD, INK, MUTED, SURFACE, Spec, figure
from planner.report.theme import COMPUTING as COMPUTING_COLOUR
from planner.report.theme import HEAD as HEAD_COLOUR
from planner.report.theme import RESULT as RESULT_COLOUR
from planner.report.theme import TRANSFER as TRANSFER_COLOUR
from planner.units import format_quantity

COLOURS = {
    COMPUTING: COMPUTING_COLOUR,
    HEAD: HEAD_COLOUR,
    TRANSFER: TRANSFER_COLOUR,
    RESULT: RESULT_COLOUR,
}
_EXITS = "samples leave"


def timeline(breakdown: AppBreakdown, alone: bool) -> Figure:
    """Draw the time line of an app's inference that runs to the last exit; `alone`: there is no other app."""
    last_s = max([phase.end_s for phase in breakdown.phases] + [row.latency_s for row in breakdown.exit_times])
    limit_s = breakdown.app.max_latency_s
    # a limit far behind the end would squeeze all that happens into a corner
    shown_limit_s = limit_s if limit_s is not None and limit_s <= 2.0 * last_s else None
    factor, unit = axis_unit([last_s], "s")
    lanes = [*dict.fromkeys(phase.place for phase in breakdown.phases), _EXITS]
    x = {"type": "quantitative", "title": f"time since the inference began ({unit})"}
    y = {"type": "nominal", "sort": lanes, "title": None, "scale": {"domain": lanes}}
    layers = [*_bars(breakdown, factor, x, y), *_exits(breakdown, factor, x, y)]
    if shown_limit_s is not None:
        layers += _limit(shown_limit_s, factor, x)
    exits = "; ".join(f"{row.name} at {format_quantity(row.latency_s, 's')}" for row in breakdown.exit_times)
    description = f"Time line of one inference of {breakdown.app.name}. Samples leave: {exits}."
    far = limit_s is not None and shown_limit_s is None
    beyond = f" The latency limit of {format_quantity(limit_s or 0.0, 's')} lies beyond the figure." if far else ""
    whose = "" if alone else f" of {breakdown.app.name}"
    caption = (
        f"One inference{whose} that runs to its last exit: what each node and link does, hop by hop. "
        f"Diamonds mark when samples leave, with their fraction.{beyond}"
    )
    return Figure(figure(layers, description, 26.0 * len(lanes)), caption, key_of(breakdown.phases))


def key_of(phases: Sequence[Phase]) -> list[tuple[str, str]]:
    """Return the key of the kinds that there are."""
    return [(kind, colour) for kind, colour in COLOURS.items() if any(phase.kind == kind for phase in phases)]


def _bars(breakdown: AppBreakdown, factor: float, x: Spec, y: Spec) -> list[Spec]:
    rows: list[Spec] = [
        {
            "start": phase.start_s / factor, "end": phase.end_s / factor, "place": phase.place, "kind": phase.kind,
            "what": phase.what, "from": format_quantity(phase.start_s, "s"),
            "takes": format_quantity(phase.end_s - phase.start_s, "s"), "reached by": percent(phase.weight),
            "energy": format_quantity(phase.energy_j, "J"),
        }
        for phase in breakdown.phases
    ]  # fmt: skip
    scale = {"domain": list(COLOURS), "range": list(COLOURS.values())}
    tooltip = [{"field": name} for name in ("what", "place", "from", "takes", "reached by", "energy")]
    color = {"field": "kind", "type": "nominal", "scale": scale, "legend": None}
    at = {"y": {**y, "field": "place"}, "color": color, "tooltip": tooltip}
    bar = {"type": "bar", "height": {"band": 0.72}, "cornerRadius": 2, "stroke": SURFACE, "strokeWidth": 0.5}
    # what takes less than a pixel still shows as a hairline
    least = 0.004 * max((row["end"] for row in rows), default=0.0)
    brief = [row for row in rows if row["end"] - row["start"] < least]
    hairline = {"type": "tick", "thickness": 2, "height": {"band": 0.72}, "orient": "vertical", "opacity": 1}
    return [
        {
            "data": {"values": rows},
            "mark": bar,
            "encoding": {"x": {**x, "field": "start"}, "x2": {"field": "end"}, **at},
        },
        {"data": {"values": brief}, "mark": hairline, "encoding": {"x": {**x, "field": "start"}, **at}},
    ]


def _exits(breakdown: AppBreakdown, factor: float, x: Spec, y: Spec) -> list[Spec]:
    # an exit that nobody takes has no latency that counts
    taken = [row for row in breakdown.exit_times if row.fraction > 0.0]
    rows = [
        {
            "at": row.latency_s / factor, "place": _EXITS, "exit": row.name, "leaves": percent(row.fraction),
            "when": format_quantity(row.latency_s, "s"),
        }
        for row in taken
    ]  # fmt: skip
    at = {"x": {**x, "field": "at"}}
    on_lane = {**at, "y": {**y, "field": "place"}}
    tooltip = [{"field": name} for name in ("exit", "leaves", "when")]
    mark = {"type": "point", "shape": "diamond", "filled": True, "size": 110, "color": INK, "opacity": 1}
    text = {"type": "text", "align": "right", "dx": -9, "color": INK, "fontSize": 11}
    data = {"values": rows}
    labels = {"values": _apart(rows)}
    return [
        {"data": data, "mark": {"type": "rule", "strokeDash": [2, 3], "color": MUTED}, "encoding": at},
        {"data": data, "mark": mark, "encoding": {**on_lane, "tooltip": tooltip}},
        {"data": labels, "mark": text, "encoding": {**on_lane, "text": {"field": "leaves"}}},
    ]


def _apart(rows: list[Spec]) -> list[Spec]:
    """Return the exits that have room for a label on their left."""
    ordered = sorted(rows, key=lambda row: float(row["at"]))
    before = [0.0, *(float(row["at"]) for row in ordered)]
    most = before[-1]
    return [row for row, last in zip(ordered, before, strict=False) if row["at"] - last >= 0.2 * most]


def _limit(limit_s: float, factor: float, x: Spec) -> list[Spec]:
    data = {"values": [{"at": limit_s / factor, "label": f"limit {format_quantity(limit_s, 's')}"}]}
    at = {"x": {**x, "field": "at"}}
    text = {"type": "text", "align": "right", "dx": -6, "y": 8, "color": BAD, "fontWeight": 600}
    return [
        {"data": data, "mark": {"type": "rule", "color": BAD, "strokeWidth": 2}, "encoding": at},
        {"data": data, "mark": text, "encoding": {**at, "text": {"field": "label"}}},
    ]


def exit_rows(breakdowns: Sequence[AppBreakdown]) -> list[tuple[str, ...]]:
    """Return the exits as rows of a table: app, exit, fraction, threshold, when."""
    return [
        (
            breakdown.app.name,
            row.name,
            percent(row.fraction),
            _threshold(breakdown, row.name),
            format_quantity(row.latency_s, "s") if row.fraction > 0.0 else "nobody leaves",
        )
        for breakdown in breakdowns
        for row in breakdown.exit_times
    ]


def _threshold(breakdown: AppBreakdown, name: str) -> str:
    thresholds = breakdown.plan.thresholds
    if thresholds is None:
        return "as measured"
    value = thresholds.get(name)
    return "takes all" if value is None else f"{value:g}"
