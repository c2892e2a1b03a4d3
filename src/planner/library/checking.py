"""Checking by the library: placements recomputed by the independent verifier, and claims proved by solving again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.instance.unknown_names import refuse_unknown_metrics, refuse_unknown_names, unknown_objective
from planner.fin.method import Options
from planner.library.inputs import (
    Asked,
    ModelsLike,
    PlanningInputs,
    TopologyLike,
    WorkloadLike,
    document,
    planned_from,
    topology_of,
)
from planner.library.made_from import Note, completed
from planner.library.placement import Placement
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import Placement as PlacementFile
from planner.schemas.planning.workload import App, AppLimits
from planner.schemas.reading.problems import InputError, input_error
from planner.verifier.verify import DEFAULT_GAP, Violation
from planner.verifier.verify import verify as recompute

if TYPE_CHECKING:
    from planner.pipeline.prove import Proof


def check(
    placement: PlacementFile | Mapping[str, object] | str | Path,
    topology: TopologyLike | None = None,
    apps: Sequence[tuple[App, Model]] | None = None,
    gap: float = DEFAULT_GAP,
    *,
    model: ModelsLike | None = None,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    per_exit_thresholds: bool = False,
    **limits: Unpack[AppLimits],
) -> list[Violation]:
    """Recompute a placement with code that shares nothing with the solvers, and check every claim and limit.

    Args:
        placement: The placement: a value, a dict as in its file, or a path.
        topology: The topology that it was made for. It and all that follows may be left out for a placement that `plan`
            returned, and where the files that a placement names are found beside it or in the current folder.
        apps: Every app with its model; or else `model` with the limits of one app, or `workload`.
        gap: Largest relative gap that still counts as `optimal` (no unit).
        model: As for `plan`.
        workload: As for `plan`.
        models: As for `plan`.
        per_exit_thresholds: Whether operating points may have one threshold per exit, as for `plan`.
        **limits: `source`, `max_latency_s` and the other limits of one app, as for `plan` (default: those that the
            placement holds).

    Returns:
        What does not stand, with the values of both sides; empty if the placement stands.

    Raises:
        InputError: An input cannot be used.
    """
    held = document(placement, PlacementFile, {})
    if apps is not None:
        if topology is None or model is not None or workload is not None or limits:
            raise input_error("apps are given with their models", "give placement, topology and apps alone")
        return recompute(held, topology_of(topology, {}), apps, gap, per_exit_thresholds)
    asked: Asked = {"model": model, "topology": topology, "workload": workload, **limits}
    planned = made_for(placement, held, asked, models)
    return recompute(held, planned.topology, planned.apps, gap, per_exit_thresholds, planned.objective)


verify = check
"""Another name of `check`."""


def prove(
    placement: PlacementFile,
    planned: PlanningInputs,
    *,
    gap: float = DEFAULT_GAP,
    time_limit_s: float | None = None,
    per_exit_thresholds: bool = False,
) -> Proof:
    """Solve again, to see whether a placement that stands before `check` is what it claims to be.

    Args:
        placement: The placement.
        planned: What it was made for.
        gap: Largest relative gap that still counts as `optimal` (no unit).
        time_limit_s: Limit of the search, in seconds.
        per_exit_thresholds: Whether operating points may have one threshold per exit, as for `plan`.

    Returns:
        `proved`, `refuted` or `open` (the limit came first), and why in words.
    """
    from planner.library.requests import request_for
    from planner.pipeline.prove import prove as prove_again
    from planner.pipeline.request import AUTO, PROVING

    by_power = placement.certificate is not None and placement.certificate.objective == "power_w"
    method, options = PROVING if by_power else AUTO, Options(time_limit_s=time_limit_s)
    request = request_for(planned, method, options, per_exit_thresholds)
    return prove_again(placement, request, gap)


def made_for(
    source: object,
    held: PlacementFile,
    asked: Asked,
    models: Mapping[str, Model] | None = None,
    note: Note | None = None,
) -> PlanningInputs:
    """Find what a placement was made for: as given, as it remembers, or from the files that it names.

    Args:
        source: The placement as the caller gave it: a value or a path.
        held: The placement itself.
        asked: Files and limits that are given.
        models: Models by the name that apps give them.
        note: Told of files that have changed since (default: a warning).

    Returns:
        Every app with its model, the topology, and what else the plan was asked with.

    Raises:
        InputError: An input is missing or cannot be used.
    """
    given = any(value is not None for value in asked.values())
    if isinstance(source, Placement) and source.planned is not None and not given:
        return source.planned
    path = Path(source) if isinstance(source, (str, Path)) else None
    planned = planned_from(completed(asked, held, path, note or _warn), models)
    network = build_network(*expand(planned.topology))
    for app, read in planned.apps:
        refuse_unknown_names(app, read, network)
        refuse_unknown_metrics(app, network)
    if unknown := unknown_objective(planned.objective, network):
        raise InputError(unknown)
    return planned


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)
