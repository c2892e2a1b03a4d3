"""Plans of several apps for people: what they take together, each app in turn, speeds and proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from planner.schemas.planning.placement import AppPlacement, Certificate, Placement, Route, Total
from planner.schemas.planning.workload import POWER, App
from planner.schemas.reading.printable import printable, printable_document
from planner.text.app_placement import app_lines, metric_lines, reason_lines
from planner.text.asked import asked_text, of_limit
from planner.text.objective import OF_LIMIT, gap_text, objective_text
from planner.text.usage import usage_lines
from planner.units import format_accuracy, format_quantity

if TYPE_CHECKING:
    from planner.pipeline.usage import PlanUsage

_SMALL = 0.01
"""Share of a medium (no unit) below which it is only counted."""


def joint_text(placement: Placement, apps: Sequence[App] = (), usage: PlanUsage | None = None) -> str:
    """Format a placement with shares as text.

    Args:
        placement: The placement.
        apps: Every app as it was planned; where given, its limits are said.
        usage: What the plan takes of nodes and media, and each app's latency alone; said where given.

    Returns:
        Lines of text: the answer, every app with its figures, the use of nodes and media, the proof.
    """
    placement = printable_document(placement)
    asked = {printable(app.name): app for app in apps}
    alone_s = {} if usage is None else {printable(name): value for name, value in usage.alone_s.items()}
    lines: list[str] = []
    if placement.total is not None:
        lines.append(f"{placement.status}: {_objective(placement)}{_total(placement.total, len(placement.apps))}")
    objective = POWER if placement.certificate is None else placement.certificate.objective
    for plan in placement.apps:
        app = asked.get(plan.name)
        words = None if app is None else asked_text(app, placement.metric_units, objective)
        lines += ["", *_plan_lines(plan, app, words, alone_s.get(plan.name))]
        lines += metric_lines(plan.metrics, placement.metric_units)
    if placement.apps:
        lines.append("")
        lines += [] if usage is None else usage_lines(usage)
    if placement.node_speeds:
        lines.append(f"speeds    {_listed(placement.node_speeds)}")
    if placement.total is not None:
        lines += metric_lines(placement.total.metrics, placement.metric_units, "/s in total")
    if placement.certificate is not None:
        lines.append(_proof(placement, placement.certificate))
    return "\n".join([*lines, *reason_lines(placement)])


def _total(total: Total, apps: int) -> str:
    shares = [
        f"{what} shares {value:.4g}"
        for what, value in (("node", total.node_share_sum), ("media", total.media_share_sum))
        if value is not None
    ]
    power = format_quantity(total.power_w, "W")
    nodes = f"{total.nodes_used} node{'s' if total.nodes_used != 1 else ''} in use"
    return ", ".join([f"{power} for {apps} app{'s' if apps != 1 else ''}", nodes, *shares])


def _objective(placement: Placement) -> str:
    """Name the value of an objective other than power, which stands first."""
    certificate = placement.certificate
    if certificate is None or certificate.objective == "power_w":
        return ""
    name = {OF_LIMIT: "largest latency", "accuracy": "mean accuracy"}.get(certificate.objective, certificate.objective)
    return f"{name} {objective_text(placement, placement.objective_value)}, "


def _plan_lines(plan: AppPlacement, app: App | None, asked: str | None, alone_s: float | None) -> Iterator[str]:
    energy, latency = format_quantity(plan.energy_j, "J"), of_limit(app, plan.latency_s)
    if alone_s is not None and alone_s < plan.latency_s * (1.0 - 1e-6):
        # shares are the least that keep the limits, so a latency at its limit says nothing of how fast nodes are
        latency += f" ({format_quantity(alone_s, 's')} alone at full share)"
    yield f"{plan.name}: {energy}, {latency}, accuracy {format_accuracy(plan.accuracy)}"
    if asked is not None:
        yield f"asked     {asked}"
    merged = plan.model_copy(update={"routes": tuple(route for route in plan.routes if route.result_of is None)})
    shares = [f"shares    {_listed(plan.shares.nodes)}"]
    if plan.shares.media:
        shares.append(f"          {_media(plan.shares.media)}")
    yield from app_lines(merged, [*_results(plan), *shares])


def _results(plan: AppPlacement) -> Iterator[str]:
    """Write ways of results, those of several exits that go the same way as one."""
    results = sorted((route for route in plan.routes if route.result_of is not None), key=lambda route: route.path)
    for path, routes in groupby(results, key=lambda route: route.path):
        yield f"results   {' > '.join(path)}  ({_named(list(routes))})"


def _named(routes: list[Route]) -> str:
    sizes = {format_quantity(route.bits, "bit") for route in routes}
    each = " each" if len(routes) > 1 and len(sizes) == 1 else ""
    return f"{', '.join(str(route.result_of) for route in routes)}, {' and '.join(sorted(sizes))}{each}"


def _media(shares: Mapping[str, float]) -> str:
    """List the shares of media that matter, and count the wires of packages and the like that take next to nothing."""
    large = {name: share for name, share in shares.items() if share >= _SMALL}
    if (small := len(shares) - len(large)) <= 1:
        return _listed(shares)
    return f"{_listed(large)}, " * bool(large) + f"{small} media below {100 * _SMALL:g} %"


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())


def _proof(placement: Placement, certificate: Certificate) -> str:
    gap = "" if certificate.relative_gap is None else f" (gap {gap_text(certificate.relative_gap)})"
    side = "above" if certificate.maximised else "below"
    return f"bound     no plan within the limits is {side} {objective_text(placement, certificate.bound)}{gap}"
