"""Sums with a limit besides the counterpart of the objective: energy and metrics, as arrays of the extended graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class FurtherSums:
    """R further sums of K scenarios, each with a limit."""

    vertex: Floats
    """(K, R, D, N, O) what a vertex adds at each result option."""
    arc: Floats
    """(K, R, D, C) coefficients of the figures of links for the arcs into each layer."""
    most: Floats
    """(R,) limits with their tolerance."""

    def take(self, keep: Ints | Bools) -> FurtherSums:
        """Return the sums of some of the scenarios."""
        return FurtherSums(self.vertex[keep], self.arc[keep], self.most)

    def first(self, layers: int) -> FurtherSums:
        """Return the sums over the first layers alone."""
        return FurtherSums(self.vertex[:, :, :layers], self.arc[:, :, :layers], self.most)


def further_sums(instance: Instance, vertex: Mapping[str, Floats], arc: Mapping[str, Floats]) -> FurtherSums | None:
    """Stack the figures of the kinds that an app limits besides the counterpart of the objective.

    Args:
        instance: The app.
        vertex: (K, D, N, O) what vertices add to each figure (O may be 1), by its kind.
        arc: (K, D, C) coefficients of arcs, likewise.

    Returns:
        The R further sums, each in the unit of its limit; None where the app has no such limit.
    """
    kinds = instance.further_limits
    if not kinds:
        return None
    shape = np.broadcast_shapes(*(vertex[kind].shape for kind in kinds))
    most = np.array([instance.limits.most(kind) for kind in kinds]) * (1.0 + TOLERANCE)
    vertices = np.stack([np.broadcast_to(vertex[kind], shape) for kind in kinds], axis=1)
    return FurtherSums(vertices, np.stack([arc[kind] for kind in kinds], axis=1), most)


def arc_coefficients(carried: Floats, time_weight: Floats, bits: Floats, metrics: int) -> Floats:
    """Form the coefficients of the figures of links: for energy, time and M metrics.

    Args:
        carried: (K, D) bits that arcs into each layer carry, weighted by reach.
        time_weight: (K, D) weight of a layer's time in the latency statistic.
        bits: (D,) size of what arcs into each layer carry.
        metrics: M.

    Returns:
        (2 + M, K, D, 3 + M) coefficients of J/bit, s/bit, latency in s and metrics per bit of a link. They are in bit;
        that of the latency is a weight without unit.
    """
    found = np.zeros((2 + metrics, *carried.shape, 3 + metrics))
    found[0, :, :, 0] = carried
    found[1, :, :, 1], found[1, :, :, 2] = time_weight * bits, time_weight
    for index in range(metrics):
        found[2 + index, :, :, 3 + index] = carried
    return found


def metric_vertices(instance: Instance, head_of: Ints, on: Bools, runs: Floats) -> Floats:
    """Compute what blocks and heads add to the metrics that are minimised or limited, on every node.

    Args:
        instance: The app.
        head_of: (D,) exit behind each block, -1 for none.
        on: (K, D) whether it is on.
        runs: (K, D) how often each block runs: the fraction of samples that executes it, or of batches.

    Returns:
        (M, K, D, N, 1) figures of each such metric, in its own unit per inference.
    """
    used, layers = list(instance.used_metrics), len(head_of)
    blocks, heads = instance.metric_costs.blocks[used, :layers], instance.metric_costs.heads[used][:, head_of]
    return np.asarray((runs[:, :, None] * (blocks[:, None] + on[:, :, None] * heads[:, None]))[..., None])
