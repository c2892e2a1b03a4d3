"""Results for people, as plain text that does not depend on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import AppPlacement, Placement
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.variants import chosen_variants
from planner.schemas.planning.workload import POWER, App
from planner.schemas.reading.printable import printable, printable_document
from planner.text.app_placement import app_lines, metric_lines, reason_lines, sustained_lines
from planner.text.asked import asked_text, of_limit
from planner.text.objective import gap_text, is_joint, objective_text
from planner.text.usage import cost_notes, usage_lines
from planner.units import format_accuracy, format_quantity

MOST_ASKED = 10
"""Apps without a plan of which is said what they ask for."""


def placement_text(
    placement: Placement,
    apps: Sequence[tuple[App, Model]] = (),
    topology: Topology | None = None,
    objective: str = POWER,
) -> str:
    """Format a placement as text.

    Args:
        placement: The placement.
        apps: Every app with its model (or each of several), as it was planned; where given, its objective and limits
            are said.
        topology: What it was planned on; where given too, the use of nodes and media is said.
        objective: What all apps together were planned for.

    Returns:
        Lines of text: the answer, who runs what, the routes, where energy and time go, the proof.
    """
    apps = chosen_variants(placement, apps)
    usage = None
    if placement.apps and apps and topology is not None:
        from planner.pipeline.usage import usage_of

        usage = usage_of(placement, apps, topology)
    notes = [] if topology is None else [f"note      {printable(text)}" for text in cost_notes(apps, topology)]
    placement = printable_document(placement)
    if is_joint(placement):
        from planner.text.joint_placement import joint_text

        return "\n".join([joint_text(placement, [app for app, _ in apps], usage), *notes])
    app = apps[0][0] if apps else None
    lines: list[str] = []
    for plan in placement.apps:
        use = [] if usage is None else list(usage_lines(usage))
        lines += _plan_lines(plan, placement, app, use)
    if placement.certificate is not None:
        lines += _proof_lines(placement)
    asked = [] if placement.apps else _asked_lines([app for app, _ in apps], placement.metric_units, objective)
    return "\n".join([*lines, *reason_lines(placement), *asked, *notes])


def _asked_lines(apps: Sequence[App], units: Mapping[str, str], objective: str) -> list[str]:
    """Return what was asked of every app; where there are several, each with its name."""
    if len(apps) == 1:
        return [f"asked     {asked_text(apps[0], units, objective)}"]
    lines = [f"asked     {printable(app.name)}: {asked_text(app, units, objective)}" for app in apps[:MOST_ASKED]]
    more = len(apps) - MOST_ASKED
    return [*lines, *([f"asked     {more} more app{'s' * (more > 1)}: see the workload"] if more > 0 else [])]


def _plan_lines(plan: AppPlacement, placement: Placement, app: App | None, use: Sequence[str]) -> Iterator[str]:
    energy, latency = format_quantity(plan.energy_j, "J"), of_limit(app, plan.latency_s)
    yield f"{placement.status}: {energy}, {latency}, accuracy {format_accuracy(plan.accuracy)}"
    if app is not None:
        yield f"asked     {asked_text(app, placement.metric_units)}"
    yield from app_lines(plan, sizes=1 if app is None else len(app.batch))
    yield from use
    yield from sustained_lines(plan)
    yield from metric_lines(plan.metrics, placement.metric_units)


def _proof_lines(placement: Placement) -> Iterator[str]:
    certificate = placement.certificate
    if certificate is None:
        return
    gap = "" if certificate.relative_gap is None else f" (gap {gap_text(certificate.relative_gap)})"
    if certificate.bound is None:
        yield f"bound     {'any rate can be sustained' if gap else 'none is known'}{gap}"
        return
    side = "above" if certificate.maximised else "below"
    yield f"bound     no plan within the limits is {side} {objective_text(placement, certificate.bound)}{gap}"
