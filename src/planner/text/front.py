"""A front for people, as a table of plain text, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import groupby

from planner.schemas.planning.front import Front, FrontPoint
from planner.schemas.reading.printable import printable_document
from planner.text.app_placement import variant_text
from planner.text.table import table_lines
from planner.units import format_accuracy, format_quantity

_FIGURES = ("energy", "latency", "accuracy")
_COLUMNS = ("energy_j", "latency_s", "accuracy", "operating_point", "nodes_used", "nodes")


def front_text(front: Front) -> str:
    """Return the front as a table with units, below what is proved of it."""
    front = printable_document(front)
    if front.diagnosis is not None:
        reasons = [f"  {limit.kind}: {limit.message}" for limit in front.diagnosis.limits]
        return "\n".join([f"infeasible: {front.diagnosis.summary}", *reasons])
    if not front.points:
        return f"unknown: no plan was found, and none was ruled out ({front.message})"
    variants = variants_of_points(front.points)
    units = front.points[0].placement.metric_units
    headings = (*_FIGURES, *units, *(["variant"] if variants else []), "operating point", "nodes")
    rows = [headings, *map(_cells, front.points, variants or [None] * len(front.points))]
    return "\n".join([_heading(front), *table_lines(rows), *([f"note: {front.message}"] if front.message else [])])


def _heading(front: Front) -> str:
    which = {"worst": "worst latency", "mean": "mean latency"}.get(front.latency, f"{front.latency} latency")
    proof = {
        "complete": f"no other plan within the limits is as good in {'both' if len(front.axes) == 2 else 'all three'}",
        "partial": "each belongs to the front, and some are missing",
    }[front.status]
    points = f"{len(front.points)} point{'' if len(front.points) == 1 else 's'}"
    axes = [which if axis == "latency" else axis for axis in front.axes]
    return f"{front.status}: {points} of {', '.join(axes[:-1])} and {axes[-1]}; {proof}"


def variants_of_points(points: Sequence[FrontPoint]) -> tuple[str, ...]:
    """Return which variant of its app the plan of each point runs; nothing where the app has but one.

    Where batches are of several sizes, those of 1 are named too.
    """
    plans = [point.placement.apps[0] for point in points]
    sizes = len({plan.batch for plan in plans})
    texts = tuple(variant_text(plan, sizes) for plan in plans)
    return texts if any(texts) else ()


def _cells(point: FrontPoint, variant: str | None) -> tuple[str, ...]:
    return (
        format_quantity(point.energy_j, "J"),
        format_quantity(point.latency_s, "s"),
        format_accuracy(point.accuracy),
        *metrics_text(point),
        *([] if variant is None else [variant]),
        point.placement.apps[0].operating_point,
        hosts_text(point, most=3),
    )


def metrics_text(point: FrontPoint) -> tuple[str, ...]:
    """Return the metrics of a point, each with its unit."""
    units, values = point.placement.metric_units, point.placement.apps[0].metrics
    return tuple(format_quantity(values[name], unit) for name, unit in units.items())


def hosts_text(point: FrontPoint, most: int | None = None) -> str:
    """Return the nodes that host blocks, in order of execution."""
    hosts = [name for name, _ in groupby(row.node for row in point.placement.apps[0].assignments)]
    if most is not None and len(hosts) > most:
        hosts = [*hosts[:most], f"{len(hosts) - most} more"]
    return " > ".join(hosts)


def front_csv(front: Front) -> str:
    """Return the front as CSV, one row per point, in SI units."""
    front, text = printable_document(front), io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    names = tuple(front.points[0].placement.metric_units) if front.points else ()
    variants = variants_of_points(front.points)
    table.writerow((*_COLUMNS, *names, *(["variant"] if variants else [])))
    for index, point in enumerate(front.points):
        plan, total = point.placement.apps[0], point.placement.total
        used = "" if total is None else total.nodes_used
        figures = (repr(point.energy_j), repr(point.latency_s), "" if point.accuracy is None else repr(point.accuracy))
        metrics = (repr(plan.metrics[name]) for name in names)
        table.writerow(
            (*figures, plan.operating_point, used, hosts_text(point), *metrics, *variants[index : index + 1])
        )
    return text.getvalue()
