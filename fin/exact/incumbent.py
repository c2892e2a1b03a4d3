"""The best decision so far, and how a path through the graph becomes a decision."""

from __future__ import annotations

import numpy as np

from planner.fin.graph.extended import ExtendedGraph
from planner.fin.graph.min_plus import Paths
from planner.fin.instance.decision import Decision, Overload, Path, evaluate, objective_of, overloads, within_limits
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Ints
from planner.fin.instance.ties import TiedPlans, above_ties

_ROUNDING = 1e-12


class Incumbent:
    """Holds the cheapest decision that keeps every limit, as the one evaluator sees it; searches prune at its cutoff.

    With `ties`, plans within a tie of the cheapest stay of interest, and the one that further criteria prefer is held.
    """

    def __init__(
        self, instance: Instance, gap: float = 0.0, ties: bool = False, most_labels: int | None = None
    ) -> None:
        self.instance = instance
        self.most_labels = most_labels
        """Labels of a layer that a search may keep at most; None: as many as the method thinks fit."""
        self.value = np.inf
        self.ties = ties
        self.gap = gap
        self._own_limit = instance.own_limit
        self._plans = TiedPlans(instance)
        self._cheapest: Decision | None = None

    @property
    def decision(self) -> Decision | None:
        """The best decision, None where none keeps every limit."""
        return self._plans.best if self.ties else self._cheapest

    @property
    def cutoff(self) -> float:
        """Only plans below are of interest: better than the incumbent by more than the gap, within the own limit."""
        if not np.isfinite(self.value):
            # the next float above, so that a plan of 0 keeps a limit of 0
            return float(np.nextafter(self._own_limit * (1.0 + 2.0 * TOLERANCE), np.inf))
        return above_ties(self.value) if self.ties else self.value * (1.0 - max(self.gap, _ROUNDING))

    def offer(self, decision: Decision) -> list[Overload]:
        """Keep a decision if it is the best; return the capacities that it breaks."""
        evaluation = evaluate(self.instance, decision)
        if self.ties:
            if self._plans.offer(decision, evaluation):
                self.value = self._plans.value
                return []
        elif objective_of(self.instance, evaluation) < self.value and within_limits(self.instance, evaluation):
            self._cheapest, self.value = decision, objective_of(self.instance, evaluation)
            return []
        return overloads(self.instance, evaluation)


def decision_of(graph: ExtendedGraph, instance: Instance, paths: Paths, row: int = 0, scenario: int = 0) -> Decision:
    """Turn a path of a scenario into a decision.

    Args:
        graph: K scenarios.
        instance: The app that the graph was built for.
        paths: Paths, one of which is meant.
        row: Which of them.
        scenario: Scenario that it belongs to.

    Returns:
        The decision, with the routes of its transfers and results.
    """
    layers = int(graph.depth[scenario])
    nodes = tuple(paths.node[row, :layers].tolist())
    before = (graph.source, *nodes[:-1])
    transfers = tuple(paths.transfer(row, layer, node) for layer, node in enumerate(before))
    point = int(graph.scenarios.point[scenario])
    return Decision(point, nodes, transfers, result_paths(graph, instance, paths.option[row], point, nodes))


def result_paths(
    graph: ExtendedGraph, instance: Instance, options: Ints, point: int, nodes: tuple[int, ...]
) -> dict[int, Path]:
    """Look up the route of each exit's result to the destination.

    Args:
        graph: Graph that the options belong to.
        instance: The app that it was built for.
        options: (D,) result option of each layer.
        point: Operating point.
        nodes: Node of each deployed block.

    Returns:
        Nodes of the route of each exit that is on and at which samples leave, by index of the exit; empty where results
        do not travel.
    """
    if graph.results is None:
        return {}
    fraction = instance.points.fraction[point]
    results = {}
    for exit_index in np.flatnonzero(instance.points.on[point] & (fraction > 0)).tolist():
        block = int(instance.points.exit_block[exit_index])
        option = int(options[block]) % graph.results.options
        results[exit_index] = graph.results.path(option, nodes[block])
    return results
