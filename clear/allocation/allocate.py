"""Allocation of speeds and shares to given columns, by a geometric program.

Variables are the speed of every node in use, each app's share of every node it uses, and of every medium. Power is
``sum(dynamic_w s^2 + static_w / s)`` over nodes; deadlines, energy limits, queues and sums of shares are posynomials of
these variables that must be at most 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planner.clear.geometric.optimum import excess
from planner.clear.geometric.solver import GeometricOptimum, GeometricProgram, GeometricSolver, Posynomials
from planner.clear.problem.column import Column
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Floats, Ints, Network

Limit = tuple[str, int, int]
"""What a constraint keeps: (`node`, -1, node), (`medium`, -1, medium), (`queue`, app, node), (`late`, app, latency),
(`energy` or the name of a metric, app, -1)."""
Term = tuple[float, dict[int, float]]

_LEAST_SHARE = 1e-9
_KEPT = 1e-11
"""Relative excess over a limit below which shares count as keeping it without doubt."""
_MOST_LATE = 4e-10
"""The same for latencies, whose limit holds half the tolerance already."""
_FASTER = 1.0 + 1e-8
_NEVER = 1e30
"""Stands for a limit that no share can keep: the fixed part alone is beyond it."""


@dataclass(frozen=True, eq=False)
class Allocation:
    """Speeds and shares for C columns, and what they cost."""

    speed: Floats
    """(N,) speed of every node; 1 where nothing runs."""
    node_shares: tuple[Floats, ...]
    """Per column (H,); 0 of nodes on which the column takes no time."""
    medium_shares: tuple[Floats, ...]
    """Per column (M,)."""
    power_w: float
    """Idle power of the nodes in use included."""
    node_price_w: Floats
    """(N,) what a whole node's share more would save (dual of the sum of its shares)."""
    medium_price_w: Floats
    """(media,) the same for media."""
    least_w: float = 0.0
    """No speeds and shares of these columns have less power; 0 where that was not asked."""


@dataclass(frozen=True)
class NoAllocation:
    """Why there is none."""

    limits: tuple[Limit, ...]
    """Constraints that cannot hold together; empty where the solver gave up."""
    proved: bool


def allocate(network: Network, columns: Sequence[Column]) -> Allocation | NoAllocation:
    """Return the speeds and shares of least power for given columns."""
    layout = Layout.of(network, columns)
    if missing := layout.impossible():
        return NoAllocation(missing, proved=True)
    program = layout.program(layout.power_terms())
    optimum = GeometricSolver(program).solve()
    if layout.late_by(program, optimum) > _MOST_LATE:
        return NoAllocation((), proved=False)
    found = layout.read(optimum)
    if isinstance(found, Allocation):
        missed = optimum.value - optimum.lower_bound if layout.power_varies else 0.0
        found = replace(found, least_w=max(found.power_w - max(missed, 0.0), 0.0))
    return found


def least_shares(network: Network, columns: Sequence[Column], held: Allocation) -> Allocation:
    """Return an allocation with the same speeds and the least sum of shares.

    At speeds of least power there may be no room between limits, and then the solver only comes close to shares that
    keep them. Where they are not kept well, nodes run faster by a hair; where that does not help, all stays as it is.

    Args:
        network: The nodes and media.
        columns: One column per app.
        held: The allocation whose speeds and prices are kept.

    Returns:
        The allocation of least shares, or `held` itself where the solver finds none.
    """
    for faster in (1.0, _FASTER):
        speed = np.where(held.speed * faster <= network.fastest, held.speed * faster, held.speed)
        layout = Layout.of(network, columns, speed=speed, alone_is_whole=False)
        program = layout.program(layout.share_terms())
        optimum = GeometricSolver(program).solve()
        found = layout.read(optimum)
        if isinstance(found, Allocation) and excess(program, optimum.x) <= _KEPT:
            return replace(found, node_price_w=held.node_price_w, medium_price_w=held.medium_price_w)
    return held


