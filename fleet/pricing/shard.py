"""Pricing of a shard of classes at dual prices: for every pair its cheapest plan, by one small product per kind.

A shard holds plain arrays only, so that it can live in another process. What it answers depends on nothing but the
shard and the prices: sums are made in a fixed order, and threads of a linear algebra library are not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.instance.fleet_instance import FleetInstance, KindPlans
from planner.fleet.instance.model_arrays import TOLERANCE

CLASSES_PER_SHARD = 4_096
_ROWS_AT_ONCE = 500_000
_SAMPLES = 256


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
    """Plans that are the best at some of many random prices; the smoothed dual, a heuristic, looks at no others."""
    ruled_out: Bools | None
    """(n, P) plans that the rate of the class rules out, or a resource without capacity; None where there is none."""


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


@dataclass(frozen=True)
class Smoothed:
    """Smoothed cost of every class, and the expected load of every resource in users' inferences per second."""

    class_cost: Floats
    usage: Floats
    """(R + 1,) busy fraction."""


def shard_sizes(classes: int) -> list[int]:
    """Return how many classes each shard has; that does not depend on who prices them."""
    return [min(CLASSES_PER_SHARD, classes - start) for start in range(0, classes, CLASSES_PER_SHARD)]


def shards_of(instance: FleetInstance) -> tuple[Shard, ...]:
    """Split a fleet into shards of classes."""
    ends = np.cumsum([0, *shard_sizes(instance.classes)]).tolist()
    return tuple(_shard(instance, first, last) for first, last in pairwise(ends))


def _shard(instance: FleetInstance, first: int, last: int) -> Shard:
    low, high = int(instance.first_pair[first]), int(instance.first_pair[last])
    blocks = []
    for kind, each in enumerate(instance.kinds):
        inside = slice(*np.searchsorted(each.pairs, [low, high]))
        if inside.stop > inside.start and each.plans.count:
            blocks.append(_block(instance, kind, each, inside, low))
    return Shard(
        first, low, instance.pair_class[low:high] - first, instance.first_pair[first:last] - low, tuple(blocks),
        instance.resources.count,
    )  # fmt: skip


def _block(instance: FleetInstance, kind: int, each: KindPlans, inside: slice, low: int) -> Block:
    pairs, plans = each.pairs[inside], each.plans
    rate = instance.rate_per_s[instance.pair_class[pairs]]
    ruled_out = rate[:, None] > plans.most_rate_per_s[None] * (1.0 + TOLERANCE)
    rows = each.rows[inside]
    closed = np.append(instance.resources.capacity <= 0.0, False)[rows]
    for column in np.flatnonzero(closed.any(axis=0)).tolist():
        ruled_out |= closed[:, column, None] & (plans.loads_s[None, :, column] > 0.0) & (rate > 0.0)[:, None]
    typical = typical_plans(plans.energy_j, plans.loads_s)
    return Block(
        kind, plans.energy_j, plans.loads_s, pairs - low, rows, typical, ruled_out if ruled_out.any() else None
    )


def typical_plans(energy_j: Floats, loads_s: Floats) -> Ints:
    """Return the plans that are the best at some of many random prices, from next to nothing to prohibitive."""
    random = np.random.default_rng(1)
    size = energy_j.max(initial=0.0) / np.maximum(loads_s.max(axis=0, initial=0.0), 1e-300)
    prices = size * 10.0 ** random.uniform(-3.0, 1.0, (_SAMPLES, loads_s.shape[1]))
    prices *= random.random(prices.shape) < 0.7
    prices[0] = 0.0
    cost = energy_j[None] + np.einsum("sk,pk->sp", prices, loads_s)
    return np.unique(cost.argmin(axis=1))


def _costs(shard: Shard, prices: Floats, typical: bool = False) -> Iterator[tuple[Block, slice, Floats]]:
    """Yield (n, P) costs of blocks of pairs; `prices` has one entry more than there are resources, which is 0."""
    for each in shard.blocks:
        block = _only_typical(each) if typical else each
        at_once = max(1, _ROWS_AT_ONCE // max(1, len(block.energy_j)))
        for start in range(0, len(block.pairs), at_once):
            part = slice(start, start + at_once)
            local = prices[block.rows[part]]
            cost = np.repeat(block.energy_j[None], len(local), axis=0)
            for column in range(local.shape[1]):
                if local[:, column].any() and block.loads_s[:, column].any():
                    cost += local[:, column, None] * block.loads_s[None, :, column]
            if block.ruled_out is not None:
                cost[block.ruled_out[part]] = np.inf
            yield block, part, cost


def _only_typical(block: Block) -> Block:
    some = block.typical
    ruled_out = None if block.ruled_out is None else block.ruled_out[:, some]
    return replace(block, energy_j=block.energy_j[some], loads_s=block.loads_s[some], ruled_out=ruled_out)


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
    """Return all plans whose cost is at most `allowed` (per class, joules) beyond the best of their class."""
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


def smooth(shard: Shard, prices: Floats, temperature: Floats, demand: Floats) -> Smoothed:
    """Return the smoothed (soft minimum) cost of every class and its gradient, the expected loads.

    Args:
        shard: The classes.
        prices: (R + 1,) as for `price`.
        temperature: (C,) joules, per class.
        demand: (C,) inferences per second of all users of the class.
    """
    costs = list(_costs(shard, prices, typical=True))
    pair_cost = np.full(len(shard.pair_class), np.inf)
    for block, part, cost in costs:
        pair_cost[block.pairs[part]] = cost.min(axis=1)
    least = _class_least(shard, pair_cost)
    served = np.isfinite(least)
    base = np.where(served, least, 0.0)
    total = np.zeros(shard.classes)
    weights: list[tuple[Block, slice, Floats]] = []
    for block, part, cost in costs:
        owner = shard.pair_class[block.pairs[part]]
        weight = np.exp((base[owner, None] - cost) / temperature[owner, None])
        total += np.bincount(owner, weights=weight.sum(axis=1), minlength=shard.classes)
        weights.append((block, part, weight))
    usage = np.zeros(shard.resources + 1)
    share = np.divide(demand, total, out=np.zeros(shard.classes), where=total > 0.0)
    for block, part, weight in weights:
        owner = shard.pair_class[block.pairs[part]]
        local = np.einsum("np,pk->nk", weight, block.loads_s) * share[owner, None]
        usage += np.bincount(block.rows[part].reshape(-1), weights=local.reshape(-1), minlength=len(usage))
    soft = np.where(served, base - temperature * np.log(np.where(total > 0.0, total, 1.0)), 0.0)
    return Smoothed(soft, usage)
