"""A run as plain text: predicted beside measured, with a verdict for every figure."""

from __future__ import annotations

from planner.schemas.bundles.run import PlanRun, Run
from planner.schemas.reading.printable import printable
from planner.units import format_quantity


def run_text(run: Run) -> str:
    """Return tables of predicted and measured figures for every plan of a run."""
    lines = []
    total = sum(plan.samples for plan in run.plans)
    lines.append(f"{total} samples in {format_quantity(run.wall_s, 's')} ({run.throughput_per_s:.3g} per second)")
    for plan in run.plans:
        lines += _plan_lines(plan)
    lines += [f"switched to {each.plan} at {format_quantity(each.at_s, 's')}: {each.reason}" for each in run.switches]
    if run.emulated_links:
        lines.append("links were emulated")
    if run.slow_down:
        factors = ", ".join(f"{node} {factor:g}x" for node, factor in run.slow_down.items())
        lines.append(f"slow-down was emulated: {factors}")
    return "\n".join(map(printable, [*lines, *(f"note: {note}" for note in run.notes)]))


def _plan_lines(plan: PlanRun) -> list[str]:
    rows = [("", "predicted", "measured", "verdict")]
    rows += [
        (each.figure, _value(each.predicted, each.unit), _value(each.measured, each.unit), each.verdict)
        for each in plan.verdicts
    ]
    for piece in plan.pieces:
        planned, found = _seconds(piece.predicted_s), _seconds(piece.cpu_median_s)
        rows.append((f"{piece.name} on {piece.node}", planned, found, ""))
    for hop in plan.hops:
        what = f"result of {hop.result_of}" if hop.result_of else hop.after or "input"
        rows.append((f"{what}: {' > '.join(hop.path)}", _seconds(hop.predicted_s), _seconds(hop.median_s), ""))
    rows.append(("latency p95 (wall)", "", _seconds(plan.latency.wall_p95_s), ""))
    if plan.energy is not None:
        energies = (plan.energy.predicted_j, plan.energy.measured_j)
        planned, found = ("-" if value is None else format_quantity(value, "J") for value in energies)
        rows.append(("energy of one inference", planned, found, ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    source = [] if plan.energy is None else [f"energy: {plan.energy.source}"]
    return [f"{plan.name}: {plan.samples} samples ({plan.operating_point})", *table, *source]


def _value(value: float, unit: str) -> str:
    return format_quantity(value, unit) if unit else f"{value:.4f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else format_quantity(value, "s")
