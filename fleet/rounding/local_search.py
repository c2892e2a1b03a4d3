"""Large neighbourhood search over whole users: which classes to plan anew, one neighbourhood after the other.

A neighbourhood is a class with the classes that load the same scarce resources (Shaw, CP 1998), and the plans of least
cost at the dual prices. Waiting users are placed first. Then the classes go that spend most beyond the dual bound: the
gap is the sum of reduced costs over all users, and of prices over free capacity, so these are where it can shrink.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats, Ints
from planner.fleet.again.moves import Group, MoveBudget
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.instance.model_arrays import TOLERANCE
from planner.fleet.master.pool import columns_of
from planner.fleet.rounding.neighbourhood import reoptimised
from planner.fleet.rounding.state import WholeUsers

_SIZES = (4, 8, 16, 64)
"""Classes of a neighbourhood; larger ones where users still wait."""
_PLANS_PER_PAIR = 4
_NODES = 5
_LIMIT_S = 5.0
_ROUNDS = 150
"""Neighbourhoods tried at most to shrink the gap."""
_STALE = 40
"""Neighbourhoods in a row without a gain after which the search ends."""
_GAP = 1e-4


@dataclass
class LocalSearch:
    """Whole users by class, changed by one neighbourhood after the other."""

    instance: FleetInstance
    prices: Floats
    """(R,) watts per unit of capacity."""
    penalty_w: float
    deadline: Deadline
    groups: dict[int, list[Group]]
    waiting: Ints
    load: Floats
    """(R,) load of all users."""
    budget: MoveBudget | None
    """How many users of before may move; None where that does not count."""
    _row_start: Ints
    _row_classes: Ints
    _plans: dict[int, tuple[Ints, Ints]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, state: WholeUsers, prices: Floats, penalty_w: float, deadline: Deadline, budget: MoveBudget | None = None
    ) -> LocalSearch:
        """Begin from whole users.

        Args:
            state: Users now.
            prices: (R,) watts per unit of capacity.
            penalty_w: Cost of a user without a plan, in watts.
            deadline: When to stop.
            budget: How many users may move; None where that does not count.

        Returns:
            The search.
        """
        columns, groups = state.columns, dict[int, list[Group]]()
        taken = np.flatnonzero(state.users > 0)
        parts = (columns.owner, columns.pair, columns.plan, state.users)
        for owner, pair, plan, users in zip(*(part[taken].tolist() for part in parts), strict=True):
            groups.setdefault(owner, []).append((pair, plan, users))
        used = (state.users > 0)[columns.load_column]
        row, owner = columns.load_row[used], columns.owner[columns.load_column[used]]
        order = np.lexsort((owner, row))
        start = np.searchsorted(row[order], np.arange(state.instance.resources.count + 1))
        return cls(
            state.instance,
            prices,
            penalty_w,
            deadline,
            groups,
            state.waiting.copy(),
            state.load,
            budget,
            start,
            owner[order],
        )

    def state(self) -> WholeUsers:
        """Return the users as they are now."""
        flat = [group for owner in sorted(self.groups) for group in self.groups[owner]]
        table = np.array(flat, dtype=np.int64).reshape(-1, 3)
        columns = columns_of(self.instance, table[:, 0], table[:, 1])
        order = np.lexsort((table[:, 1], table[:, 0]))
        return WholeUsers(self.instance, columns, table[order, 2], self.waiting.copy())

    def place_waiting(self) -> None:
        """Place waiting users, in growing neighbourhoods."""
        for size in _SIZES:
            for owner in np.flatnonzero(self.waiting).tolist():
                if self.waiting[owner] and not self.deadline.expired:
                    self._reoptimise(self._neighbourhood(owner, size))

    def shrink(self, excess_w: float) -> None:
        """Reduce the sum of costs by `excess_w`, or as far as the search leads.

        Args:
            excess_w: Watts by which users may cost less for all that is proved; the search ends when they are saved.
        """
        saved, stale = 0.0, 0
        order = self._by_excess()
        for number in range(min(_ROUNDS, 4 * len(order))):
            if saved >= excess_w or stale >= _STALE or self.deadline.expired:
                break
            owner = int(order[number % len(order)])
            gain = self._reoptimise(self._neighbourhood(owner, _SIZES[min(1 + number // len(order), 2)]))
            saved, stale = saved + gain, 0 if gain > _GAP * excess_w else stale + 1

    def _by_excess(self) -> Ints:
        """Return classes in the order of what their users cost beyond the cheapest plan at the prices."""
        prices = np.append(self.prices, 0.0)
        excess = np.zeros(self.instance.classes)
        for owner, groups in self.groups.items():
            pairs, plans = self._candidates(owner)
            least = min(self._cost(pair, plan, prices) for pair, plan in zip(pairs[:1], plans[:1], strict=True))
            spent = sum(users * (self._cost(pair, plan, prices) - least) for pair, plan, users in groups)
            excess[owner] = float(self.instance.rate_per_s[owner]) * spent
        order = np.argsort(-excess, kind="stable")
        return np.asarray(order[: int((excess > 0.0).sum())], dtype=np.int64)

    def _cost(self, pair: int, plan: int, prices: Floats) -> float:
        each = self.instance.kinds[self.instance.pair_kind[pair]]
        rows = each.rows[self.instance.position[pair]]
        return float(each.plans.energy_j[plan] + each.plans.loads_s[plan] @ prices[rows])

    def _candidates(self, owner: int) -> tuple[Ints, Ints]:
        """Return the cheapest plans of every pair of a class at the prices, the cheapest of all first."""
        if owner in self._plans:
            return self._plans[owner]
        instance, prices = self.instance, np.append(self.prices, 0.0)
        rate = float(instance.rate_per_s[owner])
        found: list[tuple[Ints, Ints, Floats]] = []
        for pair in range(int(instance.first_pair[owner]), int(instance.first_pair[owner + 1])):
            each = instance.kinds[instance.pair_kind[pair]]
            if not each.plans.count:
                continue
            rows = each.rows[instance.position[pair]]
            cost = each.plans.energy_j + each.plans.loads_s @ prices[rows]
            usable = np.flatnonzero(rate <= each.plans.most_rate_per_s * (1.0 + TOLERANCE))
            best = usable[np.argsort(cost[usable], kind="stable")[:_PLANS_PER_PAIR]]
            found.append((np.full(len(best), pair), best, cost[best]))
        none = np.zeros(0, dtype=np.int64)
        pairs = np.concatenate([none, *(part[0] for part in found)])
        plans = np.concatenate([none, *(part[1] for part in found)])
        order = np.argsort(np.concatenate([np.zeros(0), *(part[2] for part in found)]), kind="stable")
        self._plans[owner] = (pairs[order], plans[order])
        return self._plans[owner]

    def _neighbourhood(self, owner: int, size: int) -> Ints:
        """Return a class with others that load the resources it could use; a seed of its own chooses among many."""
        instance = self.instance
        rows: set[int] = set()
        for pair in range(int(instance.first_pair[owner]), int(instance.first_pair[owner + 1])):
            each = instance.kinds[instance.pair_kind[pair]]
            rows.update(each.rows[instance.position[pair]].tolist())
        capacity = instance.resources.capacity
        scarce = [
            row for row in sorted(rows)
            if row < len(capacity) and self.load[row] > 0.9 * capacity[row] and capacity[row] > 0.0
        ]  # fmt: skip
        parts = [self._row_classes[self._row_start[row] : self._row_start[row + 1]] for row in scarce]
        beside = [np.unique(part[part != owner]) for part in parts]
        random = np.random.default_rng(owner)
        chosen: list[Ints] = [np.array([owner], dtype=np.int64)]
        for part in beside:
            most = max(1, (size - 1) // max(1, len(beside)))
            chosen.append(part if len(part) <= most else random.choice(part, most, replace=False))
        return np.unique(np.concatenate(chosen))

    def _reoptimise(self, classes: Ints) -> float:
        """Plan some classes anew with all others fixed; return the watts saved, penalties included."""
        instance = self.instance
        old = [group for owner in classes.tolist() for group in self.groups.get(owner, [])]
        now = np.array(old, dtype=np.int64).reshape(-1, 3)
        candidates = [self._candidates(owner) for owner in classes.tolist()]
        pairs = np.concatenate([now[:, 0], *(pair for pair, _ in candidates)])
        plans = np.concatenate([now[:, 1], *(plan for _, plan in candidates)])
        columns = columns_of(instance, pairs, plans)
        users = np.zeros(columns.count, dtype=np.int64)
        most = 1 + int(columns.plan.max(initial=0))
        users[np.searchsorted(columns.pair * most + columns.plan, now[:, 0] * most + now[:, 1])] = now[:, 2]
        chosen = np.zeros(instance.classes, dtype=bool)
        chosen[classes] = True
        own = columns.load_of(instance.rate_per_s[columns.owner] * users, instance.resources.count)
        room = instance.resources.capacity * (1.0 + TOLERANCE / 2.0) - (self.load - own)
        room = np.maximum(room, own) / (1.0 + TOLERANCE / 2.0)
        inside = replace(instance, resources=replace(instance.resources, capacity=room))
        before = WholeUsers(inside, columns, users, np.where(chosen, self.waiting, 0))
        after, _ = reoptimised(
            before, chosen, self.penalty_w, seconds=min(_LIMIT_S, self.deadline.remaining_s), nodes=_NODES, gap=_GAP
        )
        if after is before:
            return 0.0
        return self._accept(before, after, classes, own)

    def _accept(self, before: WholeUsers, after: WholeUsers, classes: Ints, own: Floats) -> float:
        columns = after.columns
        new: dict[int, list[Group]] = {owner: [] for owner in classes.tolist()}
        taken = np.flatnonzero(after.users > 0)
        parts = (columns.owner, columns.pair, columns.plan, after.users)
        for owner, pair, plan, users in zip(*(part[taken].tolist() for part in parts), strict=True):
            new[owner].append((pair, plan, users))
        if self.budget is not None and not self.budget.take(new, after.waiting):
            return 0.0
        self.groups.update(new)
        self.waiting[classes] = after.waiting[classes]
        self.load = self.load - own + after.load
        costs = [each.power_w + self.penalty_w * float(each.waiting.sum()) for each in (before, after)]
        return costs[0] - costs[1]
