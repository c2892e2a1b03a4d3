"""Figure of plans by energy and latency, coloured by accuracy; steps join plans that no other dominates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.report.page import Figure
from planner.report.theme import MUTED, RAMP, SURFACE, Spec, figure, with_prefix
from planner.units import format_accuracy, format_quantity

MOST_DOMINATED = 400
"""Of the plans of a group that another one beats, so many are drawn: the first, evenly spread in order of energy."""


@dataclass(frozen=True)
class PlanPoint:
    """A plan as a point of energy, latency and accuracy."""

    energy_j: float
    latency_s: float
    accuracy: float | None
    """None where the model does not say it."""
    label: str
    group: str = ""
    """Only plans of one group can be compared."""

    @property
    def ranked_accuracy(self) -> float:
        """Accuracy for comparisons; an unknown one is below all others."""
        return _UNKNOWN if self.accuracy is None else self.accuracy


_UNKNOWN = -1.0


def non_dominated(plans: Sequence[PlanPoint]) -> list[bool]:
    """Tell of each plan whether no other is as good in energy, latency and accuracy and better in one of them.

    Plans are visited in ascending order of energy (then latency, then descending accuracy), so only plans before one
    can dominate it, and equal plans are adjacent.

    Args:
        plans: Plans of one group.

    Returns:
        One flag for each plan, in their order.
    """
    order = sorted(range(len(plans)), key=lambda i: (plans[i].energy_j, plans[i].latency_s, -plans[i].ranked_accuracy))
    kept = [False] * len(plans)
    best: list[PlanPoint] = []
    for index in order:
        plan = plans[index]
        if best and _same(plan, best[-1]):
            kept[index] = True
        elif not any(
            other.latency_s <= plan.latency_s and other.ranked_accuracy >= plan.ranked_accuracy for other in best
        ):
            kept[index] = True
            best.append(plan)
    return kept


def _same(plan: PlanPoint, other: PlanPoint) -> bool:
    return (plan.energy_j, plan.latency_s, plan.accuracy) == (other.energy_j, other.latency_s, other.accuracy)


def levels_of(accuracies: Sequence[float]) -> list[tuple[float, float]]:
    """Return at most six ranges of accuracy, from low to high: one per value, or about as many values in each."""
    values = sorted(set(accuracies))
    count = min(len(values), len(RAMP))
    cuts = [len(values) * index // count for index in range(count + 1)] if count else []
    return [(values[cuts[index]], values[cuts[index + 1] - 1]) for index in range(count)]


def tradeoff_figure(plans: Sequence[PlanPoint], caption: str, choose: str = "") -> Figure:
    """Draw plans; of several groups the reader of the page chooses one.

    Args:
        plans: The plans.
        caption: What the figure shows.
        choose: What a group is called.

    Returns:
        The figure as a Vega-Lite specification with its key and caption.
    """
    levels = levels_of([plan.ranked_accuracy for plan in plans])
    names = [_level_name(low, high) for low, high in levels]
    # few levels take colours from the whole ramp, the best level always the last
    spread = (len(RAMP) - 1) / max(1, len(levels) - 1)
    colours = [RAMP[-1 - round(index * spread)] for index in reversed(range(len(levels)))]
    groups = list(dict.fromkeys(plan.group for plan in plans))
    rows = [row for group in groups for row in _rows([plan for plan in plans if plan.group == group], levels, names)]
    key = [(f"accuracy {name}", colour) for name, colour in zip(names, colours, strict=True)]
    color = {"field": "level", "type": "nominal", "scale": {"domain": names, "range": colours}, "legend": None}
    more: Spec = {"data": {"values": rows}}
    if len(groups) > 1:
        choice = {"input": "select", "options": groups, "name": f"{choose}: "}
        more |= {"params": [{"name": "chosen", "value": groups[0], "bind": choice}],
                 "transform": [{"filter": "datum.group == chosen"}]}  # fmt: skip
    count = sum(bool(row["best"]) for row in rows)
    description = (
        f"Latency and energy of {len(plans)} plans, coloured by accuracy; no other plan beats {count} of them."
    )
    return Figure(figure(_layers(color), description, 380.0, **more), caption, key)


def _level_name(low: float, high: float) -> str:
    if high == _UNKNOWN:
        return "unknown"
    return f"{high:.4g}" if low in (high, _UNKNOWN) else f"{low:.4g} to {high:.4g}"


def _rows(plans: Sequence[PlanPoint], levels: Sequence[tuple[float, float]], names: Sequence[str]) -> list[Spec]:
    best = non_dominated(plans)
    beaten = sorted((plan for plan, kept in zip(plans, best, strict=True) if not kept), key=lambda plan: plan.energy_j)
    step = max(1, -(-len(beaten) // MOST_DOMINATED))
    front = [plan for plan, kept in zip(plans, best, strict=True) if kept]
    return [
        {
            "latency_s": plan.latency_s, "energy_j": plan.energy_j,
            "accuracy": format_accuracy(plan.accuracy), "group": plan.group,
            "level": next(n for n, (_, high) in zip(names, levels, strict=True) if plan.ranked_accuracy <= high),
            "best": kept, "plan": plan.label, "energy": format_quantity(plan.energy_j, "J"),
            "latency": format_quantity(plan.latency_s, "s"),
        }
        for kept, part in ((False, beaten[::step]), (True, front))
        for plan in part
    ]  # fmt: skip


def _layers(color: Spec) -> list[Spec]:
    def axis(name: str, unit: str) -> Spec:
        return {
            "field": f"{name}_{unit.lower()}", "type": "quantitative", "scale": {"zero": False, "padding": 14},
            "axis": {"title": f"{name} per inference" if name == "energy" else name, "labelExpr": with_prefix(unit)},
        }  # fmt: skip

    place = {"x": axis("latency", "s"), "y": axis("energy", "J")}
    steps = {"type": "line", "interpolate": "step-after", "strokeWidth": 1.5, "opacity": 0.55}
    test = "datum.best"
    points = {
        "shape": {"condition": {"test": test, "value": "circle"}, "value": "cross"},
        "size": {"condition": {"test": test, "value": 75}, "value": 35},
        "fill": {"condition": {"test": test, **color}, "value": MUTED},
        "tooltip": [{"field": name} for name in ("plan", "energy", "latency", "accuracy")],
    }
    return [
        {
            "transform": [{"filter": test}],
            "mark": steps,
            "encoding": {**place, "color": color, "detail": {"field": "accuracy", "type": "nominal"}},
        },
        {"mark": {"type": "point", "opacity": 1, "stroke": SURFACE}, "encoding": {**place, **points}},
    ]
