"""Grid program: one mixed-integer program over given columns, with grids of speeds and rates.

A binary says which column an app takes. A node's speed is an average of the speeds of its grid, the rate that an app
gets of a node (its share times the speed) or of a medium (its share) an average of the rates of a grid of its own, with
continuous weights. Dynamic power grows with the square of the speed, static power and times with the inverse of speeds
and rates. All of these are convex, so the average of the values on a grid is above the value at the average: what the
program allows is allowed, at no more than what the program counts. It cannot see what lies between, so it proves
nothing: its optimum is no lower bound, and where it has no plan there may be one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.clear.problem.column import Column
from planner.clear.problem.column_memory import ParameterKey
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.network import Floats, Network
from planner.fin.solvers.integer_program import IntegerProgram, Rows, SolverSettings, solve_integer_program

_SPEEDS, _RATES = 9, 12
"""Points of the grids."""
_GAP = 1e-4
_EQUAL = ("app", "speeds", "rates")
"""Kinds of rows that are equations: columns of an app sum to 1, weights of a grid to their column."""
Row = tuple[str | int, ...]


@dataclass(frozen=True)
class Choice:
    """What the program says."""

    columns: tuple[Column, ...] | None
    """The column of every app; None where there is none on the grids, or the time was too short."""
    message: str
    """What stopped the solver, if anything."""
    variables: int
    rows: int


def choose(
    joint: JointInstance,
    by_app: Sequence[Sequence[Column]],
    gap: float,
    time_limit_s: float,
) -> Choice:
    """Choose a column for every app.

    Args:
        joint: The apps.
        by_app: Columns of every app, one at least.
        gap: Relative gap at which the solver may stop (no unit).
        time_limit_s: Time for the solver; infinite for no limit.

    Returns:
        The columns chosen, or the reason why there are none, and the size of the program.
    """
    program = _Program.of(joint, by_app)
    columns, message = _run(program, gap, time_limit_s)
    return Choice(columns, message, len(program.cost), len(program.most))


@dataclass
class _Program:
    """Minimise the cost of variables >= 0, the first of which are binary, one per column."""

    columns: Sequence[Column]
    """In the order of their binaries."""
    cost: list[float] = field(default_factory=list)
    entries: dict[Row, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    held: dict[ParameterKey, int] = field(default_factory=dict)
    """Variable of each named parameter on each node: how much of it the node holds."""
    most: dict[Row, float] = field(default_factory=dict)
    """Right-hand side of every row; those of `_EQUAL` are equations."""

    @classmethod
    def of(cls, joint: JointInstance, by_app: Sequence[Sequence[Column]]) -> _Program:
        """Write the program."""
        columns = [column for own in by_app for column in own]
        program, network = cls(columns), joint.network
        for column in columns:
            program._variable(column.transfer_w)
        speeds = {node: _grid(network.slowest[node], network.fastest[node], _SPEEDS) for node in _in_play(columns)}
        for node, levels in speeds.items():
            program._add_node(network, node, levels)
        for number, column in enumerate(columns):
            program._add(("app", column.app), number, 1.0, most=1.0)
            program._add_budgets(column, number)
            program._add_speeds(column, number, speeds)
            program._add_rates(network, column, number)
        return program

    def _variable(self, cost: float) -> int:
        self.cost.append(float(cost))
        return len(self.cost) - 1

    def _add(self, row: Row, variable: int, coefficient: float, most: float) -> None:
        self.most[row] = most
        if coefficient != 0.0:
            self.entries[row].append((variable, float(coefficient)))

    def _add_node(self, network: Network, node: int, levels: Floats) -> None:
        """Weights of a node's speeds; they sum to 1 if it is in use, and then it costs its idle power."""
        for level, speed in enumerate(levels.tolist()):
            weight = self._variable(network.idle_power_w[node])
            self._add(("use", node), weight, 1.0, most=1.0)
            self._add(("node", node), weight, -float(network.max_utilization[node]) * speed, most=0.0)
            for app in sorted({column.app for column in self.columns if node in column.nodes}):
                self._add(("level", app, node, level), weight, -1.0, most=0.0)

    def _add_budgets(self, column: Column, number: int) -> None:
        """Transfers count for an app's limits on energy and metrics too."""
        for budget in column.budgets:
            self._add((budget.name, column.app), number, budget.transfer, most=budget.most)

    def _add_speeds(self, column: Column, number: int, speeds: dict[int, Floats]) -> None:
        """Power of computing, at the weights of each node's speeds."""
        for index, node in enumerate(column.nodes.tolist()):
            self._add(("speeds", number, node), number, -1.0, most=0.0)
            for level, speed in enumerate(speeds[node].tolist()):
                power_w = column.dynamic_w[index] * speed**2 + column.static_w[index] / speed
                weight = self._variable(power_w)
                self._add(("speeds", number, node), weight, 1.0, most=0.0)
                self._add(("level", column.app, node, level), weight, 1.0, most=0.0)
                for budget in column.budgets:
                    taken = budget.dynamic[index] * speed**2 + budget.static[index] / speed
                    self._add((budget.name, column.app), weight, taken, most=budget.most)

    def _add_rates(self, network: Network, column: Column, number: int) -> None:
        """Memory, latencies, and the rates that the app gets of nodes and media."""
        timed = np.isfinite(column.most_s)
        for row, fixed_s in enumerate(column.fixed_s.tolist()) if timed else ():
            self._add(("late", column.app, row), number, fixed_s / column.most_s, most=1.0)
        most = network.max_utilization * network.fastest
        for index, node in enumerate(column.nodes.tolist()):
            if np.isfinite(network.memory_bytes[node]):
                self._add_memory(column, number, index, float(network.memory_bytes[node]))
            levels = _rates(column, column.node_load[index], column.node_s[:, index], float(most[node]))
            self._add_grid(column, number, ("node", node), 0.0, levels, column.node_s[:, index])
        for index, medium in enumerate(column.media.tolist()):
            levels = _rates(column, column.medium_load[index], column.medium_s[:, index], 1.0)
            self._add_grid(column, number, ("medium", medium), 1.0, levels, column.medium_s[:, index])

    def _add_memory(self, column: Column, number: int, index: int, most: float) -> None:
        """Memory of one node of a column; what other apps may share there is held once, whoever takes it."""
        node = int(column.nodes[index])
        shared = [one for one in column.shared if one.node == node]
        parts = sum(one.part_bytes for one in shared)
        self._add(("memory", node), number, column.memory_bytes[index] - parts, most=most)
        for one in shared:
            if one.key not in self.held:
                self.held[one.key] = self._variable(0.0)
                self._add(("memory", node), self.held[one.key], one.size_bytes, most=most)
            row = ("held", number, *one.key)
            self._add(row, number, 1.0, most=0.0)
            self._add(row, self.held[one.key], -1.0, most=0.0)

    def _add_grid(
        self, column: Column, number: int, place: tuple[str, int], most: float, levels: Floats, seconds: Floats
    ) -> None:
        """Weights of the rates of one column on one node or medium, and what they take of it and of latencies."""
        for rate in levels.tolist():
            weight = self._variable(0.0)
            self._add(("rates", number, *place), weight, 1.0, most=0.0)
            self._add(place, weight, rate, most=most)
            for row, time_s in enumerate(seconds.tolist()) if np.isfinite(column.most_s) else ():
                self._add(("late", column.app, row), weight, time_s / rate / column.most_s, most=1.0)
        if len(levels):
            self._add(("rates", number, *place), number, -1.0, most=0.0)


