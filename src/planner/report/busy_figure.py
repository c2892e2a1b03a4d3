"""Figure of busy times: how long one inference keeps every node and medium busy, and which of them bounds the rate."""

from __future__ import annotations

from planner.report.page import Figure
from planner.report.quantities import axis_unit
from planner.report.theme import INK, LABELS, Spec, figure
from planner.schemas.planning.placement import AppPlacement
from planner.units import format_quantity

MOST_BARS = 40
"""Longest busy times that are drawn."""


def busy_figures(plan: AppPlacement) -> list[Figure]:
    """Draw the busy times of a plan whose rate is maximised, the longest first; nothing where nothing is busy.

    Args:
        plan: The plan of one app.

    Returns:
        One figure, or none.
    """
    if plan.busy_s is None or plan.rate_per_s is None:
        return []
    times = {**plan.busy_s.nodes, **plan.busy_s.media}
    longest = sorted(times, key=lambda name: -times[name])[:MOST_BARS]
    rate = format_quantity(plan.rate_per_s, "1/s")
    note = "Of nodes that may not be busy all the time, the busy time over that part counts."
    text = f"Busy time of one inference. {plan.bottleneck} bounds the rate: {rate}. {note}"
    return [Figure(_bars({name: times[name] for name in longest}, plan.bottleneck), text)]


def _bars(times: dict[str, float], bottleneck: str | None) -> Spec:
    factor, unit = axis_unit(times.values(), "s")
    values = [
        {
            "place": name,
            "busy": busy_s / factor,
            "is": format_quantity(busy_s, "s"),
            "part": "bottleneck" if name == bottleneck else "other",
        }
        for name, busy_s in times.items()
    ]
    most = max(times.values(), default=0.0) / factor
    x: Spec = {"field": "busy", "type": "quantitative", "title": f"busy time per inference ({unit})"}
    x["scale"] = {"domain": [0.0, 1.3 * most if most > 0.0 else 1.0], "nice": False}
    y = {"field": "place", "type": "nominal", "sort": list(times), "title": None, "axis": LABELS}
    tooltip = [{"field": "place", "title": "node or medium"}, {"field": "is", "title": "busy"}, {"field": "part"}]
    opacity = {"condition": {"test": "datum.part === 'bottleneck'", "value": 1.0}, "value": 0.45}
    bars = {
        "data": {"values": values},
        "mark": {"type": "bar", "height": {"band": 0.72}, "color": INK},
        "encoding": {"x": x, "y": y, "opacity": opacity, "tooltip": tooltip},
    }
    ends = {
        "data": {"values": values},
        "mark": {"type": "text", "align": "left", "dx": 5, "color": INK, "fontSize": 11},
        "encoding": {"x": x, "y": y, "text": {"field": "is"}},
    }
    listed = ", ".join(f"{name} {format_quantity(busy_s, 's')}" for name, busy_s in times.items())
    return figure([bars, ends], f"Busy time by node and medium: {listed}.", 24.0 * len(times))
