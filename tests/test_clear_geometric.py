"""Geometric programs against closed forms, CVXPY, finite differences and weak duality itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from clear.certificates import balanced, entropy_bound
from clear.geometric import GeometricOptimum, GeometricProgram, GeometricSolver, Posynomials
from clear.optimum import excess, kkt_residuals
from clear.reduction import build_reduction
from clear.restoration import restored
from fin.network import Floats

Term = tuple[int, float, dict[int, float]]
SEEDS = range(30)


def program(terms: list[Term], variables: int, lower: Any = 0.0, upper: Any = np.inf) -> GeometricProgram:
    limits = (np.broadcast_to(np.asarray(limit, dtype=float), variables) for limit in (lower, upper))
    return GeometricProgram(Posynomials.of_terms(terms), variables, *limits)


def solve(*arguments: Any) -> GeometricOptimum:
    return GeometricSolver(program(*arguments)).solve()


def random_program(seed: int, tightness: float = 1.0) -> GeometricProgram:
    """A program with a known point inside all limits; with a tightness above 1, most have none."""
    random = np.random.default_rng(seed)
    variables, constraints = int(random.integers(2, 10)), int(random.integers(1, 12))
    inside = np.exp(random.normal(size=variables) * random.choice([0.5, 2.0, 5.0]))
    terms: list[Term] = []
    for group in range(constraints + 1):
        own: list[tuple[float, dict[int, float]]] = []
        for _ in range(int(random.integers(1, 6))):
            chosen = random.choice(variables, size=int(random.integers(0, min(variables, 4))), replace=False)
            powers = {int(variable): float(np.round(random.normal() * 1.5, 1)) for variable in chosen}
            own.append((float(np.exp(random.normal() * 2.0)), powers))
        own += own[: int(random.integers(0, 2))]  # terms that are alike
        value = sum(c * np.prod([inside[v] ** a for v, a in powers.items()]) for c, powers in own)
        scale = 1.0 if group == 0 else tightness * random.uniform(0.3, 0.95) / value
        terms += [(group, c * scale, powers) for c, powers in own]
    width = np.exp(random.uniform(1.0, 6.0, (2, variables)))
    width[:, random.random(variables) < 0.15] = 1.0  # variables that the box fixes
    return program(terms, variables, inside / width[0], inside * width[1])


def shares_program(seed: int, apps: int = 6, nodes: int = 3, hurry: float = 1.0) -> GeometricProgram:
    """Speeds of nodes, and apps' shares of them and of a medium, under deadlines and stability."""
    random = np.random.default_rng(seed)
    seconds = random.uniform(0.5, 2.0, (apps, nodes)) * 1e-3
    rate = random.uniform(0.1, 0.5, apps) / (seconds.max() * apps)
    terms: list[Term] = []
    for app in range(apps):
        deadline = random.uniform(2.0, 4.0) * apps * nodes * 1e-3 / hurry
        for node in range(nodes):
            share = nodes + app * nodes + node
            terms.append((0, rate[app] * random.uniform(0.5, 2.0) * 1e-2, {node: 2.0}))
            terms.append((0, rate[app] * random.uniform(0.1, 1.0) * seconds[app, node], {node: -1.0}))
            terms.append((1 + app, seconds[app, node] / deadline, {node: -1.0, share: -1.0}))
            terms.append((1 + apps + node, 1.0, {share: 1.0}))
            stability = 2 + apps + nodes + app * nodes + node
            terms.append((stability, rate[app] * seconds[app, node], {node: -1.0, share: -1.0}))
        medium = nodes + apps * nodes + app
        terms.append((1 + app, 2e-4 / deadline, {medium: -1.0}))
        terms.append((1 + apps + nodes, 1.0, {medium: 1.0}))
    variables = nodes + apps * nodes + apps
    lower, upper = np.zeros(variables), np.full(variables, np.inf)
    lower[:nodes], upper[:nodes] = 0.3, 1.0
    return program(terms, variables, lower, upper)


def peer(given: GeometricProgram) -> tuple[str, float]:
    """Return the status and the value that CVXPY finds."""
    import cvxpy

    x = cvxpy.Variable(given.variables, pos=True)
    posynomials = given.posynomials
    powers: list[dict[int, float]] = [{} for _ in range(posynomials.terms)]
    for term, variable, value in zip(
        posynomials.exponent_term, posynomials.exponent_variable, posynomials.exponent_value, strict=True
    ):
        powers[term][variable] = powers[term].get(variable, 0.0) + value
    groups: list[Any] = [0.0] * posynomials.groups
    for group, coefficient, own in zip(posynomials.group, posynomials.coefficient, powers, strict=True):
        monomial = cvxpy.Constant(coefficient)
        for variable, value in own.items():
            monomial = monomial * x[int(variable)] ** float(value)
        groups[group] = groups[group] + monomial
    constraints = [group <= 1.0 for group in groups[1:]]
    constraints += [x[v] >= limit for v, limit in enumerate(given.lower) if limit > 0.0]
    constraints += [x[v] <= limit for v, limit in enumerate(given.upper) if limit < np.inf]
    problem = cvxpy.Problem(cvxpy.Minimize(groups[0]), constraints)
    problem.solve(solver=cvxpy.CLARABEL, gp=True, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    return problem.status, float(problem.value)


def check(given: GeometricProgram, optimum: GeometricOptimum) -> None:
    """Check what every optimum promises."""
    assert optimum.status == "optimal"
    assert excess(given, optimum.x) <= 1e-9
    assert optimum.value == pytest.approx(given.posynomials.values(optimum.x)[0], rel=1e-12)
    assert optimum.lower_bound <= optimum.value
    assert optimum.lower_bound >= optimum.value * (1.0 - 1e-6)
    assert (optimum.dual >= 0.0).all()
    assert (optimum.bound_dual >= 0.0).all()
    assert optimum.residuals.largest < 1e-3
    assert not optimum.infeasible_groups.any()


def check_contradiction(given: GeometricProgram, weight: Floats) -> None:
    """Minimise the weighted logarithms, a convex function, over the box: above 0, constraints contradict each other."""
    assert weight.sum() == pytest.approx(1.0)
    posynomials = given.posynomials

    def value_and_slope(log_x: Floats) -> tuple[float, Floats]:
        values = posynomials.log_values(log_x)
        share = np.exp(posynomials.log_terms(log_x) - values[posynomials.group])
        held = weight > 0.0
        return float(weight[held] @ values[held]), posynomials.slope(weight[posynomials.group] * share, log_x.size)

    box = given.box
    start = np.clip(0.0, box.lower, box.upper)
    found = minimize(
        value_and_slope, start, jac=True, method="L-BFGS-B", bounds=list(zip(box.lower, box.upper, strict=True))
    )
    assert found.fun > 0.0


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
        reduction = build_reduction(posynomials, np.array([False, False, True]))
        assert reduction.merged[0] == reduction.merged[1]
        assert len(set(reduction.merged.tolist())) == 4  # 2 + 1 terms and a constant, -1
        assert reduction.merged[4] == -1
        assert reduction.free.tolist() == [0, 1]

    @given(seed=st.integers(0, 10_000))
    def test_a_reduced_program_has_the_same_values(self, seed: int) -> None:
        given, random = random_program(seed), np.random.default_rng(seed)
        posynomials = given.posynomials
        reduction = build_reduction(posynomials, given.lower == given.upper)
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
    back = restored(posynomials, log_x, box)
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
