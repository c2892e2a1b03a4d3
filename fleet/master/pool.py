"""Columns: a pair of class and link with one of its plans, and what they cost and load."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.instance.fleet_instance import FleetInstance


@dataclass(frozen=True)
class Columns:
    """n columns, in the order of pair and plan; figures are per inference."""

    pair: Ints
    plan: Ints
    owner: Ints
    """(n,) class."""
    energy_j: Floats
    load_column: Ints
    """Column of each entry of a load."""
    load_row: Ints
    """Resource of each entry."""
    load_s: Floats
    """Busy seconds of each entry."""

    @property
    def count(self) -> int:
        """Number of columns."""
        return len(self.pair)

    def take(self, kept: Bools) -> Columns:
        """Return the columns of a mask."""
        number = np.cumsum(kept) - 1
        entries = kept[self.load_column]
        return Columns(
            self.pair[kept], self.plan[kept], self.owner[kept], self.energy_j[kept],
            number[self.load_column[entries]], self.load_row[entries], self.load_s[entries],
        )  # fmt: skip

    def load_of(self, weight: Floats, resources: int) -> Floats:
        """(R,) load of all resources where each column runs `weight` inferences per second."""
        values = weight[self.load_column] * self.load_s
        return np.asarray(np.bincount(self.load_row, weights=values, minlength=resources)[:resources], np.float64)

    def cost_at(self, prices: Floats) -> Floats:
        """(n,) cost of an inference at (R,) prices, in joules."""
        values = prices[self.load_row] * self.load_s
        return self.energy_j + np.bincount(self.load_column, weights=values, minlength=self.count)


def columns_of(instance: FleetInstance, pair: Ints, plan: Ints) -> Columns:
    """Make distinct columns of pairs and plans, with their figures.

    Args:
        instance: The fleet.
        pair: (n,) pairs of class and link; those with the same plan twice count once.
        plan: (n,) plan of each.

    Returns:
        At most n columns in the order of pair and plan; energy in joules and busy seconds, both per inference.
    """
    most = 1 + max((each.plans.count for each in instance.kinds), default=1)
    keys = np.unique(pair * most + plan)
    pair, plan = keys // most, keys % most
    energy = np.zeros(len(pair))
    entries: list[tuple[Ints, Ints, Floats]] = []
    kind, place = instance.pair_kind[pair], instance.position[pair]
    for number in np.unique(kind):
        here = np.flatnonzero(kind == number)
        each = instance.kinds[number]
        energy[here] = each.plans.energy_j[plan[here]]
        loads, rows = each.plans.loads_s[plan[here]], each.rows[place[here]]
        column, local = np.nonzero((loads > 0.0) & (rows < instance.resources.count))
        entries.append((here[column], rows[column, local], loads[column, local]))
    joined = [np.concatenate(parts) for parts in zip(*entries, strict=True)] if entries else [keys, keys, energy]
    order = np.argsort(joined[0], kind="stable")
    owner = instance.pair_class[pair]
    return Columns(pair, plan, owner, energy, joined[0][order], joined[1][order], joined[2][order])


def merged(instance: FleetInstance, first: Columns, pair: Ints, plan: Ints) -> Columns:
    """Add columns to those known; what stands twice counts once.

    Args:
        instance: The fleet.
        first: Columns known.
        pair: (n,) pairs of the others.
        plan: (n,) plan of each.

    Returns:
        The columns of both, in the order of pair and plan.
    """
    return columns_of(instance, np.concatenate([first.pair, pair]), np.concatenate([first.plan, plan]))
