"""Single cuts: the first blocks on the source, the others on one node; sums of both parts and whether they fit."""

from __future__ import annotations

import numpy as np

from planner.fin.graph.extended import ExtendedGraph
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Network


def summed_before(values: Floats) -> Floats:
    """Return the sum over the blocks before each one (second axis)."""
    sums = np.zeros_like(values)
    sums[:, 1:] = np.cumsum(values, axis=1)[:, :-1]
    return sums


def summed_from(values: Floats) -> Floats:
    """Return the sum over each block and all behind it (second axis)."""
    return np.cumsum(values[:, ::-1], axis=1)[:, ::-1]


def fitting_cuts(graph: ExtendedGraph, network: Network) -> Bools:
    """(K, D, N) whether both parts fit the memory and the time of their nodes."""
    slack, source = 1.0 + TOLERANCE, graph.source
    memory, busy = graph.memory_bytes, graph.utilization
    on_source = summed_before(memory) <= network.memory_bytes[source] * slack
    on_source &= summed_before(busy[:, :, source]) <= network.max_utilization[source] * slack
    on_node = summed_from(memory)[:, :, None] <= network.memory_bytes * slack
    on_node &= summed_from(busy) <= network.max_utilization * slack
    return np.asarray(on_source[:, :, None] & on_node)
