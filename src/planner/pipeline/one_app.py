"""Planning of one app: schemas to arrays, a method, the placement, the verifier; a diagnosis where there is no plan."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from planner.errors import InternalError
from planner.fin.instance.instance import Instance, build_instance
from planner.fin.method import method
from planner.pipeline.placement import placement_of
from planner.pipeline.prepared import network_of
from planner.pipeline.request import AUTO, Request
from planner.schemas.planning.placement import Diagnosis, Placement, Provenance
from planner.verifier.verify import verify
from planner.version import __version__


def solve(request: Request) -> Placement:
    """Plan a request and verify the plan.

    Raises:
        InputError: A name or a figure that the request needs is missing, or there is no such method.
        InternalError: The plan does not stand before the verifier.
    """
    began = time.perf_counter()
    chosen = method("exact" if request.method == AUTO else request.method)
    instance = instance_of(request)
    build_s = time.perf_counter() - began
    outcome = chosen.solve(instance, request.options)
    diagnosis = _diagnosis(request, instance) if outcome.status == "infeasible" else None
    provenance = Provenance(planner=__version__, method=chosen.name, inputs=dict(request.inputs))
    placement = placement_of(instance, outcome, provenance, build_s, diagnosis)
    gap = max(1e-6, request.options.gap)
    apps = [(request.app, request.model)]
    if violations := verify(placement, request.topology, apps, gap, request.per_exit_thresholds):
        raise InternalError(violations)
    return placement


def instance_of(request: Request) -> Instance:
    """Return the arrays of a request."""
    network = network_of(request.topology, request.prepared)
    return build_instance(request.app, request.model, network, request.per_exit_thresholds)


def _diagnosis(request: Request, instance: Instance) -> Diagnosis:
    from planner.fin.diagnosis.diagnose import diagnose

    everything = replace(request, app=request.app.model_copy(update={"min_accuracy": 0.0}))
    unpinned = np.broadcast_to(instance.blocks.can_run, instance.allowed.shape)
    return diagnose(instance, instance_of(everything), unpinned)
