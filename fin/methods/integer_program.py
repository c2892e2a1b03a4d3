"""Integer programs solved by HiGHS through OR-Tools MathOpt: a second opinion.

It shares no route table, graph or bound with the exact method. One program per operating point (see
`fin.program`), those with the least floor first, each below what the ones before it reached. Every answer is
evaluated outside the solver; a plan that only the solver's tolerance let through is cut off and the program
solved again.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from planner.fin.exact.incumbent import Incumbent
from planner.fin.instance.decision import Decision, Path, evaluate, objective_of, within_limits
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.method import Options, Outcome
from planner.fin.methods.formulation import Message, Program, build_program, governing_exit
from planner.fin.solvers.output import without_output
from planner.schemas.planning.placement import Status

_SLACK = 1.0 + TOLERANCE
_SOLVER_TOLERANCES = {
    "mip_feasibility_tolerance": 1e-9,
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-9,
    "small_matrix_value": 1e-12,
}
_SAME = 1e-7
"""Relative difference of a solver's bound and an evaluated plan that is rounding."""
_TOO_SMALL = 0.05
"""An optimum that is a smaller part of its expected size is solved again with its own size."""
_NOTHING = 1e-9
"""An optimum that is a smaller part of its expected size is 0 but for rounding: no program can be scaled to it."""
_ABSOLUTE_GAP = 1e-9
_LEAST_S = 1e-3
"""Time that a solver is given at least, in seconds."""


class IntegerProgram:
    """One mixed-integer program per operating point, cheapest first."""

    name = "ilp"
    description = "integer program over places and links, solved by OR-Tools (HiGHS)"

    def solve(self, instance: Instance, options: Options) -> Outcome:
        """Place the app; optimal unless the time limit comes first."""
        clock, incumbent = _Clock(options.time_limit_s), Incumbent(instance, options.gap)
        floors = _floors(instance)
        ended, message = np.inf, ""
        for point in np.argsort(floors, kind="stable").tolist():
            floor = float(floors[point])
            if floor >= incumbent.cutoff:
                ended = min(ended, incumbent.cutoff)
                break
            if clock.left_s <= 0.0:
                ended, message = min(ended, floor), "the time limit came before the proof"
                break
            bound, stopped = _solve_point(instance, point, incumbent, options, clock)
            ended, message = min(ended, max(bound, floor)), stopped or message
        return _outcome(incumbent, ended, message, options.gap, clock)


class _Clock:
    """Time left, time spent on building programs, and their number."""

    def __init__(self, limit_s: float | None) -> None:
        self._began = time.perf_counter()
        self._limit_s = np.inf if limit_s is None else limit_s
        self.build_s = 0.0
        self.programs = 0

    def build(self, instance: Instance, point: int, cutoff: float, scale: float | None = None) -> Program:
        """Build a program on the clock."""
        began = time.perf_counter()
        program = build_program(instance, point, cutoff, scale)
        self.build_s += time.perf_counter() - began
        self.programs += 1
        return program

    @property
    def spent_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._began

    @property
    def left_s(self) -> float:
        """Seconds until the time limit, infinite where there is none."""
        return self._limit_s - self.spent_s


def _outcome(incumbent: Incumbent, ended: float, message: str, gap: float, clock: _Clock) -> Outcome:
    """Name the answer by what is held and what is proved."""
    times = (clock.build_s, clock.spent_s - clock.build_s, {"programs": float(clock.programs)})
    if incumbent.decision is None:
        status: Status = "unknown" if message else "infeasible"
        return Outcome(status, None, ended if message else np.inf, message, *times)
    value = incumbent.value
    lower_bound = value if _same(value, ended) else ended
    if lower_bound >= value * (1.0 - gap):
        return Outcome("optimal", incumbent.decision, lower_bound, "", *times)
    return Outcome("feasible", incumbent.decision, lower_bound, message or "the solver left a gap", *times)


def _same(value: float, bound: float) -> bool:
    """Tell whether a bound reaches a value but for rounding."""
    return bound >= value * (1.0 - _SAME)


