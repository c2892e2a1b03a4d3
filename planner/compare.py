"""All methods on one request, side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fin.method import METHODS
from planner.pipeline import Request, solve
from planner.units import format_quantity
from schemas.placement import Placement


@dataclass(frozen=True)
class Row:
    """One method's answer."""

    method: str
    placement: Placement
    seconds: float

    @property
    def value(self) -> float | None:
        """Objective of the plan, None where there is none."""
        if not self.placement.apps or self.placement.certificate is None:
            return None
        plan = self.placement.apps[0]
        return plan.energy_j if self.placement.certificate.objective == "energy_j" else plan.latency_s


def compare(request: Request, methods: Sequence[str] = METHODS) -> Iterator[Row]:
    """Yield each method's answer in turn; every plan is verified."""
    for name in methods:
        began = time.perf_counter()
        placement = solve(replace(request, method=name))
        yield Row(name, placement, time.perf_counter() - began)


HEADINGS = ("method", "status", "energy", "latency", "accuracy", "bound", "gap", "over best", "time")


def cells(row: Row, best: float | None) -> tuple[str, ...]:
    """Return a row's cells as text, with units."""
    placement, certificate = row.placement, row.placement.certificate
    unit = "J" if certificate is None or certificate.objective == "energy_j" else "s"
    bound = "" if certificate is None else format_quantity(certificate.lower_bound, unit)
    taken = format_quantity(row.seconds, "s")
    if not placement.apps:
        return row.method, placement.status, "", "", "", bound, "", "", taken
    plan = placement.apps[0]
    gap = certificate.relative_gap if certificate is not None and certificate.relative_gap is not None else 0.0
    over = "" if best is None or row.value is None or best == 0 else f"{100 * (row.value / best - 1):+.3g} %"
    return (
        row.method,
        placement.status,
        format_quantity(plan.energy_j, "J"),
        format_quantity(plan.latency_s, "s"),
        f"{plan.accuracy:.4g}",
        bound,
        f"{100 * gap:.3g} %",
        "" if over in ("+0 %", "-0 %") else over,
        taken,
    )
