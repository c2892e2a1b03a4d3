"""The exact front of two figures of energy, latency, accuracy and metrics: every plan that no other one dominates.

The first figure is minimised within a ceiling of the second one, which then drops below the plan found, until no plan
is left (epsilon-constraint method: Haimes, Lasdon and Wismer, IEEE Trans. SMC 1(3), 1971). Of the plans that are best
in the first figure, the one that is best in the second is taken, so every point belongs to the front, and every search
is proved, so none is missing. Accuracy is the second figure wherever it is one of the two: its levels are those of the
operating points, and its floor rises above the accuracy of each plan found. Else latency is, if it is one of the two:
searches prefer the quickest of plans that tie, so one finds a point where other figures take two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Decision, Evaluation, evaluate
from planner.fin.instance.instance import Instance
from planner.fin.method import Options, method
from planner.fin.outcome import Outcome
from planner.pipeline.one_app import instances_of, solve
from planner.pipeline.pareto import (
    RESOLUTION,
    StoppedError,
    Watch,
    for_front,
    front_point,
    quickest_of_ties,
    within_accuracies,
)
from planner.pipeline.request import Request
from planner.pipeline.variants import solve_variants
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
    """Find the front of two figures; where the app has no least accuracy, all accuracies are of interest.

    Args:
        request: The app with its model, topology and limits; its objective, method and options do not matter.
        axes: Two of energy, latency, accuracy and the metrics of the topology.
        most_points: Stop with a partial front after this number of points (count).
        time_limit_s: Stop with a partial front after this time in seconds.
        watch: Told of progress before every search.

    Returns:
        The front, each point a verified placement; `status` tells whether it is proved complete.

    Raises:
        InputError: A name or a figure that the request needs is missing, or the axes are not two different figures.
        InternalError: A plan does not stand before the verifier.
    """
    first, second = _checked(request, axes)
    request = for_front(request, first)
    walk = _Walk(instances_of(request), second, most_points, Deadline.after(time_limit_s), watch)
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
    backwards = first == "accuracy" or (first == "latency" and second != "accuracy")
    return (second, first) if backwards else (first, second)


@dataclass(frozen=True)
class _Found:
    """An optimum of all variants: the variant that it is of, and what it costs."""

    instance: Instance
    outcome: Outcome[Decision]
    cost: Evaluation


@dataclass
class _Walk:
    """The points found so far, and the searches that find more."""

    variants: Sequence[Instance]
    second: str
    most_points: int | None
    deadline: Deadline
    watch: Watch
    found: list[tuple[Instance, Outcome[Decision], float]] = field(default_factory=list)
    """Instances with their optima, and the first figure of each."""
    searches: int = 0

    def over_sums(self) -> None:
        """Walk down a second figure that is a sum."""
        first, second = self.variants[0].minimise, self.second
        one_search = second == "latency" and quickest_of_ties(self.variants)
        ceiling = self.variants[0].limits.most(second)
        while ceiling >= 0.0:
            within = [each.limited(second, ceiling) for each in self.variants]
            best = self._search(within)
            if best is None:
                return
            value = best.cost.figure(first)
            quicker = [] if one_search else [replace(each.limited(first, value), minimise=second) for each in within]
            other = self._search(quicker)
            point = min((each for each in (best, other) if each is not None), key=lambda each: each.cost.figure(second))
            outcome = Outcome("optimal", point.outcome.plan, min(best.outcome.lower_bound, point.cost.figure(first)))
            held = replace(point.instance, minimise=first, limits=within[0].limits)
            self._add(held, outcome, point.cost.figure(first))
            reached = point.cost.figure(second)
            ceiling = reached * _BELOW if reached > 0.0 else -1.0

    def over_accuracies(self) -> None:
        """Walk up the accuracies of operating points."""
        floor = -np.inf
        while within := within_accuracies(self.variants, float(np.nextafter(floor, np.inf)), np.inf):
            best = self._search(within)
            if best is None:
                return
            value = best.cost.figure(best.instance.minimise)
            outcome = replace(best.outcome, lower_bound=min(best.outcome.lower_bound, value))
            self._add(best.instance, outcome, value)
            floor = best.cost.accuracy

    def _add(self, instance: Instance, outcome: Outcome[Decision], value: float) -> None:
        """Add a point, better in the second figure than those before; the last one goes if it is no better at all."""
        if self.found and value <= self.found[-1][2] * _ABOVE:
            self.found.pop()
        if self.most_points is not None and len(self.found) >= self.most_points:
            message = f"stopped after {self.most_points} points; missing are points of better {self.second}"
            raise StoppedError(message)
        self.found.append((instance, outcome, value))

    def _search(self, variants: Sequence[Instance]) -> _Found | None:
        """Return a proved optimum of all variants, None where it is proved that there is no plan; else stop."""
        some = [each for each in variants if each.points.count]
        if not some:
            return None
        self.watch(len(self.found), max(float(each.points.accuracy.max()) for each in some))
        left_s = self.deadline.remaining_s
        if left_s <= 0.0:
            raise StoppedError(f"the time limit came; missing are points of better {self.second}")
        self.searches += 1
        options = Options(time_limit_s=left_s if np.isfinite(left_s) else None)
        instance, outcome = solve_variants(some, method("exact"), options)
        if outcome.status in ("feasible", "unknown"):
            raise StoppedError(f"{outcome.termination.detail}; missing are points of better {self.second}")
        return None if outcome.plan is None else _Found(instance, outcome, evaluate(instance, outcome.plan))


def _front(request: Request, axes: tuple[str, ...], walk: _Walk, message: str) -> Front:
    """Write what was found as a verified front, by the first axis: the least energy, latency or metric comes first.

    Points that rise in one sum fall in the other.
    """
    found = sorted(walk.found, key=lambda row: row[2], reverse=axes[0] == walk.second == "latency")
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
