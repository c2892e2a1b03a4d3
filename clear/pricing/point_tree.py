"""Relaxation tree of operating points: inner nodes are envelopes, which cost no more than any point below them.

Designed points come by the hundred and differ little. Whatever the prices, a plan of a point costs at least what the
same plan costs with an envelope, because every cost grows with the powers, loads, times and weights that envelopes take
the least of. So whole groups of points are settled by one bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from planner.clear.pricing.app_arrays import AppArrays
from planner.fin.instance.network import Floats, Ints

_LEAST = (
    "dynamic_w", "static_w", "load", "late_s", "memory_bytes", "working_bytes", "param_uses", "carry_weight",
    "carry_late", "result_bits", "result_weight", "result_late", "point_w",
)  # fmt: skip
"""Fields of stages of which an envelope holds the least."""


@dataclass(frozen=True, eq=False)
class PointTree:
    """K operating points (rows 0..K-1) and K - 1 envelopes behind them."""

    stages: AppArrays
    """Of all rows: (2 K - 1, ...) arrays."""
    points: int
    children: Ints
    """(2 K - 1, 2) rows below each row, -1 for points."""
    parent: Ints
    """(2 K - 1,) row above each row, -1 for the root."""

    @property
    def root(self) -> int:
        """Row of the envelope of all points; the only point where there is one."""
        return len(self.children) - 1

    def two_below(self, row: int) -> Ints:
        """Return the rows two levels below an envelope; a child that is a point itself."""
        found = [self.children[child] if child >= self.points else [child] for child in self.children[row].tolist()]
        return np.concatenate(found).astype(np.int64)


def point_tree(stages: AppArrays) -> PointTree:
    """Halve the points along what differs most, again and again."""
    count = len(stages.depth)
    features = _features(stages)
    children: list[tuple[int, int]] = [(-1, -1)] * count

    def grow(rows: Ints) -> int:
        if len(rows) == 1:
            return int(rows[0])
        widest = int(np.ptp(features[rows], axis=0).argmax())
        ordered = rows[np.argsort(features[rows, widest], kind="stable")]
        half = len(rows) // 2
        children.append((grow(ordered[:half]), grow(ordered[half:])))
        return len(children) - 1

    grow(np.arange(count))
    below = np.array(children, dtype=np.int64)
    parent = np.full(len(below), -1, dtype=np.int64)
    parent[below[count:].ravel()] = np.repeat(np.arange(count, len(below)), 2)
    return PointTree(_with_envelopes(stages, below, count), count, below, parent)


def _features(stages: AppArrays) -> Floats:
    """(K, 2 D) loads and times that count of each block, on the mean node, in proportion to the largest sums."""
    parts = [stages.load.mean(axis=2), stages.late_s.mean(axis=2)]
    return np.concatenate([part / max(float(part.sum(axis=1).max()), 1e-300) for part in parts], axis=1)


def _with_envelopes(stages: AppArrays, children: Ints, count: int) -> AppArrays:
    """Return the stages with rows of envelopes added; children stand before their parents."""
    fields: dict[str, Any] = {
        name: _room(getattr(stages, name), len(children)) for name in (*_LEAST, "allowed", "depth")
    }
    for row in range(count, len(children)):
        left, right = children[row]
        for name in _LEAST:
            np.minimum(fields[name][left], fields[name][right], out=fields[name][row])
        fields["allowed"][row] = fields["allowed"][left] | fields["allowed"][right]
        # what a shallow point does not deploy costs nothing in the envelope, so the deeper point sets the depth
        fields["depth"][row] = max(fields["depth"][left], fields["depth"][right])
    return replace(stages, **fields)


def _room(values: Floats, rows: int) -> Floats:
    more = np.zeros((rows - len(values), *values.shape[1:]), dtype=values.dtype)
    return np.concatenate([values, more])
