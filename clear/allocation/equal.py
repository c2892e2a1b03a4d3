"""Equal allocation: even shares of every node and medium at given speeds, and the first app whose limits fail."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.clear.allocation.allocate import Allocation, power_of
from planner.clear.allocation.latencies import latencies_s
from planner.clear.problem.column import Column
from planner.fin.instance.network import Floats, Ints, Network


def equal_allocation(network: Network, columns: Sequence[Column], speed: Floats) -> Allocation:
    """Return the allocation where every node and medium in use is split evenly, whether limits hold or not.

    Args:
        network: The nodes and media.
        columns: One column per app.
        speed: (N,) speed of each node, as a part of its full speed.

    Returns:
        The allocation, without prices.
    """
    users, carried = _count(network.size, [c.nodes for c in columns]), _count(network.media, [c.media for c in columns])
    return Allocation(
        speed=speed,
        node_shares=tuple(network.max_utilization[c.nodes] / users[c.nodes] for c in columns),
        medium_shares=tuple(1.0 / carried[c.media] for c in columns),
        power_w=power_of(network, columns, speed),
        node_price_w=np.zeros(network.size),
        medium_price_w=np.zeros(network.media),
    )


def _count(places: int, used: Sequence[Ints]) -> Floats:
    """Count the columns that use each node or medium."""
    return np.bincount(np.concatenate(used), minlength=places).astype(np.float64)


def first_broken(columns: Sequence[Column], allocation: Allocation) -> int | None:
    """Return the first column whose queues, latencies or energy limit do not hold; None where all do."""
    held = zip(columns, allocation.node_shares, allocation.medium_shares, strict=True)
    for place, (column, node_share, medium_share) in enumerate(held):
        speed = allocation.speed[column.nodes]
        late_s = latencies_s(column, speed, node_share, medium_share)
        kept = all(budget.taken(speed) <= budget.most for budget in column.budgets)
        stable = (column.node_load <= speed * node_share).all() and (column.medium_load <= medium_share).all()
        if not (stable and late_s.max(initial=0.0) <= column.most_s and kept):
            return place
    return None
