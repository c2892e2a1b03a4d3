"""The verifier's own arithmetic: what a plan costs, from the schemas alone.

Nothing here comes from the solvers, so that one mistake cannot hide in both. Plain dicts and floats, to read
next to the model of cost in the design. A plan without shares has speeds and shares of 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from planner.schemas import Block, Exit, Model, percentile_of
from planner.schemas.planning.topology import Compute
from planner.verifier.network import Medium, Network, medium_name, medium_of, rate_of
from planner.verifier.points import Point, exits_in_order
from planner.verifier.transfers import Cargo, Need, Stage

SLACK = 1e-9
"""Relative difference that rounding may make."""
SLIVER = 1e-12
"""Fraction of samples that is rounding of fractions, which sum to 1."""

Path = tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """Time in seconds of one inference, and its energy in joules: for switching, and for leakage meanwhile."""

    time_s: float
    dynamic_j: float
    static_j: float

    @property
    def energy_j(self) -> float:
        """Both energies together, in joules."""
        return self.dynamic_j + self.static_j

    def at(self, speed: float) -> Cost:
        """Return the cost at a relative clock speed above 0: dynamic energy grows with its square."""
        return Cost(self.time_s / speed, self.dynamic_j * speed * speed, self.static_j / speed)


UNKNOWN = Cost(float("nan"), float("nan"), float("nan"))
"""No comparison with it holds, so it can never pass a check."""


Carried = tuple[Need, Path]


@dataclass(frozen=True)
class Sharing:
    """Relative speeds of nodes, and one app's shares of nodes and media (no unit), by name; 1 where none is given."""

    speeds: Mapping[str, float] = field(default_factory=dict)
    nodes: Mapping[str, float] = field(default_factory=dict)
    media: Mapping[str, float] = field(default_factory=dict)

    def speed(self, node: str) -> float:
        """Return the speed of a node."""
        return self.speeds.get(node, 1.0)

    def of_node(self, node: str) -> float:
        """Return the app's share of a node."""
        return self.nodes.get(node, 1.0)

    def of_medium(self, medium: Medium) -> float:
        """Return the app's share of a medium."""
        return self.media.get(medium_name(medium), 1.0)

    def divides(self, nodes: Iterable[str], media: Iterable[Medium]) -> bool:
        """Tell whether times can be divided by all that holds for these nodes and media."""
        divisors = [value for node in nodes for value in (self.speed(node), self.of_node(node))]
        return all(value > 0.0 for value in (*divisors, *map(self.of_medium, media)))


@dataclass(frozen=True)
class ExitTime:
    """When the samples of one exit are done (seconds), and which fraction they are."""

    fraction: float
    compute_s: float
    transfer_s: float
    filling_s: float = 0.0
    """Wait until the batch is full."""

    @property
    def latency_s(self) -> float:
        """Computing, transfers and filling together, in seconds."""
        return self.compute_s + self.transfer_s + self.filling_s


@dataclass(frozen=True)
class Recomputed:
    """What the plan of one app costs: energy in joules, times in seconds per inference, memory in bytes.

    Nodes and media are busy for as long as their whole speed takes; exits wait for as long as the app's share takes.
    """

    point: Point
    compute_j: float
    transfer_j: float
    exits: tuple[ExitTime, ...]
    node_busy_s: Mapping[str, float]
    medium_busy_s: Mapping[Medium, float]
    memory_bytes: Mapping[str, float]
    """Memory of each node without shared parameters: the app's parameters and states, and its largest working part."""
    sharing: Sharing
    params: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Size of the shared parameters on each node, by their name in the model."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the topology, by name, each in its unit."""

    @property
    def energy_j(self) -> float:
        """Energy of one inference, in joules."""
        return self.compute_j + self.transfer_j

    @property
    def node_shares(self) -> dict[str, float]:
        """The app's share of every node that hosts a block."""
        given = self.sharing.nodes
        return {
            node: self.sharing.of_node(node) if busy_s > 0.0 or node in given else 0.0
            for node, busy_s in self.node_busy_s.items()
        }

    @property
    def medium_shares(self) -> dict[Medium, float]:
        """The app's share of every medium that carries something."""
        given = self.sharing.media
        return {
            medium: self.sharing.of_medium(medium) if busy_s > 0.0 or medium_name(medium) in given else 0.0
            for medium, busy_s in self.medium_busy_s.items()
        }


