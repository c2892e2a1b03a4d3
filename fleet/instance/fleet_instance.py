"""A fleet as arrays: classes, pairs of class and link, and the plans of their kinds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints, Network
from planner.fleet.instance.local_network import LocalNetwork
from planner.fleet.instance.model_arrays import TOLERANCE
from planner.fleet.instance.resources import Resources
from planner.fleet.plans.kind import Kind, PlanSet
from planner.schemas.fleets.columns import FleetColumns


@dataclass(frozen=True)
class KindPlans:
    """A kind with its plans, and the pairs that are of it."""

    kind: Kind
    plans: PlanSet
    pairs: Ints
    """(n,) pairs of class and link, in ascending order."""
    rows: Ints
    """(n, S - 1 + M) resource that each load of a plan falls on; R (one behind the last) where there is no limit."""
    key: str
    """Hash of what decides the plans."""


@dataclass(frozen=True)
class FleetInstance:
    """C classes, Q pairs of class and link in the order of classes, R resources."""

    columns: FleetColumns
    network: Network
    resources: Resources
    kinds: tuple[KindPlans, ...]
    locals: tuple[LocalNetwork, ...]
    """Distinct local networks, by attach node and destination."""
    first_pair: Ints
    """(C + 1,) pairs of each class."""
    pair_class: Ints
    pair_link: Ints
    """(Q,) link of each pair, as an index into the columns."""
    pair_kind: Ints
    pair_local: Ints
    complete: bool
    """Whether no host and no path is left out for any class."""
    all_plans: bool = True
    """Whether all plans of all kinds are known; else those of some kinds are cut once at most."""

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.columns.count)

    @property
    def count(self) -> Ints:
        """(C,) users of each class."""
        return np.asarray(self.columns.count, dtype=np.int64)

    @property
    def rate_per_s(self) -> Floats:
        """(C,) inferences per second of one user."""
        return np.asarray(self.columns.rate_per_s, dtype=np.float64)

    @cached_property
    def position(self) -> Ints:
        """(Q,) place of each pair among those of its kind."""
        place = np.empty(len(self.pair_kind), dtype=np.int64)
        for each in self.kinds:
            place[each.pairs] = np.arange(len(each.pairs))
        return place

    def ruled_out(self, kind: int, inside: slice = slice(None)) -> Bools:
        """Mark the plans that no user can take: one alone overloads its device, its own link, or what it shares.

        Args:
            kind: Number of the kind.
            inside: Which of its pairs.

        Returns:
            (n, P) mask over pairs and plans.
        """
        each = self.kinds[kind]
        loads = each.plans.loads_s
        rate = self.rate_per_s[self.pair_class[each.pairs[inside]]][:, None]
        found = rate > each.plans.most_rate_per_s * (1.0 + TOLERANCE)
        capacity = np.append(self.resources.capacity, np.inf)[each.rows[inside]] * (1.0 + TOLERANCE)
        heaviest = loads.max(axis=0, initial=0.0)
        for column in np.flatnonzero((rate * heaviest > capacity).any(axis=0)).tolist():
            found |= rate * loads[:, column] > capacity[:, column, None]
        return np.asarray(found, dtype=np.bool_)
