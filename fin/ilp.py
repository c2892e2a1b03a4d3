"""An integer program over places and links, solved by HiGHS through OR-Tools MathOpt: a second opinion.

It shares no route table, graph or bound with the exact method. One program per operating point: a binary for each
block on each node, a binary for each message on each link, flow conservation between them, and one row per limit.
Rows are divided by their limit and the objective by its expected size, because solver tolerances are absolute. Every
answer is evaluated outside the solver; a plan that only the tolerance let through is cut off and the program solved
again.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from fin.decision import Decision, Path, evaluate, objective_of, within_limits
from fin.incumbent import Incumbent
from fin.instance import TOLERANCE, Instance
from fin.method import Options, Outcome
from fin.network import Bools, Floats, Ints
from schemas.placement import Status

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
        ended, message, programs = np.inf, "", 0
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
            programs += 1
        return _outcome(incumbent, ended, message, options, clock, programs)


class _Clock:
    """Time left, and time spent on building programs."""

    def __init__(self, limit_s: float | None) -> None:
        self._began = time.perf_counter()
        self._limit_s = np.inf if limit_s is None else limit_s
        self.build_s = 0.0

    @property
    def spent_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._began

    @property
    def left_s(self) -> float:
        """Seconds until the time limit, infinite where there is none."""
        return self._limit_s - self.spent_s


def _outcome(
    incumbent: Incumbent, ended: float, message: str, options: Options, clock: _Clock, programs: int
) -> Outcome:
    """Name the answer by what is held and what is proved."""
    times = (clock.build_s, clock.spent_s - clock.build_s, {"programs": float(programs)})
    if incumbent.decision is None:
        status: Status = "unknown" if message else "infeasible"
        return Outcome(status, None, ended if message else np.inf, message, *times)
    value = incumbent.value
    lower_bound = value if _same(value, ended) else ended
    if lower_bound >= value * (1.0 - options.gap):
        return Outcome("optimal", incumbent.decision, lower_bound, "", *times)
    return Outcome("feasible", incumbent.decision, lower_bound, message or "the solver left a gap", *times)


def _same(value: float, bound: float) -> bool:
    """Tell whether a bound reaches a value but for rounding."""
    return bound >= value * (1.0 - _SAME)


# --- what an operating point costs -----------------------------------------------------------------------------------


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
        last = np.array([points.exit_block[_governing(instance, row)] for row in points.fraction], dtype=np.int64)
        weight = (np.arange(count) <= last.reshape(-1, 1)).astype(np.float64)
    blocks = _least(instance.blocks.time_s, instance.allowed)
    heads = _least(instance.heads.time_s, instance.heads.can_run)
    return np.asarray(weight @ blocks + (points.on * weight[:, points.exit_block]) @ heads)


def _governing(instance: Instance, fraction: Floats) -> int:
    """Return the first exit by which enough samples have left; no plan can do with a shallower one."""
    used = np.flatnonzero(fraction > 0)
    if instance.percentile is None:
        return int(used[-1])
    enough = np.cumsum(fraction[used]) >= instance.percentile - TOLERANCE
    return int(used[int(np.argmax(enough)) if enough.any() else -1])


@dataclass(frozen=True)
class _Message:
    """Something carried: the input, the output of a block, or the result of an exit."""

    after: int
    """Block whose node sends; -1 for the source."""
    before: int
    """Block whose node receives; -1 for the destination."""
    bits: float
    weight: float
    """Fraction of samples that send it."""


@dataclass(frozen=True)
class _Costs:
    """One operating point over D deployed blocks, N nodes, M messages and E links."""

    point: int
    may_run: Bools
    """(D, N) where blocks may run with their heads."""
    joules: Floats
    """(D, N) energy per inference."""
    seconds: Floats
    """(D, N) time of one execution."""
    reach: Floats
    """(D,) fraction of samples that executes a block."""
    memory_bytes: Floats
    """(D,) memory of a block and its head."""
    messages: tuple[_Message, ...]
    link_joules: Floats
    """(M, E) energy per inference."""
    link_seconds: Floats
    """(M, E) time of one transfer."""
    air_seconds: Floats
    """(M, E) time per inference that the medium is busy."""
    exits: tuple[int, ...]
    """Exits at which samples leave, shallowest first."""
    result_of: Mapping[int, int] = field(default_factory=dict)
    """Message of each exit whose result travels."""


def _costs(instance: Instance, point: int) -> _Costs:
    points, network = instance.points, instance.network
    depth = int(points.depth[point])
    reach = points.reach(len(instance.block_names))[point, :depth]
    joules, seconds = instance.blocks.energy_j[:depth].copy(), instance.blocks.time_s[:depth].copy()
    memory, may_run = instance.block_bytes[:depth].astype(np.float64), instance.allowed[:depth].copy()
    for head in np.flatnonzero(points.on[point]):
        block = int(points.exit_block[head])
        joules[block] += instance.heads.energy_j[head]
        seconds[block] += instance.heads.time_s[head]
        memory[block] += instance.head_bytes[head]
        may_run[block] &= instance.heads.can_run[head]
    exits = tuple(int(head) for head in np.flatnonzero(points.on[point] & (points.fraction[point] > 0)))
    messages = _messages(instance, point, reach, exits)
    bits = np.array([message.bits for message in messages])[:, None]
    weight = np.array([message.weight for message in messages])[:, None]
    air = bits / network.link_bit_per_s
    results = {head: depth + row for row, head in enumerate(exits)} if len(messages) > depth else {}
    return _Costs(
        point, may_run, reach[:, None] * joules, seconds, reach, memory, messages,
        weight * bits * network.link_j_per_bit, network.link_latency_s + air, weight * air, exits, results,
    )  # fmt: skip


def _messages(instance: Instance, point: int, reach: Floats, exits: Sequence[int]) -> tuple[_Message, ...]:
    """List the input, the outputs between blocks, then the results where there is a destination."""
    carried = [_Message(-1, 0, float(instance.input_bits), 1.0)]
    for block in range(1, len(reach)):
        bits = float(instance.output_bits[block - 1])
        carried.append(_Message(block - 1, block, bits, float(reach[block])))
    for head in exits if instance.destination is not None else ():
        block, fraction = int(instance.points.exit_block[head]), float(instance.points.fraction[point, head])
        carried.append(_Message(block, -1, float(instance.result_bits[head]), fraction))
    return tuple(carried)


# --- the program -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Columns:
    """Numbers of the program's variables."""

    place: Ints
    """(D, N) whether a block runs on a node."""
    flow: Ints
    """(M, E) whether a message takes a link."""
    in_time: Ints
    """(X,) whether an exit that is used meets the deadline."""
    latest: int
    """Latency, in units of the scale."""

    @classmethod
    def of(cls, costs: _Costs) -> _Columns:
        """Number the variables of an operating point."""
        place = np.arange(costs.may_run.size).reshape(costs.may_run.shape)
        flow = place.size + np.arange(costs.link_joules.size).reshape(costs.link_joules.shape)
        in_time = place.size + flow.size + np.arange(len(costs.exits))
        return cls(place, flow, in_time, place.size + flow.size + len(in_time))

    @property
    def count(self) -> int:
        """Number of variables."""
        return self.latest + 1


