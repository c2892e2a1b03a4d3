"""Every status and every exception of the solver of integer programs becomes an outcome."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ortools.math_opt.python import mathopt

from planner import plan
from planner.fin.solvers.integer_program import IntegerProgram, Rows, SolverSettings, solve_integer_program
from planner.schemas import Model, Topology, check_document

REASONS = list(mathopt.TerminationReason)
LIMITS = [None, *mathopt.Limit]


def knapsack(values: list[int], weights: list[int], room: int) -> IntegerProgram:
    """Return the program of the most valuable things that fit."""
    rows = Rows()
    rows.add_entries(enumerate(map(float, weights)), -np.inf, float(room))
    count = len(values)
    return IntegerProgram(-np.array(values, float), np.zeros(count), np.ones(count), np.ones(count, bool), rows)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6), st.integers(0, 20))
def test_optima_are_those_of_enumeration(things: list[tuple[int, int]], room: int) -> None:
    values, weights = [value for value, _ in things], [weight for _, weight in things]
    best = max(
        sum(value for value, taken in zip(values, taken_all, strict=True) if taken)
        for taken_all in itertools.product((0, 1), repeat=len(things))
        if sum(weight for weight, taken in zip(weights, taken_all, strict=True) if taken) <= room
    )
    found = solve_integer_program(knapsack(values, weights, room), SolverSettings())
    assert found.termination.proved
    assert found.objective == pytest.approx(-best, abs=1e-6)
    assert found.bound == pytest.approx(-best, abs=1e-6)


def test_infeasible_is_proved() -> None:
    rows = Rows()
    rows.add_entries([(0, 1.0), (0, 1.0)], 3.0, np.inf)  # two of a binary are at most 2
    one = np.ones(1)
    found = solve_integer_program(IntegerProgram(one, 0 * one, one, one > 0.0, rows), SolverSettings())
    assert (found.infeasible, found.bound, found.values) == (True, np.inf, None)


def test_unbounded_is_no_proof() -> None:
    one = np.ones(1)
    program = IntegerProgram(-one, 0 * one, np.array([np.inf]), one < 0.0, Rows())
    found = solve_integer_program(program, SolverSettings())
    assert found.termination.reason == "numerical"
    assert found.bound == -np.inf


def test_figures_that_the_solver_refuses_are_said() -> None:
    program = knapsack([1], [1], 1)
    program.rows.add(np.array([0]), np.array([1e15]), -np.inf, 1.0)
    found = solve_integer_program(program, SolverSettings())
    assert found.termination.reason == "numerical"
    assert "1e+15" in found.termination.detail


def test_no_time_is_a_limit() -> None:
    found = solve_integer_program(knapsack([1], [1], 1), SolverSettings(time_limit_s=0.0))
    assert (found.termination.reason, found.termination.limit) == ("limit", "time")


class NoAttributeError(AttributeError):
    """What MathOpt raises instead of the status of HiGHS."""


@pytest.mark.parametrize(
    "error", [NoAttributeError("canonical_code"), RuntimeError("kError"), ValueError(""), KeyError]
)
def test_exceptions_of_the_solver_do_not_get_out(monkeypatch: pytest.MonkeyPatch, error: Any) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(mathopt, "solve", fail)
    found = solve_integer_program(knapsack([1], [1], 1), SolverSettings())
    assert (found.values, found.bound, found.termination.reason) == (None, -np.inf, "numerical")
    assert found.termination.detail.startswith("the solver failed: ")


def answered(reason: object, limit: object, values: list[float] | None, bound: float) -> Any:
    """Return a fake of MathOpt's result."""
    bounds = SimpleNamespace(dual_bound=bound, primal_bound=0.0)
    held = {_Variable(number): value for number, value in enumerate(values or [])}
    return SimpleNamespace(
        termination=SimpleNamespace(reason=reason, limit=limit, detail="why", objective_bounds=bounds),
        has_primal_feasible_solution=lambda: values is not None,
        variable_values=lambda: held,
    )


class _Variable(SimpleNamespace):
    """A variable of a fake result, which can be a key."""

    def __init__(self, number: int) -> None:
        super().__init__(id=number)

    def __hash__(self) -> int:
        return self.id


@pytest.mark.parametrize("reason", REASONS, ids=str)
@pytest.mark.parametrize("limit", LIMITS, ids=str)
@pytest.mark.parametrize("values", [None, [1.0], [float("nan")], [1.0, 1.0]], ids=["none", "one", "nan", "two"])
@pytest.mark.parametrize("bound", [-1.0, float("nan"), -np.inf])
def test_every_status_becomes_an_outcome(
    monkeypatch: pytest.MonkeyPatch, reason: Any, limit: Any, values: list[float] | None, bound: float
) -> None:
    monkeypatch.setattr(mathopt, "solve", lambda *_, **__: answered(reason, limit, values, bound))
    found = solve_integer_program(knapsack([1], [1], 1), SolverSettings())
    assert not np.isnan(found.bound)
    assert found.values is None or np.isfinite(found.values).all()
    if found.termination.proved:
        assert reason in (
            mathopt.TerminationReason.OPTIMAL,
            mathopt.TerminationReason.INFEASIBLE,
            mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED,
        )
        assert found.infeasible == (found.values is None)
    else:
        assert found.termination.detail


def test_a_method_says_that_its_solver_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise NoAttributeError("canonical_code")

    monkeypatch.setattr(mathopt, "solve", fail)
    blocks = [{"name": "a", "ops": 1e6}]
    model = check_document({"schema_version": "1", "name": "m", "input_bits": 1, "blocks": blocks}, Model)
    nodes = [{"name": "n", "ops_per_s": 1e9, "j_per_op": 1e-9}]
    topology = check_document({"schema_version": "1", "name": "t", "nodes": nodes}, Topology)
    placement = plan(model, topology, method="ilp")
    assert placement.status == "unknown"
    assert placement.termination is not None
    assert placement.termination.reason == "numerical"
    assert "the solver failed" in placement.message
