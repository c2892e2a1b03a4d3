"""Colours, type and spacing of pages and figures: one set of CSS variables, light and dark.

Figures are drawn as SVG whose colours are names of CSS variables, so the browser changes them with the page.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

Spec = dict[str, Any]
"""A Vega-Lite specification or a part of one: JSON data."""

COMPUTING, HEAD, TRANSFER, RESULT = "var(--computing)", "var(--head)", "var(--transfer)", "var(--result)"
INK, MUTED, LINE, SURFACE = "var(--ink)", "var(--muted)", "var(--line)", "var(--surface)"
ACCENT, WARNING, GOOD, BAD = "var(--accent)", "var(--warning)", "var(--good)", "var(--bad)"
SERIES = tuple(f"var(--series-{index})" for index in range(1, 11))
"""Colours of things without an order."""
RAMP = tuple(f"var(--ramp-{index})" for index in range(1, 7))
"""Colours of things with an order, from low to high."""

_LIGHT = {
    "page": "#f5f6f8", "surface": "#ffffff", "sunken": "#eef0f4", "ink": "#1b2330", "muted": "#5a6576",
    "line": "#d5dae3", "accent": "#2456c4", "accent-soft": "#dde7fb", "warning": "#9a6200", "good": "#1d7a46",
    "bad": "#b3261e", "on-fill": "#ffffff", "shade": "#1b233055",
    "computing": "#2f6bd6", "head": "#7a4bc9", "transfer": "#c8711a", "result": "#13806f",
    "series-1": "#2f6bd6", "series-2": "#b3600f", "series-3": "#13796a", "series-4": "#7a4bc9",
    "series-5": "#b03671", "series-6": "#626d10", "series-7": "#1f74a5", "series-8": "#7a5636",
    "series-9": "#565d6b", "series-10": "#c23b30",
    "ramp-1": "#c6b33c", "ramp-2": "#74ae4f", "ramp-3": "#2f9a79", "ramp-4": "#257c93", "ramp-5": "#33589a",
    "ramp-6": "#44317f",
}  # fmt: skip
_DARK = {
    "page": "#12161d", "surface": "#1b212b", "sunken": "#242c38", "ink": "#e8ecf3", "muted": "#a3aebf",
    "line": "#384353", "accent": "#8db4ff", "accent-soft": "#26385c", "warning": "#f0b95a", "good": "#6fd39b",
    "bad": "#ff8f86", "on-fill": "#10151d", "shade": "#000000aa",
    "computing": "#6ea2f7", "head": "#ab86ee", "transfer": "#eaa152", "result": "#4cc5ae",
    "series-1": "#6ea2f7", "series-2": "#eaa152", "series-3": "#4cc5ae", "series-4": "#ab86ee",
    "series-5": "#ee7fae", "series-6": "#b7c552", "series-7": "#74c0e8", "series-8": "#c79a74",
    "series-9": "#a9b1bf", "series-10": "#ff8f86",
    "ramp-1": "#6a5bb5", "ramp-2": "#4c7cc0", "ramp-3": "#3f9fb0", "ramp-4": "#55bd8f", "ramp-5": "#9ed36a",
    "ramp-6": "#f1e05c",
}  # fmt: skip

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"


def style() -> str:
    """Return the style sheet of a page."""
    dark = f"@media (prefers-color-scheme: dark) {{ {_variables(_DARK)} }}"
    rules = files("planner.report").joinpath("rules.css").read_text(encoding="utf-8")
    return "\n".join([f":root {{ --font: {FONT}; }}", _variables(_LIGHT), dark, rules])


def _variables(colours: dict[str, str]) -> str:
    return ":root { " + " ".join(f"--{name}: {colour};" for name, colour in colours.items()) + " }"


def config() -> Spec:
    """Return the configuration that all figures share."""
    text = {"labelColor": MUTED, "titleColor": MUTED, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500}
    lines = {"gridColor": LINE, "domainColor": LINE, "tickColor": LINE, "gridOpacity": 0.7}
    return {
        "padding": 2,
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {**text, **lines, "labelLimit": 150, "titlePadding": 8, "labelFlush": False},
        "axisX": {"tickCount": {"signal": "ceil(width / 80)"}},
        "legend": {**text, "labelLimit": 150},
        # figures are named and told as a whole, and tables say the rest: marks have nothing to add
        "mark": {"aria": False},
        "title": {"color": INK, "fontSize": 13, "anchor": "start", "fontWeight": 600},
        "text": {"color": INK, "fontSize": 12},
        "rule": {"color": MUTED},
    }  # fmt: skip


LABEL_WIDTH = 24
"""Characters of a line of a label."""
_LINES = f"regexp('(.{{1,{LABEL_WIDTH}}})(?: |$)|(.{{{LABEL_WIDTH}}})', 'g'), '$1$2\\n'"
LABELS: Spec = {
    "labelExpr": f"split(trim(replace(datum.label, {_LINES})), '\\n')", "labelLimit": 190, "labelLineHeight": 11,
}  # fmt: skip
"""Axis of names: a long name takes a second line instead of being cut."""


def figure(layers: list[Spec], description: str, height: float, **more: object) -> Spec:
    """Draw a figure as wide as its place on the page.

    Args:
        layers: Layers of marks; those whose own data have no row are left out, as no axis can be scaled by them.
        description: What the figure shows, for those who cannot see it.
        height: Pixels.
        more: Further parts of the specification.

    Returns:
        The figure as a Vega-Lite specification.
    """
    layers = [layer for layer in layers if layer.get("data", {}).get("values") != []]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "description": description,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": config(),
        "layer": layers,
        **more,
    }


def with_prefix(unit: str) -> str:
    """Return the expression that labels an axis with quantities such as ``20 ms``."""
    return f"replace(format(datum.value, '~s'), regexp('([a-zA-Zµ]?)$'), ' $1') + '{unit}'"
