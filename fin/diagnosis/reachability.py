"""What cannot be reached at all, whatever the limits: blocks without a host, nodes and exits cut off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Network
from planner.schemas.planning.placement import BrokenLimit


def unreachable(instance: Instance) -> Iterator[BrokenLimit]:
    """Report the first block along the chain that cannot be placed, or a destination that no result reaches.

    Args:
        instance: The app with all operating points; limits and capacities are not looked at.
    """
    network = instance.network
    hop = _reachable_from_each(network)
    points = instance.points
    shallowest = int(points.depth.min()) if points.count else len(instance.block_names)
    here = np.zeros(network.size, dtype=bool)
    here[instance.source] = True
    for block in range(shallowest):
        may = instance.allowed[block]
        arriving = hop[here].any(axis=0)
        if not (may & arriving).any():
            yield _cut_off(instance, block, may, here)
            return
        here = may & arriving
    destination = instance.destination
    if destination is not None and not hop[here, destination].any():
        name = network.names[destination]
        where = "from the nodes that may run the last block"
        yield _row(name, f"no result reaches the destination {name}: no links lead there {where}")


def _reachable_from_each(network: Network) -> Bools:
    """(N, N) whether links lead from one node to the other (every node reaches itself)."""
    reach = np.eye(network.size, dtype=bool)
    reach[network.link_source, network.link_target] = True
    while True:
        further = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0
        if (further == reach).all():
            return reach
        reach = further


def _cut_off(instance: Instance, block: int, may: Bools, here: Bools) -> BrokenLimit:
    names = instance.network.names
    block_name = instance.block_names[block]
    if not may.any():
        why = "pins, private_until, profiles, a max_utilization of 0 and nodes that host no block leave none"
        return _row(block_name, f"no node can run block {block_name} ({why})")
    hosts, before = _some(names, may), _some(names, here)
    return _row(block_name, f"block {block_name} may run on {hosts} only, and no links lead there from {before}")


def _some(names: tuple[str, ...], mask: Bools, most: int = 6) -> str:
    chosen = [names[index] for index in np.flatnonzero(mask)]
    return ", ".join(chosen[:most]) + (", ..." if len(chosen) > most else "")


def _row(subject: str, message: str) -> BrokenLimit:
    return BrokenLimit(kind="reachability", subject=subject, demand=None, best=None, unit="", message=message)
