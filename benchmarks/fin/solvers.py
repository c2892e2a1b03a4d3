"""Peers on the same arcs: cspy's labelling, PathWyse, an arc program for HiGHS, Dijkstra over latency levels.

Each takes a layered problem and times its search alone, in CPU time; what it takes to fill the peer's own data
structure is left out. cspy and PathWyse (on PyPI as routepricer) are the optional extra `benchmark`.
"""

from __future__ import annotations

import datetime
import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from benchmarks.fin.layered import Layered
from planner.fin.instance.network import Floats, Ints
from planner.fin.solvers.output import suppress_output

_SOURCE, _SINK = "Source", "Sink"
_STEPS = 10_000_000
"""Whole steps that PathWyse's costs and times are rounded to."""
_Row = tuple[Ints, Floats, float, float]
"""Columns, coefficients, lower and upper bound."""


@dataclass(frozen=True)
class Answer:
    """What a peer found."""

    seconds: float
    """Time of the search alone."""
    path: tuple[int, ...] | None
    """Node of each block, None where it found nothing."""


Peer = Callable[[Layered, float], Answer]
"""Takes a problem and a time limit in seconds (NetworkX cannot be stopped)."""


def has_cspy() -> bool:
    """Tell whether the optional extra `benchmark` is installed."""
    return importlib.util.find_spec("cspy") is not None


def cspy_labelling(problem: Layered, time_limit_s: float) -> Answer:
    """Solve by cspy's BiDirectional (Torres Sanchez, JOSS 2020), both ways, exact.

    Its first resource must grow by steps for the two searches to meet, so it counts arcs; time is the second.
    """
    from cspy import BiDirectional

    graph = nx.DiGraph(directed=True, n_res=2)
    for tail, head, joules, seconds in _arcs(problem):
        graph.add_edge(tail, head, weight=joules, res_cost=np.array([1.0, seconds]))
    search = BiDirectional(graph, [problem.layers + 1.0, problem.deadline_s], [0.0, 0.0], time_limit=time_limit_s)
    began = time.process_time()
    search.run()
    spent = time.process_time() - began
    return Answer(spent, _nodes(problem, search.path))


def has_pathwyse() -> bool:
    """Tell whether the optional extra `benchmark` is installed."""
    return importlib.util.find_spec("routepricer") is not None


def pathwyse(problem: Layered, _time_limit_s: float) -> Answer:
    """Solve by PathWyse (Salani, Basso and Giuffrida, Optimization Methods and Software, 2024) at its defaults.

    It takes whole numbers only: energy and time are rounded to 1e-7 of the largest energy of a path and of the
    deadline, time upwards, so that what it returns is in time.
    """
    from routepricer import PWSolver

    index: dict[Any, int] = {}
    arcs = _arcs(problem)
    for tail, head, _, _ in arcs:
        index.setdefault(tail, len(index))
        index.setdefault(head, len(index))
    most_joules = float(problem.joules.max(axis=(1, 2)).sum())
    solver = PWSolver()
    solver.createProblem()
    solver.setNumNodes(len(index))
    solver.setDirected(True)
    solver.setCyclic(False)
    solver.setOrigin(index[_SOURCE])
    solver.setDestination(index[_SINK])
    solver.initProblem()
    resource = solver.addResource("TIME")
    solver.setResBounds(resource, 0, _STEPS)
    for tail, head, joules, seconds in arcs:
        ends = (index[tail], index[head])
        solver.addArc(*ends)
        solver.setArcCost(*ends, round(joules / most_joules * _STEPS))
        solver.setResArcConsumption(resource, *ends, math.ceil(seconds / problem.deadline_s * _STEPS - 1e-6))
    solver.buildProblem()
    solver.setupAlgorithms()
    with suppress_output():
        began = time.process_time()
        solver.solve()
        spent = time.process_time() - began
    vertices = list(index)
    tour = [vertices[place] for place in solver.getSolutionTour(0)] if solver.getNumberOfSolutions() else None
    return Answer(spent, _nodes(problem, tour))


def _nodes(problem: Layered, vertices: Sequence[Any] | None) -> tuple[int, ...] | None:
    """Return the nodes of a way from source to sink, None where it is not complete."""
    if vertices is None or len(vertices) != problem.layers + 2:
        return None
    return tuple(vertex[1] for vertex in vertices[1:-1])


def _arcs(problem: Layered) -> list[tuple[Any, Any, float, float]]:
    """List (tail, head, joules, seconds) of every arc between vertices (layer, node), a source and a sink."""
    rows: list[tuple[Any, Any, float, float]] = []
    joules, seconds = problem.joules.tolist(), problem.seconds.tolist()
    for node in range(problem.nodes):
        first = (joules[0][problem.source][node], seconds[0][problem.source][node])
        rows.append((_SOURCE, (0, node), *first))
        rows.append(((problem.layers - 1, node), _SINK, 0.0, 0.0))
    for layer in range(1, problem.layers):
        rows += [
            ((layer - 1, tail), (layer, head), joules[layer][tail][head], seconds[layer][tail][head])
            for tail in range(problem.nodes)
            for head in range(problem.nodes)
        ]
    return rows


