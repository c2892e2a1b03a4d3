"""Pricing of apps whose blocks are no chain: additive costs at dual prices, with every tensor on its route.

Of a plan at dual prices, a node's share is worth at least its load, a medium's share at least what is carried, using a
node at least the parts that its blocks have in the load of all blocks. So at each block's best speed these costs are
additive over blocks and tensors, and the search beyond chains (`fin.dataflow`) bounds them by elimination, latency at
full speed and full shares being a limit. The paths that attain its bounds are plans of the app.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.clear.allocation.app_view import most_favourable
from planner.clear.pricing.sweep import AppPrices
from planner.fin.dataflow.problem import build_problem
from planner.fin.dataflow.search import bound_point
from planner.fin.deadline import Deadline
from planner.fin.exact.incumbent import Incumbent
from planner.fin.instance.costs import Costs
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats, Ints

_MOST_POINTS = 24
"""Operating points above which no bound is sought."""


def dataflow_bound(instance: Instance, prices: AppPrices, media: Ints) -> float:
    """Bound power and prices of every plan of an app from below, by bounds of its operating points.

    Args:
        instance: The app.
        prices: Dual prices that it meets.
        media: (T,) media that have a price.

    Returns:
        Power and prices that no plan is below, in W; minus infinity where there are too many operating points, infinite
        where there is none.
    """
    if instance.points.count > _MOST_POINTS:
        return -np.inf
    priced = _priced(instance, prices, media)
    own_j = np.zeros(instance.points.count) if instance.point_j is None else instance.point_j
    bounds = [_bounded(priced, point)[0] + float(own_j[point]) for point in range(instance.points.count)]
    return instance.inferences_per_s * min(bounds, default=np.inf)


def dataflow_plans(instance: Instance, prices: AppPrices, media: Ints, points: Sequence[int]) -> list[Decision]:
    """Search for a cheap plan of an app at dual prices for each of some operating points.

    Args:
        instance: The app.
        prices: Dual prices that it meets.
        media: (T,) media that have a price.
        points: The operating points.

    Returns:
        One plan for each of the points that has one, in their order.
    """
    priced = _priced(instance, prices, media)
    found = (_bounded(priced, point)[1] for point in points)
    return [decision for decision in found if decision is not None]


def _bounded(priced: Instance, point: int) -> tuple[float, Decision | None]:
    """Return a bound on the cost of an inference at an operating point, and the best plan that was met."""
    incumbent = Incumbent(priced)
    state = bound_point(build_problem(priced, point), incumbent, Deadline())
    return state.lower_bound, incumbent.decision


def _priced(instance: Instance, prices: AppPrices, media: Ints) -> Instance:
    """Return the app with its cost at dual prices, for an inference, in the place of energy."""
    best, network = most_favourable(instance), instance.network
    medium_w = np.zeros(network.media)
    medium_w[media] = prices.media_w
    per_bit = medium_w[network.link_medium] / (network.link_bit_per_s * instance.batch)
    total_s = instance.blocks.time_s.sum(axis=0) + instance.heads.time_s.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        use_j = np.where((total_s > 0.0) & np.isfinite(total_s), prices.use_w / total_s, 0.0)
    per_s = prices.node_w / (instance.batch * network.fastest) + use_j / instance.inferences_per_s
    per_byte = prices.memory_w_per_byte / instance.inferences_per_s

    def added(nominal: Costs, best: Costs, held: Floats) -> Costs:
        energy_j = best.energy_j + per_s * nominal.time_s + per_byte * held[:, None]
        return replace(best, energy_j=np.where(nominal.can_run, energy_j, best.energy_j))

    return replace(
        best,
        network=replace(best.network, link_j_per_bit=network.link_j_per_bit + per_bit),
        blocks=added(instance.blocks, best.blocks, instance.block_bytes),
        heads=added(instance.heads, best.heads, instance.head_bytes),
        limits=best.limits.without("energy"),
        point_j=None,
    )
