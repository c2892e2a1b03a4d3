"""Capacities that couple blocks: memory and time of nodes, time of media."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from planner.fin.graph.extended import ExtendedGraph
from planner.fin.instance.decision import Overload
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints, Network


@dataclass(frozen=True, eq=False)
class NodeResource:
    """One capacity of one node, as a search of a single scenario tracks it."""

    kind: str
    """`memory` or `utilization`."""
    node: int
    capacity: float
    demand: Floats
    """(D,) what each block takes of it when it runs on the node."""

    @property
    def later_sum(self) -> Floats:
        """(D,) demand of all blocks behind each one."""
        return np.append(np.cumsum(self.demand[::-1])[::-1][1:], 0.0)

    @property
    def later_least(self) -> Floats:
        """(D,) least positive demand behind each block, infinite where there is none."""
        positive = np.where(self.demand > 0, self.demand, np.inf)
        return np.append(np.minimum.accumulate(positive[::-1])[::-1][1:], np.inf)

    def shortened(self, usage: Floats, layer: int) -> Floats:
        """Replace a usage by one that leaves the same choices.

        None where all that follows would still fit, full where nothing that takes any would.
        """
        slack = self.capacity * (1.0 + TOLERANCE)
        relaxed = np.where(usage + self.later_sum[layer] <= slack, 0.0, usage)
        full = (relaxed > 0) & (relaxed + self.later_least[layer] > slack)
        return np.where(full, self.capacity, relaxed)


def node_resource(graph: ExtendedGraph, network: Network, kind: str, node: int) -> NodeResource:
    """Describe one capacity of one node for the only scenario of a graph.

    Args:
        graph: Graph of one scenario.
        network: Network with the capacities.
        kind: `memory` (bytes) or `utilization` (fraction of time).
        node: Node of the capacity.

    Returns:
        The capacity with the (D,) demand of each block on the node, both in bytes or as fractions of time.
    """
    if kind == "memory":
        return NodeResource(kind, node, float(network.memory_bytes[node]), graph.memory_bytes[0])
    return NodeResource(kind, node, float(network.max_utilization[node]), graph.utilization[0, :, node])


def scarce_resources(graph: ExtendedGraph, network: Network, alive: Bools) -> list[NodeResource]:
    """Compare every node capacity with the sum over the blocks that may still run there.

    Args:
        graph: Graph of one scenario.
        network: Network with the capacities.
        alive: (D, N) vertices that may still be used.

    Returns:
        The capacities that these blocks together could break, in order of the nodes.
    """
    found = []
    for node in np.flatnonzero(alive.any(axis=0)):
        for kind in ("memory", "utilization"):
            resource = node_resource(graph, network, kind, int(node))
            if resource.demand[alive[:, node]].sum() > resource.capacity * (1.0 + TOLERANCE):
                found.append(resource)
    return found


def broken_resources(graph: ExtendedGraph, network: Network, overloads: Iterable[Overload]) -> list[NodeResource]:
    """Describe the node capacities that a decision breaks.

    Args:
        graph: Graph of one scenario.
        network: Network with the capacities.
        overloads: Capacities that a decision breaks.

    Returns:
        These capacities, with the demand of every block; overloads of media are left out.
    """
    return [node_resource(graph, network, row.kind, row.index) for row in overloads if row.kind != "medium"]


def segment_ends(graph: ExtendedGraph, network: Network) -> Ints:
    """(D, N) last block that a node segment starting with each block may reach; the block before where none fits."""
    layers, nodes = graph.memory_bytes.shape[1], network.size
    ends = np.empty((layers, nodes), dtype=np.int64)
    slack = 1.0 + TOLERANCE
    for start in range(layers):
        memory = np.cumsum(graph.memory_bytes[0, start:])[:, None] <= network.memory_bytes * slack
        time = np.cumsum(graph.utilization[0, start:], axis=0) <= network.max_utilization * slack
        ends[start] = start - 1 + (memory & time).cumprod(axis=0).sum(axis=0)
    return ends
