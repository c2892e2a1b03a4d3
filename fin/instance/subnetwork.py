"""An app on some of the nodes of its network, and decisions carried back to the whole one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.fin.instance.costs import Costs
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.metrics import NetworkMetrics
from planner.fin.instance.network import Ints, Network


def on_nodes(instance: Instance, nodes: Ints) -> Instance:
    """Return an app whose network has some of the nodes alone, and the links between them.

    Args:
        instance: The app; without a destination, its blocks a chain.
        nodes: Nodes to keep, in increasing order, the source among them.
    """
    added = instance.metric_costs
    if instance.network.metrics.count:
        added = added.on_nodes(nodes)
    return replace(
        instance,
        network=_network_of(instance.network, nodes),
        blocks=_costs_on(instance.blocks, nodes),
        heads=_costs_on(instance.heads, nodes),
        allowed=instance.allowed[:, nodes],
        source=int(np.searchsorted(nodes, instance.source)),
        metric_costs=added,
    )


def on_whole_network(decision: Decision, nodes: Ints) -> Decision:
    """Return a decision for the app on some nodes as one for the app on the whole network.

    Args:
        decision: The decision.
        nodes: The nodes that were kept.
    """
    names = nodes.tolist()
    return Decision(
        decision.point,
        tuple(names[node] for node in decision.nodes),
        tuple(tuple(names[node] for node in path) for path in decision.transfers),
        {exit_: tuple(names[node] for node in path) for exit_, path in decision.results.items()},
    )


def _costs_on(costs: Costs, nodes: Ints) -> Costs:
    return Costs(*(getattr(costs, name)[:, nodes] for name in Costs.__dataclass_fields__))


def _network_of(network: Network, nodes: Ints) -> Network:
    """Return the network of some nodes; media are numbered anew."""
    kept = np.zeros(network.size, dtype=bool)
    kept[nodes] = True
    links = np.flatnonzero(kept[network.link_source])
    links = links[kept[network.link_target[links]]]
    used, medium = np.unique(network.link_medium[links], return_inverse=True)
    figures = network.metrics
    per_node = (
        "hosts", "ops_per_s", "j_per_op", "active_power_w", "static_power_w", "idle_power_w", "memory_bytes",
        "max_utilization", "slowest", "fastest",
    )  # fmt: skip
    per_link = ("link_bit_per_s", "link_latency_s", "link_j_per_bit")
    return replace(
        network,
        names=tuple(network.names[node] for node in nodes),
        tiers=tuple(network.tiers[node] for node in nodes),
        hardware=tuple(network.hardware[node] for node in nodes),
        link_source=np.searchsorted(nodes, network.link_source[links]),
        link_target=np.searchsorted(nodes, network.link_target[links]),
        link_medium=medium.reshape(-1),
        media=len(used),
        named_media=(),
        metrics=figures if figures.count == 0 else _metrics_of(figures, nodes, links),
        **{name: getattr(network, name)[nodes] for name in per_node},
        **{name: getattr(network, name)[links] for name in per_link},
    )


def _metrics_of(metrics: NetworkMetrics, nodes: Ints, links: Ints) -> NetworkMetrics:
    per_s, per_j, per_bit = metrics.per_s[:, nodes], metrics.per_j[:, nodes], metrics.per_bit[:, links]
    return replace(metrics, per_s=per_s, per_j=per_j, per_bit=per_bit)
