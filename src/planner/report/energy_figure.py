"""Figures of the energy per inference: by node and link, and by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from planner.report.breakdown import KINDS, AppBreakdown, Phase
from planner.report.page import Figure
from planner.report.quantities import axis_unit, percent
from planner.report.theme import INK, LABELS, Spec, figure
from planner.report.timeline import COLOURS, key_of
from planner.units import format_quantity

MOST_BARS = 40
"""More bars than these are too many to read: the least of them are summed up in one."""
_REST = "all others"


def energy_figures(breakdowns: Sequence[AppBreakdown]) -> list[Figure]:
    """Draw the energy per inference, of all apps together, by place and by block; nothing where no energy is used."""
    phases = [phase for breakdown in breakdowns for phase in breakdown.phases]
    if not any(phase.expected_j for phase in phases):
        return []
    several = len(breakdowns) > 1
    whose = "one inference of every app" if several else "one inference"

    def block(phase: Phase) -> str:
        return f"{phase.app}: {phase.block}" if several else phase.block

    places = _bars(phases, lambda phase: phase.place, "node or link")
    blocks = _bars(phases, block, "block")
    note = "An inference is the mean over samples: what a part takes, times the fraction of samples that reach it."
    return [
        Figure(places, f"Energy of {whose} by node and link. {note}", key_of(phases)),
        Figure(
            blocks, f"Energy of {whose} by block: computing it, its exit, and carrying its output on.", key_of(phases)
        ),
    ]


def _bars(phases: Sequence[Phase], key: Callable[[Phase], str], what: str) -> Spec:
    names = list(dict.fromkeys(map(key, phases)))
    sums = {name: sum(phase.expected_j for phase in phases if key(phase) == name) for name in names}
    kept = set(sorted(names, key=lambda name: -sums[name])[: MOST_BARS - 1] if len(names) > MOST_BARS else names)
    rows: dict[tuple[str, str], float] = {}
    for phase in phases:
        place = key(phase) if key(phase) in kept else _REST
        rows[place, phase.kind] = rows.get((place, phase.kind), 0.0) + phase.expected_j
    whole_j = sum(sums.values())
    shown = [name for name in names if name in kept] + [_REST] * (len(kept) < len(names))
    totals = {name: sum(value for (place, _), value in rows.items() if place == name) for name in shown}
    return _figure(rows, totals, whole_j, what)


def _figure(rows: dict[tuple[str, str], float], totals: dict[str, float], whole_j: float, what: str) -> Spec:
    factor, unit = axis_unit(totals.values(), "J")
    kinds = [kind for kind in KINDS if any(row[1] == kind for row in rows)]
    order = {kind: index for index, kind in enumerate(kinds)}
    values = [
        {
            "place": place, "kind": kind, "energy": value / factor, "order": order[kind],
            "is": format_quantity(value, "J"), "share": percent(value / whole_j if whole_j > 0.0 else 0.0),
        }
        for (place, kind), value in rows.items()
    ]  # fmt: skip
    sums = [
        {"place": place, "energy": value / factor, "label": format_quantity(value, "J")}
        for place, value in totals.items()
    ]
    x: Spec = {"type": "quantitative", "title": f"energy per inference ({unit})"}
    y = {"field": "place", "type": "nominal", "sort": list(totals), "title": None, "axis": LABELS}
    scale = {"domain": list(COLOURS), "range": list(COLOURS.values())}
    tooltip = [{"field": "place", "title": what}, *({"field": name} for name in ("kind", "is", "share"))]
    most = max(totals.values(), default=0.0) / factor
    # room for the sums at the ends of the bars
    x["scale"] = {"domain": [0.0, 1.3 * most if most > 0.0 else 1.0], "nice": False}
    bars = {
        "data": {"values": values},
        "mark": {"type": "bar", "height": {"band": 0.72}},
        "encoding": {
            "x": {**x, "field": "energy", "stack": "zero"}, "y": y, "order": {"field": "order"},
            "color": {"field": "kind", "type": "nominal", "scale": scale, "legend": None}, "tooltip": tooltip,
        },
    }  # fmt: skip
    ends = {
        "data": {"values": sums},
        "mark": {"type": "text", "align": "left", "dx": 5, "color": INK, "fontSize": 11},
        "encoding": {"x": {**x, "field": "energy"}, "y": y, "text": {"field": "label"}},
    }
    listed = ", ".join(f"{place} {format_quantity(value, 'J')}" for place, value in totals.items())
    return figure([bars, ends], f"Energy by {what}: {listed}.", 24.0 * len(totals))
