"""Restricted master: chooses a priced column of each app so that shares, memory and nodes in use fit together.

Every row has the form ``sum(coefficient * variable) <= most``, but for one row per app that sums its priced columns to
1. As a linear program its duals are prices; with integer variables its optimum is a plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.clear.master.priced_column import PricedColumn
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.column_memory import ParameterKey
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.network import Floats, Ints
from planner.fin.solvers.guarded import guarded
from planner.fin.solvers.integer_program import IntegerProgram, Rows, SolverSettings, solve_integer_program

Row = tuple[str, int, int]
"""Kind (`node`, `use`, `medium`, `memory`), app (-1: all), and node or number of the medium.

`held` rows tie a priced column to the variable of a named parameter that its node holds.
"""
_TOLERANCE = 1e-5
"""Relative gap of the linear program: prices are steered by it, and proved otherwise."""
_NODES = 200
"""Nodes of branch and bound at most; by the clock, a busy machine would find another plan."""
_UNSERVED = 10.0
"""Cost of an app that is not served, in multiples of its cheapest priced column with all idle power in play."""


@dataclass(frozen=True, eq=False)
class MasterSolution:
    """Solution of the master."""

    value_w: float
    prices: DualPrices | None
    """Duals of the linear program."""
    chosen: tuple[int, ...] | None
    """Number of the priced column of each app, of the integer master, where every app has one."""
    unserved: float = 0.0
    """Apps that the linear program could not serve (count, in parts)."""
    taken: Floats = field(default_factory=lambda: np.zeros(0))
    """Part of each priced column that the linear program takes."""
    most_in_use: float = 0.0
    """Nodes of a class that it has in use, of the class with the most (count, in parts)."""
    in_use: Mapping[int, float] = field(default_factory=dict)
    """Nodes of each class that it has in use (count, in parts)."""


class RestrictedMaster:
    """The program over priced columns."""

    def __init__(self, joint: JointInstance, priced_columns: Sequence[PricedColumn]) -> None:
        self._joint, self._kind, self.priced_columns = joint, joint.kinds, priced_columns
        self._medium = {medium: number for number, medium in enumerate(joint.media.tolist())}

    def solve_relaxation(self) -> MasterSolution | None:
        """Solve the linear program; its duals are prices. None where the solver gives up.

        Nodes that are equal for all apps share their rows: had every priced column its copies on all of them, the
        optimum would not change, and prices of equal nodes are equal in some optimum of the duals. So no app can evade
        a price by going to the next equal node.

        An interior-point method without crossover ends in the middle of the optimal duals, and prices from there need
        far fewer rounds than those of a vertex: idle power is split evenly among the apps that share a node.
        """
        return self._program(whole=False).solved(self._prices)

    def solve_integer(self, time_limit_s: float) -> MasterSolution:
        """Choose one priced column per app, within a time (s, infinite for none) and a number of search nodes."""
        program = self._program(whole=True)
        settings = SolverSettings(relative_gap=1e-4, time_limit_s=time_limit_s, node_limit=_NODES, seed=1)
        found = solve_integer_program(program.integer_program(), settings)
        if found.values is None:
            return MasterSolution(np.inf, None, None)
        chosen = [-1] * self._joint.count
        for number in np.flatnonzero(found.values[: len(self.priced_columns)] > 0.5).tolist():
            chosen[self.priced_columns[number].column.app] = number
        return MasterSolution(found.objective, None, tuple(chosen) if min(chosen) >= 0 else None)

    def _program(self, whole: bool) -> _Program:
        """Write the rows; variables are priced columns, then nodes in use, then a slack per app."""
        joint, network = self._joint, self._joint.network
        group = np.arange(network.size) if whole else self._kind
        first, count = np.unique(group, return_index=True)[1], np.bincount(group)
        used = {int(group[node]) for priced in self.priced_columns for node in priced.column.nodes}
        counts = joint.node_counts
        in_play = sorted(used if whole else used | set(np.flatnonzero(counts.least).tolist()))
        place = {node: len(self.priced_columns) + index for index, node in enumerate(in_play)}
        slack = len(self.priced_columns) + len(in_play)
        rows: dict[Row, list[tuple[int, float]]] = defaultdict(list)
        for number, priced in enumerate(self.priced_columns):
            self._write(rows, number, priced, group)
        for kind, app, node in list(rows):
            if kind != "medium":
                room = float(network.max_utilization[first[node]]) if kind == "node" else 1.0
                rows[kind, app, node].append((place[node], -room))
        cost = [priced.power_w for priced in self.priced_columns] + [
            float(network.idle_power_w[first[node]]) for node in in_play
        ]
        idle_w = sum(cost[len(self.priced_columns) :])
        cheapest = [idle_w + self._cheapest(app) for app in range(joint.count)]
        nothing = sum(cheapest) or 1.0  # where an app costs nothing, not to serve it costs as much as all others
        unserved = [_UNSERVED * (own or nothing) for own in cheapest]
        for app in range(joint.count):
            own = [(number, 1.0) for number, priced in enumerate(self.priced_columns) if priced.column.app == app]
            rows["app", app, -1] = [*own, (slack + app, 1.0)]
        held = self._write_shared(rows, slack + joint.count) if whole else 0
        most = {"app": (1.0, 1.0), "medium": (-np.inf, 1.0)}
        limits = [most.get(kind, (-np.inf, 0.0)) for kind, _, _ in rows]
        return _Program(
            cost=[*cost, *unserved, *([0.0] * held)],
            whole=whole,
            in_play=range(len(self.priced_columns), slack),
            least_in_play=np.zeros(len(in_play)) if whole else counts.least[in_play].astype(np.float64),
            most_in_play=(count if whole else counts.most)[in_play].astype(np.float64),
            groups=tuple(in_play),
            rows=dict(rows),
            limits=limits,
        )

    def _cheapest(self, app: int) -> float:
        """Return the power of an app's cheapest priced column; 1 W where it has none."""
        return min((priced.power_w for priced in self.priced_columns if priced.column.app == app), default=1.0)

    def _write(self, rows: dict[Row, list[tuple[int, float]]], number: int, priced: PricedColumn, group: Ints) -> None:
        """Write what one priced column takes of (groups of) nodes, memory and media."""
        column, network = priced.column, self._joint.network
        for node, share, held in zip(column.nodes.tolist(), priced.node_share, column.memory_bytes, strict=True):
            rows["node", -1, int(group[node])].append((number, float(share)))
            rows["use", column.app, int(group[node])].append((number, 1.0))
            if held > 0.0 and np.isfinite(network.memory_bytes[node]):
                part = float(held / network.memory_bytes[node])  # bytes and shares in one program lose digits
                rows["memory", -1, int(group[node])].append((number, part))
        for medium, share in zip(column.media.tolist(), priced.medium_share, strict=True):
            if medium in self._medium:
                rows["medium", -1, self._medium[medium]].append((number, float(share)))

    def _write_shared(self, rows: dict[Row, list[tuple[int, float]]], begin: int) -> int:
        """Let nodes hold named parameters once, whoever shares them; return how many variables say whether they do."""
        held: dict[ParameterKey, int] = {}
        for number, priced in enumerate(self.priced_columns):
            for one in priced.column.shared:
                if one.size_bytes == 0.0 or np.isinf(most := float(self._joint.network.memory_bytes[one.node])):
                    continue
                memory = rows["memory", -1, one.node]
                memory.append((number, -one.part_bytes / most))
                if one.key not in held:
                    held[one.key] = begin + len(held)
                    memory.append((held[one.key], one.size_bytes / most))
                rows["held", number, held[one.key]] = [(number, 1.0), (held[one.key], -1.0)]
        return len(held)

    def _prices(self, program: _Program, duals: Floats) -> DualPrices:
        """Read prices off the duals of the linear program."""
        joint = self._joint
        nodes = joint.network.size
        prices = DualPrices(
            np.zeros(nodes), np.zeros((joint.count, nodes)), np.zeros(nodes), np.zeros(len(joint.media))
        )
        for (kind, app, place), dual in zip(program.rows, np.maximum(-duals, 0.0), strict=True):
            if kind == "node":
                prices.node_w[self._kind == place] = dual
            elif kind == "use":
                prices.use_w[app, self._kind == place] = dual
            elif kind == "medium":
                prices.media_w[place] = dual
            elif kind == "memory":
                alike = self._kind == place
                prices.memory_w_per_byte[alike] = dual / joint.network.memory_bytes[alike]
        return prices.covering_idle_power(joint)


