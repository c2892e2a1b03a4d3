"""Soft minimum of the cost of every class over its typical plans, and its gradient, by sparse products over one list.

Only plans that are the best at some of many random prices count, some five per pair of class and link. The smoothed
dual is a heuristic for prices to start from; no bound rests on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from planner.fin.instance.network import Floats, Ints
from planner.fleet.pricing.block import Block


@dataclass(frozen=True)
class TypicalPlans:
    """E plans of pairs of a shard of C classes, in the order of classes."""

    classes: int
    owner: Ints
    """(E,) class, counted from the first of the shard."""
    energy_j: Floats
    loads_s: Any
    """(E, R + 1) busy seconds of each resource, a sparse matrix by rows; the last column, no limit, is empty."""
    known: Ints
    """Classes that have a plan here."""
    starts: Ints
    """First plan of each of these."""


@dataclass(frozen=True)
class Smoothed:
    """Smoothed cost of every class, and the expected load of every resource in users' inferences per second."""

    class_cost: Floats
    usage: Floats
    """(R + 1,) busy fraction."""


def typical_plans(blocks: Sequence[Block], pair_class: Ints, classes: int, resources: int) -> TypicalPlans:
    """List the typical plans of a shard, without those that are ruled out, in the order of classes.

    Args:
        blocks: Its pairs by kind.
        pair_class: (Q,) class of each pair.
        classes: Number of classes.
        resources: Number of resources.

    Returns:
        E plans with (E,) energy in joules and (E, R + 1) busy seconds per inference.
    """
    from scipy.sparse import csr_array

    none: Ints = np.zeros(0, dtype=np.int64)
    parts: list[tuple[Ints, Floats, Floats, Ints]] = []
    most = max((block.rows.shape[1] for block in blocks), default=1)
    for block in blocks:
        some = block.plans.typical
        usable = np.ones((len(block.pairs), len(some)), dtype=bool)
        if block.ruled_out is not None:
            usable &= ~block.ruled_out[:, some]
        pair, plan = np.nonzero(usable)
        loads, rows = np.zeros((len(pair), most)), np.full((len(pair), most), resources)
        loads[:, : block.rows.shape[1]] = block.plans.loads_s[some[plan]]
        rows[:, : block.rows.shape[1]] = block.rows[pair]
        parts.append((pair_class[block.pairs[pair]], block.plans.energy_j[some[plan]], loads, rows))
    if not parts:
        return TypicalPlans(classes, none, np.zeros(0), csr_array((0, resources + 1)), none, none)
    owner, energy, loads, rows = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(owner, kind="stable")
    owner, loads, rows = owner[order], loads[order], rows[order]
    counts = (loads > 0.0) & (rows < resources)
    first = np.concatenate([[0], np.cumsum(counts.sum(axis=1))])
    matrix = csr_array((loads[counts], rows[counts], first), shape=(len(owner), resources + 1))
    known, starts = np.unique(owner, return_index=True)
    return TypicalPlans(classes, owner, energy[order], matrix, known, starts)


def smooth(plans: TypicalPlans, prices: Floats, temperature: Floats, demand: Floats) -> Smoothed:
    """Compute the soft minimum of the cost of every class over its typical plans, and its gradient, the expected loads.

    Args:
        plans: Typical plans of a shard of C classes.
        prices: (R + 1,) watts per unit of capacity; the last is 0.
        temperature: (C,) joules, per class.
        demand: (C,) inferences per second of all users of the class.

    Returns:
        (C,) costs in joules per inference, 0 without a plan, and (R + 1,) loads as busy fractions.
    """
    soft = np.zeros(plans.classes)
    if not len(plans.known):
        return Smoothed(soft, np.zeros(len(prices)))
    owner, known = plans.owner, plans.known
    cost = plans.energy_j + plans.loads_s @ prices
    least = np.zeros(plans.classes)
    least[known] = np.minimum.reduceat(cost, plans.starts)
    weight = np.exp((least[owner] - cost) / temperature[owner])
    total = np.add.reduceat(weight, plans.starts)
    share = np.zeros(plans.classes)
    share[known] = demand[known] / total
    soft[known] = least[known] - temperature[known] * np.log(total)
    return Smoothed(soft, plans.loads_s.T @ (weight * share[owner]))
