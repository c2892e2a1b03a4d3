"""`planner plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.commands.command import command
from planner.commands.exit_codes import status_code
from planner.commands.options import (
    AUTO,
    DEFAULT_SEARCH,
    AsJson,
    Gamma,
    Jobs,
    Limits,
    MethodName,
    PlanOutput,
    Search,
    Sources,
)
from planner.commands.output import note
from planner.fin.method import Options
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from planner.library.placement import Placement


@command
def plan_command(
    sources: Sources,
    limits: Limits,
    method: MethodName = AUTO,
    search: Search = DEFAULT_SEARCH,
    gamma: Gamma = Options.gamma,
    jobs: Jobs = Options.jobs,
    output: PlanOutput = None,
    as_json: AsJson = False,
) -> int:
    """Place a DNN, or all apps of a workload, on a topology: least energy within the limits, with proof."""
    from planner.commands.inputs import asked_for
    from planner.commands.results import written
    from planner.files.writing import placement_json
    from planner.library.planning import plan
    from planner.progress import waiting

    if gamma != Options.gamma and method != "gamma":
        raise input_error("this option means nothing without --method gamma", "leave it out", path="--gamma")
    asked, given = asked_for(sources, limits), search.arguments()
    with written(output, as_json) as give:
        with waiting("planning"):
            placement = plan(**asked, **given, method=method, gamma=gamma, jobs=jobs)
        if given["per_exit_thresholds"] and not _designs_points(placement):
            note("--thresholds per-exit changes nothing: no model has a calibration to design operating points from")
        give(lambda: placement_json(placement), placement.summary(), bool(placement.apps), placement.to_csv)
    return status_code(placement.status)


def _designs_points(placement: Placement) -> bool:
    """Tell whether operating points are designed for any of the apps."""
    return placement.planned is None or any(model.calibration is not None for _, model in placement.planned.apps)