@dataclass(frozen=True, eq=False)
class _Program:
    """A linear program, its rows by name."""

    cost: list[float]
    whole: bool
    in_play: range
    """Variables that say how many nodes of a group are in use."""
    least_in_play: Floats
    """Least number of nodes of each of these groups."""
    most_in_play: Floats
    """Largest number of nodes of each of these groups."""
    groups: tuple[int, ...]
    """These groups."""
    rows: dict[Row, list[tuple[int, float]]]
    limits: Sequence[tuple[float, float]]

    def solved(self, prices_of: Callable[[_Program, Floats], DualPrices]) -> MasterSolution | None:
        """Solve it by Clarabel."""
        import clarabel
        from scipy.sparse import csc_array, eye_array, vstack

        count, keys = len(self.cost), list(self.rows)
        order = sorted(range(len(keys)), key=lambda row: keys[row][0] != "app")  # equations first
        entries = [(place, *entry) for place, row in enumerate(order) for entry in self.rows[keys[row]]]
        places, columns, values = zip(*entries, strict=True)
        matrix = csc_array((values, (places, columns)), shape=(len(keys), count))
        identity = eye_array(count, format="csc")
        stacked = vstack([matrix, -identity, identity[list(self.in_play)]], format="csc")
        most = [self.limits[row][1] for row in order]
        least = np.zeros(count)
        least[list(self.in_play)] = -self.least_in_play
        right = np.concatenate([most, least, self.most_in_play])
        equations = sum(key[0] == "app" for key in keys)
        cones = [clarabel.ZeroConeT(equations), clarabel.NonnegativeConeT(len(right) - equations)]
        settings = clarabel.DefaultSettings()
        settings.verbose, settings.tol_gap_rel, settings.tol_feas, settings.max_threads = False, _TOLERANCE, 1e-7, 1
        cost = np.array(self.cost)
        scale = float(np.median(cost[cost > 0.0])) if (cost > 0.0).any() else 1.0
        none = csc_array((count, count))
        found = guarded(lambda: clarabel.DefaultSolver(none, cost / scale, stacked, right, cones, settings).solve())
        if found is None:
            return None
        duals = np.empty(len(keys))
        duals[order] = -np.array(found.z)[: len(keys)] * scale
        if not np.isfinite(duals).all() or not np.isfinite(found.obj_val):
            return None
        chosen = np.array(found.x)
        taken, in_use, unserved = np.split(chosen, [self.in_play.start, self.in_play.stop])
        return MasterSolution(
            value_w=float(found.obj_val) * scale,
            prices=prices_of(self, duals),
            chosen=None,
            unserved=float(unserved.sum()),
            taken=taken,
            most_in_use=float(in_use.max(initial=0.0)),
            in_use=dict(zip(self.groups, in_use.tolist(), strict=True)),
        )

    def integer_program(self) -> IntegerProgram:
        """Return it with integer variables."""
        rows, size = Rows(), len(self.cost)
        for entries, (low, high) in zip(self.rows.values(), self.limits, strict=True):
            rows.add_entries(entries, low, high)
        upper = np.full(size, np.inf)
        upper[list(self.in_play)] = 1.0
        return IntegerProgram(np.array(self.cost), np.zeros(size), upper, np.full(size, self.whole), rows)
