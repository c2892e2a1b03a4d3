"""The best decision so far, and how a path through the graph becomes a decision."""

from __future__ import annotations

import numpy as np

from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.decision import Decision, Overload, Path, evaluate, objective_of, overloads, within_limits
from planner.fin.instance.instance import TOLERANCE, Instance

_ROUNDING = 1e-12


class Incumbent:
    """Holds the cheapest decision that keeps every limit, as the one evaluator sees it."""

    def __init__(self, instance: Instance, gap: float = 0.0) -> None:
        self.instance = instance
        self.decision: Decision | None = None
        self.value = np.inf
        self._gap = gap
        limits = instance.limits
        self._own_limit = limits.energy_j if instance.minimise == "energy" else limits.latency_s

    @property
    def cutoff(self) -> float:
        """Only plans below are of interest: better than the incumbent by more than the gap, within the own limit."""
        if np.isfinite(self.value):
            return self.value * (1.0 - max(self._gap, _ROUNDING))
        return self._own_limit * (1.0 + 2.0 * TOLERANCE)

    def offer(self, decision: Decision) -> list[Overload]:
        """Keep a decision if it is the best; return the capacities that it breaks."""
        evaluation = evaluate(self.instance, decision)
        value = objective_of(self.instance, evaluation)
        if value < self.value and within_limits(self.instance, evaluation):
            self.decision, self.value = decision, value
            return []
        return overloads(self.instance, evaluation)


def decision_of(graph: ExtendedGraph, instance: Instance, paths: Paths, row: int = 0, scenario: int = 0) -> Decision:
    """Turn a path of a scenario into a decision."""
    layers = int(graph.depth[scenario])
    nodes = tuple(paths.node[row, :layers].tolist())
    before = (graph.source, *nodes[:-1])
    point = int(graph.scenarios.point[scenario])
    ways = zip(paths.route[row, :layers].tolist(), before, nodes, strict=True)
    transfers = tuple(graph.routes.path(route, source, target) for route, source, target in ways)
    return Decision(point, nodes, transfers, _results(graph, instance, paths, row, point, nodes))


def _results(
    graph: ExtendedGraph, instance: Instance, paths: Paths, row: int, point: int, nodes: tuple[int, ...]
) -> dict[int, Path]:
    if graph.destination is None:
        return {}
    fraction = instance.points.fraction[point]
    results = {}
    for exit_index in np.flatnonzero(instance.points.on[point] & (fraction > 0)).tolist():
        block = int(instance.points.exit_block[exit_index])
        option = int(paths.option[row, block]) % graph.routes.options
        results[exit_index] = graph.routes.path(option, nodes[block], graph.destination)
    return results
