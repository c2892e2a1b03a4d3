"""Reduced costs of a list of columns at dual prices, by Lagrangian relaxation of their latency limits.

For a column, the least of ``power + prices + theta (latency - limit)`` over speeds and shares falls apart into its
nodes and media (closed forms of `clear.pricing.node_segments`), and is concave in the latency multiplier theta. Grids
of multipliers, refined around the best, give a lower bound of what the column costs at these prices. Columns whose cost
exceeds the least of their app by more than the gap are in no better plan: they are fixed out by reduced cost (R.
Baldacci, N. Christofides and A. Mingozzi, Mathematical Programming 115, 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.pricing.node_segments import NodeSegments, SegmentPrices, least_cost
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.network import Bools, Floats

_REFINEMENTS, _SIDE = 4, 25
"""Grids of latency multipliers, each between the neighbours of the best of the one before, and their size."""
_DECADES = 12.0
"""The first grid reaches so many decades to both sides of an app's power over its limit."""


@dataclass(frozen=True, eq=False)
class ListedColumns:
    """C columns of one app as arrays over N nodes and M media, with R latency rows each."""

    joint: JointInstance
    columns: tuple[Column, ...]
    used: Floats
    """(C, N) 1 where a node hosts a block."""
    memory_bytes: Floats
    """(C, N)"""
    nodes: NodeSegments
    """(C, N) figures; `late_s` is (R, C, N)."""
    media: NodeSegments
    """(C, M) figures; `late_s` is (R, C, M)."""
    fixed_s: Floats
    """(R, C) latency of links."""
    transfer_w: Floats
    """(C,)"""
    most_s: float
    """Latency limit."""

    @classmethod
    def of(cls, joint: JointInstance, columns: Sequence[Column]) -> ListedColumns:
        """Write columns of one app as arrays; rows that a column lacks repeat its last one."""
        size, media = len(columns), joint.network.media
        rows = max((len(column.fixed_s) for column in columns), default=1)
        node, medium = np.zeros((5, size, joint.network.size)), np.zeros((size, media))
        late_s, medium_s = np.zeros((rows, size, joint.network.size)), np.zeros((rows, size, media))
        fixed_s = np.zeros((rows, size))
        for number, column in enumerate(columns):
            figures = (column.dynamic_w, column.static_w, column.node_load, column.memory_bytes)
            node[:, number, column.nodes] = [*figures, np.ones(len(column.nodes))]
            medium[number, column.media] = column.medium_load
            for row in range(rows):
                own = min(row, len(column.fixed_s) - 1)
                late_s[row, number, column.nodes] = column.node_s[own]
                medium_s[row, number, column.media] = column.medium_s[own]
                fixed_s[row, number] = column.fixed_s[own]
        none = np.zeros(())
        return cls(
            joint=joint,
            columns=tuple(columns),
            used=node[4],
            memory_bytes=node[3],
            nodes=NodeSegments(node[0], node[1], node[2], late_s),
            media=NodeSegments(none, none, medium, medium_s),
            fixed_s=fixed_s,
            transfer_w=np.array([column.transfer_w for column in columns]),
            most_s=columns[0].most_s if columns else np.inf,
        )

    def costs(self, prices: DualPrices, app: int) -> Floats:
        """(C,) costs that columns are not below at dual prices, in watts; infinite where a queue is unstable.

        Args:
            prices: Dual prices of nodes, memory and media.
            app: Number of the app.
        """
        constant = self.transfer_w + self.used @ prices.use_w[app] + self.memory_bytes @ prices.memory_w_per_byte
        medium_w = np.zeros(self.joint.network.media)
        medium_w[self.joint.media] = prices.media_w
        best = np.full(len(self.columns), -np.inf)
        for row in range(len(self.fixed_s)):
            best = np.maximum(best, self._highest(row, prices.node_w, medium_w))
        return np.asarray(best + constant)

    def _highest(self, row: int, node_w: Floats, medium_w: Floats) -> Floats:
        """(C,) highest Lagrangian values over latency multipliers, of one latency row."""
        free = self._values(row, np.zeros((1, len(self.columns))), node_w, medium_w)[0]
        if not np.isfinite(self.most_s):
            return np.asarray(free)
        scale = np.where(np.isfinite(free), np.maximum(free, 1e-12), 1.0) / self.most_s
        low, high = np.full(len(scale), -_DECADES), np.full(len(scale), _DECADES)
        best, at = free, np.arange(len(scale))
        for _ in range(_REFINEMENTS):
            exponents = np.linspace(low, high, _SIDE)
            values = self._values(row, scale * 10.0**exponents, node_w, medium_w)
            first = values.argmax(axis=0)
            best = np.maximum(best, values[first, at])
            low, high = exponents[np.maximum(first - 1, 0), at], exponents[np.minimum(first + 1, _SIDE - 1), at]
        return np.asarray(best)

    def _values(self, row: int, multiplier_w_per_s: Floats, node_w: Floats, medium_w: Floats) -> Floats:
        """(W, C) Lagrangian values at (W, C) latency multipliers, of one latency row."""
        network, worth = self.joint.network, multiplier_w_per_s[:, :, None]
        nodes = NodeSegments(self.nodes.dynamic_w, self.nodes.static_w, self.nodes.load, self.nodes.late_s[row])
        media = NodeSegments(self.media.dynamic_w, self.media.static_w, self.media.load, self.media.late_s[row])
        one = np.ones(())
        terms = SegmentPrices(worth, node_w, network.slowest, network.fastest, network.max_utilization)
        total = least_cost(nodes, terms).sum(axis=2)
        total += least_cost(media, SegmentPrices(worth, medium_w, one, one, one)).sum(axis=2)
        if np.isfinite(self.most_s):
            total += multiplier_w_per_s * (self.fixed_s[row] - self.most_s)
        return np.asarray(total)

    def least_rates(self) -> tuple[Floats, Floats]:
        """(C, N) and (C, M) rates (share times speed) that a column needs at least."""
        network = self.joint.network
        most = network.max_utilization * network.fastest
        with np.errstate(divide="ignore", invalid="ignore"):
            nodes = self.nodes.load.copy()
            media = self.media.load.copy()
            for late_s, medium_s, fixed_s in zip(self.nodes.late_s, self.media.late_s, self.fixed_s, strict=True):
                quickest = np.where(late_s > 0.0, late_s / most, 0.0)
                left = self.most_s - fixed_s - quickest.sum(axis=1) - medium_s.sum(axis=1)
                for least, each, own in ((nodes, late_s, quickest), (media, medium_s, medium_s)):
                    room = left[:, None] + own
                    asked = np.where(each > 0.0, np.where(room > 0.0, each / room, np.inf), 0.0)
                    np.maximum(least, asked, out=least)
        return nodes, media

    def within(self, allowed: Bools) -> Bools:
        """(C,) whether a column uses allowed nodes (a mask (N,)) alone."""
        return np.asarray(~(self.used[:, ~allowed] > 0.0).any(axis=1))
