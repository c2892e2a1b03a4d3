"""Decisions from placements: every tensor and result over the route that is least at given weights."""

from __future__ import annotations

import numpy as np

from planner.fin.dataflow.problem import PointProblem
from planner.fin.instance.decision import Decision, Path
from planner.fin.instance.network import Floats, Ints


def cheapest_routes(problem: PointProblem, places: Ints, weights: Floats) -> Decision | None:
    """Choose for every tensor and result of a placement the route that is least at some weights.

    Args:
        problem: The operating point.
        places: (D,) host of each block, as its place among the hosts.
        weights: (F,) weight of each figure.

    Returns:
        The placement with these routes; None where some tensor or result has no route.
    """
    nodes = [int(hosts[place]) for hosts, place in zip(problem.hosts, places.tolist(), strict=True)]
    transfers: list[Path] = []
    for row, needed in enumerate(problem.inputs):
        start = problem.instance.source if needed.producer < 0 else nodes[needed.producer]
        end = nodes[needed.reader]
        there = start == end or any(nodes[other] == end for other in problem.earlier[row])
        if there:
            transfers.append((end,))
            continue
        values = problem.carried(row, weights, np.array([start]), np.array([end]))[:, 0, 0]
        if not np.isfinite(values).any():
            return None
        transfers.append(problem.routes.path(int(values.argmin()), start, end))
    results = _results(problem, nodes, weights)
    return None if results is None else Decision(problem.point, tuple(nodes), tuple(transfers), results)


def _results(problem: PointProblem, nodes: list[int], weights: Floats) -> dict[int, Path] | None:
    points, destination = problem.instance.points, problem.instance.destination
    found: dict[int, Path] = {}
    for head in np.flatnonzero(points.on[problem.point]).tolist():
        block = int(points.exit_block[head])
        if destination is not None and problem.sends[block]:
            values = problem.returned(block, weights, np.array([nodes[block]]))[:, 0]
            if not np.isfinite(values).any():
                return None
            found[head] = problem.routes.path(int(values.argmin()), nodes[block], destination)
    return found
