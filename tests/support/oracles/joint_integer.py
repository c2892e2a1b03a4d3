"""Integer programs of small workloads, one for every objective, by outer approximation: an oracle of joint planning.

A binary variable chooses each app's choice (`joint_choices`); speeds, and the rates that a choice gets at every place,
are copied for each choice, so that what is convex at a chosen one is the perspective of a convex function, and its
tangents are linear rows (Duran and Grossmann, "An outer-approximation algorithm for a class of mixed-integer nonlinear
programs", 1986; Günlük and Linderoth, "Perspective reformulations of mixed integer nonlinear programs", 2010). HiGHS
solves the integer program over the tangents, then the chosen combination with more tangents until they are tight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from joint_choices import Choice, Places
from joint_oracle import least_share
from joint_programs import FEASIBLE, GaveUpError

from planner.fin.instance.network import Floats

_MOST_COLUMNS, _MOST_COMBINATIONS, _MOST_LINEAR_PROGRAMS = 150, 100, 200
_TIGHT, _PROVED = 1e-8, 1e-7
"""Relative error of tangents where they count as tight, and relative gap where an optimum counts as proved."""
_FEASIBLE = 1e-10
"""Tolerance of rows in HiGHS, the least that it takes; tangents that are broken by a few of it count as tight too."""
_FIRST_TANGENTS = 4


@dataclass(frozen=True)
class Column:
    """A choice of one app, and what it is worth where accuracy is the objective."""

    app: int
    choice: Choice
    worth: float = 0.0


def least_value(by_app: Sequence[Sequence[Choice]], shared: Places, objective: str) -> float:
    """Return the least power, factor (`latency`) or metric of a workload; infinite where no plan keeps the limits.

    Args:
        by_app: The choices of every app.
        shared: What they share.
        objective: `power`, `latency` (then limits of latency hold too), or the name of a metric.

    Raises:
        GaveUpError: The program is too large, or HiGHS proves nothing.
    """
    columns = [Column(app, choice) for app, own in enumerate(by_app) for choice in own]
    return _Search(columns, len(by_app), shared, objective).least()


def largest_accuracy(by_app: Sequence[Sequence[tuple[float, Choice]]], shared: Places) -> float:
    """Return the largest sum of worths, of one choice per app; -inf where no plan keeps the limits.

    Args:
        by_app: The choices of every app, each with its worth.
        shared: What they share.

    Raises:
        GaveUpError: The program is too large, or HiGHS proves nothing.
    """
    columns = [Column(app, choice, worth) for app, own in enumerate(by_app) for worth, choice in own]
    return -_Search(columns, len(by_app), shared, "accuracy").least()


@dataclass(frozen=True)
class _Curve:
    """A variable `height` that is not below a convex function of `point`, both 0 where the binary `chosen` is 0."""

    chosen: int
    point: int
    height: int
    square: bool
    """Whether the function is the square, else the inverse."""

    def at(self, point: float) -> float:
        """Return the function's value."""
        return point**2 if self.square else 1.0 / point

    def row(self, point: float) -> dict[int, float]:
        """Return the tangent's row, at least 0: of the perspective, thus valid for every value of the binary.

        It is scaled so that no coefficient is as small as those that HiGHS drops.
        """
        if self.square:
            return {self.height: 1.0 / point, self.point: -2.0, self.chosen: point}
        return {self.height: point, self.point: 1.0 / point, self.chosen: -2.0}


