"""Workloads whose power is another additive figure: the same apps with other costs in the place of energy.

Of a block, what a joule adds grows with the square of the clock speed in its dynamic part; what a second and a joule of
static energy add shrinks with the speed. So dynamic energy, static power and energy per bit can stand for any figure
that is additive in time, energy and bits. Idle power is left out. Limits on energy become limits of one more metric,
which holds the energy as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import JointApp
from planner.fin.instance.costs import Costs
from planner.fin.instance.instance import Instance
from planner.fin.instance.metrics import MetricCosts, NetworkMetrics
from planner.fin.instance.network import Floats, Network

_ENERGY = "energy of an inference"
"""Metric that stands for energy where something else is in the place of power."""


@dataclass(frozen=True, eq=False)
class Costing:
    """What seconds, joules and bits count for."""

    per_s: Floats
    """(N,)"""
    per_j: Floats
    """(N,)"""
    per_bit: Floats
    """(E,)"""
    points: Sequence[Sequence[Floats]] | None = None
    """Per app and variant (K,) what an inference at each operating point counts for by itself; None for nothing."""


def with_costs(joint: JointInstance, costing: Costing) -> JointInstance:
    """Return the workload whose power is what seconds, joules and bits of this one count for.

    Args:
        joint: The apps.
        costing: What counts.

    Returns:
        The same apps; columns, plans and decisions of the one are those of the other.
    """
    network = joint.network
    priced = replace(
        network,
        static_power_w=costing.per_s + costing.per_j * network.static_power_w,
        idle_power_w=np.zeros(network.size),
        link_j_per_bit=costing.per_bit,
        metrics=_with_energy(network),
    )
    apps = [app.each(lambda one: _priced(one, priced, costing.per_j)) for app in joint.apps]
    if costing.points is not None:
        apps = [_with_points(app, own) for app, own in zip(apps, costing.points, strict=True)]
    return JointInstance(priced, tuple(apps), joint.branch)


def _with_points(app: JointApp, points: Sequence[Floats]) -> JointApp:
    """Return the app with what operating points count for by themselves, by variant."""
    pairs = zip(app.variants, points, strict=True)
    return JointApp(tuple(replace(variant, point_j=own) for variant, own in pairs))


def _priced(app: Instance, network: Network, per_j: Floats) -> Instance:
    """Return the app at other costs; its energy is a metric, limited as it was."""
    limits = app.limits
    if np.isfinite(limits.energy_j):
        limits = limits.without("energy").with_most(_ENERGY, limits.energy_j)
    added, blocks, heads = app.metric_costs, app.blocks, app.heads
    return replace(
        app,
        network=replace(network, link_bit_per_s=app.network.link_bit_per_s),
        blocks=_costs(blocks, network, per_j, app.batch),
        heads=_costs(heads, network, per_j, app.batch),
        limits=limits,
        metric_costs=MetricCosts(
            np.concatenate([added.blocks, blocks.energy_j[None]]),
            np.concatenate([added.heads, heads.energy_j[None]]),
            np.concatenate([added.dynamic_blocks, blocks.dynamic_j[None]]),
            np.concatenate([added.dynamic_heads, heads.dynamic_j[None]]),
        ),
    )


def _costs(costs: Costs, network: Network, per_j: Floats, batch: int) -> Costs:
    """Return costs for one sample; times are those of a whole batch."""
    dynamic = per_j * costs.dynamic_j
    return replace(costs, energy_j=dynamic + network.static_power_w * costs.time_s / batch, dynamic_j=dynamic)


def _with_energy(network: Network) -> NetworkMetrics:
    """Return the metrics of a network with energy as the last one."""
    metrics, nodes = network.metrics, np.zeros((1, network.size))
    links = metrics.per_bit.reshape(metrics.count, len(network.link_j_per_bit))
    return NetworkMetrics(
        (*metrics.names, _ENERGY),
        (*metrics.units, "J"),
        np.concatenate([metrics.per_s.reshape(metrics.count, network.size), nodes]),
        np.concatenate([metrics.per_j.reshape(metrics.count, network.size), nodes + 1.0]),
        np.concatenate([links, network.link_j_per_bit[None]]),
    )
