"""The interior point with eliminated class rows against SciPy's linear programs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from planner.fin.deadline import Deadline
from planner.fleet.master.interior import ClassProgram, solve_interior


def random_program(seed: int) -> tuple[ClassProgram, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    classes, rows = int(random.integers(1, 12)), int(random.integers(1, 6))
    owner = np.sort(np.concatenate([np.arange(classes), random.integers(classes, size=int(random.integers(0, 40)))]))
    matrix = random.random((rows, len(owner))) * (random.random((rows, len(owner))) < 0.6)
    row, column = np.nonzero(matrix)
    program = ClassProgram(
        cost=random.random(len(owner)) + 0.1, penalty=np.full(classes, 20.0), owner=owner, row=row, column=column,
        value=matrix[row, column], most_price=np.full(rows, 1e3),
    )  # fmt: skip
    groups = (owner[None] == np.arange(classes)[:, None]).astype(float)
    return program, matrix, groups


@pytest.mark.parametrize("seed", range(40))
def test_it_finds_the_optimum_and_never_bounds_above_it(seed: int) -> None:
    program, matrix, groups = random_program(seed)
    classes, rows = len(program.penalty), len(program.most_price)
    best = linprog(
        np.concatenate([program.cost, program.penalty, program.most_price]),
        A_ub=np.hstack([matrix, np.zeros((rows, classes)), -np.eye(rows)]), b_ub=np.ones(rows),
        A_eq=np.hstack([groups, np.eye(classes), np.zeros((classes, rows))]), b_eq=np.ones(classes),
    )  # fmt: skip
    found = solve_interior(program, np.zeros(rows), 1e-8, Deadline.after(None))
    assert found.converged
    assert found.value + float(program.most_price @ found.excess) == pytest.approx(best.fun, rel=1e-6)
    assert found.bound <= best.fun * (1.0 + 1e-9)
    assert (matrix @ found.share - found.excess <= 1.0 + 1e-8).all()
    rough = solve_interior(program, np.full(rows, 0.3), 1e-2, Deadline.after(None))
    assert rough.bound <= best.fun * (1.0 + 1e-9)
