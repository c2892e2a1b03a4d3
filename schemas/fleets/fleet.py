"""fleet.json: users in classes, each with an own device and the shared nodes that it may attach to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from planner.schemas.planning.metrics import MetricName, NodeMetric
from planner.schemas.planning.workload import Statistic, percentile_of
from planner.schemas.reading.base import (
    Document,
    Finding,
    Fraction,
    Name,
    Positive,
    Quantity,
    Strict,
    Version,
    duplicate_names,
    field_of,
    items_of,
    mapping_of,
)

DEVICE = "device"
"""Name of the user's own node in assignments, routes and destinations."""
MOST_USERS = 10**12
Count = Annotated[int, Field(ge=0, le=MOST_USERS)]


class UserDevice(Strict):
    """The own node of every user of a class; its energy while idle is not the fleet's."""

    hardware: str | None = Field(None, description="Kind of hardware, to find measured costs in the model's profiles.")
    ops_per_s: Positive | None = Field(None, description="Speed in operations per second.")
    j_per_op: Quantity | None = Field(None, description="Energy of one operation, in joules.")
    active_power_w: Quantity | None = Field(None, description="Power while computing, in watts (goes before j_per_op).")
    static_power_w: Quantity = Field(0.0, description="Leakage power while computing, in watts.")
    memory_bytes: Quantity | None = Field(None, description="Memory for parameters, in bytes (none: no limit).")
    max_utilization: Fraction = Field(1.0, description="Largest fraction of time the device may be busy (no unit).")
    metrics: dict[MetricName, NodeMetric] = Field(
        default_factory=dict, description="What computing here adds to metrics of the topology, by their names."
    )


class Attach(Strict):
    """A shared node that users of a class may attach to, and the link between device and node."""

    node: Name = Field(description="Shared node at the other end of the link.")
    bit_per_s: Positive = Field(description="Rate from the device to the node, in bits per second.")
    latency_s: Quantity = Field(0.0, description="Time of an empty message, in seconds.")
    j_per_bit: Quantity = Field(0.0, description="Energy of one bit at both ends, in joules.")
    down_bit_per_s: Positive | None = Field(
        None, description="Rate from the node to the device, in bits per second (none: the same)."
    )
    medium: Name | None = Field(
        None, description="Shared medium that both directions load (none: every user has a link of its own)."
    )
    metrics: dict[MetricName, Quantity] = Field(
        default_factory=dict,
        description="Added to metrics of the topology by a bit in either direction, by name, in the metric's unit.",
    )


def _one_model(value: object) -> object:
    """Refuse a list of models: users of a class may be split over plans, not over models."""
    if isinstance(value, list | tuple):
        message = "a class of a fleet does not choose between models"
        fix = "name one model, or give a class of its own for each"
        raise PydanticCustomError("models", "{message}", {"message": message, "fix": fix})
    return value


class FleetClass(Strict):
    """Users alike in model, rate, limits, device and links."""

    fields_elsewhere: ClassVar = {
        "batch": "the users of a fleet run no batches",
        "pin": "the blocks of a fleet's users cannot be pinned",
        "private_until": "a fleet keeps no blocks private",
        "source": "the source of a fleet's users is their own device",
        "objective": "a fleet is planned for least power",
        "max_nodes": "a fleet does not limit the number of nodes of a user",
    }

    name: Name = Field(description="Name, unique in the fleet.")
    count: Count = Field(description="Number of users (whole).")
    model: Annotated[Name, BeforeValidator(_one_model)] = Field(
        description="Path of the model file, relative to the fleet file."
    )
    rate_per_s: Quantity = Field(0.0, description="Inferences per second of one user (0: capacity is not loaded).")
    max_latency_s: Positive | None = Field(None, description="Latency limit in seconds (none: no limit).")
    latency: Statistic = Field("worst", description="Which latency counts: worst, mean, or a percentile such as p95.")
    min_accuracy: Fraction | None = Field(None, description="Least accuracy (none: the best that the model offers).")
    max_energy_j: Quantity | None = Field(None, description="Energy limit of one inference, in joules.")
    limits: dict[MetricName, Quantity] = Field(
        default_factory=dict,
        description="Largest values of metrics of the topology, of one inference, by name, each in its metric's unit.",
    )
    destination: Name | None = Field(
        None, description="`device` or a shared node that needs the results (none: they stay where they are made)."
    )
    device: UserDevice = Field(description="The user's own node.")
    attach: tuple[Attach, ...] = Field(min_length=1, description="Nodes that a user may attach to, one of them.")


class Tables(Strict):
    """Classes and links as tables (CSV, or Parquet by the suffix), for fleets of many classes."""

    classes: Name = Field(description="Path of the table of classes, relative to the fleet file.")
    attach: Name = Field(description="Path of the table of links, relative to the fleet file.")


def _check_fleet(data: object) -> Iterator[Finding]:
    classes, tables = items_of(data, "classes"), field_of(data, "tables")
    if bool(classes) == (tables is not None):
        fix = "give the list `classes`, or `tables` with the paths of two files"
        yield ("classes",), None, "the fleet needs its classes in one place", fix
    if mapping_of(data, "devices") and tables is None:
        yield ("devices",), None, "only tables refer to devices by name", "remove it, or give tables"
    if tables is not None and not mapping_of(data, "devices"):
        yield ("devices",), None, "the table of classes refers to devices by name", "give at least one device"
    yield from duplicate_names("classes", classes)
    for index, item in enumerate(classes):
        statistic = field_of(item, "latency")
        if isinstance(statistic, str) and percentile_of(statistic) == 0.0:
            where = ("classes", index, "latency")
            yield where, statistic, "no sample is at or below the 0th percentile", "use p1 to p100"


class Fleet(Document):
    """Users in classes, as a list or as tables beside this file."""

    cross_checks: ClassVar = _check_fleet

    schema_version: Version
    name: Name = Field(description="Name of the fleet.")
    citation: str = Field("", description="Where the figures come from.")
    classes: tuple[FleetClass, ...] = Field((), description="Classes of users.")
    devices: dict[str, UserDevice] = Field(
        default_factory=dict, description="Devices by the name that the table of classes gives them."
    )
    tables: Tables | None = Field(None, description="Files that hold the classes instead of the list.")