def highs_arcs(problem: Layered, time_limit_s: float) -> Answer:
    """Solve by HiGHS through MathOpt: a binary per arc, one unit of flow, one row for the deadline."""
    from ortools.math_opt.python import mathopt

    model = mathopt.Model.from_model_proto(_arc_program(problem))
    parameters = mathopt.SolveParameters(
        relative_gap_tolerance=0.0, time_limit=datetime.timedelta(seconds=time_limit_s)
    )
    began = time.process_time()
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters)
    spent = time.process_time() - began
    if not result.has_primal_feasible_solution():
        return Answer(spent, None)
    values = np.array(list(result.variable_values().values()))
    first, rest = values[: problem.nodes], values[problem.nodes :]
    entered = rest.reshape(-1, problem.nodes, problem.nodes).sum(axis=1).argmax(axis=1)
    return Answer(spent, (int(first.argmax()), *entered.tolist()))


def _arc_program(problem: Layered) -> Any:  # noqa: ANN401 - generated message class
    """Write the arc program: columns are the arcs from the source, then those into layers 1, 2, ..."""
    from ortools.math_opt import model_pb2

    joules, seconds = (_flat(problem, table) for table in (problem.joules, problem.seconds))
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(len(joules)))
    proto.variables.lower_bounds.extend([0.0] * len(joules))
    proto.variables.upper_bounds.extend([1.0] * len(joules))
    proto.variables.integers.extend([True] * len(joules))
    proto.objective.linear_coefficients.ids.extend(range(len(joules)))
    proto.objective.linear_coefficients.values.extend(joules.tolist())
    rows = _flow_rows(problem)
    rows.append((np.arange(len(joules)), seconds / problem.deadline_s, -np.inf, 1.0))
    proto.linear_constraints.ids.extend(range(len(rows)))
    for row, (columns, coefficients, lower, upper) in enumerate(rows):
        order = np.argsort(columns)
        proto.linear_constraints.lower_bounds.append(lower)
        proto.linear_constraints.upper_bounds.append(upper)
        proto.linear_constraint_matrix.row_ids.extend([row] * len(columns))
        proto.linear_constraint_matrix.column_ids.extend(columns[order].tolist())
        proto.linear_constraint_matrix.coefficients.extend(coefficients[order].tolist())
    return proto


def _flow_rows(problem: Layered) -> list[_Row]:
    """One unit leaves the source; what enters a vertex leaves it."""
    nodes = problem.nodes
    leaving = np.arange(nodes, nodes + (problem.layers - 1) * nodes * nodes).reshape(-1, nodes, nodes)
    entering = [np.arange(nodes)[:, None], *leaving.transpose(0, 2, 1)]
    rows: list[_Row] = [(np.arange(nodes), np.ones(nodes), 1.0, 1.0)]
    for into, out_of in zip(entering, leaving, strict=False):
        for node in range(nodes):
            columns = np.concatenate([into[node], out_of[node]])
            rows.append((columns, np.repeat([1.0, -1.0], [len(into[node]), nodes]), 0.0, 0.0))
    return rows


def _flat(problem: Layered, table: Floats) -> Floats:
    return np.concatenate([table[0, problem.source], table[1:].ravel()])


def dijkstra_over_levels(problem: Layered, _time_limit_s: float, levels: int = 100) -> Answer:
    """Solve by NetworkX' Dijkstra over (layer, node, level): time in whole levels, rounded up, as FIN does."""
    graph = level_graph(problem, levels)
    began = time.process_time()
    try:
        path = nx.dijkstra_path(graph, _SOURCE, _SINK)
    except nx.NetworkXNoPath:
        return Answer(time.process_time() - began, None)
    spent = time.process_time() - began
    return Answer(spent, _nodes(problem, path))


def level_graph(problem: Layered, levels: int) -> nx.DiGraph:
    """Return the graph of every (layer, node, level) that can be reached within the deadline."""
    steps = np.ceil(problem.seconds / problem.deadline_s * levels - 1e-9).astype(np.int64).tolist()
    joules = problem.joules.tolist()
    graph = nx.DiGraph()
    reached: list[tuple[Any, int, int]] = [(_SOURCE, problem.source, 0)]
    for layer in range(problem.layers):
        arcs = [
            (tail, (layer, head, level + steps[layer][node][head]), joules[layer][node][head])
            for tail, node, level in reached
            for head in range(problem.nodes)
            if level + steps[layer][node][head] <= levels
        ]
        graph.add_weighted_edges_from(arcs)
        reached = [(vertex, vertex[1], vertex[2]) for vertex in {head for _, head, _ in arcs}]
    graph.add_weighted_edges_from((vertex, _SINK, 0.0) for vertex, _, _ in reached)
    return graph
