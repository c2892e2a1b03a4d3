"""From inputs of the library to requests of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from planner.fin.method import ALL_METHODS, Options
from planner.library.inputs import (
    AppLimits,
    ModelLike,
    PlanningInputs,
    TopologyLike,
    WorkloadLike,
    planning_inputs,
)
from planner.library.placement import Placement
from planner.pipeline.request import AUTO, AnyRequest, Request, request_of
from planner.schemas.planning.model import Model
from planner.schemas.reading.problems import input_error


def request_for(planned: PlanningInputs, method: str, options: Options, per_exit_thresholds: bool) -> AnyRequest:
    """Return the request of inputs, with the arrays that were prepared."""
    request = request_of(planned.apps, planned.topology, method, options, per_exit_thresholds, planned.inputs)
    return replace(request, prepared=planned.prepared)


def first_joint(methods: Sequence[str] | None) -> str:
    """Return the first method that plans apps together only; `auto` where there is none."""
    return next((name for name in methods or () if name not in ALL_METHODS), AUTO)


def single_app_request(request: AnyRequest) -> Request:
    """Return a request of one app; raise InputError for several."""
    if isinstance(request, Request):
        return request
    names = ", ".join(app.name for app, _ in request.apps)
    raise input_error("this is done for one app at a time", f"give a workload of one of {names}", path="workload")


def planned_for(
    placement: object,
    model: ModelLike | None,
    topology: TopologyLike | None,
    workload: WorkloadLike | None,
    models: Mapping[str, Model] | None,
    limits: AppLimits,
) -> PlanningInputs:
    """Return what a placement was made for: as given, or as the placement itself remembers."""
    given = model is not None or topology is not None or workload is not None or limits
    if isinstance(placement, Placement) and placement.planned is not None and not given:
        return placement.planned
    return planning_inputs(model, topology, workload, models, limits)
