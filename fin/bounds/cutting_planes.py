"""Lagrangian dual of several limits: cutting planes on one multiplier per limit, many scenarios at once.

With multipliers m >= 0 the least of ``cost + sum(m * (sum - limit))`` over all paths is below every path within the
limits. Each path met is a plane above that concave function; the multipliers at which the planes met so far are highest
are tried next (Kelley, J. SIAM 8(4), 1960). They are the dual values of a linear program that mixes the paths met
(Dantzig and Wolfe, Operations Research 8, 1960), which has a row per limit and is kept optimal by a few pivots.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.fin.bounds.dual import DualBounds, Incumbents, kept_recursions, worth_a_round
from planner.fin.deadline import Deadline
from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.feasible import FeasibleGraph
from planner.fin.graph.min_plus import Paths, Recursion, Weights, best_paths, best_paths_and_recursion
from planner.fin.graph.path_sums import path_sums, transfer_figures
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints

_MOST_ROUNDS = 60
_MOST_PIVOTS = 50
_ROUNDING = 1e-11
_CERTAIN = 1e-9
"""Least excess of the limits, over them, that is no rounding."""
_FALLBACK = 100.0
"""Cost of the artificial plan that keeps all limits, over that of the dearest path met at first."""


def bounds_of_several(feasible: FeasibleGraph, deadline: Deadline | None = None) -> DualBounds:
    """Ascend on the multipliers of every scenario by cutting planes.

    Args:
        feasible: K scenarios with further sums.
        deadline: When to give up; what is found of the bounds until then holds.

    Raises:
        DeadlineReachedError: The deadline came before the first bound.
    """
    until, graph = deadline or Deadline(), feasible.graph
    assert graph.further is not None
    scenarios, layers, _ = graph.shape
    most = np.append(graph.limit * (1.0 + TOLERANCE), graph.further.most)
    best = Incumbents(scenarios, layers)
    multipliers, every = np.zeros((scenarios, len(most))), np.arange(scenarios)
    paths, lower, recursion = best_paths_and_recursion(graph, Weights.lagrangian(np.zeros(scenarios)), until)
    before = kept_recursions(recursion, every)
    cost, sums = _all_sums(graph, paths)
    best.update(every, _within(sums, most), cost, paths)
    active, masters = np.flatnonzero(~_within(sums, most)), dict[int, Master]()
    if len(active):
        masters = _masters(graph, most, active, (cost, sums, paths.node), best, until)
        impossible = _impossible(graph, most, active, masters, until)
        lower[active[impossible]] = np.inf
        _ascend(graph, most, active[~impossible], masters, (lower, multipliers, best, before), until)
    mixed = {scenario: master.mixed for scenario, master in masters.items()}
    lower = np.minimum(lower, best.cost)
    return DualBounds(lower, multipliers[:, 0], best.paths, best.cost, multipliers[:, 1:], before, mixed)


def _within(sums: Floats, most: Floats) -> Bools:
    """(K,) whether the sums of each scenario keep all limits."""
    return np.asarray((sums <= most).all(axis=1))


def _masters(
    graph: ExtendedGraph, most: Floats, active: Ints, met: tuple[Floats, Floats, Ints], best: Incumbents,
    until: Deadline,
) -> dict[int, Master]:  # fmt: skip
    """Return the linear program of each scenario, with the cheapest path and those that spare each limit most."""
    found = {}
    part = graph.take(active)
    costs, sums, nodes = [met[0][active]], [met[1][active]], [met[2][active]]
    for row in np.flatnonzero(np.isfinite(most)).tolist():
        spared = part if row == 0 else part.limited_by(row - 1)
        paths, _ = best_paths(spared, Weights.limited_only(len(active)), until)
        cost, used = _all_sums(part, paths)
        best.update(active, _within(used, most), cost, paths)
        costs.append(cost)
        sums.append(used)
        nodes.append(paths.node)
    for place, scenario in enumerate(active.tolist()):
        dearest = max(float(each[place]) for each in costs)
        master = Master(most, _FALLBACK * dearest if dearest > 0.0 else 1.0)
        for cost, used, node in zip(costs, sums, nodes, strict=True):
            master.add(float(cost[place]), used[place], node[place])
        found[scenario] = master
    return found


def _impossible(graph: ExtendedGraph, most: Floats, active: Ints, masters: dict[int, Master], until: Deadline) -> Bools:
    """Mark the scenarios none of whose paths keeps all limits, as multipliers prove (Farkas' lemma).

    With multipliers m of the limits and none of the cost, ``sum(m * (sum - limit))`` above 0 for the path that makes it
    least is above 0 for every path. Paths are added to the programs until they hold a mixture that keeps all limits.
    """
    found = np.zeros(len(active), dtype=bool)
    finite = np.where(np.isfinite(most), most, 0.0)
    free = replace(graph, vertex_cost=np.zeros_like(graph.vertex_cost), arc_cost=np.zeros_like(graph.arc_cost))
    open_ = np.ones(len(active), dtype=bool)
    for _ in range(_MOST_ROUNDS):
        trial = {place: masters[int(active[place])].least_excess() for place in np.flatnonzero(open_).tolist()}
        open_[[place for place, row in trial.items() if row is None]] = False
        places = np.flatnonzero(open_)
        if len(places) == 0 or until.expired:
            break
        rows = np.array([trial[place] for place in places.tolist()])
        scenarios = active[places]
        paths, value = best_paths(free.take(scenarios).priced(rows[:, 1:]), Weights.lagrangian(rows[:, 0]))
        certain = value - rows @ finite > _CERTAIN * (rows @ finite)
        found[places[certain]], open_[places[certain]] = True, False
        cost, sums = _all_sums(graph.take(scenarios), paths)
        for place, scenario in enumerate(scenarios.tolist()):
            masters[scenario].add(float(cost[place]), sums[place], paths.node[place])
    return found


def _ascend(
    graph: ExtendedGraph, most: Floats, active: Ints, masters: dict[int, Master],
    held: tuple[Floats, Floats, Incumbents, dict[int, Recursion]], until: Deadline,
) -> None:  # fmt: skip
    """Raise the bounds that are held, with their multipliers and recursions, until no plane is worth another round."""
    lower, multipliers, best, before = held
    finite = np.where(np.isfinite(most), most, 0.0)
    for _ in range(_MOST_ROUNDS):
        solved = [masters[scenario].solve() for scenario in active.tolist()]
        trial, ceiling = np.array([each for each, _ in solved]), np.array([each for _, each in solved])
        go_on = worth_a_round(ceiling, lower[active], best.cost[active], best.cost.min())
        active, trial = active[go_on], trial[go_on]
        if len(active) == 0 or until.expired:
            return
        part = graph.take(active)
        paths, value, recursion = best_paths_and_recursion(part.priced(trial[:, 1:]), Weights.lagrangian(trial[:, 0]))
        cost, sums = _all_sums(part, paths)
        best.update(active, _within(sums, most), cost, paths)
        bound = value - trial @ finite
        improves = bound > lower[active]
        lower[active] = np.where(improves, bound, lower[active])
        multipliers[active] = np.where(improves[:, None], trial, multipliers[active])
        before |= kept_recursions(recursion, np.where(improves, active, -1))
        for place, scenario in enumerate(active.tolist()):
            masters[scenario].add(float(cost[place]), sums[place], paths.node[place])


def _all_sums(graph: ExtendedGraph, paths: Paths) -> tuple[Floats, Floats]:
    """Return (K,) costs and (K, 1 + R) limited sums of one path per scenario, the further ones behind."""
    assert graph.further is not None
    figures = transfer_figures(graph, paths)
    cost, limited = path_sums(graph, paths, figures)
    scenarios, layers, _ = graph.shape
    rows, depth = np.arange(scenarios)[:, None], np.arange(layers)
    vertex = graph.further.vertex[rows, :, depth, paths.node, paths.option].sum(axis=1)
    arc = np.einsum("krdc,ckd->kr", graph.further.arc, figures)
    return cost, np.concatenate([limited[:, None], vertex + arc], axis=1)


class Master:
    """Linear program that mixes paths at least cost within the limits: a row per limit, and one for the mixture.

    Primal simplex with the basis of the last call; columns are slacks, an artificial plan, then paths.
    """

    def __init__(self, most: Floats, fallback: float) -> None:
        self._rows = np.flatnonzero(np.isfinite(most))
        self._most = most
        self._scale = np.where(most > 0.0, most, 1.0)[self._rows]
        size = len(self._rows) + 1
        artificial = np.append(np.full(size - 1, -1.0), 1.0)
        self._artificial = size - 1
        self._columns = [*np.eye(size)[: size - 1], artificial]
        self._costs = [*([0.0] * (size - 1)), fallback]
        self._basis = list(range(size))
        self._nodes: list[Ints] = []

    @property
    def mixed(self) -> Ints:
        """(P, D) nodes of the paths that the basis mixes."""
        paths = [column - self._artificial - 1 for column in sorted(self._basis) if column > self._artificial]
        return np.array([self._nodes[path] for path in paths], dtype=np.int64).reshape(len(paths), -1)

    def add(self, cost: float, sums: Floats, nodes: Ints) -> None:
        """Add a path as a column.

        Args:
            cost: What it costs, in the objective's unit.
            sums: (1 + R,) its limited sums.
            nodes: (D,) its nodes.
        """
        self._nodes.append(nodes)
        over = (sums - self._most)[self._rows] / self._scale
        self._columns.append(np.append(over, 1.0))
        self._costs.append(cost)

    def solve(self) -> tuple[Floats, float]:
        """Return the (1 + R) multipliers of the limits, and a value above the bound at any multipliers."""
        return self._solve(np.array(self._costs))

    def least_excess(self) -> Floats | None:
        """Return the multipliers that prove that no mixture of the paths keeps all limits; None where one does."""
        costs = np.zeros(len(self._costs))
        costs[self._artificial] = 1.0
        multipliers, excess = self._solve(costs)
        return multipliers if excess > _CERTAIN else None

    def _solve(self, costs: Floats) -> tuple[Floats, float]:
        columns = np.array(self._columns).T
        right = np.append(np.zeros(len(self._rows)), 1.0)
        for pivot in range(_MOST_PIVOTS):
            basis = columns[:, self._basis]
            dual = np.linalg.solve(basis.T, costs[self._basis])
            reduced = costs - dual @ columns
            reduced[self._basis] = 0.0
            entering = _entering(reduced, _ROUNDING * (1.0 + np.abs(costs).max()), pivot)
            if entering < 0:
                break
            levels, change = np.linalg.solve(basis, np.stack([right, columns[:, entering]], axis=1)).T
            ratios = np.where(
                change > _ROUNDING, np.maximum(levels, 0.0) / np.where(change > _ROUNDING, change, 1.0), np.inf
            )
            self._basis[int(ratios.argmin())] = entering
        multipliers = np.zeros(len(self._most))
        multipliers[self._rows] = np.maximum(-dual[:-1], 0.0) / self._scale
        return multipliers, float(dual[-1])


def _entering(reduced: Floats, tolerance: float, pivot: int) -> int:
    """Return the column to enter: the one of least reduced cost, late the first (Bland's rule); -1 for none."""
    negative = np.flatnonzero(reduced < -tolerance)
    if len(negative) == 0:
        return -1
    return int(negative[0] if 2 * pivot > _MOST_PIVOTS else reduced.argmin())