class _Rows:
    """Rows ``lower <= sum of coefficient * variable <= upper``."""

    def __init__(self) -> None:
        self.columns: list[Ints] = []
        self.coefficients: list[Floats] = []
        self.lower: list[float] = []
        self.upper: list[float] = []

    def add(self, columns: Ints, coefficients: Floats, lower: float, upper: float) -> None:
        """Add a row; coefficients of 0 are left out."""
        given = np.flatnonzero(coefficients)
        self.columns.append(columns[given])
        self.coefficients.append(coefficients[given])
        self.lower.append(lower)
        self.upper.append(upper)

    def at_most(self, columns: Ints, coefficients: Floats, most: float) -> None:
        """Keep a sum of binaries with coefficients >= 0 within a limit, in units of the limit."""
        if np.isinf(most) or coefficients.sum() <= most:
            return
        unit = most if most > 0.0 else float(coefficients.max())
        clipped = np.minimum(coefficients / unit, 2.0)  # one alone is too much either way
        self.add(columns, clipped, -np.inf, most / unit * _SLACK)


@dataclass(frozen=True)
class _Program:
    """A program: its columns, rows and objective."""

    costs: _Costs
    columns: _Columns
    rows: _Rows
    objective: Floats
    """(C,) joules or seconds of each variable."""
    scale: float
    """Expected size of the objective."""

    @property
    def upper(self) -> Floats:
        """(C,) upper bound of each variable."""
        bounds = np.ones(self.columns.count)
        bounds[self.columns.place] = self.costs.may_run
        bounds[self.columns.latest] = np.inf
        return bounds


