"""Planning of several apps together: schemas to arrays, a joint method, the placement, the verifier."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from planner.clear.allocation.plan import Plan
from planner.clear.diagnosis.diagnose import contradiction, no_room
from planner.clear.method import JointMethod, joint_method
from planner.clear.objectives.accuracy import best_accuracy
from planner.clear.objectives.metric import least_metric
from planner.clear.problem.instance import JointInstance, build_joint
from planner.clear.problem.joint_app import JointApp
from planner.errors import InternalError
from planner.fin.deadline import Deadline
from planner.fin.method import Options
from planner.fin.outcome import PROVED, Outcome
from planner.pipeline.joint_placement import joint_placement_of
from planner.pipeline.one_app import diagnosed_until
from planner.pipeline.prepared import network_of
from planner.pipeline.request import AUTO, PROVING, JointRequest
from planner.schemas.planning.placement import Diagnosis, Placement, Provenance
from planner.verifier.verify import verify
from planner.version import __version__


def solve_joint(request: JointRequest) -> Placement:
    """Plan all apps of a request together and verify the plan.

    Raises:
        InputError: A name or a figure that the request needs is missing, or there is no such method.
        InternalError: The plan does not stand before the verifier.
    """
    began = time.perf_counter()
    chosen = joint_method(PROVING if request.method == AUTO else request.method, request.objective)
    joint = joint_of(request)
    build_s = time.perf_counter() - began
    options = _with_time_left(request.options, build_s)
    outcome, diagnosis = _explained(request, joint, _outcome(joint, chosen, options), began, build_s)
    provenance = Provenance(planner=__version__, method=chosen.name, inputs=dict(request.inputs))
    placement = joint_placement_of(joint, outcome, provenance, build_s, diagnosis)
    gap, per_exit = max(1e-6, request.options.gap), request.per_exit_thresholds
    if violations := verify(placement, request.topology, request.apps, gap, per_exit, request.objective):
        raise InternalError(violations)
    return placement


def joint_of(request: JointRequest) -> JointInstance:
    """Return the arrays of a request; raise InputError where it cannot be planned together."""
    network = network_of(request.topology, request.prepared)
    return build_joint(request.apps, network, request.per_exit_thresholds, request.objective)


def _with_time_left(options: Options, build_s: float) -> Options:
    """Return the options with the time that building the arrays left of the limit, a quarter of it in any case."""
    if options.time_limit_s is None:
        return options
    return replace(options, time_limit_s=max(options.time_limit_s - build_s, 0.25 * options.time_limit_s))


def _outcome(joint: JointInstance, chosen: JointMethod, options: Options) -> Outcome[Plan]:
    """Ask the method, unless an app has no operating point that is accurate enough: then nothing is to be searched."""
    if not all(app.possible for app in joint.apps):
        return Outcome("infeasible", None, math.inf)
    if joint.objective == "accuracy":
        return best_accuracy(chosen, joint, options)
    if joint.objective in joint.network.metrics.names:
        return least_metric(chosen, joint, options)
    return chosen.solve(joint, options)


def _explained(
    request: JointRequest, joint: JointInstance, outcome: Outcome[Plan], began: float, build_s: float
) -> tuple[Outcome[Plan], Diagnosis | None]:
    """Say why there is no plan. The method that proves its answers is helped by other proofs where time is left."""
    limit_s, spent_s = request.options.time_limit_s, time.perf_counter() - began
    left_s = None if limit_s is None else limit_s - spent_s
    until = diagnosed_until(limit_s, spent_s)
    if outcome.status == "infeasible":
        return outcome, contradiction(joint, _all_points(request), until, until) or no_room(joint, until)
    if outcome.status == "unknown" and request.method in (AUTO, PROVING) and (left_s is None or left_s > build_s):
        diagnosis = contradiction(joint, _all_points(request), Deadline.after(left_s), until)
        if diagnosis is not None:
            return replace(outcome, status="infeasible", lower_bound=math.inf, termination=PROVED), diagnosis
    return outcome, None


def _all_points(request: JointRequest) -> tuple[JointApp, ...]:
    """Return every app with all operating points of its model."""
    relaxed = [(app.model_copy(update={"min_accuracy": 0.0}), model) for app, model in request.apps]
    return joint_of(replace(request, apps=tuple(relaxed))).apps
