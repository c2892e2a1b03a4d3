"""designs.json: what each task of a device may run, what is asked of them together, and what is best."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isfinite, prod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from planner.schemas.reading.base import (
    Document,
    Finding,
    Fraction,
    Name,
    Quantity,
    Strict,
    Version,
    duplicate_names,
    field_of,
    items_of,
    mapping_of,
    names_of,
    number_of,
)

MAX_ENGINES = 12
MAX_TASKS = 31
MAX_JOINT_DESIGNS = 50_000_000

Metric = Literal["latency_s", "throughput_per_s", "energy_j", "memory_bytes", "size_bytes", "accuracy"]
METRIC_UNITS: dict[Metric, str] = {
    "latency_s": "s", "throughput_per_s": "1/s", "energy_j": "J", "memory_bytes": "B", "size_bytes": "B",
    "accuracy": "",
}  # fmt: skip
"""Unit of each metric; accuracy, a fraction, has none."""
Slowdown = Annotated[float, Field(ge=1.0, le=1e6)]
MAXIMISED = frozenset({"accuracy", "throughput_per_s"})
TIMED = frozenset({"latency_s", "throughput_per_s"})
"""Metrics that have statistics."""
DEFAULT_STATISTIC = "mean"
_STATISTIC = re.compile(r"mean|std|min|max|p(\d{1,2}(\.\d+)?|100)")
_STATISTICS = "mean, std, min, max or a percentile such as p95"


def _is_setting(value: object) -> object:
    if not isinstance(value, (str, int, float)) or (isinstance(value, float) and not isfinite(value)):
        message, fix = "neither a text, a number nor true or false", "give a plain value"
        raise PydanticCustomError("setting", "{message}", {"message": message, "fix": fix})
    return value


# a union of types would report one mistake once for each of them
Setting = Annotated[
    Any, BeforeValidator(_is_setting), WithJsonSchema({"type": ["string", "integer", "number", "boolean"]})
]


class Design(Strict):
    """A model variant of one task on one engine, measured alone."""

    name: Name = Field(description="Name, unique in its task; `model@placement` tells which model it runs.")
    engine: Name = Field(description="Engine that it runs on.")
    options: dict[str, Setting] = Field(
        default_factory=dict, description="How the engine is set, such as threads (informative)."
    )
    accuracy: Fraction | None = Field(None, description="Accuracy (fraction in [0, 1]).")
    size_bytes: Quantity | None = Field(None, description="Size of the stored model, in bytes.")
    memory_bytes: Quantity = Field(description="Memory that it takes while it runs, in bytes.")
    energy_j: Quantity | None = Field(None, description="Energy of one inference, in joules.")
    latency_s: dict[str, Quantity] = Field(
        default_factory=dict, description=f"Latency of one inference in seconds, by statistic ({_STATISTICS})."
    )


class Task(Strict):
    """A task and the designs that can do it."""

    name: Name = Field(description="Name of the task.")
    designs: tuple[Design, ...] = Field(min_length=1, description="Its designs.")


class Objective(Strict):
    """A metric to be as good as can be."""

    metric: Metric = Field(description="Accuracy and throughput are maximised, the rest is minimised.")
    statistic: str | None = Field(None, description="Statistic of latency or throughput (none: the mean).")
    task: Name | None = Field(None, description="Task that it is about (none: the joint metric of all tasks).")
    weight: Quantity = Field(1.0, description="Weight of its squared, standardised distance (no unit).")


class Constraint(Strict):
    """A metric that has to stay within bounds (an SLO)."""

    metric: Metric = Field(description="Metric that is bounded.")
    statistic: str | None = Field(None, description="Statistic of latency or throughput (none: the mean).")
    task: Name | None = Field(None, description="Task that it is about (none: the joint metric of all tasks).")
    max: Quantity | None = Field(None, description="Largest value allowed, in the unit of the metric.")
    min: Quantity | None = Field(None, description="Smallest value allowed, in the unit of the metric.")


def statistic_of(metric: str, statistic: str | None) -> str | None:
    """Return the statistic that counts: the mean where a metric has statistics and none is named."""
    return statistic or (DEFAULT_STATISTIC if metric in TIMED else None)


def _check_designs(data: object) -> Iterator[Finding]:
    tasks, engines = items_of(data, "tasks"), items_of(data, "engines")
    yield from _check_engines(engines)
    yield from duplicate_names("tasks", tasks)
    for index, task in enumerate(tasks):
        yield from _check_task(index, task, engines)
    yield from _check_sizes(tasks)
    yield from _check_contention(mapping_of(data, "contention"), tasks, engines)
    for field in ("objectives", "constraints"):
        for index, asked in enumerate(items_of(data, field)):
            yield from _check_asked((field, index), asked, tasks)
    for index, constraint in enumerate(items_of(data, "constraints")):
        yield from _check_bounds(("constraints", index), constraint)


def _check_engines(engines: list[object]) -> Iterator[Finding]:
    for index, engine in enumerate(engines):
        if engine in engines[:index]:
            yield ("engines", index), engine, "this engine stands twice", "list each engine once"
    if len(engines) > MAX_ENGINES:
        fix = f"list at most {MAX_ENGINES}: every state of them gets a row"
        yield ("engines",), len(engines), f"{len(engines)} engines have {2 ** len(engines):.3g} states", fix


def _check_task(index: int, task: object, engines: list[object]) -> Iterator[Finding]:
    designs = items_of(task, "designs")
    for location, *rest in duplicate_names("designs", designs):
        yield ("tasks", index, *location), *rest
    for number, design in enumerate(designs):
        where = ("tasks", index, "designs", number)
        engine = field_of(design, "engine")
        if isinstance(engine, str) and engine not in engines:
            names = [each for each in engines if isinstance(each, str)]
            fix = f"use one of {', '.join(map(repr, names))}, or add it to engines" if names else "add it to engines"
            yield (*where, "engine"), engine, "there is no engine of this name", fix
        for statistic in mapping_of(design, "latency_s"):
            if not _STATISTIC.fullmatch(statistic):
                yield (*where, "latency_s", statistic), statistic, "not a statistic", f"use {_STATISTICS}"


def _check_sizes(tasks: list[object]) -> Iterator[Finding]:
    if len(tasks) > MAX_TASKS:
        yield ("tasks",), len(tasks), f"more than {MAX_TASKS} tasks", f"give at most {MAX_TASKS}"
    joint = prod(len(items_of(task, "designs")) for task in tasks)
    if joint > MAX_JOINT_DESIGNS:
        fix = f"leave out designs until at most {MAX_JOINT_DESIGNS:,} remain"
        yield ("tasks",), joint, f"{joint:,} joint designs are more than are scored", fix


def _check_contention(contention: dict[str, object], tasks: list[object], engines: list[object]) -> Iterator[Finding]:
    for engine, factors in contention.items():
        where = ("contention", engine)
        if engine not in engines:
            fix = f"leave it out, or use one of {', '.join(repr(each) for each in engines if isinstance(each, str))}"
            yield where, engine, "there is no engine of this name", fix
        most = sum(any(field_of(each, "engine") == engine for each in items_of(task, "designs")) for task in tasks)
        if isinstance(factors, (list, tuple)) and len(factors) < most:
            fix = f"give one factor for each number of tasks, 1 to {most}"
            count = f"{len(factors)} factor{'s' * (len(factors) != 1)}"
            yield where, list(factors), f"{count}, but {most} tasks can share the engine", fix


def _check_asked(where: tuple[str | int, ...], asked: object, tasks: list[object]) -> Iterator[Finding]:
    """Report an objective or constraint on what designs do not say."""
    metric, task, given = (field_of(asked, name) for name in ("metric", "task", "statistic"))
    if task is not None and task not in names_of(tasks):
        fix = f"use one of {', '.join(map(repr, names_of(tasks)))}, or leave it out for all tasks together"
        yield (*where, "task"), task, "there is no task of this name", fix
        return
    if not isinstance(metric, str) or not (given is None or isinstance(given, str)):
        return
    if given is not None and metric not in TIMED:
        yield (*where, "statistic"), given, f"{metric} is a single number without statistics", "leave it out"
        return
    if metric == "throughput_per_s" and given == "std":
        yield (*where, "statistic"), given, "1 / a deviation says nothing", "use mean, min, max or a percentile"
        return
    concerned = [each for each in tasks if task is None or field_of(each, "name") == task]
    yield from _check_measured(where, metric, statistic_of(metric, given), concerned)


def _check_measured(
    where: tuple[str | int, ...], metric: str, statistic: str | None, tasks: Sequence[object]
) -> Iterator[Finding]:
    what = metric if statistic is None else f"latency_s.{statistic}"
    place, value = ("metric", metric) if statistic is None else ("statistic", statistic)
    lacking, found, idle = [], 0, []
    for task in tasks:
        for design in items_of(task, "designs"):
            source = field_of(design, metric) if statistic is None else mapping_of(design, "latency_s").get(statistic)
            name = f"{field_of(task, 'name')}: {field_of(design, 'name')}"
            found += source is not None
            if source is None:
                lacking.append(name)
            elif metric == "throughput_per_s" and number_of({"x": source}, "x") is not None and source < 1e-300:
                idle.append(name)
    if lacking:
        some = f"{len(lacking)} of {len(lacking) + found} designs (such as {lacking[0]!r}) have no"
        yield (
            (*where, place),
            value,
            f"{some if found else 'no design has'} {what}",
            "measure it for every design concerned, or leave this out",
        )
    if idle:
        fix = "give latencies above 0"
        yield (*where, place), value, f"a latency of 0 has no throughput (such as {idle[0]!r})", fix


def _check_bounds(where: tuple[str | int, ...], constraint: object) -> Iterator[Finding]:
    low, high = number_of(constraint, "min"), number_of(constraint, "max")
    if field_of(constraint, "min") is None and field_of(constraint, "max") is None:
        yield where, "", "the constraint bounds nothing", "give max or min"
    if low is not None and high is not None and low > high:
        yield (*where, "min"), low, f"min is above max ({high:g})", "swap them"


class Designs(Document):
    """The engines of a device, the tasks with their designs, and what is asked of them together."""

    cross_checks: ClassVar = _check_designs

    schema_version: Version
    name: Name = Field(description="Name of the use case on this device.")
    citation: str = Field("", description="Where the figures come from.")
    engines: tuple[Name, ...] = Field(min_length=1, description=f"Engines of the device (at most {MAX_ENGINES}).")
    memory_budget_bytes: Quantity | None = Field(
        None, description="Memory of all tasks together while memory is tight, in bytes (none: never tight)."
    )
    tasks: tuple[Task, ...] = Field(min_length=1, description="The tasks, which run at the same time.")
    contention: dict[str, tuple[Slowdown, ...]] = Field(
        default_factory=dict,
        description="Latency of k tasks on an engine over latency alone, at place k-1 (default: k, time sharing).",
    )
    objectives: tuple[Objective, ...] = Field(min_length=1, description="What is to be good.")
    constraints: tuple[Constraint, ...] = Field((), description="What has to hold.")
    max_designs: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Most joint designs that the policy may name (none: no bound)."
    )
