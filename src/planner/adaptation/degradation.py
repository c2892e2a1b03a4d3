"""Inputs of an app under a change of the topology: slower nodes, weaker links, lost nodes and links.

The result is a model and a topology like any other, so that the verifier and every method work on them unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from math import prod

from planner.fin.instance.packages import positions_of
from planner.pipeline.request import Request
from planner.schemas.adaptation.states import Condition, LinkEnds
from planner.schemas.planning.model import Model, Profile
from planner.schemas.planning.topology import Chiplet, ChipletAt, Compute, Link, Package, Position, Topology
from planner.schemas.planning.workload import App

Pair = tuple[str, str]


@dataclass(frozen=True)
class TopologyChange:
    """The joint effect of several conditions: factors multiply, added latencies sum."""

    slow_down: Mapping[str, float] = field(default_factory=dict)
    """Factor on computing times, by node or package."""
    bandwidth_factor: Mapping[Pair, float] = field(default_factory=dict)
    """Factor on the rate, by directed link."""
    extra_latency_s: Mapping[Pair, float] = field(default_factory=dict)
    """Seconds that are added, by directed link."""
    lost_nodes: frozenset[str] = frozenset()
    lost_links: frozenset[Pair] = frozenset()


def combine_conditions(conditions: Sequence[Condition]) -> TopologyChange:
    """Return the joint effect of conditions that hold at the same time."""
    slow_down: dict[str, list[float]] = {}
    factor: dict[Pair, list[float]] = {}
    latency_s: dict[Pair, list[float]] = {}
    for condition in conditions:
        for name, change in condition.nodes.items():
            slow_down.setdefault(name, []).append(change.slow_down)
        for link in condition.links:
            for pair in directions(link):
                factor.setdefault(pair, []).append(link.bandwidth_factor)
                latency_s.setdefault(pair, []).append(link.extra_latency_s)
    return TopologyChange(
        slow_down={name: prod(values) for name, values in slow_down.items()},
        bandwidth_factor={pair: prod(values) for pair, values in factor.items()},
        extra_latency_s={pair: sum(values) for pair, values in latency_s.items()},
        lost_nodes=frozenset(name for condition in conditions for name in condition.lost_nodes),
        lost_links=frozenset(
            pair for condition in conditions for link in condition.lost_links for pair in directions(link)
        ),
    )


def directions(link: LinkEnds | Link) -> tuple[Pair, ...]:
    """Return the directed links that a link stands for: one, or both ways."""
    pair = (link.source, link.target)
    return (pair, pair[::-1]) if link.bidirectional else (pair,)


def degraded(request: Request, change: TopologyChange) -> Request:
    """Return a request whose inputs are those under a change.

    Args:
        request: The request; it must name its source, and neither that nor the destination may be lost. A block that is
            pinned to lost nodes alone keeps a pin to no node, so no plan exists.
        change: The change.
    """
    lost = lost_names(request.topology, change)
    names = _slowed_hardware([model for _, model in request.pairs], request.topology, change)
    pairs = tuple((_unpinned(app, lost), _model(model, names)) for app, model in request.pairs)
    topology = _topology(request.topology, change, lost, names)
    (app, model), alternatives = pairs[0], pairs if request.alternatives else ()
    return replace(request, app=app, model=model, alternatives=alternatives, topology=topology)


def _unpinned(app: App, lost: AbstractSet[str]) -> App:
    """Return an app whose pins leave out lost nodes."""
    pin = {block: tuple(node for node in nodes if node not in lost) for block, nodes in app.pin.items()}
    return app.model_copy(update={"pin": pin})


def lost_names(topology: Topology, change: TopologyChange) -> frozenset[str]:
    """Return the names of lost nodes, chiplets of lost packages included."""
    chiplets = [
        f"{package.name}[{row},{column}]"
        for package in topology.packages
        if package.name in change.lost_nodes
        for row in range(package.rows)
        for column in range(package.cols)
    ]
    return change.lost_nodes.union(chiplets)


_Hardware = Mapping[tuple[str, float], str]
"""Name of a hardware at a factor on its times, for hardware that a model profiles."""


def _slowed_hardware(models: Sequence[Model], topology: Topology, change: TopologyChange) -> _Hardware:
    """Name every profiled hardware that a slow-down makes: profiles are by hardware, a slow-down is of a node."""
    nodes = [(node.hardware, change.slow_down.get(node.name, 1.0)) for node in topology.nodes]
    chiplets = [
        (compute.hardware, factor) for package in topology.packages for compute, factor in _chiplets(package, change)
    ]
    profiled = {hardware for model in models for hardware in model.profiles}
    taken = {*profiled, *(hardware for hardware, _ in nodes + chiplets if hardware)}
    names: dict[tuple[str, float], str] = {}
    for hardware, factor in nodes + chiplets:
        if hardware in profiled and factor != 1.0 and (hardware, factor) not in names:
            name = f"{hardware}, slowed {factor!r} times"
            while name in taken:
                name += "'"
            names[hardware, factor] = name
            taken.add(name)
    return names


def _chiplets(package: Package, change: TopologyChange) -> list[tuple[Compute, float]]:
    """List the chiplets of a package that differ in figures or factor, behind the common one."""
    common = change.slow_down.get(package.name, 1.0)
    differing = _differing(package)
    special = [
        (_merged(package, differing.get(at)), factor) for at, factor in _special_positions(package, change).items()
    ]
    return [(package.chiplet, common), *special]


def _special_positions(package: Package, change: TopologyChange) -> dict[Position, float]:
    """Return the factor of every position whose chiplet has figures or a factor of its own."""
    common = change.slow_down.get(package.name, 1.0)
    own = {
        at: common * factor
        for name, factor in change.slow_down.items()
        if (at := position_of(name, package)) is not None
    }
    return {**{at: common for chiplet in package.chiplets for at in positions_of(chiplet)}, **own}


def position_of(name: str, package: Package) -> Position | None:
    """Return the position of a chiplet in a package by its name, None where it is none of its chiplets."""
    match = re.fullmatch(r"\[(0|[1-9]\d{0,2}),(0|[1-9]\d{0,2})\]", name.removeprefix(package.name))
    if match is None or not name.startswith(package.name):
        return None
    row, column = int(match.group(1)), int(match.group(2))
    return (row, column) if row < package.rows and column < package.cols else None


def _differing(package: Package) -> dict[Position, ChipletAt]:
    """Return the entry of every position that has one."""
    return {at: chiplet for chiplet in package.chiplets for at in positions_of(chiplet)}


def _merged(package: Package, differing: ChipletAt | None) -> Compute:
    """Return the chiplet at a position: the package's, with what differs there."""
    given = {} if differing is None else differing.model_dump(exclude_none=True, exclude={"at"})
    return package.chiplet.model_copy(update=given)


