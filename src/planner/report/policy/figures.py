"""Figure of a policy: one row for every state, one column for every plan, marked where the plan is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.report.page import Figure
from planner.report.theme import ACCENT, GOOD, LABEL_WIDTH, LABELS, LINE, SURFACE, WARNING, Spec, figure

MOST_STATES = 64
"""States that are drawn; the table has all of them."""
_USED, _GIVES_UP, _COULD, _CANNOT = "used", "used, breaks a limit", "keeps every limit", "breaks a limit or cannot run"
_COLOURS = {_USED: ACCENT, _GIVES_UP: WARNING, _COULD: GOOD, _CANNOT: LINE}


@dataclass(frozen=True)
class Cell:
    """A plan in a state."""

    state: str
    plan: str
    used: bool
    keeps_limits: bool | None
    """None where it is not known for plans that are not used."""
    note: str

    @property
    def meaning(self) -> str:
        """What the cell stands for, as the key says it."""
        if self.used:
            return _GIVES_UP if self.keeps_limits is False else _USED
        return _COULD if self.keeps_limits else _CANNOT


def switching_figure(cells: Sequence[Cell], caption: str) -> Figure:
    """Draw which plan is used in which state.

    Args:
        cells: Plans in states, state by state. Where it is not known whether a plan that is not used keeps the limits,
            its cell is left empty.
        caption: What the figure shows.

    Returns:
        The figure with its key; of more than `MOST_STATES` states the first.
    """
    states = list(dict.fromkeys(cell.state for cell in cells))[:MOST_STATES]
    plans = list(dict.fromkeys(cell.plan for cell in cells))
    shown = [cell for cell in cells if cell.state in set(states) and (cell.used or cell.keeps_limits is not None)]
    rows = [
        {"state": cell.state, "plan": cell.plan, "meaning": cell.meaning, "note": cell.note, "mark": "●" * cell.used}
        for cell in shown
    ]
    x: Spec = {"field": "plan", "type": "nominal", "sort": plans, "title": None, "scale": {"domain": plans}}
    x["axis"] = {"orient": "top", "labelAngle": 0, "labelOverlap": "greedy"}
    y = {"field": "state", "type": "nominal", "sort": states, "title": None, "axis": LABELS}
    meanings = [name for name in _COLOURS if any(row["meaning"] == name for row in rows)]
    scale = {"domain": meanings, "range": [_COLOURS[name] for name in meanings]}
    tooltip = [{"field": name} for name in ("state", "plan", "meaning", "note")]
    opacity = {"condition": {"test": "datum.mark !== ''", "value": 1.0}, "value": 0.45}
    color = {"field": "meaning", "type": "nominal", "scale": scale, "legend": None}
    squares = {
        "data": {"values": rows},
        "mark": {"type": "rect", "stroke": SURFACE, "strokeWidth": 2},
        "encoding": {"x": x, "y": y, "color": color, "opacity": opacity, "tooltip": tooltip},
    }
    marks = {
        "data": {"values": [row for row in rows if row["mark"]]},
        "mark": {"type": "text", "color": SURFACE, "fontSize": 12},
        "encoding": {"x": x, "y": y, "text": {"field": "mark"}},
    }
    more = f" The first {MOST_STATES} states." if len(states) < len({cell.state for cell in cells}) else ""
    lines = max((-(-len(state) // LABEL_WIDTH) for state in states), default=1)
    height = max(24.0, 12.0 * lines + 4.0) * len(states)
    used = "; ".join(f"{row['state']}: {row['plan']}" for row in rows if row["mark"])
    key = [(name, _COLOURS[name]) for name in meanings]
    return Figure(figure([squares, marks], f"Plan used in each state. {used}.", height), caption + more, key)
