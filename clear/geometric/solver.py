"""Geometric programs: solved by Clarabel in exponential-cone form, believed only after checks outside the solver."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from planner.clear.geometric.cones import ConicAnswer, ConicForm, Settings, build_conic_form
from planner.clear.geometric.optimum import FEASIBLE, GeometricOptimum, KktResiduals, no_point
from planner.clear.geometric.postsolve import PresolvedProgram, fixed_variables
from planner.clear.geometric.presolve import PresolvedPattern, presolve
from planner.clear.geometric.program import Box, GeometricProgram, Posynomials
from planner.fin.instance.network import Bools, Floats

__all__ = ["GeometricOptimum", "GeometricProgram", "GeometricSolver", "KktResiduals", "Posynomials"]

_GOOD = 3e-7
"""Relative gap at which no further attempt is made."""
_ATTEMPTS = (Settings(10.0, 1e-8, 0.01), Settings(100.0, 1e-9, 0.01), Settings(1.0, 1e-9, 0.1))
_LEAST_SCALE = 1e-3
"""Constraints need not hold with more room than this in the search for the least common excess."""


class GeometricSolver:
    """A program whose coefficients and limits may change from solve to solve.

    What depends on the pattern alone (terms that are alike, rows and columns) is built once. Clarabel itself starts
    afresh each time, which takes a twentieth of a solve, so an answer never depends on what was solved before.
    """

    def __init__(self, program: GeometricProgram) -> None:
        began = time.perf_counter()
        self._program = program
        self._reduction: tuple[bytes, PresolvedPattern] | None = None
        self._form: tuple[bytes, ConicForm] | None = None
        self._reduce(fixed_variables(program))
        self._built_s = time.perf_counter() - began

    def solve(
        self, coefficient: Floats | None = None, lower: Floats | None = None, upper: Floats | None = None
    ) -> GeometricOptimum:
        """Solve the program, with other coefficients (T,) or limits (V,) where they are given.

        Args:
            coefficient: (T,) coefficients of terms, above 0.
            lower: (V,) lower limits of x.
            upper: (V,) upper limits of x.

        Returns:
            Status, point, value, lower bound, multipliers and residuals.

        Raises:
            ValueError: An array has the wrong shape, or a value that its field in the program may not have.
        """
        began = time.perf_counter() - self._built_s
        self._built_s = 0.0
        changes: dict[str, Any] = {}
        if coefficient is not None:
            changes["posynomials"] = self._program.posynomials.with_coefficient(coefficient)
        changes |= {name: limit for name, limit in (("lower", lower), ("upper", upper)) if limit is not None}
        found = self._solve(replace(self._program, **changes) if changes else self._program)
        return replace(found, build_s=time.perf_counter() - began - found.solve_s)

    def _solve(self, program: GeometricProgram) -> GeometricOptimum:
        empty = program.lower > program.upper * (1.0 + FEASIBLE)
        if empty.any():
            return no_point(program, "infeasible", infeasible_bounds=np.outer(empty, [1.0, 1.0]))
        reduced = PresolvedProgram.of(program, self._reduce(fixed_variables(program)))
        if reduced.overfull.any():
            return reduced.contradiction()
        if reduced.reduction.free.size == 0:
            return reduced.optimum(np.empty(0), np.empty(0), np.empty((0, 2)), -np.inf)
        return self._attempted(reduced)

    def _attempted(self, reduced: PresolvedProgram) -> GeometricOptimum:
        """Run Clarabel until an answer is proved; of answers that are not quite, keep the best."""
        best: GeometricOptimum | None = None
        spent: list[ConicAnswer] = []
        for attempt in self._runs(reduced):
            spent.append(attempt())
            found = reduced.judged(spent[-1])
            if best is None or found.status == "infeasible" or found.gap < best.gap:
                best = found
            if best.status == "infeasible" or best.gap <= _GOOD:
                break
        assert best is not None  # there is at least one run
        if best.status == "infeasible":  # of all proofs, the least excess weighs fewest constraints
            spent.append(_least_excess(reduced.posynomials, reduced.box))
            sharper = reduced.judged(spent[-1])
            best = sharper if sharper.status == "infeasible" else best
        seconds, iterations = sum(answer.seconds for answer in spent), sum(answer.iterations for answer in spent)
        return replace(best, solve_s=seconds, iterations=iterations)

    def _runs(self, reduced: PresolvedProgram) -> list[Callable[[], ConicAnswer]]:
        """Return ways to run Clarabel: on the program, in several settings, and in search of the least excess."""
        pattern = reduced.reduction.free.tobytes() + reduced.box.pattern
        if self._form is None or self._form[0] != pattern:
            self._form = (pattern, build_conic_form(reduced.posynomials, reduced.box))
        run = partial(self._form[1].solve, reduced.posynomials, reduced.box)
        return [
            *(partial(run, settings) for settings in _ATTEMPTS),
            partial(_least_excess, reduced.posynomials, reduced.box),
        ]

    def _reduce(self, fixed: Bools) -> PresolvedPattern:
        """Return the pattern without fixed variables: the last one, where they are the same."""
        key = fixed.tobytes()
        if self._reduction is None or self._reduction[0] != key:
            self._reduction = (key, presolve(self._program.posynomials, fixed))
        return self._reduction[1]


def _least_excess(posynomials: Posynomials, box: Box) -> ConicAnswer:
    """Find the least factor by which right-hand sides must grow; its duals weigh the constraints that need most.

    The factor is one more variable, and every program of this kind has points inside all limits, which is what
    interior-point methods like.
    """
    constraint = np.flatnonzero(posynomials.group > 0)
    row = np.cumsum(posynomials.group > 0)  # the objective, a single term, comes first
    kept = posynomials.group[posynomials.exponent_term] > 0
    terms, factor = constraint.size, box.lower.size
    relaxed = Posynomials(
        np.concatenate([[0], posynomials.group[constraint]]),
        np.concatenate([[1.0], posynomials.coefficient[constraint]]),
        np.concatenate([row[posynomials.exponent_term[kept]], np.arange(terms + 1)]),
        np.concatenate([posynomials.exponent_variable[kept], np.full(terms + 1, factor)]),
        np.concatenate([posynomials.exponent_value[kept], [1.0], np.full(terms, -1.0)]),
        posynomials.groups,
    )
    wider = Box(np.append(box.lower, np.log(_LEAST_SCALE)), np.append(box.upper, np.inf))
    answer = build_conic_form(relaxed, wider).solve(relaxed, wider, _ATTEMPTS[0])
    weight = np.zeros(posynomials.terms)
    weight[constraint] = answer.term_dual[1:]
    status = f"least excess {answer.status}"
    return replace(
        answer, status=status, log_x=answer.log_x[:factor], term_dual=weight, bound_dual=answer.bound_dual[:factor]
    )
