"""Geometric programs against closed forms and CVXPY; arrays that are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from geometric_cases import SEEDS, Term, check, peer, program, random_program, shares_program, solve
from hypothesis import given
from hypothesis import strategies as st

from planner.clear.geometric.presolve import presolve
from planner.clear.geometric.repair import repaired
from planner.clear.geometric.solver import GeometricProgram, GeometricSolver, Posynomials


class TestClosedForms:
    def test_a_sum_and_its_inverse(self) -> None:
        optimum = solve([(0, 3.0, {0: 1.0}), (0, 5.0, {0: -1.0})], 1)
        assert optimum.value == pytest.approx(2.0 * np.sqrt(15.0), rel=1e-9)
        assert optimum.x[0] == pytest.approx(np.sqrt(5.0 / 3.0), rel=1e-4)

    @pytest.mark.parametrize(("scale", "unit"), [(1e-60, 1e30), (1e-12, 1.0), (1e9, 1e-9), (1e80, 1e10)])
    def test_size_and_units_do_not_matter(self, scale: float, unit: float) -> None:
        optimum = solve([(0, scale * unit, {0: 1.0}), (0, scale / unit, {0: -1.0}), (0, scale, {})], 1)
        assert optimum.status == "optimal"
        assert optimum.value == pytest.approx(3.0 * scale, rel=1e-8)
        assert optimum.x[0] * unit == pytest.approx(1.0, rel=1e-3)

    def test_the_largest_box_of_a_given_surface(self) -> None:
        """Maximise xyz with 2 (xy + yz + zx) <= 6: the unit cube."""
        surface: list[Term] = [(1, 1 / 3, {a: 1.0, b: 1.0}) for a, b in ((0, 1), (1, 2), (2, 0))]
        optimum = solve([(0, 1.0, {0: -1.0, 1: -1.0, 2: -1.0}), *surface], 3)
        assert optimum.value == pytest.approx(1.0, rel=1e-8)
        assert optimum.dual[1] == pytest.approx(1.5, rel=1e-6)  # the value is surface ** -1.5

    def test_a_monomial_program_is_linear(self) -> None:
        optimum = solve([(0, 3.0, {0: 1.0}), (1, 5.0, {0: -1.0})], 1)
        assert optimum.value == pytest.approx(15.0, rel=1e-12)
        assert optimum.dual[1] == pytest.approx(15.0, rel=1e-6)

    def test_opposite_constraints_are_an_equation(self) -> None:
        optimum = solve([(0, 3.0, {0: 1.0}), (0, 3.0, {0: -2.0}), (1, 2.0, {0: 1.0}), (2, 0.5, {0: -1.0})], 1)
        assert optimum.status == "optimal"
        assert optimum.value == pytest.approx(13.5, rel=1e-8)

    def test_without_variables(self) -> None:
        optimum = solve([(0, 3.0, {0: 1.0}), (0, 2.0, {}), (1, 0.5, {0: 1.0})], 1, 1.5, 1.5)
        assert optimum.status == "optimal"
        assert (optimum.value, optimum.lower_bound) == pytest.approx((6.5, 6.5), rel=1e-14)
        assert optimum.bound_dual == pytest.approx(np.array([[4.5, 0.0]]))

    def test_a_constant_objective_asks_for_any_point(self) -> None:
        given = program([(0, 3.0, {}), (1, 2.0, {0: 1.0}), (2, 0.1, {0: -1.0})], 1)
        optimum = GeometricSolver(given).solve()
        check(given, optimum)
        assert optimum.value == pytest.approx(3.0, rel=1e-14)

    def test_a_group_without_terms_and_a_variable_without_use(self) -> None:
        given = program([(0, 3.0, {0: 1.0}), (0, 5.0, {0: -1.0}), (2, 0.1, {0: 1.0})], 2, [0.0, 2.0], [np.inf, 3.0])
        optimum = GeometricSolver(given).solve()
        check(given, optimum)
        assert optimum.dual.shape == (3,)
        assert optimum.x[1] == 2.0


@pytest.mark.parametrize("seed", SEEDS)
def test_random_programs_agree_with_cvxpy(seed: int) -> None:
    given = random_program(seed)
    optimum = GeometricSolver(given).solve()
    check(given, optimum)
    status, value = peer(given)
    assert status == "optimal"
    assert optimum.value == pytest.approx(value, rel=1e-6)
    assert optimum.lower_bound <= value * (1.0 + 1e-7)


@pytest.mark.parametrize("seed", range(6))
def test_shares_agree_with_cvxpy(seed: int) -> None:
    given = shares_program(seed)
    optimum = GeometricSolver(given).solve()
    check(given, optimum)
    assert optimum.value == pytest.approx(peer(given)[1], rel=1e-6)


class TestWarmStructure:
    @pytest.mark.parametrize("seed", range(8))
    def test_a_changed_program_is_solved_as_if_it_were_new(self, seed: int) -> None:
        given, random = random_program(seed), np.random.default_rng(seed)
        solver = GeometricSolver(given)
        first = solver.solve()
        coefficient = given.posynomials.coefficient * np.exp(random.uniform(-0.05, 0.05, given.posynomials.terms))
        lower, upper = given.lower.copy(), given.upper.copy()
        lower[0] = upper[0] = first.x[0]
        changed = GeometricProgram(given.posynomials.with_coefficient(coefficient), given.variables, lower, upper)
        warm, cold = solver.solve(coefficient, lower, upper), GeometricSolver(changed).solve()
        assert warm.status == cold.status
        assert warm.value == cold.value
        assert np.array_equal(warm.x, cold.x, equal_nan=True)
        assert np.array_equal(warm.dual, cold.dual)
        again = solver.solve()
        assert np.array_equal(again.x, first.x)
        assert again.lower_bound == first.lower_bound

    def test_like_terms_are_one(self) -> None:
        posynomials = Posynomials.of_terms(
            [(0, 1.0, {0: 2.0}), (0, 2.0, {0: 2.0}), (0, 4.0, {1: 2.0}), (1, 8.0, {0: 2.0}), (1, 1.0, {2: 1.0, 0: 0.0})]
        )
        reduction = presolve(posynomials, np.array([False, False, True]))
        assert reduction.aggregate_nodes[0] == reduction.aggregate_nodes[1]
        assert len(set(reduction.aggregate_nodes.tolist())) == 4  # 2 + 1 terms and a constant, -1
        assert reduction.aggregate_nodes[4] == -1
        assert reduction.free.tolist() == [0, 1]

    @given(seed=st.integers(0, 10_000))
    def test_a_reduced_program_has_the_same_values(self, seed: int) -> None:
        given, random = random_program(seed), np.random.default_rng(seed)
        posynomials = given.posynomials
        reduction = presolve(posynomials, given.lower == given.upper)
        x = np.exp(random.normal(size=given.variables))
        factor = reduction.factors(posynomials.coefficient, x)
        reduced = reduction.reduced(factor, np.ones(posynomials.groups))
        values = reduced.values(x[reduction.free]) + reduction.constants(factor)
        assert values == pytest.approx(posynomials.values(x), rel=1e-9)
        assert reduction.spread(np.ones(reduced.terms), factor).sum() == pytest.approx(reduced.terms)


@pytest.mark.parametrize("seed", range(10))
def test_a_point_just_outside_is_brought_back(seed: int) -> None:
    given = random_program(seed)
    random = np.random.default_rng(seed)
    posynomials, box = given.posynomials, given.box
    log_x = np.log(GeometricSolver(given).solve().x) + 1e-5 * random.normal(size=given.variables)
    back = repaired(posynomials, log_x, box)
    assert posynomials.log_values(back)[1:].max() <= 1e-10
    assert (back >= box.lower).all()
    assert (back <= box.upper).all()
    assert np.abs(back - log_x).max() < 1e-3


class TestArraysThatAreRefused:
    GOOD = Posynomials.of_terms([(0, 1.0, {0: 1.0}), (1, 2.0, {0: -1.0})])

    @pytest.mark.parametrize(
        "change",
        [
            {"coefficient": np.array([1.0, 0.0])},
            {"coefficient": np.array([1.0, -1.0])},
            {"coefficient": np.array([1.0, np.nan])},
            {"coefficient": np.array([1.0, np.inf])},
            {"coefficient": np.array([1.0])},
            {"coefficient": np.ones((2, 1))},
            {"group": np.array([1, 0])},
            {"group": np.array([-1, 0])},
            {"group": np.array([0.0, 1.0])},
            {"groups": 1},
            {"exponent_value": np.array([1.0, np.nan])},
            {"exponent_value": np.array([1.0])},
            {"exponent_term": np.array([0, 2])},
            {"exponent_variable": np.array([0, -1])},
        ],
    )
    def test_in_posynomials(self, change: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"."):
            replace(self.GOOD, **change)

    @pytest.mark.parametrize(
        ("lower", "upper", "variables"),
        [
            ([-1.0], [1.0], 1),
            ([np.nan], [1.0], 1),
            ([np.inf], [np.inf], 1),
            ([0.0], [0.0], 1),
            ([0.0], [np.nan], 1),
            ([0.0, 0.0], [1.0], 1),
            ([0.0], [1.0, 1.0], 1),
            ([], [], 0),
        ],
    )
    def test_in_programs(self, lower: list[float], upper: list[float], variables: int) -> None:
        with pytest.raises(ValueError, match=r"."):
            GeometricProgram(self.GOOD, variables, np.array(lower), np.array(upper))

    def test_in_later_solves(self) -> None:
        solver = GeometricSolver(GeometricProgram(self.GOOD, 1, np.zeros(1), np.full(1, np.inf)))
        for bad in (np.array([1.0]), np.array([1.0, 0.0]), np.array([1.0, np.nan])):
            with pytest.raises(ValueError, match="coefficient"):
                solver.solve(bad)
        with pytest.raises(ValueError, match="lower"):
            solver.solve(lower=np.array([-1.0]))
        with pytest.raises(ValueError, match="upper"):
            solver.solve(upper=np.array([0.0]))
        assert solver.solve().value == pytest.approx(2.0)

    def test_without_an_objective(self) -> None:
        with pytest.raises(ValueError, match="objective"):
            GeometricProgram(Posynomials.of_terms([]), 1, np.zeros(1), np.ones(1))
