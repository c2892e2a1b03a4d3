"""The exact front of energy, latency and accuracy: every plan that no other one dominates.

One plan dominates another if it is no worse in energy, latency and accuracy, and better in one of them. Operating
points are finitely many, so accuracies are: a front in three dimensions is a stack of fronts in two. The most accurate
level comes first, and each level is walked by the epsilon-constraint method (Haimes, Lasdon and Wismer, IEEE Trans.
SMC 1(3), 1971), from late to early, with an exact search at every step:

1. The least energy ``e`` within the latency ``ceiling``, proved. If a known point (at least as accurate) takes no more
   than ``e`` and is done by ``l' <= ceiling``, then every plan of the level between ``l'`` and the ceiling takes at
   least ``e`` and is dominated by it: the ceiling drops below ``l'``.
2. Else the least latency ``l`` among plans of energy ``e``, proved, by the same search where it breaks ties by latency:
   ties in energy are broken, so the point is not dominated within its level, and no known point dominates it, so it
   belongs to the front. Plans of the level between ``l`` and the ceiling take at least ``e`` and are dominated: the
   ceiling drops below ``l``.

Nothing between two ceilings is skipped undominated, and the walk ends only where no plan is left below the ceiling
(proved infeasible), so no point is missing. Points found later are less accurate, or earlier and costlier, so a point
once found stays. Many levels (designed operating points) are walked as one group first; while known points dominate
all that the group has, its ceiling drops for all of them, and the group is halved only where a plan of it stands out.

Sums of floating-point numbers bound what "equal" can mean: figures within a relative 1e-8 (`RESOLUTION`) of each other
count as equal. For every plan within the limits, a point of the front is no worse in any respect by more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planner.errors import InternalError
from planner.fin.deadline import Deadline
from planner.fin.graph.scenarios import exits_have_own_deadlines
from planner.fin.instance.decision import Decision, Evaluation, evaluate
from planner.fin.instance.instance import Instance
from planner.fin.method import Method, Options, method
from planner.fin.outcome import Outcome
from planner.pipeline.one_app import instances_of, solve
from planner.pipeline.placement import placement_of
from planner.pipeline.request import Request
from planner.pipeline.variants import solve_variants
from planner.schemas.planning.front import Front, FrontPoint, FrontStatus
from planner.schemas.planning.placement import Provenance
from planner.schemas.reading.quantities import format_quantity
from planner.verifier.verify import verify
from planner.version import __version__

RESOLUTION = 1e-8
"""Relative difference below which figures count as equal; above the tolerances of limits and of the search."""
_ABOVE, _BELOW = 1.0 + RESOLUTION, 1.0 - RESOLUTION

Watch = Callable[[int, float], None]
"""Told the number of points found and the accuracy that is being searched."""


class StoppedError(Exception):
    """A limit came before the front was complete; the text says which plans were not looked at."""


def pareto(
    request: Request,
    most_points: int | None = None,
    time_limit_s: float | None = None,
    watch: Watch = lambda found, accuracy: None,
) -> Front:
    """Find the front of a request's app; where the app has no least accuracy, all accuracies are of interest.

    Args:
        request: The app with its model, topology and limits; its objective, method and options do not matter.
        most_points: Stop with a partial front after this number of points (count).
        time_limit_s: Stop with a partial front after this time in seconds.
        watch: Told of progress before every search.

    Returns:
        The front, each point a verified placement; `status` tells whether it is proved complete.

    Raises:
        InputError: A name or a figure that the request needs is missing.
        InternalError: A plan does not stand before the verifier.
    """
    request = for_front(request, "energy")
    variants = instances_of(request)
    walk = _Walk(variants, most_points, Deadline.after(time_limit_s), watch)
    message = ""
    try:
        levels = np.unique(np.concatenate([each.points.accuracy for each in variants]))[::-1].tolist()
        walk.scan(levels, variants[0].limits.latency_s)
    except StoppedError as stopped:
        message = str(stopped)
    return _front(request, walk, message)


def for_front(request: Request, objective: str) -> Request:
    """Return a request for the exact method, with all accuracies of interest where none is asked for.

    Args:
        request: What the front is of.
        objective: Figure that every search minimises.
    """
    least = 0.0 if request.app.min_accuracy is None else request.app.min_accuracy
    return replace(request.asking(min_accuracy=least, objective=objective), method="exact")


@dataclass(frozen=True)
class _Found:
    """A point of the front."""

    accuracy: float
    outcome: Outcome[Decision]
    cost: Evaluation
    instance: Instance
    """The app with the operating points of this accuracy, which the decision's indices are of."""


