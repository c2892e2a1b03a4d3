"""Lagrangian bounds of one operating point: limits are priced, and hosts that no better plan can use are dropped.

The multiplier of one limit at a time is raised along the intersections of the least paths (LARAC: Handler and Zang,
Networks 10, 1980), the others held; any multipliers give a valid bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.fin.dataflow.elimination import (
    Scopes,
    Sweep,
    choose_scopes,
    least_path,
    marginals,
    relaxed_figures,
    sweep,
)
from planner.fin.dataflow.problem import PointProblem
from planner.fin.deadline import Deadline
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Floats, Ints

_STEPS = 12
_CLIMB, _CLIMB_AGAIN = 100, 10
"""Subgradient steps at most: from nothing, and from multipliers of the same point with other hosts or tables."""
_ROUNDS = 3
_SAME = 1e-9
_ROUNDING = 1e-11

Offer = Callable[[PointProblem, Ints, Floats], None]
"""Takes the places of a path among the hosts, and the weights that it is least at."""


@dataclass(frozen=True)
class Bound:
    """A weighted sum of figures that plans of interest keep below a threshold."""

    swept: Sweep
    constant: float
    """What the limits at their multipliers take off the weighted sum."""
    most: float
    """Threshold of a weighted sum of one limited figure; infinite where the cutoff is the threshold."""

    def threshold(self, cutoff: float) -> float:
        """Return the largest weighted sum of interest, with room for rounding."""
        most = self.most if np.isfinite(self.most) else cutoff + self.constant
        return most + _ROUNDING * (abs(most) + self.constant)

    @property
    def lower_bound(self) -> float:
        """Lower bound on the objective; minus infinity for a bound on another figure."""
        return -np.inf if np.isfinite(self.most) else self.swept.least - self.constant


@dataclass(frozen=True, eq=False)
class Bounded:
    """A problem with bounds over its scopes; the first one is the tightest on the objective."""

    problem: PointProblem
    scopes: Scopes
    bounds: tuple[Bound, ...]
    multipliers: Floats
    feasible: bool = True

    @property
    def lower_bound(self) -> float:
        """Lower bound on the objective of all plans of the problem."""
        return self.bounds[0].lower_bound if self.feasible else np.inf


class _Ascent:
    """Multipliers of one problem over given scopes."""

    def __init__(self, problem: PointProblem, scopes: Scopes, offer: Offer, deadline: Deadline) -> None:
        self.problem, self.scopes, self.offer, self.deadline = problem, scopes, offer, deadline
        self.limits = np.where(np.isfinite(problem.limits), problem.limits, 0.0)
        self.of_limit: dict[int, Bound] = {}
        self.within: dict[int, Floats] = {}
        self.best: Bound | None = None
        self.best_multipliers = np.zeros(len(problem.limits))
        self.best_figures = np.zeros(len(problem.limits))

    def weights(self, multipliers: Floats) -> Floats:
        """Return the weights of all figures at some multipliers."""
        weights = multipliers.copy()
        weights[self.problem.objective] += 1.0
        return weights

    def evaluate(self, multipliers: Floats) -> tuple[float, Floats]:
        """Return the bound at some multipliers and the figures of its path; keep the best one."""
        weights = self.weights(multipliers)
        swept = sweep(self.problem, self.scopes, weights, self.deadline)
        bound = Bound(swept, float(multipliers @ self.limits), np.inf)
        if not np.isfinite(swept.least):
            return np.inf, self.best_figures
        places = least_path(self.problem, self.scopes, swept)
        self.offer(self.problem, places, weights)
        figures = relaxed_figures(self.problem, self.scopes, weights, places)
        if self.best is None or bound.lower_bound > self.best.lower_bound:
            self.best, self.best_multipliers, self.best_figures = bound, multipliers, figures
        return bound.lower_bound, figures

    def can_hold(self, figure: int) -> bool:
        """Tell whether a limit can hold alone; keep the bound and the figures of the path that keeps it best."""
        weights = np.zeros(len(self.limits))
        weights[figure] = 1.0
        swept = sweep(self.problem, self.scopes, weights, self.deadline)
        most = self.limits[figure] * (1.0 + TOLERANCE)
        self.of_limit[figure] = Bound(swept, 0.0, most)
        if not swept.least <= most * (1.0 + _ROUNDING):
            return False
        places = least_path(self.problem, self.scopes, swept)
        self.offer(self.problem, places, weights)
        self.within[figure] = relaxed_figures(self.problem, self.scopes, weights, places)
        return True

    def climb(self, cutoff: float, steps: int) -> None:
        """Raise many multipliers at once by subgradient steps towards the cutoff (Polyak, 1969)."""
        assert self.best is not None
        problem = self.problem
        scale = np.where(self.limits > 0.0, self.limits, 1.0)
        priced = np.zeros(len(scale), dtype=bool)
        priced[problem.limited] = True
        multipliers, length, idle = self.best_multipliers.copy(), 1.0, 0
        for _ in range(steps):
            before = self.best.lower_bound
            value, figures = self.evaluate(multipliers)
            slope = np.where(priced, (figures - self.limits) / scale, 0.0)
            slope[(multipliers == 0.0) & (slope < 0.0)] = 0.0
            size = float(slope @ slope)
            if not np.isfinite(value) or size < 1e-18 or self.best.lower_bound >= cutoff:
                return
            idle = 0 if self.best.lower_bound > before + 1e-4 * abs(before) else idle + 1
            if idle >= 5:
                length, idle, multipliers = 0.5 * length, 0, self.best_multipliers.copy()
            goal = cutoff if np.isfinite(cutoff) else value + 0.1 * abs(value)
            multipliers = np.maximum(0.0, multipliers + length * max(goal - value, 0.0) / size * slope / scale)
            if length < 0.05:
                return

    def raise_one(self, figure: int, start: Floats) -> None:
        """Raise the multiplier of one limit to where the bound is largest."""
        base = start.copy()
        base[figure] = 0.0
        value, figures = self.evaluate(base)
        over = float(figures[figure] - self.limits[figure])
        if not np.isfinite(value) or over <= 0.0:
            return
        within, weights = self.within[figure], self.weights(base)
        low = (float(weights @ figures), over)
        high = (float(weights @ within), min(0.0, float(within[figure] - self.limits[figure])))
        for _ in range(_STEPS):
            multiplier = max(0.0, (high[0] - low[0]) / (low[1] - high[1]))
            if multiplier == 0.0:
                break
            raised = base.copy()
            raised[figure] = multiplier
            _, figures = self.evaluate(raised)
            cost, slack = float(weights @ figures), float(figures[figure] - self.limits[figure])
            if cost + multiplier * slack >= low[0] + multiplier * low[1] - _SAME * abs(low[0]):
                break
            if slack > 0.0:
                low = (cost, slack)
            else:
                high = (cost, slack)


def bounded(
    problem: PointProblem, most: int, start: Floats | None, offer: Offer, cutoff: float, deadline: Deadline
) -> Bounded:
    """Bound a problem by pricing its limits, with tables that have at most a number of entries.

    Args:
        problem: The operating point.
        most: Entries of a table at most.
        start: (F,) multipliers to begin with.
        offer: Told of every path that is least at some weights.
        cutoff: Objective that plans of interest stay below.
        deadline: When to give up.

    Returns:
        The bounds, the tightest on the objective first, with (F,) multipliers in the unit of the objective per unit of
        each figure; `feasible` is False where it is proved that no placement on the hosts that are left keeps the
        limits.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    scopes = choose_scopes(problem, most)
    ascent = _Ascent(problem, scopes, offer, deadline)
    none = np.zeros(len(problem.limits))
    if not all(map(len, problem.hosts)):
        return Bounded(problem, scopes, (), none, feasible=False)
    value, _ = ascent.evaluate(none)
    own = [figure for figure in problem.limited if figure < problem.base]
    if not np.isfinite(value) or not all(map(ascent.can_hold, own)):
        return Bounded(problem, scopes, (), none, feasible=False)
    plain = ascent.best
    if start is not None and start.any():
        ascent.evaluate(start)
    for _ in range(_ROUNDS):
        assert ascent.best is not None
        before = ascent.best.lower_bound
        for figure in own:
            if ascent.best_figures[figure] <= problem.limits[figure] and ascent.best_multipliers[figure] == 0.0:
                continue
            ascent.raise_one(figure, ascent.best_multipliers)
        if len(own) < 2 or ascent.best.lower_bound <= before + _SAME * abs(before):
            break
    if problem.capacities:
        again = start is not None and bool(start[problem.base :].any())
        ascent.climb(cutoff, _CLIMB_AGAIN if again else _CLIMB)
    assert ascent.best is not None and plain is not None
    # a label that capacities without a criterion price may cost more than one that it dominates
    plain_too = plain is not ascent.best and not ascent.best_multipliers[problem.base :].any()
    bounds = (ascent.best, *((plain,) if plain_too else ()), *ascent.of_limit.values())
    return Bounded(problem, scopes, bounds, ascent.best_multipliers)


def without_useless(found: Bounded, cutoff: float) -> PointProblem | None:
    """Return the problem without hosts that no plan below a cutoff can use; None where no such plan is left.

    Args:
        found: The problem with its bounds.
        cutoff: Objective that plans of interest stay below.
    """
    keep = [np.ones(len(hosts), dtype=bool) for hosts in found.problem.hosts]
    for bound in found.bounds:
        most = bound.threshold(cutoff)
        for mask, least in zip(keep, marginals(found.problem, found.scopes, bound.swept), strict=True):
            np.logical_and(mask, least <= most, out=mask)
    if not all(mask.any() for mask in keep):
        return None
    hosts = tuple(nodes[mask] for nodes, mask in zip(found.problem.hosts, keep, strict=True))
    return found.problem.with_hosts(hosts)
