"""Linear and integer programs in HiGHS, passed as arrays: interior point with or without crossover, branch and bound.

One writer for all programs of a fleet: ``min cost x`` with ``low <= A x <= high`` and ``0 <= x <= most``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose
from typing import Any

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.solvers.output import suppress_output

_SECONDS_AT_LEAST = 0.05
_AGREE = 1e-6
"""Relative difference by which the stated value of a point may differ from the recomputed one."""


@dataclass(frozen=True)
class Program:
    """n variables and m rows; the matrix by columns (compressed)."""

    cost: Floats
    most: Floats
    """(n,) largest value of each variable."""
    start: Ints
    """(n + 1,) first entry of each column."""
    row: Ints
    value: Floats
    low: Floats
    high: Floats
    whole: Bools | None = None
    """(n,) variables that must be whole; None for a linear program."""


@dataclass(frozen=True)
class Solution:
    """What HiGHS answered; None where it has no point."""

    x: Floats | None
    dual: Floats | None
    """(m,) duals of the rows, of linear programs."""
    bound: float
    """Lower bound of an integer program, as HiGHS states it."""
    optimal: bool


def program_of(
    cost: Floats,
    most: Floats,
    entries: tuple[Ints, Ints, Floats],
    low: Floats,
    high: Floats,
    whole: Bools | None = None,
) -> Program:
    """Write a program from entries (row, column, value) of its matrix; entries of one place add up.

    Args:
        cost: (n,) cost of each variable.
        most: (n,) largest value of each.
        entries: Row, column and value of each entry.
        low: (m,) least value of each row.
        high: (m,) largest value of each row.
        whole: (n,) variables that must be whole; None for a linear program.

    Returns:
        The program of n variables and m rows, its (m, n) matrix by columns (compressed).
    """
    from scipy.sparse import coo_array

    row, column, value = entries
    matrix = coo_array((value, (row, column)), shape=(len(low), len(cost))).tocsc()
    matrix.sum_duplicates()
    start, index = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    return Program(cost, most, start, index, matrix.data, low, high, whole)


def solve(
    program: Program,
    *,
    crossover: bool = True,
    seconds: float = np.inf,
    gap: float = 0.0,
    nodes: int | None = None,
) -> Solution:
    """Solve a program.

    No starting point is passed: HiGHS 1.16 loses the constant that presolve splits off the objective of a start, and
    then takes a start for optimal that is not. A caller keeps what it has where the answer is no better.

    Args:
        program: The program.
        crossover: Whether a linear program ends at a vertex.
        seconds: Time limit.
        gap: Relative gap at which an integer program is done.
        nodes: Nodes of branch and bound at most; unlike a time, it does not depend on the machine.

    Returns:
        The point, with the duals of linear and the bound of integer programs.
    """
    import highspy

    with suppress_output():
        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call] # a library without types
        for name, value in _options(program, crossover, seconds, gap, nodes).items():
            highs.setOptionValue(name, value)
        highs.passModel(_as_highs(program))
        highs.run()
        status = highs.getModelStatus()
        found, info = highs.getSolution(), highs.getInfo()
    optimal = status == highspy.HighsModelStatus.kOptimal
    integer = program.whole is not None
    has_point = bool(found.value_valid) and (optimal or info.primal_solution_status == 2 or not integer)
    x = np.array(found.col_value, dtype=np.float64) if has_point else None
    dual = np.array(found.row_dual, dtype=np.float64) if has_point and not integer and found.dual_valid else None
    bound = float(info.mip_dual_bound) if integer else float(info.objective_function_value)
    if x is not None and not isclose(
        info.objective_function_value, float(program.cost @ x), rel_tol=_AGREE, abs_tol=_AGREE
    ):
        bound = -np.inf  # a solver that is wrong about the value of its point is not believed
    return Solution(x, dual, bound, optimal)


def _options(
    program: Program, crossover: bool, seconds: float, gap: float, nodes: int | None
) -> dict[str, bool | int | float | str]:
    options: dict[str, bool | int | float | str] = {
        "output_flag": False, "threads": 1, "random_seed": 1, "parallel": "off",
    }  # fmt: skip
    if np.isfinite(seconds):
        options["time_limit"] = max(seconds, _SECONDS_AT_LEAST)
    if program.whole is not None:
        options["mip_rel_gap"] = gap
        if nodes is not None:
            options["mip_max_nodes"] = nodes
        return options
    options["solver"] = "ipm"
    options["run_crossover"] = "on" if crossover else "off"
    return options


def _as_highs(program: Program) -> Any:  # noqa: ANN401 - a class of a library without types
    import highspy

    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(program.cost), len(program.low)
    model.col_cost_, model.col_lower_, model.col_upper_ = program.cost, np.zeros(len(program.cost)), program.most
    model.row_lower_, model.row_upper_ = program.low, program.high
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = program.start, program.row
    model.a_matrix_.value_ = program.value
    if program.whole is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[int(whole)] for whole in program.whole]
    return model
