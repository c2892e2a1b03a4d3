"""Figures of suite results by method: answers, distance from the best known plan, search times, trade-offs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from planner.report.page import Figure
from planner.report.results.reading import STATUSES, ReportedCase, best_values, case_of
from planner.report.theme import BAD, COMPUTING, GOOD, INK, MUTED, SERIES, SURFACE, WARNING, Spec, figure, with_prefix
from planner.report.tradeoff_figure import PlanPoint, tradeoff_figure
from planner.units import format_quantity

_COLOURS = dict(zip(STATUSES, (GOOD, COMPUTING, "var(--series-4)", WARNING, BAD), strict=True))
_BAND = 30.0
MOST_STEPS = 200
"""Steps of a distribution that are drawn; of more, evenly chosen ones."""

MOST_GROUPS = 200
"""Inputs whose plans are drawn, to choose from."""


def methods_of(rows: Sequence[ReportedCase]) -> list[str]:
    """Return the methods in the order in which they come."""
    return list(dict.fromkeys(row.method for row in rows))


def quantile(ordered: Sequence[float], fraction: float) -> float:
    """Return the smallest value that at least this fraction of the (sorted) values does not exceed."""
    return ordered[max(0, math.ceil(fraction * len(ordered) - 1e-9) - 1)]


def over_best(rows: Sequence[ReportedCase], method: str) -> list[float]:
    """Return by which fraction the plans of a method are above the best known plan of their case.

    Returns:
        Fractions in ascending order; a plan whose best has no finite ratio to it (a best of 0 J) is left out.
    """
    best = best_values(rows)
    ratios = []
    for row in rows:
        if row.method == method and row.value is not None:
            least = best[case_of(row)]
            ratio = 1.0 if row.value == least else row.value / least if least > 0.0 else math.inf
            ratios.append(ratio - 1.0)
    return sorted(ratio for ratio in ratios if math.isfinite(ratio))


def seconds_of(rows: Sequence[ReportedCase], method: str) -> list[float]:
    """Return how long a method took for each of its cases.

    Returns:
        Seconds in ascending order. A case that no search was needed for, such as one that building the graph proves
        infeasible, counts with what it took as a whole; where nobody noted that, it is left out.
    """
    return sorted(time for row in rows if row.method == method and (time := time_of(row)) is not None)


def time_of(row: ReportedCase) -> float | None:
    """Return the seconds of a case's search, else of all of it; None where neither is known."""
    if row.search_s:
        return row.search_s
    return row.whole_s or row.build_s or None


def answers_figure(rows: Sequence[ReportedCase]) -> Figure:
    """Draw how many cases each method answered how."""
    counts = {(m, s): 0 for m in methods_of(rows) for s in STATUSES}
    for row in rows:
        counts[row.method, row.status] += 1
    seen = [status for status in STATUSES if any(counts[m, status] for m in methods_of(rows))]
    values = [
        {"method": method, "status": status, "cases": count, "order": STATUSES.index(status)}
        for (method, status), count in counts.items()
        if count
    ]
    scale = {"domain": list(_COLOURS), "range": list(_COLOURS.values())}
    layer = {
        "data": {"values": values},
        "mark": {"type": "bar", "height": {"band": 0.7}, "stroke": SURFACE},
        "encoding": {
            "x": {"field": "cases", "type": "quantitative", "title": "cases (count)", "axis": {"tickMinStep": 1}},
            "y": _by_method(rows), "order": {"field": "order"},
            "color": {"field": "status", "type": "nominal", "scale": scale, "legend": None},
            "tooltip": [{"field": name} for name in ("method", "status", "cases")],
        },
    }  # fmt: skip
    listed = "; ".join(f"{m}: " + ", ".join(f"{counts[m, s]} {s}" for s in seen) for m in methods_of(rows))
    spec = figure([layer], f"Answers by method. {listed}.", _BAND * len(methods_of(rows)))
    caption = "Answers by method. Infeasible and optimal are proved; unknown: a limit came before any plan."
    return Figure(spec, caption, [(status, _COLOURS[status]) for status in seen])


def _by_method(rows: Sequence[ReportedCase]) -> Spec:
    names = methods_of(rows)
    return {"field": "method", "type": "nominal", "sort": names, "title": None, "scale": {"domain": names}}


