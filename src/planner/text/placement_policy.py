"""Policies of placements for people, as plain text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from planner.schemas.adaptation.placement_policy import PlacementPolicy, PolicyPlan, StatePlan
from planner.schemas.planning.placement import AppPlacement
from planner.schemas.reading.printable import printable_document
from planner.text.table import table_lines
from planner.units import format_accuracy, format_quantity

_HEADINGS = ("state", "plan", "energy", "latency", "accuracy")


def policy_text(policy: PlacementPolicy) -> str:
    """Return a policy as text: the plan of every state, then every plan and what keeping it would cost."""
    policy = printable_document(policy)
    states, plans = len(policy.policy), len(policy.plan_set)
    lines = [f"policy for {policy.app!r}: {_count(states, 'state')}, {_count(plans, 'plan')}"]
    rows = [_HEADINGS, *(_cells(row) for row in policy.policy)]
    notes = ["", *(note_text(row) for row in policy.policy)]
    lines += table_lines([(*cells, note) for cells, note in zip(rows, notes, strict=True)])
    unit = "J" if policy.objective == "energy_j" else "s"
    for plan in policy.plan_set:
        lines += _plan_lines(plan, states, unit)
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _cells(row: StatePlan) -> tuple[str, ...]:
    state = state_text(row)
    if row.plan is None or row.energy_j is None or row.latency_s is None:
        return state, "-", "", "", ""
    energy, latency = format_quantity(row.energy_j, "J"), format_quantity(row.latency_s, "s")
    return state, row.plan, energy, latency, format_accuracy(row.accuracy)


def state_text(row: StatePlan) -> str:
    """Return the conditions that hold in a state."""
    return " + ".join(row.conditions) or "nothing wrong"


def note_text(row: StatePlan) -> str:
    """Return what is to be said of a state beside its plan: a limit that is broken, or why there is none."""
    if row.degraded:
        return f"degraded: {row.message}"
    if row.plan is None and row.diagnosis is not None:
        return f"nothing can run: {row.diagnosis.summary}"
    return f"{row.status}: {row.message}" if row.status != "optimal" else ""


def _plan_lines(plan: PolicyPlan, states: int, unit: str) -> Iterator[str]:
    fixed = plan.kept_fixed
    yield f"{plan.name:<4}{plan.placement.operating_point}: {blocks_text(plan.placement)}"
    kept = f"used in {plan.states} of {_count(states, 'state')}; kept always, it holds in {fixed.states_kept}"
    if fixed.worst_regret is not None and fixed.mean_regret is not None:
        worst, mean = format_quantity(fixed.worst_regret, unit), format_quantity(fixed.mean_regret, unit)
        kept += f", there at most {worst} above the best plan (mean {mean})"
    yield f"    {kept}"


def blocks_text(plan: AppPlacement) -> str:
    """Return where the blocks of a plan run, by runs of blocks on one node."""
    parts = []
    for node, rows in groupby(plan.assignments, key=lambda row: row.node):
        first, *others = [row.block for row in rows]
        parts.append(f"{node} {first}" + (f" .. {others[-1]}" if others else ""))
    return ", ".join(parts)