def _program(instance: Instance, point: int, cutoff: float, scale: float | None) -> _Program:
    """Build the program of an operating point; only plans whose objective is within the cutoff matter."""
    costs = _costs(instance, point)
    columns, rows = _Columns.of(costs), _Rows()
    energy = np.zeros(columns.count)
    energy[columns.place], energy[columns.flow] = costs.joules, costs.link_joules
    counted = _Counted.of(instance, costs, columns)
    by_energy = instance.minimise == "energy"
    size = scale or _expected_size(instance, costs, energy if by_energy else counted.forms[-1], columns)
    _add_structure(rows, instance, costs, columns)
    _add_capacities(rows, instance, costs, columns)
    everything = np.arange(columns.count)
    limits = instance.limits
    if by_energy:
        rows.at_most(everything, energy, min(limits.energy_j, cutoff))
        _add_deadlines(rows, columns, counted, limits.latency_s)
        return _Program(costs, columns, rows, energy, size)
    rows.at_most(everything, energy, limits.energy_j)
    within = min(limits.latency_s, cutoff)
    if counted.single:
        rows.at_most(everything, counted.forms[0], within)
        return _Program(costs, columns, rows, counted.forms[0], size)
    _add_latest(rows, columns, counted, within, size)
    objective = np.zeros(columns.count)
    objective[columns.latest] = size
    return _Program(costs, columns, rows, objective, size)


def _expected_size(instance: Instance, costs: _Costs, form: Floats, columns: _Columns) -> float:
    """Guess the size of the objective: the floor of the point, else an average plan."""
    nodes = np.where(costs.may_run, form[columns.place], np.inf).min(axis=1, initial=np.inf)
    floor = float(nodes[np.isfinite(nodes)].sum())
    if floor > 0.0:
        return floor
    links = form[columns.flow].mean(axis=1).sum() if columns.flow.size else 0.0
    return float(form[columns.place].mean(axis=1).sum() + links) or 1.0


def _add_structure(rows: _Rows, instance: Instance, costs: _Costs, columns: _Columns) -> None:
    """Every block runs on one node; every message flows from its sender to its receiver."""
    network = instance.network
    for block in columns.place:
        rows.add(block, np.ones(len(block)), 1.0, 1.0)
    leaving = [np.flatnonzero(network.link_source == node) for node in range(network.size)]
    arriving = [np.flatnonzero(network.link_target == node) for node in range(network.size)]
    for message, flow in zip(costs.messages, columns.flow, strict=True):
        for node in range(network.size):
            ends = [(message.after, -1.0, instance.source), (message.before, 1.0, instance.destination)]
            moving = [(int(columns.place[block, node]), sign) for block, sign, _ in ends if block >= 0]
            fixed = sum(-sign for block, sign, at in ends if block < 0 and at == node)
            names = np.concatenate([flow[leaving[node]], flow[arriving[node]], [name for name, _ in moving]])
            signs = np.repeat([1.0, -1.0], [len(leaving[node]), len(arriving[node])])
            signs = np.concatenate([signs, [sign for _, sign in moving]])
            rows.add(names.astype(np.int64), signs, fixed, fixed)


def _add_capacities(rows: _Rows, instance: Instance, costs: _Costs, columns: _Columns) -> None:
    """Memory and time of nodes, time of media."""
    network, rate = instance.network, instance.rate_per_s
    busy = rate * costs.reach[:, None] * costs.seconds
    for node in range(network.size):
        rows.at_most(columns.place[:, node], costs.memory_bytes, float(network.memory_bytes[node]))
        rows.at_most(columns.place[:, node], busy[:, node], float(network.max_utilization[node]))
    if rate > 0.0:
        for medium in range(len(network.media)):
            links = network.link_medium == medium
            rows.at_most(columns.flow[:, links].ravel(), rate * costs.air_seconds[:, links].ravel(), 1.0)


