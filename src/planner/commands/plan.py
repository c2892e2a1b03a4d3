"""`planner plan`."""

from __future__ import annotations

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
from planner.fin.method import Options


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

    asked, given = asked_for(sources, limits), search.arguments()
    with written(output, as_json) as give:
        with waiting("planning"):
            placement = plan(**asked, **given, method=method, gamma=gamma, jobs=jobs)
        give(lambda: placement_json(placement), placement.summary(), bool(placement.apps), placement.to_csv)
    return status_code(placement.status)
