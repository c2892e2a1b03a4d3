"""Time lines of inferences: which node or link is busy when, when samples leave, and the limits of latencies."""

from __future__ import annotations

from collections.abc import Sequence

from planner.report.breakdown import COMPUTING, HEAD, RESULT, TRANSFER, AppBreakdown, Phase
from planner.report.page import Figure
from planner.report.quantities import axis_unit, percent
from planner.report.theme import BAD, INK, LABELS, MUTED, SURFACE, Spec, figure
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
_EXITS, _LIMIT = "samples leave", "latency limit"
"""Lanes of what is no node or link."""
MOST_SEPARATE = 3
"""More apps than these share one figure, a lane each."""
MOST_LANES = 50
"""Apps that are drawn in it."""
_LANE = 26.0
_TRIANGLES = " Triangles are means or percentiles: the stroke is a limit on them, not on single samples."


def timelines(breakdowns: Sequence[AppBreakdown]) -> list[Figure]:
    """Draw the time lines of all apps: a figure for each of few, one figure for many; none where nothing takes time.

    Args:
        breakdowns: The apps of a plan.
    """
    timed = [each for each in breakdowns if _last_s(each) > 0.0]
    if len(breakdowns) <= MOST_SEPARATE:
        return [_timeline(each, len(breakdowns) == 1) for each in timed]
    return [_overview(timed[:MOST_LANES], len(timed))] if timed else []


def _last_s(breakdown: AppBreakdown) -> float:
    return max([phase.end_s for phase in breakdown.phases] + [row.latency_s for row in breakdown.exit_times], default=0)


def _timeline(breakdown: AppBreakdown, alone: bool) -> Figure:
    """Draw one sample of an app that runs to the last exit: a lane for each node and link; `alone`: the only app."""
    last_s, app = _last_s(breakdown), breakdown.app
    limit_s = app.max_latency_s
    # a limit far behind the end would squeeze all that happens into a corner
    shown_limit_s = limit_s if limit_s is not None and limit_s <= 2.0 * last_s else None
    factor, unit = axis_unit([last_s], "s")
    worst = app.latency == "worst"
    statistic = f"{app.latency} latency"
    above = [_LIMIT] if worst and shown_limit_s is not None else []
    lanes = [*above, *dict.fromkeys(phase.place for phase in breakdown.phases), *([] if worst else [statistic]), _EXITS]
    end = max(last_s, shown_limit_s or 0.0, breakdown.plan.latency_s) / factor * (1.02 if worst else 1.35)
    scale = {"domain": [0.0, end], "nice": False}
    x = {"type": "quantitative", "title": f"time since the inference began ({unit})", "scale": scale}
    y = {"type": "nominal", "sort": lanes, "title": None, "scale": {"domain": lanes}, "axis": LABELS}
    layers = [*_bars(breakdown, factor, x, y, None), *_exits(breakdown, factor, x, y)]
    if not worst:
        layers += _statistic(breakdown.plan.latency_s, shown_limit_s, factor, x, {**y, "field": "lane"}, statistic)
    elif shown_limit_s is not None:
        layers += _limit(shown_limit_s, factor, x, {**y, "field": "lane"})
    exits = "; ".join(f"{row.name} at {format_quantity(row.latency_s, 's')}" for row in breakdown.exit_times)
    description = f"Time line of one inference of {app.name}. Samples leave: {exits}."
    whose = "" if alone else f" of {app.name}"
    caption = (
        f"One inference{whose} that runs to its last exit: what each node and link does, hop by hop. "
        f"Diamonds mark when samples leave, with their fraction.{_limit_sentence(breakdown, shown_limit_s)}"
    )
    return Figure(figure(layers, description, _LANE * len(lanes)), caption, key_of(breakdown.phases))


def _limit_sentence(breakdown: AppBreakdown, shown_limit_s: float | None) -> str:
    app, limit_s = breakdown.app, breakdown.app.max_latency_s
    parts = []
    if app.latency != "worst":
        what = "the mean over samples" if app.latency == "mean" else f"the {app.latency} over samples"
        value = format_quantity(breakdown.plan.latency_s, "s")
        parts.append(f" The triangle is {what}, {value}: its limit holds for it alone, not for single exits.")
    if limit_s is not None and shown_limit_s is None:
        parts.append(f" The latency limit of {format_quantity(limit_s, 's')} lies beyond the figure.")
    return "".join(parts)


