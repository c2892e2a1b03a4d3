"""What answers to geometric programs prove: contradictions, multipliers and bounds."""

from __future__ import annotations

import numpy as np
import pytest
from geometric_cases import SEEDS, Term, check_contradiction, peer, program, random_program, shares_program, solve
from hypothesis import given
from hypothesis import strategies as st

from planner.clear.geometric.certificates import balanced, entropy_bound
from planner.clear.geometric.cones import ConicAnswer
from planner.clear.geometric.optimum import kkt_residuals
from planner.clear.geometric.postsolve import PresolvedProgram, fixed_variables
from planner.clear.geometric.presolve import presolve
from planner.clear.geometric.solver import GeometricOptimum, GeometricSolver, Posynomials


class TestInfeasible:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_cvxpy_agrees(self, seed: int) -> None:
        given = random_program(seed, tightness=8.0)
        optimum = GeometricSolver(given).solve()
        assert optimum.status in ("optimal", "infeasible")
        assert peer(given)[0] == optimum.status
        if optimum.status == "infeasible":
            check_contradiction(given, optimum.infeasible_groups)
            assert np.isinf(optimum.value)
            assert np.isinf(optimum.lower_bound)

    def test_deadlines_that_shares_cannot_meet_are_named(self) -> None:
        given = shares_program(0, hurry=20.0)
        optimum = GeometricSolver(given).solve()
        assert optimum.status == "infeasible"
        check_contradiction(given, optimum.infeasible_groups)
        assert optimum.infeasible_groups[1:11].sum() == pytest.approx(1.0, abs=1e-3)  # deadlines and sums of shares
        assert (optimum.infeasible_bounds[:3, 1] > 0.0).any()  # a greater speed would help

    def test_two_constraints_out_of_three(self) -> None:
        given = program([(0, 1.0, {0: 1.0}), (1, 2.0, {0: 1.0}), (2, 1.0, {0: -1.0}), (3, 0.1, {0: 1.0})], 1)
        optimum = GeometricSolver(given).solve()
        assert optimum.infeasible_groups == pytest.approx([0.0, 0.5, 0.5, 0.0], abs=1e-5)

    def test_by_a_hair(self) -> None:
        terms: list[Term] = [(0, 3.0, {0: 1.0}), (0, 3.0, {0: -2.0}), (1, 2.0, {0: 1.0})]
        assert solve([*terms, (2, 0.5 * (1 + 1e-7), {0: -1.0})], 1).status == "infeasible"
        assert solve([*terms, (2, 0.5 * (1 - 1e-7), {0: -1.0})], 1).status == "optimal"

    def test_a_constraint_against_the_box(self) -> None:
        optimum = solve([(0, 1.0, {0: 1.0}), (1, 2.0, {0: 1.0})], 1, 1.0)
        assert optimum.status == "infeasible"
        assert optimum.infeasible_groups == pytest.approx([0.0, 1.0])
        assert optimum.infeasible_bounds == pytest.approx(np.array([[1.0, 0.0]]))

    @pytest.mark.parametrize("constant", [1.0 + 1e-6, 5.0])
    def test_a_constraint_of_constants(self, constant: float) -> None:
        optimum = solve([(0, 1.0, {0: 1.0}), (1, constant, {}), (2, 0.1, {0: -1.0})], 1)
        assert optimum.status == "infeasible"
        assert optimum.infeasible_groups.tolist() == [0.0, 1.0, 0.0]

    def test_fixed_variables_that_leave_no_room(self) -> None:
        optimum = solve([(0, 1.0, {0: 1.0}), (1, 1.0, {0: 2.0}), (1, 0.1, {1: 1.0})], 2, [1.0, 0.0], [1.0, np.inf])
        assert optimum.status == "infeasible"
        assert optimum.infeasible_bounds == pytest.approx(np.array([[2.0, 0.0], [0.0, 0.0]]))

    def test_an_empty_box(self) -> None:
        optimum = solve([(0, 1.0, {0: 1.0})], 1, 2.0, 1.0)
        assert optimum.status == "infeasible"
        assert optimum.infeasible_bounds.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("objective", [[(0, 3.0, {0: 1.0})], [(0, 3.0, {0: 1.0}), (0, 2.0, {})]])
def test_an_infimum_that_no_point_attains_is_unknown(objective: list[Term]) -> None:
    optimum = solve(objective, 1)
    assert optimum.status == "unknown"
    assert optimum.lower_bound == sum(coefficient for _, coefficient, powers in objective if not powers)


