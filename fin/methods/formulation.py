"""One operating point as an integer program over places and links.

A binary for each block on each node, a binary for each message on each link, flow conservation between them,
and one row per limit. Rows are divided by their limit, because solver tolerances are absolute.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Floats, Ints
from planner.fin.methods.metric_forms import metric_forms
from planner.fin.methods.point_costs import Costs, governing_exit, point_costs
from planner.fin.methods.sharing_rows import SharingColumns, add_ends, add_memory
from planner.fin.path_resources.interface import PathLimits
from planner.fin.solvers.integer_program import IntegerProgram, Rows

_SLACK = 1.0 + TOLERANCE
_SPECK = 1e-9
"""A floor that is a smaller part of an average plan says nothing of the size of an optimum."""


@dataclass(frozen=True, eq=False)
class Columns:
    """Numbers of the program's variables."""

    place: Ints
    """(D, N) whether a block runs on a node."""
    flow: Ints
    """(M, E) whether a message takes a link."""
    in_time: Ints
    """(X,) whether an exit that is used meets the deadline."""
    sharing: SharingColumns
    latest: int
    """Latency, in units of the scale."""
    of_paths: Ints
    """Binaries of path resources."""

    @classmethod
    def of(cls, instance: Instance, costs: Costs) -> Columns:
        """Number the variables of an operating point."""
        place = np.arange(costs.may_run.size).reshape(costs.may_run.shape)
        flow = place.size + np.arange(costs.link_joules.size).reshape(costs.link_joules.shape)
        in_time = place.size + flow.size + np.arange(len(costs.exits))
        first = place.size + flow.size + len(in_time)
        sharing = SharingColumns.of(instance, sum(bool(message.earlier) for message in costs.messages), first)
        latest, limits = first + sharing.count, PathLimits.of(instance)
        own = latest + 1 + np.arange(0 if limits is None else limits.variables())
        return cls(place, flow, in_time, sharing, latest, own)

    @property
    def count(self) -> int:
        """Number of variables."""
        return self.latest + 1 + len(self.of_paths)


class LimitRows(Rows):
    """Rows of a program over binaries, with those of limits in units of the limit."""

    def at_most(self, columns: Ints, coefficients: Floats, most: float) -> None:
        """Keep a sum of binaries with coefficients >= 0 within a limit, in units of the limit.

        Args:
            columns: (E,) numbers of binaries.
            coefficients: (E,) what each takes of the limit, in the unit of the limit.
            most: The limit; infinite for none.
        """
        if np.isinf(most) or coefficients.sum() <= most:
            return
        unit = most if most > 0.0 else float(coefficients.max())
        clipped = np.minimum(coefficients, 2.0 * unit) / unit  # twice the limit is too much either way
        self.add(columns, clipped, -np.inf, most / unit * _SLACK)


@dataclass(frozen=True, eq=False)
class Program:
    """A program: its columns, rows and objective."""

    costs: Costs
    columns: Columns
    rows: LimitRows
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

    def scaled(self) -> IntegerProgram:
        """Return the program for the solver, its objective in units of the expected size."""
        count = self.columns.count
        integer = np.arange(count) != self.columns.latest
        integer[self.columns.sharing.working] = False
        return IntegerProgram(self.objective / self.scale, np.zeros(count), self.upper, integer, self.rows)


