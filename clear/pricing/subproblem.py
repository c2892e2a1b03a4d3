"""Pricing subproblem of one variant of an app: its cheapest plans at dual prices, with the latency limit relaxed.

For any value theta >= 0 of a second, the least of ``power + prices + theta (latency - limit)`` over some plans is below
every one of them that is in time, so the largest such value is a bound on those plans. Plans are told apart by the
block before which data leaves the source first, as an average of plans that stay and plans that leave would be in time
cheaply; one sweep prices all of these classes. Here the best operating points are kept up with as prices change;
`LagrangianBound` bounds the plans of all points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.clear.pricing.aggregation import aggregate_nodes
from planner.clear.pricing.cycles import CycleBound
from planner.clear.pricing.multiplier_ascent import LatencyMultipliers
from planner.clear.pricing.path_decision import cheapest_decision
from planner.clear.pricing.point_tree import PointTree
from planner.clear.pricing.routes import Routes
from planner.clear.pricing.shortest_path import Pricer
from planner.clear.pricing.sweep import AppPrices, Rows, Sweep
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats, Ints

_KEPT = 2
"""Best classes whose plans are named."""
_POINTS = 2
"""Operating points that are looked at in `answer_of_few`."""
_ASCENTS = 2
"""Times that latency multipliers are improved for a lower bound."""
_WIDE = 10.0 ** np.arange(-3.0, 3.5)
"""Latency multipliers to begin with, in units of the app's power over its limit."""


@dataclass(frozen=True)
class PricingResult:
    """Pricing result: a lower bound, and the plans that attain it."""

    bound_w: float
    """No plan of the app costs less at these prices."""
    decisions: tuple[Decision, ...]
    """Plans that were the cheapest at some latency multiplier, the best first."""


@dataclass(frozen=True)
class _Found:
    """Bounds on the plans of one row."""

    bound_w: float
    decisions: tuple[Decision, ...]


