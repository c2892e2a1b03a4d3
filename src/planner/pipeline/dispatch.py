"""Planning of any request: one app goes to a method of FIN, several to a joint one."""

from __future__ import annotations

from planner.pipeline.one_app import instances_of, solve
from planner.pipeline.request import AnyRequest, Request
from planner.schemas.planning.placement import Placement


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
        instances_of(request)
        return
    from planner.pipeline.several_apps import joint_of

    joint_of(request)
