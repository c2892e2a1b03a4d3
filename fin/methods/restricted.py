"""Baselines beyond chains: the exact search over the placements that a baseline allows, one after the other.

With every block's node given, what is left is the choice of routes and of the operating point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from planner.fin.exact.method import Exact
from planner.fin.instance.decision import Decision, evaluate, objective_of
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools
from planner.fin.method import Options
from planner.fin.methods.bounds import HeuristicRun
from planner.fin.outcome import Outcome


def solve_restricted(instance: Instance, options: Options, cuts: Bools, nothing: str) -> Outcome[Decision]:
    """Search the placements with the first blocks on the source and the others on one node, each exactly.

    Args:
        instance: The app.
        options: Gap and time limit.
        cuts: (L, N) allowed numbers of blocks on the source, with the node of the others.
        nothing: What to say where there is no such plan.

    Returns:
        The best plan found, or none and the reason, with a lower bound on the objective in its own unit.
    """
    run = HeuristicRun(instance, options)
    lower_bound = floor_of(instance)
    for some in _placements(instance, cuts):
        if run.time_is_up():
            break
        found = Exact().solve(some, Options(time_limit_s=_left(run)))
        if found.plan is not None:
            run.offer(found.plan)
    return run.outcome(lower_bound, nothing)


def _left(run: HeuristicRun) -> float | None:
    limit_s = run.options.time_limit_s
    return None if limit_s is None else max(0.0, limit_s)


def _placements(instance: Instance, cuts: Bools) -> Iterator[Instance]:
    """Yield the app with every block on its node only, for each number of blocks on the source and each node."""
    depths = np.unique(instance.points.depth)
    for cut, node in zip(*np.nonzero(cuts), strict=True):
        hosts = np.zeros_like(instance.allowed)
        hosts[:cut, instance.source] = True
        hosts[cut:, node] = True
        allowed = instance.allowed & hosts
        some = replace(instance, allowed=allowed)
        if (depths > cut).any() and allowed[: int(depths.min())].any(axis=1).all():
            yield some


def floor_of(instance: Instance) -> float:
    """Return a lower bound on the objective of every plan: the exact search's first one.

    Args:
        instance: The app.
    """
    found = Exact().solve(instance, Options(gap=0.5, time_limit_s=5.0))
    if found.plan is not None:
        return min(found.lower_bound, objective_of(instance, evaluate(instance, found.plan)))
    return found.lower_bound
