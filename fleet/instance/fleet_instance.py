"""A fleet as arrays: classes, pairs of class and link, and the plans of their kinds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.fin.instance.network import Floats, Ints, Network
from planner.fleet.instance.local_network import LocalNetwork
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