def over_best_figure(rows: Sequence[ReportedCase]) -> Figure | None:
    """Draw how far the plans of each method are above the best known; None where all plans are the best known."""
    values = []
    for method in methods_of(rows):
        if ratios := over_best(rows, method):
            low, mid, high, most = (100.0 * quantile(ratios, part) for part in (0.25, 0.5, 0.75, 1.0))
            values.append(
                {"method": method, "q1": low, "median": mid, "q3": high, "most": most, "least": 100.0 * ratios[0],
                 "plans": len(ratios)}
            )  # fmt: skip
    if not any(row["most"] for row in values):
        return None
    names = {"least": "least", "q1": "quarter", "median": "median", "q3": "three quarters", "most": "most"}
    tooltip = [{"field": name, "format": ".3g", "title": f"{title} (%)"} for name, title in names.items()]
    shared = {"y": _by_method(rows), "tooltip": [{"field": "method"}, {"field": "plans"}, *tooltip]}

    def x(name: str) -> Spec:
        return {"field": name, "type": "quantitative", "title": "above the best known plan (%)"}

    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "color": MUTED, "strokeWidth": 2},
            "encoding": {"x": x("least"), "x2": {"field": "most"}, **shared},
        },
        {
            "mark": {"type": "bar", "height": {"band": 0.5}, "color": COMPUTING},
            "encoding": {"x": x("q1"), "x2": {"field": "q3"}, **shared},
        },
        {
            "mark": {"type": "tick", "thickness": 3, "color": INK, "height": {"band": 0.7}, "orient": "vertical"},
            "encoding": {"x": x("median"), **shared},
        },
    ]
    listed = "; ".join(f"{row['method']}: median {row['median']:.3g} %, at most {row['most']:.3g} %" for row in values)
    spec = figure(
        layers, f"Plans above the best known. {listed}.", _BAND * len(methods_of(rows)), data={"values": values}
    )
    caption = (
        "How far the plans of each method are above the best that any method found for the case: the middle half as a "
        "bar, the median as a stroke, the range as a line."
    )
    return Figure(spec, caption)


def times_figure(rows: Sequence[ReportedCase]) -> Figure | None:
    """Draw which fraction of cases each method was done with after which time; None where no time is known."""
    names = [method for method in methods_of(rows) if seconds_of(rows, method)]
    if not names:
        return None
    values = [row for method in names for row in _steps(method, seconds_of(rows, method))]
    colours = [SERIES[index % len(SERIES)] for index in range(len(names))]
    dashes = [[1, 0] if index < len(SERIES) else [4, 3] for index in range(len(names))]
    color = {"field": "method", "type": "nominal", "scale": {"domain": names, "range": colours}, "legend": None}
    shown = [row["seconds"] for row in values]
    decades = [10.0**n for n in range(math.floor(math.log10(min(shown))), math.ceil(math.log10(max(shown))) + 1)]
    dash = {"field": "method", "type": "nominal", "scale": {"domain": names, "range": dashes}, "legend": None}
    layer = {
        "data": {"values": values},
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2.5, "point": {"size": 12}},
        "encoding": {
            "x": {
                "field": "seconds", "type": "quantitative", "scale": {"type": "log", "nice": False},
                "axis": {"title": "search time", "labelExpr": with_prefix("s"), "values": decades},
            },
            "y": {"field": "fraction", "type": "quantitative", "title": "cases done (fraction)",
                  "scale": {"domain": [0, 1]}},
            "color": color, "strokeDash": dash,
            "tooltip": [{"field": "method"}, {"field": "time"}, {"field": "fraction", "format": ".3g"}],
        },
    }  # fmt: skip
    medians = ", ".join(f"{m} {format_quantity(quantile(seconds_of(rows, m), 0.5), 's')}" for m in names)
    spec = figure([layer], f"Distribution of search times by method. Medians: {medians}.", 300.0)
    caption = "Search times: the fraction of cases that each method was done with after a time (logarithmic)."
    return Figure(spec, caption, list(zip(names, colours, strict=True)))


def _steps(method: str, times: Sequence[float]) -> list[Spec]:
    ends = [(time, len(list(same))) for time, same in groupby(times)]
    done, rows = 0, []
    for time, count in ends:
        done += count
        shown = max(time, 1e-7)  # a logarithmic axis has no place for nothing
        fraction = done / len(times)
        rows.append({"method": method, "seconds": shown, "time": format_quantity(time, "s"), "fraction": fraction})
    stride = max(1, -(-len(rows) // MOST_STEPS))
    return rows if stride == 1 else [*rows[::stride], rows[-1]]


def plans_figure(rows: Sequence[ReportedCase]) -> Figure | None:
    """Draw all plans by inputs; None where no inputs have two different ones."""
    found: dict[str, dict[tuple[float, float, float | None], list[str]]] = {}
    for row in rows:
        if row.energy_j is not None and row.latency_s is not None:
            label = f"{row.method}{f' ({row.asked})' if row.asked else ''}"
            here = found.setdefault(row.group, {})
            here.setdefault((row.energy_j, row.latency_s, row.accuracy), []).append(label)
    groups = {group: plans for group, plans in found.items() if len(plans) > 1}
    if not groups:
        return None
    plans = [
        PlanPoint(energy_j, latency_s, accuracy, _listed(labels), group)
        for group in list(groups)[:MOST_GROUPS]
        for (energy_j, latency_s, accuracy), labels in groups[group].items()
    ]
    left_out = f" Only the first {MOST_GROUPS} of {len(groups)} inputs are drawn." if len(groups) > MOST_GROUPS else ""
    single = f" {len(found) - len(groups)} further inputs have one plan each." if len(found) > len(groups) else ""
    caption = (
        "All plans for the same inputs, whatever was asked for. Dots: no other plan here beats them in energy, latency "
        f"and accuracy at once (steps join those of one accuracy); crosses: another plan does.{left_out}{single}"
    )
    return tradeoff_figure(plans, caption, "inputs")


def _listed(labels: Sequence[str], most: int = 4) -> str:
    unique = list(dict.fromkeys(labels))
    return "; ".join(unique[:most]) + (f"; {len(unique) - most} more" if len(unique) > most else "")
