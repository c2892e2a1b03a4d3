"""The library: functions that take typed inputs (or paths of files) and return typed, verified results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from planner.fin.method import Options
from planner.library.checking import check
from planner.library.comparison import Comparison
from planner.library.front import Front
from planner.library.inputs import (
    AppLimits,
    ModelsLike,
    TopologyLike,
    WorkloadLike,
    planning_inputs,
)
from planner.library.pages import write_report
from planner.library.pins import Pins
from planner.library.placement import Placement
from planner.library.requests import first_joint, request_for, single_app_request
from planner.pipeline.dispatch import answer, check_names
from planner.pipeline.request import AUTO, methods_for, together
from planner.schemas.planning.model import Model
from planner.schemas.reading.problems import advice_for, input_error

if TYPE_CHECKING:
    from planner.pipeline.compare import Row
    from planner.pipeline.pareto import Watch

__all__ = ["check", "compare", "pareto", "plan", "verify", "write_report"]

verify = check
"""Another name of `check`."""


def plan(
    model: ModelsLike | None = None,
    topology: TopologyLike | None = None,
    *,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    source: str | None = None,
    destination: str | None = None,
    rate_per_s: float | None = None,
    max_latency_s: float | None = None,
    latency: str | None = None,
    min_accuracy: float | None = None,
    max_energy_j: float | None = None,
    limits: Mapping[str, float] | None = None,
    objective: str | None = None,
    batch: int | Sequence[int] | None = None,
    pin: Pins | None = None,
    private_until: str | None = None,
    app: str | None = None,
    method: str = AUTO,
    gap: float = 0.0,
    time_limit_s: float | None = None,
    gamma: int = Options.gamma,
    per_exit_thresholds: bool = False,
    jobs: int = 1,
) -> Placement:
    """Place one DNN on a topology, or all apps of a workload together.

    Args:
        model: The model: a value, a dict as in its file, or a path (also of a bundle or an ONNX file). Of a list, one
            is chosen.
        topology: The topology: a value, a dict as in its file, a path, or what `prepare` returned.
        workload: Apps with their limits, or the path of their file, instead of a model; limits of one app are not
            given then, but for `objective`. Several apps are planned together for least power, or that objective.
        models: Models by the name that apps give them (default: files beside the workload's, or in the current folder).
        source: Node that holds the input (default: the first mobile node, else the first).
        destination: Node that needs the results (default: they stay where they are made).
        rate_per_s: Inferences per second (default: 0, a single one that loads no capacity).
        max_latency_s: Latency limit in seconds.
        latency: Which latency counts: `worst` (the default), `mean` or a percentile such as `p95`.
        min_accuracy: Least accuracy as a fraction (default: the best that the model offers).
        max_energy_j: Energy limit of one inference in joules.
        limits: Largest values of metrics of the topology, by name, each in its metric's unit.
        objective: What is minimised: `energy` (the default), `latency` or a metric of the topology; or what is
            maximised: `rate` (the largest that the plan sustains, `rate_per_s` being the least) or `accuracy`. Beside a
            workload, what all apps are planned for: `power`, `latency` (the largest over its limit), `accuracy` (the
            mean weighted by rates) or a metric.
        batch: Batch size, or several of which one is chosen (default: 1); above 1 a rate is needed.
        pin: Node, or list of nodes, that a block may run on, by block: ``{"a": "laptop"}``; also patterns
            (``encoder*``) and ranges (``b1..b4``) of blocks.
        private_until: Block before which no data leave the source: the blocks up to and including it stay there, and
            those that read the input or an output from before it.
        app: Name of the app of the workload that is planned alone (default: all together).
        method: `auto`, or the name of a method (`fin.method.METHODS`; for several apps `clear.method.JOINT_METHODS`).
        gap: Relative gap at which an answer counts as proved.
        time_limit_s: Seconds after which the best plan so far is returned with its gap.
        gamma: Latency levels of the method `gamma`.
        per_exit_thresholds: Design operating points with one threshold per exit.
        jobs: Threads that plan several apps together; the plan does not depend on their number.

    Returns:
        The placement, verified. `status` tells optimal, feasible, infeasible (with a `diagnosis`) and unknown apart.

    Raises:
        InputError: An input cannot be used; the error holds every problem found.

    Example:
        >>> placement = planner.plan("examples/small.json", "examples/small-topology.json", max_latency_s=0.03)
        >>> print(placement.status, placement.apps[0].operating_point)
        optimal full
    """
    asked: AppLimits = {
        "source": source,
        "destination": destination,
        "rate_per_s": rate_per_s,
        "max_latency_s": max_latency_s,
        "latency": latency,
        "min_accuracy": min_accuracy,
        "max_energy_j": max_energy_j,
        "limits": limits,
        "objective": objective,
        "batch": batch,
        "pin": pin,
        "private_until": private_until,
        "app": app,
    }
    planned = planning_inputs(model, topology, workload, models, asked)
    options = Options(gap=gap, time_limit_s=time_limit_s, gamma=gamma, jobs=jobs)
    return Placement.of(answer(request_for(planned, method, options, per_exit_thresholds)), planned)


def compare(
    model: ModelsLike | None = None,
    topology: TopologyLike | None = None,
    *,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    methods: Sequence[str] | None = None,
    gap: float = 0.0,
    time_limit_s: float | None = 10.0,
    gamma: int = Options.gamma,
    per_exit_thresholds: bool = False,
    jobs: int = 1,
    watch: Callable[[Row], None] = lambda row: None,
    **limits: Unpack[AppLimits],
) -> Comparison:
    """Run several methods on the same request, one after the other; every plan is verified.

    Args:
        model: As for `plan`.
        topology: As for `plan`.
        workload: As for `plan`.
        models: As for `plan`.
        methods: Names of methods (default: all that the request can go to).
        gap: Relative gap at which an answer counts as proved.
        time_limit_s: Limit of each method, in seconds.
        gamma: Latency levels of the method `gamma`.
        per_exit_thresholds: Design operating points with one threshold per exit.
        jobs: As for `plan`.
        watch: Told of every row as soon as it is there.
        **limits: `source`, `max_latency_s` and the other limits of one app, as for `plan`.

    Returns:
        A table that prints as text; `to_rows()` for programs, and a placement per row.

    Raises:
        InputError: An input cannot be used, or there is no such method.

    Example:
        >>> table = planner.compare("examples/small.json", "examples/small-topology.json", max_latency_s=0.03)
        >>> table["neurosurgeon"].value >= table["exact"].value
        True
    """
    planned = planning_inputs(model, topology, workload, models, limits)
    options = Options(gap=gap, time_limit_s=time_limit_s, gamma=gamma, jobs=jobs)
    request = request_for(planned, first_joint(methods), options, per_exit_thresholds)
    chosen = methods_for(request)
    for name in methods or ():
        if name not in chosen:
            fix = advice_for(name, chosen, len(chosen))
            raise input_error("there is no such method to compare with the others", fix, path="methods", value=name)
    check_names(request)
    from planner.pipeline.compare import compare as run_methods

    rows = []
    for row in run_methods(request, methods or chosen):
        watch(row)
        rows.append(row)
    return Comparison(tuple(rows), together(request))


def pareto(
    model: ModelsLike | None = None,
    topology: TopologyLike | None = None,
    *,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    axes: tuple[str, ...] | None = None,
    max_points: int | None = None,
    time_limit_s: float | None = None,
    per_exit_thresholds: bool = False,
    watch: Watch = lambda found, accuracy: None,
    **limits: Unpack[AppLimits],
) -> Front:
    """Find every plan of one app that no other one beats in energy, latency and accuracy (epsilon-constraint method).

    Args:
        model: As for `plan`.
        topology: As for `plan`.
        workload: A workload of one app.
        models: As for `plan`.
        axes: Two of energy, latency, accuracy and the metrics of the topology (default: energy, latency and accuracy).
        max_points: Stop with a partial front after this number of points.
        time_limit_s: Stop with a partial front after this time, in seconds.
        per_exit_thresholds: Design operating points with one threshold per exit.
        watch: Told of the points found and the accuracy searched, before every search.
        **limits: `source`, `max_latency_s` and the other limits of one app, as for `plan`; without `min_accuracy`, all
            accuracies are of interest.

    Returns:
        The front, each point a verified placement; `status` tells whether it is proved complete.

    Raises:
        InputError: An input cannot be used, or there are several apps.
    """
    from planner.pipeline.pareto import pareto as walk

    planned = planning_inputs(model, topology, workload, models, limits)
    request = single_app_request(request_for(planned, AUTO, Options(time_limit_s=time_limit_s), per_exit_thresholds))
    if axes is not None:
        from planner.pipeline.front_of_two import front_of_two

        return Front.of(front_of_two(request, axes, max_points, time_limit_s, watch))
    return Front.of(walk(request, max_points, time_limit_s, watch))