def _in_play(columns: Sequence[Column]) -> list[int]:
    return sorted({int(node) for column in columns for node in column.nodes})


def _grid(low: float, high: float, points: int) -> Floats:
    """Return values in equal ratios; one where there is no range."""
    return np.geomspace(low, high, points) if low < high * (1.0 - 1e-12) else np.array([high])


def _rates(column: Column, load: float, seconds: Floats, most: float) -> Floats:
    """Return rates from the least that keeps queue and latencies to the largest; none where nothing is asked.

    Without a latency limit nothing but the queue asks for a rate.
    """
    if not np.isfinite(column.most_s):
        return np.array([load]) if load > 0.0 else np.zeros(0)
    late = float((seconds / np.maximum(column.most_s - column.fixed_s, 1e-300)).max())
    least = max(load, late)
    return _grid(least, most, _RATES) if least > 0.0 else np.zeros(0)


def _run(program: _Program, gap: float, time_limit_s: float) -> tuple[tuple[Column, ...] | None, str]:
    """Hand the program to HiGHS; return the column of each app, and what stopped the solver, if anything."""
    settings = SolverSettings(relative_gap=max(gap, _GAP), time_limit_s=time_limit_s, seed=1)
    found = solve_integer_program(_integer_program(program), settings)
    if found.values is None:
        return None, found.termination.detail
    chosen = found.values[: len(program.columns)] > 0.5
    return tuple(program.columns[number] for number in np.flatnonzero(chosen).tolist()), found.termination.detail


def _integer_program(program: _Program) -> IntegerProgram:
    """Return the program as sparse arrays."""
    rows, size = Rows(), len(program.cost)
    for row, most in program.most.items():
        rows.add_entries(program.entries[row], most if row[0] in _EQUAL else -np.inf, most)
    integer = np.arange(size) < len(program.columns)
    return IntegerProgram(np.array(program.cost), np.zeros(size), np.ones(size), integer, rows)
