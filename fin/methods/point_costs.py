"""Costs of one operating point on every node and link, as the integer program needs them, and what it has to carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats


def governing_exit(instance: Instance, fraction: Floats) -> int:
    """Return the first exit by which enough samples have left; no plan can do with a shallower one."""
    used = np.flatnonzero(fraction > 0)
    if instance.percentile is None:
        return int(used[-1])
    enough = np.cumsum(fraction[used]) >= instance.percentile - TOLERANCE
    return int(used[int(np.argmax(enough)) if enough.any() else -1])


@dataclass(frozen=True)
class Message:
    """Something carried: the input, the output of a block, or the result of an exit."""

    after: int
    """Block whose node sends; -1 for the source."""
    before: int
    """Block whose node receives; -1 for the destination."""
    bits: float
    weight: float
    """Fraction of samples that send it."""
    earlier: tuple[int, ...] = ()
    """Blocks that read the same before; the message is free where one of them ran on the receiving node."""


@dataclass(frozen=True, eq=False)
class Costs:
    """One operating point over D deployed blocks, N nodes, M messages and E links."""

    point: int
    may_run: Bools
    """(D, N) where blocks may run with their heads."""
    joules: Floats
    """(D, N) energy per inference."""
    seconds: Floats
    """(D, N) time of one execution."""
    runs: Floats
    """(D,) how often a block runs: the fraction of samples that executes it, or of batches."""
    memory_bytes: Floats
    """(D,) memory of a block and its head."""
    messages: tuple[Message, ...]
    link_joules: Floats
    """(M, E) energy per inference."""
    link_seconds: Floats
    """(M, E) time of one transfer."""
    air_seconds: Floats
    """(M, E) time per inference that the medium is busy."""
    exits: tuple[int, ...]
    """Exits at which samples leave, shallowest first."""
    result_of: Mapping[int, int] = field(default_factory=dict)
    """Message of each exit whose result travels."""


def point_costs(instance: Instance, point: int) -> Costs:
    """Return the costs of one operating point.

    Args:
        instance: The app.
        point: The operating point.
    """
    points, network = instance.points, instance.network
    depth = int(points.depth[point])
    reach = points.reach(len(instance.block_names))[point, :depth]
    runs = points.computing_weight(reach)
    joules, seconds = instance.blocks.energy_j[:depth].copy(), instance.blocks.time_s[:depth].copy()
    memory, may_run = instance.block_bytes[:depth].astype(np.float64), instance.allowed[:depth].copy()
    for head in np.flatnonzero(points.on[point]):
        block = int(points.exit_block[head])
        joules[block] += instance.heads.energy_j[head]
        seconds[block] += instance.heads.time_s[head]
        memory[block] += instance.head_bytes[head]
        may_run[block] &= instance.heads.can_run[head]
    exits = tuple(int(head) for head in np.flatnonzero(points.on[point] & (points.fraction[point] > 0)))
    messages = _messages(instance, point, reach, exits)
    bits = np.array([message.bits for message in messages])[:, None]
    weight = np.array([message.weight for message in messages])[:, None]
    air = bits / network.link_bit_per_s
    sent = len(messages) - len(exits)
    results = {head: sent + row for row, head in enumerate(exits)} if instance.destination is not None else {}
    return Costs(
        point, may_run, runs[:, None] * joules, seconds, runs, memory, messages,
        weight * bits * network.link_j_per_bit, network.link_latency_s + air, weight * air, exits, results,
    )  # fmt: skip


def _messages(instance: Instance, point: int, reach: Floats, exits: Sequence[int]) -> tuple[Message, ...]:
    """List what blocks read, then the results where there is a destination."""
    inputs = instance.inputs(len(reach))
    carried = []
    for place, row in enumerate(inputs):
        earlier = tuple(other.reader for other in inputs[:place] if other.tensor == row.tensor)
        carried.append(Message(row.producer, row.reader, row.bits, float(reach[row.reader]), earlier))
    for head in exits if instance.destination is not None else ():
        block, fraction = int(instance.points.exit_block[head]), float(instance.points.fraction[point, head])
        carried.append(Message(block, -1, float(instance.result_bits[head]), fraction))
    return tuple(carried)
