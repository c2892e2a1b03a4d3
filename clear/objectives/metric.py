"""Metrics as the objective of all apps: the same workload with costs of a metric in the place of power.

A metric is additive as power is. Of a block, what energy adds grows with the square of the clock speed in its dynamic
part; what time and static energy add shrinks with the speed. So a workload whose dynamic energy, static power and
energy per bit stand for the metric, without idle power, has the metric (per second) as its power, and every method for
least power minimises it. Limits on energy become limits of one more metric, which holds the energy as it was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from planner.clear.baselines.baseline import own_bound_w
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.costs import Costs
from planner.fin.instance.instance import Instance
from planner.fin.instance.metrics import MetricCosts, NetworkMetrics
from planner.fin.instance.network import Floats, Network
from planner.fin.method import Options
from planner.fin.outcome import Outcome

if TYPE_CHECKING:
    from planner.clear.allocation.plan import Plan
    from planner.clear.method import JointMethod

_ENERGY = "energy of an inference"
"""Metric that stands for energy where it is limited and another metric is minimised."""


def least_metric(method: JointMethod, joint: JointInstance, options: Options) -> Outcome[Plan]:
    """Plan all apps for the least sum of rates times a metric, by a method for least power.

    Args:
        method: The method.
        joint: The apps, whose objective is a metric of the network.
        options: Gap, time limit and threads.

    Returns:
        What the method found; the bound is in the metric's unit per second.
    """
    priced = with_metric_as_power(joint, 1.0)
    scale_w = own_bound_w(priced)
    scale = 1.0 / scale_w if np.isfinite(scale_w) and scale_w > 0.0 else 1.0 / (_nominal(priced) or 1.0)
    found = method.solve(with_metric_as_power(joint, scale), options)
    return replace(found, lower_bound=found.lower_bound / scale)


def with_metric_as_power(joint: JointInstance, scale: float) -> JointInstance:
    """Return the workload whose power is a metric of this one, times a scale.

    Args:
        joint: The apps, whose objective is a metric of the network.
        scale: Factor on all costs, so that searches meet figures of about 1 (no unit).
    """
    network = joint.network
    metric = network.metrics.names.index(joint.objective)
    per_j, per_s = scale * network.metrics.per_j[metric], scale * network.metrics.per_s[metric]
    priced = replace(
        network,
        static_power_w=per_s + per_j * network.static_power_w,
        idle_power_w=np.zeros(network.size),
        link_j_per_bit=scale * network.metrics.per_bit[metric],
        metrics=_with_energy(network),
    )
    apps = tuple(_priced(app, priced, per_j) for app in joint.apps)
    return JointInstance(priced, apps, joint.branch)


def _priced(app: Instance, network: Network, per_j: Floats) -> Instance:
    """Return the app with costs of the metric; its energy is a metric, limited as it was."""
    limits = app.limits
    if np.isfinite(limits.energy_j):
        limits = replace(limits, energy_j=np.inf, metrics={**limits.metrics, _ENERGY: limits.energy_j})
    added, blocks, heads = app.metric_costs, app.blocks, app.heads
    return replace(
        app,
        network=network,
        blocks=_costs(blocks, network, per_j),
        heads=_costs(heads, network, per_j),
        limits=limits,
        metric_costs=MetricCosts(
            np.concatenate([added.blocks, blocks.energy_j[None]]),
            np.concatenate([added.heads, heads.energy_j[None]]),
            np.concatenate([added.dynamic_blocks, blocks.dynamic_j[None]]),
            np.concatenate([added.dynamic_heads, heads.dynamic_j[None]]),
        ),
    )


def _costs(costs: Costs, network: Network, per_j: Floats) -> Costs:
    dynamic = per_j * costs.dynamic_j
    return replace(costs, energy_j=dynamic + network.static_power_w * costs.time_s, dynamic_j=dynamic)


def _with_energy(network: Network) -> NetworkMetrics:
    """Return the metrics of a network with energy as the last one."""
    metrics, nodes = network.metrics, np.zeros((1, network.size))
    return NetworkMetrics(
        (*metrics.names, _ENERGY),
        (*metrics.units, "J"),
        np.concatenate([metrics.per_s, nodes]),
        np.concatenate([metrics.per_j, nodes + 1.0]),
        np.concatenate([metrics.per_bit, network.link_j_per_bit[None]]),
    )


def _nominal(joint: JointInstance) -> float:
    """Return the sum over apps of all blocks at their dearest node and all data on its dearest link."""
    total = 0.0
    for app in joint.apps:
        bits = float(app.input_bits + app.output_bits.sum() + app.result_bits.sum())
        carried = bits * float(app.network.link_j_per_bit.max(initial=0.0))
        total += app.rate_per_s * (float(app.blocks.energy_j.max(axis=1).sum()) + carried)
    return total
