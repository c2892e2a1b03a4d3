"""Relaxation without limits on path resources: its best plan is the answer where it keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from planner.fin.instance.decision import Decision, evaluate, within_limits
from planner.fin.instance.instance import Instance
from planner.fin.method import Options
from planner.fin.outcome import Outcome

_SHARE = 0.3
"""Share of the time limit that the relaxation may take."""


def without_path_limits(
    instance: Instance, options: Options, solve: Callable[[Instance, Options], Outcome[Decision]]
) -> Outcome[Decision] | None:
    """Solve the relaxation that drops every limit on a path resource, and see whether its answer holds without it.

    Args:
        instance: The app.
        options: Gap and time limit.
        solve: An exact method.

    Returns:
        The answer of the relaxation where it is proved, and its plan keeps the limits or there is none; None where
        nothing follows from it, or the app has no such limit.
    """
    limits = instance.limits
    if not limits.of_paths:
        return None
    for kind in limits.of_paths:
        limits = limits.without(kind)
    share_s = None if options.time_limit_s is None else _SHARE * options.time_limit_s
    found = solve(replace(instance, limits=limits), replace(options, time_limit_s=share_s))
    if found.status == "infeasible":
        return found
    if found.status != "optimal" or found.plan is None:
        return None
    return found if within_limits(instance, evaluate(instance, found.plan)) else None
