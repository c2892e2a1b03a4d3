"""topology.json: the nodes that compute, the links between them, and chiplet packages."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from planner.schemas.planning.metrics import LinkMetric, Metric, NodeMetric, check_metrics
from planner.schemas.planning.package_checks import (
    check_compute,
    check_package,
    check_wires,
    chiplet_names,
    is_area,
    wire_pairs,
)
from planner.schemas.reading.base import (
    LEAST,
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
    names_of,
)
from planner.schemas.reading.problems import input_error

Tier = Literal["mobile", "edge", "cloud", "chiplet"]
RateUnit = Literal["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]
_ENDS = operator.itemgetter("source", "target")
Position = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
Area = tuple[Position, Position]
"""The chiplets from one corner to the other, both included."""


_CORNERS = 2


def _position_or_area(at: object, _: ValidatorFunctionWrapHandler) -> Position | Area:
    """Validate by the kind that the value has: what pydantic says of a union names parts of both kinds."""
    if is_area(at) and isinstance(at, (list, tuple)) and len(at) > _CORNERS:
        fix = "give two corners of an area, or an entry of chiplets for each position"
        raise PydanticCustomError("positions", "a list of more than two positions", {"fix": fix})
    kept = tuple(tuple(part) if isinstance(part, list) else part for part in at) if isinstance(at, list) else at
    adapter: TypeAdapter[Position | Area] = _adapter(Area if is_area(at) else Position)
    return adapter.validate_python(kept, strict=True)


@cache
def _adapter(kind: Any) -> TypeAdapter[Position | Area]:  # noqa: ANN401 - a generic alias
    return TypeAdapter(kind)


class Speed(Strict):
    """The range of relative clock speeds that a node can run at."""

    min: Annotated[float, Field(ge=LEAST, le=1.0)] = Field(1.0, description="Slowest speed (1 = nominal; no unit).")
    max: Positive = Field(1.0, description="Fastest speed (1 = nominal; no unit).")


class Compute(Strict):
    """What a node and a chiplet have in common."""

    hardware: str | None = Field(None, description="Kind of hardware, to find measured costs in the model's profiles.")
    ops_per_s: Positive | None = Field(None, description="Speed in operations per second.")
    j_per_op: Quantity | None = Field(None, description="Energy of one operation, in joules.")
    active_power_w: Quantity | None = Field(None, description="Power while computing, in watts (goes before j_per_op).")
    memory_bytes: Quantity | None = Field(None, description="Memory for parameters, in bytes (none: no limit).")
    max_utilization: Fraction = Field(1.0, description="Largest fraction of time the node may be busy (no unit).")
    idle_power_w: Quantity = Field(0.0, description="Power that a node in use draws always, in watts.")
    static_power_w: Quantity = Field(0.0, description="Leakage power while computing, in watts.")
    speed: Speed | None = Field(None, description="Range of clock speeds (none: nominal speed only).")


class Node(Compute):
    """Anything that computes or relays: a phone, a server, one chiplet, a sensor, a switch."""

    name: Name = Field(description="Name, unique among nodes and packages.")
    tier: Tier = Field("edge", description="Where the node stands.")
    hosts: bool = Field(
        True,
        description="Whether blocks may run here; false for a sensor, a switch or an access point, which needs no "
        "speed and may be a source or a destination or lie on routes.",
    )


class Link(Strict):
    """A directed link between two nodes."""

    source: Name = Field(description="Node (or package) that sends.")
    target: Name = Field(description="Node (or package) that receives.")
    bit_per_s: Positive | None = Field(
        None, description="Rate in bits per second (needed, unless the link's medium has a trace, which replaces it)."
    )
    latency_s: Quantity = Field(0.0, description="Time of an empty message, in seconds.")
    j_per_bit: Quantity = Field(0.0, description="Energy of one bit at both ends, in joules.")
    medium: Name | None = Field(None, description="Shared medium that the link loads (none: one of its own).")
    bidirectional: bool = Field(False, description="Stands for two links, one each way.")


class Medium(Strict):
    """A shared medium whose rate was measured over time: the rate of every link on it is read from its trace."""

    name: Name = Field(description="Name that the links of this medium give as theirs.")
    trace: Name = Field(description="Path of the trace, relative to this file: CSV with time_s and rates.")
    column: Name = Field("bit_per_s", description="Column of the trace that holds the rate.")
    unit: RateUnit = Field("bit/s", description="Unit of that column.")
    percentile: Annotated[float, Field(gt=0.0, le=100.0)] = Field(
        10.0, description="Rate to plan for: the least rate that at least this percentage of samples is at or below."
    )
    max_gap_s: Positive | None = Field(
        None, description="Longest step between samples, in seconds (none: ten times the median step)."
    )


class Wire(Strict):
    """The cost of one link inside a package."""

    bit_per_s: Positive = Field(description="Rate in bits per second.")
    latency_s: Quantity = Field(0.0, description="Time of an empty message, in seconds.")
    j_per_bit: Quantity = Field(0.0, description="Energy of one bit, in joules.")


class Chiplet(Compute):
    """The chiplet that a package is made of."""


class ChipletAt(Compute):
    """What differs at one position of the package; fields that are not given stay as in `chiplet`."""

    at: Annotated[Position | Area, WrapValidator(_position_or_area)] = Field(
        description="Row and column, from 0; or two corners of an area, both included: [[0, 0], [3, 7]]."
    )
    max_utilization: Fraction | None = Field(None, description="As for a node.")  # type: ignore[assignment] # None = not given
    idle_power_w: Quantity | None = Field(None, description="As for a node, in watts.")  # type: ignore[assignment] # None = not given
    static_power_w: Quantity | None = Field(None, description="As for a node, in watts.")  # type: ignore[assignment] # None = not given


class Package(Strict):
    """A multi-chip module: a mesh of chiplets behind an I/O die that bears the package's name."""

    name: Name = Field(description="Name of the package and of its I/O die.")
    rows: Annotated[int, Field(ge=1, le=256)] = Field(description="Rows of chiplets (count).")
    cols: Annotated[int, Field(ge=1, le=256)] = Field(description="Columns of chiplets (count).")
    chiplet: Chiplet = Field(description="The chiplet at every position.")
    chiplets: tuple[ChipletAt, ...] = Field((), description="Positions whose chiplet differs.")
    interposer: Wire = Field(description="Links between mesh neighbours, both ways.")
    gateways: tuple[Position, ...] = Field(min_length=1, description="Chiplets that the I/O die is wired to.")
    gateway_link: Wire = Field(description="Links between the I/O die and each gateway, both ways.")


