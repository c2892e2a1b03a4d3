"""The page of a run: verdicts, time lines, distributions, and every piece and transfer predicted and measured."""

from __future__ import annotations

from planner.report.page import Page, Section, Table, Tile
from planner.report.run.figures import distribution, timelines
from planner.running.results.verdicts import NOT_EMULATED
from planner.schemas.bundles.run import Energy, PlanRun, Run
from planner.units import format_quantity


def run_page(run: Run) -> Page:
    """Lay out the page of a run."""
    worse = [each for plan in run.plans for each in plan.verdicts if each.verdict == "worse"]
    total = sum(plan.samples for plan in run.plans)
    apart = any(each.verdict == NOT_EMULATED for plan in run.plans for each in plan.verdicts)
    badge = f"{NOT_EMULATED}: latency not compared" if apart else "as predicted"
    if worse:
        badge = f"{len(worse)} figure{'s' * (len(worse) != 1)} worse than predicted"
    emulated = []
    if run.emulated_links:
        emulated.append("links were emulated")
    if run.slow_down:
        emulated.append("slow-down was emulated: " + ", ".join(f"{n} {f:g}x" for n, f in run.slow_down.items()))
    return Page(
        title=f"Run of {', '.join(plan.name for plan in run.plans)}: predicted beside measured",
        badge=badge,
        severity="warning" if worse or apart else "good",
        lead="; ".join([f"{total} samples", *emulated]) + ".",
        tiles=_tiles(run),
        sections=[
            *(section for plan in run.plans for section in _plan_sections(plan, len(run.plans) == 1)),
            *([_switches(run)] if run.switches else []),
            Section("How it was measured", " ".join(f"{note[:1].upper()}{note[1:]}." for note in run.notes)),
        ],
    )


def _tiles(run: Run) -> list[Tile]:
    rate = "as they end" if run.rate_per_s is None else f"{run.rate_per_s:g} per second"
    tiles = [Tile("throughput", f"{run.throughput_per_s:.4g}/s", f"samples started {rate}")]
    for plan in run.plans:
        latency = plan.latency
        if latency.median_s is not None:
            note = "" if latency.predicted_s is None else f"mean predicted {format_quantity(latency.predicted_s, 's')}"
            tiles.append(Tile(f"median latency, {plan.name}", format_quantity(latency.median_s, "s"), note))
        if plan.accuracy is not None:
            planned = plan.predicted_accuracy
            note = "" if planned is None else f"predicted {planned:.4f}"
            tiles.append(Tile(f"accuracy, {plan.name}", f"{plan.accuracy:.4f}", note))
        if plan.energy is not None:
            tiles.append(_energy_tile(plan.name, plan.energy))
    return tiles


def _energy_tile(name: str, energy: Energy) -> Tile:
    """Return the energy of one inference as measured, or as predicted where nothing measured it."""
    planned, found = (
        "-" if value is None else format_quantity(value, "J") for value in (energy.predicted_j, energy.measured_j)
    )
    if energy.measured_j is None:
        return Tile(f"predicted energy, {name}", planned, energy.source)
    return Tile(f"measured energy, {name}", found, f"predicted {planned}; {energy.source}")


def _plan_sections(plan: PlanRun, alone: bool) -> list[Section]:
    whose = "" if alone else f" of {plan.name}"
    figures = [timelines(plan)] if plan.timeline else []
    if any(each.latencies_s for each in plan.exits):
        figures.append(distribution(plan))
    return [
        Section(f"Predicted and measured{whose}", f"Operating point {plan.operating_point}.", [_verdicts(plan)]),
        *([Section(f"Latency{whose}", parts=[*figures, _latencies(plan)])] if figures else []),
        Section(f"Pieces and transfers{whose}", parts=[_pieces(plan), *([_hops(plan)] if plan.hops else [])]),
    ]


def _verdicts(plan: PlanRun) -> Table:
    rows = [
        (
            each.figure,
            _value(each.predicted, each.unit),
            _value(each.measured, each.unit),
            _value(each.tolerance, each.unit),
            each.verdict,
        )
        for each in plan.verdicts
    ]
    return Table(("figure", "predicted", "measured", "tolerance", "verdict"), rows, (1, 2, 3))


def _latencies(plan: PlanRun) -> Table:
    rows = [
        (
            each.name,
            str(each.samples),
            _seconds(each.latency.predicted_s),
            _seconds(each.latency.median_s),
            _seconds(each.latency.p95_s),
            _seconds(each.latency.wall_median_s),
            _seconds(each.latency.wall_p95_s),
        )
        for each in plan.exits
    ]
    headings = ("exit", "samples", "predicted", "median", "p95", "wall median", "wall p95")
    return Table(headings, rows, (1, 2, 3, 4, 5, 6))


def _pieces(plan: PlanRun) -> Table:
    rows = [
        (
            piece.name,
            piece.node,
            str(piece.runs),
            _seconds(piece.predicted_s),
            _seconds(piece.cpu_median_s),
            _seconds(piece.wall_median_s),
        )
        for piece in plan.pieces
    ]
    return Table(("piece", "node", "runs", "predicted", "processor time", "wall time"), rows, (2, 3, 4, 5))


def _hops(plan: PlanRun) -> Table:
    rows = [
        (
            f"result of {hop.result_of}" if hop.result_of else hop.after or "input",
            " > ".join(hop.path),
            format_quantity(hop.bits, "bit"),
            str(hop.messages),
            _seconds(hop.predicted_s),
            _seconds(hop.median_s),
        )
        for hop in plan.hops
    ]
    return Table(("carries", "path", "size", "transfers", "predicted", "measured"), rows, (2, 3, 4, 5))


def _switches(run: Run) -> Section:
    rows = [
        (format_quantity(each.at_s, "s"), ", ".join(each.conditions) or "nothing wrong", each.plan, each.reason)
        for each in run.switches
    ]
    return Section("Changes of plan", parts=[Table(("at", "state", "plan", "reason"), rows, (0,))])


def _value(value: float, unit: str) -> str:
    return format_quantity(value, unit) if unit else f"{value:.4f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else format_quantity(value, "s")