# --- latency ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Counted:
    """The latencies that the statistic counts."""

    forms: tuple[Floats, ...]
    """(C,) seconds of each variable: one sum for each exit that may count, or their mean."""
    fractions: tuple[float, ...]
    needed: float | None
    """Fraction of samples that must be in time; None: all forms count."""

    @property
    def single(self) -> bool:
        """Whether one sum alone is the statistic."""
        return len(self.forms) == 1

    @classmethod
    def of(cls, instance: Instance, costs: _Costs, columns: _Columns) -> _Counted:
        """Return what the statistic of an app counts."""
        fraction = instance.points.fraction[costs.point]
        forms = {head: _arrival(instance, costs, columns, head) for head in costs.exits}
        if instance.statistic == "mean":
            mean = sum((fraction[head] * form for head, form in forms.items()), np.zeros(columns.count))
            return cls((mean,), (1.0,), None)
        if not costs.result_of:  # deeper exits are never earlier
            governing = _governing(instance, fraction)
            return cls((forms[governing],), (1.0,), None)
        shares = tuple(float(fraction[head]) for head in costs.exits)
        needed = None if instance.percentile is None else min(instance.percentile, sum(shares))
        return cls(tuple(forms.values()), shares, needed)


def _arrival(instance: Instance, costs: _Costs, columns: _Columns, head: int) -> Floats:
    """(C,) seconds that each variable adds to the latency of an exit."""
    form = np.zeros(columns.count)
    last = int(instance.points.exit_block[head])
    form[columns.place[: last + 1]] = costs.seconds[: last + 1]
    form[columns.flow[: last + 1]] = costs.link_seconds[: last + 1]
    if head in costs.result_of:
        form[columns.flow[costs.result_of[head]]] = costs.link_seconds[costs.result_of[head]]
    return form


def _add_deadlines(rows: _Rows, columns: _Columns, counted: _Counted, deadline_s: float) -> None:
    """Keep the statistic within a deadline."""
    if np.isinf(deadline_s):
        return
    everything = np.arange(columns.count)
    if counted.needed is None or counted.single:
        for form in counted.forms:
            rows.at_most(everything, form, deadline_s)
        return
    _add_coverage(rows, columns, counted)
    for form, in_time in zip(counted.forms, columns.in_time, strict=True):
        clipped = np.minimum(form / deadline_s, 2.0)
        late = _largest(clipped, columns)
        clipped[in_time] = late
        rows.add(everything, clipped, -np.inf, _SLACK + late)


def _add_latest(rows: _Rows, columns: _Columns, counted: _Counted, within_s: float, unit_s: float) -> None:
    """Put the latest latency that counts into its own variable, in units of `unit_s`."""
    everything = np.arange(columns.count)
    if counted.needed is not None:
        _add_coverage(rows, columns, counted)
    for form, in_time in zip(counted.forms, columns.in_time, strict=True):
        row = np.minimum(form, 2.0 * within_s) / unit_s
        late = 0.0
        if counted.needed is not None:
            late = row[in_time] = _largest(row, columns)
        row[columns.latest] = -1.0
        rows.add(everything, row, -np.inf, late)
    if np.isfinite(within_s):
        unit = np.array([unit_s / within_s]) if within_s > 0.0 else np.ones(1)
        rows.add(np.array([columns.latest]), unit, 0.0, _SLACK if within_s > 0.0 else 0.0)


def _add_coverage(rows: _Rows, columns: _Columns, counted: _Counted) -> None:
    needed = (counted.needed or 0.0) - TOLERANCE
    rows.add(columns.in_time, np.array(counted.fractions), needed, np.inf)


def _largest(form: Floats, columns: _Columns) -> float:
    """Bound a sum over every plan: each block on its costliest node, each message over the costliest links."""
    places = form[columns.place].max(axis=1).sum()
    flows = np.sort(form[columns.flow], axis=1)[:, -columns.place.shape[1] :]  # a simple path has fewer links than nodes
    return float(places + flows.sum())


