"""App view: one app on its shares of nodes and media, as an app that has slower ones to itself.

With node speed s, share phi of a node and share beta of a medium, computing takes ``time / (s phi)`` and
``dynamic s^2 + static / s`` joules, and media carry ``beta`` of their rate. So what FIN's searches say of the sliced
app holds for the app with those speeds and shares; what it loads is relative to its slices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.clear.allocation.plan import Plan
from planner.fin.instance.costs import Costs
from planner.fin.instance.instance import Instance
from planner.fin.instance.metrics import MetricCosts
from planner.fin.instance.network import Floats, Network


@dataclass(frozen=True, eq=False)
class AppView:
    """Speeds, and what one app has of nodes and media; a node without a slice runs nothing that takes time."""

    speed: Floats
    """(N,)"""
    node_share: Floats
    """(N,)"""
    medium_share: Floats
    """(media,) above 0."""

    @classmethod
    def entire(cls, network: Network, speed: Floats) -> AppView:
        """Return all that one app alone may have."""
        return cls(speed, network.max_utilization, np.ones(network.media))


def view_of_plan(network: Network, plan: Plan, place: int) -> AppView:
    """Return the slices that a plan gives to the app of its column number `place`; all of what it does not use.

    Args:
        network: The nodes and media.
        plan: The plan.
        place: Which column of the plan is looked at (index).

    Returns:
        Speeds of the nodes, and the app's shares of nodes and media.
    """
    column, allocation = plan.columns[place], plan.allocation
    node_share, medium_share = np.ones(network.size), np.ones(network.media)
    node_shares, medium_shares = allocation.node_shares[place], allocation.medium_shares[place]
    node_share[column.nodes] = np.where(node_shares > 0.0, node_shares, 1.0)  # no share: no time is taken there
    medium_share[column.media] = np.where(medium_shares > 0.0, medium_shares, 1.0)
    return AppView(allocation.speed, node_share, medium_share)


def viewed_instance(instance: Instance, view: AppView) -> Instance:
    """Return the app as if its slices were whole nodes and media; without a slice, a node runs what takes no time."""
    network = instance.network
    some = view.node_share > 0.0
    sliced = replace(
        network,
        link_bit_per_s=network.link_bit_per_s * view.medium_share[network.link_medium],
        max_utilization=np.where(some, 1.0, 0.0),
    )
    share = np.where(some, view.node_share, 1.0)
    return replace(
        instance,
        network=sliced,
        blocks=_at(instance.blocks, view.speed, share),
        heads=_at(instance.heads, view.speed, share),
        allowed=instance.allowed & (some | (instance.blocks.time_s == 0.0)),
        metric_costs=instance.metric_costs.at_speed(view.speed) if network.metrics.count else instance.metric_costs,
    )


def most_favourable(instance: Instance) -> Instance:
    """Return the app with every node at once as fast as it can be and as frugal as it can be, and nobody else there.

    No plan of the app, alone or with others, takes less energy or less time than this one says, so a bound on it is a
    bound on the app, and where it has no plan there is none.
    """
    network = instance.network
    quick = viewed_instance(instance, AppView.entire(network, network.fastest))
    return replace(
        quick,
        blocks=_frugal(quick.blocks, instance.blocks, network),
        heads=_frugal(quick.heads, instance.heads, network),
        metric_costs=_least_metrics(instance),
    )


def _least_metrics(instance: Instance) -> MetricCosts:
    network = instance.network
    return (
        instance.metric_costs.least(network.slowest, network.fastest)
        if network.metrics.count
        else instance.metric_costs
    )


def _at(costs: Costs, speed: Floats, share: Floats) -> Costs:
    dynamic_j = costs.dynamic_j * speed**2
    static_j = (costs.energy_j - costs.dynamic_j) / speed
    return Costs(costs.time_s / (speed * share), dynamic_j + static_j, dynamic_j, costs.can_run)


def _frugal(quick: Costs, nominal: Costs, network: Network) -> Costs:
    """Return costs with the time of some and each row's least energy over all speeds of its node."""
    dynamic_j, static_j = nominal.dynamic_j, nominal.energy_j - nominal.dynamic_j
    with np.errstate(divide="ignore", invalid="ignore"):  # without dynamic energy the fastest speed is the cheapest
        best = np.cbrt(static_j / (2.0 * dynamic_j))
    speed = np.clip(np.nan_to_num(best, nan=1.0), network.slowest, network.fastest)
    least = _at(nominal, speed, np.ones(1))
    return replace(quick, energy_j=least.energy_j, dynamic_j=least.dynamic_j)
