"""Memory of node segments (contiguous blocks on one node): by sums, running maxima and unions over their blocks.

A segment holds the parameters and states of its blocks, the largest of their working memories, and each named
parameter that any of them uses once. Prices charge of named parameters the part that an app holds if all others that
may share them do; room is compared with the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.clear.pricing.app_arrays import AppArrays
from planner.fin.instance.network import Floats, Ints


@dataclass(frozen=True, eq=False)
class SegmentMemory:
    """What the segments of one app hold."""

    sums: Floats
    """(K, D + 1) parameters and states of the blocks before each, in bytes."""
    stages: AppArrays

    @classmethod
    def of(cls, stages: AppArrays) -> SegmentMemory:
        """Sum up the blocks of every row."""
        sums = np.zeros((len(stages.depth), stages.memory_bytes.shape[1] + 1))
        np.cumsum(stages.memory_bytes, axis=1, out=sums[:, 1:])
        return cls(sums, stages)

    @property
    def is_sum(self) -> bool:
        """Whether there is no more to it than sums over blocks."""
        return len(self.stages.param_bytes) == 0 and not self.stages.working_bytes.any()

    def held(self, rows: Ints, first: Ints, last: Ints) -> tuple[Floats, Floats]:
        """Return what segments hold, as prices charge it and as room is needed.

        Args:
            rows: (R,) operating points, or envelopes of them.
            first: (V,) first block of each segment.
            last: (V,) its last block.

        Returns:
            (R, V) bytes that prices charge, and (R, V) bytes that the segment alone needs.
        """
        own = self.sums[rows]
        held = own[:, last + 1] - own[:, first]
        if self.is_sum:
            return held, held
        held = held + self._working(rows, first, last)
        counts = np.zeros((len(rows), own.shape[1], len(self.stages.param_bytes)), dtype=np.int64)
        np.cumsum(self.stages.param_uses[rows], axis=1, out=counts[:, 1:])
        uses = counts[:, last + 1] > counts[:, first]
        return held + uses @ self.stages.param_part_bytes, held + uses @ self.stages.param_bytes

    def _working(self, rows: Ints, first: Ints, last: Ints) -> Floats:
        """(R, V) largest working memory of a block of each segment."""
        working = self.stages.working_bytes[rows]
        blocks = np.arange(working.shape[1])
        from_first = np.where(blocks >= blocks[:, None], working[:, None], 0.0)
        return np.asarray(np.maximum.accumulate(from_first, axis=2)[:, first, last])
