"""The verifier's own view of a topology: packages and bidirectional links written out."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from planner.schemas import Link, Package, Topology, Wire
from planner.schemas.planning.topology import ChipletAt, Compute, Metric, check_rates

Pair = tuple[str, str]
Medium = tuple[str, ...]
"""``(name,)`` of a shared medium, or ``(source, target)`` of a link that is a medium of its own."""
_ENDS: Callable[[Link], Pair] = operator.attrgetter("source", "target")


@dataclass(frozen=True)
class Network:
    """Nodes by name (None: an I/O die or a relay, which hosts no block), and the link of every hop."""

    nodes: Mapping[str, Compute | None]
    hops: Mapping[Pair, Link | Wire]
    ambiguous: frozenset[Pair]
    default_source: str | None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    """Metrics by name; the entry of a package stands for its chiplets too."""


def expand(topology: Topology) -> Network:
    """Return all nodes and directed links, with packages and bidirectional links written out.

    Raises:
        InputError: The topology has media whose traces were not read.
    """
    check_rates(topology)
    nodes: dict[str, Compute | None] = {node.name: node if node.hosts else None for node in topology.nodes}
    both_ways: list[tuple[Pair, Link | Wire]] = []
    for package in topology.packages:
        nodes[package.name] = None
        nodes.update(_chiplets(package))
        both_ways += _wires(package)
    pairs = list(zip(map(_ENDS, topology.links), topology.links, strict=True))
    one_way: list[tuple[Pair, Link | Wire]] = [pair for pair in pairs if not pair[1].bidirectional]
    both_ways += [pair for pair in pairs if pair[1].bidirectional]
    one_way += [way for pair, wire in both_ways for way in ((pair, wire), (pair[::-1], wire))]
    hops = dict(one_way)
    ambiguous: set[Pair] = set()
    if len(hops) < len(one_way):
        # a path names nodes alone, so it cannot say which of two parallel links it takes
        ambiguous = {pair for pair, times in Counter(pair for pair, _ in one_way).items() if times > 1}
    mobile = [node.name for node in topology.nodes if node.tier == "mobile"]
    hosts = [name for name, compute in nodes.items() if compute is not None]
    metrics = {metric.name: _with_chiplets(metric, topology) for metric in topology.metrics}
    return Network(nodes, hops, frozenset(ambiguous), next(iter(mobile + hosts), None), metrics)


def _with_chiplets(metric: Metric, topology: Topology) -> Metric:
    """Return a metric with an entry for each chiplet of the packages that it names."""
    entries = dict(metric.nodes)
    for package in topology.packages:
        if package.name in metric.nodes:
            for name, _ in _chiplets(package):
                entries.setdefault(name, metric.nodes[package.name])
    return metric.model_copy(update={"nodes": entries})


def _chiplets(package: Package) -> Iterator[tuple[str, Compute]]:
    changes = {position: chiplet for chiplet in package.chiplets for position in _covered(chiplet)}
    for row in range(package.rows):
        for column in range(package.cols):
            chiplet: Compute = package.chiplet
            other = changes.get((row, column))
            if other is not None:
                given = {field: value for field in Compute.model_fields if (value := getattr(other, field)) is not None}
                chiplet = chiplet.model_copy(update=given)
            yield f"{package.name}[{row},{column}]", chiplet


def _covered(chiplet: ChipletAt) -> Iterator[tuple[int, int]]:
    """Yield the positions that an entry stands for: its own, or all from one corner of its area to the other."""
    match chiplet.at:
        case ((top, left), (bottom, right)):
            for row in range(top, bottom + 1):
                yield from ((row, column) for column in range(left, right + 1))
        case (int(row), int(column)):
            yield row, column


def _wires(package: Package) -> Iterator[tuple[Pair, Wire]]:
    for row in range(package.rows):
        for column in range(package.cols):
            here = f"{package.name}[{row},{column}]"
            if row + 1 < package.rows:
                yield (here, f"{package.name}[{row + 1},{column}]"), package.interposer
            if column + 1 < package.cols:
                yield (here, f"{package.name}[{row},{column + 1}]"), package.interposer
    for row, column in sorted(set(package.gateways)):
        yield (package.name, f"{package.name}[{row},{column}]"), package.gateway_link


def rate_of(wire: Link | Wire) -> float:
    """Return the rate of a hop in bit/s; without traces left, every link has one."""
    return float("nan") if wire.bit_per_s is None else wire.bit_per_s


def medium_of(pair: Pair, wire: Link | Wire) -> Medium:
    """Return the medium that a hop loads."""
    named = wire.medium if isinstance(wire, Link) else None
    return (named,) if named is not None else pair


def medium_name(medium: Medium) -> str:
    """Return how a placement names a medium: ``source->target`` for a link that is one of its own.

    A shared medium may bear the name of such a link; what a placement says of the name then holds for both.
    """
    return "->".join(medium)
