"""Plans of several apps for people: what they take together, each app in turn, speeds and proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from planner.schemas.planning.placement import AppPlacement, Certificate, Placement, Route, Total
from planner.schemas.reading.printable import printable_document
from planner.text.app_placement import app_lines, reason_lines
from planner.units import format_accuracy, format_quantity


def joint_text(placement: Placement) -> str:
    """Return a placement with shares as text."""
    placement = printable_document(placement)
    lines: list[str] = []
    if placement.total is not None:
        lines.append(f"{placement.status}: {_total(placement.total, len(placement.apps))}")
    for plan in placement.apps:
        lines += ["", *_plan_lines(plan)]
    if placement.apps:
        lines.append("")
    if placement.node_speeds:
        lines.append(f"speeds    {_listed(placement.node_speeds)}")
    if placement.certificate is not None:
        lines.append(_proof(placement.certificate))
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


def _plan_lines(plan: AppPlacement) -> Iterator[str]:
    energy, latency = format_quantity(plan.energy_j, "J"), format_quantity(plan.latency_s, "s")
    yield f"{plan.name}: {energy}, {latency}, accuracy {format_accuracy(plan.accuracy)}"
    merged = plan.model_copy(update={"routes": tuple(route for route in plan.routes if route.result_of is None)})
    shares = [f"shares    {_listed(plan.shares.nodes)}"]
    if plan.shares.media:
        shares.append(f"          {_listed(plan.shares.media)}")
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


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())


def _proof(certificate: Certificate) -> str:
    gap = "" if certificate.relative_gap is None else f" (gap {100 * certificate.relative_gap:.3g} %)"
    return f"bound     no plan within the limits is below {format_quantity(certificate.lower_bound, 'W')}{gap}"
