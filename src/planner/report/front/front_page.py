"""Page of a Pareto front: its figure, the plans as a table, and hashes of inputs."""

from __future__ import annotations

from collections.abc import Mapping

from planner.report.front.front_figure import front_figure
from planner.report.page import Page, Section, Table, Tile
from planner.report.plan_page import inputs_table
from planner.report.tradeoff_figure import PlanPoint, tradeoff_figure
from planner.schemas.planning.front import Front, FrontPoint
from planner.text.front import hosts_text, metrics_text, variants_of_points
from planner.units import format_accuracy, format_quantity

_SEVERITIES = {"complete": "good", "partial": "warning", "infeasible": "bad", "unknown": "warning"}
_MEANING = {
    "complete": "proved: every plan within the limits is matched or beaten by one of these",
    "partial": "each plan belongs to the front, but a limit stopped the search, and some are missing",
    "infeasible": "proved: no plan keeps every limit",
    "unknown": "a limit came before any plan was found or ruled out",
}
_DRAWN = ("energy", "latency", "accuracy")
_UNFOLDED = 30
"""A longer table is folded."""


def front_page(front: Front, inputs: Mapping[str, str] | None) -> Page:
    """Lay out the page of a front.

    Args:
        front: The front.
        inputs: Hashes of the files that its plans were verified against; None where they were not verified.
    """
    points = front.points
    return Page(
        title=f"Trade-offs of {front.app}: {', '.join(_axis(front, name) for name in front.axes)}",
        badge=front.status,
        severity=_SEVERITIES[front.status],
        lead=f"{_MEANING[front.status]}. {front.message}".removesuffix(". ").strip(),
        tiles=_tiles(front),
        sections=[
            *([_picture(front), _table(points)] if points else []),
            *([Section("Why there is no plan", front.diagnosis.summary)] if front.diagnosis is not None else []),
            _provenance(front, inputs),
        ],
    )


def _axis(front: Front, name: str) -> str:
    return f"{front.latency} latency" if name == "latency" else name


def _tiles(front: Front) -> list[Tile]:
    if not front.points:
        return []
    energies, latencies = [p.energy_j for p in front.points], [p.latency_s for p in front.points]
    accuracies = [point.accuracy for point in front.points if point.accuracy is not None]
    levels = len(set(accuracies))
    return [
        Tile("plans on the front", str(len(front.points)), f"{levels} levels of accuracy" if levels > 1 else ""),
        Tile("energy", format_quantity(min(energies), "J"), f"least; most {format_quantity(max(energies), 'J')}"),
        Tile("latency", format_quantity(min(latencies), "s"), f"least; most {format_quantity(max(latencies), 's')}"),
        _accuracy_tile(accuracies),
        *_metric_tiles(front),
        Tile("exact searches", str(front.searches), "each proved"),
    ]


def _metric_tiles(front: Front) -> list[Tile]:
    """Return the range of every metric."""
    units = front.points[0].placement.metric_units
    values = {name: [point.placement.apps[0].metrics[name] for point in front.points] for name in units}
    texts = {
        name: (format_quantity(min(v), units[name]), format_quantity(max(v), units[name])) for name, v in values.items()
    }
    return [Tile(name, least, f"least; most {most}") for name, (least, most) in texts.items()]


def _accuracy_tile(accuracies: list[float]) -> Tile:
    if not accuracies:
        return Tile("accuracy", "unknown", "the model does not say it")
    return Tile("accuracy", f"{max(accuracies):.4g}", f"best; least {min(accuracies):.4g}")


def _picture(front: Front) -> Section:
    plans = [PlanPoint(p.energy_j, p.latency_s, p.accuracy, _label(p)) for p in front.points]
    caption = (
        "Every plan of the front: less energy is lower, less latency further left. Steps join plans of one accuracy; "
        "above and right of them nothing is gained without more accuracy. Point at a plan for its figures."
    )
    if set(front.axes) != set(_DRAWN):
        drawn = front_figure(front, [_label(point) for point in front.points])
        why = (
            "One plan is the best in both." if len(front.points) == 1 else "A plan does not say one of the two figures."
        )
        return Section("The front", "" if drawn else why, [drawn] if drawn else [])
    figures = [tradeoff_figure(plans, caption)] if len(plans) > 1 else []
    return Section("The front", "" if figures else "One plan is the best in energy and latency.", figures)


def _label(point: FrontPoint) -> str:
    return f"{point.placement.apps[0].operating_point}: {hosts_text(point, most=4)}"


def _table(points: tuple[FrontPoint, ...]) -> Section:
    variants = variants_of_points(points)
    rows = [
        (
            format_quantity(point.energy_j, "J"),
            format_quantity(point.latency_s, "s"),
            format_accuracy(point.accuracy),
            *metrics_text(point),
            *variants[index : index + 1],
            point.placement.apps[0].operating_point,
            hosts_text(point),
        )
        for index, point in enumerate(points)
    ]
    names = tuple(points[0].placement.metric_units)
    headings = (*_DRAWN, *names, *(["variant"] if variants else []), "operating point", "nodes")
    folded = f"All {len(rows)} plans" if len(rows) > _UNFOLDED else ""
    return Section("The plans", parts=[Table(headings, rows, numbers=tuple(range(3 + len(names))), summary=folded)])


def _provenance(front: Front, inputs: Mapping[str, str] | None) -> Section:
    checked = "Every plan was recomputed from these files before this page was written, and stands."
    unchecked = "The plans were not recomputed for this page: no topology and model were given."
    text = (
        f"Figures within a relative {front.resolution:g} of each other count as equal. "
        f"{unchecked if inputs is None else checked if front.points else ''}"
    )
    planned = front.provenance.inputs if front.provenance is not None else {}
    return Section("How it was made and checked", text.strip(), [inputs_table(planned, inputs or {})])
