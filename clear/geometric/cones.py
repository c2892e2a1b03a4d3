"""A geometric program as exponential cones for Clarabel, assembled from index arrays.

With ``x = exp(y)`` the program is: minimise u subject to ``sum exp(a.y + log c - u) <= 1`` over the terms of the
objective, and ``sum exp(a.y + log c) <= 1`` over those of every constraint. Each term of a sum has a variable t with
``(a.y + log c, 1, t)`` in the exponential cone; a sum of one term, and the box, are linear rows. The objective's
logarithm is minimised, so no guess of its size is needed. Coefficients and limits reach the right-hand side alone.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from planner.clear.geometric.program import Box, Posynomials
from planner.fin.instance.network import Floats, Ints

if TYPE_CHECKING:
    from scipy.sparse import csc_array


@dataclass(frozen=True)
class Settings:
    """How Clarabel is run: the weight of the objective against the rows, and when steps count as too short."""

    cost: float
    tolerance: float
    switch_step: float


@dataclass(frozen=True, eq=False)
class ConicAnswer:
    """Clarabel's answer in the terms of the program; of an infeasible program, the duals are its certificate."""

    status: str
    log_x: Floats
    term_dual: Floats
    """(K,) dual of each term's row; those of the objective sum to 1 at an optimum."""
    bound_dual: Floats
    """(F, 2) of the lower and upper limits."""
    iterations: int
    seconds: float


@dataclass(frozen=True, eq=False)
class ConicForm:
    """Minimise ``cost.z`` with ``rhs - matrix z`` in the cones; z is (y, u, t)."""

    matrix: csc_array
    cost: Floats
    linear_rows: int
    alone: Ints
    """Constraints' terms that are alone: the first rows."""
    summed: Ints
    """Terms with a cone of their own, three rows each, in this order behind the linear rows."""
    sums: int
    """Number of sums, whose rows follow those of ``alone``."""
    lower_limits: Ints
    upper_limits: Ints

    def solve(self, posynomials: Posynomials, box: Box, settings: Settings) -> ConicAnswer:
        """Run Clarabel, on one thread; the same program gives the same answer whatever was solved before.

        Args:
            posynomials: Program with the structure that the cones were built for; coefficients may differ.
            box: Limits of log x.
            settings: Tolerances and the scale of the cost.

        Returns:
            Primal and dual values with Clarabel's status and its own time in seconds.
        """
        import clarabel
        from scipy.sparse import csc_array

        began = time.perf_counter()
        size = self.cost.size
        cones: list[Any] = [clarabel.NonnegativeConeT(self.linear_rows)] if self.linear_rows else []
        cones += [clarabel.ExponentialConeT()] * self.summed.size
        solver = clarabel.DefaultSolver(
            csc_array((size, size)),
            settings.cost * self.cost,
            self.matrix,
            self._right_hand_side(np.log(posynomials.coefficient), box),
            cones,
            _clarabel_settings(settings),
        )
        answer = solver.solve()
        seconds = time.perf_counter() - began
        term_dual, bound_dual = self._duals(np.array(answer.z) / settings.cost, posynomials, box)
        log_x = np.array(answer.x)[: box.lower.size]
        return ConicAnswer(str(answer.status), log_x, term_dual, bound_dual, answer.iterations, seconds)

    def _right_hand_side(self, log_coefficient: Floats, box: Box) -> Floats:
        cones = np.zeros((self.summed.size, 3))
        cones[:, 0] = log_coefficient[self.summed]
        cones[:, 1] = 1.0
        return np.concatenate(
            [
                -log_coefficient[self.alone],
                np.ones(self.sums),
                -box.lower[self.lower_limits],
                box.upper[self.upper_limits],
                cones.ravel(),
            ]
        )

    def _duals(self, z: Floats, posynomials: Posynomials, box: Box) -> tuple[Floats, Floats]:
        """Read the duals of terms and limits from those of rows."""
        term_dual = np.zeros(posynomials.terms)
        if posynomials.terms and np.count_nonzero(posynomials.group == 0) == 1:
            term_dual[0] = 1.0
        term_dual[self.alone] = z[: self.alone.size]
        term_dual[self.summed] = -z[self.linear_rows :: 3]
        bound_dual = np.zeros((box.lower.size, 2))
        limits = self.alone.size + self.sums
        bound_dual[self.lower_limits, 0] = z[limits : limits + self.lower_limits.size]
        bound_dual[self.upper_limits, 1] = z[limits + self.lower_limits.size : self.linear_rows]
        return np.maximum(term_dual, 0.0), np.maximum(bound_dual, 0.0)


