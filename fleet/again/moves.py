"""Users whose plan changes: counted by class against the plans of before, and limited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from planner.fin.instance.network import Ints
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.method import Before, Solution
from planner.schemas.fleets.placement import Change

Group = tuple[int, int, int]
"""Pair, plan, users."""


@dataclass(frozen=True)
class Plans:
    """Users by plan of every class before, and how many each class has now."""

    users: Mapping[int, Mapping[tuple[int, int], int]]
    lost: Ints
    count: Ints

    @classmethod
    def of(cls, instance: FleetInstance, before: Before) -> Plans:
        """Return the plans of a solution by class."""
        was = before.solution
        users: dict[int, dict[tuple[int, int], int]] = {}
        parts = (instance.pair_class[was.pair], was.pair, was.plan, was.users)
        for owner, pair, plan, number in zip(*(part.tolist() for part in parts), strict=True):
            users.setdefault(owner, {})[pair, plan] = number
        return cls(users, before.lost, instance.count)

    def held(self, owner: int) -> int:
        """Return how many users a class had."""
        return sum(self.users.get(owner, {}).values()) + int(self.lost[owner])

    def moved(self, owner: int, groups: Sequence[Group], waiting: int) -> int:
        """Count the users of a class who have another plan; who is gone or has no plan has not moved.

        `change_of` counts all classes at once by the same rule.

        Args:
            owner: The class.
            groups: Its groups now.
            waiting: Its users without a plan now.

        Returns:
            The number of users.
        """
        now = {(pair, plan): users for pair, plan, users in groups}
        was = self.users.get(owner, {})
        left = sum(max(0, users - now.get(key, 0)) for key, users in was.items()) + int(self.lost[owner])
        held, count = self.held(owner), int(self.count[owner])
        gone, new = max(0, held - count), max(0, count - held)
        return max(0, left - gone - max(0, waiting - new))


@dataclass
class MoveBudget:
    """Moves so far of every class, and how many there may be in all."""

    plans: Plans
    most: int
    moved: Ints

    @classmethod
    def of(cls, plans: Plans, most: int, groups: Mapping[int, Sequence[Group]], waiting: Ints) -> MoveBudget:
        """Begin from groups; moves that these need are allowed in any case.

        Args:
            plans: Plans of before.
            most: Users that may move at most.
            groups: Groups of every class now.
            waiting: (C,) users without a plan now.

        Returns:
            The budget, which is never below what these groups take.
        """
        moved = np.array(
            [plans.moved(owner, groups.get(owner, ()), int(waiting[owner])) for owner in range(len(waiting))],
            dtype=np.int64,
        )
        return cls(plans, max(most, int(moved.sum())), moved)

    def take(self, groups: Mapping[int, Sequence[Group]], waiting: Ints) -> bool:
        """Count the moves of new groups of some classes; False, and nothing is counted, where they are too many."""
        new = {owner: self.plans.moved(owner, each, int(waiting[owner])) for owner, each in groups.items()}
        old = sum(int(self.moved[owner]) for owner in new)
        if int(self.moved.sum()) - old + sum(new.values()) > self.most:
            return False
        for owner, number in new.items():
            self.moved[owner] = number
        return True


def groups_of(instance: FleetInstance, solution: Solution) -> dict[int, list[Group]]:
    """Return the groups of a solution by class."""
    groups: dict[int, list[Group]] = {}
    parts = (instance.pair_class[solution.pair], solution.pair, solution.plan, solution.users)
    for owner, pair, plan, users in zip(*(part.tolist() for part in parts), strict=True):
        groups.setdefault(owner, []).append((pair, plan, users))
    return groups


def change_of(instance: FleetInstance, before: Before, solution: Solution) -> Change:
    """Count users whose plan is another than before, who are new, and who are gone.

    Args:
        instance: The fleet as it is now.
        before: The placement to plan again from.
        solution: Users with plans now.

    Returns:
        The three counts.
    """
    was, count = before.solution, instance.count
    most = 1 + int(max(was.plan.max(initial=0), solution.plan.max(initial=0)))
    _, old, now = np.intersect1d(was.pair * most + was.plan, solution.pair * most + solution.plan, return_indices=True)
    kept = np.zeros(len(was.pair), dtype=np.int64)
    kept[old] = solution.users[now]
    held, left = before.lost.copy(), before.lost.copy()
    np.add.at(held, instance.pair_class[was.pair], was.users)
    np.add.at(left, instance.pair_class[was.pair], np.maximum(0, was.users - kept))
    gone, new = np.maximum(0, held - count), np.maximum(0, count - held)
    moved = np.maximum(0, left - gone - np.maximum(0, solution.unserved - new))
    return Change(moved=int(moved.sum()), new=int(new.sum()), gone=int(gone.sum()) + before.gone)
