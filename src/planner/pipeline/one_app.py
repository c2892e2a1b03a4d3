"""Planning of one app: schemas to arrays, a method, the placement, the verifier; a diagnosis where there is no plan."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.errors import InternalError
from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance, build_instance
from planner.fin.instance.refusal import refuse_general, refuse_metrics
from planner.fin.method import GENERAL_METHODS, METHODS_WITH_METRICS, Method, Options, method
from planner.fin.outcome import Outcome
from planner.pipeline.placement import placement_of
from planner.pipeline.prepared import network_of
from planner.pipeline.request import AUTO, Request
from planner.schemas.planning.placement import Diagnosis, Placement, Provenance
from planner.verifier.verify import verify
from planner.version import __version__

_GRANTED_S, _GRANTED_SHARE = 1.0, 0.2
"""How late an answer may come: a second or a fifth of the limit, whichever is more."""
_DIAGNOSIS_S = 0.2
"""Time that a diagnosis has even where the search has used up the limit."""
_AROUND_SEARCH = 2.5
"""Time around a search, building and verifying, per time of building."""


def solve(request: Request) -> Placement:
    """Plan a request and verify the plan.

    Raises:
        InputError: A name or a figure that the request needs is missing, or there is no such method.
        InternalError: The plan does not stand before the verifier.
    """
    began = time.perf_counter()
    chosen = method("exact" if request.method == AUTO else request.method, request.app.objective)
    requests = _variants_of(request)
    instances = [instance_of(each) for each in requests]
    if chosen.name not in METHODS_WITH_METRICS:
        refuse_metrics(instances[0], chosen.name)
    for each in instances if chosen.name not in GENERAL_METHODS else ():
        refuse_general(each, chosen.name)
    build_s = time.perf_counter() - began
    options = _with_time_left(request.options, build_s)
    instance, outcome = _solved(instances, chosen, options)
    until = diagnosed_until(request.options.time_limit_s, time.perf_counter() - began)
    diagnosis = _diagnosis(requests, instances, until) if outcome.status == "infeasible" else None
    provenance = Provenance(planner=__version__, method=chosen.name, inputs=dict(request.inputs))
    placement = placement_of(instance, outcome, provenance, build_s, diagnosis)
    gap = max(1e-6, request.options.gap)
    if violations := verify(placement, request.topology, request.pairs, gap, request.per_exit_thresholds):
        raise InternalError(violations)
    return placement


def _variants_of(request: Request) -> Sequence[Request]:
    """Return a request for each model and batch size that an app may choose; the request itself where there is one."""
    if len(request.pairs) == 1 and len(request.app.batch) == 1:
        return (request,)
    from planner.pipeline.variants import requests_of  # most apps choose nothing

    return requests_of(request)


def _solved(instances: Sequence[Instance], chosen: Method, options: Options) -> tuple[Instance, Outcome[Decision]]:
    """Solve the instance, or each variant of an app; return the one that is planned with the answer for all."""
    if len(instances) == 1:
        return instances[0], chosen.solve(instances[0], options)
    from planner.pipeline.variants import solve_variants

    return solve_variants(instances, chosen, options)


def _with_time_left(options: Options, build_s: float) -> Options:
    """Return the options with the time that building the arrays and verifying the plan leave of the limit.

    Verifying reads the whole topology once more, and takes somewhat longer than building. Half of the lateness that is
    granted may be used up by the two; the search keeps a quarter of the limit in any case.
    """
    if options.time_limit_s is None:
        return options
    granted_s = 0.5 * max(_GRANTED_S, _GRANTED_SHARE * options.time_limit_s)
    left_s = options.time_limit_s - max(0.0, _AROUND_SEARCH * build_s - granted_s)
    return replace(options, time_limit_s=max(left_s, 0.25 * options.time_limit_s))


def instance_of(request: Request) -> Instance:
    """Return the arrays of a request of one variant."""
    network = network_of(request.topology, request.prepared)
    instance = build_instance(request.app, request.model, network, request.per_exit_thresholds)
    return replace(instance, model=request.app.models[0]) if request.named else instance


def instances_of(request: Request) -> list[Instance]:
    """Return the arrays of every variant of a request; of the request itself where there is but one."""
    return [instance_of(each) for each in _variants_of(request)]


def diagnosed_until(time_limit_s: float | None, spent_s: float) -> Deadline:
    """Return when a diagnosis has to end: with the time limit, but not before the cheap part of it is done.

    Args:
        time_limit_s: Time limit of the whole request in seconds, None for none.
        spent_s: Seconds of it that are gone.
    """
    return Deadline.after(None if time_limit_s is None else max(time_limit_s - spent_s, _DIAGNOSIS_S))


def _diagnosis(requests: Sequence[Request], instances: Sequence[Instance], until: Deadline) -> Diagnosis:
    from planner.fin.diagnosis.diagnose import diagnose

    found = []
    for index, (request, instance) in enumerate(zip(requests, instances, strict=True)):
        share = until.fraction(1.0 / (len(instances) - index))
        everything = replace(request, app=request.app.model_copy(update={"min_accuracy": 0.0}))
        unpinned = np.broadcast_to(instance.blocks.can_run, instance.allowed.shape)
        found.append((instance.variant, diagnose(instance, instance_of(everything), unpinned, share)))
    if len(found) == 1:
        return found[0][1]
    from planner.pipeline.variants import joint_diagnosis

    return joint_diagnosis(instances[0].name, found)
