"""A problem as plain arc costs, layer by layer: what every peer is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Floats


@dataclass(frozen=True)
class Layered:
    """D layers (blocks) of N vertices (nodes); an arc is a transfer over the direct link and the block it enters."""

    joules: Floats
    """(D, N, N) energy of the arcs into each layer; only the row of the source counts in layer 0."""
    seconds: Floats
    """(D, N, N) time of the same."""
    source: int
    deadline_s: float

    @property
    def layers(self) -> int:
        """Number of blocks."""
        return len(self.joules)

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return int(self.joules.shape[-1])

    def cost(self, path: Sequence[int]) -> float | None:
        """Return the energy of a path in joules, None where it misses the deadline."""
        layer, before = np.arange(self.layers), np.array([self.source, *path[:-1]])
        seconds = float(self.seconds[layer, before, path].sum())
        if seconds > self.deadline_s * (1.0 + TOLERANCE):
            return None
        return float(self.joules[layer, before, path].sum())


def layered(instance: Instance) -> Layered:
    """Return the arcs of an instance on a full mesh with one exit, all samples of which leave there."""
    network, nodes = instance.network, instance.network.size
    bits = np.concatenate([[instance.input_bits], instance.output_bits[:-1]])[:, None]
    joules, seconds = (np.zeros((len(bits), nodes, nodes)) for _ in range(2))
    ends = (network.link_source, network.link_target)
    joules[:, *ends] = bits * network.link_j_per_bit
    seconds[:, *ends] = network.link_latency_s + bits / network.link_bit_per_s
    joules += instance.blocks.energy_j[:, None, :]
    seconds += instance.blocks.time_s[:, None, :]
    return Layered(joules, seconds, instance.source, instance.limits.latency_s)
