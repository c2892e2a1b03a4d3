"""The lower bound that comes with every answer: the higher one of two, at the best prices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from planner.clear.bounds.partial_lagrangian import QUICK, partial_lagrangian_bound
from planner.clear.column_generation import FEW_APPS, ColumnGeneration

_SLACK = 2e-3
"""Part of the bound that operating points may be left unlooked at for, over all apps."""


def lower_bound_w(search: ColumnGeneration) -> float:
    """Return a power that no plan is below, the highest bound that there is time for.

    The one in which sources choose by themselves (`clear.sources`) is the higher where many apps crowd few sources; the
    one that sells everything (`clear.proof`) needs all operating points, so it is left out where many apps let it gain
    little at best.
    """
    partial_bound = partial(partial_lagrangian_bound, search.joint, search.apps, search.prices, search.stop_at)
    lagrangian = partial(_lagrangian_bound_w, search)
    many = search.joint.count > FEW_APPS
    steps: list[Callable[[], float]] = [partial_bound, lagrangian] if many else [lagrangian, partial_bound]
    if np.isfinite(search.stop_at):  # what is quick comes first: it is all that counts where time runs out
        steps = [partial(_weak_bound_w, search), *([partial(partial_bound, QUICK)] if many else []), *steps]
    bound_w = 0.0
    for number, step in enumerate(steps):
        if number > 0 and search.late:
            break
        if step is lagrangian and many and bound_w >= search.best_w * (1.0 - _SLACK):
            continue
        bound_w = max(bound_w, step())
    return bound_w


def _weak_bound_w(search: ColumnGeneration) -> float:
    """Return the bound that sells all capacity, with all operating points of an app as one."""
    apps = (subproblem.weak_lower_bound(search.prices.of_app(app)) for app, subproblem in enumerate(search.apps))
    return search.prices.constant_w(search.joint) + sum(apps)


def _lagrangian_bound_w(search: ColumnGeneration) -> float:
    """Return the bound that sells all capacity; apps for which no time is left give a weaker one."""
    total_w = search.prices.constant_w(search.joint)
    reference = search.plan.power_w if search.plan is not None else max(search.best_w, 0.0)
    reference = reference if np.isfinite(reference) else 0.0
    effort = np.array([subproblem.effort for subproblem in search.apps])
    slack_w = _SLACK * reference * effort / effort.sum()
    for app, subproblem in enumerate(search.apps):
        seen = search.prices.of_app(app)
        total_w += (
            subproblem.weak_lower_bound(seen)
            if search.late
            else subproblem.lower_bound(seen, float(slack_w[app])).bound_w
        )
    return total_w
