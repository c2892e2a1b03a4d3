"""Metrics as arrays: further additive figures of nodes and links, and what blocks and heads of one app add to them.

A metric adds ``reach * (per_s * time + per_j * energy)`` over blocks and heads, and ``weight * bits * per_bit`` over
the hops of transfers. Time is that of computing, without waiting for a share; energy includes static energy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.schemas.planning.topology import Metric

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NetworkMetrics:
    """M metrics of N nodes and E links."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    per_s: Floats
    """(M, N) added by a second of computing."""
    per_j: Floats
    """(M, N) added by a joule of computing."""
    per_bit: Floats
    """(M, E) added by a bit on each link."""

    @property
    def count(self) -> int:
        """Number of metrics."""
        return len(self.names)

    @property
    def unit_of(self) -> Mapping[str, str]:
        """Unit of each metric, by its name."""
        return dict(zip(self.names, self.units, strict=True))

    def of_computing(self, time_s: Floats, energy_j: Floats) -> Floats:
        """Return the (M, R, N) figures of R rows (blocks, or exit heads) on N nodes.

        Args:
            time_s: (R, N) busy time of one inference, in seconds.
            energy_j: (R, N) energy of one inference, static energy included, in joules.
        """
        return np.asarray(self.per_s[:, None, :] * time_s + self.per_j[:, None, :] * energy_j)


@dataclass(frozen=True, eq=False)
class MetricCosts:
    """What the L blocks and X heads of one app add to M metrics on N nodes, per inference that runs them.

    The dynamic part grows with the square of the clock speed, as the energy that it comes from; all else shrinks with
    the speed, as time does.
    """

    blocks: Floats
    """(M, L, N)"""
    heads: Floats
    """(M, X, N)"""
    dynamic_blocks: Floats
    """(M, L, N) the dynamic part at speed 1."""
    dynamic_heads: Floats
    """(M, X, N)"""

    def on_nodes(self, nodes: NDArray[np.int64]) -> MetricCosts:
        """Return the figures of some nodes alone."""
        parts = (self.blocks, self.heads, self.dynamic_blocks, self.dynamic_heads)
        blocks, heads, dynamic_blocks, dynamic_heads = (part[:, :, nodes] for part in parts)
        return MetricCosts(blocks, heads, dynamic_blocks, dynamic_heads)

    def at_speed(self, speed: Floats) -> MetricCosts:
        """Return the same figures at (N,) clock speeds."""
        dynamic_blocks, dynamic_heads = self.dynamic_blocks * speed**2, self.dynamic_heads * speed**2
        return MetricCosts(
            dynamic_blocks + (self.blocks - self.dynamic_blocks) / speed,
            dynamic_heads + (self.heads - self.dynamic_heads) / speed,
            dynamic_blocks,
            dynamic_heads,
        )

    def least(self, slowest: Floats, fastest: Floats) -> MetricCosts:
        """Return every figure at the speed between (N,) limits that is best for it alone."""
        parts = (self.blocks, self.dynamic_blocks), (self.heads, self.dynamic_heads)
        (blocks, dynamic_blocks), (heads, dynamic_heads) = (_least(*part, slowest, fastest) for part in parts)
        return MetricCosts(blocks, heads, dynamic_blocks, dynamic_heads)


def _least(total: Floats, dynamic: Floats, slowest: Floats, fastest: Floats) -> tuple[Floats, Floats]:
    """Return the least of ``dynamic s^2 + (total - dynamic) / s`` over speeds, and its dynamic part."""
    with np.errstate(divide="ignore", invalid="ignore"):  # without a dynamic part the fastest speed is the best
        best = np.cbrt((total - dynamic) / (2.0 * dynamic))
    speed = np.clip(np.nan_to_num(best, nan=1.0), slowest, fastest)
    return dynamic * speed**2 + (total - dynamic) / speed, dynamic * speed**2


def no_metrics() -> NetworkMetrics:
    """Return the metrics of a network that has none."""
    none = np.zeros((0, 1))
    return NetworkMetrics((), (), none, none, none)


def network_metrics(
    metrics: Sequence[Metric], names: Sequence[str], links: Sequence[tuple[str, str]]
) -> NetworkMetrics:
    """Turn the metrics of a topology into arrays; entries for nodes and links that are not there are left out.

    Args:
        metrics: The metrics, packages expanded.
        names: Names of the nodes.
        links: Source and target of every directed link.

    Returns:
        Figures per second and per joule of every node, and per bit of every link.
    """
    per_s, per_j = (np.zeros((len(metrics), len(names))) for _ in range(2))
    per_bit = np.zeros((len(metrics), len(links)))
    node_at = {name: index for index, name in enumerate(names)} if metrics else {}
    link_at = {ends: index for index, ends in enumerate(links)} if metrics else {}
    for row, metric in enumerate(metrics):
        for name, added in metric.nodes.items():
            if (node := node_at.get(name)) is not None:
                per_s[row, node], per_j[row, node] = added.per_s, added.per_j
        for each in metric.links:
            if (link := link_at.get((each.source, each.target))) is not None:
                per_bit[row, link] = each.per_bit
    units = tuple(metric.unit for metric in metrics)
    return NetworkMetrics(tuple(metric.name for metric in metrics), units, per_s, per_j, per_bit)
