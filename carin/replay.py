"""A recorded trace run through the runtime manager, beside each fixed design and an oracle.

The model of load: an engine whose load is x has 1 - x of its time left for the tasks, so whatever runs on it takes
1 / (1 - x) times as long; at load 1 it never ends. Energy of an inference and accuracy stay as they are. At every
sample each task makes one inference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carin.manager import RuntimeManager
from carin.problem import LIMIT_TOLERANCE, Bools, Floats, Ints
from carin.trace import Trace
from schemas.designs import TIMED, Constraint, statistic_of
from schemas.policy import JointDesign, Policy
from schemas.problems import input_error


@dataclass(frozen=True)
class Run:
    """What one way of running the trace came to."""

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
    """All ways of running one trace."""

    samples: int
    manager: Run
    fixed: tuple[Run, ...]
    oracle: Run
    switches: tuple[tuple[float, str], ...]
    """When the manager switched (seconds), and to which design; the first is the design at the first sample."""


def replay(policy: Policy, trace: Trace, manager: RuntimeManager) -> Replay:
    """Run a trace through the manager, through every design of the set held fixed, and through the oracle.

    The oracle chooses anew at every sample, with what that sample says: of the design set, the one that breaks
    fewest of SLOs and memory, of these the one of least distance. No way of switching among the designs breaks them
    at fewer samples.

    Raises:
        InputError: A design's metrics do not say what a constraint is about.
    """
    slowdown = np.divide(1.0, 1.0 - trace.load, out=np.full_like(trace.load, np.inf), where=trace.load < 1.0)
    step = manager.step
    samples = zip(trace.time_s.tolist(), trace.load.tolist(), trace.memory_available_bytes.tolist(), strict=True)
    managed = np.array([step(*sample) for sample in samples], dtype=np.int64)
    costs = _Costs(policy, trace, slowdown, manager.engines)
    fixed = tuple(
        costs.run(design.name, np.full(len(trace), place)) for place, design in enumerate(policy.design_set)
    )
    changes = np.flatnonzero(np.diff(managed, prepend=-1))
    return Replay(
        samples=len(trace),
        manager=costs.run("manager", managed),
        fixed=fixed,
        oracle=costs.run("oracle", costs.oracle()),
        switches=tuple((float(trace.time_s[at]), manager.designs[managed[at]]) for at in changes),
    )


class _Costs:
    """What every design comes to at every sample."""

    def __init__(self, policy: Policy, trace: Trace, slowdown: Floats, engines: tuple[str, ...]) -> None:
        self.designs = policy.design_set
        self.broken = [_broken(design, policy.constraints, slowdown, engines) for design in self.designs]
        self.overrun = [
            design.metrics.memory_bytes > trace.memory_available_bytes * (1.0 + LIMIT_TOLERANCE)
            for design in self.designs
        ]

    def run(self, name: str, chosen: Ints) -> Run:
        """Sum up a way of running, given the place of the design of every sample."""
        counts = np.bincount(chosen, minlength=len(self.designs)).tolist()
        used = [place for place, count in enumerate(counts) if count]
        energies = [self.designs[place].metrics.energy_j for place in used]
        known = [count * energy for count, energy in zip((counts[p] for p in used), energies, strict=True) if energy is not None]
        return Run(
            name=name,
            switches=int(np.count_nonzero(np.diff(chosen))),
            slo_violations=sum(int((self.broken[place] & (chosen == place)).sum()) for place in used),
            memory_overruns=sum(int((self.overrun[place] & (chosen == place)).sum()) for place in used),
            energy_j=sum(known) if len(known) == len(used) else None,
            mean_distance=sum(counts[place] * self.designs[place].distance for place in used) / len(chosen),
        )

    def oracle(self) -> Ints:
        """Return the place of the design that the oracle runs at every sample."""
        by_distance = sorted(range(len(self.designs)), key=lambda place: (self.designs[place].distance, place))
        best = np.full(len(self.broken[0]), by_distance[0])
        fewest = np.full(len(best), 3)
        for place in by_distance:
            count = self.broken[place].astype(np.int64) + self.overrun[place]
            better = count < fewest
            best[better], fewest[better] = place, count[better]
        return best


def _broken(
    design: JointDesign, constraints: tuple[Constraint, ...], slowdown: Floats, engines: tuple[str, ...]
) -> Bools:
    """Tell for every sample whether a design breaks a constraint."""
    broken = np.zeros(len(slowdown), dtype=np.bool_)
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
    slowest: Floats = np.zeros(len(slowdown))
    concerned = [task for name, task in metrics.tasks.items() if constraint.task in (None, name)]
    for task in concerned:
        latency_s = task.latency_s.get(statistic or "")
        if latency_s is None or task.engine not in engines:
            raise _unknown(design, constraint)
        if latency_s > 0.0:  # nothing, however much slowed down, stays nothing
            slowest = np.maximum(slowest, latency_s * slowdown[:, engines.index(task.engine)])
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