class TestMultipliers:
    STEP = 1e-4

    def slope(self, more: GeometricOptimum, less: GeometricOptimum) -> float:
        return (less.value - more.value) / (2.0 * self.STEP)

    @pytest.mark.parametrize("seed", range(8))
    def test_of_right_hand_sides(self, seed: int) -> None:
        given = random_program(seed) if seed % 2 else shares_program(seed)
        solver = GeometricSolver(given)
        optimum = solver.solve()
        posynomials = given.posynomials
        for group in np.flatnonzero(optimum.dual > 1e-3 * optimum.value)[:5]:
            own = posynomials.group == group
            moved = [
                solver.solve(np.where(own, posynomials.coefficient * np.exp(-step), posynomials.coefficient))
                for step in (self.STEP, -self.STEP)
            ]
            assert optimum.dual[group] == pytest.approx(self.slope(*moved), rel=2e-2, abs=1e-4 * optimum.value)

    @pytest.mark.parametrize("seed", range(8))
    def test_of_the_box(self, seed: int) -> None:
        given = random_program(seed)
        solver = GeometricSolver(given)
        optimum = solver.solve()
        fixed = given.lower == given.upper
        for variable in range(given.variables):
            values = []
            for step in (self.STEP, -self.STEP):
                lower, upper = given.lower.copy(), given.upper.copy()
                if fixed[variable]:
                    lower[variable] = upper[variable] = given.lower[variable] * np.exp(step)
                else:
                    lower[variable] *= np.exp(-step)
                    upper[variable] *= np.exp(step)
                values.append(solver.solve(lower=lower, upper=upper))
            low, high = optimum.bound_dual[variable]
            promised = high - low if fixed[variable] else high + low
            assert promised == pytest.approx(self.slope(*values), rel=2e-2, abs=1e-4 * optimum.value)

    def test_an_optimum_has_no_residuals_and_a_wrong_one_has(self) -> None:
        given = program([(0, 3.0, {0: 1.0}), (1, 5.0, {0: -1.0})], 1)
        right = kkt_residuals(given, np.array([5.0]), np.array([0.0, 15.0]), np.zeros((1, 2)))
        assert right.largest == pytest.approx(0.0, abs=1e-12)
        assert kkt_residuals(given, np.array([5.0]), np.array([0.0, 12.0]), np.zeros((1, 2))).stationarity > 0.1
        assert kkt_residuals(given, np.array([4.0]), np.array([0.0, 12.0]), np.zeros((1, 2))).primal == pytest.approx(
            0.25
        )
        assert kkt_residuals(given, np.array([6.0]), np.array([0.0, 18.0]), np.zeros((1, 2))).complementarity > 0.1


class TestWeakDuality:
    @given(seed=st.integers(0, 10_000))
    def test_any_weights_give_a_bound_over_the_whole_box(self, seed: int) -> None:
        given = random_program(seed % 50)
        random = np.random.default_rng(seed)
        posynomials, box = given.posynomials, given.box
        weight = random.exponential(size=posynomials.terms) * (random.random(posynomials.terms) < 0.6)
        bound = entropy_bound(posynomials, weight, box)
        total = np.bincount(posynomials.group, weight, minlength=posynomials.groups)
        for _ in range(10):
            log_x = random.uniform(box.lower, box.upper)
            assert bound <= total @ posynomials.log_values(log_x) + 1e-9

    def test_balancing_mends_a_bound_that_rounding_spoils(self) -> None:
        posynomials = Posynomials.of_terms([(0, 3.0, {0: 1.0}), (0, 5.0, {0: -1.0})])
        weight, box = np.array([0.5 + 1e-4, 0.5 - 1e-4]), program([(0, 1.0, {0: 1.0})], 1).box
        best = np.log(2.0 * np.sqrt(15.0))
        assert entropy_bound(posynomials, weight, box) < best - 1e-3
        mended = balanced(posynomials, weight, np.zeros((1, 2)))
        assert entropy_bound(posynomials, mended / mended.sum(), box) == pytest.approx(best, abs=1e-7)


def test_duals_that_diverged_prove_nothing() -> None:
    given = program([(0, 1.0, {0: 1.0}), (1, 0.5, {0: -1.0})], 1)
    reduced = PresolvedProgram.of(given, presolve(given.posynomials, fixed_variables(given)))
    endless = ConicAnswer("NumericalError", np.array([-np.inf]), np.full(2, np.inf), np.full((1, 2), np.inf), 9, 0.0)
    assert reduced.judged(endless).status == "unknown"