class PricingSubproblem:
    """Finds the cheapest plans of a variant at dual prices, from the best latency multipliers of the prices before."""

    def __init__(self, pricer: Pricer, tree: PointTree) -> None:
        self.pricer, self.tree = pricer, tree
        self._most_s = pricer.stages.most_s
        self._rows: dict[int, LatencyMultipliers] = {}
        self._last: dict[int, float] = {}
        """Last bound of the points that were looked at."""

    def with_rates(self, instance: Instance, routes: Routes) -> PricingSubproblem:
        """Hand what is known on to the same app where rates of links, or its own, have changed."""
        other = PricingSubproblem(self.pricer.with_rates(instance, routes), self.tree)
        factor = instance.rate_per_s / self.pricer.instance.rate_per_s
        other._rows = {
            row: LatencyMultipliers(factor * held.value, factor * held.lowest) for row, held in self._rows.items()
        }
        other._last = {point: factor * bound for point, bound in self._last.items()}
        return other

    def with_deadline(self, instance: Instance) -> PricingSubproblem:
        """Return the subproblem of the same app with another latency limit; multipliers and best points are others."""
        stages = self.pricer.stages.at_deadline_of(instance)
        return PricingSubproblem(Pricer(instance, stages, self.pricer.routes), self.tree)

    def restricted_to(self, instance: Instance) -> PricingSubproblem:
        """Return the subproblem of the same app where further nodes host nothing, with what is known of it."""
        other = PricingSubproblem(self.pricer.restricted_to(instance), self.tree)
        other._rows = {row: LatencyMultipliers(held.value, held.lowest) for row, held in self._rows.items()}
        other._last = dict(self._last)
        return other

    @property
    def last_w(self) -> float:
        """Least bound of the points that were looked at last."""
        return min(self._last.values(), default=0.0)

    def price_heuristically(self, prices: AppPrices) -> PricingResult:
        """Answer for the points that were best before; `bound_w` holds for their plans only."""
        if not self._last:
            self._descend(prices)
        points = sorted(self._last, key=lambda point: (self._last[point], point))[:_POINTS]
        found = sorted(self._bound(points, prices), key=lambda one: one.bound_w)
        for point in range(self.tree.points) if np.isinf(found[0].bound_w) else ():
            if point not in self._last:  # what was looked at so far has no plan
                found.insert(0, *self._bound([point], prices))
                if np.isfinite(found[0].bound_w):
                    break
        decisions = [*found[0].decisions, *(decision for one in found[1:] for decision in one.decisions[:1])]
        return PricingResult(found[0].bound_w, tuple(decisions))

    def lower_bound(self, prices: AppPrices) -> float:
        """Return a bound on all plans of the app, paths with cycles included: the envelope of all points as one.

        Args:
            prices: Prices that the app meets.

        Returns:
            Power and prices that no plan of the app is below, in watts.
        """
        root, bound = self.tree.root, self.bound(prices)
        held = self._row(root, prices)
        highest = np.full(len(held.value), -np.inf)
        for _ in range(_ASCENTS if np.isfinite(self._most_s) else 1):
            multipliers = held.tries()
            bounds = bound.at(Rows(np.full(len(multipliers), root), multipliers))
            held.learn(multipliers, bounds)
            highest = np.maximum(highest, bounds.max(axis=0))
        return float(highest.min())

    def bound(self, prices: AppPrices) -> LagrangianBound:
        """Return what bounds all plans of the app at given prices."""
        return LagrangianBound(self.pricer, prices)

    def ascend(self, prices: AppPrices) -> None:
        """Improve the latency multipliers of all points as one, by bounds on elementary plans."""
        held = self._row(self.tree.root, prices)
        for _ in range(_ASCENTS if np.isfinite(self._most_s) else 0):
            multipliers = held.tries()
            held.learn(multipliers, self._bounds(self.tree.root, multipliers, prices))

    def values(self, prices: AppPrices) -> Floats:
        """(D + 1,) latency multipliers that were the best last, by class, of all points as one."""
        return self._row(self.tree.root, prices).value

    def _descend(self, prices: AppPrices) -> None:
        """Find a good point: from the envelope of all, always into the cheapest quarter."""
        row = self.tree.root
        while row >= self.tree.points:
            held = self._row(row, prices)
            below = self.tree.two_below(row)
            value = float(held.value[int(held.lowest.argmin())])
            small, seen = aggregate_nodes(self.pricer, prices)
            sweep = small.sweep(Rows(below, np.full(len(below), value)), seen)
            costs = sweep.cost_by_departure.min(axis=1) + self.pricer.stages.point_w[below, 0]
            row = int(below[int(costs.argmin())])
        self._bound([row], prices)

    def _row(self, row: int, prices: AppPrices) -> LatencyMultipliers:
        """Return what is remembered of a row; of its envelope where nothing is."""
        if row not in self._rows:
            if row == self.tree.root:
                self._rows[row] = self._begin(prices)
            else:
                above = self._row(int(self.tree.parent[row]), prices)
                self._rows[row] = above.of_depth(int(self.pricer.stages.depth[row]))
        return self._rows[row]

    def _begin(self, prices: AppPrices) -> LatencyMultipliers:
        """Look for the size of the latency multipliers."""
        root = self.tree.root
        if not np.isfinite(self._most_s):
            layers = int(self.pricer.stages.depth[root])
            return LatencyMultipliers(np.zeros(layers + 1), np.zeros(layers + 1))
        free = self._bounds(root, np.zeros(1), prices)
        least = float(free.min())
        values = max(least if np.isfinite(least) else 1.0, 1e-9) / self._most_s * _WIDE
        bounds = self._bounds(root, values, prices)
        return LatencyMultipliers(values[bounds.argmax(axis=0)], bounds.max(axis=0))

    def _bound(self, points: Sequence[int], prices: AppPrices) -> list[_Found]:
        """Bound the elementary plans of some points, at multipliers near the best of each; name the cheapest."""
        held = [self._row(point, prices) for point in points]
        tries = [one.tries() for one in held]
        counts = [len(values) for values in tries]
        rows, sweep, bounds = self._swept(np.repeat(points, counts), np.concatenate(tries), prices)
        found, begin = list[_Found](), 0
        for point, one, values in zip(points, held, tries, strict=True):
            own = bounds[begin : begin + len(values), : int(self.pricer.stages.depth[point]) + 1]
            bound = self._last[point] = one.learn(values, own)
            plans = self._plans((rows, sweep, begin), own, one.lowest, prices) if np.isfinite(bound) else ()
            found.append(_Found(bound, plans))
            begin += len(values)
        return found

    def _plans(
        self, swept: tuple[Rows, Sweep, int], bounds: Floats, lowest: Floats, prices: AppPrices
    ) -> tuple[Decision, ...]:
        """Return plans of the best classes, each at two multipliers, and the one that never leaves the source.

        Args:
            swept: Rows with their sweep, and the first one of the point in question.
            bounds: (W, D + 1) bounds of its rows, by class.
            lowest: (D + 1,) bound of each class.
            prices: What the app pays for nodes and media.
        """
        rows, sweep, begin = swept
        asked: dict[tuple[int, int], None] = {}
        home = bounds.shape[1] - 1
        for leave in dict.fromkeys([*np.argsort(lowest, kind="stable")[:_KEPT].tolist(), home]):
            best = int(bounds[:, leave].argmax())
            for number in {best: None, min(best + 1, len(bounds) - 1): None} if leave < home else (best,):
                asked[begin + number, leave] = None
        found = (
            self._decision(rows, sweep, number, leave, prices)
            for number, leave in asked
            if np.isfinite(sweep.cost_by_departure[number, leave])
        )
        return tuple(decision for decision in found if decision is not None)

    def _decision(self, rows: Rows, sweep: Sweep, number: int, leave: int, prices: AppPrices) -> Decision | None:
        """Name the cheapest path of a row and class; on all nodes where routes do not join those of its classes."""
        small, _ = aggregate_nodes(self.pricer, prices)
        found = cheapest_decision(self.pricer, prices, small, rows, sweep, number, leave)
        if found is None:
            one = rows.take(np.array([number]))
            whole = self.pricer.sweep(one, prices)
            if not np.isfinite(whole.cost_by_departure[0, leave]):
                return None
            found = cheapest_decision(self.pricer, prices, self.pricer, one, whole, 0, leave)
        return found

    def _bounds(self, row: int, values: Floats, prices: AppPrices) -> Floats:
        """(W, D + 1) bounds on elementary plans at (W,) latency multipliers, by class, equal nodes as one."""
        return self._swept(np.full(len(values), row), values, prices)[2]

    def _swept(self, points: Ints, values: Floats, prices: AppPrices) -> tuple[Rows, Sweep, Floats]:
        """Price (W,) rows at their latency multipliers, equal nodes as one; (W, D + 1) bounds come with it."""
        small, seen = aggregate_nodes(self.pricer, prices)
        rows = Rows(points, values)
        sweep = small.sweep(rows, seen)
        return rows, sweep, less_limit(small, values, sweep.cost_by_departure + self.pricer.stages.point_w[points])


