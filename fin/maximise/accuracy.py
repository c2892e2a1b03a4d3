"""Most accurate operating point of one app within its limits, proved: bisection over the accuracies that points offer.

Whether some plan with a point of at least a given accuracy keeps the limits is one search over those points. Of the
plans that are as accurate as the best one, the one of least energy is returned.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools
from planner.fin.method import Method, Options
from planner.fin.methods.integer_program import IntegerProgram
from planner.fin.outcome import PROVED, Outcome, Termination
from planner.schemas.planning.placement import Status

_TIE = 1e-9
"""Relative difference within which two accuracies count as equal."""
_ANY_PLAN = 1.0
"""Gap with which a search ends at its first plan."""


class BestAccuracy:
    """Bisection over accuracies, each step a search over the points that are accurate enough."""

    name = "exact"
    description = "most accurate plan, with proof (default)"

    def __init__(self, oracle: Method | None = None) -> None:
        self._oracle = oracle or Exact()

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app most accurately; optimal unless the time limit comes first.

        Args:
            instance: The app.
            options: Gap and time limit.

        Returns:
            The plan; the bound is the negative of the largest accuracy that is not ruled out.
        """
        began, until = time.perf_counter(), Deadline.after(options.time_limit_s)
        accuracy = instance.points.accuracy
        levels = np.unique(accuracy)
        reached, open_to = -1, len(levels) - 1  # plans are held up to one level, and ruled out above another
        held: Decision | None = None
        termination = PROVED
        while reached < open_to and (
            held is None or levels[reached] < levels[open_to] * (1.0 - max(options.gap, _TIE))
        ):
            middle = 0 if held is None else (reached + open_to + 1) // 2
            found = self._of_points(instance, accuracy >= levels[middle], _ANY_PLAN, until)
            if found.plan is not None:
                held = found.plan
                reached = int(np.searchsorted(levels, accuracy[held.point]))
            elif found.status == "infeasible":
                open_to = middle - 1
            else:
                termination = found.termination
                break
        if held is not None and termination.proved and not until.expired:
            enough = accuracy >= levels[reached] * (1.0 - _TIE)
            held = self._of_points(instance, enough, options.gap, until).plan or held
        bound = -float(levels[open_to]) if open_to >= 0 else np.inf
        return _outcome(held, bound, termination, began)

    def _of_points(self, instance: Instance, mask: Bools, gap: float, until: Deadline) -> Outcome[Decision]:
        """Search the plans of least energy over some operating points; the plan's point is that of the instance."""
        some = replace(instance.only_points(mask), minimise="energy")
        found = self._oracle.solve(some, Options(gap=gap, time_limit_s=until.limit_s))
        if found.plan is None:
            return found
        return replace(found, plan=replace(found.plan, point=int(np.flatnonzero(mask)[found.plan.point])))


def _outcome(held: Decision | None, bound: float, termination: Termination, began: float) -> Outcome[Decision]:
    status: Status = "optimal" if termination.proved else "feasible"
    if held is None:
        status = "infeasible" if termination.proved else "unknown"
    return Outcome(status, held, bound, termination, search_s=time.perf_counter() - began)


class BestAccuracyByProgram(BestAccuracy):
    """The same bisection, each step an integer program per operating point."""

    name = "ilp"
    description = "most accurate plan by integer programs over places and links (HiGHS)"

    def __init__(self) -> None:
        super().__init__(IntegerProgram())
