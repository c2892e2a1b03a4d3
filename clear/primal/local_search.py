"""Local search on a joint plan: swap the column of one app, or empty a node, until nothing helps.

Moves are ranked by what they would save at the prices of the geometric program (its duals), then tried in full: the
program with the changed columns says what the plan really costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from planner.clear.allocation.plan import Plan, plan_of
from planner.clear.master.column_pool import ColumnPool
from planner.clear.master.priced_column import PricedColumn, price_column
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.column import Column, Key
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline

_BETTER = 1.0 - 1e-9
_LEAST_PRICE_PART = 1e-3
"""Least price of a whole node or medium for priced columns, in parts of the plan's power."""
_TRIES = 4
"""Columns of an app that are tried in full, best first."""


class LocalSearch:
    """Improves a plan with the columns known of every app."""

    def __init__(self, joint: JointInstance, pool: ColumnPool, deadline: Deadline) -> None:
        self._joint, self._pool, self.deadline = joint, pool, deadline
        self._priced_at: tuple[Plan | None, dict[tuple[int, Key], PricedColumn | None]] = (None, {})
        self.programs = 0

    def improved(self, plan: Plan) -> Plan:
        """Return the plan after all moves that help."""
        while not self.deadline.expired:
            better = self._swapped(plan)
            better = self._emptied(better)
            if better.power_w >= plan.power_w * _BETTER:
                return better
            plan = better
        return plan

    def _swapped(self, plan: Plan) -> Plan:
        """Try other columns for each app in turn."""
        for app in range(self._joint.count):
            for column in self._promising(plan, app):
                if self.deadline.expired:
                    return plan
                columns = list(plan.columns)
                columns[app] = column
                plan = self._tried(plan, columns)
        return plan

    def _emptied(self, plan: Plan) -> Plan:
        """Try to switch off each node in use, those with the fewest apps first."""
        users: dict[int, list[int]] = {}
        for column in plan.columns:
            for node in column.nodes.tolist():
                users.setdefault(node, []).append(column.app)
        for node, apps in sorted(users.items(), key=lambda pair: (len(pair[1]), pair[0])):
            if self.deadline.expired:
                return plan
            columns = list(plan.columns)
            others = [self._elsewhere(plan, app, node) for app in apps if node in plan.columns[app].nodes]
            if all(other is not None for other in others):
                for other in others:
                    if other is not None:
                        columns[other.app] = other
                plan = self._tried(plan, columns)
        return plan

    def _tried(self, plan: Plan, columns: Sequence[Column]) -> Plan:
        """Return the plan with other columns if it is better."""
        self.programs += 1
        found = plan_of(self._joint, columns)
        return found if found is not None and found.power_w < plan.power_w * _BETTER else plan

    def best(self, app: int, prices: DualPrices, plan: Plan | None) -> list[Column]:
        """Return an app's columns that are possible alone, the cheapest at given prices first; that of a plan leads.

        Args:
            app: Which app (index).
            prices: Dual prices of nodes, media and memory.
            plan: The plan that the others keep to; None for none.

        Returns:
            The columns, cheapest first behind that of the plan.
        """
        used = frozenset[int]() if plan is None else used_by_others(plan, app)
        now = None if plan is None else plan.columns[app]
        known = [column for column in self._pool.columns(app) if now is None or column.key != now.key]
        costs = [self._priced(plan, column, prices, used) for column in known]
        ranked = [known[number] for number in np.argsort(costs, kind="stable") if np.isfinite(costs[number])]
        return ranked if now is None else [now, *ranked]

    def _promising(self, plan: Plan, app: int) -> Iterator[Column]:
        """Yield an app's columns that would save power at the prices of the plan, best first."""
        prices = prices_of(self._joint, plan)
        used = used_by_others(plan, app)
        now = self._priced(plan, plan.columns[app], prices, used)
        for column in self.best(app, prices, plan)[1 : 1 + _TRIES]:
            if self._priced(plan, column, prices, used) < now:
                yield column

    def _elsewhere(self, plan: Plan, app: int, node: int) -> Column | None:
        """Return an app's cheapest column that leaves a node alone."""
        prices, used = prices_of(self._joint, plan), used_by_others(plan, app)
        fitting = [column for column in self._pool.columns(app) if node not in column.nodes]
        costs = [self._priced(plan, column, prices, used) for column in fitting]
        if not costs or not np.isfinite(min(costs)):
            return None
        return fitting[int(np.argmin(costs))]

    def _add_priced(self, plan: Plan | None, column: Column, prices: DualPrices) -> PricedColumn | None:
        """Return a column's priced column at the prices of a plan; those of the last plan are remembered."""
        if plan is None or self._priced_at[0] is not plan:
            self._priced_at = (plan, {})
        held, at = self._priced_at[1], (column.app, column.key)
        if at not in held:
            held[at] = price_column(column, self._joint, prices)
        return held[at]

    def _priced(self, plan: Plan | None, column: Column, prices: DualPrices, used: frozenset[int]) -> float:
        """Return a column's power, the shares it pays for, and idle power of nodes that only it would use."""
        network = self._joint.network
        priced = self._add_priced(plan, column, prices)
        if priced is None:
            return np.inf
        price = dict(zip(self._joint.media.tolist(), prices.media_w.tolist(), strict=True))
        on_air = sum(
            price.get(medium, 0.0) * float(share)
            for medium, share in zip(column.media.tolist(), priced.medium_share, strict=True)
        )
        idle = sum(float(network.idle_power_w[node]) for node in column.nodes.tolist() if node not in used)
        return float(priced.power_w + prices.node_w[column.nodes] @ priced.node_share + on_air + idle)


def prices_of(joint: JointInstance, plan: Plan) -> DualPrices:
    """Return the prices of shares that a plan's geometric program found."""
    none = DualPrices.none(joint)
    allocation = plan.allocation
    return replace(none, node_w=allocation.node_price_w, media_w=allocation.medium_price_w[joint.media])


def raised_prices(joint: JointInstance, plan: Plan, least: float = _LEAST_PRICE_PART) -> DualPrices:
    """Return the prices of a plan, raised so that no priced column takes all of what the plan leaves over.

    What is not scarce has no price, and at no price an app takes it whole, which keeps all others from it. The least
    price of a whole node or medium is given in parts of the plan's power.

    Args:
        joint: The apps.
        plan: The plan.
        least: Least price of a whole node or medium, as a part of the plan's power.

    Returns:
        The prices, in watts.
    """
    prices, shared, least_w = prices_of(joint, plan), DualPrices.none(joint), least * plan.power_w
    node_w = np.maximum(prices.node_w, np.maximum(shared.node_w, least_w))
    return replace(prices, node_w=node_w, media_w=np.maximum(prices.media_w, least_w))


def used_by_others(plan: Plan, app: int) -> frozenset[int]:
    """Return the nodes that host a block of another app."""
    return frozenset(int(node) for number, column in enumerate(plan.columns) if number != app for node in column.nodes)
