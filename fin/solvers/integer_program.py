"""Mixed-integer linear programs as sparse arrays, solved by HiGHS through OR-Tools MathOpt with guarded outcomes.

Every status and every exception of the solver becomes a `Solution` with a typed reason of termination; nothing that
the solver writes reaches the standard output. Programs are handed over as MathOpt's message, which for many variables
is far quicker than its expressions.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.outcome import PROVED, Termination
from planner.fin.solvers.output import suppress_output

_LEAST_S = 1e-3
"""Time that the solver is given at least, in seconds."""
LARGEST_COEFFICIENT = 1e15
"""HiGHS refuses programs with coefficients of this size or more (its option `large_matrix_value`)."""


class Rows:
    """Sparse rows ``lower <= sum of coefficient * variable <= upper`` of a program, in the order of adding."""

    def __init__(self) -> None:
        self.columns: list[Ints] = []
        self.coefficients: list[Floats] = []
        self.lower: list[float] = []
        self.upper: list[float] = []

    def __len__(self) -> int:
        return len(self.lower)

    def add(self, columns: Ints, coefficients: Floats, lower: float, upper: float) -> None:
        """Add a row.

        Args:
            columns: (E,) numbers of variables, each at most once.
            coefficients: (E,) their coefficients; those of 0 are left out.
            lower: Least value of the sum; -inf for none.
            upper: Largest value of the sum; inf for none.
        """
        given = np.flatnonzero(coefficients)
        self.columns.append(columns[given])
        self.coefficients.append(coefficients[given])
        self.lower.append(lower)
        self.upper.append(upper)

    def add_entries(self, entries: Iterable[tuple[int, float]], lower: float, upper: float) -> None:
        """Add a row that is given as pairs of a variable's number and its coefficient.

        Args:
            entries: The pairs; those of one variable add up.
            lower: Least value of the sum; -inf for none.
            upper: Largest value of the sum; inf for none.
        """
        sums: dict[int, float] = {}
        for column, coefficient in entries:
            sums[column] = sums.get(column, 0.0) + coefficient
        columns, coefficients = np.fromiter(sums, np.int64, len(sums)), np.fromiter(sums.values(), float, len(sums))
        self.add(columns, coefficients, lower, upper)


@dataclass(frozen=True, eq=False)
class IntegerProgram:
    """Minimise ``objective @ x`` over C variables within bounds and rows, some of them integer."""

    objective: Floats
    """(C,) cost of each variable."""
    lower: Floats
    """(C,) least value of each variable."""
    upper: Floats
    """(C,) largest value of each variable."""
    integer: Bools
    """(C,) whether a variable is integer."""
    rows: Rows

    @property
    def bounded(self) -> bool:
        """Whether bounds of variables alone keep the objective from falling without end."""
        best = np.where(self.objective > 0.0, self.lower, np.where(self.objective < 0.0, self.upper, 0.0))
        return bool(np.isfinite(best).all())

    @property
    def largest_coefficient(self) -> float:
        """Largest magnitude in the objective and the rows."""
        parts = [self.objective, *self.rows.coefficients]
        return max((float(np.abs(part).max()) for part in parts if len(part)), default=0.0)


@dataclass(frozen=True)
class SolverSettings:
    """What the solver is asked for."""

    relative_gap: float = 0.0
    """Relative gap of objective and bound at which it may stop."""
    absolute_gap: float | None = None
    """The same absolutely, in units of the objective; None for the solver's own."""
    time_limit_s: float = np.inf
    """Seconds; infinite for no limit."""
    node_limit: int | None = None
    """Nodes of branch and bound at most; None for no limit."""
    seed: int | None = None
    highs: Mapping[str, float] = field(default_factory=dict)
    """Further options of HiGHS with values in floating point, by name."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What the solver says of a program."""

    values: Floats | None
    """(C,) variables of the best solution found; None where none was."""
    objective: float
    """Its value; infinite where there is none."""
    bound: float
    """No solution has a smaller value, as far as the solver's tolerances go; infinite: proved infeasible."""
    termination: Termination

    @property
    def infeasible(self) -> bool:
        """Whether it is proved that there is no solution."""
        return self.values is None and self.termination.proved


def solve_integer_program(program: IntegerProgram, settings: SolverSettings) -> Solution:
    """Solve a mixed-integer program by HiGHS; no status and no exception of the solver gets out.

    Args:
        program: The program.
        settings: Gaps, limits and options.

    Returns:
        The best solution with the solver's bound. Its termination is `proved` for an optimum within the gap and for
        a proof of infeasibility, `limit` for limits of time or nodes, `numerical` for everything else.
    """
    if settings.time_limit_s <= 0.0:
        return _nothing(Termination.at_limit("time", "the time limit came before the program was solved"))
    largest = program.largest_coefficient
    if not largest < LARGEST_COEFFICIENT:
        detail = f"figures of the program reach {largest:.3g}; HiGHS takes less than {LARGEST_COEFFICIENT:.0e}"
        return _nothing(Termination.numerical(f"{detail}: the inputs differ by too many orders of magnitude"))
    from ortools.math_opt.python import mathopt

    try:
        model = mathopt.Model.from_model_proto(_message(program))
        with suppress_output():
            result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=_parameters(settings))
        return _solution(program, result)
    except Exception as error:  # a failure of HiGHS comes in several types, none of them documented
        return _nothing(Termination.numerical(f"the solver failed: {_words(error)}"))


