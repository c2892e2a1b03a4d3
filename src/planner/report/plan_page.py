"""Page of a placement: topology, time lines, energy, limits, routes, shares, proof and hashes of inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from planner.report.breakdown import COMPUTING, HEAD, AppBreakdown, breakdowns_of
from planner.report.busy_figure import busy_figures
from planner.report.energy_figure import energy_figures
from planner.report.memory_table import memory_tables, memory_uses
from planner.report.page import Figure, Page, Section, Table, Tile
from planner.report.quantities import percent
from planner.report.timeline import exit_rows, timelines
from planner.report.topology_figure import topology_figure
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import AppPlacement, Diagnosis, Placement
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.variants import chosen_variants
from planner.schemas.planning.workload import App, LimitedFigure, shown_figures
from planner.text.app_placement import variant_text
from planner.text.objective import objective_text
from planner.units import format_accuracy, format_quantity
from planner.verifier.network import expand

MOST_NAMED = 6
"""Apps or models that head lines name."""
MOST_IN_TITLE = 2
"""Models that the title names."""
MOST_UNFOLDED = 14
"""Rows of a table that is shown at once."""
SEVERITIES = {"optimal": "good", "feasible": "warning", "infeasible": "bad", "unknown": "warning"}
_MEANING = {
    "optimal": "proved: no plan within the limits is better",
    "feasible": "this plan keeps every limit; it is not proved best, and the gap says how much better a plan can be",
    "infeasible": "proved: no plan keeps every limit",
    "unknown": "a limit came before any plan was found or ruled out",
}
_NAMES = {
    "energy_j": "energy",
    "latency_s": "latency",
    "power_w": "power",
    "rate_per_s": "rate",
    "latency_over_limit": "latency",
}


def plan_page(
    placement: Placement, topology: Topology, apps: Sequence[tuple[App, Model]], inputs: Mapping[str, str]
) -> Page:
    """Lay out the page of a placement.

    Args:
        placement: A placement that has passed the verifier against the other arguments.
        topology: The topology.
        apps: The apps with their models; with each of them in turn where an app names several.
        inputs: Hashes of the files given now, by name.

    Returns:
        The page, ready to be written as HTML.
    """
    apps = chosen_variants(placement, apps)
    network = expand(topology)
    breakdowns = breakdowns_of(placement, apps, network) if placement.apps else []
    memory = memory_tables(memory_uses(placement, apps), network) if placement.apps else []
    names = f"; {_listed([app.name for app, _ in apps])}" if len(apps) > 1 else ""
    models = list(dict.fromkeys(model.name for _, model in apps))
    what = ", ".join(models) if len(models) <= MOST_IN_TITLE else f"{len(apps)} apps"
    sections = [
        *_reasons(placement.diagnosis),
        *([Section("The apps and their limits", "", [_apps_table(breakdowns)])] if len(breakdowns) > 1 else []),
        *_pictures(topology, breakdowns),
        *(Section("What bounds the rate", parts=busy) for plan in placement.apps if (busy := busy_figures(plan))),
        *([Section("Memory of nodes", parts=[_folded(table, "nodes") for table in memory])] if memory else []),
        *_details(placement, breakdowns),
        _provenance(placement, inputs),
    ]
    if len(apps) == 1:
        sections = [_without_app(section) for section in sections]
    return Page(
        title=f"{what} on {topology.name}",
        badge=placement.status,
        severity=SEVERITIES[placement.status],
        lead=_MEANING[placement.status] + names + (f" ({placement.message})" if placement.message else ""),
        tiles=_tiles(placement, apps),
        sections=sections,
    )


def _listed(names: Sequence[str]) -> str:
    """Name few apps, and count many."""
    return f"apps {', '.join(names)}" if len(names) <= MOST_NAMED else f"{len(names)} apps"


def _folded(table: Table, what: str) -> Table:
    """Fold a table that is longer than a screen behind its number of rows."""
    return table if len(table.rows) <= MOST_UNFOLDED else replace(table, summary=f"All {len(table.rows)} {what}")


def _without_app(section: Section) -> Section:
    """Leave out the column of the app's name, which one app needs no telling apart by."""
    parts = [
        part.without(0) if isinstance(part, Table) and part.headings[0] == "app" else part for part in section.parts
    ]
    return replace(section, parts=parts)


def _figure_tile(app: App, plan: AppPlacement, row: LimitedFigure) -> Tile:
    title = f"{app.latency} latency" if row.kind == "latency" else f"{row.kind} per inference"
    return Tile(title, format_quantity(row.value_of(plan), row.unit), _at_most(row.limit_of(app), row.unit))


def _metric_tile(app: App, plan: AppPlacement, name: str, unit: str) -> Tile:
    return Tile(
        f"{name} per inference", format_quantity(plan.metrics[name], unit), _at_most(app.limits.get(name), unit)
    )


