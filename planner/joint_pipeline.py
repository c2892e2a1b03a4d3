"""The way of a request of several apps: schemas to arrays, a joint method, the placement, the verifier."""

from __future__ import annotations

import time

from clear.joint import Joint, build_joint
from clear.method import joint_method
from clear.packages import expand
from fin.network import build_network
from planner.errors import InternalError
from planner.joint_answer import joint_placement_of
from planner.pipeline import AUTO
from planner.requests import JointRequest
from planner.verify import verify
from planner.version import __version__
from schemas.placement import Diagnosis, Placement, Provenance


def solve_joint(request: JointRequest) -> Placement:
    """Plan all apps of a request together and verify the plan.

    Raises:
        InputError: A name or a figure that the request needs is missing, or there is no such method.
        InternalError: The plan does not stand before the verifier.
    """
    began = time.perf_counter()
    chosen = joint_method("clear" if request.method == AUTO else request.method)
    joint = joint_of(request)
    build_s = time.perf_counter() - began
    outcome = chosen.solve(joint, request.options)
    diagnosis = _diagnosis(joint) if outcome.status == "infeasible" else None
    provenance = Provenance(planner=__version__, method=chosen.name, inputs=dict(request.inputs))
    placement = joint_placement_of(joint, outcome, provenance, build_s, diagnosis)
    if violations := verify(placement, request.topology, request.apps, max(1e-6, request.options.gap)):
        raise InternalError(violations)
    return placement


def joint_of(request: JointRequest) -> Joint:
    """Return the arrays of a request."""
    network = build_network(*expand(request.topology))
    return build_joint(request.apps, network, request.per_exit_thresholds)


def _diagnosis(joint: Joint) -> Diagnosis:
    return Diagnosis(summary="no plan serves all apps together", limits=())
