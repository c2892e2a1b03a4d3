"""The lower bound that comes with every answer: the higher one of two, at the best prices."""

from __future__ import annotations

import numpy as np

from clear.search import Search
from clear.sources import bound_by_sources

_MANY_APPS = 13
_SLACK = 2e-3
"""Part of the bound that operating points may be left unlooked at for, over all apps."""


def lower_bound_w(search: Search) -> float:
    """Return a power that no plan is below.

    The one in which sources choose by themselves (`clear.sources`) is the higher where many apps crowd few sources; the
    one that sells everything (`clear.proof`) needs all operating points, so it is left out where many apps let it gain
    little at best.
    """
    by_sources = bound_by_sources(search.joint, search.apps, search.prices, search.stop_at)
    to_gain = _SLACK if search.joint.count >= _MANY_APPS else 0.0
    sold = _sold_w(search) if by_sources < search.best_w * (1.0 - to_gain) else 0.0
    return max(by_sources, sold, 0.0)


def _sold_w(search: Search) -> float:
    """Return the bound that sells all capacity; apps for which no time is left give a weaker one."""
    total_w = search.prices.constant_w(search.joint)
    reference = search.plan.power_w if search.plan is not None else max(search.best_w, 0.0)
    reference = reference if np.isfinite(reference) else 0.0
    effort = np.array([multipliers.effort for multipliers in search.apps])
    slack_w = _SLACK * reference * effort / effort.sum()
    for app, multipliers in enumerate(search.apps):
        seen = search.prices.of_app(app)
        total_w += multipliers.rough(seen) if search.late else multipliers.proved(seen, float(slack_w[app])).bound_w
    return total_w
