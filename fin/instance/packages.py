"""Packages (MCM) as plain nodes and links: an I/O die, a mesh of chiplets, gateways."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from planner.schemas.planning.topology import (
    ChipletAt,
    Compute,
    Link,
    Metric,
    Node,
    NodeMetric,
    Package,
    Position,
    Topology,
    Wire,
    check_rates,
)


class Expansion(NamedTuple):
    """A topology without packages."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    routers: tuple[str, ...]
    """Names of the nodes that relay but host no block: I/O dies, and nodes whose `hosts` is false."""
    metrics: tuple[Metric, ...] = ()


def expand(topology: Topology) -> Expansion:
    """Replace every package by its I/O die, chiplets, interposer links and gateway links.

    Raises:
        InputError: The topology has media whose traces were not read.
    """
    check_rates(topology)
    nodes, links = list(topology.nodes), list(topology.links)
    for package in topology.packages:
        nodes.append(Node.model_construct(name=package.name, tier="chiplet"))
        nodes += _chiplets(package)
        links += _wires(package)
    relays = [node.name for node in topology.nodes if not node.hosts]
    routers = (*relays, *(package.name for package in topology.packages))
    metrics = tuple(_expanded_metric(metric, topology.packages) for metric in topology.metrics)
    return Expansion(tuple(nodes), tuple(links), routers, metrics)


def _expanded_metric(metric: Metric, packages: tuple[Package, ...]) -> Metric:
    """Let the entry of a package stand for all its chiplets that have none of their own."""
    nodes: dict[str, NodeMetric] = {}
    for package in packages:
        if (entry := metric.nodes.get(package.name)) is not None:
            positions = product(range(package.rows), range(package.cols))
            nodes |= dict.fromkeys((chiplet_name(package, *at) for at in positions), entry)
    return metric.model_copy(update={"nodes": nodes | metric.nodes}) if nodes else metric


def chiplet_name(package: Package, row: int, column: int) -> str:
    """Form the name of the node at a position of the mesh.

    Args:
        package: The package.
        row: Row of the chiplet, from 0.
        column: Column of the chiplet, from 0.

    Returns:
        The name, such as `package[0,1]`.
    """
    return f"{package.name}[{row},{column}]"


def _chiplets(package: Package) -> Iterator[Node]:
    common = {name: getattr(package.chiplet, name) for name in Compute.model_fields}
    special = {at: _given(chiplet) for chiplet in package.chiplets for at in positions_of(chiplet)}
    for row in range(package.rows):
        for column in range(package.cols):
            fields = {**common, **special.get((row, column), {})}
            yield Node.model_construct(name=chiplet_name(package, row, column), tier="chiplet", **fields)


def positions_of(chiplet: ChipletAt) -> Iterator[Position]:
    """Return the positions that an entry stands for: one, or all of an area."""
    first, last = chiplet.at if isinstance(chiplet.at[0], tuple) else (chiplet.at, chiplet.at)
    (top, left), (bottom, right) = first, last
    yield from product(range(top, bottom + 1), range(left, right + 1))


def _given(chiplet: ChipletAt) -> dict[str, object]:
    """Return the fields that differ; a field left out or null stays as in the package's chiplet."""
    return {name: value for name in Compute.model_fields if (value := getattr(chiplet, name)) is not None}


def _wires(package: Package) -> Iterator[Link]:
    for row in range(package.rows):
        for column in range(package.cols):
            here = chiplet_name(package, row, column)
            if column + 1 < package.cols:
                yield _link(here, chiplet_name(package, row, column + 1), package.interposer)
            if row + 1 < package.rows:
                yield _link(here, chiplet_name(package, row + 1, column), package.interposer)
    for row, column in dict.fromkeys(package.gateways):
        yield _link(package.name, chiplet_name(package, row, column), package.gateway_link)


def _link(source: str, target: str, wire: Wire) -> Link:
    return Link.model_construct(
        source=source,
        target=target,
        bit_per_s=wire.bit_per_s,
        latency_s=wire.latency_s,
        j_per_bit=wire.j_per_bit,
        medium=None,
        bidirectional=True,
    )
