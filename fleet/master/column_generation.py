"""The linear program over all plans: column generation from smoothed prices, with a Lagrangian bound.

Every pricing at prices p gives the bound ``sum_c demand_c min(cost_c(p), penalty_c) - p capacity`` (Geoffrion 1974),
whatever p is. The restricted master is solved by an interior-point method to a part of the present gap, and its duals
are central; prices are smoothed towards the best ones so far (Wentges 1997). A vertex over the columns that are near
the best, at the end, splits at most as many classes as resources are short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.master.pool import Columns, columns_of
from planner.fleet.master.restricted import MasterAnswer, RestrictedMaster
from planner.fleet.pricing.engine import FleetPrices, Pricer
from planner.fleet.pricing.smoothed import Demand, smoothed_prices

Progress = Callable[[str, float, float], None]
"""Takes what is done, the bound and the value so far in watts."""
_TEMPERATURES = ((0.1, 15), (0.03, 25))
"""Parts of the cost of a class that smooth its minimum, one after the other, and iterations at each."""
_NEAR = 0.02
"""Columns to begin with cost at most such a part more than the best of their class."""
_SCARCE = (0.0, 1.0, 3.0, 10.0)
"""Multiples of the first prices at which the best plan of each class is a column to begin with."""
_COLUMNS_PER_CLASS = 8
_PURGE = 0.01
"""Columns whose reduced cost is a larger part of their class's cost are dropped."""
_VERTEX = 5.0
"""Columns whose reduced cost is so many times the gap, as a part of the class's cost, may be in a vertex."""
_ELASTIC = 10.0
"""Capacities may be exceeded at so many times the first price, and where that is not enough at so many times more."""
_NEAR_ELASTIC = 0.5
"""A row whose price is such a part of what exceeding it costs is exceeded for want of a higher price."""
_PART_OF_GAP = 0.1
_CENTRAL_GAP = 3e-3
_MOST_EXCESS = 1e-4
_SHARE = 1e-4
"""Shares of an interior point that count."""
_VERTEX_SHARE = 0.002
_SMALL = 20_000
"""Columns up to which all of them are in the last program."""
_ROUNDS = 15
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
    overloaded: bool = False
    """Whether capacities stayed exceeded at prices that rose as often as was allowed."""

    @property
    def gap(self) -> float:
        """Relative gap of the linear program."""
        return max(0.0, self.value_w - self.bound_w) / self.value_w if self.value_w > 0.0 else 0.0


