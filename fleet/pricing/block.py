"""Pairs of a shard that are of one kind: what pricing and the smoothed dual work on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints

_SAMPLES = 256


@dataclass(frozen=True)
class PricedPlans:
    """Figures of the plans of a kind; blocks of one kind in several shards share them."""

    energy_j: Floats
    """(P,)"""
    loads_s: Floats
    """(P, K) busy seconds by local resource."""

    @cached_property
    def typical(self) -> Ints:
        """Plans that are the best at some of many random prices, from next to nothing to prohibitive."""
        if not len(self.energy_j):
            return np.zeros(0, dtype=np.int64)
        random = np.random.default_rng(1)
        size = self.energy_j.max(initial=0.0) / np.maximum(self.loads_s.max(axis=0, initial=0.0), 1e-300)
        prices = size * 10.0 ** random.uniform(-3.0, 1.0, (_SAMPLES, self.loads_s.shape[1]))
        prices *= random.random(prices.shape) < 0.7
        prices[0] = 0.0
        cost = self.energy_j[None] + np.einsum("sk,pk->sp", prices, self.loads_s)
        return np.unique(cost.argmin(axis=1))


@dataclass(frozen=True)
class Block:
    """Pairs of a shard that are of one kind, with the plans of that kind."""

    kind: int
    plans: PricedPlans
    pairs: Ints
    """(n,) pairs of the shard, counted from its first."""
    rows: Ints
    """(n, K) resource of each load; R where there is no limit."""
    ruled_out: Bools | None
    """(n, P) plans that no user of the class can take; None where there is none."""
