"""Scenarios of an app: pairs of an operating point and the exit whose latency the deadline governs.

Without result routes the exits arrive in order of depth, so one exit governs: the first at which enough samples have
left. With them, any exit may be the deepest that is in time; all behind it are then given up as late.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Scenarios:
    """K pairs of an operating point and a governing exit."""

    point: Ints
    """(K,) operating point."""
    governing: Ints
    """(K,) exit that must be in time; -1 where the mean counts."""
    late_budget: Floats
    """(K,) fraction of samples that may leave late at exits before the governing one."""

    def take(self, keep: Ints | Bools) -> Scenarios:
        """Return some of the scenarios."""
        return Scenarios(self.point[keep], self.governing[keep], self.late_budget[keep])


def exits_have_own_deadlines(instance: Instance) -> bool:
    """Tell whether results travel, so that an earlier exit can be later than a deeper one."""
    several = ((instance.points.fraction > 0).sum(axis=1) > 1).any() if instance.points.count else False
    return instance.destination is not None and instance.statistic != "mean" and bool(several)


def scenarios_of(instance: Instance) -> Scenarios:
    """List what may govern the deadline of each operating point.

    Args:
        instance: The app.

    Returns:
        The scenarios in order of operating points, then of exits.
    """
    points = instance.points
    if instance.statistic == "mean" or points.count == 0:
        every = np.arange(points.count)
        return Scenarios(every, np.full(len(every), -1), np.zeros(len(every)))
    used = points.fraction > 0
    held = np.cumsum(points.fraction, axis=1)
    exits = np.arange(used.shape[1])
    last = used.shape[1] - 1 - np.argmax(used[:, ::-1], axis=1)
    enough = used & (exits == last[:, None])
    if instance.percentile is not None:
        enough |= used & (held >= instance.percentile - TOLERANCE)
    if not (exits_have_own_deadlines(instance) and np.isfinite(instance.limits.latency_s)):
        enough &= exits == np.argmax(enough, axis=1)[:, None]
    point, governing = np.nonzero(enough)
    needed = 1.0 if instance.percentile is None else instance.percentile
    # summed from behind, so that what leaves behind the last exit is 0 without rounding
    from_here = np.cumsum(np.where(used, points.fraction, 0.0)[:, ::-1], axis=1)[:, ::-1]
    behind = np.concatenate([from_here[:, 1:], np.zeros((points.count, 1))], axis=1)[point, governing]
    return Scenarios(point, governing, np.maximum(0.0, 1.0 - needed - behind))