def _check_topology(data: object) -> Iterator[Finding]:
    nodes, packages, links = items_of(data, "nodes"), items_of(data, "packages"), items_of(data, "links")
    if not nodes and not packages:
        yield ("nodes",), [], "the topology has no node", "give at least one node or package"
    yield from duplicate_names("nodes", nodes)
    yield from duplicate_names("packages", packages)
    names = set(names_of(nodes))
    chiplets = set(chiplet_names(packages))
    for where, items in (("nodes", nodes), ("packages", packages)):
        for index, item in enumerate(items):
            if isinstance(name := field_of(item, "name"), str) and name in chiplets:
                yield (where, index, "name"), name, "a chiplet has this name too", "rename it"
    for index, package in enumerate(packages):
        yield from check_package(index, package, names)
    for index, node in enumerate(nodes):
        if field_of(node, "hosts") is not False:
            yield from check_compute(("nodes", index), node, {})
    if nodes and not packages and all(field_of(node, "hosts") is False for node in nodes):
        yield ("nodes",), len(nodes), "no node hosts blocks", "leave out hosts, or make it true, for one node at least"
    yield from _check_links(links, names | set(names_of(packages)) | chiplets)
    yield from _check_media(items_of(data, "media"), links)
    yield from check_wires(links, packages)
    if metrics := items_of(data, "metrics"):
        pairs = set(_directed_pairs(links)) | set(wire_pairs(packages))
        yield from check_metrics(metrics, names | set(names_of(packages)) | chiplets, pairs)


def _directed_pairs(links: list[object]) -> Iterator[tuple[object, object]]:
    """Yield the ends of every raw link; a bidirectional one stands for two."""
    for link in links:
        pair = (field_of(link, "source"), field_of(link, "target"))
        if all(isinstance(end, str) for end in pair):
            yield pair
            if field_of(link, "bidirectional") is True:
                yield pair[::-1]


def _check_links(links: list[object], names: set[str]) -> Iterator[Finding]:
    """Report faulty links, one by one only where a look at all of them at once finds a fault."""
    if not _all_sound(links, names):
        yield from _link_findings(links, names)


