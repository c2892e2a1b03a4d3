"""Decisions of one app (point, nodes, routes): their evaluation, and the limits and capacities that they break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

import numpy as np

from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Floats, Network
from planner.fin.path_resources.interface import path_figures

Path = tuple[int, ...]


@dataclass(frozen=True)
class Decision:
    """All that a planner decides for one app."""

    point: int
    """Index of the operating point."""
    nodes: tuple[int, ...]
    """Node of each deployed block."""
    transfers: tuple[Path, ...]
    """Route of each input of each block, in the order of `Instance.inputs`; one node where nothing is carried.

    In a chain: of the model's input to the first block, then of each block's output to the next.
    """
    results: Mapping[int, Path] = field(default_factory=dict)
    """Route of each exit's result to the destination, by exit index."""
    variant: int = 0
    """Which variant of the app (a model and a batch size) is chosen, where several are planned at once."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a decision costs (the model of cost without shares) and what it loads."""

    energy_j: float
    latency_s: float
    compute_j: float
    compute_s: float
    memory_bytes: Floats
    """(N,) memory that each node needs: parameters, states, and the largest working memory."""
    rate_per_s: float
    node_busy_s: Floats
    """(N,) seconds for which an inference keeps each node busy."""
    media_busy_s: Floats
    """(M,) the same of each medium."""
    bottleneck_s: float
    """Most that an inference keeps a node busy over its `max_utilization`, or a medium: one over the largest rate."""
    accuracy: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the network, by name."""
    of_path: Mapping[str, float] = field(default_factory=dict)
    """Path resources, by kind."""

    @property
    def utilization(self) -> Floats:
        """(N,) fraction of time each node is busy."""
        return self.rate_per_s * self.node_busy_s

    @property
    def media_load(self) -> Floats:
        """(M,) fraction of time each medium is busy."""
        return self.rate_per_s * self.media_busy_s

    def figure(self, kind: str) -> float:
        """Return what an objective minimises or an app limits, in J, s or the unit of a metric or limit.

        Of what is maximised: for `rate` the busy time of the bottleneck in s, for `accuracy` its negative.
        """
        figures = {
            "energy": self.energy_j,
            "latency": self.latency_s,
            "rate": self.bottleneck_s,
            "accuracy": -self.accuracy,
        }
        if kind in figures:
            return figures[kind]
        return self.of_path[kind] if kind in self.of_path else self.metrics[kind]


def evaluate(instance: Instance, decision: Decision) -> Evaluation:
    """Return energy, latency by the app's statistic, and loads of a decision."""
    network, points = instance.network, instance.points
    on, fraction = points.on[decision.point], points.fraction[decision.point]
    reach = points.reach_of(decision.point, len(instance.block_names)).tolist()
    runs = points.computing_weight(np.array(reach)).tolist() if instance.batch > 1 else reach
    exit_behind = {int(block): index for index, block in enumerate(points.exit_block) if on[index]}
    memory, busy_s = np.zeros(network.size), np.zeros(network.size)
    media = np.zeros(network.media)
    compute_j = transfer_j = elapsed_compute = 0.0
    elapsed_transfer = instance.filling_s
    arrivals: list[tuple[float, float, float]] = []  # latency of an exit, computing part, fraction
    inputs = instance.inputs(len(decision.nodes))
    carried = iter(zip(inputs, decision.transfers, strict=True))
    reads = Counter(row.reader for row in inputs)
    for block, node in enumerate(decision.nodes):
        for row, path in islice(carried, reads[block]):
            seconds, joules = _carry(instance, path, row.bits, reach[block], media)
            elapsed_transfer += seconds
            transfer_j += joules
        seconds, joules = float(instance.blocks.time_s[block, node]), float(instance.blocks.energy_j[block, node])
        memory[node] += instance.block_bytes[block]
        head = exit_behind.get(block)
        if head is not None:
            seconds += float(instance.heads.time_s[head, node])
            joules += float(instance.heads.energy_j[head, node])
            memory[node] += instance.head_bytes[head]
        elapsed_compute += seconds
        compute_j += runs[block] * joules
        busy_s[node] += runs[block] * seconds
        if head is not None and fraction[head] > 0.0:
            route = decision.results.get(head, (node,))
            back_s, joules = _carry(instance, route, float(instance.result_bits[head]), float(fraction[head]), media)
            transfer_j += joules
            arrivals.append((elapsed_compute + elapsed_transfer + back_s, elapsed_compute, float(fraction[head])))
    if instance.memory is not None:
        memory += _beyond_sum(instance, decision.nodes, exit_behind)
    if instance.batch > 1:  # times so far are of whole batches
        busy_s, media = busy_s / instance.batch, media / instance.batch
    latency_s, compute_s = statistic_of(instance, arrivals)
    metrics = _metrics_of(instance, decision, reach, runs, exit_behind) if instance.network.metrics.count else {}
    energy_j, accuracy = compute_j + transfer_j, float(points.accuracy[decision.point])
    return Evaluation(
        energy_j, latency_s, compute_j, compute_s, memory, instance.inferences_per_s, busy_s, media,
        bottleneck_s(network, busy_s, media), accuracy, metrics,
        path_figures(instance, decision.point, decision.nodes),
    )  # fmt: skip


