"""The linear program over all plans: column generation from smoothed prices, with a Lagrangian bound.

Every pricing at prices p gives the bound ``sum_c demand_c min(cost_c(p), penalty_c) - p capacity`` (Geoffrion 1974),
whatever p is. The restricted master is solved by an interior-point method without crossover, whose duals are central;
prices are smoothed towards the best ones so far (Wentges 1997). One solve with crossover at the end gives a vertex, in
which at most as many classes are split as resources are short.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.pool import Columns, columns_of, merged
from planner.fleet.master.restricted import MasterAnswer, RestrictedMaster
from planner.fleet.pricing.engine import FleetPrices, Pricer
from planner.fleet.pricing.smoothed import Demand, smoothed_prices

Progress = Callable[[str, float, float], None]
"""Takes what is done, the bound and the value so far in watts."""
_TEMPERATURES = (0.2, 0.05, 0.015)
"""Parts of the cost of a class that smooth its minimum, one after the other."""
_SMOOTH_ROUNDS = 40
_NEAR = 4.0
"""Columns to begin with cost at most so many temperatures more than the best of their class."""
_COLUMNS_PER_CLASS = 12
_PURGE = 0.02
"""Columns whose reduced cost is a larger part of their class's cost are dropped."""
_ROUNDS = 40
_SMOOTHING = 0.3


@dataclass(frozen=True)
class LinearAnswer:
    """The linear program over all plans."""

    columns: Columns
    share: Floats
    unserved: Floats
    value_w: float
    """Power of the shares, with the penalty of what is not served."""
    bound_w: float
    prices: Floats
    """(R,) prices of the bound, in watts per unit of capacity."""
    rounds: int
    stopped: bool
    """Whether the time was over before the gap was closed."""

    @property
    def gap(self) -> float:
        """Relative gap of the linear program."""
        return max(0.0, self.value_w - self.bound_w) / self.value_w if self.value_w > 0.0 else 0.0


@dataclass(frozen=True)
class LinearOptions:
    """What is asked of the linear program."""

    gap: float = 5e-5
    start: Floats | None = None
    """(R,) prices to start from; None for the smoothed dual."""
    start_columns: Columns | None = None
    vertex: bool = True


def tight_resources(instance: FleetInstance, demand: Demand) -> Bools:
    """(R,) resources that are overloaded if every class takes its most demanding plan on every link."""
    most = np.zeros(instance.resources.count + 1)
    for each in instance.kinds:
        if each.plans.count:
            per_s = demand.per_s[instance.pair_class[each.pairs]]
            values = each.plans.loads_s.max(axis=0)[None] * per_s[:, None]
            most += np.bincount(each.rows.reshape(-1), weights=values.reshape(-1), minlength=len(most))
    return np.asarray((most[:-1] > demand.capacity) & (demand.capacity > 0.0), dtype=np.bool_)


def price_units(instance: FleetInstance, demand: Demand, scale_j: Floats) -> Floats:
    """(R,) power of the users that may load each resource, per unit of its capacity: the size of large prices."""
    per_pair = demand.per_s * np.where(np.isfinite(scale_j), scale_j, 0.0) / np.maximum(np.diff(instance.first_pair), 1)
    value = np.zeros(instance.resources.count + 1)
    for each in instance.kinds:
        weight = np.broadcast_to(per_pair[instance.pair_class[each.pairs]][:, None], each.rows.shape)
        value += np.bincount(each.rows.reshape(-1), weights=weight.reshape(-1), minlength=len(value))
    least = max(float(value[:-1].max(initial=0.0)) * 1e-9, 1e-12)
    return np.asarray(np.maximum(value[:-1], least) / np.maximum(demand.capacity, 1e-9), dtype=np.float64)


