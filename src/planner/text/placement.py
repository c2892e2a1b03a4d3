"""Results for people, as plain text that does not depend on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from planner.schemas.planning.placement import AppPlacement, Placement
from planner.schemas.reading.printable import printable_document
from planner.text.app_placement import app_lines, reason_lines
from planner.text.joint_placement import joint_text
from planner.units import format_accuracy, format_quantity


def placement_text(placement: Placement) -> str:
    """Return a placement as text: the answer, who runs what, the routes, where energy and time go, the proof."""
    placement = printable_document(placement)
    if placement.certificate is not None and placement.certificate.objective == "power_w":
        return joint_text(placement)
    lines: list[str] = []
    for plan in placement.apps:
        lines += _plan_lines(plan, placement.status)
    if placement.certificate is not None:
        lines += _proof_lines(placement)
    return "\n".join([*lines, *reason_lines(placement)])


def _plan_lines(plan: AppPlacement, status: str) -> Iterator[str]:
    energy, latency = format_quantity(plan.energy_j, "J"), format_quantity(plan.latency_s, "s")
    yield f"{status}: {energy}, {latency}, accuracy {format_accuracy(plan.accuracy)}"
    yield from app_lines(plan)


def _proof_lines(placement: Placement) -> Iterator[str]:
    certificate = placement.certificate
    if certificate is None:
        return
    bound = format_quantity(certificate.lower_bound, certificate.objective.rsplit("_", 1)[1].upper().replace("S", "s"))
    gap = "" if certificate.relative_gap is None else f" (gap {100 * certificate.relative_gap:.3g} %)"
    yield f"bound     no plan within the limits is below {bound}{gap}"
