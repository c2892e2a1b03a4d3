"""`planner plan`."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

from planner.commands.command import command
from planner.commands.exit_codes import EXIT_INFEASIBLE, EXIT_UNKNOWN
from planner.commands.options import AUTO, DEFAULT_SEARCH, AsJson, Gamma, Limits, MethodName, Output, Search, Sources
from planner.commands.output import json_text, say, say_json
from planner.fin.method import Options

if TYPE_CHECKING:
    from planner.library.placement import Placement
    from planner.schemas.planning.placement import Placement as PlacementFile


@command
def plan_command(
    sources: Sources,
    limits: Limits,
    method: MethodName = AUTO,
    search: Search = DEFAULT_SEARCH,
    gamma: Gamma = Options.gamma,
    output: Output = None,
    as_json: AsJson = False,
) -> int:
    """Place a DNN, or all apps of a workload, on a topology: least energy within the limits, with proof."""
    from planner.commands.inputs import read_requested
    from planner.library.inputs import PlanningInputs
    from planner.library.placement import Placement
    from planner.pipeline.dispatch import answer
    from planner.pipeline.request import Request
    from planner.progress import waiting

    request = read_requested(sources, limits, method, search.options(gamma), search.per_exit())
    with ExitStack() as stack:
        file = stack.enter_context(_opened(output)) if output is not None else None
        with waiting("planning"):
            placement = answer(request)
        if file is not None:
            _write(placement, file)
    apps = [(request.app, request.model)] if isinstance(request, Request) else request.apps
    _report(Placement.of(placement, PlanningInputs(tuple(apps), request.topology, request.inputs)), as_json)
    return {"infeasible": EXIT_INFEASIBLE, "unknown": EXIT_UNKNOWN}.get(placement.status, 0)


def _opened(output: Path) -> AbstractContextManager[IO[str]]:
    from planner.files.writing import whole_file

    return whole_file(output)


def _write(placement: PlacementFile, file: IO[str]) -> None:
    from planner.files.writing import placement_json

    file.write(json_text(placement_json(placement)) + "\n")


def _report(placement: Placement, as_json: bool) -> None:
    """Print the result; without a plan the reasons go to the error stream."""
    if as_json:
        from planner.files.writing import placement_json

        say_json(placement_json(placement))
    if not as_json or not placement.apps:
        say(placement.summary(), err=not placement.apps)
