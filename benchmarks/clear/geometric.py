"""Case `geometric`: speeds of nodes and shares of many apps as one geometric program, beside CVXPY."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from benchmarks.report import Report, at_least, at_most, median_seconds, seconds_text, timed
from planner.clear.geometric.solver import GeometricOptimum, GeometricProgram, GeometricSolver, Posynomials
from planner.fin.instance.network import Floats, Ints

_MOST_OF_CLARABEL = 2.0
_LEAST_FASTER = 10.0
_MOST_DIFFERENCE = 1e-6
_MIN_SPEED = 0.3
_BIT_PER_S = 1e9


@dataclass(frozen=True)
class Demand:
    """A apps on N nodes and one radio medium."""

    rate_per_s: Floats
    time_s: Floats
    """(A, N)"""
    energy_j: Floats
    """(A, N)"""
    static_power_w: Floats
    """(N,)"""
    bits: Floats
    max_latency_s: Floats


def demand(apps: int, nodes: int, seed: int) -> Demand:
    """Return apps that use every node, with deadlines a few times what equal shares give."""
    random = np.random.default_rng(seed)
    return Demand(
        random.uniform(1.0, 5.0, apps),
        random.uniform(0.5e-3, 2e-3, (apps, nodes)),
        random.uniform(5e-3, 2e-2, (apps, nodes)),
        random.uniform(0.1, 1.0, nodes),
        random.uniform(5e4, 2e5, apps),
        random.uniform(2.0, 4.0, apps) * apps * nodes * 1e-3,
    )


def program_of(given: Demand) -> GeometricProgram:
    """Return the program: variables are N speeds, then shares of nodes app by app, then shares of the medium.

    Groups: the power in W, a deadline for every app, the sum of shares of every node and of the medium, and for every
    app and node that its queue is stable.
    """
    apps, nodes = given.time_s.shape
    app, node = (index.ravel() for index in np.indices((apps, nodes)))
    share, medium = nodes + np.arange(apps * nodes), nodes + apps * nodes + np.arange(apps)
    each = np.repeat(given.rate_per_s, nodes)
    seconds, deadline = given.time_s.ravel(), given.max_latency_s
    sums = 1 + apps
    pieces: list[tuple[Any, Floats, tuple[tuple[Ints, float], ...]]] = [
        (np.zeros_like(app), each * given.energy_j.ravel(), ((node, 2.0),)),
        (np.zeros_like(app), each * given.static_power_w[node] * seconds, ((node, -1.0),)),
        (1 + app, seconds / deadline[app], ((node, -1.0), (share, -1.0))),
        (1 + np.arange(apps), given.bits / _BIT_PER_S / deadline, ((medium, -1.0),)),
        (sums + node, np.ones(apps * nodes), ((share, 1.0),)),
        (np.full(apps, sums + nodes), np.ones(apps), ((medium, 1.0),)),
        (sums + nodes + 1 + np.arange(apps * nodes), each * seconds, ((node, -1.0), (share, -1.0))),
    ]
    variables = nodes + apps * nodes + apps
    lower, upper = np.zeros(variables), np.full(variables, np.inf)
    lower[:nodes], upper[:nodes] = _MIN_SPEED, 1.0
    return GeometricProgram(_posynomials(pieces), variables, lower, upper)


def _posynomials(pieces: list[tuple[Any, Floats, tuple[tuple[Ints, float], ...]]]) -> Posynomials:
    """Join pieces of terms (groups, coefficients, variables with their exponent) in the order of groups."""
    group = np.concatenate([piece[0] for piece in pieces])
    order = np.argsort(group, kind="stable")
    place = np.argsort(order, kind="stable")
    first = np.cumsum([0, *(piece[0].size for piece in pieces)])
    factors = [
        (place[first[index] + np.arange(variable.size)], variable, np.full(variable.size, exponent))
        for index, (_, _, powers) in enumerate(pieces)
        for variable, exponent in powers
    ]
    term, variable, exponent = (np.concatenate(part) for part in zip(*factors, strict=True))
    coefficient = np.concatenate([piece[1] for piece in pieces])
    return Posynomials(group[order], coefficient[order], term, variable, exponent)


def peer(given: Demand) -> tuple[float, float]:
    """Return the power in W that CVXPY finds, and the seconds that its Clarabel took."""
    from ortools.math_opt.python import mathopt  # noqa: F401 - before CVXPY, whose HiGHS has symbols of the same names

    import cvxpy  # isort: skip

    apps, nodes = given.time_s.shape
    speed = cvxpy.Variable(nodes, pos=True)
    share = cvxpy.Variable((apps, nodes), pos=True)
    medium = cvxpy.Variable(apps, pos=True)
    dynamic_w, static_s = given.rate_per_s @ given.energy_j, given.rate_per_s @ given.time_s
    power_w = cvxpy.sum(
        cvxpy.multiply(dynamic_w, speed**2) + cvxpy.multiply(given.static_power_w * static_s, speed**-1)
    )
    constraints = [speed >= _MIN_SPEED, speed <= 1.0, cvxpy.sum(medium) <= 1.0]
    constraints += [cvxpy.sum(share[:, node]) <= 1.0 for node in range(nodes)]
    for app in range(apps):
        seconds = cvxpy.sum(given.time_s[app] / cvxpy.multiply(speed, share[app, :]))
        constraints.append(seconds + given.bits[app] / (_BIT_PER_S * medium[app]) <= given.max_latency_s[app])
        constraints.append(given.rate_per_s[app] * given.time_s[app] / speed <= share[app, :])
    problem = cvxpy.Problem(cvxpy.Minimize(power_w), constraints)
    problem.solve(solver=cvxpy.CLARABEL, gp=True, min_switch_step_length=0.01)
    return float(problem.value), float(problem.solver_stats.solve_time)


@dataclass(frozen=True)
class Geometric:
    """Apps that all use every node: the densest program there is of this size."""

    name: str = "geometric"
    apps: int = 50
    nodes: int = 5
    seeds: tuple[int, ...] = (0, 1, 2)
    repeats: int = 5
    """Runs of ours per program (CVXPY runs once)."""

    def quick(self) -> Geometric:
        """Return a version with few apps."""
        return replace(self, apps=5, nodes=3, seeds=(0,), repeats=1)

    def run(self) -> Report:
        """Solve each program here, again with what is built, and through CVXPY, from numbers to the answer."""
        for work in (_ours, peer):  # libraries load before clocks run
            work(demand(2, 2, 0))
        measured = [self._row(seed) for seed in self.seeds]
        over, faster, difference = zip(*(figures for _, figures in measured), strict=True)
        columns = ("seed", "time", "/ Clarabel", "again", "CVXPY", "its Clarabel", "/ ours", "difference")
        notes = (
            "time: from numbers to the checked answer; / Clarabel: over the part of it in Clarabel; again: solved anew",
            "CVXPY's Clarabel runs with our minimum step; with its default it stops early on some of these programs",
        )
        targets = (
            at_most("time over Clarabel's part", max(over), _MOST_OF_CLARABEL, "times"),
            at_least("CVXPY's time over ours", min(faster), _LEAST_FASTER, "times"),
            at_most("relative difference", max(difference), _MOST_DIFFERENCE, "of CVXPY's power"),
        )
        title = f"geometric: {self.apps} apps x {self.nodes} nodes"
        return Report(title, columns, tuple(row for row, _ in measured), notes, targets)

    def _row(self, seed: int) -> tuple[tuple[str, ...], tuple[float, float, float]]:
        """Return the row of one program; and time over Clarabel's, CVXPY's time over ours, relative difference."""
        given = demand(self.apps, self.nodes, seed)
        runs = [timed(lambda: _ours(given)) for _ in range(self.repeats)]
        solver, optimum = runs[-1][1]
        ours_s = median(seconds for seconds, _ in runs)
        over = median(seconds / optimum.solve_s for seconds, (_, optimum) in runs)
        peer_s, (value, clarabel_s) = timed(lambda: peer(given))
        faster, difference = peer_s / ours_s, abs(optimum.value - value) / value
        row = (
            str(seed), seconds_text(ours_s), f"{over:.2f}", seconds_text(median_seconds(solver.solve, self.repeats)),
            seconds_text(peer_s), seconds_text(clarabel_s), f"{faster:.1f}", f"{difference:.0e}",
        )  # fmt: skip
        return row, (over, faster, difference)


def _ours(given: Demand) -> tuple[GeometricSolver, GeometricOptimum]:
    """Solve a program from its numbers; return the solver for another time."""
    solver = GeometricSolver(program_of(given))
    return solver, solver.solve()
