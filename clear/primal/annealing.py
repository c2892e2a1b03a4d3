"""Simulated annealing of joint plans, where every move is evaluated without a geometric program.

A priced column asks a fixed rate (share times speed) of each node, and a fixed share of each medium. A node costs its
idle power and the least of ``D s^2 + S / s`` over the speeds s at which all rates fit, where D and S are sums over its
priced columns. So a few sums per node say what a move costs. Rates keep latencies at any speed: what is chosen here is
a plan of no more power than counted, but for energy limits, and the geometric program can only improve its rates.

Source: S. Kirkpatrick, C. D. Gelatt and M. P. Vecchi, Optimization by Simulated Annealing, Science 220 (1983).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.master.priced_column import PricedColumn
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Ints, Network

_MOVES_PER_APP = 100
"""Moves tried for each set of nodes."""
_FACTOR = 2
"""How many times as many are tried for the most promising sets in the end."""
_PROMISING, _NEAR = 2, 1.005
"""Sets of nodes that are promising at most, and the part of the least power that they may need."""
_HOT, _COLD = 1e-2, 1e-4
"""Temperature at the beginning and at the end, in parts of the power to begin with."""
_AWAY = 0.1
"""Cost of each app that stays on a node which is not to be used, in parts of the power to begin with."""
_PAIRS = 0.5
"""Part of the moves that are of two apps."""
_BETTER = 1.0 - 1e-9
_ROOM = 1.0 + 1e-7
"""What counts as full: plans hold their limits to less than this."""
_CHECKED = 4096
"""Moves between looks at the clock."""

Asked = tuple[float, float, float, float, int]
"""Of one place: dynamic and static power at speed 1, rate, memory, users; the share of a medium stands for a rate."""
_NOTHING: Asked = (0.0, 0.0, 0.0, 0.0, 0)


def anneal(
    joint: JointInstance,
    priced_columns: Sequence[PricedColumn],
    chosen: Sequence[int],
    seed: int,
    deadline: Deadline,
) -> tuple[list[int], float]:
    """Improve a choice of priced columns, one per app, by simulated annealing.

    Idle power is what keeps single moves from putting a node into use or out of it. So the nodes in use are given to
    each annealing, and changed between: one more of a kind, one less, or both, as long as that helps.

    Args:
        joint: The apps.
        priced_columns: Priced columns of all apps.
        chosen: Number of the priced column of each app to begin with; together they must fit.
        seed: Of the random numbers.
        deadline: When to give up.

    Returns:
        Numbers of the best columns found, one per app, and the power in W that their plan needs at most.
    """
    tables = _Tables.of(joint, priced_columns)
    moves = _MOVES_PER_APP * joint.count
    search = _Sets(tables, seed, deadline, list(chosen))
    if search.least_w == math.inf:  # tables count parameters that apps share once for each: too much here
        return search.best, search.least_w
    search.anneal(tables.nodes_of(chosen), moves)
    while nodes := next((n for n in _changed(joint, tables, search.best) if search.is_new(n)), None):
        search.anneal(nodes, moves)
    for nodes in search.promising():
        search.anneal(nodes, _FACTOR * moves)
    return search.best, search.least_w


class _Sets:
    """Sets of nodes that were annealed, and the best choice found on any."""

    def __init__(self, tables: _Tables, seed: int, deadline: Deadline, chosen: list[int]) -> None:
        self._tables, self._seed, self._deadline = tables, seed, deadline
        self.best, self.least_w = chosen, tables.power_w(chosen)
        self._power_w: dict[frozenset[int], float] = {}

    def is_new(self, nodes: frozenset[int]) -> bool:
        """Whether nodes were not tried yet, every app has a priced column on them, and there is time."""
        return nodes not in self._power_w and self._tables.enough(nodes) and not self._deadline.expired

    def anneal(self, nodes: frozenset[int], moves: int) -> None:
        """Anneal the best choice on some nodes."""
        found, power_w = _annealed_on(self._tables, self.best, nodes, moves, self._seed, self._deadline)
        self._power_w[nodes] = min(power_w, self._power_w.get(nodes, math.inf))
        if power_w < self.least_w * _BETTER:
            self.best, self.least_w = found, power_w

    def promising(self) -> list[frozenset[int]]:
        """Return the sets of nodes that need little more power than the best."""
        ranked = sorted(self._power_w.items(), key=lambda item: (item[1], sorted(item[0])))
        return [nodes for nodes, power_w in ranked[:_PROMISING] if power_w <= self.least_w * _NEAR]


def _changed(joint: JointInstance, tables: _Tables, chosen: Sequence[int]) -> Iterator[frozenset[int]]:
    """Yield the nodes in use with one more of each kind, without each, and with one of another kind instead of each."""
    nodes = tables.nodes_of(chosen)
    further: dict[int, int] = {}
    for node in tables.in_play:
        if node not in nodes:
            further.setdefault(int(joint.kinds[node]), node)
    for node in further.values():
        yield nodes | {node}
    for node in sorted(nodes):
        yield nodes - {node}
    for node in sorted(nodes):
        for kind, other in further.items():
            if kind != joint.kinds[node]:
                yield nodes - {node} | {other}


def _annealed_on(
    tables: _Tables, chosen: Sequence[int], nodes: frozenset[int], most_moves: int, seed: int, deadline: Deadline
) -> tuple[list[int], float]:
    """Anneal on given nodes alone; the power is infinite where apps stay on others."""
    state = _State(tables, chosen, nodes)
    own = [[number for number in numbers if tables.nodes[number] <= nodes] for numbers in tables.by_app]
    free = [numbers for numbers, now in zip(own, chosen, strict=True) if set(numbers) - {now}]
    if not free:
        return list(chosen), tables.power_w(chosen)
    at_stake = np.sqrt([max(tables.stake_w[number] for number in numbers) for numbers in free])
    if not 0.0 < at_stake.sum() < np.inf:  # nothing costs anything: all apps alike
        at_stake = np.ones(len(free))
    random = np.random.default_rng(seed)
    apps = random.choice(len(free), (most_moves, 2), p=at_stake / at_stake.sum()).tolist()
    draws = random.random((most_moves, 4)).tolist()
    best, least_w, scale_w = list(chosen), state.power_w, tables.power_w(chosen)
    for move, ((app, other), (where, there, both, luck)) in enumerate(zip(apps, draws, strict=True)):
        if move % _CHECKED == 0:
            if deadline.expired:
                break
            heat_w = scale_w * _HOT * (_COLD / _HOT) ** (move / most_moves)
        numbers = [free[app][int(where * len(free[app]))]]
        if both < _PAIRS and other != app:
            numbers.append(free[other][int(there * len(free[other]))])
        state.move(numbers, -heat_w * math.log(luck or 1.0))
        if state.power_w < least_w * _BETTER:
            best, least_w = list(state.chosen), state.power_w
    return best, tables.power_w(best) if tables.nodes_of(best) <= nodes else math.inf


@dataclass(frozen=True, slots=True)
class _Place:
    """A node, or a medium, which costs nothing and runs at speed 1."""

    slowest: float
    fastest: float
    most_rate: float
    """Shares times speed at which it is full, and with which it still counts as not full."""
    most_bytes: float
    per_rate: float
    """Speed per rate: one over the largest share."""

    @classmethod
    def of(cls, slowest: float, fastest: float, most_share: float, memory_bytes: float) -> _Place:
        """Return a place by its range of speeds, largest share and memory."""
        per_rate = 1.0 / most_share if most_share > 0.0 else 0.0
        return cls(slowest, fastest, most_share * fastest * _ROOM, memory_bytes * _ROOM, per_rate)

    def power_w(self, asked: Asked) -> float:
        """Return the least power at which everything fits, without idle power; infinite where it does not."""
        dynamic_w, static_w, rate, memory_bytes, users = asked
        if users == 0:
            return 0.0
        if rate > self.most_rate or memory_bytes > self.most_bytes:
            return math.inf
        speed = rate * self.per_rate
        speed = max(speed, self.slowest)
        if static_w > 0.0 and dynamic_w > 0.0 and speed < self.fastest:
            speed = max(speed, min((0.5 * static_w / dynamic_w) ** (1.0 / 3.0), self.fastest))
        return dynamic_w * speed * speed + static_w / speed


@dataclass(frozen=True)
class _Tables:
    """Priced columns as numbers in lists, which are faster here than arrays."""

    places: list[_Place]
    idle_w: list[float]
    asked: list[list[tuple[int, Asked]]]
    """Per priced column, what it asks of each place."""
    transfer_w: list[float]
    stake_w: list[float]
    """Per priced column, its power without idle power."""
    nodes: list[frozenset[int]]
    app: list[int]
    by_app: list[list[int]]
    in_play: list[int]

    @classmethod
    def of(cls, joint: JointInstance, priced_columns: Sequence[PricedColumn]) -> _Tables:
        """Write the tables."""
        by_app: list[list[int]] = [[] for _ in range(joint.count)]
        for number, priced in enumerate(priced_columns):
            by_app[priced.column.app].append(number)
        nodes = [frozenset(priced.column.nodes.tolist()) for priced in priced_columns]
        return cls(
            places=places_of(joint.network, joint.media),
            idle_w=joint.network.idle_power_w.tolist(),
            asked=[asked_by(priced, joint) for priced in priced_columns],
            transfer_w=[priced.column.transfer_w for priced in priced_columns],
            stake_w=[priced.power_w for priced in priced_columns],
            nodes=nodes,
            app=[priced.column.app for priced in priced_columns],
            by_app=by_app,
            in_play=sorted(frozenset[int]().union(*nodes)),
        )

    def nodes_of(self, chosen: Sequence[int]) -> frozenset[int]:
        """Return the nodes in use."""
        return frozenset[int]().union(*(self.nodes[number] for number in chosen))

    def enough(self, nodes: frozenset[int]) -> bool:
        """Whether every app has a priced column on some nodes."""
        return all(any(self.nodes[number] <= nodes for number in own) for own in self.by_app)

    def held(self, chosen: Sequence[int]) -> list[Asked]:
        """Return what priced columns ask of every place together."""
        held = [_NOTHING] * len(self.places)
        for number in chosen:
            for place, asked in self.asked[number]:
                held[place] = summed(held[place], asked)
        return held

    def power_w(self, chosen: Sequence[int]) -> float:
        """Return the power of priced columns together, idle power included."""
        costs_w = [place.power_w(asked) for place, asked in zip(self.places, self.held(chosen), strict=True)]
        idle_w = sum(self.idle_w[node] for node in sorted(self.nodes_of(chosen)))
        return sum(costs_w) + idle_w + sum(self.transfer_w[number] for number in chosen)


class _State:
    """The priced columns chosen, what they ask of every place together, and what that costs beside idle power."""

    def __init__(self, tables: _Tables, chosen: Sequence[int], nodes: frozenset[int]) -> None:
        self._tables, self.chosen = tables, list(chosen)
        self._held = tables.held(chosen)
        away_w = _AWAY * tables.power_w(chosen)
        self._user_w = [0.0 if node in nodes else away_w for node in range(len(tables.idle_w))]
        self._user_w += [0.0] * (len(tables.places) - len(self._user_w))
        self._cost_w = [
            place.power_w(held) + user_w * held[4]
            for place, held, user_w in zip(tables.places, self._held, self._user_w, strict=True)
        ]
        self.power_w = sum(self._cost_w) + sum(tables.transfer_w[number] for number in chosen)

    def move(self, numbers: Sequence[int], most_w: float) -> None:
        """Let the apps of some priced columns take them, unless that costs more than `most_w` more."""
        tables, chosen, now_held, more_w = self._tables, self.chosen, self._held, 0.0
        held: dict[int, Asked] = {}
        for number in numbers:  # no calls in here: this is what annealing spends its time on
            now = chosen[tables.app[number]]
            if now == number:
                continue
            more_w += tables.transfer_w[number] - tables.transfer_w[now]
            for place, (dynamic_w, static_w, rate, memory, users) in tables.asked[now]:
                a, b, c, d, e = held[place] if place in held else now_held[place]
                held[place] = (a - dynamic_w, b - static_w, c - rate, d - memory, e - users)
            for place, (dynamic_w, static_w, rate, memory, users) in tables.asked[number]:
                a, b, c, d, e = held[place] if place in held else now_held[place]
                held[place] = (a + dynamic_w, b + static_w, c + rate, d + memory, e + users)
        if not held:
            return
        costs_w = []
        for place, asked in held.items():
            cost_w = tables.places[place].power_w(asked) + self._user_w[place] * asked[4]
            more_w += cost_w - self._cost_w[place]
            if more_w == math.inf:  # it does not fit
                return
            costs_w.append(cost_w)
        if not more_w <= most_w:
            return
        self.power_w += more_w
        for number in numbers:
            chosen[tables.app[number]] = number
        for (place, asked), cost_w in zip(held.items(), costs_w, strict=True):
            now_held[place], self._cost_w[place] = asked, cost_w


def places_of(network: Network, media: Ints) -> list[_Place]:
    """Return all nodes, then the media whose shares are limited."""
    most = (network.slowest, network.fastest, network.max_utilization, network.memory_bytes)
    nodes = [_Place.of(*row) for row in zip(*(part.tolist() for part in most), strict=True)]
    return nodes + [_Place.of(1.0, 1.0, 1.0, math.inf)] * len(media)


def asked_by(priced: PricedColumn, joint: JointInstance) -> list[tuple[int, Asked]]:
    """Return what a priced column asks of each place."""
    column, rate, nodes = priced.column, priced.node_share * priced.speed, joint.network.size
    parts = (column.nodes, column.dynamic_w, column.static_w, rate, column.alone_bytes)
    rows = zip(*(part.tolist() for part in parts), strict=True)
    asked: list[tuple[int, Asked]] = [(node, (*sums, 1)) for node, *sums in rows]
    number = {medium: nodes + place for place, medium in enumerate(joint.media.tolist())}
    held = zip(column.media.tolist(), priced.medium_share.tolist(), strict=True)
    return asked + [(number[medium], (0.0, 0.0, share, 0.0, 1)) for medium, share in held if medium in number]


def summed(held: Asked, asked: Asked) -> Asked:
    """Return what is asked of a place by some, and by one more."""
    (a, b, c, d, e), (dynamic_w, static_w, rate, memory, users) = held, asked
    return (a + dynamic_w, b + static_w, c + rate, d + memory, e + users)