class _Search:
    """The program, and the search over it."""

    def __init__(self, columns: Sequence[Column], apps: int, shared: Places, objective: str) -> None:
        self.shared, self.objective = shared, objective
        capacity = shared.most * shared.fastest * (1.0 + FEASIBLE)
        least = [(column, least_share(column.choice, shared)) for column in columns]
        some = [(column, share) for column, share in least if (share <= capacity).all()]
        self.possible = {column.app for column, _ in some} == set(range(apps))
        if len(some) > _MOST_COLUMNS:
            message = f"{len(some)} choices"
            raise GaveUpError(message)
        self.solver: Any = highspy.Highs()
        self.solver.silent()
        options = {"threads": 1, "mip_rel_gap": _PROVED / 10, "mip_abs_gap": 0.0,
                   "mip_feasibility_tolerance": _FEASIBLE, "primal_feasibility_tolerance": _FEASIBLE,
                   "dual_feasibility_tolerance": _FEASIBLE}  # fmt: skip
        for name, value in options.items():
            self.solver.setOptionValue(name, value)
        self.curves: list[_Curve] = []
        self.chosen: list[int] = []
        if self.possible:
            self._build(some, apps)

    def _build(self, some: Sequence[tuple[Column, Floats]], apps: int) -> None:
        """Add all variables and rows; the objective is scaled, for HiGHS takes absolute tolerances."""
        shared = self.shared
        self.scale = self._size([column for column, _ in some], apps)
        idle_w = shared.idle_w / self.scale if self.objective == "power" else 0.0 * shared.idle_w
        self.factor = self._variable(0.0, 1.0 / self.scale, 1.0 if self.objective == "latency" else 0.0)
        self.speed = [self._variable(shared.slowest[n], shared.fastest[n]) for n in range(shared.nodes)]
        self.in_use = [self._variable(0.0, 1.0, idle_w[n]) for n in range(shared.nodes)]
        taken: list[dict[int, float]] = [{} for _ in shared.most]
        held: list[dict[int, float]] = [{} for _ in shared.most]
        keepers: dict[tuple[int, str, str, float], int] = {}
        columns: list[list[tuple[Column, int, dict[int, int]]]] = [[] for _ in range(apps)]
        for column, share in some:
            choice, chosen = column.choice, self._variable(0.0, 1.0, self._constant(column), integer=True)
            self.chosen.append(chosen)
            rates = {p: self._rate(chosen, p, share[p], taken[p]) for p in np.flatnonzero(share > 0.0).tolist()}
            speeds = {n: self._speed(chosen, n) for n in range(shared.nodes) if choice.used[n]}
            self._limit(choice, chosen, rates, speeds)
            for p in np.flatnonzero(choice.memory > 0.0).tolist():
                held[p][chosen] = float(choice.memory[p])
            for key in choice.shared:
                if key not in keepers:
                    keepers[key] = self._variable(0.0, 1.0)
                    held[key[0]][keepers[key]] = key[3]
                self._row({keepers[key]: 1.0, chosen: -1.0}, 0.0)
            columns[column.app].append((column, chosen, {n: square.point for n, (square, _) in speeds.items()}))
        for p, row in enumerate(taken):
            capacity = {self.speed[p]: -float(shared.most[p])} if p < shared.nodes else {}
            self._row({**row, **capacity}, -np.inf, 0.0 if p < shared.nodes else float(shared.most[p]))
            if held[p] and np.isfinite(shared.memory[p]):
                self._row(held[p], -np.inf, float(shared.memory[p]) * (1.0 + FEASIBLE))
        for own in columns:
            self._row({chosen: 1.0 for _, chosen, _ in own}, 1.0, 1.0)
            self._one_speed(own)

    def _size(self, columns: Sequence[Column], apps: int) -> float:
        """Return a value that the objective is not below, with every app alone at its best; 1 where that is 0."""
        least = [min(self._least(column.choice) for column in columns if column.app == app) for app in range(apps)]
        size = max(least) if self.objective == "latency" else sum(least)
        return size if size > 0.0 and self.objective != "accuracy" else 1.0

    def _least(self, choice: Choice) -> float:
        """Return a value that a choice alone is not below."""
        low, high = self.shared.slowest, self.shared.fastest
        if self.objective == "accuracy":
            return 0.0
        if self.objective == "latency":
            rates = self.shared.most * high
            late_s = np.where(choice.late_s > 0.0, choice.late_s / np.where(rates > 0.0, rates, 1.0), 0.0)
            return float(((late_s.sum(axis=1) + choice.fixed_s) / choice.most_s).max())
        dynamic, static, carried = _parts(choice, self.objective)
        return float((dynamic * low**2 + static / high).sum()) + carried

    def _one_speed(self, own: Sequence[tuple[Column, int, dict[int, int]]]) -> None:
        """Let the copies of a node's speed of an app's chosen column be the node's, and the node be in use."""
        for n in range(self.shared.nodes):
            using = [(chosen, copies[n]) for _, chosen, copies in own if n in copies]
            if not using:
                continue
            low, high = float(self.shared.slowest[n]), float(self.shared.fastest[n])
            equal = {self.speed[n]: 1.0, **{copy: -1.0 for _, copy in using}}
            self._row({**equal, **{chosen: low for chosen, _ in using}}, low)
            self._row({**equal, **{chosen: high for chosen, _ in using}}, -np.inf, high)
            self._row({self.in_use[n]: 1.0, **{chosen: -1.0 for chosen, _ in using}}, 0.0)

    def _constant(self, column: Column) -> float:
        """Return what a chosen column adds to the objective whatever the speeds."""
        if self.objective in ("accuracy", "latency"):
            return -column.worth
        return _parts(column.choice, self.objective)[2] / self.scale

    def _rate(self, chosen: int, place: int, share: float, taken: dict[int, float]) -> tuple[float, _Curve]:
        """Add the rate that a column gets at a place, over the geometric mean of its range, and its inverse."""
        middle = float(np.sqrt(share * self.shared.most[place] * self.shared.fastest[place]))
        most = max(float(self.shared.most[place] * self.shared.fastest[place]) / middle, share / middle)
        point, height = self._copy(chosen, share / middle, most), self._variable(0.0, middle / share)
        taken[point] = middle
        return middle, self._curve(_Curve(chosen, point, height, square=False), share / middle, most)

    def _speed(self, chosen: int, node: int) -> tuple[_Curve, _Curve]:
        """Add a column's copy of a node's speed, its square and its inverse."""
        low, high = float(self.shared.slowest[node]), float(self.shared.fastest[node])
        point = self._copy(chosen, low, high)
        square = _Curve(chosen, point, self._variable(0.0, high**2), square=True)
        inverse = _Curve(chosen, point, self._variable(0.0, 1.0 / low), square=False)
        return self._curve(square, low, high), self._curve(inverse, low, high)

    def _limit(
        self,
        choice: Choice,
        chosen: int,
        rates: dict[int, tuple[float, _Curve]],
        speeds: dict[int, tuple[_Curve, _Curve]],
    ) -> None:
        """Add a column's limits, and what its speeds add to the objective."""
        if np.isfinite(choice.most_s):
            for late_s, fixed_s in zip(choice.late_s, choice.fixed_s, strict=True):
                late = {curve.height: float(late_s[p] / rate / choice.most_s) for p, (rate, curve) in rates.items()}
                self._row({**late, chosen: float(fixed_s / choice.most_s) - 1.0}, -np.inf, 0.0)
                self._row({**late, chosen: float(fixed_s / choice.most_s), self.factor: -self.scale}, -np.inf, 0.0)
        sums = [(_parts(choice, name), most) for name, most in [*choice.limits.items(), ("power", choice.most_w)]]
        for (dynamic, static, carried), most in sums:
            if np.isfinite(most):
                scale = 1.0 / most if most > 0.0 else 1.0
                row = {variable: scale * part for variable, part in _of_speeds(speeds, dynamic, static)}
                self._row({**row, chosen: scale * (carried - most)}, -np.inf, 0.0)
        if self.objective in ("accuracy", "latency"):
            return
        dynamic, static, _ = _parts(choice, self.objective)
        for variable, part in _of_speeds(speeds, dynamic, static):
            self.solver.changeColCost(variable, part / self.scale)

    def least(self) -> float:
        """Return the least value of the objective; infinite where the program is infeasible.

        Raises:
            GaveUpError: HiGHS proves nothing, or too many combinations were tried.
        """
        best = np.inf
        for _ in range(_MOST_COMBINATIONS if self.possible else 0):
            found = self._run()
            if found is None or self.solver.getInfo().mip_dual_bound >= best - _PROVED * abs(best):
                return best * self.scale
            combination = [variable for variable in self.chosen if found[variable] > 0.5]
            best = min(best, self._of_combination(combination))
            self._row(dict.fromkeys(combination, 1.0), -np.inf, len(combination) - 1.0)
        if not self.possible:
            return np.inf
        message = f"{_MOST_COMBINATIONS} combinations"
        raise GaveUpError(message)

    def _of_combination(self, combination: Sequence[int]) -> float:
        """Return the value of one combination, by tangents until they are tight; infinite where it is infeasible."""
        self._fix(combination)
        try:
            for _ in range(_MOST_LINEAR_PROGRAMS):
                found = self._run()
                if found is None:
                    return np.inf
                loose = [
                    curve
                    for curve in self.curves
                    if found[curve.chosen] > 0.5
                    and found[curve.height] < curve.at(found[curve.point]) * (1.0 - _TIGHT) - 3.0 * _FEASIBLE
                ]
                if not loose:
                    return float(self.solver.getInfo().objective_function_value)
                for curve in loose:
                    self._row(curve.row(found[curve.point]), 0.0)
        finally:
            self._fix(None)
        message = f"{_MOST_LINEAR_PROGRAMS} linear programs"
        raise GaveUpError(message)

    def _fix(self, combination: Sequence[int] | None) -> None:
        """Fix all choices, or free them."""
        for variable in self.chosen:
            low, high = (0.0, 1.0) if combination is None else (float(variable in combination),) * 2
            self.solver.changeColBounds(variable, low, high)

    def _run(self) -> Floats | None:
        """Solve the program as it is; None where it is infeasible."""
        self.solver.run()
        status = self.solver.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            message = f"HiGHS ends with {status}"
            raise GaveUpError(message)
        return np.array(self.solver.getSolution().col_value)

    def _variable(self, low: float, high: float, cost: float = 0.0, integer: bool = False) -> int:
        number = self.solver.getNumCol()
        self.solver.addCol(cost, low, high, 0, [], [])
        if integer:
            self.solver.changeColIntegrality(number, highspy.HighsVarType.kInteger)
        return number

    def _copy(self, chosen: int, low: float, high: float) -> int:
        """Add a variable within bounds where the column is chosen, and 0 elsewhere."""
        copy = self._variable(0.0, high)
        self._row({copy: 1.0, chosen: -low}, 0.0)
        self._row({copy: 1.0, chosen: -high}, -np.inf, 0.0)
        return copy

    def _curve(self, curve: _Curve, low: float, high: float) -> _Curve:
        """Add a curve with its first tangents."""
        self.curves.append(curve)
        for point in np.geomspace(low, min(high, 100.0 * low), _FIRST_TANGENTS).tolist():
            self._row(curve.row(point), 0.0)
        return curve

    def _row(self, row: dict[int, float], low: float, high: float = np.inf) -> None:
        self.solver.addRow(low, high, len(row), list(row), list(row.values()))


def _parts(choice: Choice, name: str) -> tuple[Floats, Floats, float]:
    """Return what of power or a metric grows with the square of the speeds, what shrinks with them, and the rest."""
    return (choice.dynamic_w, choice.static_w, choice.carried_w) if name == "power" else choice.metrics[name]


def _of_speeds(speeds: dict[int, tuple[_Curve, _Curve]], dynamic: Any, static: Any) -> Iterator[tuple[int, float]]:
    """Yield variables and coefficients of a sum that grows with the squares of speeds, and shrinks with them."""
    for n, (square, inverse) in speeds.items():
        yield square.height, float(dynamic[n])
        yield inverse.height, float(static[n])
