"""All methods on one request, side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from planner.files.writing import placement_json
from planner.pipeline.dispatch import answer
from planner.pipeline.request import AnyRequest
from planner.schemas.planning.placement import Placement
from planner.text.objective import objective_text
from planner.units import format_accuracy, format_quantity

_ROUNDING = 1e-11
"""Relative difference of two figures that is rounding of sums."""


@dataclass(frozen=True)
class Row:
    """One method's answer."""

    method: str
    placement: Placement
    seconds: float

    @property
    def value(self) -> float | None:
        """Objective of the plan, None where there is none."""
        return self.placement.objective_value


def compare(request: AnyRequest, methods: Sequence[str]) -> Iterator[Row]:
    """Yield each method's answer in turn; every plan is verified."""
    for name in methods:
        began = time.perf_counter()
        placement = answer(replace(request, method=name))
        yield Row(name, placement, time.perf_counter() - began)


def row_json(row: Row) -> dict[str, Any]:
    """Return a row as JSON data."""
    return {"method": row.method, "seconds": row.seconds, "placement": placement_json(row.placement)}


_ONE = ("energy", "latency", "accuracy")
_SEVERAL = ("power", "energy", "nodes", "node shares", "media shares")

_RATE = ("rate", *_ONE)


HEADINGS = ("method", "status", *_ONE, "bound", "gap", "over best", "time")
OPTIONAL = ("bound", "media shares", "node shares", "accuracy", "nodes", "time")
"""Columns that a narrow terminal goes without, the least important first; JSON has all of them."""
JOINT_HEADINGS = ("method", "status", *_SEVERAL, "bound", "gap", "over best", "time")


def headings(rows: Sequence[Row], together: bool = False) -> tuple[str, ...]:
    """Return the headings of a table; with a column of rates where the rate is maximised."""
    if together:
        objective = objective_of_all(rows)
        return ("method", "status", *([] if objective is None else [objective]), *JOINT_HEADINGS[2:])
    names = tuple(rows[0].placement.metric_units) if rows else ()
    figures = _RATE if by_rate(rows) else _ONE
    return ("method", "status", *figures, *names, *HEADINGS[5:])


def objective_of_all(rows: Sequence[Row]) -> str | None:
    """Return what apps planned together are planned for, as a heading; None for power, which has its own column."""
    named = [row.placement.certificate.objective for row in rows if row.placement.certificate is not None]
    if not named or named[0] == "power_w":
        return None
    return {"latency_over_limit": "latency", "accuracy": "mean accuracy"}.get(named[0], named[0])


def by_rate(rows: Sequence[Row]) -> bool:
    """Tell whether the rate is maximised; methods without a plan or a bound need not say so."""
    proofs = [row.placement.certificate for row in rows if row.placement.certificate is not None]
    return any(proof.objective == "rate_per_s" for proof in proofs)


def cells(
    row: Row, best: float | None, together: bool = False, named: bool = False, rated: bool = False
) -> tuple[str, ...]:
    """Format a row as cells under `HEADINGS`, or `JOINT_HEADINGS` for apps planned together.

    Args:
        row: A method's answer.
        best: Least objective of all methods; None where none found a plan.
        together: Whether apps are planned together.
        named: Whether the objective of apps planned together has a column of its own (`objective_of_all`).
        rated: Whether rates have a column (`by_rate`).

    Returns:
        Texts of the cells, figures with their units; empty where the row has no such figure.
    """
    certificate, found = row.placement.certificate, row.placement.total is not None
    figures = (_shared_figures(row.placement) if together else _figures(row.placement)) if found else ()
    bound, gap = "", ""
    if certificate is not None:
        bound = objective_text(row.placement, certificate.bound)
        gap = f"{100 * _visible(certificate.relative_gap):.3g} %" if certificate.relative_gap is not None else ""
    excess = _excess(row.value, best)
    metrics = () if together else tuple(_metric(row.placement, name) for name in row.placement.metric_units)
    return (
        row.method,
        row.placement.status,
        *([objective_text(row.placement, row.value)] if named else []),
        *(figures or ("",) * len(_SEVERAL if together else _RATE if rated else _ONE)),
        *metrics,
        bound,
        gap,
        f"{100 * excess:+.3g} %" if excess else "",
        format_quantity(row.seconds, "s"),
    )


def _metric(placement: Placement, name: str) -> str:
    """Return a metric of the only app with its unit; nothing without a plan."""
    values = [plan.metrics[name] for plan in placement.apps if name in plan.metrics]
    return format_quantity(values[0], placement.metric_units[name]) if values else ""


def _excess(value: float | None, best: float | None) -> float:
    """Return how far a value is from the best one, relatively; 0 where that is rounding."""
    if value is None or not best or value == best:
        return 0.0
    return _visible(value / best - 1.0)


def best_value(rows: Sequence[Row]) -> float | None:
    """Return the best objective of some methods' plans; None where none found one."""
    proofs = [row.placement.certificate for row in rows if row.placement.certificate is not None]
    values = [row.value for row in rows if row.value is not None]
    if any(proof.maximised for proof in proofs):
        return max(values, default=None)
    return min(values, default=None)


def _visible(part: float) -> float:
    """Return a relative difference, 0 where it is rounding of sums."""
    return 0.0 if abs(part) < _ROUNDING else part


def _figures(placement: Placement) -> tuple[str, ...]:
    plan = placement.apps[0]
    rate = () if plan.busy_s is None else (objective_text(placement, placement.objective_value),)
    energy, latency = format_quantity(plan.energy_j, "J"), format_quantity(plan.latency_s, "s")
    return (*rate, energy, latency, format_accuracy(plan.accuracy))


def _shared_figures(placement: Placement) -> tuple[str, ...]:
    """Return the sums over all apps; energy is that of one inference of every app."""
    total = placement.total
    if total is None:
        return ()
    shares = (total.node_share_sum, total.media_share_sum)
    return (
        format_quantity(total.power_w, "W"),
        format_quantity(total.energy_j, "J"),
        str(total.nodes_used),
        *("" if share is None else f"{share:.3g}" for share in shares),
    )
