"""Integer programs solved by HiGHS through OR-Tools MathOpt: a second opinion.

It shares no route table, graph or bound with the exact method. One program per operating point (see
`fin.methods.formulation`), those with the least floor first, each below what the ones before it reached. Every
answer is evaluated outside the solver; a plan that only the solver's tolerance let through is cut off and the program
solved again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.exact.incumbent import Incumbent
from planner.fin.instance.decision import Decision, Path, evaluate, objective_of, within_limits
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.method import Options
from planner.fin.methods.formulation import Program, build_program
from planner.fin.methods.point_costs import Message, governing_exit
from planner.fin.outcome import PROVED, Outcome, Termination
from planner.fin.solvers.integer_program import Solution, SolverSettings, solve_integer_program

_SLACK = 1.0 + TOLERANCE
_SOLVER_TOLERANCES = {
    "mip_feasibility_tolerance": 1e-9,
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-9,
    "small_matrix_value": 1e-12,
}
_SECOND_TOLERANCES = {key: value for key, value in _SOLVER_TOLERANCES.items() if key != "mip_feasibility_tolerance"}
"""Of a program that HiGHS gives up with the first ones; what comes of it is evaluated outside all the same."""
_SAME = 1e-7
"""Relative difference of a solver's bound and an evaluated plan that is rounding."""
_TOO_SMALL = 0.05
"""An optimum that is a smaller part of its expected size is solved again with its own size."""
_NOTHING = 1e-9
"""An optimum that is a smaller part of its expected size is 0 but for rounding: no program can be scaled to it."""
_ABSOLUTE_GAP = 1e-9
_OUT_OF_TIME = Termination.at_limit("time", "the time limit came before the proof")


Builder = Callable[[Instance, int, float, float | None], Program]
"""Builds the program of an operating point: app, point, largest objective that matters, expected size."""


