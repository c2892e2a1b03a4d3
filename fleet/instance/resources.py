"""Shared capacity: nodes by utilisation and media by air time, numbered in one list of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.instance.network import Floats, Ints, Network
from planner.schemas.fleets.columns import FleetColumns


@dataclass(frozen=True)
class Resources:
    """R rows: nodes, then media of the network, then media that only links of users load."""

    names: tuple[str, ...]
    capacity: Floats
    """(R,) largest fraction of time that each may be busy."""
    nodes: int
    link_row: Ints
    """(A,) row of the medium of every link of users, -1 for links of their own."""

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.names)

    def kind(self, row: int) -> str:
        """Return `node` or `medium`."""
        return "node" if row < self.nodes else "medium"


def resources_of(network: Network, columns: FleetColumns) -> Resources:
    """Return the rows; a medium that links of users and links of the network name alike is one."""
    names = [*network.names, *(network.medium_name(medium) for medium in range(network.media))]
    links = len(network.link_source)
    known = {name: network.size + links + index for index, name in enumerate(network.named_media)}
    rows = np.full(len(columns.media) + 1, -1, dtype=np.int64)
    for index, name in enumerate(columns.media):
        if name not in known:
            known[name] = len(names)
            names.append(name)
        rows[index] = known[name]
    capacity = np.ones(len(names))
    capacity[: network.size] = network.max_utilization
    return Resources(tuple(names), capacity, network.size, rows[columns.link_medium])
