"""Pairs of a shard that are of one kind: what pricing and the smoothed dual work on."""

from __future__ import annotations

from dataclasses import dataclass

from planner.fin.instance.network import Bools, Floats, Ints


@dataclass(frozen=True)
class Block:
    """Pairs of a shard that are of one kind, with the plans of that kind."""

    kind: int
    energy_j: Floats
    """(P,)"""
    loads_s: Floats
    """(P, K) busy seconds by local resource."""
    pairs: Ints
    """(n,) pairs of the shard, counted from its first."""
    rows: Ints
    """(n, K) resource of each load; R where there is no limit."""
    typical: Ints
    """Plans that are the best at some of many random prices."""
    ruled_out: Bools | None
    """(n, P) plans that no user of the class can take; None where there is none."""
