"""Design space of a device as arrays: figures of joint designs are sums, means or extremes of table entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from planner.schemas.adaptation.designs import MAXIMISED, TIMED, Constraint, Design, Designs, Objective, statistic_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Aggregation = Literal["sum", "mean", "max", "min"]
LIMIT_TOLERANCE = 1e-9
"""Limits hold to this relative tolerance, as everywhere in the project."""

_AGGREGATIONS: dict[str, Aggregation] = {"accuracy": "mean", "latency_s": "max", "throughput_per_s": "min"}
"""How the tasks' values make the joint one; the slowest task sets both latency and throughput = 1 / latency."""


@dataclass(frozen=True)
class Measure:
    """A metric (with its statistic) of one task or of all: one figure for every joint design."""

    metric: str
    statistic: str | None
    task: str | None
    parts: tuple[int, ...]
    """Tasks that it depends on, by number."""
    tables: tuple[Floats, ...]
    """For each part, its values of shape (designs, most tasks on an engine): contention is in them already."""
    aggregation: Aggregation

    @property
    def maximised(self) -> bool:
        """Whether more is better."""
        return self.metric in MAXIMISED

    @property
    def magnitude(self) -> float:
        """A power of two above all values of all joint designs."""
        most = sum(float(table.max()) for table in self.tables)
        return float(np.exp2(np.ceil(np.log2(most)))) if most > 0.0 else 1.0


@dataclass(frozen=True)
class Inequality:
    """One side of a constraint: a measure is at most, or at least, a limit."""

    measure: int
    limit: float
    upper: bool

    def holds(self, values: Floats) -> Bools:
        """Tell for every value, in the unit of the measure, whether it is within the limit (relative 1e-9)."""
        if self.upper:
            return values <= self.limit * (1.0 + LIMIT_TOLERANCE)
        return values >= self.limit * (1.0 - LIMIT_TOLERANCE)


@dataclass(frozen=True, eq=False)
class DesignSpace:
    """Tasks, engines, measures, objectives and constraints; joint designs are numbered in lexicographic order."""

    engines: tuple[str, ...]
    tasks: tuple[str, ...]
    design_names: tuple[tuple[str, ...], ...]
    engine_of: tuple[Ints, ...]
    """For each task, the engine of every design by number."""
    memory_budget_bytes: float
    """Infinite where there is no budget."""
    measures: tuple[Measure, ...]
    """The first is the joint memory; no measure stands twice."""
    objectives: tuple[int, ...]
    """Measure of every objective."""
    weights: Floats
    inequalities: tuple[Inequality, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of designs of every task."""
        return tuple(len(names) for names in self.design_names)

    @property
    def joint_designs(self) -> int:
        """Number of joint designs."""
        return int(np.prod(self.shape, dtype=np.int64))

    def number_of(self, indices: Sequence[int]) -> int:
        """Return the number of a joint design from the index of its design of every task."""
        return int(np.ravel_multi_index(tuple(indices), self.shape))

    def indices_of(self, number: int) -> tuple[int, ...]:
        """Return the index of the design of every task from a joint design's number."""
        return tuple(int(index) for index in np.unravel_index(number, self.shape))


def build_design_space(designs: Designs) -> DesignSpace:
    """Return the arrays of a checked designs file.

    Contention is part of the tables: an entry for a design and k tasks on its engine holds the latency times the
    contention factor of k tasks, or its inverse for throughput.

    Args:
        designs: The checked designs file.
    """
    builder = _Builder(designs)
    builder.measure("memory_bytes", None, None)
    objectives = tuple(builder.measure_of(objective) for objective in designs.objectives)
    inequalities = tuple(
        Inequality(builder.measure_of(constraint), limit, upper)
        for constraint in designs.constraints
        for limit, upper in ((constraint.max, True), (constraint.min, False))
        if limit is not None
    )
    budget = designs.memory_budget_bytes
    return DesignSpace(
        engines=designs.engines,
        tasks=tuple(task.name for task in designs.tasks),
        design_names=tuple(tuple(design.name for design in task.designs) for task in designs.tasks),
        engine_of=builder.engine_of,
        memory_budget_bytes=np.inf if budget is None else budget,
        measures=tuple(builder.measures),
        objectives=objectives,
        weights=np.array([objective.weight for objective in designs.objectives], dtype=np.float64),
        inequalities=inequalities,
    )


class _Builder:
    """Collects measures, each once."""

    def __init__(self, designs: Designs) -> None:
        self.designs = designs
        numbers = {name: number for number, name in enumerate(designs.engines)}
        self.engine_of = tuple(
            np.array([numbers[design.engine] for design in task.designs], dtype=np.int64) for task in designs.tasks
        )
        self.slowdown = _slowdown(designs)
        self.measures: list[Measure] = []
        self._known: dict[tuple[str, str | None, str | None], int] = {}

    def measure_of(self, asked: Objective | Constraint) -> int:
        return self.measure(asked.metric, statistic_of(asked.metric, asked.statistic), asked.task)

    def measure(self, metric: str, statistic: str | None, task: str | None) -> int:
        """Return the number of a measure, made where it is new."""
        key = (metric, statistic, task)
        if key not in self._known:
            parts = tuple(number for number, each in enumerate(self.designs.tasks) if task in (None, each.name))
            tables = tuple(self._table(part, metric, statistic) for part in parts)
            self._known[key] = len(self.measures)
            self.measures.append(Measure(metric, statistic, task, parts, tables, _AGGREGATIONS.get(metric, "sum")))
        return self._known[key]

    def _table(self, task: int, metric: str, statistic: str | None) -> Floats:
        """Return the values of a task's designs, shape (designs, tasks on the engine) or (designs, 1)."""
        alone = np.array([_value(design, metric, statistic) for design in self.designs.tasks[task].designs])
        if metric not in TIMED:
            return alone[:, np.newaxis]
        latency_s = alone[:, np.newaxis] * self.slowdown[self.engine_of[task]]
        return latency_s if metric == "latency_s" else 1.0 / latency_s


def _value(design: Design, metric: str, statistic: str | None) -> float:
    return float(getattr(design, metric) if statistic is None else design.latency_s[statistic])


def _slowdown(designs: Designs) -> Floats:
    """Return what latency is multiplied by, shape (engines, tasks): k tasks stand at place k-1."""
    most = len(designs.tasks)
    sharing = np.tile(np.arange(1.0, most + 1.0), (len(designs.engines), 1))
    for number, engine in enumerate(designs.engines):
        if (given := designs.contention.get(engine)) is not None:
            # places beyond the tasks that can share the engine are never looked up
            sharing[number, : len(given)] = given[:most]
    return sharing