def build_program(instance: Instance, point: int, cutoff: float = np.inf, scale: float | None = None) -> Program:
    """Build the program of an operating point; only plans whose objective is within the cutoff matter.

    Args:
        instance: The app.
        point: Index of the operating point.
        cutoff: Largest objective that matters, in joules or seconds.
        scale: Expected size of the objective, in joules or seconds; None to guess it.

    Returns:
        The program, its rows in units of their limits.
    """
    costs = point_costs(instance, point)
    columns, rows = Columns.of(instance, costs), LimitRows()
    energy = np.zeros(columns.count)
    energy[columns.place], energy[columns.flow] = costs.joules, costs.link_joules
    counted = _Counted.of(instance, costs, columns)
    forms = {"energy": energy, **metric_forms(instance, costs, columns)}
    objective = forms.get(instance.minimise)
    size = scale or _expected_size(costs, counted.forms[-1] if objective is None else objective, columns)
    _add_structure(rows, instance, costs, columns)
    _add_capacities(rows, instance, costs, columns)
    if (limits := PathLimits.of(instance)) is not None:
        limits.add_rows(rows, point, columns.place, columns.of_paths)
    for kind, form in forms.items():
        _add_limit(rows, form, min(instance.limits.most(kind), cutoff if kind == instance.minimise else np.inf))
    if objective is not None:
        _add_deadlines(rows, columns, counted, instance.limits.latency_s)
    else:
        within_s = min(instance.limits.latency_s, cutoff)
        objective = _add_latency_objective(rows, columns, counted, within_s, size)
    return Program(costs, columns, rows, objective, size)


def _expected_size(costs: Costs, form: Floats, columns: Columns) -> float:
    """Guess the size of the objective from the floor of the point and an average plan."""
    nodes = np.where(costs.may_run, form[columns.place], np.inf).min(axis=1, initial=np.inf)
    floor = float(nodes[np.isfinite(nodes)].sum())
    links = form[columns.flow].mean(axis=1).sum() if columns.flow.size else 0.0
    average = float(form[columns.place].mean(axis=1).sum() + links)
    return expected_size(floor, average)


def expected_size(floor: float, average: float) -> float:
    """Return the size that an objective is expected to have: its floor, unless that is a speck beside an average plan.

    Args:
        floor: What every plan costs at least, in the unit of the objective.
        average: What a plan costs whose blocks and messages are on average nodes and links.

    Returns:
        The size; 1 where nothing costs anything.
    """
    return (floor if floor > _SPECK * average else average) or 1.0


def _add_structure(rows: LimitRows, instance: Instance, costs: Costs, columns: Columns) -> None:
    """Every block runs on one node; every message flows from its sender to its receiver."""
    network = instance.network
    for block in columns.place:
        rows.add(block, np.ones(len(block)), 1.0, 1.0)
    leaving = [np.flatnonzero(network.link_source == node) for node in range(network.size)]
    arriving = [np.flatnonzero(network.link_target == node) for node in range(network.size)]
    shared = iter(zip(columns.sharing.leave, columns.sharing.arrive, strict=True))
    for message, flow in zip(costs.messages, columns.flow, strict=True):
        ends = [(message.after, -1.0, instance.source), (message.before, 1.0, instance.destination)]
        if message.earlier:
            leave, arrive = next(shared)
            readers = (message.after, message.before)
            add_ends(rows, columns.place, leave, arrive, readers, message.earlier, instance.source)
        for node in range(network.size):
            moving = [(int(columns.place[block, node]), sign) for block, sign, _ in ends if block >= 0]
            fixed = sum(-sign for block, sign, at in ends if block < 0 and at == node)
            if message.earlier:
                moving, fixed = [(int(leave[node]), -1.0), (int(arrive[node]), 1.0)], 0.0
            names = np.concatenate([flow[leaving[node]], flow[arriving[node]], [name for name, _ in moving]])
            signs = np.repeat([1.0, -1.0], [len(leaving[node]), len(arriving[node])])
            signs = np.concatenate([signs, [sign for _, sign in moving]])
            rows.add(names.astype(np.int64), signs, fixed, fixed)


def _add_limit(rows: LimitRows, form: Floats, most: float) -> None:
    rows.at_most(np.arange(len(form)), form, most)