class ColumnGeneration:
    """The loop for one fleet and demand."""

    def __init__(
        self, instance: FleetInstance, pricer: Pricer, demand: Demand, deadline: Deadline, progress: Progress
    ) -> None:
        self._instance, self._pricer, self._demand = instance, pricer, demand
        self._deadline, self._progress = deadline, progress
        self.tight = tight_resources(instance, demand)
        self._master = RestrictedMaster(demand, self.tight)
        self.bound_w, self.best_prices = -np.inf, np.zeros(instance.resources.count)

    def solve(self, options: LinearOptions) -> LinearAnswer:
        """Run the loop until the gap is closed, nothing prices out, or the time is over."""
        columns = self._first_columns(options)
        answer: MasterAnswer | None = None
        rounds, value = 0, np.inf
        while rounds < _ROUNDS:
            if answer is not None and self._deadline.expired:
                break
            rounds += 1
            answer = self._master.solve(columns, crossover=False, seconds=self._seconds(answer)) or answer
            if answer is None:
                answer = self._master.solve(columns, crossover=True)
            if answer is None:
                break
            value = min(value, answer.value_w)
            added = self._price(columns, answer)
            self._progress("linear program", self.bound_w, value)
            if added is None or value - self.bound_w <= options.gap * abs(value):
                break
            columns = added
        if answer is None:
            return self._nothing(columns, rounds)
        return self._finished(columns, rounds, options)

    def _seconds(self, answer: MasterAnswer | None) -> float:
        return np.inf if answer is None else self._deadline.remaining_s

    def bound_at(self, prices: Floats) -> FleetPrices:
        """Price everything and raise the bound if these prices prove more."""
        prices = np.where(self.tight, prices, 0.0)
        found = self._pricer.price(prices + self._demand.idle_w)
        cost = np.minimum(found.class_cost, self._demand.penalty_j)
        bound = float((self._demand.per_s * cost).sum() - (prices * self._demand.capacity).sum())
        if bound > self.bound_w:
            self.bound_w, self.best_prices = bound, prices
        return found

    def _first_columns(self, options: LinearOptions) -> Columns:
        """Return the plans that are near the best at smoothed prices, and the best of every pair."""
        free = self.bound_at(np.zeros(self._instance.resources.count))
        scale = np.maximum(free.class_cost, 0.0)
        prices = options.start
        if prices is None:
            unit = price_units(self._instance, self._demand, scale)
            prices = self.best_prices
            for relative in _TEMPERATURES:
                prices = smoothed_prices(
                    self._pricer,
                    self._demand,
                    scale,
                    unit,
                    self.tight,
                    relative,
                    prices,
                    _SMOOTH_ROUNDS,
                    self._deadline,
                )
        found = self.bound_at(prices)
        prices = np.where(self.tight, prices, 0.0)
        allowed = _NEAR * _TEMPERATURES[-1] * np.where(np.isfinite(scale), scale, 0.0)
        near = self._pricer.near(
            prices + self._demand.idle_w, np.where(np.isfinite(found.class_cost), found.class_cost, 0.0), allowed
        )
        pair, plan = near.pair, near.plan
        limit = _COLUMNS_PER_CLASS * self._instance.classes
        if len(pair) > limit:
            owner = self._instance.pair_class[pair]
            excess = near.excess / np.maximum(allowed[owner], 1e-300)
            kept = excess <= np.partition(excess, limit)[limit]
            pair, plan = pair[kept], plan[kept]
        usable = np.flatnonzero((found.pair_plan >= 0) & np.isfinite(found.pair_cost))
        usable_free = np.flatnonzero((free.pair_plan >= 0) & np.isfinite(free.pair_cost))
        pair = np.concatenate([pair, usable, usable_free])
        plan = np.concatenate([plan, found.pair_plan[usable], free.pair_plan[usable_free]])
        columns = columns_of(self._instance, pair, plan)
        if options.start_columns is not None:
            columns = merged(self._instance, columns, options.start_columns.pair, options.start_columns.plan)
        return columns

    def _price(self, columns: Columns, answer: MasterAnswer) -> Columns | None:
        """Price at the master's prices and at smoothed ones; return the columns with the new ones, None if none is."""
        pairs, plans = [columns.pair], [columns.plan]
        class_value = self._class_duals(columns, answer)
        new = 0
        for weight in (0.0, _SMOOTHING):
            prices = weight * self.best_prices + (1.0 - weight) * answer.prices
            found = self.bound_at(prices)
            slack = 1e-9 * np.abs(class_value)[self._instance.pair_class]
            better = found.pair_cost < class_value[self._instance.pair_class] - slack
            chosen = np.flatnonzero(better & (found.pair_plan >= 0))
            pairs.append(chosen)
            plans.append(found.pair_plan[chosen])
            new += len(chosen)
        if not new:
            return None
        worth = columns.cost_at(answer.prices + self._demand.idle_w) - class_value[columns.owner]
        kept = (answer.share > 1e-7) | (worth <= _PURGE * np.abs(class_value[columns.owner]))
        pairs[0], plans[0] = columns.pair[kept], columns.plan[kept]
        grown = columns_of(self._instance, np.concatenate(pairs), np.concatenate(plans))
        return grown if grown.count != columns.count or (grown.pair != columns.pair).any() or (
            grown.plan != columns.plan).any() else None  # fmt: skip

    def _class_duals(self, columns: Columns, answer: MasterAnswer) -> Floats:
        """(C,) least cost of each class over the columns known, at the master's prices."""
        least = self._demand.penalty_j.copy()
        np.minimum.at(least, columns.owner, columns.cost_at(answer.prices + self._demand.idle_w))
        return np.asarray(least, dtype=np.float64)

    def _finished(self, columns: Columns, rounds: int, options: LinearOptions) -> LinearAnswer:
        """Return a vertex over the columns that are near the best."""
        stopped = self._deadline.expired
        answer = self._master.solve(columns, crossover=options.vertex, seconds=np.inf)
        if answer is None:
            return self._nothing(columns, rounds)
        self.bound_at(answer.prices)
        return LinearAnswer(
            columns, answer.share, answer.unserved, answer.value_w, self.bound_w, self.best_prices, rounds, stopped
        )

    def _nothing(self, columns: Columns, rounds: int) -> LinearAnswer:
        """Return the answer that serves nobody, which always holds."""
        unserved = np.ones(self._instance.classes)
        value = float((self._demand.per_s * self._demand.penalty_j).sum())
        none = np.zeros(columns.count)
        return LinearAnswer(columns, none, unserved, value, self.bound_w, self.best_prices, rounds, True)
