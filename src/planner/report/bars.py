"""Horizontal bars of named values, each with its value at its end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from planner.report.theme import INK, LABELS, Spec, figure


@dataclass(frozen=True)
class Bar:
    """A bar: what it stands for, its length on the axis, and its value as text."""

    name: str
    length: float
    text: str
    note: str = ""


def bars_figure(
    bars: Sequence[Bar], axis: str | None, description: str, *, strong: Collection[str] = (), tooltip: Mapping[str, str]
) -> Spec:
    """Draw bars from top to bottom in the order given.

    Args:
        bars: The bars.
        axis: Title of the axis with its unit; None where the values at the ends say all.
        description: What the figure shows; the values are listed behind it.
        strong: Names of bars that stand out; none: all alike.
        tooltip: What the tooltip calls `name`, `text` and `note`; what is left out is not shown.

    Returns:
        The figure as a Vega-Lite specification.
    """
    values = [
        {"name": bar.name, "length": bar.length, "text": bar.text, "note": bar.note, "strong": bar.name in strong}
        for bar in bars
    ]
    most = max((bar.length for bar in bars), default=0.0)
    # room for the values at the ends of the bars
    scale = {"domain": [0.0, 1.3 * most if most > 0.0 else 1.0], "nice": False}
    x: Spec = {"field": "length", "type": "quantitative", "title": axis, "scale": scale, "axis": {} if axis else None}
    y = {"field": "name", "type": "nominal", "sort": [bar.name for bar in bars], "title": None, "axis": LABELS}
    opacity: Spec = {"value": 0.6}
    if strong:
        opacity = {"condition": {"test": "datum.strong", "value": 1.0}, "value": 0.45}
    shown = [{"field": field, "title": title} for field, title in tooltip.items()]
    layers = [
        {
            "data": {"values": values},
            "mark": {"type": "bar", "height": {"band": 0.72}, "color": INK},
            "encoding": {"x": x, "y": y, "opacity": opacity, "tooltip": shown},
        },
        {
            "data": {"values": values},
            "mark": {"type": "text", "align": "left", "dx": 5, "color": INK, "fontSize": 11},
            "encoding": {"x": x, "y": y, "text": {"field": "text"}},
        },
    ]
    listed = ", ".join(f"{bar.name} {bar.text}" for bar in bars)
    return figure(layers, f"{description} {listed}.", 24.0 * len(bars))
