"""Page of a policy of placements: the plan of every state, what each plan is, and what never to switch would cost."""

from __future__ import annotations

from planner.report.bars import Bar, bars_figure
from planner.report.page import Figure, Page, Section, Table, Tile
from planner.report.plan_page import inputs_table
from planner.report.policy.figures import Cell, switching_figure
from planner.report.quantities import axis_unit
from planner.schemas.adaptation.placement_policy import PlacementPolicy
from planner.text.placement_policy import blocks_text, note_text, state_text
from planner.units import format_accuracy, format_quantity

_UNITS = {"energy_j": ("energy", "J"), "latency_s": ("latency", "s")}


def placement_policy_page(policy: PlacementPolicy) -> Page:
    """Lay out the page of a policy of placements.

    Args:
        policy: The policy as `planner adapt --states` wrote it.

    Returns:
        The page, ready to be written as HTML.
    """
    kept = sum(row.plan is not None and not row.degraded for row in policy.policy)
    lost = sum(row.plan is None for row in policy.policy)
    degraded = len(policy.policy) - kept - lost
    what, _ = _UNITS[policy.objective]
    parts = [f"in {kept} of {len(policy.policy)} states the plan keeps every limit"]
    parts += [f"in {degraded} it breaks one"] if degraded else []
    parts += [f"in {lost} there is no plan"] if lost else []
    return Page(
        title=f"Policy for {policy.app}: {policy.name}",
        badge="all states planned" if not lost + degraded else "limits broken in some states",
        severity="good" if not lost + degraded else "warning",
        lead="; ".join(parts) + ".",
        tiles=[
            Tile("states", str(len(policy.policy))),
            Tile("plans", str(len(policy.plan_set)), f"least {what} in each state"),
            *_range_tiles(policy),
        ],
        sections=[
            _switching(policy),
            Section("States", parts=[_states(policy)]),
            *([_plans(policy)] if policy.plan_set else []),
            Section("How it was made", parts=[inputs_table(policy.provenance.inputs, None)]),
        ],
    )


def _range_tiles(policy: PlacementPolicy) -> list[Tile]:
    tiles = []
    for field, (name, unit) in _UNITS.items():
        values = [value for row in policy.policy if (value := getattr(row, field)) is not None]
        if values:
            most = format_quantity(max(values), unit)
            tiles.append(Tile(name, format_quantity(min(values), unit), f"in the best state; at worst {most}"))
    return tiles


def _switching(policy: PlacementPolicy) -> Section:
    _, unit = _UNITS[policy.objective]
    cells = []
    for row in policy.policy:
        for plan in policy.plan_set:
            used, regret = row.plan == plan.name, row.regret.get(plan.name)
            keeps = not row.degraded if used else regret is not None if row.regret else None
            note = f"{format_quantity(regret, unit)} above the best plan" if regret else ""
            cells.append(
                Cell(state_text(row), plan.name, used, keeps, note_text(row) if used and row.degraded else note)
            )
    if not cells:
        return Section("Plan of every state", "No state has a plan.")
    caption = "The plan of every state. Point at a cell for what the plan would cost there."
    return Section("Plan of every state", parts=[switching_figure(cells, caption)])


def _states(policy: PlacementPolicy) -> Table:
    rows = [
        (
            state_text(row),
            row.plan or "-",
            "-" if row.energy_j is None else format_quantity(row.energy_j, "J"),
            "-" if row.latency_s is None else format_quantity(row.latency_s, "s"),
            "-" if row.plan is None else format_accuracy(row.accuracy),
            note_text(row) or row.status,
        )
        for row in policy.policy
    ]
    return Table(("state", "plan", "energy", "latency", "accuracy", "proved"), rows, numbers=(2, 3, 4))


def _plans(policy: PlacementPolicy) -> Section:
    what, unit = _UNITS[policy.objective]
    total = len(policy.policy)
    rows = [
        (
            plan.name,
            plan.placement.operating_point,
            blocks_text(plan.placement),
            f"{plan.states} of {total}",
            f"{plan.kept_fixed.states_kept} of {total}",
            _quantity(plan.kept_fixed.worst_regret, unit),
            _quantity(plan.kept_fixed.mean_regret, unit),
        )
        for plan in policy.plan_set
    ]
    headings = ("plan", "operating point", "nodes", "used in", "keeps limits in", "largest regret", "mean regret")
    text = (
        f"A plan that is never left keeps every limit in some states. Its regret there is how far its {what} is above "
        "that of the plan which the policy uses."
    )
    return Section(
        "Plans, and what never to switch costs", text, [*_regrets(policy), Table(headings, rows, (3, 4, 5, 6))]
    )


def _regrets(policy: PlacementPolicy) -> list[Figure]:
    what, unit = _UNITS[policy.objective]
    known = [(plan.name, plan.kept_fixed.worst_regret) for plan in policy.plan_set]
    values = [(name, value) for name, value in known if value is not None]
    if len(values) < 2:
        return []
    factor, prefixed = axis_unit([value for _, value in values], unit)
    bars = [Bar(name, value / factor, format_quantity(value, unit)) for name, value in values]
    caption = "Largest regret of each plan over the states where it keeps every limit."
    title = f"largest regret in {what} ({prefixed})"
    return [Figure(bars_figure(bars, title, caption, tooltip={"name": "plan", "text": "largest regret"}), caption)]


def _quantity(value: float | None, unit: str) -> str:
    return "-" if value is None else format_quantity(value, unit)