def part_cost(part: Block | Exit, node: Compute | None, model: Model, batch: int = 1) -> Cost | None:
    """Compute the cost of a batch of one block or head on a node at nominal speed.

    Args:
        part: The block or exit head.
        node: The node; None for one that hosts nothing.
        model: The model, with its profiles.
        batch: Samples that run together.

    Returns:
        Time (s) and energy (J) of the whole batch; None where nothing says what they are.
    """
    if node is None:
        return None
    profile = model.profiles.get(node.hardware or "", {}).get(part.name)
    ops = part.ops * batch
    if profile is None and ops == 0.0 and _timed_elsewhere(part.name, model):
        return None
    time_s = profile.time_of(batch) if profile is not None else _quotient(ops, node.ops_per_s)
    if time_s is None:
        return None
    measured_j = None if profile is None else profile.energy_of(batch)
    if measured_j is not None:
        energy_j = measured_j
    elif node.active_power_w is not None:
        energy_j = node.active_power_w * time_s
    elif node.j_per_op is not None or part.ops == 0.0:
        energy_j = ops * (node.j_per_op or 0.0)
    else:
        return None
    return Cost(time_s, energy_j, node.static_power_w * time_s)


def _timed_elsewhere(name: str, model: Model) -> bool:
    """Whether a model without any operations says that some hardware needs time for a block or head."""
    if any(block.ops > 0.0 for block in model.blocks):
        return False
    rows = [profile[name].time_s for profile in model.profiles.values() if name in profile]
    return any(s > 0.0 for row in rows for s in (row.values() if isinstance(row, dict) else (row,)))


def _quotient(ops: float, ops_per_s: float | None) -> float | None:
    """Time in seconds; no operations take none, also where the speed is not known."""
    return 0.0 if ops == 0.0 else None if ops_per_s is None else ops / ops_per_s


def stages_of(model: Model, point: Point, hosts: Sequence[str]) -> list[Stage]:
    """List the deployed blocks on their nodes.

    Args:
        model: The model.
        point: The operating point.
        hosts: Node of each deployed block, in execution order.

    Returns:
        A stage for each block in execution order, with the fraction of samples that reaches it.
    """
    heads = {head.after: head for head in exits_in_order(model, point.fractions)}
    stages, left = [], 0.0
    for block, node in zip(model.blocks, hosts, strict=False):
        head = heads.get(block.name)
        stages.append(Stage(block, head, node, 1.0 - left if 1.0 - left > SLIVER else 0.0))
        left += point.fractions[head.name] if head is not None else 0.0
    return stages


def latency_of(statistic: str, exits: Sequence[ExitTime]) -> tuple[float, list[tuple[float, float]]]:
    """Return the latency statistic in seconds, and its parts (computing, transfers) in seconds.

    Several exits can take equally long; the parts of each of them are then as true as those of the others.
    """
    left = sorted((time for time in exits if time.fraction > 0.0), key=lambda time: time.latency_s)
    if statistic == "mean":
        compute_s = sum(time.fraction * time.compute_s for time in left)
        transfer_s = sum(time.fraction * time.transfer_s for time in left)
        return compute_s + transfer_s + sum(time.fraction * time.filling_s for time in left), [(compute_s, transfer_s)]
    wanted = percentile_of(statistic)
    value, held = left[-1].latency_s, 0.0
    for time in left if wanted is not None else []:
        held += time.fraction
        if wanted is not None and held >= wanted - SLACK:
            value = time.latency_s
            break
    return value, [(t.compute_s, t.transfer_s) for t in left if abs(t.latency_s - value) <= SLACK * value]


