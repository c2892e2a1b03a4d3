"""Baselines `nearest` and `cheapest`: users take plans one class after the other, while capacity lasts."""

from __future__ import annotations

import time

import numpy as np

from planner.fin.instance.network import Ints
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.pool import columns_of
from planner.fleet.method import FleetOptions, FleetOutcome
from planner.fleet.outcomes import Bounded, heuristic_outcome
from planner.fleet.rounding.rounding import Placer
from planner.fleet.rounding.state import WholeUsers
from planner.fleet.solve import bound_at


class _Greedy:
    """Users in the order of their rates, each with the first plan that fits."""

    name = ""
    description = ""

    def solve(self, instance: FleetInstance, options: FleetOptions) -> FleetOutcome:
        """Plan the fleet; the bound is that of free capacity."""
        began = time.perf_counter()
        none = np.zeros(0, dtype=np.int64)
        state = WholeUsers(instance, columns_of(instance, none, none), none.copy(), instance.count.copy())
        free = np.zeros(instance.resources.count)
        state = Placer(state, free, self._rank(instance)).place_all(options.latest)
        spent_s = time.perf_counter() - began
        return heuristic_outcome(instance, options, state, Bounded(bound_at(instance, free), free), spent_s)

    def _rank(self, instance: FleetInstance) -> Ints | None:
        raise NotImplementedError


class Nearest(_Greedy):
    """Every user at the node of its fastest link, while capacity lasts there."""

    name = "nearest"
    description = "every user at its nearest node (fastest link), with the plan of least energy that fits there"

    def _rank(self, instance: FleetInstance) -> Ints | None:
        """Rank the links of each class by their rate."""
        rate = np.asarray(instance.columns.link_bit_per_s)[instance.pair_link]
        order = np.lexsort((np.arange(len(rate)), -rate, instance.pair_class))
        rank = np.empty(len(rate), dtype=np.int64)
        rank[order] = np.arange(len(rate)) - instance.first_pair[instance.pair_class]
        return rank


class Cheapest(_Greedy):
    """Every user with its plan of least energy, while capacity lasts."""

    name = "cheapest"
    description = "every user with the plan of least energy that fits, over all nodes it may attach to"

    def _rank(self, instance: FleetInstance) -> Ints | None:
        """Rank nothing: energy alone counts."""
        return None
