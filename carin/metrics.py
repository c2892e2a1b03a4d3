"""Metrics of one joint design, per task and joint, with contention: for policies and replays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from planner.schemas.adaptation.designs import Design, Designs
from planner.schemas.adaptation.policy import JointMetrics, TaskMetrics


def metrics_of(designs: Designs, choice: Mapping[str, str]) -> JointMetrics:
    """Return the metrics of a joint design, contention included.

    Args:
        designs: The checked designs file.
        choice: Name of the design of every task.

    Returns:
        Per task and joint: latency in seconds by statistic (joint: the largest), memory and size in bytes and energy in
        joules (joint: the sum), accuracy (joint: the mean); None where a design does not give a figure.
    """
    chosen = {
        task.name: next(design for design in task.designs if design.name == choice[task.name]) for task in designs.tasks
    }
    crowd = Counter(design.engine for design in chosen.values())
    tasks = {name: _task(designs, design, crowd[design.engine]) for name, design in chosen.items()}
    each = list(tasks.values())
    common = [name for name in each[0].latency_s if all(name in one.latency_s for one in each)]
    accuracy = _sum([one.accuracy for one in each])
    return JointMetrics(
        accuracy=None if accuracy is None else accuracy / len(each),
        size_bytes=_sum([one.size_bytes for one in each]),
        memory_bytes=_sum([one.memory_bytes for one in each]) or 0.0,
        energy_j=_sum([one.energy_j for one in each]),
        latency_s={name: max(one.latency_s[name] for one in each) for name in common},
        tasks=tasks,
    )


def _task(designs: Designs, design: Design, crowd: int) -> TaskMetrics:
    factors = designs.contention.get(design.engine)
    slowdown = float(crowd) if factors is None else factors[crowd - 1]
    return TaskMetrics(
        engine=design.engine,
        tasks_on_engine=crowd,
        accuracy=design.accuracy,
        size_bytes=design.size_bytes,
        memory_bytes=design.memory_bytes,
        energy_j=design.energy_j,
        latency_s={statistic: value * slowdown for statistic, value in design.latency_s.items()},
    )


def _sum(values: Sequence[float | None]) -> float | None:
    """Return a sum; None where a value is missing."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
