"""An app on its slices of nodes and media, as an app that has slower ones to itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clear.columns import Column
from clear.plan import Plan
from fin.costs import Costs
from fin.instance import Instance
from fin.network import Floats


def on_slices(instance: Instance, plan: Plan, column: Column) -> Instance:
    """Return the app whose times and energies are those at the speeds and shares of a plan.

    With node speed s, share phi of a node and share beta of a medium, computing takes ``time / (s phi)`` and
    ``dynamic s^2 + static / s`` joules, and media carry ``beta`` of their rate. Loads of this app are relative to its
    shares, so it stands for what one inference costs, not for what it takes of capacity.
    """
    network, allocation = instance.network, plan.allocation
    place = plan.columns.index(column)
    share, air = np.ones(network.size), np.ones(network.media)
    share[column.nodes] = allocation.node_shares[place]
    air[column.media] = allocation.medium_shares[place]
    rate = network.link_bit_per_s * air[network.link_medium]
    return replace(
        instance,
        network=replace(network, link_bit_per_s=rate),
        blocks=_at(instance.blocks, allocation.speed, share),
        heads=_at(instance.heads, allocation.speed, share),
    )


def _at(costs: Costs, speed: Floats, share: Floats) -> Costs:
    dynamic_j = costs.dynamic_j * speed**2
    static_j = (costs.energy_j - costs.dynamic_j) / speed
    return Costs(costs.time_s / (speed * share), dynamic_j + static_j, dynamic_j, costs.can_run)
