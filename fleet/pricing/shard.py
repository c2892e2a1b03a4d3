"""Pricing of a shard of classes at dual prices: for every pair its cheapest plan, by one small product per kind.

A shard holds plain arrays only, so that it can live in another process. What it answers depends on nothing but the
shard and the prices: sums have a fixed order, and products are too small for threads of a linear algebra library.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from planner.fin.instance.network import Floats, Ints
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.pricing.block import Block, PricedPlans
from planner.fleet.pricing.soft_minimum import TypicalPlans, typical_plans

CLASSES_PER_SHARD = 4_096
_PRODUCTS_AT_ONCE = 250_000
"""Multiplications of one matrix product: so few stay in the cache, and in one thread of the linear algebra library
(OpenBLAS uses several from 262,144 on), so that answers do not depend on the number of its threads."""


@dataclass(frozen=True)
class Shard:
    """Classes `first_class` to `first_class + C - 1` and their Q pairs."""

    first_class: int
    first_pair: int
    pair_class: Ints
    """(Q,) class of each pair, counted from the first of the shard."""
    starts: Ints
    """(C,) first pair of each class, counted from the first of the shard."""
    blocks: tuple[Block, ...]
    resources: int

    @cached_property
    def typical(self) -> TypicalPlans:
        """What the smoothed dual looks at; plans again from good prices do without."""
        return typical_plans(self.blocks, self.pair_class, self.classes, self.resources)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.starts)


@dataclass(frozen=True)
class Priced:
    """The cheapest plan of every pair at given prices; costs per inference in joules, infinite without a plan."""

    pair_cost: Floats
    pair_plan: Ints
    class_cost: Floats


@dataclass(frozen=True)
class NearPlans:
    """Plans that cost little more than the best of their class."""

    pair: Ints
    plan: Ints
    excess: Floats
    """Cost beyond the best of the class, in joules per inference."""


def shard_sizes(classes: int) -> list[int]:
    """Return how many classes each shard has; that does not depend on who prices them."""
    return [min(CLASSES_PER_SHARD, classes - start) for start in range(0, classes, CLASSES_PER_SHARD)]


def shards_of(instance: FleetInstance) -> tuple[Shard, ...]:
    """Split a fleet into shards of classes."""
    ends = np.cumsum([0, *shard_sizes(instance.classes)]).tolist()
    plans = [PricedPlans(each.plans.energy_j, each.plans.loads_s) for each in instance.kinds]
    return tuple(_shard(instance, plans, first, last) for first, last in pairwise(ends))


def _shard(instance: FleetInstance, plans: list[PricedPlans], first: int, last: int) -> Shard:
    low, high = int(instance.first_pair[first]), int(instance.first_pair[last])
    blocks = []
    for kind, each in enumerate(instance.kinds):
        inside = slice(*np.searchsorted(each.pairs, [low, high]))
        if inside.stop > inside.start and each.plans.count:
            blocks.append(_block(instance, kind, plans[kind], inside, low))
    owner = instance.pair_class[low:high] - first
    return Shard(first, low, owner, instance.first_pair[first:last] - low, tuple(blocks), instance.resources.count)


def _block(instance: FleetInstance, kind: int, plans: PricedPlans, inside: slice, low: int) -> Block:
    each, ruled_out = instance.kinds[kind], instance.ruled_out(kind, inside)
    return Block(kind, plans, each.pairs[inside] - low, each.rows[inside], ruled_out if ruled_out.any() else None)


def _costs(shard: Shard, prices: Floats) -> Iterator[tuple[Block, slice, Floats]]:
    """Yield (n, P) costs of blocks of pairs; `prices` has one entry more than there are resources, which is 0."""
    for block in shard.blocks:
        loads = np.ascontiguousarray(block.plans.loads_s.T)
        at_once = max(1, _PRODUCTS_AT_ONCE // max(1, loads.size))
        for start in range(0, len(block.pairs), at_once):
            part = slice(start, start + at_once)
            cost = prices[block.rows[part]] @ loads
            cost += block.plans.energy_j
            if block.ruled_out is not None:
                cost[block.ruled_out[part]] = np.inf
            yield block, part, cost


def _class_least(shard: Shard, pair_cost: Floats) -> Floats:
    if not len(shard.starts):
        return np.zeros(0)
    return np.asarray(np.minimum.reduceat(pair_cost, shard.starts), dtype=np.float64)


def price(shard: Shard, prices: Floats) -> Priced:
    """Return the cheapest plan of every pair.

    Args:
        shard: The classes.
        prices: (R + 1,) watts per unit of capacity; the last is 0.
    """
    pair_cost = np.full(len(shard.pair_class), np.inf)
    pair_plan = np.full(len(shard.pair_class), -1, dtype=np.int64)
    for block, part, cost in _costs(shard, prices):
        best = cost.argmin(axis=1)
        pairs = block.pairs[part]
        pair_plan[pairs], pair_cost[pairs] = best, cost[np.arange(len(best)), best]
    return Priced(pair_cost, pair_plan, _class_least(shard, pair_cost))


def near_plans(shard: Shard, prices: Floats, class_cost: Floats, allowed: Floats) -> NearPlans:
    """Find all plans whose cost is at most `allowed` (per class, joules) beyond the best of their class.

    Args:
        shard: The classes.
        prices: (R + 1,) watts per unit of capacity; the last is 0.
        class_cost: (C,) least cost of each class, in joules.
        allowed: (C,) how much more a plan may cost, in joules.

    Returns:
        Pairs, counted in the fleet, and plans in their order, with the cost beyond the best of the class in joules per
        inference.
    """
    found: list[tuple[Ints, Ints, Floats]] = []
    for block, part, cost in _costs(shard, prices):
        pairs = block.pairs[part]
        owner = shard.pair_class[pairs]
        excess = cost - class_cost[owner, None]
        row, plan = np.nonzero(excess <= allowed[owner, None])
        found.append((pairs[row] + shard.first_pair, plan, excess[row, plan]))
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return NearPlans(none, none, np.zeros(0))
    pair, plan, excess = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((plan, pair))
    return NearPlans(pair[order], plan[order], excess[order])