def _nothing(termination: Termination) -> Solution:
    return Solution(None, np.inf, -np.inf, termination)


def _words(error: BaseException) -> str:
    """Say what the solver said; MathOpt hides that of a bad status behind an error of its own."""
    return str(error.__context__ or error).strip().rstrip(".") or type(error).__name__


def _parameters(settings: SolverSettings) -> Any:  # noqa: ANN401 - OR-Tools is not typed
    from ortools.math_opt.python import mathopt

    parameters = mathopt.SolveParameters(
        relative_gap_tolerance=settings.relative_gap,
        absolute_gap_tolerance=settings.absolute_gap,
        node_limit=settings.node_limit,
        random_seed=settings.seed,
    )
    if np.isfinite(settings.time_limit_s):
        parameters.time_limit = datetime.timedelta(seconds=max(settings.time_limit_s, _LEAST_S))
    parameters.highs.double_options.update(settings.highs)
    return parameters


def _solution(program: IntegerProgram, result: Any) -> Solution:  # noqa: ANN401 - OR-Tools is not typed
    """Translate MathOpt's result."""
    from ortools.math_opt.python import mathopt

    reason, termination = result.termination.reason, _termination(result.termination)
    either = reason == mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED and program.bounded
    if reason == mathopt.TerminationReason.INFEASIBLE or either:
        return Solution(None, np.inf, np.inf, PROVED)
    bound = float(result.termination.objective_bounds.dual_bound)
    bound = -np.inf if np.isnan(bound) else bound
    if not result.has_primal_feasible_solution():
        lacking = Termination.numerical("the solver gave no solution") if termination.proved else termination
        return Solution(None, np.inf, bound, lacking)
    held = result.variable_values()
    values = np.array([held[key] for key in sorted(held, key=lambda variable: variable.id)])
    if len(values) != len(program.objective) or not np.isfinite(values).all():
        return _nothing(Termination.numerical("the solver's solution is not finite"))
    return Solution(values, float(program.objective @ values), bound, termination)


def _termination(found: Any) -> Termination:  # noqa: ANN401 - OR-Tools is not typed
    """Translate MathOpt's reason of termination."""
    from ortools.math_opt.python import mathopt

    if found.reason == mathopt.TerminationReason.OPTIMAL:
        return PROVED
    if found.limit == mathopt.Limit.TIME:
        return Termination.at_limit("time", "the time limit came before the proof")
    if found.limit == mathopt.Limit.NODE:
        return Termination.at_limit("nodes", "the limit of nodes came before the proof")
    name = getattr(found.reason, "name", str(found.reason)).lower().replace("_", " ")
    detail = f": {found.detail}" if found.detail else ""
    return Termination.numerical(f"the solver stopped ({name}{detail})")


def _message(program: IntegerProgram) -> Any:  # noqa: ANN401 - generated message class
    """Write a program as the message that MathOpt takes."""
    from ortools.math_opt import model_pb2

    count, rows, proto = len(program.objective), program.rows, model_pb2.ModelProto()
    proto.variables.ids.extend(range(count))
    proto.variables.lower_bounds.extend(program.lower.tolist())
    proto.variables.upper_bounds.extend(program.upper.tolist())
    proto.variables.integers.extend(program.integer.tolist())
    used = np.flatnonzero(program.objective)
    proto.objective.linear_coefficients.ids.extend(used.tolist())
    proto.objective.linear_coefficients.values.extend(program.objective[used].tolist())
    proto.linear_constraints.ids.extend(range(len(rows)))
    proto.linear_constraints.lower_bounds.extend(rows.lower)
    proto.linear_constraints.upper_bounds.extend(rows.upper)
    _write_matrix(proto.linear_constraint_matrix, rows.columns, rows.coefficients)
    return proto


def _write_matrix(matrix: Any, columns: Sequence[Ints], coefficients: Sequence[Floats]) -> None:  # noqa: ANN401 - generated message class
    """Write rows as triplets, ordered by row and column."""
    for number, (names, values) in enumerate(zip(columns, coefficients, strict=True)):
        order = np.argsort(names)
        matrix.row_ids.extend([number] * len(order))
        matrix.column_ids.extend(names[order].tolist())
        matrix.coefficients.extend(values[order].tolist())
