"""Requests of one app and of several: which way each goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clear.method import JOINT_METHODS
from fin.method import METHODS, Options
from planner.pipeline import AUTO, Request, solve
from schemas.model import Model
from schemas.placement import Placement
from schemas.problems import input_error
from schemas.topology import Topology
from schemas.workload import App


@dataclass(frozen=True)
class JointRequest:
    """Apps that are to be planned together, and how."""

    apps: tuple[tuple[App, Model], ...]
    topology: Topology
    method: str = AUTO
    options: Options = field(default_factory=Options)
    per_exit_thresholds: bool = False
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Hash of every input file, by its name."""


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
    if len(apps) == 1 and method not in (AUTO, *METHODS, *JOINT_METHODS):
        fix = f"use one of {', '.join(dict.fromkeys((AUTO, *METHODS, *JOINT_METHODS)))}"
        raise input_error("there is no such method", fix, path="method", value=method)
    if len(apps) == 1 and method in (AUTO, *METHODS):
        app, model = apps[0]
        return Request(app, model, topology, method, options, per_exit_thresholds, inputs)
    if method not in (AUTO, *JOINT_METHODS):
        fix = f"use one of {', '.join((AUTO, *JOINT_METHODS))}, or choose one app"
        raise input_error(f"the method does not plan {len(apps)} apps together", fix, path="method", value=method)
    return JointRequest(tuple(apps), topology, method, options, per_exit_thresholds, inputs)


def answer(request: AnyRequest) -> Placement:
    """Plan a request and verify the plan.

    Raises:
        InputError: A name or a figure that the request needs is missing, or there is no such method.
        InternalError: The plan does not stand before the verifier.
    """
    if isinstance(request, Request):
        return solve(request)
    from planner.joint_pipeline import solve_joint

    return solve_joint(request)