def _add_capacities(rows: LimitRows, instance: Instance, costs: Costs, columns: Columns) -> None:
    """Memory and time of nodes, time of media."""
    network, rate = instance.network, instance.rate_per_s
    busy = rate * costs.runs[:, None] * costs.seconds
    for node in range(network.size):
        if instance.memory is None:
            rows.at_most(columns.place[:, node], costs.memory_bytes, float(network.memory_bytes[node]))
        rows.at_most(columns.place[:, node], busy[:, node], float(network.max_utilization[node]))
    if instance.memory is not None:
        add_memory(rows, instance, costs.point, columns.place, columns.sharing, costs.memory_bytes)
    if rate > 0.0:
        for medium in range(network.media):
            links = network.link_medium == medium
            rows.at_most(columns.flow[:, links].ravel(), rate * costs.air_seconds[:, links].ravel(), 1.0)


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
    def of(cls, instance: Instance, costs: Costs, columns: Columns) -> _Counted:
        """Return what the statistic of an app counts."""
        fraction = instance.points.fraction[costs.point]
        forms = {head: _arrival(instance, costs, columns, head) for head in costs.exits}
        if instance.statistic == "mean":
            mean = sum((fraction[head] * form for head, form in forms.items()), np.zeros(columns.count))
            return cls((mean,), (1.0,), None)
        if not costs.result_of:  # deeper exits are never earlier
            governing = governing_exit(instance, fraction)
            return cls((forms[governing],), (1.0,), None)
        shares = tuple(float(fraction[head]) for head in costs.exits)
        all_count = instance.percentile is None or len(shares) == 1
        needed = None if all_count else min(instance.percentile or 1.0, sum(shares))
        return cls(tuple(forms.values()), shares, needed)


def _arrival(instance: Instance, costs: Costs, columns: Columns, head: int) -> Floats:
    """(C,) seconds that each variable adds to the latency of an exit."""
    form = np.zeros(columns.count)
    last = int(instance.points.exit_block[head])
    form[columns.place[: last + 1]] = costs.seconds[: last + 1]
    form[columns.place[0]] += instance.filling_s
    before = [row for row, message in enumerate(costs.messages) if 0 <= message.before <= last]
    form[columns.flow[before]] = costs.link_seconds[before]
    if head in costs.result_of:
        form[columns.flow[costs.result_of[head]]] = costs.link_seconds[costs.result_of[head]]
    return form


def _add_deadlines(rows: LimitRows, columns: Columns, counted: _Counted, deadline_s: float) -> None:
    """Keep the statistic within a deadline."""
    if np.isinf(deadline_s):
        return
    if counted.needed is None:
        for form in counted.forms:
            _add_limit(rows, form, deadline_s)
        return
    _add_coverage(rows, columns, counted)
    for form, in_time in zip(counted.forms, columns.in_time, strict=True):
        row = np.minimum(form / deadline_s, 2.0)
        row[in_time] = late = _largest(row, columns)
        rows.add(np.arange(columns.count), row, -np.inf, _SLACK + late)


def _add_latency_objective(
    rows: LimitRows, columns: Columns, counted: _Counted, within_s: float, unit_s: float
) -> Floats:
    """Return the statistic as an objective: the only sum, or a variable (in units) above all that count."""
    if counted.single:
        _add_limit(rows, counted.forms[0], within_s)
        return counted.forms[0]
    if counted.needed is not None:
        _add_coverage(rows, columns, counted)
    for form, in_time in zip(counted.forms, columns.in_time, strict=True):
        row, late = np.minimum(form, 2.0 * within_s) / unit_s, 0.0
        if counted.needed is not None:
            row[in_time] = late = _largest(row, columns)
        row[columns.latest] = -1.0
        rows.add(np.arange(columns.count), row, -np.inf, late)
    if np.isfinite(within_s):
        rows.add(np.array([columns.latest]), np.ones(1), 0.0, within_s / unit_s * _SLACK)
    objective = np.zeros(columns.count)
    objective[columns.latest] = unit_s
    return objective


def _add_coverage(rows: LimitRows, columns: Columns, counted: _Counted) -> None:
    needed = (counted.needed or 0.0) - TOLERANCE
    rows.add(columns.in_time, np.array(counted.fractions), needed, np.inf)


def _largest(form: Floats, columns: Columns) -> float:
    """Bound a sum over every plan: each block on its costliest node, each message over its costliest links.

    A simple path has fewer links than there are nodes.
    """
    places = form[columns.place].max(axis=1).sum()
    flows = np.sort(form[columns.flow], axis=1)[:, 1 - columns.place.shape[1] :]
    return float(places + flows.sum())
