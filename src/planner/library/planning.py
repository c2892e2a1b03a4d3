"""Planning by the library: one app, or all apps of a workload, from inputs to a verified placement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from planner.fin.method import Options
from planner.library.inputs import ModelsLike, TopologyLike, WorkloadLike, planning_inputs
from planner.library.placement import Placement
from planner.library.requests import request_for
from planner.pipeline.dispatch import answer
from planner.pipeline.request import AUTO
from planner.schemas.planning.model import Model
from planner.schemas.planning.workload import AppLimits


def plan(
    model: ModelsLike | None = None,
    topology: TopologyLike | None = None,
    *,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    method: str = AUTO,
    gap: float = 0.0,
    time_limit_s: float | None = None,
    gamma: int = Options.gamma,
    per_exit_thresholds: bool = False,
    jobs: int = 1,
    **limits: Unpack[AppLimits],
) -> Placement:
    """Place one DNN on a topology, or all apps of a workload together.

    Args:
        model: The model: a value, a dict as in its file, or a path (also of a bundle or an ONNX file). Of a list, one
            is chosen.
        topology: The topology: a value, a dict as in its file, a path, or what `prepare` returned.
        workload: Apps with their limits, or the path of their file, instead of a model; limits of one app are not
            given then, but for `objective`. Several apps are planned together for least power, or that objective.
        models: Models by the name that apps give them (default: files beside the workload's, or in the current folder).
        method: `auto`, or the name of a method (`fin.method.METHODS`; for several apps `clear.method.JOINT_METHODS`).
        gap: Relative gap at which an answer counts as proved.
        time_limit_s: Seconds after which the best plan so far is returned with its gap.
        gamma: Latency levels of the method `gamma`.
        per_exit_thresholds: Design operating points with one threshold per exit.
        jobs: Threads that plan several apps together; the plan does not depend on their number.
        **limits: `max_latency_s`, `source`, `objective` and all else that is asked of the app: `planner.AppLimits` says
            what each means, and which of them go beside a workload.

    Returns:
        The placement, verified. `status` tells optimal, feasible, infeasible (with a `diagnosis`) and unknown apart.

    Raises:
        InputError: An input cannot be used; the error holds every problem found.

    Example:
        >>> placement = planner.plan("examples/small.json", "examples/small-topology.json", max_latency_s=0.03)
        >>> print(placement.status, placement.apps[0].operating_point)
        optimal full
    """
    planned = planning_inputs(model, topology, workload, models, limits)
    options = Options(gap=gap, time_limit_s=time_limit_s, gamma=gamma, jobs=jobs)
    return Placement.of(answer(request_for(planned, method, options, per_exit_thresholds)), planned)
