"""Pricing of one app: each of its variants (models, batch sizes) is a subproblem; the least of their bounds counts.

A variant whose blocks are no chain is priced as its chain relaxation, whose bound is one of the app. The nodes of the
plans found get routes for all tensors. Beside it stands the bound with all tensors (`clear.pricing.dataflow_pricing`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.clear.pricing.app_arrays import app_arrays
from planner.clear.pricing.dataflow_pricing import dataflow_bound, dataflow_plans
from planner.clear.pricing.point_tree import point_tree
from planner.clear.pricing.routes import Routes
from planner.clear.pricing.shortest_path import Pricer
from planner.clear.pricing.subproblem import PricingResult, PricingSubproblem
from planner.clear.pricing.sweep import AppPrices
from planner.clear.problem.chain_relaxation import chain_relaxation, unread_before, with_all_tensors
from planner.clear.problem.joint_app import JointApp, of_variant
from planner.fin.instance.instance import Instance

_POINTS = 3
"""Operating points at which an app that is no chain is searched with all tensors, in a round of prices."""


@dataclass(frozen=True)
class AppPricing:
    """The pricing subproblems of an app, one for each variant that may have a plan."""

    app: JointApp
    variants: tuple[tuple[int, PricingSubproblem], ...]
    """Number of each variant, and its subproblem."""
    routes: Routes

    @cached_property
    def bounds_all(self) -> bool:
        """Whether the chain relaxations bound all plans: each carries everything on routes that there are."""
        return all(_routed(variant, self.routes) for _, variant in self.app.possible)

    @classmethod
    def of(cls, app: JointApp, routes: Routes) -> AppPricing:
        """Lay out the subproblems of an app.

        Args:
            app: The app.
            routes: Efficient routes of the network.
        """
        return cls(app, tuple((number, _subproblem(variant, routes)) for number, variant in app.possible), routes)

    def with_rates(self, app: JointApp, routes: Routes) -> AppPricing:
        """Hand what is known on to the same app where rates of links, or its own, have changed."""
        some = ((number, held.with_rates(_chain(app, number), routes)) for number, held in self.variants)
        return AppPricing(app, tuple(some), routes)

    def with_deadline(self, app: JointApp) -> AppPricing:
        """Return the pricing of the same app with a shorter latency limit, which may rule variants out."""
        held, numbers = dict(self.variants), [number for number, _ in app.possible]
        some = ((number, held[number].with_deadline(_chain(app, number))) for number in numbers)
        return AppPricing(app, tuple(some), self.routes)

    def restricted_to(self, app: JointApp) -> AppPricing:
        """Return the pricing of the same app where further nodes host nothing, with what is known of it."""
        some = ((number, held.restricted_to(_chain(app, number))) for number, held in self.variants)
        return AppPricing(app, tuple(some), self.routes)

    @property
    def last_w(self) -> float:
        """Least bound of what was looked at last."""
        return min(held.last_w for _, held in self.variants)

    def price_heuristically(self, prices: AppPrices) -> PricingResult:
        """Return all plans of the cheapest variant, and the cheapest of each other one, at prices."""
        results = [(number, self._priced(number, held, prices)) for number, held in self.variants]
        results.sort(key=lambda pair: pair[1].bound_w)
        decisions = [
            of_variant(decision, number)
            for rank, (number, result) in enumerate(results)
            for decision in result.decisions[: None if rank == 0 else 1]
        ]
        return PricingResult(results[0][1].bound_w, tuple(decisions))

    def ascend(self, prices: AppPrices) -> None:
        """Improve the latency multipliers from which bounds of sources start."""
        for _, held in self.variants:
            held.ascend(prices)

    def lower_bound(self, prices: AppPrices) -> float:
        """Return power and prices that no plan of the app is below, whichever variant it is of, in watts."""
        return min(self._lower_bound(number, held, prices) for number, held in self.variants)

    def _lower_bound(self, number: int, held: PricingSubproblem, prices: AppPrices) -> float:
        variant, bound_w = self.app.variants[number], -np.inf
        if self.bounds_all:
            bound_w = held.lower_bound(prices)
        if variant.dataflow is None:
            return bound_w
        return max(bound_w, dataflow_bound(variant, prices, self.routes.media))

    def _priced(self, number: int, held: PricingSubproblem, prices: AppPrices) -> PricingResult:
        """Return the plans of a variant; of one that is no chain with routes for all tensors."""
        variant, result = self.app.variants[number], held.price_heuristically(prices)
        if variant.dataflow is None:
            return result
        points = list(dict.fromkeys(decision.point for decision in result.decisions))[:_POINTS]
        found = dataflow_plans(variant, prices, self.routes.media, points)
        for decision in result.decisions:
            found += with_all_tensors(variant, decision, self.routes.table)
        return PricingResult(result.bound_w, tuple(found))


def _routed(variant: Instance, routes: Routes) -> bool:
    """Tell whether routes lead from each node to each where blocks read nothing from the block before."""
    if variant.dataflow is None or not unread_before(variant).any():
        return True
    hosts = np.flatnonzero(variant.allowed.any(axis=0))
    joined = routes.table.valid[0][np.ix_(hosts, hosts)] | np.eye(len(hosts), dtype=np.bool_)
    return bool(joined.all())


def _chain(app: JointApp, number: int) -> Instance:
    return chain_relaxation(app.variants[number])


def _subproblem(variant: Instance, routes: Routes) -> PricingSubproblem:
    chain = chain_relaxation(variant)
    stages = app_arrays(chain)
    unread = unread_before(variant)[: stages.carry_late.shape[1]]
    if unread.any():  # nothing is carried into these blocks, so no link makes them late
        stages = replace(stages, carry_late=np.where(unread, 0.0, stages.carry_late))
    tree = point_tree(stages)
    return PricingSubproblem(Pricer(chain, tree.stages, routes), tree)
