"""The library: functions that take typed inputs (or paths of files) and return typed, verified results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Unpack

from planner.fin.method import Options
from planner.library.comparison import Comparison
from planner.library.front import Front
from planner.library.inputs import (
    AppLimits,
    ModelLike,
    Pins,
    TopologyLike,
    WorkloadLike,
    document,
    planning_inputs,
    topology_of,
)
from planner.library.placement import Placement
from planner.library.requests import first_joint, planned_for, request_for, single_app_request
from planner.pipeline.dispatch import answer, check_names
from planner.pipeline.request import AUTO, methods_for, together
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import Placement as PlacementFile
from planner.schemas.planning.workload import App
from planner.schemas.reading.problems import input_error
from planner.verifier.verify import DEFAULT_GAP, Violation
from planner.verifier.verify import verify as recompute


def plan(
    model: ModelLike | None = None,
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
    pin: Pins | None = None,
    method: str = AUTO,
    gap: float = 0.0,
    time_limit_s: float | None = None,
    gamma: int = Options.gamma,
    per_exit_thresholds: bool = False,
) -> Placement:
    """Place one DNN on a topology, or all apps of a workload together.

    Args:
        model: The model: a value, a dict as in its file, or a path (also of a bundle or an ONNX file).
        topology: The topology: a value, a dict as in its file, a path, or what `prepare` returned.
        workload: Apps with their limits, or the path of their file, instead of a model; limits of one app are not
            given then. Several apps are planned together for least power.
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
            maximised: `rate` (the largest that the plan sustains, `rate_per_s` being the least) or `accuracy`.
        pin: Node, or list of nodes, that a block may run on, by block: ``{"a": "laptop"}``.
        method: `auto`, or the name of a method (`fin.method.METHODS`; for several apps `clear.method.JOINT_METHODS`).
        gap: Relative gap at which an answer counts as proved.
        time_limit_s: Seconds after which the best plan so far is returned with its gap.
        gamma: Latency levels of the method `gamma`.
        per_exit_thresholds: Design operating points with one threshold per exit.

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
        "pin": pin,
    }
    planned = planning_inputs(model, topology, workload, models, asked)
    options = Options(gap=gap, time_limit_s=time_limit_s, gamma=gamma)
    return Placement.of(answer(request_for(planned, method, options, per_exit_thresholds)), planned)


def compare(
    model: ModelLike | None = None,
    topology: TopologyLike | None = None,
    *,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    methods: Sequence[str] | None = None,
    gap: float = 0.0,
    time_limit_s: float | None = 10.0,
    gamma: int = Options.gamma,
    per_exit_thresholds: bool = False,
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
    options = Options(gap=gap, time_limit_s=time_limit_s, gamma=gamma)
    request = request_for(planned, first_joint(methods), options, per_exit_thresholds)
    chosen = methods_for(request)
    for name in methods or ():
        if name not in chosen:
            raise input_error("there is no such method to compare", f"use one of {', '.join(chosen)}", value=name)
    check_names(request)
    from planner.pipeline.compare import compare as run_methods

    return Comparison(tuple(run_methods(request, methods or chosen)), together(request))


def pareto(
    model: ModelLike | None = None,
    topology: TopologyLike | None = None,
    *,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    max_points: int | None = None,
    time_limit_s: float | None = None,
    per_exit_thresholds: bool = False,
    **limits: Unpack[AppLimits],
) -> Front:
    """Find every plan of one app that no other one beats in energy, latency and accuracy (epsilon-constraint method).

    Args:
        model: As for `plan`.
        topology: As for `plan`.
        workload: A workload of one app.
        models: As for `plan`.
        max_points: Stop with a partial front after this number of points.
        time_limit_s: Stop with a partial front after this time, in seconds.
        per_exit_thresholds: Design operating points with one threshold per exit.
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
    return Front.of(walk(request, max_points, time_limit_s))


def check(
    placement: PlacementFile | Mapping[str, object] | str | Path,
    topology: TopologyLike | None = None,
    apps: Sequence[tuple[App, Model]] | None = None,
    gap: float = DEFAULT_GAP,
    *,
    model: ModelLike | None = None,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    **limits: Unpack[AppLimits],
) -> list[Violation]:
    """Recompute a placement with code that shares nothing with the solvers, and check every claim and limit.

    Args:
        placement: The placement: a value, a dict as in its file, or a path.
        topology: The topology that it was made for. For a placement that `plan` returned, it and all that follows may
            be left out.
        apps: Every app with its model; or else `model` with the limits of one app, or `workload`.
        gap: Largest relative gap that still counts as `optimal` (no unit).
        model: As for `plan`.
        workload: As for `plan`.
        models: As for `plan`.
        **limits: `source`, `max_latency_s` and the other limits of one app, as for `plan`.

    Returns:
        What does not stand, with the values of both sides; empty if the placement stands.

    Raises:
        InputError: An input cannot be used.
    """
    held = document(placement, PlacementFile, {})
    if apps is not None:
        if topology is None or model is not None or workload is not None or limits:
            raise input_error("apps are given with their models", "give placement, topology and apps alone")
        return recompute(held, topology_of(topology, {}), apps, gap)
    planned = planned_for(placement, model, topology, workload, models, limits)
    return recompute(held, planned.topology, planned.apps, gap)


verify = check
"""Another name of `check`."""


def write_report(
    result: PlacementFile | Front | str | Path,
    path: str | Path,
    *,
    model: ModelLike | None = None,
    topology: TopologyLike | None = None,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    **limits: Unpack[AppLimits],
) -> None:
    """Write a result as one HTML page that needs no network (needs the extra `report`).

    Args:
        result: A placement, a front, or the folder (or CSV table) of a suite's results.
        path: File for the page.
        model: What a placement was made for, as for `plan`; not needed for a placement that `plan` returned.
        topology: As for `plan`.
        workload: As for `plan`.
        models: As for `plan`.
        **limits: `source`, `max_latency_s` and the other limits of one app, as for `plan`.

    Raises:
        InputError: An input cannot be used, the plan does not stand before the verifier, the file cannot be written, or
            the extra is not installed.
    """
    from planner.files.writing import whole_file
    from planner.report.page import page_html

    if isinstance(result, (str, Path)):
        from planner.report.results.page import results_page
        from planner.report.results.reading import read_results

        page = results_page(read_results(Path(result)))
    else:
        from planner.library.pages import checked_front_page, checked_placement_page
        from planner.schemas.planning.front import Front as FrontFile

        if isinstance(result, FrontFile):
            given = topology is not None or model is not None or workload is not None
            planned = planning_inputs(model, topology, workload, models, limits) if given else None
            page = checked_front_page(result, planned)
        else:
            page = checked_placement_page(result, planned_for(result, model, topology, workload, models, limits))
    with whole_file(Path(path)) as file:
        file.write(page_html(page))