def _floors(instance: Instance) -> Floats:
    """(K,) what each point costs at least: every block at its cheapest node, transfers free.

    Infinite where the same count of the limited sum exceeds its limit.
    """
    joules, seconds = _least_energy(instance), _least_latency(instance)
    limits = instance.limits
    possible = (joules <= limits.energy_j * _SLACK) & (seconds <= limits.latency_s * _SLACK)
    return np.where(possible, joules if instance.minimise == "energy" else seconds, np.inf)


def _least(costs: Floats, may_run: Bools) -> Floats:
    """(R,) least cost of each row over the nodes that may run it, 0 where none may."""
    least = np.where(may_run, costs, np.inf).min(axis=1, initial=np.inf)
    return np.where(np.isfinite(least), least, 0.0)


def _least_energy(instance: Instance) -> Floats:
    points = instance.points
    reach = points.reach(len(instance.block_names))
    blocks = _least(instance.blocks.energy_j, instance.allowed)
    heads = _least(instance.heads.energy_j, instance.heads.can_run)
    return np.asarray(reach @ blocks + (points.on * reach[:, points.exit_block]) @ heads)


def _least_latency(instance: Instance) -> Floats:
    points = instance.points
    count = len(instance.block_names)
    if instance.statistic == "mean":
        weight = points.reach(count)
    else:
        governing = np.array([governing_exit(instance, row) for row in points.fraction], dtype=np.int64)
        weight = (np.arange(count) <= points.exit_block[governing][:, None]).astype(np.float64)
    blocks = _least(instance.blocks.time_s, instance.allowed)
    heads = _least(instance.heads.time_s, instance.heads.can_run)
    return np.asarray(weight @ blocks + (points.on * weight[:, points.exit_block]) @ heads)


def _solve_point(
    instance: Instance, point: int, incumbent: Incumbent, options: Options, clock: _Clock
) -> tuple[float, str]:
    """Solve one operating point; plans go to the incumbent.

    Returns:
        A lower bound on the point's plans, as far as they are below the cutoff; and what stopped the solver,
        if anything.
    """
    cutoff = incumbent.cutoff
    program = clock.build(instance, point, cutoff)
    expected = program.scale
    while True:
        answer = _run(program, options.gap, clock.left_s)
        if answer.values is None:
            return (answer.bound if answer.message else cutoff), answer.message
        decision = _decision(instance, program, answer.values)
        evaluation = evaluate(instance, decision)
        value, holds = objective_of(instance, evaluation), within_limits(instance, evaluation)
        incumbent.offer(decision)
        if answer.message:
            return answer.bound, answer.message
        if not holds:  # only the solver's tolerance let it through
            _forbid(program, instance, decision)
        elif value <= _NOTHING * expected:
            return value, ""
        elif value < _TOO_SMALL * program.scale:
            cutoff = incumbent.cutoff
            program = clock.build(instance, point, cutoff, value)
        else:
            return (value if _same(value, answer.bound) else answer.bound), ""


@dataclass(frozen=True)
class _Answer:
    """What the solver says of one program."""

    values: Floats | None
    """(C,) variables, None where it holds no plan."""
    bound: float
    """Lower bound in joules or seconds."""
    message: str
    """What stopped the solver; empty where its answer is proved."""


def _run(program: Program, gap: float, time_limit_s: float) -> _Answer:
    """Hand a program to HiGHS."""
    from ortools.math_opt.python import mathopt

    model = mathopt.Model.from_model_proto(_model_proto(program))
    parameters = mathopt.SolveParameters(relative_gap_tolerance=gap, absolute_gap_tolerance=_ABSOLUTE_GAP)
    if np.isfinite(time_limit_s):
        parameters.time_limit = datetime.timedelta(seconds=max(time_limit_s, _LEAST_S))
    parameters.highs.double_options.update(_SOLVER_TOLERANCES)
    try:
        with without_output():
            result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters)
    except Exception as error:  # MathOpt words a failure of HiGHS in several types, and none of them is an answer
        return _Answer(None, 0.0, f"the solver failed: {error.__context__ or error}")
    reason = result.termination.reason
    nothing = (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED)
    if reason in nothing:
        return _Answer(None, np.inf, "")
    bound = float(result.termination.objective_bounds.dual_bound) * program.scale
    message = ""
    if result.termination.limit == mathopt.Limit.TIME:
        message = "the time limit came before the proof"
    elif reason != mathopt.TerminationReason.OPTIMAL:
        message = f"the solver stopped: {result.termination.detail}"
    if not result.has_primal_feasible_solution():
        return _Answer(None, bound, message or "the solver gave no plan")
    return _Answer(np.array(list(result.variable_values().values())), bound, message)