def media_of(network: Network, carried: Sequence[Carried]) -> set[Medium]:
    """Return the media that the paths lead over."""
    return {medium_of(pair, network.hops[pair]) for _, path in carried for pair in pairwise(path)}


def recompute(
    model: Model,
    network: Network,
    stages: Sequence[Stage],
    point: Point,
    carried: Sequence[Carried],
    sharing: Sharing,
    batch: int = 1,
) -> Recomputed:
    """Compute what a plan costs whose nodes can run their stages, and whose paths have every hop.

    Speeds and shares of all that it uses must be above 0 (`Sharing.divides`).

    Args:
        model: The model.
        network: All nodes and hops.
        stages: Deployed blocks on their nodes.
        point: The operating point.
        carried: Every transfer with its path.
        sharing: Speeds of nodes, and the app's shares.
        batch: Samples that run together: nodes are busy, and energy is taken, for each sample's part of a batch.

    Returns:
        Energy (J), times (s) per inference and memory (bytes); metrics of the topology are left out.
    """
    node_busy_s: dict[str, float] = {}
    memory_bytes: dict[str, float] = {}
    working_bytes: dict[str, float] = {}
    params: dict[str, dict[str, float]] = {}
    way_s = _times_of(network, carried, sharing, batch)
    compute_j, compute_s, transfer_s = 0.0, 0.0, 0.0
    exits: list[ExitTime] = []
    for stage in stages:
        transfer_s += sum(time_s for cargo, time_s in way_s.items() if cargo.to == stage.block.name)
        for part in stage.parts:
            whole = part_cost(part, network.nodes.get(stage.node), model, batch) or UNKNOWN
            cost, runs = whole.at(sharing.speed(stage.node)), stage.runs_per_sample(batch)
            compute_j += runs * cost.energy_j
            compute_s += cost.time_s / sharing.of_node(stage.node)
            node_busy_s[stage.node] = node_busy_s.get(stage.node, 0.0) + runs * cost.time_s
            memory_bytes[stage.node] = memory_bytes.get(stage.node, 0.0) + part.param_bytes
            memory_bytes[stage.node] += batch * part.state_bytes
            working_bytes[stage.node] = max(working_bytes.get(stage.node, 0.0), batch * part.working_bytes)
            params.setdefault(stage.node, {}).update({name: model.params[name] for name in part.params})
        if stage.head is not None:
            result_s = sum(time_s for cargo, time_s in way_s.items() if cargo.result_of == stage.head.name)
            exits.append(ExitTime(point.fractions[stage.head.name], compute_s, transfer_s + result_s))
    for node, most_bytes in working_bytes.items():
        memory_bytes[node] += most_bytes
    transfer_j, medium_busy_s = _loads_of(network, carried)
    return Recomputed(
        point, compute_j, transfer_j, tuple(exits), node_busy_s, medium_busy_s, memory_bytes, sharing, params
    )


def _times_of(network: Network, carried: Sequence[Carried], sharing: Sharing, batch: int) -> dict[Cargo, float]:
    """The time of each transfer of a batch in seconds: hops add up; a share slows the sending down, not the signal."""
    way_s: dict[Cargo, float] = {}
    for need, path in carried:
        way_s[need.cargo] = 0.0
        for pair in pairwise(path):
            wire = network.hops[pair]
            sending_s = batch * need.bits / rate_of(wire) / sharing.of_medium(medium_of(pair, wire))
            way_s[need.cargo] += wire.latency_s + sending_s
    return way_s


def _loads_of(network: Network, carried: Sequence[Carried]) -> tuple[float, dict[Medium, float]]:
    """Energy of all transfers in joules, and how long an inference keeps each medium busy in seconds."""
    energy_j, medium_busy_s = 0.0, dict[Medium, float]()
    for need, path in carried:
        for pair in pairwise(path):
            wire = network.hops[pair]
            medium = medium_of(pair, wire)
            energy_j += need.weight * need.bits * wire.j_per_bit
            busy_s = need.weight * need.bits / rate_of(wire)
            medium_busy_s[medium] = medium_busy_s.get(medium, 0.0) + busy_s
    return energy_j, medium_busy_s