def _tiles(placement: Placement, apps: Sequence[tuple[App, Model]]) -> list[Tile]:
    certificate, total = placement.certificate, placement.total
    tiles = []
    for plan in placement.apps if len(placement.apps) == 1 else ():
        app = apps[0][0]
        tiles = [
            *(_figure_tile(app, plan, row) for row in reversed(shown_figures([app]))),
            Tile("accuracy", format_accuracy(plan.accuracy), f"operating point {plan.operating_point}"),
            *(_metric_tile(app, plan, name, unit) for name, unit in placement.metric_units.items()),
        ]
        if variant := variant_text(plan):
            tiles.append(Tile("variant chosen", variant, ""))
        if plan.busy_s is not None:
            rate = "any" if plan.rate_per_s is None else format_quantity(plan.rate_per_s, "1/s")
            tiles.insert(0, Tile("largest rate", rate, f"bottleneck: {plan.bottleneck or 'none'}"))
    if total is not None:
        power = format_quantity(total.power_w, "W")
        tiles += [Tile("power", power, "rate times energy, and idle nodes")] if total.power_w > 0.0 else []
        tiles.append(Tile("nodes used", str(total.nodes_used)))
    if total is not None and total.mean_accuracy is not None:
        tiles.insert(0, Tile("mean accuracy", format_accuracy(total.mean_accuracy), "of all apps, weighted by rates"))
    if total is not None and total.latency_over_limit is not None:
        tiles.insert(0, Tile("largest latency over its limit", f"{total.latency_over_limit:.4g}", "of all apps"))
    if certificate is not None:
        name = _NAMES.get(certificate.objective, certificate.objective)
        bound = objective_text(placement, certificate.bound) or "none"
        side = "a larger" if certificate.maximised else "less"
        tiles.append(Tile("proved bound", bound, f"no plan has {side} {name}"))
        if certificate.relative_gap is not None:
            tiles.append(Tile("gap", f"{100.0 * certificate.relative_gap:.3g} %", "how far the plan can be from best"))
    return tiles


def _at_most(limit: float | None, unit: str) -> str:
    return "no limit" if limit is None else f"limit {format_quantity(limit, unit)}"


def _reasons(diagnosis: Diagnosis | None) -> list[Section]:
    if diagnosis is None:
        return []
    explained = any(limit.message not in diagnosis.summary for limit in diagnosis.limits)
    rows = [
        (
            limit.kind,
            limit.subject,
            _quantity(limit.demand, limit.unit),
            _quantity(limit.best, limit.unit),
            *([limit.message] if explained else []),
        )
        for limit in diagnosis.limits
    ]
    headings = ("limit", "of", "asked for", "best possible", *(["in words"] if explained else []))
    return [Section("Why there is no plan", diagnosis.summary, [Table(headings, rows, numbers=(2, 3))])]


def _quantity(value: float | None, unit: str) -> str:
    return "–" if value is None else format_quantity(value, unit) if unit in ("s", "J", "B") else f"{value:.4g} {unit}"


def _pictures(topology: Topology, breakdowns: Sequence[AppBreakdown]) -> list[Section]:
    if not breakdowns:
        return []
    several = len(breakdowns) > 1
    return [
        Section("Where the blocks run", parts=[topology_figure(topology, breakdowns), _runs_table(breakdowns)]),
        Section(
            "One inference in time",
            "Every app in turn, at its shares of nodes and media." if several else "",
            [*timelines(breakdowns), _exits_table(breakdowns)],
        ),
        *([Section("Where the energy goes", parts=energy)] if (energy := energy_figures(breakdowns)) else []),
    ]


def _runs_table(breakdowns: Sequence[AppBreakdown]) -> Table:
    rows = []
    for breakdown in breakdowns:
        for run in breakdown.runs:
            inside = [
                phase
                for phase in breakdown.phases
                if phase.kind in (COMPUTING, HEAD) and phase.place == run.node and phase.block in run.blocks
            ]
            time_s, energy_j = sum(p.end_s - p.start_s for p in inside), sum(p.expected_j for p in inside)
            figures = (percent(inside[0].weight), format_quantity(time_s, "s"), format_quantity(energy_j, "J"))
            rows.append((breakdown.app.name, str(run.number), run.node, run.span, str(len(run.blocks)), *figures))
    headings = ("app", "order", "node", "blocks", "count", "reached by", "time", "energy per inference")
    return _folded(Table(headings, rows, numbers=(1, 4, 5, 6, 7)), "runs of blocks")


def _exits_table(breakdowns: Sequence[AppBreakdown]) -> Table:
    headings = ("app", "exit", "samples leave", "threshold", "done after")
    return _folded(Table(headings, exit_rows(breakdowns), numbers=(2, 3, 4)), "exits")


def _details(placement: Placement, breakdowns: Sequence[AppBreakdown]) -> list[Section]:
    if not breakdowns:
        return []
    parts: list[Table | Figure] = [_limits_table(breakdowns, placement.metric_units)] if len(breakdowns) == 1 else []
    parts.append(_routes_table(breakdowns))
    if (
        any(breakdown.plan.shares.nodes or breakdown.plan.shares.media for breakdown in breakdowns)
        or placement.node_speeds
    ):
        parts.append(_shares_table(placement, breakdowns))
    return [Section("Limits and routes" if len(breakdowns) == 1 else "Routes, shares and speeds", "", parts)]


