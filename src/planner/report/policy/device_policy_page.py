"""Page of a device's policy (CARIn): the joint design of every state, the designs, and baselines."""

from __future__ import annotations

from planner.report.bars import Bar, bars_figure
from planner.report.page import Figure, Page, Section, Table, Tile
from planner.report.plan_page import inputs_table
from planner.report.policy.figures import Cell, switching_figure
from planner.schemas.adaptation.designs import METRIC_UNITS
from planner.schemas.adaptation.policy import JointDesign, Policy, PolicyRow
from planner.text.designs import baseline_rows, regret_text
from planner.units import format_accuracy, format_quantity


def device_policy_page(policy: Policy) -> Page:
    """Lay out the page of a device's policy.

    Args:
        policy: The policy as `planner adapt` wrote it.

    Returns:
        The page, ready to be written as HTML.
    """
    made = policy.provenance.inputs if policy.provenance is not None else {}
    provenance = Section("How it was made", parts=[inputs_table(made, None)])
    title = f"Policy of a device: {policy.name}" if policy.name else "Policy of a device"
    if policy.diagnosis is not None:
        rows = [(row.message,) for row in policy.diagnosis.constraints]
        why = Section(
            "Why there is no design", policy.diagnosis.summary, [Table(("constraint",), rows)] if rows else []
        )
        return Page(title, "infeasible", "bad", "No joint design meets every constraint.", [], [why, provenance])
    degraded = sum(row.degraded for row in policy.policy)
    lead = f"{policy.feasible_joint_designs:,} of {policy.joint_designs:,} joint designs meet every constraint"
    lead += f"; in {degraded} of {len(policy.policy)} states the design is degraded" if degraded else ""
    return Page(
        title=title,
        badge="degraded in some states" if degraded else "all states covered",
        severity="warning" if degraded else "good",
        lead=lead + ".",
        tiles=_tiles(policy),
        sections=[
            _switching(policy),
            Section("Designs to hold ready", parts=[_designs(policy)]),
            *([_objectives(policy)] if policy.objectives else []),
            *([_baselines(policy)] if policy.baselines else []),
            *(
                [Section("What the bound on the design set gives up", regret_text(policy.regret))]
                if policy.regret
                else []
            ),
            provenance,
        ],
    )


def _tiles(policy: Policy) -> list[Tile]:
    usual = policy.design_set[0]
    budget = policy.memory_budget_bytes
    tight = "" if budget is None else f"at most {format_quantity(budget, 'B')} while memory is tight"
    tiles = [
        Tile("states", str(len(policy.policy))),
        Tile("designs to hold ready", str(len(policy.design_set))),
        Tile("memory of d0", format_quantity(usual.metrics.memory_bytes, "B"), tight),
    ]
    if usual.metrics.energy_j is not None:
        tiles.append(Tile("energy of d0", format_quantity(usual.metrics.energy_j, "J"), "all tasks together"))
    return tiles


def _state(row: PolicyRow) -> str:
    wrong = [*row.overloaded, *(["memory"] if row.memory_tight else [])]
    return " + ".join(wrong) or "nothing wrong"


def _switching(policy: Policy) -> Section:
    cells = [
        Cell(_state(row), design.name, True, not row.degraded, "degraded" if row.degraded else "")
        if row.design == design.name
        else Cell(_state(row), design.name, False, None, "")
        for row in policy.policy
        for design in policy.design_set
    ]
    caption = (
        "The joint design of every state. A state names the engines that are overloaded, and memory where it is tight. "
        "Where every design uses an overloaded engine or exceeds the memory budget, the best of them is used, degraded."
    )
    rows = [(_state(row), row.design, "degraded" if row.degraded else "") for row in policy.policy]
    table = Table(("state", "design", ""), rows, summary=f"All {len(rows)} states")
    return Section("Design of every state", parts=[switching_figure(cells, caption), table])


def _designs(policy: Policy) -> Table:
    tasks = list(policy.design_set[0].choice)
    rows = [(*_figures(design), *(_task(design, task) for task in tasks)) for design in policy.design_set]
    headings = ("design", "distance", "energy", "memory", "accuracy", *tasks)
    return Table(headings, rows, numbers=(1, 2, 3, 4))


def _figures(design: JointDesign) -> tuple[str, ...]:
    metrics = design.metrics
    return (
        design.name,
        f"{design.distance:.4g}",
        "-" if metrics.energy_j is None else format_quantity(metrics.energy_j, "J"),
        format_quantity(metrics.memory_bytes, "B"),
        format_accuracy(metrics.accuracy),
    )


def _task(design: JointDesign, task: str) -> str:
    """Return what a task runs, with its mean latency (or the first statistic that is given)."""
    held = design.metrics.tasks.get(task)
    if held is None or not held.latency_s:
        return design.choice.get(task, "-")
    name = "mean" if "mean" in held.latency_s else next(iter(held.latency_s))
    return f"{design.choice.get(task, '-')} ({format_quantity(held.latency_s[name], 's')} {name})"


def _objectives(policy: Policy) -> Section:
    rows = [
        (
            " ".join(part for part in (each.statistic, each.metric.partition("_")[0]) if part),
            each.task or "all",
            f"{each.weight:g}",
            format_quantity(each.best, METRIC_UNITS[each.metric]),
            format_quantity(each.standard_deviation, METRIC_UNITS[each.metric]),
        )
        for each in policy.objectives
    ]
    text = "The distance of a design is measured from the best value of every objective, in standard deviations."
    table = Table(("objective", "task", "weight", "best value", "standard deviation"), rows, numbers=(2, 3, 4))
    return Section("What the distance is made of", text, [table])


def _baselines(policy: Policy) -> Section:
    headings, *rows = baseline_rows(policy)
    usual = policy.design_set[0]
    known = [("this policy (d0)", usual.distance)]
    named = zip(rows[1:], policy.baselines.values(), strict=True)
    known += [(row[0], each.distance) for row, each in named if each.feasible and each.distance is not None]
    parts: list[Table | Figure] = [*_distances(known), Table(headings, rows, numbers=(1, 2))]
    return Section("Other ways of choosing, where nothing is wrong", parts=parts)


def _distances(known: list[tuple[str, float]]) -> list[Figure]:
    if len(known) < 2:
        return []
    bars = [Bar(name, value, f"{value:.4g}") for name, value in known]
    caption = (
        "Distance to the best values of the design that each way chooses; those that break a constraint are left out."
    )
    title = "distance (standard deviations)"
    return [Figure(bars_figure(bars, title, caption, tooltip={"name": "chosen by", "text": "distance"}), caption)]