@dataclass
class Layout:
    """Numbers of the variables, and the constraints by name."""

    network: Network
    columns: Sequence[Column]
    speed: dict[int, int] = field(default_factory=dict)
    """Variable of each node's speed."""
    node_share: list[dict[int, int]] = field(default_factory=list)
    """Per column, the variable of its share of each node."""
    medium_share: list[dict[int, int]] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)

    @classmethod
    def of(
        cls, network: Network, columns: Sequence[Column], speed: Floats | None = None, alone_is_whole: bool = True
    ) -> Layout:
        """Number the variables; an app that is alone on a node or medium gets all of it unless told otherwise.

        Args:
            network: The nodes and media.
            columns: One column per app.
            speed: (N,) speeds that are held; None where they are variables.
            alone_is_whole: Whether an app that is alone on a node or medium gets all of it.

        Returns:
            The numbers of the variables.
        """
        layout = cls(network, columns)
        users = (
            _count(column.nodes[column.timed_nodes] for column in columns),
            _count(column.media[column.timed_media] for column in columns),
        )
        for node in sorted({node for column in columns for node in column.nodes.tolist()}):
            fixed = None if speed is None else float(speed[node])
            low, high = float(network.slowest[node]), float(network.fastest[node])
            layout.speed[node] = layout.variable(fixed or low, fixed or high)
        for column in columns:
            shares = {}
            for node in column.nodes[column.timed_nodes].tolist():  # what takes no time needs no share
                most = float(network.max_utilization[node])
                whole = alone_is_whole and users[0][node] == 1
                shares[node] = layout.variable(most if whole else _LEAST_SHARE, most)
            layout.node_share.append(shares)
            shares = {}
            loads = zip(column.media.tolist(), column.medium_load.tolist(), strict=True)
            timed = [pair for pair, takes_time in zip(loads, column.timed_media, strict=True) if takes_time]
            for medium, load in timed:
                whole = alone_is_whole and users[1][medium] == 1
                shares[medium] = layout.variable(1.0 if whole else max(load, _LEAST_SHARE), 1.0)
            layout.medium_share.append(shares)
        return layout

    def variable(self, lower: float, upper: float) -> int:
        """Add a variable with limits and return its number."""
        self.lower.append(lower)
        self.upper.append(upper)
        return len(self.lower) - 1

    def impossible(self) -> tuple[Limit, ...]:
        """Return limits that no share can keep."""
        found: list[Limit] = []
        for column in self.columns:
            found += [
                ("late", column.app, row)
                for row, fixed in enumerate(column.fixed_s.tolist())
                if not fixed < column.most_s
            ]
            slowest, fastest = self.network.slowest[column.nodes], self.network.fastest[column.nodes]
            found += [
                (budget.name, column.app, -1)
                for budget in column.budgets
                if not budget.least(slowest, fastest) <= budget.most * (1.0 + TOLERANCE)
            ]
            most = self.network.max_utilization[column.nodes] * self.network.fastest[column.nodes]
            unstable = (column.node_load > most * (1 + 1e-9)) | (column.timed_nodes & (most <= 0.0))
            found += [("queue", column.app, int(node)) for node in column.nodes[unstable]]
            heavy = column.media[column.medium_load > 1.0 + 1e-9]
            found += [("medium", -1, int(medium)) for medium in heavy]
        return tuple(found)

    def program(self, objective: Sequence[Term]) -> GeometricProgram:
        """Write the program: the objective, then every constraint in the order of `limits`."""
        groups = [objective, *(terms for _, terms in self.constraints())]
        rows = [(group, *term) for group, terms in enumerate(groups) for term in terms]
        posynomials = Posynomials.of_terms(rows, len(groups))
        return GeometricProgram(posynomials, len(self.lower), np.array(self.lower), np.array(self.upper))

    @property
    def power_varies(self) -> bool:
        """Whether speeds change the power of computing: it takes some, and a node in use has a range of speeds."""
        takes_some = any(column.dynamic_w.any() or column.static_w.any() for column in self.columns)
        return takes_some and any(self.lower[variable] < self.upper[variable] for variable in self.speed.values())

    def power_terms(self) -> list[Term]:
        """Return the power of computing; where no speed can change it, the sum of shares instead."""
        if not self.power_varies:
            return self.share_terms()
        terms: list[Term] = []
        for column in self.columns:
            for node, dynamic, static in zip(column.nodes.tolist(), column.dynamic_w, column.static_w, strict=True):
                terms += [(float(dynamic), {self.speed[node]: 2.0})] if dynamic > 0.0 else []
                terms += [(float(static), {self.speed[node]: -1.0})] if static > 0.0 else []
        return terms

    def share_terms(self) -> list[Term]:
        """Return the sum of all shares."""
        shares = [variable for held in (*self.node_share, *self.medium_share) for variable in held.values()]
        return [(1.0, {variable: 1.0}) for variable in shares or [next(iter(self.speed.values()))]]

    def constraints(self) -> list[tuple[Limit, list[Term]]]:
        """Return every constraint with its terms."""
        rows: list[tuple[Limit, list[Term]]] = []
        for kind, held in (("node", self.node_share), ("medium", self.medium_share)):
            for place in sorted({place for shares in held for place in shares}):
                most = float(self.network.max_utilization[place]) if kind == "node" else 1.0
                users = [shares[place] for shares in held if place in shares]
                if len(users) > 1:
                    rows.append(((kind, -1, place), [(1.0 / most, {user: 1.0}) for user in users]))
        for column, nodes, media in zip(self.columns, self.node_share, self.medium_share, strict=True):
            rows += self._queues(column, nodes)
            rows += self._latencies(column, nodes, media)
            rows += self._budgets(column)
        return rows

    def _queues(self, column: Column, shares: dict[int, int]) -> list[tuple[Limit, list[Term]]]:
        return [
            (("queue", column.app, node), [(load, {self.speed[node]: -1.0, shares[node]: -1.0})])
            for node, load in zip(column.nodes.tolist(), column.node_load.tolist(), strict=True)
            if load > 0.0 and node in shares
        ]

    def _latencies(
        self, column: Column, nodes: dict[int, int], media: dict[int, int]
    ) -> list[tuple[Limit, list[Term]]]:
        if not np.isfinite(column.most_s):
            return []
        rows: list[tuple[Limit, list[Term]]] = []
        for row, fixed in enumerate(column.fixed_s.tolist()):
            left = column.most_s - fixed
            terms: list[Term] = [
                (float(seconds) / left, {self.speed[node]: -1.0, nodes[node]: -1.0})
                for node, seconds in zip(column.nodes.tolist(), column.node_s[row], strict=True)
                if seconds > 0.0
            ]
            terms += [
                (float(seconds) / left, {media[medium]: -1.0})
                for medium, seconds in zip(column.media.tolist(), column.medium_s[row], strict=True)
                if seconds > 0.0
            ]
            rows += [(("late", column.app, row), terms)] if terms else []
        return rows

    def _budgets(self, column: Column) -> list[tuple[Limit, list[Term]]]:
        rows: list[tuple[Limit, list[Term]]] = []
        for budget in column.budgets:
            left = max(budget.most - budget.transfer, 1.0 / _NEVER)
            terms: list[Term] = []
            for node, dynamic, static in zip(column.nodes.tolist(), budget.dynamic, budget.static, strict=True):
                terms += [(float(dynamic) / left, {self.speed[node]: 2.0})] if dynamic > 0.0 else []
                terms += [(float(static) / left, {self.speed[node]: -1.0})] if static > 0.0 else []
            rows += [((budget.name, column.app, -1), terms)] if terms else []
        return rows

    def late_by(self, program: GeometricProgram, optimum: GeometricOptimum) -> float:
        """Return by which part of its limit, slack included, any app is late; at most 0 where none is."""
        if not np.isfinite(optimum.value):
            return 0.0
        late = [index for index, (limit, _) in enumerate(self.constraints(), start=1) if limit[0] == "late"]
        return float((program.posynomials.values(optimum.x)[late] - 1.0).max(initial=-np.inf))

    def read(self, optimum: GeometricOptimum) -> Allocation | NoAllocation:
        """Turn the answer of the solver into speeds, shares and prices."""
        names = [name for name, _ in self.constraints()]
        if optimum.status == "infeasible":
            blamed = np.flatnonzero(optimum.infeasible_groups[1:] > 1e-6)
            return NoAllocation(tuple(names[index] for index in blamed), proved=True)
        if not np.isfinite(optimum.value):
            return NoAllocation((), proved=False)
        network = self.network
        speed = np.ones(network.size)
        for node, variable in self.speed.items():
            speed[node] = optimum.x[variable]
        node_price, medium_price = np.zeros(network.size), np.zeros(network.media)
        for (kind, _, place), dual in zip(names, optimum.dual[1:], strict=True):
            if kind == "node":
                node_price[place] = dual / network.max_utilization[place]
            elif kind == "medium":
                medium_price[place] = dual
        return Allocation(
            speed=speed,
            node_shares=tuple(
                _values(optimum.x, shares, column.nodes)
                for column, shares in zip(self.columns, self.node_share, strict=True)
            ),
            medium_shares=tuple(
                _values(optimum.x, shares, column.media)
                for column, shares in zip(self.columns, self.medium_share, strict=True)
            ),
            power_w=power_of(network, self.columns, speed),
            node_price_w=node_price,
            medium_price_w=medium_price,
        )


def power_of(network: Network, columns: Sequence[Column], speed: Floats) -> float:
    """Return the power of columns at given speeds, idle power of the nodes in use included.

    Args:
        network: The nodes.
        columns: One column per app.
        speed: (N,) speed of each node, as a part of its full speed.

    Returns:
        The power, in watts.
    """
    used = sorted({int(node) for column in columns for node in column.nodes})
    total = float(network.idle_power_w[used].sum())
    for column in columns:
        s = speed[column.nodes]
        total += column.transfer_w + float((column.dynamic_w * s**2 + column.static_w / s).sum())
    return total


def _values(x: Floats, shares: Mapping[int, int], places: Ints) -> Floats:
    """Return the share of each node or medium; 0 where none is needed."""
    return np.array([x[shares[place]] if place in shares else 0.0 for place in places.tolist()])


def _count(places: Iterable[Ints]) -> dict[int, int]:
    """Count the columns that need a share of each node or medium."""
    return Counter(place for some in places for place in some.tolist())
