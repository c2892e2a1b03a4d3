"""What the command line asks for, as arguments of the library."""

from __future__ import annotations

from pathlib import Path

from planner.commands.options import Constraints, PartialSources, Sources
from planner.commands.output import note
from planner.library.inputs import Asked, PlanningInputs, planned_from
from planner.schemas.planning.workload import POWER
from planner.schemas.reading.base import field_of
from planner.schemas.reading.files import is_file, read_json
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
    if sources.workload is not None and sources.app is not None:
        _say_objective_is_left(sources.workload, sources.app)
    return {
        "topology": sources.topology,
        "model": (models[0] if len(models) == 1 else models) if models else None,
        "workload": sources.workload,
        "app": sources.app,
        **limits.app_fields(),
    }


def _say_objective_is_left(workload: Path, app: str) -> None:
    """Say that the objective of a workload, which is one of all its apps, does not hold for one of them alone.

    Its apps have no objectives of their own, so that for one of them energy is minimised.
    """
    raw = read_json(workload) if is_file(workload) else None  # a pipe can be read only once
    objective = field_of(raw, "objective")
    if isinstance(objective, str) and objective != POWER:
        note(f"{app} alone is for least energy: objective {objective} of {workload.name} is that of all apps")


def read_planned(sources: Sources, limits: Constraints) -> PlanningInputs:
    """Read and check all inputs: every app of a workload (or the one that is chosen), or one app by its limits.

    Args:
        sources: Files, as options.
        limits: Limits of one app, as options.

    Raises:
        InputError: With every problem of the first input that has any.
    """
    return planned_from(asked_for(sources, limits))
