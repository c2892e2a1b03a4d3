"""Geometric programs to test with, CVXPY as a peer, and what must hold of every answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from planner.clear.geometric.optimum import excess
from planner.clear.geometric.solver import GeometricOptimum, GeometricProgram, GeometricSolver, Posynomials
from planner.fin.instance.network import Floats

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