def _model(model: Model, names: _Hardware) -> Model:
    """Add a profile for every slowed hardware: times grow, measured energies stay."""
    slowed = {
        name: {row: _slowed_profile(profile, factor) for row, profile in model.profiles[hardware].items()}
        for (hardware, factor), name in names.items()
        if hardware in model.profiles
    }
    return model.model_copy(update={"profiles": {**model.profiles, **slowed}}) if slowed else model


def _slowed_profile(profile: Profile, factor: float) -> Profile:
    time_s = profile.time_s
    if isinstance(time_s, (int, float)):
        return profile.model_copy(update={"time_s": time_s * factor})
    return profile.model_copy(update={"time_s": {size: value * factor for size, value in time_s.items()}})


def _slowed(compute: Compute, factor: float, names: _Hardware) -> dict[str, object]:
    """Return the fields that a slow-down changes."""
    return {
        "ops_per_s": None if compute.ops_per_s is None else compute.ops_per_s / factor,
        "hardware": names.get((compute.hardware or "", factor), compute.hardware),
    }


def _topology(topology: Topology, change: TopologyChange, lost: frozenset[str], names: _Hardware) -> Topology:
    nodes = tuple(
        node.model_copy(update=_slowed(node, change.slow_down.get(node.name, 1.0), names))
        for node in topology.nodes
        if node.name not in lost
    )
    packages = tuple(_package(package, change, names) for package in topology.packages if package.name not in lost)
    links = tuple(each for link in topology.links for each in _links(link, change, lost))
    return topology.model_copy(update={"nodes": nodes, "packages": packages, "links": links})


def _package(package: Package, change: TopologyChange, names: _Hardware) -> Package:
    common: Chiplet = package.chiplet.model_copy(
        update=_slowed(package.chiplet, change.slow_down.get(package.name, 1.0), names)
    )
    differing = _differing(package)
    chiplets = tuple(
        differing.get(at, ChipletAt(at=at)).model_copy(
            update={"at": at, **_slowed(_merged(package, differing.get(at)), factor, names)}
        )
        for at, factor in _special_positions(package, change).items()
    )
    return package.model_copy(update={"chiplet": common, "chiplets": chiplets})


def _links(link: Link, change: TopologyChange, lost: AbstractSet[str]) -> list[Link]:
    """Return what is left of a link; one whose two directions may now differ is written as two."""
    if not lost.isdisjoint((link.source, link.target)):
        return []
    pairs = directions(link)
    if not any(pair in change.bandwidth_factor or pair in change.lost_links for pair in pairs):
        return [link]
    return [
        link.model_copy(
            update={
                "source": pair[0],
                "target": pair[1],
                "bidirectional": False,
                "bit_per_s": link.bit_per_s and link.bit_per_s * change.bandwidth_factor.get(pair, 1.0),
                "latency_s": link.latency_s + change.extra_latency_s.get(pair, 0.0),
            }
        )
        for pair in pairs
        if pair not in change.lost_links
    ]
