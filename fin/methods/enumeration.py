"""Enumeration of every placement and every simple route: the oracle of the tests, for tiny problems."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Decision, Path, evaluate, objective_of
from planner.fin.instance.instance import Instance
from planner.fin.instance.ties import TiedPlans
from planner.fin.method import Options
from planner.fin.outcome import Outcome, Termination
from planner.schemas.planning.placement import LimitReached, Status

MOST_PLANS = 2_000_000
MOST_ROUTES = 10_000
MOST_BLOCKS = 200
"""Deployed blocks at most: placements grow by recursion, one level for each block."""


class TooManyError(Exception):
    """There are more plans than enumeration can look at, or than its time limit allows."""

    def __init__(self, message: str, limit: LimitReached = "size") -> None:
        self.termination = Termination.at_limit(limit, message)
        super().__init__(message)


@dataclass(frozen=True)
class _Route:
    """One simple route, per message."""

    path: Path
    figures: tuple[float, ...]
    """Joules, seconds, metrics, then seconds on each medium, of the message at weight 1."""


class BruteForce:
    """Looks at every plan. Optimal wherever it ends."""

    name = "brute"
    description = "enumeration, for tests and tiny problems"

    def __init__(self, most_plans: int = MOST_PLANS) -> None:
        self._most_plans = most_plans

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Enumerate all plans of all operating points; of plans that tie, further criteria choose one."""
        began = time.perf_counter()
        tied = TiedPlans(instance)
        try:
            for decision in decisions(instance, self._most_plans, Deadline.after(options.time_limit_s)):
                tied.offer(decision)
        except TooManyError as stopped:
            status: Status = "unknown" if tied.best is None else "feasible"
            return Outcome(status, tied.best, 0.0, stopped.termination, search_s=time.perf_counter() - began)
        best, spent = tied.best, time.perf_counter() - began
        if best is None:
            return Outcome("infeasible", None, np.inf, search_s=spent)
        return Outcome("optimal", best, objective_of(instance, evaluate(instance, best)), search_s=spent)


def decisions(instance: Instance, most_plans: int, deadline: Deadline) -> Iterator[Decision]:
    """Enumerate every decision whose blocks run where they may; routes differ in what they cost or load.

    Args:
        instance: The app.
        most_plans: Number of decisions at which to give up.
        deadline: When to give up.

    Yields:
        Decisions, point by point, whether they keep the limits or not.

    Raises:
        TooManyError: More plans than `most_plans`, more blocks than `MOST_BLOCKS`, or the deadline has come.
    """
    if (deepest := int(instance.points.depth.max(initial=0))) > MOST_BLOCKS:
        message = f"too large to enumerate: {deepest} blocks, and enumeration takes {MOST_BLOCKS}"
        raise TooManyError(message)
    routes = _Routes(instance, deadline)
    seen = 0
    for point in range(instance.points.count):
        for decision in _placements(instance, routes, point):
            seen += 1
            if seen > most_plans:
                message = f"there are more than {most_plans} plans to enumerate"
                raise TooManyError(message)
            if seen % 1024 == 0 and deadline.expired:
                message = "the time limit came before the enumeration ended"
                raise TooManyError(message, "time")
            yield decision


def _placements(instance: Instance, routes: _Routes, point: int) -> Iterator[Decision]:
    points = instance.points
    on, fraction = points.on[point], points.fraction[point]
    depth = int(points.depth[point])
    head_behind = {int(points.exit_block[index]): int(index) for index in np.flatnonzero(on)}

    def hosts(block: int) -> list[int]:
        may = instance.allowed[block].copy()
        if block in head_behind:
            may &= instance.heads.can_run[head_behind[block]]
        return [int(node) for node in np.flatnonzero(may)]

    inputs = instance.inputs(depth)
    read = [[row for row in inputs if row.reader == block] for block in range(depth)]

    def carried(block: int, nodes: tuple[int, ...], node: int) -> Iterator[tuple[Path, ...]]:
        """Yield the routes of all that a block reads on a node; what is there already is not carried again."""
        choices = []
        for row in read[block]:
            before = nodes[row.producer] if row.producer >= 0 else instance.source
            held = any(nodes[other.reader] == node for other in inputs if other.tensor == row.tensor
                       and other.reader < block)  # fmt: skip
            choices.append(((node,),) if held else routes(before, node, row.bits))
        yield from product(*choices)

    def grow(
        block: int, nodes: tuple[int, ...], transfers: tuple[Path, ...], results: dict[int, Path]
    ) -> Iterator[Decision]:
        if block == depth:
            yield Decision(point, nodes, transfers, results)
            return
        head = head_behind.get(block)
        sends = head is not None and fraction[head] > 0 and instance.destination is not None
        for node in hosts(block):
            for paths in carried(block, nodes, node):
                if not sends or head is None or instance.destination is None:
                    yield from grow(block + 1, (*nodes, node), (*transfers, *paths), results)
                    continue
                for back in routes(node, instance.destination, float(instance.result_bits[head])):
                    yield from grow(block + 1, (*nodes, node), (*transfers, *paths), {**results, head: back})

    yield from grow(0, (), (), {})


class _Routes:
    """All simple routes between two nodes, without those that another one is no worse than in all respects."""

    def __init__(self, instance: Instance, deadline: Deadline) -> None:
        import networkx as nx

        self._deadline = deadline
        self._seen = 0
        self._network = instance.network
        self._graph = nx.DiGraph()
        self._graph.add_nodes_from(range(instance.network.size))
        self._graph.add_edges_from(
            zip(instance.network.link_source.tolist(), instance.network.link_target.tolist(), strict=True)
        )
        self._loaded = instance.rate_per_s > 0 or instance.minimise == "rate"
        self._cached = cache(self._between)

    def __call__(self, source: int, target: int, bits: float) -> tuple[Path, ...]:
        """Return the routes for a message."""
        return self._cached(source, target, bits)

    def _between(self, source: int, target: int, bits: float) -> tuple[Path, ...]:
        if source == target:
            return ((source,),)
        found: list[_Route] = []
        for nodes in self._simple_paths(source, target):
            self._seen += 1
            if self._seen > MOST_ROUTES or self._deadline.expired:
                message = f"there are too many routes to enumerate (looked at {self._seen})"
                raise TooManyError(message)
            route = _Route(tuple(nodes), self._figures(nodes, bits))
            if not any(_no_worse(other, route) for other in found):
                found = [other for other in found if not _no_worse(route, other)] + [route]
        return tuple(route.path for route in found)

    def _simple_paths(self, source: int, target: int) -> Iterator[list[int]]:
        """Yield all simple paths, short ones first; each takes polynomial time, so a limit can stop them."""
        import networkx as nx

        if nx.has_path(self._graph, source, target):
            yield from nx.shortest_simple_paths(self._graph, source, target)

    def _figures(self, nodes: list[int], bits: float) -> tuple[float, ...]:
        network = self._network
        count = network.metrics.count
        totals = [0.0] * (2 + count + (network.media if self._loaded else 0))
        for pair in pairwise(nodes):
            link = network.link(*pair)
            on_air = bits / float(network.link_bit_per_s[link])
            totals[0] += bits * float(network.link_j_per_bit[link])
            totals[1] += float(network.link_latency_s[link]) + on_air
            for metric in range(count):
                totals[2 + metric] += bits * float(network.metrics.per_bit[metric, link])
            if self._loaded:
                totals[2 + count + int(network.link_medium[link])] += on_air
        return tuple(totals)


def _no_worse(first: _Route, second: _Route) -> bool:
    return all(mine <= other for mine, other in zip(first.figures, second.figures, strict=True))
