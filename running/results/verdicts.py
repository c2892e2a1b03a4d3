"""Verdicts: figures of a plan beside those of its run, within a stated tolerance."""

from __future__ import annotations

import math
from collections.abc import Sequence

from planner.schemas.bundles.run import PlanRun, Verdict
from planner.schemas.reading.quantities import format_quantity

RELATIVE, LEAST_S = 0.1, 0.0003
"""Latencies may differ by a tenth, or by 0.3 ms where that is more."""
_SIGMAS = 2.0
NOT_EMULATED = "links not emulated"


def verdicts(run: PlanRun, links: bool) -> tuple[Verdict, ...]:
    """Compare latency by exit, exit shares and accuracy of a run with its plan.

    Shares and accuracy of n samples may differ by two standard deviations of a proportion.

    Args:
        run: Summary of one plan's samples.
        links: Whether messages took the links of the plan, or held as long. If not, latencies of plans with transfers
            are not compared.
    """
    comparable = links or not any(hop.predicted_s for hop in run.hops)
    found: list[Verdict] = []
    for each in run.exits:
        if each.latency.predicted_s is not None and each.latency.median_s is not None:
            tolerance = max(RELATIVE * each.latency.predicted_s, LEAST_S)
            planned, measured = each.latency.predicted_s, each.latency.median_s
            verdict = _verdict(f"latency of {each.name}", planned, measured, "s", tolerance, -1)
            found.append(verdict if comparable else verdict.model_copy(update={"verdict": NOT_EMULATED}))
        if run.samples:
            tolerance = _spread(each.predicted_share, run.samples)
            found.append(_verdict(f"share of {each.name}", each.predicted_share, each.share, "", tolerance, 0))
    if run.accuracy is not None and run.predicted_accuracy is not None:
        tolerance = _spread(run.predicted_accuracy, run.samples)
        found.append(_verdict("accuracy", run.predicted_accuracy, run.accuracy, "", tolerance, 1))
    return tuple(found)


def slow_pieces(plans: Sequence[PlanRun]) -> list[str]:
    """Tell of pieces that took longer than predicted where that makes latencies worse, and what corrects it.

    Args:
        plans: Summaries with their verdicts.

    Returns:
        One sentence for each such plan.
    """
    notes = []
    for plan in plans:
        worse = any(each.verdict == "worse" and each.figure.startswith("latency") for each in plan.verdicts)
        times = [(piece.predicted_s, piece.cpu_median_s) for piece in plan.pieces]
        known = [(one, other) for one, other in times if one is not None and other is not None]
        predicted_s, measured_s = (sum(column) for column in zip(*known, strict=True)) if known else (0.0, 0.0)
        if worse and measured_s - predicted_s > max(RELATIVE * predicted_s, LEAST_S):
            more = format_quantity(measured_s - predicted_s, "s")
            notes.append(
                f"the pieces of {plan.name} took {more} longer than predicted (each costs a start beyond its blocks): "
                "planner calibrate corrects the next plan"
            )
    return notes


def _spread(share: float, samples: int) -> float:
    return _SIGMAS * math.sqrt(share * (1.0 - share) / samples) + 1.0 / samples


def _verdict(figure: str, planned: float, measured: float, unit: str, tolerance: float, good: int) -> Verdict:
    """Compare; `good` is the sign of a difference that is welcome, 0 where none is."""
    difference = measured - planned
    word = "as predicted" if abs(difference) <= tolerance else "better" if difference * good > 0 else "worse"
    fields = {"figure": figure, "predicted": planned, "measured": measured, "unit": unit, "tolerance": tolerance}
    return Verdict.model_validate({**fields, "verdict": word})
