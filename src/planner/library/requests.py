"""From inputs of the library to requests of the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planner.fin.method import ALL_METHODS, Options
from planner.library.inputs import PlanningInputs
from planner.pipeline.request import AUTO, AnyRequest, Request, request_of
from planner.schemas.planning.variants import by_app
from planner.schemas.planning.workload import POWER
from planner.schemas.reading.problems import input_error


def request_for(planned: PlanningInputs, method: str, options: Options, per_exit_thresholds: bool) -> AnyRequest:
    """Build the request of inputs, with the arrays that were prepared.

    Args:
        planned: Every app with its model, and the topology.
        method: `auto`, or the name of a method.
        options: Gap, time limit and levels.
        per_exit_thresholds: Whether operating points are designed with one threshold per exit.

    Returns:
        A `JointRequest` for a plan with shares, otherwise a `Request`.
    """
    request = request_of(
        planned.apps, planned.topology, method, options, per_exit_thresholds, planned.inputs, planned.objective
    )
    return replace(request, prepared=planned.prepared)


def first_joint(methods: Sequence[str] | None) -> str:
    """Return the first method that plans apps together only; `auto` where there is none."""
    return next((name for name in methods or () if name not in ALL_METHODS), AUTO)


def single_app_request(request: AnyRequest) -> Request:
    """Return a request of one app; raise InputError for several."""
    if isinstance(request, Request):
        return request
    if request.objective != POWER:
        message = f"the workload is planned for {request.objective} of all apps, and this is done for one by its own"
        raise input_error(message, "choose an app, or leave the objective of the workload out", path="objective")
    groups = by_app(request.apps)
    names = ", ".join(groups)
    message = f"the workload has {len(groups)} apps, and this is done for one at a time"
    raise input_error(message, f"choose one of {names}", path="app")
