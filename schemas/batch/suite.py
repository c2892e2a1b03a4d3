"""suite.toml: a matrix of planning requests, each of which is one row of a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from planner.schemas.batch.ranges import Range, is_valid_range, range_values
from planner.schemas.planning.batches import BatchSize
from planner.schemas.planning.workload import MAXIMISED, NodeCount, Objective, Statistic
from planner.schemas.reading.base import (
    Document,
    Finding,
    Fraction,
    Name,
    Positive,
    Quantity,
    Strict,
    Version,
    field_of,
    items_of,
)

MOST_CASES = 100_000
"""A larger matrix is refused: every case is held in memory."""

Levels = Annotated[int, Field(ge=1, le=100_000)]
Seed = Annotated[int, Field(ge=0)]
Thresholds = Literal["common", "per-exit"]
Positives = Annotated[
    tuple[Positive, ...], BeforeValidator(range_values, json_schema_input_type=tuple[Positive, ...] | Range)
]
Quantities = Annotated[
    tuple[Quantity, ...], BeforeValidator(range_values, json_schema_input_type=tuple[Quantity, ...] | Range)
]
Fractions = Annotated[
    tuple[Fraction, ...], BeforeValidator(range_values, json_schema_input_type=tuple[Fraction, ...] | Range)
]
NodeCounts = Annotated[
    tuple[NodeCount, ...], BeforeValidator(range_values, json_schema_input_type=tuple[NodeCount, ...] | Range)
]
Seeds = Annotated[tuple[Seed, ...], BeforeValidator(range_values, json_schema_input_type=tuple[Seed, ...] | Range)]
"""Axes of numbers: a list, or a range such as {from = 1e6, to = 1e8, factor = 10}."""
Path = tuple[str, ...]
"""Where a setting stands: ``("gap",)``, or ``("links", "phone->edge", "bit_per_s")``."""


class LinkSetting(Strict):
    """What every case sets of one link (both ways, where the topology has it bidirectional)."""

    bit_per_s: Positive | None = Field(None, description="Rate in bits per second.")
    latency_s: Quantity | None = Field(None, description="Time of an empty message, in seconds.")
    j_per_bit: Quantity | None = Field(None, description="Energy of one bit at both ends, in joules.")


class NodeSetting(Strict):
    """What every case sets of one node."""

    ops_per_s: Positive | None = Field(None, description="Speed in operations per second.")
    j_per_op: Quantity | None = Field(None, description="Energy of one operation, in joules.")
    active_power_w: Quantity | None = Field(None, description="Power while computing, in watts.")
    static_power_w: Quantity | None = Field(None, description="Leakage power while computing, in watts.")
    idle_power_w: Quantity | None = Field(None, description="Power that a node in use draws always, in watts.")
    memory_bytes: Quantity | None = Field(None, description="Memory for parameters, in bytes.")
    max_utilization: Fraction | None = Field(None, description="Largest fraction of time the node may be busy.")


class Settings(Strict):
    """What holds for every case. What a workload file says of an app gives way to what stands here."""

    topology: Name | None = Field(None, description="Path of the topology file, relative to the suite.")
    model: Name | None = Field(None, description="Path of the model file, relative to the suite.")
    workload: Name | None = Field(None, description="Path of the workload file, relative to the suite.")
    app: Name | None = Field(None, description="App of the workload.")
    method: Name | None = Field(None, description="auto, or the name of a method.")
    source: Name | None = Field(None, description="Node that holds the input.")
    destination: Name | None = Field(None, description="Node that needs the results.")
    rate_per_s: Quantity | None = Field(None, description="Inferences per second.")
    max_latency_s: Positive | None = Field(None, description="Latency limit in seconds.")
    latency: Statistic | None = Field(None, description="Which latency counts: worst, mean, or such as p95.")
    min_accuracy: Fraction | None = Field(None, description="Least accuracy (fraction).")
    max_energy_j: Quantity | None = Field(None, description="Energy limit of one inference, in joules.")
    max_nodes: NodeCount | None = Field(None, description="Most nodes that may run blocks of the app (count).")
    batch: BatchSize | None = Field(None, description="Samples that run together (count).")
    objective: Objective | None = Field(None, description="What is minimised; of all apps of a workload together.")
    limits: dict[Name, Quantity] = Field(default_factory=dict, description="Limit of each metric, by its name.")
    thresholds: Thresholds | None = Field(None, description="Designed operating points: one threshold, or per exit.")
    gap: Fraction | None = Field(None, description="Relative gap at which an answer counts as proved (no unit).")
    gamma: Levels | None = Field(None, description="Latency levels of the method gamma (count).")
    time_limit_s: Quantity | None = Field(
        None, description="Seconds after which the method gives the best plan so far."
    )
    seed: Seed | None = Field(None, description="Tells repeats of one request apart (no unit).")
    links: dict[str, LinkSetting] = Field(default_factory=dict, description="By link, written as source->target.")
    nodes: dict[Name, NodeSetting] = Field(default_factory=dict, description="By the name of the node.")


class LinkAxes(Strict):
    """The values that one link takes."""

    bit_per_s: Positives = Field((), min_length=1, description="Rates in bits per second.")
    latency_s: Quantities = Field((), min_length=1, description="Times of an empty message, in seconds.")
    j_per_bit: Quantities = Field((), min_length=1, description="Energies of one bit, in joules.")


class NodeAxes(Strict):
    """The values that one node takes."""

    ops_per_s: Positives = Field((), min_length=1, description="Speeds in operations per second.")
    j_per_op: Quantities = Field((), min_length=1, description="Energies of one operation, in joules.")
    active_power_w: Quantities = Field((), min_length=1, description="Powers while computing, in watts.")
    static_power_w: Quantities = Field((), min_length=1, description="Leakage powers, in watts.")
    idle_power_w: Quantities = Field((), min_length=1, description="Idle powers, in watts.")
    memory_bytes: Quantities = Field((), min_length=1, description="Memories, in bytes.")
    max_utilization: Fractions = Field((), min_length=1, description="Largest fractions of time busy.")


class Axes(Strict):
    """The values that cases take; the fields are those of `Settings`, each with a list."""

    topology: tuple[Name, ...] = Field((), min_length=1, description="Paths of topology files.")
    model: tuple[Name, ...] = Field((), min_length=1, description="Paths of model files.")
    workload: tuple[Name, ...] = Field((), min_length=1, description="Paths of workload files.")
    app: tuple[Name, ...] = Field((), min_length=1, description="Apps of the workload.")
    method: tuple[Name, ...] = Field((), min_length=1, description="Methods.")
    source: tuple[Name, ...] = Field((), min_length=1, description="Nodes that hold the input.")
    destination: tuple[Name, ...] = Field((), min_length=1, description="Nodes that need the results.")
    rate_per_s: Quantities = Field((), min_length=1, description="Inferences per second.")
    max_latency_s: Positives = Field((), min_length=1, description="Latency limits in seconds.")
    latency: tuple[Statistic, ...] = Field((), min_length=1, description="Which latency counts.")
    min_accuracy: Fractions = Field((), min_length=1, description="Least accuracies (fractions).")
    max_energy_j: Quantities = Field((), min_length=1, description="Energy limits, in joules.")
    max_nodes: NodeCounts = Field((), min_length=1, description="Most nodes that may run blocks (counts).")
    batch: tuple[BatchSize, ...] = Field((), min_length=1, description="Batch sizes (counts).")
    objective: tuple[Objective, ...] = Field((), min_length=1, description="What is minimised.")
    limits: dict[Name, Quantities] = Field(default_factory=dict, description="Limits of metrics, by their names.")
    thresholds: tuple[Thresholds, ...] = Field((), min_length=1, description="Designed points: common or per-exit.")
    gap: Fractions = Field((), min_length=1, description="Relative gaps (no unit).")
    gamma: tuple[Levels, ...] = Field((), min_length=1, description="Latency levels of the method gamma (counts).")
    time_limit_s: Quantities = Field((), min_length=1, description="Time limits of methods, in seconds.")
    seed: Seeds = Field((), min_length=1, description="One repeat for each (no unit).")
    links: dict[str, LinkAxes] = Field(default_factory=dict, description="By link, written as source->target.")
    nodes: dict[Name, NodeAxes] = Field(default_factory=dict, description="By the name of the node.")


def settings_of(table: object) -> dict[Path, Any]:
    """Return what a table (raw, or dumped) sets, by where it stands; empty parts of links and nodes say nothing."""
    found: dict[Path, Any] = {}
    for name, value in table.items() if isinstance(table, Mapping) else ():
        if name == "limits" and isinstance(value, Mapping):
            found |= {("limits", str(metric)): _expanded(entry) for metric, entry in value.items()}
        elif name not in ("links", "nodes"):
            found[str(name),] = _expanded(value)
        elif isinstance(value, Mapping):
            for item, fields in value.items():
                inner = fields.items() if isinstance(fields, Mapping) else ()
                found |= {(name, str(item), str(field)): _expanded(entry) for field, entry in inner}
    return found


def _expanded(value: object) -> object:
    return range_values(value) if is_valid_range(value) else value


def _check_suite(data: object) -> Iterator[Finding]:
    fixed, axes = settings_of(field_of(data, "fixed")), settings_of(field_of(data, "axes"))
    groups = [settings_of(group) for group in items_of(data, "zipped")]
    places: list[tuple[tuple[str | int, ...], dict[Path, Any]]] = [(("fixed",), fixed), (("axes",), axes)]
    places += [(("zipped", index), group) for index, group in enumerate(groups)]
    yield from _check_twice(places)
    yield from _check_objectives(places)
    yield from _check_needs({path[0] for _, table in places for path in table})
    for path, values in axes.items():
        yield from _check_repeats(("axes", *path), values)
    for index, group in enumerate(groups):
        yield from _check_zip(("zipped", index), group)
    sizes = [_size(values) for values in axes.values()] + [
        max(map(_size, group.values()), default=0) for group in groups
    ]
    if not sizes:
        yield ("axes",), None, "the matrix is empty: there is no axis", "give a field a list of values under [axes]"
    elif math.prod(sizes) > MOST_CASES:
        fix = f"split the suite: {MOST_CASES} cases are the most"
        yield ("axes",), None, f"the matrix has {math.prod(sizes)} cases", fix


def _check_objectives(places: list[tuple[tuple[str | int, ...], dict[Path, Any]]]) -> Iterator[Finding]:
    """Refuse objectives that are maximised: rows of results are compared by lower bounds."""
    for where, table in places:
        for path, values in table.items():
            for value in values if isinstance(values, (list, tuple)) else (values,):
                if path == ("objective",) and value in MAXIMISED:
                    fix = "sweep rate_per_s or min_accuracy instead, with energy or latency as the objective"
                    yield (*where, *path), value, "suites do not maximise", fix


def _check_twice(places: list[tuple[tuple[str | int, ...], dict[Path, Any]]]) -> Iterator[Finding]:
    seen: dict[Path, tuple[str | int, ...]] = {}
    for where, table in places:
        for path in table:
            if path in seen:
                fix = f"keep one of the two ({'.'.join(map(str, (*seen[path], *path)))} is the other)"
                yield (*where, *path), None, "this field is set in two places", fix
            seen.setdefault(path, where)


def _check_needs(names: set[str]) -> Iterator[Finding]:
    if "topology" not in names:
        yield ("fixed", "topology"), None, "no topology is named", "name one under [fixed], or several under [axes]"
    if ("model" in names) == ("workload" in names):
        found = "model and workload are both named" if "model" in names else "neither a model nor a workload is named"
        yield ("fixed", "model"), None, found, "name one of the two, under [fixed] or [axes]"
    if "app" in names and "workload" not in names:
        yield ("fixed", "app"), None, "an app is chosen, but there is no workload", "name a workload, or leave app out"


def _check_repeats(where: tuple[str | int, ...], values: object) -> Iterator[Finding]:
    if isinstance(values, (list, tuple)):
        seen: dict[str, int] = {}
        for index, value in enumerate(values):
            first = seen.setdefault(_same(value), index)
            if first != index:
                yield (*where, index), value, "this value stands twice on the axis", f"remove it (as entry {first})"


def _check_zip(where: tuple[str | int, ...], group: dict[Path, Any]) -> Iterator[Finding]:
    columns = {path: values for path, values in group.items() if isinstance(values, (list, tuple))}
    lengths = {".".join(path): len(values) for path, values in columns.items()}
    if not group:
        yield where, None, "the group is empty: there is no axis", "give fields lists of one length, or remove it"
    elif len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        yield where, None, f"zipped lists differ in length: {shown}", "give every list the same number of entries"
    else:
        rows = [" ".join(map(_same, row)) for row in zip(*columns.values(), strict=True)]
        if repeated := sorted({rows.index(row) for row in rows if rows.count(row) > 1}):
            yield where, None, f"entry {repeated[0]} of all lists stands twice", "remove one of the two"


def _size(values: object) -> int:
    return len(values) if isinstance(values, (list, tuple)) else 0


def _same(value: object) -> str:
    """Return a text that equal values share, whether written as 1 or as 1.0."""
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
    return repr(float(value)) if whole else repr(value)  # type: ignore[arg-type] # a whole number


class Suite(Document):
    """A matrix of cases: every combination of the axes' values, with zipped axes walked together."""

    cross_checks: ClassVar = _check_suite

    schema_version: Version
    name: Name = Field(description="Name of the suite.")
    citation: str = Field("", description="What the suite reproduces, and where that is published.")
    case_limit_s: Positive = Field(600.0, description="Seconds after which a case is killed; its row says unknown.")
    fixed: Settings = Field(default_factory=Settings, description="What holds for every case.")
    axes: Axes = Field(default_factory=Axes, description="Axes whose values are all combined.")
    zipped: tuple[Axes, ...] = Field((), description="Groups of axes of one length that are walked together.")
