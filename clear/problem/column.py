"""Columns: one app's operating point, placement and routes, as coefficients of every node and medium.

With node speed s, share phi of a node and share beta of a medium (the model of cost with shares):
power = sum(dynamic_w * s^2 + static_w / s) + transfer_w, latency = sum(node_s / (s * phi)) + sum(medium_s / beta) +
fixed_s, and a queue is stable where node_load / s <= phi and medium_load <= beta.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np

from planner.clear.problem.budget import Budget
from planner.clear.problem.column_memory import SharedParameter, beyond_sum, shared_parameters
from planner.fin.instance.decision import Decision, Path
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints

Key = tuple[int, int, tuple[int, ...], tuple[Path, ...], tuple[tuple[int, Path], ...], int]


@dataclass(frozen=True, eq=False)
class Column:
    """What one app asks of its H nodes and M media under one decision, with R latencies that must be in time."""

    app: int
    decision: Decision
    nodes: Ints
    """(H,) nodes that host a block, ascending."""
    media: Ints
    """(M,) media that carry something, ascending."""
    node_load: Floats
    """(H,) fraction of time that the app keeps each node busy at speed 1."""
    medium_load: Floats
    """(M,) fraction of time that the app keeps each medium busy."""
    dynamic_w: Floats
    """(H,) power of computing at speed 1, without static power."""
    static_w: Floats
    """(H,) static power while computing at speed 1."""
    transfer_w: float
    """Power of all transfers, and of the operating point itself where that has one."""
    memory_bytes: Floats
    """(H,) bytes held on each node; of parameters that other apps may share, the part when all of these do."""
    node_s: Floats
    """(R, H) computing time of each latency at speed and share 1."""
    medium_s: Floats
    """(R, M) time on each medium of each latency at share 1."""
    fixed_s: Floats
    """(R,) latency of links and the wait for a full batch, which no share divides."""
    most_s: float
    """Latency limit; infinite where there is none."""
    budgets: tuple[Budget, ...] = ()
    """Sums that are limited: energy, then metrics."""
    exit_set: int = 0
    """Number of the set of exits that are in time; 0 but where a percentile can be met by several sets."""
    shared: tuple[SharedParameter, ...] = ()
    """Named parameters on its nodes that other apps may share."""

    @property
    def alone_bytes(self) -> Floats:
        """(H,) bytes held on each node if no other app shares any of its parameters."""
        total = self.memory_bytes.copy()
        for one in self.shared:
            total[np.searchsorted(self.nodes, one.node)] += one.size_bytes - one.part_bytes
        return total

    @property
    def timed_nodes(self) -> Bools:
        """(H,) nodes on which the app takes time; what takes no time needs no share."""
        return np.asarray((self.node_load > 0.0) | (self.node_s > 0.0).any(axis=0))

    @property
    def timed_media(self) -> Bools:
        """(M,) media on which the app takes time."""
        return np.asarray((self.medium_load > 0.0) | (self.medium_s > 0.0).any(axis=0))

    @property
    def key(self) -> Key:
        """What tells columns of an app apart."""
        return key_of(self.decision, self.exit_set)


def key_of(decision: Decision, exit_set: int = 0) -> Key:
    """Return a decision (and the number of the set of exits that are in time) as a key of dictionaries."""
    results = tuple(sorted(decision.results.items()))
    return (decision.variant, decision.point, decision.nodes, decision.transfers, results, exit_set)


def column_of(app: int, instance: Instance, decision: Decision, exit_set: int = 0) -> Column:
    """Compute the column of a decision: sums of what its blocks and transfers ask of nodes and media.

    Args:
        app: Number of the app.
        instance: The app.
        decision: Operating point, hosts and routes.
        exit_set: Which exits are in time, where a percentile can be met by several sets (`exit_sets_of`).

    Returns:
        The column with H nodes, M media and R latencies; power in W, times in s, memory in bytes.
    """
    stages = _Stages.of(instance, decision)
    nodes = np.unique(np.array(decision.nodes))
    held = (nodes[:, None] == np.array(decision.nodes)).astype(np.float64)  # (H, D)
    carried = _carried(instance, decision, stages.reach)
    media = np.unique(np.array([row.medium for row in carried], dtype=np.int64))
    shared = shared_parameters(instance, decision)
    rows = _late_rows(instance, decision, stages, carried, media, exit_set)
    rate, each, limits = instance.rate_per_s, instance.inferences_per_s, instance.limits
    busy = rate * held @ (stages.runs * stages.time_s)
    medium_load = np.zeros(len(media))
    for row in carried:
        medium_load[np.searchsorted(media, row.medium)] += rate * row.weight * row.air_s
    return Column(
        app=app,
        decision=decision,
        nodes=nodes,
        media=media,
        node_load=busy,
        medium_load=medium_load,
        dynamic_w=each * held @ (stages.runs * stages.dynamic_j),
        static_w=busy * instance.network.static_power_w[nodes],
        transfer_w=each * (sum(row.weight * row.energy_j for row in carried) + _of_point(instance, decision)),
        memory_bytes=held @ stages.memory_bytes + beyond_sum(instance, decision, nodes, shared),
        node_s=np.array([(held * row.stage_weight) @ stages.time_s for row in rows]),
        medium_s=np.array([row.medium_s for row in rows]).reshape(len(rows), len(media)),
        fixed_s=np.array([row.fixed_s for row in rows]) + instance.filling_s,
        most_s=limits.latency_s,
        budgets=tuple(_budgets(instance, decision, stages, held, carried)),
        exit_set=exit_set,
        shared=shared if instance.memory is not None and instance.memory.sharers > 1 else (),
    )


def numbered_as_in(kept: Sequence[Bools], column: Column) -> Column:
    """Return a column whose operating point is numbered as before some were left out.

    Args:
        kept: The points that were kept of each variant, as masks (K,).
        column: A column of the app with these points alone.
    """
    points = np.flatnonzero(kept[column.decision.variant])
    return replace(column, decision=replace(column.decision, point=int(points[column.decision.point])))


def _of_point(instance: Instance, decision: Decision) -> float:
    """Return the joules that are charged for the operating point itself."""
    return 0.0 if instance.point_j is None else float(instance.point_j[decision.point])


def _budgets(
    instance: Instance, decision: Decision, stages: _Stages, held: Floats, carried: Sequence[_Hop]
) -> Iterator[Budget]:
    """Yield the sums that have a limit; `held` (H, D) says which blocks a node hosts."""
    rate, limits, network = instance.inferences_per_s, instance.limits, instance.network
    if np.isfinite(limits.energy_j):
        hosts = np.unique(np.array(decision.nodes))
        dynamic = rate * held @ (stages.runs * stages.dynamic_j)
        static = instance.rate_per_s * held @ (stages.runs * stages.time_s) * network.static_power_w[hosts]
        transfer = rate * sum(row.weight * row.energy_j for row in carried)
        yield Budget("energy", dynamic, static, transfer, limits.energy_j * rate)
    costs, layers, nodes = instance.metric_costs, np.arange(len(decision.nodes)), np.array(decision.nodes)
    for name, most in limits.metrics.items():
        metric = network.metrics.names.index(name)
        total, dynamic = costs.blocks[metric, layers, nodes], costs.dynamic_blocks[metric, layers, nodes]
        for head in np.flatnonzero(instance.points.on[decision.point]):
            block = int(instance.points.exit_block[head])
            total[block] += costs.heads[metric, head, nodes[block]]
            dynamic[block] += costs.dynamic_heads[metric, head, nodes[block]]
        transfer = rate * sum(row.weight * row.bits * network.metrics.per_bit[metric, row.link] for row in carried)
        whole, moving = held @ (stages.runs * total), held @ (stages.runs * dynamic)
        yield Budget(name, rate * moving, rate * np.maximum(whole - moving, 0.0), float(transfer), most * rate)


def exit_sets_of(instance: Instance, decision: Decision) -> int:
    """Return the number of columns of a decision: minimal sets of exits that meet a percentile, where results travel.

    Shares decide which results arrive first, so each such set is a column of its own; otherwise exits are in time in
    the order of their blocks, and there is one column.
    """
    if instance.percentile is None or instance.destination is None:
        return 1
    fraction = instance.points.fraction[decision.point]
    used = np.flatnonzero(instance.points.on[decision.point] & (fraction > 0.0))
    return len(_minimal_sets(used.tolist(), fraction, instance.percentile))


def _minimal_sets(heads: Sequence[int], fraction: Floats, percentile: float) -> list[tuple[int, ...]]:
    """Return the sets of exits that hold a fraction of samples, without those that contain another one."""
    found: list[tuple[int, ...]] = []
    for count in range(1, len(heads) + 1):
        for some in combinations(heads, count):
            enough = fraction[list(some)].sum() >= percentile - TOLERANCE
            if enough and not any(set(other) <= set(some) for other in found):
                found.append(some)
    return found or [tuple(heads)]


@dataclass(frozen=True, eq=False)
class _Stages:
    """(D,) each: the deployed blocks with their heads, on their nodes."""

    reach: Floats
    runs: Floats
    """How often the block runs for each sample, or for each batch of them."""
    time_s: Floats
    dynamic_j: Floats
    memory_bytes: Floats

    @classmethod
    def of(cls, instance: Instance, decision: Decision) -> _Stages:
        points, nodes = instance.points, np.array(decision.nodes)
        layers = np.arange(len(nodes))
        time_s, dynamic_j = instance.blocks.time_s[layers, nodes], instance.blocks.dynamic_j[layers, nodes]
        memory = instance.block_bytes[: len(nodes)].astype(np.float64)
        for head in np.flatnonzero(points.on[decision.point]):
            block = int(points.exit_block[head])
            time_s[block] += instance.heads.time_s[head, nodes[block]]
            dynamic_j[block] += instance.heads.dynamic_j[head, nodes[block]]
            memory[block] += instance.head_bytes[head]
        own = replace(points, on=points.on[[decision.point]], fraction=points.fraction[[decision.point]],
                      accuracy=points.accuracy[[decision.point]])  # fmt: skip
        reach = own.reach(len(instance.block_names))[0, : len(nodes)]
        return cls(reach, points.computing_weight(reach), time_s, dynamic_j, memory)


@dataclass(frozen=True)
class _Hop:
    """One message on one link."""

    before_block: int
    """Block that the message goes into; the number of blocks for results."""
    exit_index: int
    """Exit whose result it is, -1 for anything else."""
    medium: int
    air_s: float
    latency_s: float
    energy_j: float
    weight: float
    link: int
    bits: float


def _carried(instance: Instance, decision: Decision, reach: Floats) -> list[_Hop]:
    """List every hop of the tensors that blocks read, and of the results."""
    hops: list[_Hop] = []
    for row, path in zip(instance.inputs(len(reach)), decision.transfers, strict=True):
        hops += _hops(instance, path, row.bits, float(reach[row.reader]), row.reader, -1)
    for head, path in sorted(decision.results.items()):
        fraction = float(instance.points.fraction[decision.point, head])
        hops += _hops(instance, path, float(instance.result_bits[head]), fraction, len(reach), head)
    return hops


def _hops(
    instance: Instance, path: Path, bits: float, weight: float, before_block: int, exit_index: int
) -> Iterable[_Hop]:
    network = instance.network
    for source, target in pairwise(path):
        link = network.link(source, target)
        yield _Hop(
            before_block=before_block,
            exit_index=exit_index,
            medium=int(network.link_medium[link]),
            air_s=bits / float(network.link_bit_per_s[link]),
            latency_s=float(network.link_latency_s[link]),
            energy_j=bits * float(network.link_j_per_bit[link]),
            weight=weight,
            link=int(link),
            bits=bits,
        )


@dataclass(frozen=True, eq=False)
class _LateRow:
    """One latency that must be in time: the weights of stages, time on media, and latency of links."""

    stage_weight: Floats
    medium_s: Floats
    fixed_s: float

    def nominal_s(self, stages: _Stages) -> float:
        """Latency at full speed with all shares 1."""
        return float(self.stage_weight @ stages.time_s + self.medium_s.sum() + self.fixed_s)


def _late_rows(
    instance: Instance, decision: Decision, stages: _Stages, carried: Sequence[_Hop], media: Ints, exit_set: int
) -> list[_LateRow]:
    """Return the latencies that the app's statistic needs in time; shares cannot reorder exits without results.

    Set 0 of a percentile with results is the one that is in time at full speed with all shares 1.
    """
    points = instance.points
    fraction = points.fraction[decision.point]
    used = np.flatnonzero(points.on[decision.point] & (fraction > 0.0))

    def late(heads: Iterable[int]) -> dict[int, _LateRow]:
        return {int(head): _late_row(instance, int(head), stages, carried, media) for head in heads}

    if instance.statistic == "mean":
        return [_mean_row(late(used), fraction)]
    if instance.destination is None:
        enough = np.cumsum(fraction[used]) >= (instance.percentile or 1.0) - TOLERANCE
        last = int(used[int(np.argmax(enough)) if enough.any() and instance.percentile is not None else -1])
        return [late([last])[last]]
    rows = late(used)
    if instance.percentile is None:
        return list(rows.values())
    sets = _minimal_sets(used.tolist(), fraction, instance.percentile)
    sets.sort(key=lambda heads: max(rows[head].nominal_s(stages) for head in heads))
    return [rows[head] for head in sets[exit_set]]


def _late_row(instance: Instance, head: int, stages: _Stages, carried: Sequence[_Hop], media: Ints) -> _LateRow:
    """Return the latency of one exit: all blocks and transfers up to it, and its result's route."""
    block = int(instance.points.exit_block[head])
    medium_s, fixed_s = np.zeros(len(media)), 0.0
    for hop in carried:
        if hop.exit_index == head or (hop.exit_index < 0 and hop.before_block <= block):
            medium_s[np.searchsorted(media, hop.medium)] += hop.air_s
            fixed_s += hop.latency_s
    weight = (np.arange(len(stages.reach)) <= block).astype(np.float64)
    return _LateRow(weight, medium_s, fixed_s)


def _mean_row(rows: dict[int, _LateRow], fraction: Floats) -> _LateRow:
    """Return the mean latency over exits."""
    weights = [(float(fraction[head]), row) for head, row in rows.items()]
    return _LateRow(
        stage_weight=np.asarray(sum(weight * row.stage_weight for weight, row in weights)),
        medium_s=np.asarray(sum(weight * row.medium_s for weight, row in weights)),
        fixed_s=sum(weight * row.fixed_s for weight, row in weights),
    )
