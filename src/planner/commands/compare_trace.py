"""`planner compare --trace`: step through measured rates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from planner.commands.exit_codes import EXIT_INFEASIBLE, EXIT_UNKNOWN
from planner.commands.output import say
from planner.fin.method import Options
from planner.units import parse_quantity

if TYPE_CHECKING:
    from planner.adaptation.measured_rates import RateTraceComparison, StepOutcome
    from planner.commands.options import Limits, Sources
    from planner.pipeline.request import JointRequest


def compare_trace(
    sources: Sources, limits: Limits, options: Options, per_exit_thresholds: bool, step: str, cold_steps: int,
    output: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Run one plan and plans made anew through the traces of a topology; print a table, write the steps.

    Args:
        sources: Files, as options.
        limits: Limits, as options.
        options: Gap, time limit and levels.
        per_exit_thresholds: Whether operating points are designed with one threshold per exit.
        step: Time between two plans, as text.
        cold_steps: Steps that are planned from scratch as well (count).
        output: File for the steps: JSON, or CSV by suffix.
        as_json: Print the steps as JSON.

    Returns:
        The exit code.

    Raises:
        InputError: With every problem of the inputs, or the output cannot be written.
    """
    from planner.adaptation.measured_rates import RateTraceComparison, steps_of
    from planner.commands.inputs import read_planned
    from planner.commands.results import written
    from planner.files.reading import read_measured
    from planner.pipeline.request import JointRequest
    from planner.progress import waiting
    from planner.schemas.planning.refusals import refuse_objective
    from planner.text.rates import rates_csv, rates_rows, rates_text

    step_s = parse_quantity(step, "s", "--step")
    with written(output, as_json) as give:
        asked = read_planned(sources, limits)
        refuse_objective(asked.objective, "stepping through traces")
        _, traces = read_measured(sources.topology, {})
        steps_of(traces, step_s)  # input errors show before anything runs
        request = JointRequest(asked.apps, asked.topology, options=options, per_exit_thresholds=per_exit_thresholds)
        with waiting("planning"):
            comparison = RateTraceComparison(request, traces, step_s, cold_steps)
        if not comparison.planned:
            raise typer.Exit(_why_not(request))
        rows = _rows(comparison)
        data, text = rates_rows(comparison, rows), rates_text(comparison, rows)
        give(lambda: data, text, True, lambda: rates_csv(data))
    return 0


def _why_not(request: JointRequest) -> int:
    """Say why there is no plan for the rates at the percentiles, and return the exit code."""
    from planner.pipeline.dispatch import answer
    from planner.text.joint_placement import joint_text

    placement = answer(request)
    say("no plan to begin with, at the rates of the percentiles:", err=True)
    say(joint_text(placement), err=True)
    return EXIT_INFEASIBLE if placement.status == "infeasible" else EXIT_UNKNOWN


def _rows(comparison: RateTraceComparison) -> list[StepOutcome]:
    """Go through the steps, with a bar on the error stream where a person watches."""
    from rich.console import Console
    from rich.progress import track

    errors, count = Console(stderr=True), len(comparison.steps)
    silent = not errors.is_terminal
    return list(track(comparison.rows(), "stepping", count, console=errors, transient=True, disable=silent))
