"""Baseline `pop`: users split at random into parts, each with an equal part of all capacity, planned on their own.

Source: D. Narayanan et al., "Solving Large-Scale Granular Resource Allocation Problems Efficiently with POP", SOSP
2021.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats, Ints
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.method import FleetOptions, FleetOutcome, Solution
from planner.fleet.outcomes import Bounded, heuristic_outcome
from planner.fleet.rounding.rounding import placed, placed_at_rising_prices
from planner.fleet.rounding.state import WholeUsers
from planner.fleet.solve import bound_of_placed, plan_part


class RandomPartition:
    """Parts planned by column generation and rounding; what no part could place is placed at the end."""

    name = "pop"
    description = "random partition of users and capacity, each part planned on its own (POP)"

    def solve(self, instance: FleetInstance, options: FleetOptions) -> FleetOutcome:
        """Plan the fleet; the bound is the Lagrangian one at the mean prices of all parts."""
        began = time.perf_counter()
        deadline = Deadline.after(options.time_limit_s)
        states: list[WholeUsers] = []
        prices: list[Floats] = []
        for counts in _split(instance.count, options.parts, options.seed):
            part = replace(
                instance,
                columns=replace(instance.columns, count=counts),
                resources=replace(instance.resources, capacity=instance.resources.capacity / options.parts),
            )
            state, found = plan_part(part, options, deadline)
            states.append(state)
            prices.append(found)
        mean = np.asarray(np.mean(prices, axis=0), dtype=np.float64)
        state = placed_at_rising_prices(_merged(instance, states), mean, deadline, options.latest)
        bound = bound_of_placed(instance, mean, state.waiting)
        return heuristic_outcome(instance, options, state, Bounded(bound, mean), time.perf_counter() - began)


def _split(count: Ints, parts: int, seed: int) -> list[Ints]:
    """Split the users of every class at random into parts of about equal size."""
    random = np.random.default_rng(seed)
    shares = random.multinomial(count, np.full(parts, 1.0 / parts))
    return [np.ascontiguousarray(shares[:, part]).astype(np.int64) for part in range(parts)]


def _merged(instance: FleetInstance, states: list[WholeUsers]) -> WholeUsers:
    """Return the users of all parts in one state."""
    first = states[0].solution()
    none = np.zeros(0, dtype=np.int64)
    whole = WholeUsers(instance, states[0].columns.take(np.zeros(states[0].columns.count, dtype=bool)), none, none)
    waiting = np.zeros(instance.classes, dtype=np.int64)
    solutions: list[Solution] = [first, *(state.solution() for state in states[1:])]
    for each in solutions:
        waiting += each.unserved
    pair, plan, users = (
        np.concatenate([getattr(each, name) for each in solutions]) for name in ("pair", "plan", "users")
    )
    return placed(whole, pair, plan, users.tolist(), waiting)