def _model_proto(program: Program) -> Any:  # noqa: ANN401 - generated message class
    """Write a program as the message that MathOpt takes: far quicker than expressions for many variables."""
    from ortools.math_opt import model_pb2

    count, rows = program.columns.count, program.rows
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(count))
    proto.variables.lower_bounds.extend([0.0] * count)
    proto.variables.upper_bounds.extend(program.upper.tolist())
    proto.variables.integers.extend([True] * (count - 1) + [False])
    used = np.flatnonzero(program.objective)
    proto.objective.linear_coefficients.ids.extend(used.tolist())
    proto.objective.linear_coefficients.values.extend((program.objective[used] / program.scale).tolist())
    proto.linear_constraints.ids.extend(range(len(rows.lower)))
    proto.linear_constraints.lower_bounds.extend(rows.lower)
    proto.linear_constraints.upper_bounds.extend(rows.upper)
    for number, (columns, coefficients) in enumerate(zip(rows.columns, rows.coefficients, strict=True)):
        order = np.argsort(columns)
        proto.linear_constraint_matrix.row_ids.extend([number] * len(order))
        proto.linear_constraint_matrix.column_ids.extend(columns[order].tolist())
        proto.linear_constraint_matrix.coefficients.extend(coefficients[order].tolist())
    return proto


def _decision(instance: Instance, program: Program, values: Floats) -> Decision:
    """Read the plan: the node of each block, and the flow of each message followed from node to node."""
    columns, costs = program.columns, program.costs
    nodes = tuple(values[columns.place].argmax(axis=1).tolist())
    ways = [
        _follow(instance, np.flatnonzero(values[flow] > 0.5), *_ends(instance, message, nodes))
        for message, flow in zip(costs.messages, columns.flow, strict=True)
    ]
    results = {head: ways[message] for head, message in costs.result_of.items()}
    return Decision(costs.point, nodes, tuple(ways[: len(nodes)]), results)


def _ends(instance: Instance, message: Message, nodes: Sequence[int]) -> tuple[int, int]:
    """Return the nodes that send and receive a message."""
    sender = instance.source if message.after < 0 else nodes[message.after]
    if message.before >= 0:
        return sender, nodes[message.before]
    if instance.destination is None:
        raise AssertionError  # only results have no receiving block, and they need a destination
    return sender, instance.destination


def _follow(instance: Instance, links: Ints, sender: int, receiver: int) -> Path:
    """Return the way of fewest links of a flow from sender to receiver; cycles beside it are left out."""
    network = instance.network
    onward: dict[int, list[int]] = {}
    for link in links:
        onward.setdefault(int(network.link_source[link]), []).append(int(network.link_target[link]))
    ways: dict[int, Path] = {sender: (sender,)}
    queue = [sender]
    for node in queue:  # grows while it is read
        for target in onward.get(node, []):
            if target not in ways:
                ways[target] = (*ways[node], target)
                queue.append(target)
    return ways[receiver]


def _forbid(program: Program, instance: Instance, decision: Decision) -> None:
    """Cut off one plan, with all that add cycles to it."""
    ways = (*decision.transfers, *(decision.results[head] for head in program.costs.result_of))
    taken = [int(program.columns.place[block, node]) for block, node in enumerate(decision.nodes)]
    for flow, way in zip(program.columns.flow, ways, strict=True):
        taken += [int(flow[instance.network.link(*pair)]) for pair in pairwise(way)]
    program.rows.add(np.array(taken), np.ones(len(taken)), -np.inf, len(taken) - 1.0)
