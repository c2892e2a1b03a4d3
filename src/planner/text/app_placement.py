"""What text for people says of one app, and of why there is no plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from planner.schemas.planning.placement import AppPlacement, Placement
from planner.units import format_quantity

_MOST_BUSY = 4
"""Nodes and media whose busy time is written."""


def reason_lines(placement: Placement) -> Iterator[str]:
    """Write why there is no plan, or what stopped the search."""
    if placement.diagnosis is not None:
        yield f"infeasible: {placement.diagnosis.summary}"
        yield from (f"  {limit.kind}: {limit.message}" for limit in placement.diagnosis.limits)
    if placement.status == "unknown":
        yield f"unknown: no plan was found, and none was ruled out ({placement.message})"
    elif placement.message:
        yield f"note      {placement.message}"


def variant_text(plan: AppPlacement, sizes: int = 1) -> str:
    """Return which variant of its app a plan runs, such as ``int8.json, batch 8``; empty where it has but one.

    Args:
        plan: The plan.
        sizes: Number of batch sizes that it was chosen from; of several, a batch of 1 is named too.

    Returns:
        Parts of the name, separated by commas.
    """
    batch = f"batch {plan.batch}" if plan.batch > 1 or sizes > 1 else ""
    return ", ".join(part for part in (plan.model or "", batch) if part)


def deployment_text(plan: AppPlacement) -> str:
    """Return which node runs which blocks in order of execution, such as ``phone: a, edge: b .. d (3 blocks)``."""
    return ", ".join(f"{node}: {_span(blocks)}" for node, blocks in _runs(plan))


def _runs(plan: AppPlacement) -> list[tuple[str, list[str]]]:
    """Return nodes with the blocks that each runs without a break, in order of execution."""
    stretches = groupby(plan.assignments, key=lambda row: row.node)
    return [(node, [row.block for row in rows]) for node, rows in stretches]


def app_lines(plan: AppPlacement, further: Sequence[str] = (), sizes: int = 1) -> Iterator[str]:
    """Write one app: exits, blocks by node, routes, further lines, and where energy and time go.

    Args:
        plan: The plan of the app.
        further: Lines to write behind the routes.
        sizes: Number of batch sizes that the plan was chosen from.

    Yields:
        Lines of text.
    """
    if variant := variant_text(plan, sizes):
        yield f"variant   {variant}"
    yield f"exits     {_exits(plan)}"
    runs = _runs(plan)
    width = max(len(node) for node, _ in runs)
    for index, (node, blocks) in enumerate(runs):
        yield f"{'blocks' if index == 0 else '':<8}  {node:<{width}}  {_span(blocks)}"
    for index, route in enumerate(plan.routes):
        what = f"result of {route.result_of}" if route.result_of else route.after or "input"
        what += "" if route.to is None else f" to {route.to}"
        way = " > ".join(route.path)
        yield f"{'routes' if index == 0 else '':<8}  {way}  ({what}, {format_quantity(route.bits, 'bit')})"
    yield from further
    parts = plan.breakdown
    yield f"energy    {_split(parts.compute_j, parts.transfer_j, 'J')}"
    filling = f", {format_quantity(parts.filling_s, 's')} until the batch is full" if parts.filling_s > 0.0 else ""
    yield f"latency   {_split(parts.compute_s, parts.transfer_s, 's')}{filling}"


def metric_lines(metrics: Mapping[str, float], units: Mapping[str, str], per: str = "") -> Iterator[str]:
    """Format the metrics of a plan, a line each.

    Args:
        metrics: Values by name, each in the unit of its metric.
        units: Unit of every metric by name.
        per: What follows the unit, such as ``/s``.

    Yields:
        Name of a metric and its value with the unit.
    """
    for name, value in metrics.items():
        yield f"{name:<8}  {format_quantity(value, units.get(name, ''))}{per}"


def _split(computing: float, transfers: float, unit: str) -> str:
    return f"{format_quantity(computing, unit)} computing, {format_quantity(transfers, unit)} transfers"


def _exits(plan: AppPlacement) -> str:
    rows = []
    for name, fraction in plan.exit_fractions.items():
        threshold = (plan.thresholds or {}).get(name)
        at = "" if threshold is None else f" at threshold {threshold:g}"
        rows.append(f"{name} {100 * fraction:.3g} %{at}")
    return f"{', '.join(rows)} (operating point {plan.operating_point})"


def _span(blocks: Sequence[str]) -> str:
    return blocks[0] if len(blocks) == 1 else f"{blocks[0]} .. {blocks[-1]} ({len(blocks)} blocks)"


def sustained_lines(plan: AppPlacement) -> Iterator[str]:
    """Write the rate that a plan sustains, and how long an inference keeps the busiest nodes and media busy."""
    if plan.busy_s is None:
        return
    if plan.rate_per_s is None:
        yield "rate      any: an inference keeps nothing busy"
        return
    yield f"rate      {format_quantity(plan.rate_per_s, '1/s')}, bounded by {plan.bottleneck}"
    busy = {**plan.busy_s.nodes, **plan.busy_s.media}
    longest = sorted(busy.items(), key=lambda item: -item[1])[:_MOST_BUSY]
    more = f", and {len(busy) - len(longest)} more" if len(busy) > len(longest) else ""
    yield "busy      " + ", ".join(f"{name} {format_quantity(busy_s, 's')}" for name, busy_s in longest) + more