# --- solving ---------------------------------------------------------------------------------------------------------


def _solve_point(
    instance: Instance, point: int, incumbent: Incumbent, options: Options, clock: _Clock
) -> tuple[float, str]:
    """Solve one operating point; plans go to the incumbent.

    Returns:
        A lower bound on the point's plans, as far as they are below the cutoff; and what stopped the solver, if
        anything did.
    """
    cutoff = incumbent.cutoff
    program = _timed_program(instance, point, cutoff, None, clock)
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
        elif 0.0 < value < _TOO_SMALL * program.scale:
            cutoff = incumbent.cutoff
            program = _timed_program(instance, point, cutoff, value, clock)
        else:
            return (value if _same(value, answer.bound) else answer.bound), ""


def _timed_program(instance: Instance, point: int, cutoff: float, scale: float | None, clock: _Clock) -> _Program:
    began = time.perf_counter()
    program = _program(instance, point, cutoff, scale)
    clock.build_s += time.perf_counter() - began
    return program


@dataclass(frozen=True)
class _Answer:
    """What the solver says of one program."""

    values: Floats | None
    """(C,) variables, None where it holds no plan."""
    bound: float
    """Lower bound in joules or seconds."""
    message: str
    """What stopped the solver; empty where its answer is proved."""


def _run(program: _Program, gap: float, time_limit_s: float) -> _Answer:
    """Hand a program to HiGHS."""
    from ortools.math_opt.python import mathopt

    model = mathopt.Model.from_model_proto(_model_proto(program))
    parameters = mathopt.SolveParameters(relative_gap_tolerance=gap, absolute_gap_tolerance=_ABSOLUTE_GAP)
    if np.isfinite(time_limit_s):
        parameters.time_limit = datetime.timedelta(seconds=max(time_limit_s, _LEAST_S))
    parameters.highs.double_options.update(_SOLVER_TOLERANCES)
    result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters)
    reason = result.termination.reason
    nothing = (mathopt.TerminationReason.INFEASIBLE, mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED)
    if reason in nothing:
        return _Answer(None, np.inf, "")
    bound = float(result.termination.objective_bounds.dual_bound) * program.scale
    message = "" if reason == mathopt.TerminationReason.OPTIMAL else f"the solver stopped: {result.termination.detail}"
    if result.termination.limit == mathopt.Limit.TIME:
        message = "the time limit came before the proof"
    if not result.has_primal_feasible_solution():
        return _Answer(None, bound, message or "the solver gave no plan")
    return _Answer(np.array(list(result.variable_values().values())), bound, message)


def _model_proto(program: _Program) -> Any:  # noqa: ANN401 - generated message class
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


def _decision(instance: Instance, program: _Program, values: Floats) -> Decision:
    """Read the plan: the node of each block, and the flow of each message followed from node to node."""
    columns, costs = program.columns, program.costs
    nodes = tuple(values[columns.place].argmax(axis=1).tolist())
    ways = [
        _follow(instance, np.flatnonzero(values[flow] > 0.5), *_ends(instance, message, nodes))
        for message, flow in zip(costs.messages, columns.flow, strict=True)
    ]
    results = {head: ways[message] for head, message in costs.result_of.items()}
    return Decision(costs.point, nodes, tuple(ways[: len(nodes)]), results)


def _ends(instance: Instance, message: _Message, nodes: Sequence[int]) -> tuple[int, int]:
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


def _forbid(program: _Program, instance: Instance, decision: Decision) -> None:
    """Cut off one plan, with all that add cycles to it."""
    ways = (*decision.transfers, *(decision.results[head] for head in program.costs.result_of))
    taken = [int(program.columns.place[block, node]) for block, node in enumerate(decision.nodes)]
    for flow, way in zip(program.columns.flow, ways, strict=True):
        taken += [int(flow[instance.network.link(*pair)]) for pair in pairwise(way)]
    program.rows.add(np.array(taken), np.ones(len(taken)), -np.inf, len(taken) - 1.0)
