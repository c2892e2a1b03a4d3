"""Figure of a front of two figures, such as latency and money: one point for each plan, joined by steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from planner.report.page import Figure
from planner.report.quantities import axis_unit
from planner.report.theme import INK, SURFACE, Spec, figure
from planner.schemas.planning.front import Front, FrontPoint
from planner.schemas.reading.quantities import FRACTION, takes_prefix
from planner.units import format_accuracy, format_quantity

_UNITS = {"energy": "J", "latency": "s", "accuracy": FRACTION}


def front_figure(front: Front, labels: Sequence[str]) -> Figure | None:
    """Draw the plans of a front by its two axes; None where a plan does not say one of them, or there is but one plan.

    Args:
        front: A front of two axes.
        labels: What to call each plan.

    Returns:
        The figure as a Vega-Lite specification with its caption.
    """
    first, second = front.axes
    values = [(_value(point, first), _value(point, second)) for point in front.points]
    if len(values) < 2 or any(value is None for pair in values for value in pair):
        return None
    units = {**_UNITS, **front.points[0].placement.metric_units}
    scales = [_scale([pair[place] or 0.0 for pair in values], units[name]) for place, name in enumerate(front.axes)]
    rows = [
        {
            "x": (x or 0.0) / scales[0][0],
            "y": (y or 0.0) / scales[1][0],
            "plan": label,
            "first": _text(x, units[first]),
            "second": _text(y, units[second]),
        }
        for (x, y), label in zip(values, labels, strict=True)
    ]
    titles = [f"{_title(front, name)}{unit}" for name, (_, unit) in zip(front.axes, scales, strict=True)]
    text = f"Every plan of the front by {_title(front, first)} and {_title(front, second)}. "
    text += "Steps join them: no plan within the limits lies on the better side of the steps. "
    text += "Point at a plan for its figures."
    description = f"{len(rows)} plans by {_title(front, first)} and {_title(front, second)}."
    better = "accuracy" in front.axes
    return Figure(figure(_layers(rows, titles, front.axes, better), description, 340.0), text)


def _value(point: FrontPoint, name: str) -> float | None:
    built_in = {"energy": point.energy_j, "latency": point.latency_s, "accuracy": point.accuracy}
    return built_in[name] if name in built_in else point.placement.apps[0].metrics[name]


def _title(front: Front, name: str) -> str:
    return f"{front.latency} latency" if name == "latency" else name


def _text(value: float | None, unit: str) -> str:
    return format_accuracy(value) if unit == FRACTION else format_quantity(value or 0.0, unit)


def _scale(values: Sequence[float], unit: str) -> tuple[float, str]:
    """Return what to divide the values of an axis by, and its unit in brackets; a fraction has none."""
    if unit == FRACTION:
        return 1.0, ""
    if takes_prefix(unit):
        factor, prefixed = axis_unit(values, unit)
        return factor, f" ({prefixed})"
    most = max(map(abs, values), default=0.0)
    power = 3 * math.floor(math.log10(most) / 3.0) if most > 0.0 else 0
    return (10.0**power, f" (1e{power} {unit})") if power else (1.0, f" ({unit})")


def _layers(rows: list[Spec], titles: Sequence[str], axes: Sequence[str], rising: bool) -> list[Spec]:
    """Return the steps and the points; with accuracy, of which more is better, the steps rise."""
    place = {
        name: {"field": name, "type": "quantitative", "title": title, "scale": _domain([row[name] for row in rows])}
        for name, title in zip("xy", titles, strict=True)
    }
    interpolate = "step-before" if rising and axes[0] == "accuracy" else "step-after"
    line = {"type": "line", "interpolate": interpolate, "strokeWidth": 1.5, "opacity": 0.45, "color": INK}
    named = zip(("first", "second"), axes, strict=True)
    tooltip = [{"field": "plan"}, *({"field": field, "title": name} for field, name in named)]
    point = {"type": "point", "filled": True, "opacity": 1, "size": 75, "color": INK, "stroke": SURFACE}
    return [
        {"data": {"values": rows}, "mark": line, "encoding": place},
        {"data": {"values": rows}, "mark": point, "encoding": {**place, "tooltip": tooltip}},
    ]


def _domain(values: Sequence[float]) -> Spec:
    """Return the scale of an axis: from 0 where values come near it, with room around them elsewhere."""
    least, most = min(values), max(values)
    return {"zero": True} if 4.0 * least < most else {"zero": False, "padding": 14}