def _overview(breakdowns: Sequence[AppBreakdown], count: int) -> Figure:
    """Draw many apps in one figure: a lane for each, with its limit as a stroke."""
    factor, unit = axis_unit([max(map(_last_s, breakdowns))], "s")
    names = [each.app.name for each in breakdowns]
    x = {"type": "quantitative", "title": f"time since the inference began ({unit})"}
    y = {"type": "nominal", "sort": names, "title": None, "scale": {"domain": names}, "axis": LABELS}
    layers = [layer for each in breakdowns for layer in _bars(each, factor, x, y, each.app.name)]
    most_s = 2.0 * max(map(_last_s, breakdowns))
    limits: list[Spec] = [
        {"at": limit_s / factor, "place": each.app.name, "limit": format_quantity(limit_s, "s"),
         "of": f"{each.app.latency} latency", "planned": format_quantity(each.plan.latency_s, "s")}
        for each in breakdowns
        if (limit_s := each.app.max_latency_s) is not None and limit_s <= most_s
    ]  # fmt: skip
    stroke = {"type": "tick", "thickness": 3, "height": {"band": 0.9}, "orient": "vertical", "color": BAD, "opacity": 1}
    tooltip = [{"field": name} for name in ("place", "of", "planned", "limit")]
    at = {"x": {**x, "field": "at"}, "y": {**y, "field": "place"}, "tooltip": tooltip}
    layers.append({"data": {"values": limits}, "mark": stroke, "encoding": at})
    others = [
        {"at": each.plan.latency_s / factor, "place": each.app.name, "of": f"{each.app.latency} latency",
         "planned": format_quantity(each.plan.latency_s, "s")}
        for each in breakdowns
        if each.app.latency != "worst"
    ]  # fmt: skip
    if others:  # single samples may lie beyond a limit that holds for a mean or a percentile
        shape = {"type": "point", "shape": "triangle-up", "filled": True, "size": 90, "color": INK, "opacity": 1}
        place = {"x": {**x, "field": "at"}, "y": {**y, "field": "place"}, "tooltip": tooltip[:3]}
        layers.append({"data": {"values": others}, "mark": shape, "encoding": place})
    left_out = f" The first {len(names)} of {count} apps are drawn." if len(names) < count else ""
    caption = (
        "One inference of every app that runs to its last exit, at its shares of nodes and media; red strokes are "
        f"limits of the latency statistic that each app asks for.{_TRIANGLES if others else ''} Point at a part for "
        f"its node and figures.{left_out}"
    )
    listed = ", ".join(f"{each.app.name} {format_quantity(each.plan.latency_s, 's')}" for each in breakdowns)
    spec = figure(layers, f"Time lines of {len(names)} apps. Latencies: {listed}.", 22.0 * len(names))
    phases = [phase for each in breakdowns for phase in each.phases]
    return Figure(spec, caption, [*key_of(phases), *([("latency limit", BAD)] if limits else [])])


def key_of(phases: Sequence[Phase]) -> list[tuple[str, str]]:
    """Return the key of the kinds that there are."""
    return [(kind, colour) for kind, colour in COLOURS.items() if any(phase.kind == kind for phase in phases)]


def _bars(breakdown: AppBreakdown, factor: float, x: Spec, y: Spec, lane: str | None) -> list[Spec]:
    """Draw the phases of an app, on the lanes of their places or all on one."""
    rows: list[Spec] = [
        {
            "start": phase.start_s / factor, "end": phase.end_s / factor, "lane": lane or phase.place,
            "place": phase.place, "kind": phase.kind, "what": phase.what, "from": format_quantity(phase.start_s, "s"),
            "takes": format_quantity(phase.end_s - phase.start_s, "s"), "reached by": percent(phase.weight),
            "energy": format_quantity(phase.energy_j, "J"),
        }
        for phase in breakdown.phases
    ]  # fmt: skip
    scale = {"domain": list(COLOURS), "range": list(COLOURS.values())}
    tooltip = [{"field": name} for name in ("what", "place", "from", "takes", "reached by", "energy")]
    color = {"field": "kind", "type": "nominal", "scale": scale, "legend": None}
    at = {"y": {**y, "field": "lane"}, "color": color, "tooltip": tooltip}
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


def _limit(limit_s: float, factor: float, x: Spec, y: Spec) -> list[Spec]:
    """Draw a limit that holds for every exit: a line through all lanes, its label on a lane without bars."""
    data = {"values": [{"at": limit_s / factor, "label": f"limit {format_quantity(limit_s, 's')}", "lane": _LIMIT}]}
    at = {"x": {**x, "field": "at"}}
    right = limit_s / factor > 0.5 * x["scale"]["domain"][1]
    text = {"type": "text", "align": "right" if right else "left", "dx": -6 if right else 6, "color": BAD}
    return [
        {"data": data, "mark": {"type": "rule", "color": BAD, "strokeWidth": 2}, "encoding": at},
        {"data": data, "mark": {**text, "fontWeight": 600}, "encoding": {**at, "y": y, "text": {"field": "label"}}},
    ]


def _statistic(value_s: float, limit_s: float | None, factor: float, x: Spec, y: Spec, lane: str) -> list[Spec]:
    """Draw a mean or percentile on a lane of its own, with the limit that holds for it and for nothing else."""
    value, end = value_s / factor, x["scale"]["domain"][1]
    at = {"x": {**x, "field": "at"}, "y": y}
    shape = {"type": "point", "shape": "triangle-up", "filled": True, "size": 110, "color": INK, "opacity": 1}
    written = {"at": value, "label": format_quantity(value_s, "s"), "lane": lane}
    text = {"type": "text", "align": "right", "dx": -9, "color": INK, "fontSize": 11}
    layers: list[Spec] = [{"data": {"values": [written]}, "mark": shape, "encoding": at}]
    if value > 0.25 * end:
        layers.append({"data": {"values": [written]}, "mark": text, "encoding": {**at, "text": {"field": "label"}}})
    if limit_s is not None:
        data = {"values": [{**written, "at": limit_s / factor, "label": f"limit {format_quantity(limit_s, 's')}"}]}
        stroke = {"type": "tick", "thickness": 3, "height": {"band": 0.9}, "orient": "vertical", "color": BAD}
        words = {"type": "text", "align": "left", "dx": 6, "color": BAD, "fontWeight": 600}
        layers += [
            {"data": data, "mark": {**stroke, "opacity": 1}, "encoding": at},
            {"data": data, "mark": words, "encoding": {**at, "text": {"field": "label"}}},
        ]
    return layers


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
