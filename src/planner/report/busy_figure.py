"""Figure of busy times: how long one inference keeps every node and medium busy, and which of them bounds the rate."""

from __future__ import annotations

from planner.report.bars import Bar, bars_figure
from planner.report.page import Figure
from planner.report.quantities import axis_unit
from planner.report.theme import Spec
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
    bars = [
        Bar(name, busy_s / factor, format_quantity(busy_s, "s"), "bottleneck" if name == bottleneck else "other")
        for name, busy_s in times.items()
    ]
    strong = () if bottleneck is None else (bottleneck,)
    tooltip = {"name": "node or medium", "text": "busy", "note": "part"}
    title = f"busy time per inference ({unit})"
    return bars_figure(bars, title, "Busy time by node and medium:", strong=strong, tooltip=tooltip)