@dataclass
class _Walk:
    """The points found so far, and the search that finds more."""

    variants: Sequence[Instance]
    most_points: int | None
    deadline: Deadline
    watch: Watch
    found: list[_Found] = field(default_factory=list)
    searches: int = 0
    exact: Method = field(default_factory=lambda: method("exact"))

    def scan(self, levels: Sequence[float], ceiling_s: float) -> None:
        """Find all points of some accuracies (falling) that take at most `ceiling_s`; more accurate ones are known."""
        if not levels:
            return
        group = within_accuracies(self.variants, levels[-1], levels[0])
        while ceiling_s >= 0.0:
            cheapest = self._search([each.with_limits(latency_s=ceiling_s) for each in group], levels[0], ceiling_s)
            if cheapest is None:
                return
            energy_j = cheapest.cost.energy_j
            covered_s = self._covered_from(energy_j)
            if covered_s <= ceiling_s and np.isfinite(covered_s):
                ceiling_s = _next_below(covered_s)
            elif len(levels) > 1:
                half = len(levels) // 2
                self.scan(levels[:half], ceiling_s)
                self.scan(levels[half:], ceiling_s)
                return
            else:
                ceiling_s = _next_below(self._add(group, cheapest, ceiling_s, covered_s))

    def _covered_from(self, energy_j: float) -> float:
        """Return the latency from which on known points dominate every plan of at least this energy (s)."""
        return min((f.cost.latency_s for f in self.found if f.cost.energy_j <= energy_j * _ABOVE), default=np.inf)

    def _add(self, level: Sequence[Instance], cheapest: _Found, ceiling_s: float, covered_s: float) -> float:
        """Break ties in energy by latency, keep the point unless it is a known one; return its latency in seconds."""
        energy_j, accuracy = cheapest.cost.energy_j, cheapest.accuracy
        earliest = None
        if not quickest_of_ties(level):
            tied = [replace(each, minimise="latency") for each in level]
            tied = [each.with_limits(latency_s=ceiling_s, energy_j=energy_j) for each in tied]
            earliest = self._search(tied, accuracy, ceiling_s)
        point = min((each for each in (cheapest, earliest) if each is not None), key=lambda each: each.cost.latency_s)
        if not covered_s <= point.cost.latency_s * _ABOVE:
            if self.most_points is not None and len(self.found) >= self.most_points:
                raise StoppedError(_left(f"stopped after {self.most_points} points", accuracy, ceiling_s))
            bound = min(cheapest.outcome.lower_bound, point.cost.energy_j)
            outcome = Outcome("optimal", point.outcome.plan, bound)
            unlimited = replace(point.instance, minimise="energy", limits=self.variants[0].limits)
            self.found.append(_Found(accuracy, outcome, point.cost, unlimited))
        return point.cost.latency_s

    def _search(self, variants: Sequence[Instance], accuracy: float, ceiling_s: float) -> _Found | None:
        """Return a proved optimum of all variants, None where it is proved that there is no plan; else stop."""
        self.watch(len(self.found), accuracy)
        left_s = self.deadline.remaining_s
        if left_s <= 0.0:
            raise StoppedError(_left("the time limit came", accuracy, ceiling_s))
        self.searches += 1
        options = Options(time_limit_s=left_s if np.isfinite(left_s) else None)
        instance, outcome = solve_variants(variants, self.exact, options)
        if outcome.status in ("feasible", "unknown"):
            raise StoppedError(_left(outcome.termination.detail, accuracy, ceiling_s))
        if outcome.plan is None:
            return None
        return _Found(accuracy, outcome, evaluate(instance, outcome.plan), instance)


def quickest_of_ties(variants: Sequence[Instance]) -> bool:
    """Tell whether the exact search returns the quickest of the plans that tie in another figure.

    Beyond chains, labels that tie may be dropped; where exits have deadlines of their own, latency is no sum.

    Args:
        variants: The app with each of its alternatives.
    """
    return all(each.is_plain and not exits_have_own_deadlines(each) for each in variants)


def within_accuracies(variants: Sequence[Instance], least: float, most: float) -> list[Instance]:
    """Restrict variants to their operating points of some accuracies, both bounds included.

    Args:
        variants: At least one of them has such a point.
        least: Least accuracy (fraction).
        most: Largest accuracy (fraction).

    Returns:
        Variants with these points alone, without the variants that have none of them.
    """
    kept = [(each, (each.points.accuracy >= least) & (each.points.accuracy <= most)) for each in variants]
    return [each if mask.all() else each.only_points(mask) for each, mask in kept if mask.any()]


def _next_below(latency_s: float) -> float:
    """Return the next ceiling in seconds; negative where nothing can be earlier."""
    return latency_s * _BELOW if latency_s > 0.0 else -1.0


def _left(why: str, accuracy: float, ceiling_s: float) -> str:
    """Say which part of the front was not searched."""
    at = f"accuracy {accuracy:.4g}" + (
        f" and at most {format_quantity(ceiling_s, 's')}" if np.isfinite(ceiling_s) else ""
    )
    return f"{why}; missing are points of {at}, and those of less accuracy"


def _front(request: Request, walk: _Walk, message: str) -> Front:
    """Write what was found as a verified front."""
    points = tuple(front_point(request, found.instance, found.outcome) for found in walk.found)
    points = tuple(sorted(points, key=lambda point: (-(point.accuracy or 0.0), point.energy_j)))
    status: FrontStatus = ("partial" if points else "unknown") if message else "complete" if points else "infeasible"
    return Front(
        status=status,
        message=message,
        app=request.app.name,
        latency=request.app.latency,
        resolution=RESOLUTION,
        points=points,
        searches=walk.searches,
        diagnosis=solve(request).diagnosis if status == "infeasible" else None,
        provenance=Provenance(planner=__version__, method="pareto", inputs=dict(request.inputs)),
    )


def front_point(request: Request, instance: Instance, outcome: Outcome[Decision]) -> FrontPoint:
    """Write an optimum as a verified point of a front.

    Args:
        request: What the front is of.
        instance: The app with the operating points that the decision's indices are of.
        outcome: The optimum.

    Returns:
        The point, with a placement that states no times.

    Raises:
        InternalError: The plan does not stand before the verifier.
    """
    provenance = Provenance(planner=__version__, method="pareto", inputs=dict(request.inputs))
    # times differ from run to run, and a front is the same in each
    placement = placement_of(instance, outcome, provenance, 0.0, None).model_copy(update={"timing": None})
    if violations := verify(
        placement, request.topology, request.pairs, per_exit_thresholds=request.per_exit_thresholds
    ):
        raise InternalError(violations)
    plan = placement.apps[0]
    return FrontPoint(energy_j=plan.energy_j, latency_s=plan.latency_s, accuracy=plan.accuracy, placement=placement)
