"""Pricing of one app: each of its variants (models, batch sizes) is a subproblem; the least of their bounds counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from planner.clear.pricing.app_arrays import app_arrays
from planner.clear.pricing.point_tree import point_tree
from planner.clear.pricing.routes import Routes
from planner.clear.pricing.shortest_path import Pricer
from planner.clear.pricing.subproblem import PricingResult, PricingSubproblem
from planner.clear.pricing.sweep import AppPrices
from planner.clear.problem.joint_app import JointApp, of_variant
from planner.fin.instance.instance import Instance


@dataclass(frozen=True)
class AppPricing:
    """The pricing subproblems of an app, one for each variant that may have a plan."""

    variants: tuple[tuple[int, PricingSubproblem], ...]
    """Number of each variant, and its subproblem."""

    @classmethod
    def of(cls, app: JointApp, routes: Routes) -> AppPricing:
        """Lay out the subproblems of an app.

        Args:
            app: The app.
            routes: Efficient routes of the network.
        """
        return cls(tuple((number, _subproblem(variant, routes)) for number, variant in app.possible))

    def with_rates(self, app: JointApp, routes: Routes) -> AppPricing:
        """Hand what is known on to the same app where rates of links, or its own, have changed."""
        return self._each(lambda number, held: held.with_rates(app.variants[number], routes))

    def restricted_to(self, app: JointApp) -> AppPricing:
        """Return the pricing of the same app where further nodes host nothing, with what is known of it."""
        return self._each(lambda number, held: held.restricted_to(app.variants[number]))

    def _each(self, change: Callable[[int, PricingSubproblem], PricingSubproblem]) -> AppPricing:
        return AppPricing(tuple((number, change(number, held)) for number, held in self.variants))

    @property
    def last_w(self) -> float:
        """Least bound of what was looked at last."""
        return min(held.last_w for _, held in self.variants)

    def price_heuristically(self, prices: AppPrices) -> PricingResult:
        """Return all plans of the cheapest variant, and the cheapest of each other one, at prices."""
        results = [(number, held.price_heuristically(prices)) for number, held in self.variants]
        results.sort(key=lambda pair: pair[1].bound_w)
        decisions = [
            of_variant(decision, number)
            for rank, (number, result) in enumerate(results)
            for decision in result.decisions[: None if rank == 0 else 1]
        ]
        return PricingResult(results[0][1].bound_w, tuple(decisions))

    def lower_bound(self, prices: AppPrices) -> float:
        """Return power and prices that no plan of the app is below, whichever variant it is of, in watts."""
        return min(held.lower_bound(prices) for _, held in self.variants)


def _subproblem(variant: Instance, routes: Routes) -> PricingSubproblem:
    tree = point_tree(app_arrays(variant))
    return PricingSubproblem(Pricer(variant, tree.stages, routes), tree)