class IntegerProgram:
    """One mixed-integer program per operating point, cheapest first."""

    name = "ilp"
    description = "integer program over places and links, solved by OR-Tools (HiGHS)"

    def __init__(self, build: Builder = build_program) -> None:
        self._build = build

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app; optimal unless the time limit comes first."""
        return self.improve(instance, None, options)

    def improve(self, instance: Instance, start: Decision | None, options: Options) -> Outcome[Decision]:
        """Find a better plan than one that is known, or prove that there is none, as `solve` does.

        Args:
            instance: The app.
            start: A plan within the limits; None for none.
            options: Gap and time limit.

        Returns:
            The outcome; where nothing better was found, it holds the plan that was known.
        """
        clock = ProgramClock(Deadline.after(options.time_limit_s), self._build)
        incumbent = Incumbent(instance, options.gap)
        if start is not None:
            incumbent.offer(start)
        floors = _floors(instance)
        ended, termination = np.inf, PROVED
        for point in np.argsort(floors, kind="stable").tolist():
            floor = float(floors[point])
            if floor >= incumbent.cutoff:
                ended = min(ended, incumbent.cutoff)
                break
            if clock.deadline.expired:
                ended, termination = min(ended, floor), _OUT_OF_TIME
                break
            bound, stopped = solve_point(instance, point, incumbent, options.gap, clock)
            ended, termination = min(ended, max(bound, floor)), termination if stopped.proved else stopped
        return _outcome(incumbent, ended, termination, options.gap, clock)


class ProgramClock:
    """Deadline, time spent on building programs, and their number."""

    def __init__(self, deadline: Deadline, build: Builder = build_program) -> None:
        self._began = time.perf_counter()
        self._build = build
        self.deadline = deadline
        self.build_s = 0.0
        self.programs = 0

    def build(self, instance: Instance, point: int, cutoff: float, scale: float | None = None) -> Program:
        """Build a program on the clock.

        Args:
            instance: The app.
            point: Index of the operating point.
            cutoff: Largest objective that matters.
            scale: Expected size of the objective; None to guess it.

        Returns:
            The program.
        """
        began = time.perf_counter()
        program = self._build(instance, point, cutoff, scale)
        self.build_s += time.perf_counter() - began
        self.programs += 1
        return program

    @property
    def search_s(self) -> float:
        """Seconds since the start that were not spent on building."""
        return time.perf_counter() - self._began - self.build_s


def _outcome(
    incumbent: Incumbent, ended: float, termination: Termination, gap: float, clock: ProgramClock
) -> Outcome[Decision]:
    """Name the answer by what is held and what is proved."""
    times = (clock.build_s, clock.search_s, {"programs": float(clock.programs)})
    if incumbent.decision is None:
        if termination.proved:
            return Outcome("infeasible", None, np.inf, PROVED, *times)
        return Outcome("unknown", None, max(ended, 0.0), termination, *times)
    value = incumbent.value
    lower_bound = value if _same(value, ended) else max(ended, 0.0)
    if lower_bound >= value * (1.0 - gap):
        return Outcome("optimal", incumbent.decision, lower_bound, PROVED, *times)
    stopped = Termination.numerical("the solver left a gap") if termination.proved else termination
    return Outcome("feasible", incumbent.decision, lower_bound, stopped, *times)


def _same(value: float, bound: float) -> bool:
    """Tell whether a bound reaches a value but for rounding."""
    return bound >= value * (1.0 - _SAME)


def _floors(instance: Instance) -> Floats:
    """(K,) what each point costs at least: every block at its cheapest node, transfers free.

    Infinite where the same count of the limited sum exceeds its limit.
    """
    joules, seconds = _least_energy(instance), _least_latency(instance)
    possible = instance.limits.keep(latency_s=seconds, energy_j=joules)
    floors = {"energy": joules, "latency": seconds}.get(instance.minimise, np.zeros_like(joules))
    return np.where(possible, floors, np.inf)


def _least(costs: Floats, may_run: Bools) -> Floats:
    """(R,) least cost of each row over the nodes that may run it, 0 where none may."""
    least = np.where(may_run, costs, np.inf).min(axis=1, initial=np.inf)
    return np.where(np.isfinite(least), least, 0.0)


def _least_energy(instance: Instance) -> Floats:
    points = instance.points
    runs = points.computing_weight(points.reach(len(instance.block_names)))
    blocks = _least(instance.blocks.energy_j, instance.allowed)
    heads = _least(instance.heads.energy_j, instance.heads.can_run)
    return np.asarray(runs @ blocks + (points.on * runs[:, points.exit_block]) @ heads)


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


def solve_point(
    instance: Instance, point: int, incumbent: Incumbent, gap: float, clock: ProgramClock
) -> tuple[float, Termination]:
    """Solve one operating point by its integer program; plans go to the incumbent.

    Args:
        instance: The app; only its allowed nodes are considered.
        point: The operating point.
        incumbent: The best plan so far; only plans below its cutoff are of interest.
        gap: Relative gap at which the solver may stop.
        clock: Deadline and times.

    Returns:
        A lower bound on the point's plans, as far as they are below the cutoff; and why the solver stopped.
    """
    cutoff = incumbent.cutoff
    program = clock.build(instance, point, cutoff)
    expected = program.scale
    while True:
        found = _solve(program, gap, clock)
        bound, stopped = found.bound * program.scale, found.termination
        if found.values is None:
            return (cutoff if stopped.proved else bound), stopped
        decision = _decision(instance, program, found.values)
        evaluation = evaluate(instance, decision)
        value, holds = objective_of(instance, evaluation), within_limits(instance, evaluation)
        incumbent.offer(decision)
        if not stopped.proved:
            return bound, stopped
        if not holds:  # only the solver's tolerance let it through
            _forbid(program, instance, decision)
        elif value <= _NOTHING * expected:
            return value, PROVED
        elif value < _TOO_SMALL * program.scale:
            cutoff = incumbent.cutoff
            program = clock.build(instance, point, cutoff, value)
        else:
            return (value if _same(value, bound) else bound), PROVED


def _solve(program: Program, gap: float, clock: ProgramClock) -> Solution:
    """Solve a program; once more with its own tolerance of integrality where the solver fails at a finer one."""
    settings = SolverSettings(gap, _ABSOLUTE_GAP, clock.deadline.remaining_s, highs=_SOLVER_TOLERANCES)
    found = solve_integer_program(program.scaled(), settings)
    if found.values is None and found.termination.reason == "numerical":
        settings = replace(settings, time_limit_s=clock.deadline.remaining_s, highs=_SECOND_TOLERANCES)
        found = solve_integer_program(program.scaled(), settings)
    return found


def _decision(instance: Instance, program: Program, values: Floats) -> Decision:
    """Read the plan: the node of each block, and the flow of each message followed from node to node."""
    columns, costs = program.columns, program.costs
    nodes = tuple(values[columns.place].argmax(axis=1).tolist())
    paths = []
    for message, flow in zip(costs.messages, columns.flow, strict=True):
        sender, receiver = _ends(instance, message, nodes)
        there = any(nodes[block] == receiver for block in message.earlier)
        taken = np.flatnonzero(values[flow] > 0.5)
        paths.append((receiver,) if there else _follow(instance, taken, sender, receiver))
    results = {head: paths[message] for head, message in costs.result_of.items()}
    inputs = sum(message.before >= 0 for message in costs.messages)
    return Decision(costs.point, nodes, tuple(paths[:inputs]), results)


def _ends(instance: Instance, message: Message, nodes: Sequence[int]) -> tuple[int, int]:
    """Return the nodes that send and receive a message."""
    sender = instance.source if message.after < 0 else nodes[message.after]
    if message.before >= 0:
        return sender, nodes[message.before]
    if instance.destination is None:
        raise AssertionError  # only results have no receiving block, and they need a destination
    return sender, instance.destination


def _follow(instance: Instance, links: Ints, sender: int, receiver: int) -> Path:
    """Return the path of fewest links of a flow from sender to receiver; cycles beside it are left out."""
    network = instance.network
    onward: dict[int, list[int]] = {}
    for link in links:
        onward.setdefault(int(network.link_source[link]), []).append(int(network.link_target[link]))
    paths: dict[int, Path] = {sender: (sender,)}
    queue = [sender]
    for node in queue:  # grows while it is read
        for target in onward.get(node, []):
            if target not in paths:
                paths[target] = (*paths[node], target)
                queue.append(target)
    return paths[receiver]


def _forbid(program: Program, instance: Instance, decision: Decision) -> None:
    """Cut off one plan, with all that add cycles to it."""
    paths = (*decision.transfers, *(decision.results[head] for head in program.costs.result_of))
    taken = [int(program.columns.place[block, node]) for block, node in enumerate(decision.nodes)]
    for flow, path in zip(program.columns.flow, paths, strict=True):
        taken += [int(flow[instance.network.link(*pair)]) for pair in pairwise(path)]
    program.rows.add(np.array(taken), np.ones(len(taken)), -np.inf, len(taken) - 1.0)
