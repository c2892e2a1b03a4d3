"""A program without what needs no solver, and the way back from a solver's answer to a checked one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.clear.geometric.certificates import best_bound, entropy_bound
from planner.clear.geometric.cones import ConicAnswer
from planner.clear.geometric.optimum import FEASIBLE, PROVED, GeometricOptimum, excess, kkt_residuals, no_point
from planner.clear.geometric.presolve import PresolvedPattern
from planner.clear.geometric.program import Box, GeometricProgram, Posynomials, sums
from planner.clear.geometric.repair import repaired
from planner.fin.instance.network import Bools, Floats

_EQUAL = 1e-12
"""Relative width of a box that fixes a variable."""
_TIGHT = 2e-8
"""Relative gap at which a bound is good enough as it is."""

_LARGEST = 690.0
"""Beyond this, exponentials are no longer finite numbers."""


def fixed_variables(program: GeometricProgram) -> Bools:
    """Return which variables have one value alone, (V,)."""
    return program.upper <= program.lower * (1.0 + _EQUAL)


@dataclass(frozen=True, eq=False)
class PresolvedProgram:
    """K terms over F variables that stand for a program of T terms over V."""

    program: GeometricProgram
    reduction: PresolvedPattern
    x: Floats
    """(V,) with the values of fixed variables; those that no term needs are as near to 1 as their box lets them."""
    factor: Floats
    """(T,) coefficients times the powers of fixed variables."""
    room: Floats
    """(G,) what constants leave of a right-hand side; 1 for the objective."""
    constant: float
    """Constant part of the objective."""
    posynomials: Posynomials
    """Constraints are divided by their room."""
    box: Box

    @classmethod
    def of(cls, program: GeometricProgram, reduction: PresolvedPattern) -> PresolvedProgram:
        """Put numbers into a pattern."""
        fixed = fixed_variables(program)
        x = np.clip(1.0, program.lower, program.upper)
        x[fixed] = np.sqrt(program.lower[fixed]) * np.sqrt(program.upper[fixed])
        factor = reduction.factors(program.posynomials.coefficient, x)
        constants = reduction.constants(factor)
        room = 1.0 - constants
        room[0] = 1.0
        posynomials = reduction.reduced(factor, np.where(room > 0.0, room, 1.0))
        box = program.box
        free = reduction.free
        return cls(
            program, reduction, x, factor, room, float(constants[0]), posynomials, Box(box.lower[free], box.upper[free])
        )

    @cached_property
    def overfull(self) -> Bools:
        """Whether the constants of a constraint alone break it, (G,)."""
        depends = np.bincount(self.reduction.group, minlength=self.room.size) > 0
        broken = np.where(depends, self.room <= 0.0, self.room < -FEASIBLE)
        broken[0] = False
        return broken

    def judged(self, answer: ConicAnswer) -> GeometricOptimum:
        """Return what an answer proves: a point with its bound, a contradiction, or nothing."""
        if not (np.isfinite(answer.term_dual).all() and np.isfinite(answer.bound_dual).all()):  # they prove nothing
            term_dual, bound_dual = np.zeros_like(answer.term_dual), np.zeros_like(answer.bound_dual)
            answer = replace(answer, term_dual=term_dual, bound_dual=bound_dual)
        if answer.status != "Solved":
            weight = np.where(self.posynomials.group > 0, answer.term_dual, 0.0)
            if (total := weight.sum()) > 0.0:
                weight, bound = best_bound(self.posynomials, weight / total, answer.bound_dual / total, self.box)
                if bound > FEASIBLE:
                    return self.infeasible(weight)
        if "Infeasible" in answer.status or not np.isfinite(answer.log_x).all():
            return no_point(self.program, "unknown")
        return self._point(answer)

    def _point(self, answer: ConicAnswer) -> GeometricOptimum:
        log_x = repaired(self.posynomials, answer.log_x, self.box)
        log_value, *excesses = self.posynomials.log_values(log_x)
        largest = max(0.0 if log_value == -np.inf else abs(log_value), np.abs(log_x).max())
        if max(excesses, default=-np.inf) > FEASIBLE or largest > _LARGEST:
            return no_point(self.program, "unknown")
        objective = answer.term_dual[self.posynomials.group == 0].sum()
        if objective <= 0.0:
            return self.optimum(log_x, np.zeros(answer.term_dual.size), np.zeros((log_x.size, 2)), -np.inf)
        weight, bound_dual = answer.term_dual / objective, answer.bound_dual / objective
        bound = entropy_bound(self.posynomials, weight, self.box)
        if bound < log_value - _TIGHT:
            weight, bound = best_bound(self.posynomials, weight, bound_dual, self.box)
        return self.optimum(log_x, weight, bound_dual, bound)

    def optimum(self, log_x: Floats, weight: Floats, bound_dual: Floats, log_bound: float) -> GeometricOptimum:
        """Turn a solver's answer to the reduced program into a checked one of the whole program.

        Args:
            log_x: (F,) logarithms of the free variables.
            weight: (K,) dual weights of the terms that presolve kept.
            bound_dual: (F, 2) multipliers of the limits of free variables.
            log_bound: Logarithm of the proved lower bound of the reduced program.

        Returns:
            The answer with a point x (V,), a value and a lower bound, multipliers (G,) and (V, 2), and residuals;
            optimal where the point is feasible and the bound proves it, else unknown.
        """
        program, free = self.program, self.reduction.free
        x = self.x.copy()
        x[free] = np.clip(np.exp(log_x), program.lower[free], program.upper[free])
        value = float(program.posynomials.values(x)[0])
        scale = value - self.constant
        dual, slope = self._multipliers(scale * weight)
        objective_constants = self.factor * ((self.reduction.aggregate_nodes < 0) & (program.posynomials.group == 0))
        slope = slope + program.posynomials.slope(objective_constants, x.size)
        limits = _sides(slope)
        limits[free] = scale * bound_dual
        lower_bound = min(float(np.exp(log_bound)) + self.constant, value)
        feasible = excess(program, x) <= FEASIBLE
        proved = feasible and value - lower_bound <= PROVED * value
        return GeometricOptimum(
            "optimal" if proved else "unknown",
            x,
            value if feasible else np.inf,
            lower_bound,
            dual,
            limits,
            kkt_residuals(program, x, dual, limits),
            np.zeros(dual.size),
            np.zeros(limits.shape),
        )

    def infeasible(self, weight: Floats) -> GeometricOptimum:
        """Return a proof that constraints contradict each other, from weights on their terms (K,)."""
        groups, slope = self._multipliers(weight)
        total = groups.sum()
        return no_point(self.program, "infeasible", groups / total, _sides(slope / total))

    def contradiction(self) -> GeometricOptimum:
        """Return a proof that needs no solver: constraints whose constants alone are too much."""
        group = self.program.posynomials.group
        groups = self.overfull / self.overfull.sum()
        share = (
            self.factor * (self.reduction.aggregate_nodes < 0) / (1.0 - np.where(self.overfull, self.room, 0.0))[group]
        )
        slope = self.program.posynomials.slope(groups[group] * share, self.x.size)
        return no_point(self.program, "infeasible", groups, _sides(slope))

    def _multipliers(self, weight: Floats) -> tuple[Floats, Floats]:
        """Return weights of constraints (G,) and the slope (V,) of the weighted logarithms, from reduced terms (K,).

        A constraint ``f + constant <= 1`` was solved as ``log(f / room) <= 0``, whose slope at the limit is that of
        ``log(f + constant)`` divided by the room.
        """
        posynomials = self.program.posynomials
        term = self.reduction.spread(weight, self.factor)
        groups = sums(posynomials.group, term, posynomials.groups)
        groups /= np.where(self.room > 0.0, self.room, 1.0)
        groups[0] = 0.0
        constants = np.where(self.reduction.aggregate_nodes < 0, self.factor * groups[posynomials.group], 0.0)
        return groups, posynomials.slope(term + constants, self.program.variables)


def _sides(slope: Floats) -> Floats:
    """Return the multipliers of lower and upper limits, (V, 2), that cancel a slope (V,)."""
    return np.stack([np.maximum(slope, 0.0), np.maximum(-slope, 0.0)], axis=1)
