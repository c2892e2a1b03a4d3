"""Figures of a run: the time line of one sample above the planned one, and latencies by exit as a distribution."""

from __future__ import annotations

from planner.report.page import Figure
from planner.report.quantities import axis_unit
from planner.report.theme import COMPUTING, INK, MUTED, RESULT, SERIES, SURFACE, TRANSFER, Spec, figure
from planner.schemas.bundles.run import PlanRun, Step
from planner.units import format_quantity

_COLOURS = {"compute": COMPUTING, "transfer": TRANSFER, "wait": MUTED, "result": RESULT}
_NAMES = {"compute": "computing", "transfer": "transfer", "wait": "waiting", "result": "result on its way back"}
_MEASURED, _PLANNED = "measured", "predicted"


def timelines(plan: PlanRun) -> Figure:
    """Draw the sample of median latency above the same exit as it was predicted."""
    both = [(_MEASURED, step) for step in plan.timeline] + [(_PLANNED, step) for step in plan.predicted_timeline]
    factor, unit = axis_unit([step.start_s + step.time_s for _, step in both], "s")
    lanes = [_MEASURED, _PLANNED] if plan.predicted_timeline else [_MEASURED]
    rows = [_row(lane, step, factor) for lane, step in both]
    kinds = list(dict.fromkeys(step.kind for _, step in both))
    scale = {"domain": kinds, "range": [_COLOURS[kind] for kind in kinds]}
    bars = {
        "data": {"values": rows},
        "mark": {"type": "bar", "height": {"band": 0.7}, "stroke": SURFACE, "strokeWidth": 0.5},
        "encoding": {
            "x": {"field": "start", "type": "quantitative", "title": f"time since the sample was sent ({unit})"},
            "x2": {"field": "end"},
            "y": {"field": "lane", "type": "nominal", "sort": lanes, "title": None, "scale": {"domain": lanes}},
            "color": {"field": "kind", "type": "nominal", "scale": scale, "legend": None},
            "tooltip": [{"field": name} for name in ("what", "where", "from", "takes")],
        },
    }
    caption = f"One sample of {plan.name}, that of median latency at its exit, above the plan of the same exit."
    key = [(_NAMES[kind], _COLOURS[kind]) for kind in kinds]
    return Figure(figure([bars], caption, 44.0 * len(lanes)), caption, key)


def _row(lane: str, step: Step, factor: float) -> Spec:
    return {
        "lane": lane,
        "start": step.start_s / factor,
        "end": (step.start_s + step.time_s) / factor,
        "kind": step.kind,
        "what": step.what,
        "where": step.where,
        "from": format_quantity(step.start_s, "s"),
        "takes": format_quantity(step.time_s, "s"),
    }


def distribution(plan: PlanRun) -> Figure:
    """Draw the cumulative distribution of measured latencies by exit, with the predicted latency of each."""
    exits = [each for each in plan.exits if each.latencies_s]
    values = [time_s for each in exits for time_s in each.latencies_s]
    planned = [each for each in exits if each.latency.predicted_s is not None]
    factor, unit = axis_unit([*values, *(each.latency.predicted_s or 0.0 for each in planned)], "s")
    rows = []
    for each in exits:
        ordered = sorted(each.latencies_s)
        rows += [
            {"exit": each.name, "latency": time_s / factor, "fraction": (index + 1) / len(ordered)}
            for index, time_s in enumerate(ordered)
        ]
    names = [each.name for each in exits]
    colours = [SERIES[index % len(SERIES)] for index in range(len(names))]
    color = {"field": "exit", "type": "nominal", "scale": {"domain": names, "range": colours}, "legend": None}
    x = {"type": "quantitative", "title": f"latency seen from the source ({unit})"}
    lines = {
        "data": {"values": rows},
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
        "encoding": {
            "x": {**x, "field": "latency"},
            "y": {"field": "fraction", "type": "quantitative", "title": "fraction of the exit's samples"},
            "color": color,
        },
    }
    marks = {
        "data": {
            "values": [{"exit": each.name, "latency": (each.latency.predicted_s or 0.0) / factor} for each in planned]
        },
        "mark": {"type": "rule", "strokeDash": [4, 3], "strokeWidth": 1.5},
        "encoding": {"x": {**x, "field": "latency"}, "color": color, "tooltip": [{"field": "exit"}]},
    }
    caption = "Measured latencies by exit as a cumulative distribution; dashed: the latency that was predicted."
    key = [(name, colour) for name, colour in zip(names, colours, strict=True)]
    return Figure(figure([lines, marks] if planned else [lines], caption, 220.0), caption, key or [("none", INK)])