@dataclass(frozen=True)
class LinearOptions:
    """What is asked of the linear program."""

    gap: float = 1e-4
    start: Floats | None = None
    """(R,) prices to start from; None for the smoothed dual."""
    start_columns: Columns | None = None
    vertex: bool = True
    slack_w: float = 0.0
    """Absolute gap that is small enough, for programs whose value may be 0."""
    most_rises: int = _ROUNDS
    """Rounds after which capacities that are still exceeded, at ever higher prices, end the loop."""


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
    """(R,) power of the users that may load each resource, per unit of its capacity: the size of large prices.

    Args:
        instance: The fleet.
        demand: What is asked.
        scale_j: (C,) typical cost of an inference of each class, in joules.

    Returns:
        (R,) watts per unit of capacity, above 0.
    """
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
        self._unit = np.ones(instance.resources.count)

    def solve(self, options: LinearOptions) -> LinearAnswer:
        """Run the loop until the gap is closed, nothing prices out, or the time is over."""
        columns, prices = self._first_columns(options)
        if not self._instance.classes or not columns.count:
            return self._nothing(columns)
        most_price = np.maximum(_ELASTIC * prices, self._unit)
        rounds, rises, value, wanted = 0, 0, np.inf, max(_CENTRAL_GAP, _PART_OF_GAP * options.gap)
        least = max(_PART_OF_GAP * options.gap, 1e-9)
        best: tuple[Columns, MasterAnswer] | None = None
        while True:
            rounds += 1
            answer = self._master.central(columns, prices, most_price, wanted, self._deadline)
            prices, excess = answer.prices, float(answer.excess.max(initial=0.0))
            dear = (answer.excess > _MOST_EXCESS) & (prices > _NEAR_ELASTIC * most_price)
            most_price, rises = np.where(dear, _ELASTIC * most_price, most_price), rises + int(dear.any())
            if best is None or (excess <= _MOST_EXCESS and answer.value_w <= value):
                best = (columns, answer)
            if excess <= _MOST_EXCESS:
                value = min(value, answer.value_w)
            added = self._price(columns, answer)
            self._progress("linear program", self.bound_w, value)
            gap = max(0.0, value - self.bound_w) / abs(value) if value and np.isfinite(value) else float(value > 0.0)
            closed = gap <= options.gap or value - self.bound_w <= options.slack_w
            done = closed or (added is None and wanted <= least and excess <= 0.0) or rises >= options.most_rises
            if done or rounds >= _ROUNDS or self._deadline.expired:
                overloaded = rises >= options.most_rises and not closed
                answered = self._finished(*best, rounds, replace(options, vertex=options.vertex and not overloaded))
                return replace(answered, overloaded=overloaded)
            smaller = wanted if added is None or (excess > _MOST_EXCESS and not dear.any()) else gap
            wanted = max(least, min(wanted, _PART_OF_GAP * smaller))
            columns = columns if added is None else added

    def bound_at(self, prices: Floats) -> FleetPrices:
        """Price everything and raise the bound if these prices prove more."""
        prices = np.where(self.tight, prices, 0.0)
        found = self._pricer.price(prices + self._demand.idle_w)
        cost = np.minimum(found.class_cost, self._demand.penalty_j)
        bound = float((self._demand.per_s * cost).sum() - (prices * self._demand.capacity).sum())
        if bound > self.bound_w:
            self.bound_w, self.best_prices = bound, prices
        return found

    def smoothed_start(self) -> Floats:
        """Return prices that nearly maximise the smoothed dual, by pricing alone."""
        free = self.bound_at(np.zeros(self._instance.resources.count)).class_cost
        self._unit = price_units(self._instance, self._demand, free)
        return self._first_prices(free)

    def _first_prices(self, scale: Floats) -> Floats:
        """Return prices that nearly maximise the smoothed dual, at falling temperatures."""
        prices = self.best_prices
        for relative, rounds in _TEMPERATURES:
            prices = smoothed_prices(
                self._pricer, self._demand, scale, self._unit, self.tight, relative, prices, rounds, self._deadline
            )
        return prices

    def _first_columns(self, options: LinearOptions) -> tuple[Columns, Floats]:
        """Return the plans that are near the best at the first prices or the best at multiples of them, and these."""
        free = self.bound_at(np.zeros(self._instance.resources.count))
        scale = np.where(np.isfinite(free.class_cost), np.maximum(free.class_cost, 0.0), 0.0)
        worth = np.where(scale.any(), scale, self._demand.penalty_j)  # without costs, penalties are what counts
        self._unit = price_units(self._instance, self._demand, worth)
        prices = self._first_prices(free.class_cost) if options.start is None else options.start
        prices = np.where(self.tight, prices, 0.0)
        chosen: list[tuple[Ints, Ints]] = []
        class_cost = free.class_cost
        for multiple in _SCARCE:
            found = free if multiple == 0.0 else self.bound_at(multiple * prices)
            class_cost = found.class_cost if multiple == 1.0 else class_cost
            best = np.isfinite(found.pair_cost) & (found.pair_cost <= found.class_cost[self._instance.pair_class])
            chosen.append((np.flatnonzero(best), found.pair_plan[best]))
        near = self._pricer.near(
            prices + self._demand.idle_w,
            np.where(np.isfinite(class_cost), class_cost, 0.0),
            np.where(scale > 0.0, _NEAR * scale, -1.0),
        )
        pair, plan, limit = near.pair, near.plan, _COLUMNS_PER_CLASS * self._instance.classes
        if len(pair) > limit:
            excess = near.excess / np.maximum(scale[self._instance.pair_class[pair]], 1e-300)
            kept = excess <= np.partition(excess, limit)[limit]
            pair, plan = pair[kept], plan[kept]
        if options.start_columns is not None:
            chosen.append((options.start_columns.pair, options.start_columns.plan))
        pairs = np.concatenate([pair, *(pairs for pairs, _ in chosen)])
        return columns_of(self._instance, pairs, np.concatenate([plan, *(plans for _, plans in chosen)])), prices

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
        kept = (answer.share > _SHARE) | (worth <= _PURGE * np.abs(class_value[columns.owner]))
        pairs[0], plans[0] = columns.pair[kept], columns.plan[kept]
        grown = columns_of(self._instance, np.concatenate(pairs), np.concatenate(plans))
        return grown if grown.count != columns.count or (grown.pair != columns.pair).any() or (
            grown.plan != columns.plan).any() else None  # fmt: skip

    def _class_duals(self, columns: Columns, answer: MasterAnswer) -> Floats:
        """(C,) least cost of each class over the columns known, at the master's prices."""
        least = self._demand.penalty_j.copy()
        np.minimum.at(least, columns.owner, columns.cost_at(answer.prices + self._demand.idle_w))
        return np.asarray(least, dtype=np.float64)

    def _finished(self, columns: Columns, central: MasterAnswer, rounds: int, options: LinearOptions) -> LinearAnswer:
        """Return a vertex over the columns that are near the best, or the last central point where none is found."""
        found, answer = (columns, central), central
        if options.vertex and not self._deadline.expired:
            for some in self._near_best(columns, central, options.gap):
                vertex = self._master.vertex(some, self._deadline.remaining_s)
                if vertex is not None and (some is columns or vertex.value_w <= _no_worse(central, options.gap)):
                    found, answer = (some, vertex), vertex
                    self.bound_at(vertex.prices)
                    break
        return LinearAnswer(
            found[0], answer.share, answer.unserved, answer.value_w, self.bound_w, self.best_prices, rounds,
            self._deadline.expired,
        )  # fmt: skip

    def _near_best(self, columns: Columns, central: MasterAnswer, gap: float) -> Iterator[Columns]:
        """Yield columns that a vertex may need: those near the best first, where there are many, then all."""
        if columns.count > _SMALL:
            value = self._class_duals(columns, central)
            worth = columns.cost_at(central.prices + self._demand.idle_w) - value[columns.owner]
            near = worth <= _VERTEX * max(gap, 1e-4) * np.abs(value[columns.owner])
            yield columns.take(near | (central.share > _VERTEX_SHARE))
        yield columns

    def _nothing(self, columns: Columns) -> LinearAnswer:
        """Return the answer where no class has a plan: nobody is served."""
        value = float((self._demand.per_s * self._demand.penalty_j).sum())
        unserved, share = np.ones(self._instance.classes), np.zeros(columns.count)
        return LinearAnswer(columns, share, unserved, value, self.bound_w, self.best_prices, 0, self._deadline.expired)


def _no_worse(central: MasterAnswer, gap: float) -> float:
    """Return the value of a vertex that is as good as a central point, but for the gap."""
    return central.value_w + gap * abs(central.value_w)
