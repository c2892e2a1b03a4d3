"""Policies and replays for people, as plain text that does not depend on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from planner.schemas.adaptation.policy import Baseline, JointDesign, Policy, Regret
from planner.schemas.reading.printable import printable_document
from planner.text.table import table_lines
from planner.units import format_quantity

if TYPE_CHECKING:
    from planner.carin.replay import Replay, ReplayRun

_MOST_ROWS = 32
_PLAIN = {
    "oodin": "OODIn",
    "single_model_most_accurate": "single model, most accurate",
    "single_model_smallest": "single model, smallest",
    "best_per_task": "best per task alone",
    "transferred": "transferred",
}


def policy_text(policy: Policy) -> str:
    """Return a policy as text: the designs, what to run in which state, the baselines."""
    policy = printable_document(policy)
    if policy.diagnosis is not None:
        lines = [f"infeasible: {policy.diagnosis.summary}"]
        return "\n".join(lines + [f"  {row.message}" for row in policy.diagnosis.constraints])
    count = f"{policy.feasible_joint_designs:,} of {policy.joint_designs:,}"
    lines = [f"{policy.name}: {count} joint designs meet every constraint"]
    lines += ["", *_design_lines(policy.design_set), "", *_state_lines(policy), "", *table_lines(baseline_rows(policy))]
    return "\n".join(lines if policy.regret is None else [*lines, "", regret_text(policy.regret)])


def _design_lines(designs: Sequence[JointDesign]) -> Iterator[str]:
    rows = [["design", "distance", "energy", "memory", "runs"]]
    for design in designs:
        energy_j = design.metrics.energy_j
        energy = "-" if energy_j is None else format_quantity(energy_j, "J")
        runs = ", ".join(f"{task}: {name}" for task, name in design.choice.items())
        memory = format_quantity(design.metrics.memory_bytes, "B")
        rows.append([design.name, f"{design.distance:.4g}", energy, memory, runs])
    yield from table_lines(rows)


def _state_lines(policy: Policy) -> Iterator[str]:
    rows = [["overloaded", "memory", "design", ""]]
    for row in policy.policy[:_MOST_ROWS]:
        note = "degraded" if row.degraded else ""
        rows.append([", ".join(row.overloaded) or "-", "tight" if row.memory_tight else "ample", row.design, note])
    yield from table_lines(rows)
    if (more := len(policy.policy) - _MOST_ROWS) > 0:
        yield f"and {more} more states (in the JSON output)"


def baseline_rows(policy: Policy) -> list[list[str]]:
    """Return the policy's design and every baseline as rows of text, headings first."""
    usual = policy.design_set[0]
    rows = [["chosen by", "distance", "optimality", "d0 is better by"]]
    rows.append(["this policy (d0)", f"{usual.distance:.4g}", _optimality(usual.optimality), "1.00 x"])
    rows += [[_PLAIN.get(name, name), *_cells(baseline)] for name, baseline in policy.baselines.items()]
    return rows


def _cells(baseline: Baseline) -> list[str]:
    if baseline.distance is None:
        return ["-", "-", f"no design: {baseline.message}"]
    if not baseline.feasible:
        return [f"{baseline.distance:.4g}", "-", f"infeasible: {baseline.message}"]
    ratio = baseline.optimality_ratio
    better_by = "infinitely" if ratio is None else f"{ratio:.2f} x"
    return [f"{baseline.distance:.4g}", _optimality(baseline.optimality), better_by]


def _optimality(value: float | None) -> str:
    return "infinite" if value is None else f"{value:.4g}"


def regret_text(regret: Regret) -> str:
    """Return what the bound on the design set gives up, as one sentence."""
    return (
        f"at most {regret.max_designs} of {regret.unbounded_designs} designs: {regret.states_changed} states changed, "
        f"{regret.newly_degraded} of them degraded; {regret.extra_distance:.4g} distance in excess "
        f"(at most {regret.largest_extra_distance:.4g}), "
        f"{regret.extra_overloaded_engines} overloaded engines in excess, "
        f"{format_quantity(regret.extra_memory_bytes, 'B')} in excess"
        f"{'' if regret.proved_least else '; a better choice was not ruled out'}"
    )


def replay_text(done: Replay) -> str:
    """Return a replay as text: one row for every way of running the trace."""
    done = printable_document(done)
    rows = [["run", "switches", "SLO violations", "memory overruns", "energy", "mean distance"]]
    resolved = () if done.resolved is None else (done.resolved,)
    rows += [_run(run, done.samples) for run in (done.manager, *done.fixed, done.oracle, *resolved)]
    return "\n".join([f"{done.samples:,} sample{'s' * (done.samples != 1)}", *table_lines(rows)])


def _run(run: ReplayRun, samples: int) -> list[str]:
    energy = "-" if run.energy_j is None else format_quantity(run.energy_j, "J")
    return [
        run.name, str(run.switches), _share(run.slo_violations, samples), _share(run.memory_overruns, samples), energy,
        f"{run.mean_distance:.4g}",
    ]  # fmt: skip


def _share(count: int, samples: int) -> str:
    return f"{count} ({100 * count / samples:.3g} %)"
