"""Nodes that could run each block of an app if it were there alone: by pins, figures, memory and busy time."""

from __future__ import annotations

import numpy as np

from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Ints


def possible_hosts(instance: Instance, point: int) -> tuple[Ints, ...]:
    """Return the nodes that could run each deployed block of an app, at an operating point, if it were there alone."""
    points, network = instance.points, instance.network
    head_behind = {int(points.exit_block[head]): int(head) for head in np.flatnonzero(points.on[point])}
    runs = points.computing_weight(points.reach(len(instance.block_names))[point])
    hosts = []
    for block in range(int(points.depth[point])):
        may = instance.allowed[block].copy()
        held, seconds = float(instance.block_bytes[block]), instance.blocks.time_s[block].copy()
        head = head_behind.get(block)
        if head is not None:
            may &= instance.heads.can_run[head]
            held, seconds = held + float(instance.head_bytes[head]), seconds + instance.heads.time_s[head]
        if instance.memory is not None:
            held += instance.memory.beyond_sum([block], [] if head is None else [head])
        may &= held <= network.memory_bytes * (1.0 + TOLERANCE)
        may &= instance.rate_per_s * runs[block] * seconds <= network.max_utilization * (1.0 + TOLERANCE)
        hosts.append(np.flatnonzero(may))
    return tuple(hosts)
