"""The answer to a geometric program, and how far a point and its multipliers are from being one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from planner.clear.geometric.program import GeometricProgram, sums
from planner.fin.instance.network import Floats

FEASIBLE = 1e-9
"""Relative excess over a limit that still counts as holding it."""
PROVED = 1e-6
"""Relative gap to the lower bound up to which a point counts as optimal."""


@dataclass(frozen=True)
class KktResiduals:
    """How far a point and its multipliers are from the conditions of Karush, Kuhn and Tucker; 0 is exact."""

    stationarity: float
    """Largest slope of the Lagrangian in log x, relative to the objective's value."""
    primal: float
    """Largest excess over a right-hand side or a limit of the box, relative to it."""
    complementarity: float
    """Largest multiplier times the logarithm of its constraint, relative to the objective's value."""

    @property
    def largest(self) -> float:
        """The worst of all."""
        return max(self.stationarity, self.primal, self.complementarity)


@dataclass(frozen=True, eq=False)
class GeometricOptimum:
    """An answer, checked outside the solver.

    Multipliers: with the right-hand side of constraint g changed from 1 to u, the optimal value changes by
    ``-dual[g] * log u`` to first order; with a limit of the box moved outwards by a factor u, by
    ``-bound_dual[v, side] * log u``.
    """

    status: Literal["optimal", "infeasible", "unknown"]
    """optimal: x holds every limit to a relative 1e-9 and ``lower_bound`` is within a relative 1e-6 of its value.
    infeasible: the weights below prove that no point holds all limits. unknown: neither was proved, as where the least
    value is only approached while a variable without limits goes to 0 or infinity."""
    x: Floats
    """(V,); NaN where no point is known."""
    value: float
    """Of the objective at x; infinite without a point. An unknown answer may hold one, within all limits."""
    lower_bound: float
    """No point within the limits has a smaller value, by weak duality; infinite where infeasible. Variables without
    limits are taken to lie between 1e-30 and 1e30. 0 where nothing better is known."""
    dual: Floats
    """(G,) multipliers of constraints, at least 0; entry 0 is 0."""
    bound_dual: Floats
    """(V, 2) multipliers of the lower and upper limits of the box."""
    residuals: KktResiduals
    infeasible_groups: Floats
    """(G,) weights w of a proof of infeasibility, summing to 1: ``sum w_g * log(group g) > 0`` all over the box.
    Constraints with a weight cannot hold together. Zero unless infeasible."""
    infeasible_bounds: Floats
    """(V, 2) on the same scale, the limits of the box that the proof needs."""
    build_s: float = 0.0
    solve_s: float = 0.0
    """Inside Clarabel."""
    iterations: int = 0

    @property
    def gap(self) -> float:
        """Relative distance of the value from its lower bound; infinite without a point."""
        return (self.value - self.lower_bound) / self.value if 0.0 < self.value < np.inf else self.value


def no_point(
    program: GeometricProgram,
    status: Literal["infeasible", "unknown"],
    infeasible_groups: Floats | None = None,
    infeasible_bounds: Floats | None = None,
) -> GeometricOptimum:
    """Form an answer without a point, with the weights of a proof that there is none.

    Args:
        program: The program that was solved.
        status: Whether the constraints are proved to contradict each other.
        infeasible_groups: (G,) weights of the constraints in that proof.
        infeasible_bounds: (V, 2) weights of the limits in that proof.

    Returns:
        The answer: NaN at every variable, an infinite value, and a lower bound that is infinite where infeasible, else
        0.
    """
    groups, limits = np.zeros(program.posynomials.groups), np.zeros((program.variables, 2))
    return GeometricOptimum(
        status,
        np.full(program.variables, np.nan),
        np.inf,
        np.inf if status == "infeasible" else 0.0,
        groups,
        limits,
        KktResiduals(np.inf, np.inf, np.inf),
        groups if infeasible_groups is None else infeasible_groups,
        limits if infeasible_bounds is None else infeasible_bounds,
    )


def kkt_residuals(program: GeometricProgram, x: Floats, dual: Floats, bound_dual: Floats) -> KktResiduals:
    """Compute how far a point and its multipliers are from the conditions of Karush, Kuhn and Tucker.

    Args:
        program: The program.
        x: (V,) point, above 0.
        dual: (G,) multipliers of the groups.
        bound_dual: (V, 2) multipliers of the limits of log x.

    Returns:
        The residuals of stationarity, limits and complementarity, relative (no unit); 0 is exact.
    """
    posynomials, log_x = program.posynomials, np.log(x)
    term = np.exp(posynomials.log_terms(log_x))
    group = sums(posynomials.group, term, posynomials.groups)
    scale = max(float(group[0]), np.finfo(float).tiny)
    multiplier = np.concatenate([[group[0]], dual[1:]])
    slope = posynomials.slope((multiplier[posynomials.group] / group[posynomials.group]) * term, x.size)
    slope += bound_dual[:, 1] - bound_dual[:, 0]
    with np.errstate(divide="ignore"):
        slack = np.concatenate([np.log(group[1:]), np.log(program.lower) - log_x, log_x - np.log(program.upper)])
    subproblem = np.concatenate([dual[1:], bound_dual[:, 0], bound_dual[:, 1]])
    held = subproblem > 0.0
    return KktResiduals(
        float(np.abs(slope).max(initial=0.0)) / scale,
        excess(program, x),
        float((subproblem[held] * np.abs(slack[held])).max(initial=0.0)) / scale,
    )


def excess(program: GeometricProgram, x: Floats) -> float:
    """Return the largest relative excess over a right-hand side or a limit of the box; 0 where all hold."""
    group = program.posynomials.values(x)
    return float(np.concatenate([group[1:] - 1.0, program.lower / x - 1.0, x / program.upper - 1.0]).max(initial=0.0))
