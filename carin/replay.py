"""Replay of a recorded trace: the runtime manager beside each fixed design, the best of the design set, and an oracle.

Model of load: an engine whose load is x has 1 - x of its time left for the tasks, so whatever runs on it takes
1 / (1 - x) times as long; at load 1 it never ends. Energy of an inference and accuracy do not change. At every sample
each task makes one inference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.carin.clairvoyant_oracle import clairvoyant_choice, oracle_designs
from planner.carin.design_space import LIMIT_TOLERANCE, Bools, Floats, Ints
from planner.carin.manager import RuntimeManager
from planner.carin.metrics import metrics_of
from planner.carin.scored_designs import ScoredDesigns, choice_of
from planner.carin.trace import LoadTrace
from planner.schemas.adaptation.designs import TIMED, Constraint, statistic_of
from planner.schemas.adaptation.policy import JointDesign, Policy
from planner.schemas.reading.problems import input_error

_BLOCK = 1 << 15
"""Samples that are priced at once."""


@dataclass(frozen=True)
class ReplayRun:
    """Totals of one way of running a trace."""

    name: str
    switches: int
    slo_violations: int
    """Samples at which a constraint is broken."""
    memory_overruns: int
    """Samples at which the design needs more memory than there is."""
    energy_j: float | None
    """Of all inferences of all samples; None where a design does not say."""
    mean_distance: float
    """Distance of the design in use, over all samples (no unit)."""


@dataclass(frozen=True)
class Replay:
    """Totals of all ways of running one trace."""

    samples: int
    manager: ReplayRun
    fixed: tuple[ReplayRun, ...]
    oracle: ReplayRun
    """The best of the design set at every sample."""
    resolved: ReplayRun | None
    """The best of all joint designs at every sample, if the designs file was given."""
    switches: tuple[tuple[float, str], ...]
    """When the manager switched (seconds), and to which design; the first is the design at the first sample."""


def replay(policy: Policy, trace: LoadTrace, manager: RuntimeManager, scored: ScoredDesigns | None = None) -> Replay:
    """Run a trace through the runtime manager, through every design of the policy held fixed, and through oracles.

    An oracle chooses anew at every sample, with knowledge of that sample: the design that breaks fewest of (any
    constraint, memory), and of these the one of least distance. One chooses from the design set; no way of switching
    among its designs breaks constraints at fewer samples. The other solves anew over all feasible joint designs.

    Args:
        policy: The policy.
        trace: The trace, with a load for every engine of the manager, in its order.
        manager: A manager of the policy that has seen no sample.
        scored: The designs that the policy was made of, for the oracle that solves anew; None leaves it out.

    Returns:
        Constraint violations, memory overruns and metrics of the manager, of every fixed design and of the oracles, and
        the switches with their times in seconds.

    Raises:
        InputError: A design's metrics lack what a constraint is about.
    """
    manager_tally, oracle_tally = _policy_totals(policy), _policy_totals(policy)
    fixed = [_policy_totals(policy) for _ in policy.design_set]
    solver = None if scored is None else _ResolvingOracle(scored)
    switches: list[tuple[float, str]] = []
    for start in range(0, len(trace), _BLOCK):
        block = slice(start, start + _BLOCK)
        slowdown, available = _slowdown(trace.load[block].T), trace.memory_available_bytes[block]
        broken, overrun = _violations(policy, slowdown, available, manager.engines)
        managed = _manager_choices(manager, trace, block)
        before = -1 if manager_tally.last is None else manager_tally.last
        for at in np.flatnonzero(np.diff(managed, prepend=before)):
            switches.append((float(trace.time_s[start + at]), manager.designs[managed[at]]))
        manager_tally.add(managed, broken, overrun)
        oracle_tally.add(_oracle(policy, broken, overrun), broken, overrun)
        for place, totals in enumerate(fixed):
            totals.keep(place, broken[place], overrun[place])
        if solver is not None:
            solver.add(slowdown, available)
    return Replay(
        samples=len(trace),
        manager=manager_tally.run("manager"),
        fixed=tuple(totals.run(design.name) for totals, design in zip(fixed, policy.design_set, strict=True)),
        oracle=oracle_tally.run("oracle"),
        resolved=None if solver is None else solver.totals.run("re-solved"),
        switches=tuple(switches),
    )


def _manager_choices(manager: RuntimeManager, trace: LoadTrace, block: slice) -> Ints:
    """Return the place of the design that the manager runs at every sample of a block."""
    step = manager.step
    columns = (trace.time_s[block], trace.load[block], trace.memory_available_bytes[block])
    return np.array([step(*sample) for sample in zip(*(each.tolist() for each in columns), strict=True)])


class _Totals:
    """Sums up a way of running, block by block."""

    def __init__(self, distances: Sequence[float], energy_of: Callable[[int], float | None]) -> None:
        """Take the distance of every design, and what tells the energy of a design by its place."""
        self.distances, self.energy_of = distances, energy_of
        self.samples = np.zeros(len(distances), dtype=np.int64)
        self.switches = self.violations = self.overruns = 0
        self.last: int | None = None

    def add(self, chosen: Ints, broken: Bools, overrun: Bools) -> None:
        """Take a block, given the place of the design of every sample and what troubles whom when."""
        rows = np.arange(len(chosen))
        self.add_troubled(chosen, broken[chosen, rows], overrun[chosen, rows])

    def keep(self, place: int, broken: Bools, overrun: Bools) -> None:
        """Take a block in which one design runs throughout."""
        self.samples[place] += len(broken)
        self.violations += int(np.count_nonzero(broken))
        self.overruns += int(np.count_nonzero(overrun))

    def add_troubled(self, chosen: Ints, broken: Bools, overrun: Bools) -> None:
        """Take a block, given the place of the design of every sample and what troubles that design then."""
        self.samples += np.bincount(chosen, minlength=len(self.distances))
        self.violations += int(np.count_nonzero(broken))
        self.overruns += int(np.count_nonzero(overrun))
        self.switches += int(np.count_nonzero(np.diff(chosen))) + (self.last not in (None, chosen[0]))
        self.last = int(chosen[-1])

    def run(self, name: str) -> ReplayRun:
        """Return the sums."""
        used = [(place, int(self.samples[place])) for place in np.flatnonzero(self.samples).tolist()]
        energies = [(self.energy_of(place), count) for place, count in used]
        known = [energy_j * count for energy_j, count in energies if energy_j is not None]
        return ReplayRun(
            name=name,
            switches=self.switches,
            slo_violations=self.violations,
            memory_overruns=self.overruns,
            energy_j=sum(known) if len(known) == len(used) else None,
            mean_distance=sum(self.distances[place] * count for place, count in used) / int(self.samples.sum()),
        )


def _policy_totals(policy: Policy) -> _Totals:
    designs = policy.design_set
    return _Totals([design.distance for design in designs], lambda place: designs[place].metrics.energy_j)


class _ResolvingOracle:
    """The oracle that solves anew at every sample, and its totals."""

    def __init__(self, scored: ScoredDesigns) -> None:
        self.scored, self.pool = scored, oracle_designs(scored)
        self.totals = _Totals(self.pool.distance.tolist(), self._energy_j)

    def _energy_j(self, place: int) -> float | None:
        choice = choice_of(self.scored.space, int(self.pool.number[place]))
        return metrics_of(self.scored.designs, choice).energy_j

    def add(self, slowdown: Floats, memory_available_bytes: Floats) -> None:
        """Take a block of samples."""
        chosen = clairvoyant_choice(self.pool, slowdown, memory_available_bytes)
        broken = np.any(self.pool.tolerance[chosen] < slowdown.T, axis=1)
        overrun = self.pool.memory_bytes[chosen] > memory_available_bytes * (1.0 + LIMIT_TOLERANCE)
        self.totals.add_troubled(chosen, broken, overrun)


def _slowdown(load: Floats) -> Floats:
    """Return the factor of latencies under a load."""
    factor: Floats = np.divide(1.0, 1.0 - load, out=np.full(load.shape, np.inf), where=load < 1.0)
    return factor


def _violations(
    policy: Policy, slowdown: Floats, memory_available_bytes: Floats, engines: tuple[str, ...]
) -> tuple[Bools, Bools]:
    """Tell which design (row) breaks a constraint, and which does not fit into memory, at which sample (column)."""
    broken = np.array([_broken(design, policy.constraints, slowdown, engines) for design in policy.design_set])
    need = np.array([design.metrics.memory_bytes for design in policy.design_set])
    return broken, need[:, np.newaxis] > memory_available_bytes * (1.0 + LIMIT_TOLERANCE)


def _oracle(policy: Policy, broken: Bools, overrun: Bools) -> Ints:
    """Return the place of the design that the oracle runs at every sample."""
    nearest_first = np.argsort([design.distance for design in policy.design_set], kind="stable")
    troubles = broken.astype(np.int8) + overrun
    return np.asarray(nearest_first[np.argmin(troubles[nearest_first], axis=0)], dtype=np.int64)


def _broken(
    design: JointDesign, constraints: tuple[Constraint, ...], slowdown: Floats, engines: tuple[str, ...]
) -> Bools:
    """Tell for every sample whether a design breaks a constraint."""
    broken = np.zeros(slowdown.shape[1], dtype=np.bool_)
    for constraint in constraints:
        value = _value(design, constraint, slowdown, engines)
        if constraint.max is not None:
            broken |= ~(value <= constraint.max * (1.0 + LIMIT_TOLERANCE))
        if constraint.min is not None:
            broken |= ~(value >= constraint.min * (1.0 - LIMIT_TOLERANCE))
    return broken


def _value(design: JointDesign, constraint: Constraint, slowdown: Floats, engines: tuple[str, ...]) -> Floats:
    """Return what a constraint is about at every sample, shape (samples,) or a single value for all."""
    metrics = design.metrics
    if constraint.metric not in TIMED:
        whole = metrics if constraint.task is None else metrics.tasks.get(constraint.task)
        value = getattr(whole, constraint.metric, None)
        if value is None:
            raise _unknown(design, constraint)
        return np.array([value], dtype=np.float64)
    statistic = statistic_of(constraint.metric, constraint.statistic)
    slowest: Floats = np.zeros(slowdown.shape[1])
    concerned = [task for name, task in metrics.tasks.items() if constraint.task in (None, name)]
    for task in concerned:
        latency_s = task.latency_s.get(statistic or "")
        if latency_s is None or task.engine not in engines:
            raise _unknown(design, constraint)
        if latency_s > 0.0:  # nothing, however much slowed down, stays nothing
            slowest = np.maximum(slowest, latency_s * slowdown[engines.index(task.engine)])
    if not concerned:
        raise _unknown(design, constraint)
    if constraint.metric == "latency_s":
        return slowest
    return np.divide(1.0, slowest, out=np.full_like(slowest, np.inf), where=slowest > 0.0)


def _unknown(design: JointDesign, constraint: Constraint) -> Exception:
    what = " ".join(part for part in (constraint.metric, constraint.statistic, constraint.task) if part)
    return input_error(
        f"the metrics of {design.name!r} do not say what the constraint on {what} needs",
        "make the policy again with planner adapt",
        path="design_set",
    )
