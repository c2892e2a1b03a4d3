"""What the command line asks for, as arguments of the library."""

from __future__ import annotations

from planner.commands.options import Constraints, PartialSources, Sources
from planner.library.inputs import Asked, PlanningInputs, planned_from
from planner.schemas.reading.problems import input_error


def asked_for(sources: Sources | PartialSources, limits: Constraints) -> Asked:
    """Return the files and limits that options give.

    Args:
        sources: Files, as options.
        limits: Limits of one app, as options.

    Raises:
        InputError: A text is no number or names no unit, or limits are given beside a workload.
    """
    given = [name for name in limits.given() if name != "--objective"]  # the objective of all apps of a workload
    if sources.workload is not None and given:
        fix = f"write them into the workload, or leave out {', '.join(given)}"
        message = "limits stand in the workload file and on the command line"
        raise input_error(message, fix, file=str(sources.workload))
    models = sources.model or []
    both = sources.workload is not None and bool(models)
    neither = isinstance(sources, Sources) and sources.workload is None and not models
    if both or neither:
        raise input_error("give one of --model and --workload", "see planner plan --help")
    return {
        "topology": sources.topology,
        "model": (models[0] if len(models) == 1 else models) if models else None,
        "workload": sources.workload,
        "app": sources.app,
        **limits.app_fields(),
    }


def read_planned(sources: Sources, limits: Constraints) -> PlanningInputs:
    """Read and check all inputs: every app of a workload (or the one that is chosen), or one app by its limits.

    Args:
        sources: Files, as options.
        limits: Limits of one app, as options.

    Raises:
        InputError: With every problem of the first input that has any.
    """
    return planned_from(asked_for(sources, limits))
