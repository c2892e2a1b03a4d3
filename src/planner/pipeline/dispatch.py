"""Requests of one app and of several: which way each goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planner.clear.method import JOINT_METHODS
from planner.fin.method import METHODS, Options
from planner.pipeline.joint_request import JointRequest
from planner.pipeline.one_app import AUTO, Request, instance_of, solve
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import Placement
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.workload import App
from planner.schemas.reading.problems import input_error

AnyRequest = Request | JointRequest


def request_of(
    apps: Sequence[tuple[App, Model]],
    topology: Topology,
    method: str,
    options: Options,
    per_exit_thresholds: bool,
    inputs: Mapping[str, str],
) -> AnyRequest:
    """Return the request: several apps are planned together; one is, where only a joint method has that name.

    Raises:
        InputError: There is no such method, or none for so many apps.
    """
    if len(apps) > 1 or method not in (AUTO, *METHODS):
        _check_method(len(apps), method)
        return JointRequest(tuple(apps), topology, method, options, per_exit_thresholds, inputs)
    app, model = apps[0]
    return Request(app, model, topology, method, options, per_exit_thresholds, inputs)


def _check_method(apps: int, method: str) -> None:
    """Raise InputError unless a method plans so many apps together."""
    if method in (AUTO, *JOINT_METHODS):
        return
    if apps > 1 and method in METHODS:
        fix = f"use one of {', '.join((AUTO, *JOINT_METHODS))}, or choose one of the apps"
        raise input_error(f"the method plans one app, and there are {apps}", fix, path="method", value=method)
    names = (AUTO, *JOINT_METHODS) if apps > 1 else dict.fromkeys((AUTO, *METHODS, *JOINT_METHODS))
    raise input_error("there is no such method", f"use one of {', '.join(names)}", path="method", value=method)


def together(request: AnyRequest) -> bool:
    """Tell whether a request goes to a joint method."""
    return isinstance(request, JointRequest)


def methods_for(request: AnyRequest) -> tuple[str, ...]:
    """Return every method that a request can go to."""
    return JOINT_METHODS if isinstance(request, JointRequest) else METHODS


def answer(request: AnyRequest) -> Placement:
    """Plan a request and verify the plan.

    Raises:
        InputError: A name or a figure that the request needs is missing, or there is no such method.
        InternalError: The plan does not stand before the verifier.
    """
    if isinstance(request, Request):
        return solve(request)
    from planner.pipeline.several_apps import solve_joint

    return solve_joint(request)


def check_names(request: AnyRequest) -> None:
    """Resolve every name of a request before anything runs; raise InputError with all that are wrong."""
    if isinstance(request, Request):
        instance_of(request)
        return
    from planner.pipeline.several_apps import joint_of

    joint_of(request)
