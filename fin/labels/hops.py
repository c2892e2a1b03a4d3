"""Hops of transfers: links one behind the other, kept as a tree that leads back to where each path began."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from planner.fin.instance.network import Ints


@dataclass
class Hops:
    """Hops of the transfers into one layer, as they are made."""

    node: list[Ints] = field(default_factory=list)
    """Node that each hop leads to."""
    before: list[Ints] = field(default_factory=list)
    """Hop before each one, -1 at the first."""
    count: int = 0

    def add(self, node: Ints, before: Ints) -> Ints:
        """Note some hops; return their indices."""
        self.node.append(node)
        self.before.append(before)
        first, self.count = self.count, self.count + len(node)
        return np.arange(first, self.count)

    def relays(self, last: int) -> list[int]:
        """Return the nodes between the two ends of a transfer, the last one first."""
        passed: list[int] = []
        if last < 0:
            return passed
        if len(self.node) > 1:
            self.node, self.before = [np.concatenate(self.node)], [np.concatenate(self.before)]
        node, before = self.node[0], self.before[0]
        while last >= 0 and (last := int(before[last])) >= 0:
            passed.append(int(node[last]))
        return passed