def _limits_table(breakdowns: Sequence[AppBreakdown], units: Mapping[str, str]) -> Table:
    rows = []
    for breakdown in breakdowns:
        app, plan = breakdown.app, breakdown.plan
        least = "the best the model offers" if app.min_accuracy is None else f"≥ {app.min_accuracy:g}"
        figures = (
            *(
                (
                    f"latency ({app.latency})" if row.kind == "latency" else row.kind,
                    format_quantity(row.value_of(plan), row.unit),
                    _most(row.limit_of(app), row.unit),
                )
                for row in shown_figures([app])
            ),
            *(
                (name, format_quantity(plan.metrics[name], unit), _most(app.limits.get(name), unit))
                for name, unit in units.items()
            ),
            ("accuracy", format_accuracy(plan.accuracy), least),
            ("rate", f"{app.rate_per_s:.4g} /s" if app.rate_per_s else "one inference", ""),
        )
        rows += [(app.name, *row) for row in figures]
    return Table(("app", "figure", "planned", "limit"), rows, numbers=(2,))


def _apps_table(breakdowns: Sequence[AppBreakdown]) -> Table:
    """List several apps, a row each."""
    rows, shown = [], shown_figures([breakdown.app for breakdown in breakdowns])
    for breakdown in breakdowns:
        app, plan = breakdown.app, breakdown.plan
        figures = []
        for row in shown:
            statistic = f"{app.latency} " if row.kind == "latency" else ""
            limit = _most(row.limit_of(app), row.unit)
            figures += [format_quantity(row.value_of(plan), row.unit), f"{statistic}{limit}"]
        least = "best" if app.min_accuracy is None else f"≥ {app.min_accuracy:g}"
        rows.append((app.name, *figures, format_accuracy(plan.accuracy), least, f"{app.rate_per_s:.4g} /s"))
    headings = ["app"]
    for row in shown:
        headings += [row.kind, "its limit"]
    headings += ["accuracy", "asked for", "rate"]
    return Table(tuple(headings), rows, numbers=tuple(range(1, len(headings), 2)))


def _most(limit: float | None, unit: str) -> str:
    return "none" if limit is None else f"≤ {format_quantity(limit, unit)}"


def _routes_table(breakdowns: Sequence[AppBreakdown]) -> Table:
    rows = []
    for breakdown in breakdowns:
        for route in breakdown.plan.routes:
            what = f"result of {route.result_of}" if route.result_of else f"output of {route.after}"
            what = "input" if route.after is None else what
            what += ("" if route.tensor is None else f" ({route.tensor})") + (f" to {route.to}" if route.to else "")
            rows.append((breakdown.app.name, what, " → ".join(route.path), format_quantity(route.bits, "bit")))
    rows = rows or [("–", "nothing leaves its node", "–", "–")]
    return _folded(Table(("app", "what is carried", "route", "size"), rows), "routes")


def _shares_table(placement: Placement, breakdowns: Sequence[AppBreakdown]) -> Table:
    rows = [("all", node, "speed", f"{speed:.4g} of nominal") for node, speed in placement.node_speeds.items()]
    for breakdown in breakdowns:
        shares = breakdown.plan.shares
        rows += [
            (breakdown.app.name, node, "share of the node", percent(share)) for node, share in shares.nodes.items()
        ]
        rows += [
            (breakdown.app.name, name, "share of the medium", percent(share)) for name, share in shares.media.items()
        ]
    return _folded(Table(("app", "node or medium", "what", "value"), rows, numbers=(3,)), "shares and speeds")


def _provenance(placement: Placement, inputs: Mapping[str, str]) -> Section:
    planned = placement.provenance.inputs if placement.provenance is not None else {}
    made = placement.provenance
    text = "" if made is None else f"Planned by planner {made.planner}, method {made.method}. "
    if placement.timing is not None:
        spent = (format_quantity(placement.timing.build_s, "s"), format_quantity(placement.timing.search_s, "s"))
        text += f"Building the graph took {spent[0]}, the search {spent[1]}. "
    if placement.apps:
        text += "Every figure and limit was recomputed from these files before this page was written, and stands."
    return Section("How it was made and checked", text.strip(), [inputs_table(planned, inputs)])


def inputs_table(planned: Mapping[str, str], given: Mapping[str, str] | None) -> Table:
    """Return the hashes of the files given now, and of those that the result was made from.

    Args:
        planned: Hashes that the result names, by file.
        given: Hashes of the files given now; None for a page that takes none.
    """
    if given is None:
        return Table(("file", "hash"), list(planned.items()), hashes=(1,))
    rows = [(name, digest, _same(planned, name, digest)) for name, digest in given.items()]
    rows += [(name, digest, "not given now") for name, digest in planned.items() if name not in given]
    return Table(("file", "hash", "made from"), rows, hashes=(1,))


def _same(planned: Mapping[str, str], name: str, digest: str) -> str:
    if name not in planned:
        return "no file of this name"
    return "this file" if planned[name] == digest else "another state of the file"
