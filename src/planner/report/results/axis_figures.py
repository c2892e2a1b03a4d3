"""Figures against the swept axes of a suite: the objective over each setting that takes several values, by method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from planner.report.page import Figure
from planner.report.results.figures import methods_of
from planner.report.results.reading import CaseSettings, ReportedCase
from planner.report.theme import LABELS, SERIES, Spec, figure, with_prefix
from planner.units import format_quantity

MOST_FIGURES = 12
"""Figures of a page; of more axes the first are drawn."""
MOST_GROUPS = 200
"""Combinations of the other settings that the reader may choose from."""
_LOGARITHMIC = 20.0
"""Ratio of the largest to the least value from which on an axis is logarithmic."""
_MOST_TICKS = 16
"""Swept values that are ticks of their axis; of more values the ticks are round numbers."""
_OBJECTIVES = {"energy_j": ("energy per inference", "J"), "latency_s": ("latency", "s"), "power_w": ("power", "W")}
_UNITS = (
    ("bit_per_s", "bit/s"), ("ops_per_s", "op/s"), ("per_s", "/s"), ("j_per_bit", "J/bit"), ("j_per_op", "J/op"),
    ("_bytes", "B"), ("_s", "s"), ("_j", "J"), ("_w", "W"),
)  # fmt: skip


def swept_axes(rows: Sequence[ReportedCase]) -> dict[str, list[str]]:
    """Return the settings that take several values and change what is reached, with their values in order.

    Args:
        rows: Rows of a suite.

    Returns:
        Values as texts, by setting; repeats of one request (seeds) are no axis.
    """
    values: dict[str, dict[str, None]] = {}
    for row in rows:
        for name, value in row.setting:
            values.setdefault(name, {})[value] = None
    return {name: _ordered(list(found)) for name, found in values.items() if len(found) > 1 and name != "seed"}


def axis_figures(rows: Sequence[ReportedCase]) -> list[Figure]:
    """Draw what is minimised against each swept axis, a line for each method.

    The reader chooses among the combinations of the other settings. Cases without a plan leave gaps.

    Args:
        rows: Rows of a suite.
    """
    figures = []
    objectives = list(dict.fromkeys(row.objective for row in rows if row.value is not None))
    for name, values in swept_axes(rows).items():
        for objective in objectives:
            drawn = _axis_figure([row for row in rows if row.objective == objective], name, values, str(objective))
            figures += [] if drawn is None else [drawn]
    return figures[:MOST_FIGURES]


def _axis_figure(rows: Sequence[ReportedCase], name: str, values: Sequence[str], objective: str) -> Figure | None:
    """Draw one axis; None where no combination of the other settings has plans at two of its values."""
    points: dict[CaseSettings, dict[tuple[str, str], ReportedCase]] = {}
    for row in rows:
        if row.value is not None and (at := dict(row.setting).get(name)) is not None:
            points.setdefault(_others(row, name), {}).setdefault((row.method, at), row)
    groups = {key: found for key, found in points.items() if len({at for _, at in found}) > 1}
    if not groups:
        return None
    names = _group_names(list(groups)[:MOST_GROUPS])
    numeric = all(_number(value) is not None for value in values)
    what, unit = _OBJECTIVES[objective]
    data = [
        {"group": group, "method": method, "at": _number(at) if numeric else at, "value": row.value,
         "shown": format_quantity(row.value or 0.0, unit), "x": _written(name, at), "status": row.status,
         "blocks": row.deployment}
        for key, group in names.items()
        for (method, at), row in groups[key].items()
    ]  # fmt: skip
    methods = [method for method in methods_of(rows) if any(row["method"] == method for row in data)]
    colours = [SERIES[index % len(SERIES)] for index in range(len(methods))]
    color = {"field": "method", "type": "nominal", "scale": {"domain": methods, "range": colours}, "legend": None}
    x = _numeric_axis(name, data) if numeric else _named_axis(name, values)
    y = {"field": "value", "type": "quantitative", "scale": {"zero": False, "padding": 14},
         "axis": {"title": what, "labelExpr": with_prefix(unit)}}  # fmt: skip
    titles = {"method": "method", "x": name, "shown": what, "status": "status", "blocks": "blocks"}
    tooltip = [{"field": field, "title": title} for field, title in titles.items()]
    layer = {
        "mark": {"type": "line", "point": {"size": 45}, "strokeWidth": 2, "opacity": 0.85},
        "encoding": {"x": x, "y": y, "color": color, "strokeDash": _dashes(methods), "tooltip": tooltip},
    }
    more: Spec = {"data": {"values": data}}
    if len(names) > 1:
        options = list(names.values())
        choice = {"input": "select", "options": options, "name": "other settings: "}
        more |= {"params": [{"name": "chosen", "value": options[0], "bind": choice}],
                 "transform": [{"filter": "datum.group == chosen"}]}  # fmt: skip
    left_out = f" The first {MOST_GROUPS} of {len(groups)} combinations." if len(groups) > MOST_GROUPS else ""
    caption = f"The {what} of the plans against {name}, by method. Cases without a plan leave gaps.{left_out}"
    description = f"{what} against {name} of {len(data)} plans by {', '.join(methods)}."
    return Figure(figure([layer], description, 280.0, **more), caption, list(zip(methods, colours, strict=True)))


def _others(row: ReportedCase, name: str) -> CaseSettings:
    """Return the settings of a case beside one of them; cases that agree in them are one line."""
    return tuple((other, value) for other, value in row.setting if other not in (name, "seed"))


def _group_names(groups: Sequence[CaseSettings]) -> dict[CaseSettings, str]:
    """Name combinations by the settings in which they differ."""
    values: dict[str, set[str]] = {}
    for group in groups:
        for name, value in group:
            values.setdefault(name, set()).add(value)
    differing = {name for name, found in values.items() if len(found) > 1}
    return {
        group: ", ".join(f"{name} {_written(name, value)}" for name, value in group if name in differing) or "all"
        for group in groups
    }


def _dashes(methods: Sequence[str]) -> Spec:
    dashes = [[1, 0] if index < len(SERIES) else [4, 3] for index in range(len(methods))]
    return {"field": "method", "type": "nominal", "scale": {"domain": methods, "range": dashes}, "legend": None}


def _numeric_axis(name: str, data: Iterable[Spec]) -> Spec:
    numbers = [float(row["at"]) for row in data]
    least, most = min(numbers), max(numbers)
    logarithmic = least > 0.0 and most / least >= _LOGARITHMIC
    scale: Spec = {"type": "log", "nice": False, "padding": 14} if logarithmic else {"zero": False, "padding": 14}
    axis = {"title": name, "labelExpr": with_prefix(_unit(name)), "labelOverlap": "greedy", "labelFlush": True,
            "labelSeparation": 8}  # fmt: skip
    at = sorted(set(numbers))
    axis |= {"values": at} if len(at) <= _MOST_TICKS else {"tickCount": {"signal": "ceil(width / 90)"}}
    return {"field": "at", "type": "quantitative", "scale": scale, "axis": axis}


def _named_axis(name: str, values: Sequence[str]) -> Spec:
    axis = {**LABELS, "title": name, "labelAngle": 0}
    return {"field": "at", "type": "nominal", "sort": list(values), "scale": {"domain": list(values)}, "axis": axis}


def _unit(name: str) -> str:
    """Return the unit that a setting's name ends with, nothing for plain numbers."""
    field = name.rpartition(".")[2]
    return next((unit for ending, unit in _UNITS if field.endswith(ending)), "")


def _written(name: str, value: str) -> str:
    number, unit = _number(value), _unit(name)
    return value if number is None or not unit else format_quantity(number, unit)


def _ordered(values: list[str]) -> list[str]:
    if all(_number(value) is not None for value in values):
        return sorted(values, key=float)
    return values


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
