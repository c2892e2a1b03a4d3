"""Policies by the library: placements by state of a topology, designs by state of a device."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

from planner.fin.method import Options
from planner.library.inputs import ModelsLike, TopologyLike, WorkloadLike, document, planning_inputs
from planner.library.requests import request_for, single_app_request
from planner.pipeline.request import AUTO
from planner.schemas.adaptation.designs import Designs
from planner.schemas.adaptation.placement_policy import PlacementPolicy
from planner.schemas.adaptation.policy import Policy
from planner.schemas.adaptation.states import States
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import Provenance
from planner.schemas.planning.workload import AppLimits
from planner.schemas.reading.problems import input_error
from planner.version import __version__


def adapt_designs(
    designs: Designs | Mapping[str, object] | str | Path,
    *,
    max_designs: int | None = None,
    transfer_from: Designs | Mapping[str, object] | str | Path | None = None,
) -> Policy:
    """Choose the design of every state of one device (CARIn, doi 10.1145/3665868).

    Args:
        designs: What each task may run: a value, a dict as in its file, or a path.
        max_designs: Most joint designs to hold ready (default: what the file says).
        transfer_from: Designs of another device, whose best design is tried on this one.

    Returns:
        The policy; without rows, but with a diagnosis, where no joint design meets every constraint.

    Raises:
        InputError: An input cannot be used, or the other device has other tasks.
    """
    from planner.carin.adapt import adapt as choose

    inputs: dict[str, str] = {}
    here = document(designs, Designs, inputs)
    other = None if transfer_from is None else document(transfer_from, Designs, inputs)
    provenance = Provenance(planner=__version__, method="rass", inputs=inputs)
    return choose(here, max_designs=max_designs, transfer_from=other, provenance=provenance)


def adapt(
    model: ModelsLike | None = None,
    topology: TopologyLike | None = None,
    states: States | Mapping[str, object] | str | Path | None = None,
    *,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    gap: float = 0.0,
    time_limit_s: float | None = None,
    per_exit_thresholds: bool = False,
    **limits: Unpack[AppLimits],
) -> PlacementPolicy:
    """Plan one app for every state of a topology ahead of time: slow nodes, weak links, lost servers.

    For the states of one device, whose designs were measured, see `adapt_designs`.

    Args:
        model: As for `plan`.
        topology: As for `plan`, where nothing is wrong.
        states: What may happen to the topology: a value, a dict as in its file, or a path.
        workload: A workload of one app.
        models: As for `plan`.
        gap: Relative gap at which an answer counts as proved (no unit).
        time_limit_s: Limit of each search, in seconds.
        per_exit_thresholds: Design operating points with one threshold per exit.
        **limits: `source`, `max_latency_s` and the other limits of one app, as for `plan`.

    Returns:
        The policy: a verified placement for every state, and what keeping one plan in all states would cost.

    Raises:
        InputError: An input cannot be used, or there are several apps.
    """
    from planner.adaptation.placement_policy import plan_for_states

    if states is None:
        raise input_error("there are no states to plan for", "give states: a path, a dict or a planner.States")
    planned = planning_inputs(model, topology, workload, models, limits)
    options = Options(gap=gap, time_limit_s=time_limit_s)
    request = single_app_request(request_for(planned, AUTO, options, per_exit_thresholds))
    inputs = dict(planned.inputs)
    file = str(states) if isinstance(states, (str, Path)) else "states"
    return plan_for_states(request, document(states, States, inputs), file, inputs)
