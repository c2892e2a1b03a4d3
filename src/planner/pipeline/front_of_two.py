"""The exact front of two figures of energy, latency, accuracy and metrics: every plan that no other one dominates.

The first figure is minimised within a ceiling of the second one, which then drops below the plan found, until no plan
is left (epsilon-constraint method: Haimes, Lasdon and Wismer, IEEE Trans. SMC 1(3), 1971). Of the plans that are best
in the first figure, the one that is best in the second is taken, so every point belongs to the front, and every search
is proved, so none is missing. Accuracy is the second figure wherever it is one of the two: its levels are those of the
operating points, and its floor rises above the accuracy of each plan found.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Decision, evaluate
from planner.fin.instance.instance import Instance
from planner.fin.method import Options, method
from planner.fin.outcome import Outcome
from planner.pipeline.one_app import instance_of, solve
from planner.pipeline.pareto import RESOLUTION, StoppedError, Watch, for_front, front_point
from planner.pipeline.request import Request
from planner.schemas.planning.front import Front, FrontStatus
from planner.schemas.planning.placement import Provenance
from planner.schemas.reading.problems import input_error
from planner.version import __version__

_ABOVE, _BELOW = 1.0 + RESOLUTION, 1.0 - RESOLUTION


def front_of_two(
    request: Request,
    axes: tuple[str, ...],
    most_points: int | None = None,
    time_limit_s: float | None = None,
    watch: Watch = lambda found, accuracy: None,
) -> Front:
    """Return the front of two figures; where the app has no least accuracy, all accuracies are of interest.

    Args:
        request: The app with its model, topology and limits; its objective, method and options do not matter.
        axes: Two of energy, latency, accuracy and the metrics of the topology.
        most_points: Stop with a partial front after this number of points (count).
        time_limit_s: Stop with a partial front after this time in seconds.
        watch: Told of progress before every search.

    Raises:
        InputError: A name or a figure that the request needs is missing, or the axes are not two different figures.
        InternalError: A plan does not stand before the verifier.
    """
    first, second = _checked(request, axes)
    request = for_front(request, first)
    instance = instance_of(request)
    walk = _Walk(instance, second, most_points, Deadline.after(time_limit_s), watch)
    message = ""
    try:
        walk.over_accuracies() if second == "accuracy" else walk.over_sums()
    except StoppedError as stopped:
        message = str(stopped)
    return _front(request, axes, walk, message)


def _checked(request: Request, axes: tuple[str, ...]) -> tuple[str, str]:
    """Return the figure that is minimised and the one that is bounded."""
    known = ("energy", "latency", "accuracy", *(metric.name for metric in request.topology.metrics))
    for name in axes:
        if name not in known:
            fix = f"use two of {', '.join(known)}"
            raise input_error("this is no figure that plans could be compared by", fix, path="axes", value=name)
    if len(axes) != 2 or axes[0] == axes[1]:
        fix = f"name two of {', '.join(known)}, such as energy,latency"
        raise input_error("a front is of two different figures, or of all three by default", fix, path="axes")
    first, second = axes
    return (second, first) if first == "accuracy" else (first, second)


@dataclass
class _Walk:
    """The points found so far, and the searches that find more."""

    instance: Instance
    second: str
    most_points: int | None
    deadline: Deadline
    watch: Watch
    found: list[tuple[Instance, Outcome[Decision], float]] = field(default_factory=list)
    """Instances with their optima, and the first figure of each."""
    searches: int = 0

    def over_sums(self) -> None:
        """Walk down a second figure that is a sum."""
        first, second = self.instance.minimise, self.second
        ceiling = self.instance.limits.most(second)
        while ceiling >= 0.0:
            within = self.instance.limited(second, ceiling)
            best = self._search(within)
            if best is None or best.plan is None:
                return
            value = evaluate(within, best.plan).figure(first)
            tied = replace(within.limited(first, value), minimise=second)
            other = self._search(tied)
            plans = [best.plan, *([other.plan] if other is not None and other.plan is not None else [])]
            costs = [(evaluate(within, plan), plan) for plan in plans]
            cost, plan = min(costs, key=lambda pair: pair[0].figure(second))
            bound = min(best.lower_bound, cost.figure(first))
            self._add(within, Outcome("optimal", plan, bound), cost.figure(first))
            reached = cost.figure(second)
            ceiling = reached * _BELOW if reached > 0.0 else -1.0

    def over_accuracies(self) -> None:
        """Walk up the accuracies of operating points."""
        accuracy = self.instance.points.accuracy
        floor = -np.inf
        while (accuracy > floor).any():
            within = self.instance.only_points(accuracy > floor)
            best = self._search(within)
            if best is None or best.plan is None:
                return
            value = evaluate(within, best.plan).figure(within.minimise)
            if self.found and value <= self.found[-1][2] * _ABOVE:  # as good and more accurate
                self.found.pop()
            self._add(within, replace(best, lower_bound=min(best.lower_bound, value)), value)
            floor = float(within.points.accuracy[best.plan.point])

    def _add(self, instance: Instance, outcome: Outcome[Decision], value: float) -> None:
        if self.most_points is not None and len(self.found) >= self.most_points:
            message = f"stopped after {self.most_points} points; missing are points of better {self.second}"
            raise StoppedError(message)
        self.found.append((instance, outcome, value))

    def _search(self, instance: Instance) -> Outcome[Decision] | None:
        """Return a proved optimum, None where it is proved that there is no plan; else stop."""
        if instance.points.count == 0:
            return None
        self.watch(len(self.found), float(instance.points.accuracy.max()))
        left_s = self.deadline.remaining_s
        if left_s <= 0.0:
            raise StoppedError(f"the time limit came; missing are points of better {self.second}")
        self.searches += 1
        options = Options(time_limit_s=left_s if np.isfinite(left_s) else None)
        outcome = method("exact").solve(instance, options)
        if outcome.status in ("feasible", "unknown"):
            raise StoppedError(f"{outcome.termination.detail}; missing are points of better {self.second}")
        return None if outcome.status == "infeasible" else outcome


def _front(request: Request, axes: tuple[str, ...], walk: _Walk, message: str) -> Front:
    """Write what was found as a verified front, by rising first figure."""
    found = sorted(walk.found, key=lambda row: row[2])
    points = tuple(front_point(request, instance, outcome) for instance, outcome, _ in found)
    status: FrontStatus = ("partial" if points else "unknown") if message else "complete" if points else "infeasible"
    return Front(
        status=status,
        message=message,
        app=request.app.name,
        latency=request.app.latency,
        axes=axes,
        resolution=RESOLUTION,
        points=points,
        searches=walk.searches,
        diagnosis=solve(request).diagnosis if status == "infeasible" else None,
        provenance=Provenance(planner=__version__, method="pareto", inputs=dict(request.inputs)),
    )