def _all_sound(links: list[object], names: set[str]) -> bool:
    """Tell whether all links are plain objects that join different nodes, at most one link from one to another."""
    raw = [link for link in links if type(link) is dict]
    if len(raw) < len(links):
        return False
    try:
        pairs = list(map(_ENDS, raw))
        ends = [name for pair in pairs for name in pair]
        if not names.issuperset(ends) or any(map(operator.eq, ends[::2], ends[1::2])):
            return False
        pairs += [pair[::-1] for link, pair in zip(raw, pairs, strict=True) if link.get("bidirectional") is True]
        return len(set(pairs)) == len(pairs)
    except (KeyError, TypeError):  # an end is missing, or is no name
        return False


def _link_findings(links: list[object], names: set[str]) -> Iterator[Finding]:
    """Report links without an end, to themselves, or between nodes that a link joins already."""
    seen: dict[tuple[object, object], int] = {}
    for index, link in enumerate(links):
        ends = (field_of(link, "source"), field_of(link, "target"))
        for field, end in zip(("source", "target"), ends, strict=True):
            if isinstance(end, str) and end not in names:
                fix = "name a node, a package or a chiplet such as 'mcm0[0,0]' that the topology has"
                yield ("links", index, field), end, "the link leads nowhere: no node has this name", fix
        if not all(isinstance(end, str) for end in ends):
            continue
        if ends[0] == ends[1]:
            yield ("links", index, "target"), ends[1], "the link leads from a node to itself", "remove it"
        both = field_of(link, "bidirectional") is True
        for pair in (ends, ends[::-1]) if both else (ends,):
            if pair in seen:
                fix = f"routes name nodes alone: merge it with links[{seen[pair]}], or put a relay node on one of them"
                yield ("links", index), list(pair), f"a second link from {pair[0]} to {pair[1]}", fix
            seen.setdefault(pair, index)


def _check_media(media: list[object], links: list[object]) -> Iterator[Finding]:
    """Report media that no link uses, and links whose rate stands nowhere."""
    plain = [link for link in links if type(link) is dict]
    if not media and len(plain) == len(links) and None not in [link.get("bit_per_s") for link in plain]:
        return
    yield from duplicate_names("media", media)
    used = {name for link in links if isinstance(name := field_of(link, "medium"), str)}
    for index, medium in enumerate(media):
        name = field_of(medium, "name")
        if isinstance(name, str) and name not in used:
            fix = f"name it as the medium of a link (media of links: {', '.join(sorted(used)) or 'none'}), or remove it"
            yield ("media", index, "name"), name, "no link uses this medium", fix
    measured = names_of(media)
    for index, link in enumerate(links):
        described = isinstance(link, (Mapping, Link))
        if described and field_of(link, "bit_per_s") is None and field_of(link, "medium") not in measured:
            fix = "give bit_per_s, or a medium that has a trace (in the list media)"
            yield ("links", index, "bit_per_s"), None, "nothing says how fast the link is", fix


class Topology(Document):
    """Nodes, links and packages."""

    cross_checks: ClassVar = _check_topology

    schema_version: Version
    name: Name = Field(description="Name of the topology.")
    citation: str = Field("", description="Where the figures come from.")
    nodes: tuple[Node, ...] = Field((), description="Nodes outside packages.")
    links: tuple[Link, ...] = Field((), description="Links between nodes and packages.")
    packages: tuple[Package, ...] = Field((), description="Chiplet packages (MCM).")
    media: tuple[Medium, ...] = Field((), description="Shared media whose rate is read from a trace.")
    metrics: tuple[Metric, ...] = Field((), description="Further additive figures, such as money or carbon.")


def check_rates(topology: Topology) -> None:
    """Raise InputError where a rate stands in a trace that was not read."""
    if topology.media:
        names = ", ".join(medium.name for medium in topology.media)
        fix = "give planner the path of the topology file, or fill the rates in with schemas.traces.with_planned_rates"
        raise input_error("the rates of these media stand in traces that were not read", fix, path="media", value=names)


__all__ = [
    "Chiplet",
    "ChipletAt",
    "Compute",
    "Link",
    "LinkMetric",
    "Medium",
    "Metric",
    "Node",
    "NodeMetric",
    "Package",
    "RateUnit",
    "Speed",
    "Tier",
    "Topology",
    "Wire",
]
