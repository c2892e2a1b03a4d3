"""Linear programs of a master by a primal-dual interior point whose class rows are eliminated.

Every column has a 1 in exactly one class row (generalised upper bounds), so the normal equations reduce to one sparse
matrix over the rows of capacity, however many classes there are: ``A D A' + E - V diag(1/g) V'`` with ``V = A D G'``
and ``g = diag(G D G')``. Steps are Mehrotra's predictor and corrector (SIAM J. Optim. 1992) with Gondzio's correctors
of centrality (Comput. Optim. Appl. 1996). Rows are elastic: a price is bounded, and what exceeds a row costs that bound
(du Merle et al., Discrete Math. 1999). Reduced costs stay exact, every iterate has a bound, and a program may be left
at the gap that a round of column generation needs (Gondzio, Gonzalez-Brevis, Munari, EJOR 2013).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats, Ints

_ITERATIONS = 60
_STEP = 0.9
"""Part of the way to the boundary that a step goes."""
_CORRECTORS = 3
_LONGER, _GAIN = 0.3, 0.02
"""By how much a corrector tries to lengthen both steps, and the sum of what it must gain."""
_CENTRAL = (0.1, 10.0)
"""Products between such multiples of their goal count as central."""
_CENTRE = 0.3
"""Products of values and reduced costs at the start, as a part of a typical cost."""
_NEWTON = 12
_FEASIBLE = 1e-7
"""Rows may be broken by so much, and by a tenth of the gap."""

Solver = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]
"""Takes class residuals, row residuals and the goal of products; returns the steps of class duals and prices."""


@dataclass(frozen=True)
class ClassProgram:
    """``min cost x + penalty u + most_price v`` with ``sum x + u = 1`` in every class and ``A x <= 1 + v`` in rows.

    n columns, C classes, m rows; a class may be left out at its penalty.
    """

    cost: Floats
    """(n,)"""
    penalty: Floats
    """(C,)"""
    owner: Ints
    """(n,) class, in ascending order."""
    row: Ints
    """Row of each entry of A."""
    column: Ints
    value: Floats
    most_price: Floats
    """(m,) cost of exceeding a row."""


@dataclass(frozen=True)
class InteriorPoint:
    """A point near an optimum."""

    share: Floats
    left: Floats
    excess: Floats
    """(m,) by which rows are exceeded."""
    price: Floats
    value: float
    """Without the cost of excess."""
    bound: float
    """Over the columns of the program."""
    converged: bool


@dataclass(frozen=True)
class _State:
    """Iterate: ``z`` holds shares, left-out shares, slacks and excess, ``reduced`` the reduced cost of each."""

    z: Floats
    y: Floats
    price: Floats
    reduced: Floats


@dataclass(frozen=True)
class _Step:
    """Changes of an iterate, and the longest steps that keep all positive, at most 1."""

    z: Floats
    y: Floats
    price: Floats
    reduced: Floats
    forward: float
    upward: float


def solve_interior(program: ClassProgram, start: Floats, gap: float, deadline: Deadline) -> InteriorPoint:
    """Solve a program to a relative gap.

    Args:
        program: The program; its figures should be near 1.
        start: (m,) prices to start from.
        gap: Relative gap between value and bound at which to stop.
        deadline: When to stop at the latest.

    Returns:
        The last point, with whether it is as near as was asked.
    """
    return _Interior(program).solve(start, gap, deadline)


class _Interior:
    """Matrices of one program, and the iteration."""

    def __init__(self, program: ClassProgram) -> None:
        from scipy.sparse import csr_array

        self.program = program
        self.classes, self.rows, count = len(program.penalty), len(program.most_price), len(program.cost)
        self.a: Any = csr_array((program.value, (program.row, program.column)), shape=(self.rows, count))
        self.at: Any = self.a.T.tocsr()
        self.group: Any = csr_array((np.ones(count), (program.owner, np.arange(count))), shape=(self.classes, count))
        self.parts = np.cumsum([count, self.classes, self.rows])
        self.costs = np.concatenate([program.cost, program.penalty, np.zeros(self.rows), program.most_price])

    def solve(self, start: Floats, gap: float, deadline: Deadline) -> InteriorPoint:
        """Iterate until the gap is closed and the rows hold, the steps are exhausted, or the time is over."""
        state: _State | None = self._first(start)
        last = state
        for _ in range(_ITERATIONS):
            if state is None or deadline.expired:
                break
            last = state
            residuals = self._residuals(state)
            broken = max(float(np.abs(each).max(initial=0.0)) for each in residuals)
            value = float(self.costs @ state.z)
            if broken <= min(_FEASIBLE, 0.1 * gap) and value - self._bound(state) <= gap * abs(value):
                return self._answer(state, converged=True)
            state = self._advanced(state, residuals)
        if last is None:
            raise AssertionError("there is always a first point")
        return self._answer(last, converged=False)

    def _answer(self, state: _State, *, converged: bool) -> InteriorPoint:
        x, u, _, excess = np.split(state.z, self.parts)
        value = float(self.program.cost @ x + self.program.penalty @ u)
        return InteriorPoint(x, u, excess, state.price, value, self._bound(state), converged)

    @staticmethod
    def _bound(state: _State) -> float:
        return float(state.y.sum() - state.price.sum())

    def _first(self, start: Floats) -> _State:
        """Return a point whose products of values and reduced costs are equal, but for rows that hold with much room.

        ``sum_j mu / (cost_j - y) = 1`` gives the dual of each class at the prices; Newton's method from the right of
        the root converges, as the sum is convex and increasing in y. Rows that are exceeded stay so at first.
        """
        program, owner = self.program, self.program.owner
        mean = max(_CENTRE * typical_cost(program.cost, program.penalty), 1e-9)
        price = np.clip(start, np.minimum(mean, 0.5 * program.most_price), 0.9 * program.most_price)
        cost = program.cost + self.at @ price
        y = program.penalty.copy()
        np.minimum.at(y, owner, cost)
        y -= mean
        for _ in range(_NEWTON):
            x, u = mean / (cost - y[owner]), mean / (program.penalty - y)
            y -= (self.group @ x + u - 1.0) * mean / (self.group @ x**2 + u**2)
        x, u = mean / (cost - y[owner]), mean / (program.penalty - y)
        slack, excess = np.maximum(mean / price, 1.0 - self.a @ x), mean / (program.most_price - price)
        reduced = np.concatenate([cost - y[owner], program.penalty - y, price, program.most_price - price])
        return _State(np.concatenate([x, u, slack, excess]), y, price, reduced)

    def _residuals(self, state: _State) -> tuple[Floats, Floats]:
        first, second = self._rows_of(state.z)
        return 1.0 - first, 1.0 - second

    def _rows_of(self, z: Floats) -> tuple[Floats, Floats]:
        """Return the left sides of class rows and of rows of capacity."""
        x, u, slack, excess = np.split(z, self.parts)
        return self.group @ x + u, self.a @ x + slack - excess

    def _reduced_of(self, y: Floats, price: Floats) -> Floats:
        """Return what duals contribute to all reduced costs."""
        return np.concatenate([self.at @ price - y[self.program.owner], -y, price, -price])

    def _advanced(self, state: _State, residuals: tuple[Floats, Floats]) -> _State | None:
        """Return the iterate after a step of predictor and correctors; None where no step leads on."""
        solve = self._factorised(state)
        if solve is None:
            return None
        z, reduced = state.z, state.reduced
        products = z * reduced
        mean = float(products.mean())
        step = self._step(state, solve, residuals, -products)
        after = float(((z + step.forward * step.z) * (reduced + step.upward * step.reduced)).mean())
        wanted = mean * min(1.0, after / mean) ** 3
        goal = wanted - products - step.forward * step.upward * step.z * step.reduced
        step = self._step(state, solve, residuals, goal)
        for _ in range(_CORRECTORS):
            goal = goal + _towards_centre(state, step, wanted)
            longer = self._step(state, solve, residuals, goal)
            if not longer.forward + longer.upward >= step.forward + step.upward + _GAIN:
                break
            step = longer
        forward, upward = _STEP * step.forward, _STEP * step.upward
        if max(forward, upward) < 1e-8 or not np.isfinite(forward + upward):
            return None
        return _State(
            z + forward * step.z, state.y + upward * step.y, state.price + upward * step.price,
            reduced + upward * step.reduced,
        )  # fmt: skip

    def _step(self, state: _State, solve: Solver, residuals: tuple[Floats, Floats], goal: Floats) -> _Step:
        """Return the Newton step to some change of products, and how far it may go."""
        y, price = solve(*residuals, goal)
        dual = self._reduced_of(y, price)
        primal = (goal - state.z * dual) / state.reduced
        return _Step(primal, y, price, dual, _longest(state.z, primal), _longest(state.reduced, dual))

    def _factorised(self, state: _State) -> Solver | None:
        """Factorise the normal equations over the rows of capacity; return what solves for the duals."""
        from scipy.sparse import csr_array, diags_array
        from scipy.sparse.linalg import splu

        reduced = state.reduced
        d, du, slack, excess = np.split(state.z / reduced, self.parts)
        scaled = csr_array((self.a.data * d[self.a.indices], self.a.indices, self.a.indptr), shape=self.a.shape)
        v = scaled @ self.group.T
        g = self.group @ d + du
        over = csr_array((v.data / g[v.indices], v.indices, v.indptr), shape=v.shape)
        matrix = (scaled @ self.at - over @ v.T + diags_array(slack + excess)).tocsc()
        try:
            factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        except RuntimeError:  # singular: the last point stands
            return None

        def solve(classes: Floats, rows: Floats, goal: Floats) -> tuple[Floats, Floats]:
            first, second = self._rows_of(goal / reduced)
            first, second = classes - first, rows - second
            price = factor.solve(v @ (first / g) - second)
            return (first + v.T @ price) / g, price

        return solve


def _towards_centre(state: _State, step: _Step, wanted: float) -> Floats:
    """Return what moves the products after a longer step than the present one towards their goal."""
    forward, upward = min(1.0, step.forward + _LONGER), min(1.0, step.upward + _LONGER)
    products = (state.z + forward * step.z) * (state.reduced + upward * step.reduced)
    change = np.clip(products, _CENTRAL[0] * wanted, _CENTRAL[1] * wanted) - products
    return np.maximum(change, -_CENTRAL[1] * wanted)


def typical_cost(cost: Floats, penalty: Floats) -> float:
    """Return the median of positive costs; where no plan costs anything, of penalties."""
    for values in (cost, penalty):
        positive = values[values > 0.0]
        if len(positive):
            return float(np.median(positive))
    return 1.0


def _longest(value: Floats, change: Floats) -> float:
    """Return the longest step that keeps everything positive, at most 1."""
    least = float((change / value).min(initial=0.0))
    return 1.0 if least >= -1.0 else -1.0 / least