def build_conic_form(posynomials: Posynomials, box: Box) -> ConicForm:
    """Lay out rows and columns for the pattern of some posynomials (every variable in some term) and a box."""
    from scipy.sparse import csc_array

    variables = box.lower.size
    members = np.bincount(posynomials.group, minlength=posynomials.groups)
    single = members[posynomials.group] == 1
    objective = posynomials.group == 0
    alone, summed = np.flatnonzero(single & ~objective), np.flatnonzero(~single)
    limits = np.flatnonzero(np.isfinite(box.lower)), np.flatnonzero(np.isfinite(box.upper))
    sum_groups, sum_of_term = np.unique(posynomials.group[summed], return_inverse=True)
    has_u = bool(sum_groups.size and sum_groups[0] == 0)
    rows = np.cumsum([0, alone.size, sum_groups.size, limits[0].size, limits[1].size])
    cone = int(rows[-1]) + 3 * np.arange(summed.size)
    height = variables + int(has_u) + np.arange(summed.size)  # columns of t
    in_objective = np.flatnonzero(objective[summed])
    exponents = _term_rows(posynomials, alone, summed, cone)
    pieces = [
        exponents,
        (rows[1] + sum_of_term, height, np.ones(summed.size)),
        (rows[2] + np.arange(limits[0].size), limits[0], -np.ones(limits[0].size)),
        (rows[3] + np.arange(limits[1].size), limits[1], np.ones(limits[1].size)),
        (cone[in_objective], np.full(in_objective.size, variables), np.ones(in_objective.size)),
        (cone + 2, height, -np.ones(summed.size)),
    ]
    at_row, at_column, entry = (np.concatenate(piece) for piece in zip(*pieces, strict=True))
    columns = variables + int(has_u) + summed.size
    matrix = csc_array((entry, (at_row, at_column)), shape=(int(rows[-1]) + 3 * summed.size, columns))
    cost = posynomials.slope((objective & single).astype(float), columns)
    cost[variables : variables + int(has_u)] = 1.0
    return ConicForm(matrix, cost, int(rows[-1]), alone, summed, sum_groups.size, *limits)


def _term_rows(posynomials: Posynomials, alone: Ints, summed: Ints, cone: Ints) -> tuple[Ints, Ints, Floats]:
    """Return the entries of exponents: as they are in linear rows, negated in cones (``rhs - matrix z``)."""
    row = np.full(posynomials.terms, -1)
    row[alone] = np.arange(alone.size)
    row[summed] = cone
    sign = np.ones(posynomials.terms)
    sign[summed] = -1.0
    kept = row[posynomials.exponent_term] >= 0
    term = posynomials.exponent_term[kept]
    return row[term], posynomials.exponent_variable[kept], sign[term] * posynomials.exponent_value[kept]


def _clarabel_settings(settings: Settings) -> Any:  # noqa: ANN401 - clarabel ships no types
    import clarabel

    chosen = clarabel.DefaultSettings()
    chosen.verbose = False
    chosen.max_threads = 1
    chosen.direct_solve_method = "qdldl"
    chosen.presolve_enable = False
    chosen.tol_gap_abs = chosen.tol_gap_rel = chosen.tol_feas = settings.tolerance
    # asymmetric cones take short steps on their way; by default the solver gives up on them too early
    chosen.min_switch_step_length = settings.switch_step
    return chosen