def bottleneck_s(network: Network, node_busy_s: Floats, media_busy_s: Floats) -> float:
    """Return the busy time of the bottleneck: of nodes over their `max_utilization`, of media as it is.

    Args:
        network: The network.
        node_busy_s: (N,) seconds for which an inference keeps each node busy.
        media_busy_s: (M,) the same of each medium.

    Returns:
        Seconds; 0 where nothing is busy, infinite where a node is busy that must not be.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        nodes = np.where(node_busy_s > 0.0, node_busy_s / network.max_utilization, 0.0)
    return float(max(nodes.max(initial=0.0), media_busy_s.max(initial=0.0)))


def _metrics_of(
    instance: Instance,
    decision: Decision,
    reach: Sequence[float],
    runs: Sequence[float],
    exit_behind: Mapping[int, int],
) -> dict[str, float]:
    """Return the metrics of a decision, by name: what computing adds, and what each hop adds per bit."""
    network, costs = instance.network, instance.metric_costs
    total = np.zeros(network.metrics.count)
    fraction = instance.points.fraction[decision.point]
    for row, path in zip(instance.inputs(len(decision.nodes)), decision.transfers, strict=True):
        total += reach[row.reader] * row.bits * _per_bit(network, path)
    for block, node in enumerate(decision.nodes):
        total += runs[block] * costs.blocks[:, block, node]
        if (head := exit_behind.get(block)) is not None:
            total += runs[block] * costs.heads[:, head, node]
            sent = float(fraction[head]) * float(instance.result_bits[head])
            total += sent * _per_bit(network, decision.results.get(head, (node,)))
    return dict(zip(network.metrics.names, total.tolist(), strict=True))


def _per_bit(network: Network, path: Path) -> Floats:
    """(M,) what a bit adds to each metric along a path."""
    links = [network.link(*pair) for pair in pairwise(path)]
    return np.asarray(network.metrics.per_bit[:, links].sum(axis=1))


def _beyond_sum(instance: Instance, nodes: Sequence[int], exit_behind: Mapping[int, int]) -> Floats:
    """Return (N,) working memory and shared parameters of each node, in bytes."""
    more, memory = np.zeros(instance.network.size), instance.memory
    for node in sorted(set(nodes)) if memory is not None else ():
        blocks = [block for block, host in enumerate(nodes) if host == node]
        heads = [exit_behind[block] for block in blocks if block in exit_behind]
        more[node] = 0.0 if memory is None else memory.beyond_sum(blocks, heads)
    return more


def _carry(instance: Instance, path: Path, bits: float, weight: float, media: Floats) -> tuple[float, float]:
    """Return seconds and (weighted) joules of carrying bits along a path, and add the time that media are busy."""
    network, seconds, joules = instance.network, 0.0, 0.0
    for source, target in pairwise(path):
        link = network.link(source, target)
        on_air = bits / float(network.link_bit_per_s[link])
        seconds += float(network.link_latency_s[link]) + on_air
        joules += weight * bits * float(network.link_j_per_bit[link])
        media[network.link_medium[link]] += weight * on_air
    return seconds, joules


def statistic_of(instance: Instance, arrivals: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Return the app's latency statistic over (latency, computing part, fraction) of exits, and its computing part."""
    if instance.statistic == "mean":
        return sum(row[0] * row[2] for row in arrivals), sum(row[1] * row[2] for row in arrivals)
    ordered = sorted(arrivals)
    needed = 1.0 if instance.percentile is None else instance.percentile
    held = 0.0
    for latency_s, compute_s, fraction in ordered:
        held += fraction
        if held >= needed - TOLERANCE and instance.percentile is not None:
            return latency_s, compute_s
    return ordered[-1][:2] if ordered else (0.0, 0.0)


@dataclass(frozen=True)
class Overload:
    """A capacity that a decision breaks."""

    kind: str
    """`memory`, `utilization` or `medium`."""
    index: int
    """Node or medium."""
    load: float
    capacity: float


def overloads(instance: Instance, evaluation: Evaluation) -> list[Overload]:
    """Return every capacity of nodes and media that is broken."""
    network = instance.network
    rows = (
        ("memory", evaluation.memory_bytes, network.memory_bytes),
        ("utilization", evaluation.utilization, network.max_utilization),
        ("medium", evaluation.media_load, np.broadcast_to(1.0, network.media)),
    )
    return [
        Overload(kind, int(index), float(load[index]), float(capacity[index]))
        for kind, load, capacity in rows
        for index in np.flatnonzero(load > capacity * (1.0 + TOLERANCE))
    ]


def objective_of(instance: Instance, evaluation: Evaluation) -> float:
    """Return what the app minimises, in joules, seconds or the unit of a metric."""
    return evaluation.figure(instance.minimise)


def within_limits(instance: Instance, evaluation: Evaluation) -> bool:
    """Tell whether every figure with a limit and every capacity holds, to the tolerance of limits."""
    limits = instance.limits
    kept = all(evaluation.figure(kind) <= limits.most(kind) * (1.0 + TOLERANCE) for kind in limits.kinds)
    return kept and not overloads(instance, evaluation)