class LagrangianBound:
    """Bounds on all plans of one app at given prices, equal nodes taken together.

    Shortest paths bound plans that use nothing priced twice, `clear.pricing.cycles` the others.
    """

    def __init__(self, pricer: Pricer, prices: AppPrices) -> None:
        self._pricer, self._prices = aggregate_nodes(pricer, prices)
        self._cycles = CycleBound(self._pricer, self._prices)

    def at(self, rows: Rows) -> Floats:
        """Return bounds on the classes of plans of operating points, or of envelopes of points.

        Args:
            rows: (R,) pairs of a row of the tree of points and a latency multiplier.

        Returns:
            (R, D + 1) lower bounds in watts, by class.
        """
        once = self._pricer.sweep(rows, self._prices).cost_by_departure
        both = np.minimum(once, self._cycles.cost_by_departure(rows))
        return less_limit(self._pricer, rows.multiplier_w_per_s, both + self._pricer.stages.point_w[rows.point])


def less_limit(pricer: Pricer, multipliers_w_per_s: Floats, costs: Floats) -> Floats:
    """Take ``theta * limit`` off (W, D + 1) costs at (W,) latency multipliers.

    Args:
        pricer: The app, whose latency limit is taken.
        multipliers_w_per_s: (W,) latency multipliers, in watts per second.
        costs: (W, D + 1) costs, in watts.

    Returns:
        (W, D + 1) costs, in watts; the same ones where latency has no limit.
    """
    limit_s = pricer.stages.most_s
    return costs - multipliers_w_per_s[:, None] * limit_s if np.isfinite(limit_s) else costs
