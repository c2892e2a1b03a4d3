"""Aggregation of equal nodes: a smaller graph, on which every plan of an app has a path that costs no more.

Packages are full of equal nodes that differ in little but how far away they are. Nodes that an app cannot tell apart
but by their routes are taken together, with every efficient route that any of them has to any node of another kind,
or of the same. A plan's segments keep their costs, and each transfer finds its own route or a better one, so bounds on
paths of the small graph hold on the large one.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from planner.clear.pricing.routes import Routes
from planner.clear.pricing.shortest_path import Pricer
from planner.clear.pricing.sweep import AppPrices
from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.costs import Costs
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Floats, Ints, Network

_MOST_KEPT = 64
"""Partitions of the nodes into classes for which routes are kept; some for each source."""
_NO_INTS: Ints = np.zeros(0, dtype=np.int64)
_NO_FLOATS: Floats = np.zeros(0)


def aggregate_nodes(pricer: Pricer, prices: AppPrices) -> tuple[Pricer, AppPrices]:
    """Return a pricer for P kinds of nodes in place of N nodes, and what they meet.

    Nodes that can run nothing are left out. Source and destination are kinds of their own.
    """
    if pricer.seen is None or pricer.seen[0] is not prices:
        pricer.seen = (prices, *_aggregated(pricer, prices))
    return pricer.seen[1:]


def _aggregated(pricer: Pricer, prices: AppPrices) -> tuple[Pricer, AppPrices]:
    kind, chosen = _alike(pricer, prices)
    if len(chosen) == len(kind):
        return pricer, prices
    small = pricer.aggregated.get(kind.tobytes())
    if small is None:
        between, moving = _routes_between(pricer.routes, kind)
        members = [np.flatnonzero(kind == number_of_kind) for number_of_kind in range(len(chosen))]
        small = pricer.on_nodes(_instance(pricer.instance, kind, chosen), between, members)
        small.moving = moving  # another node of the same kind is another place
        pricer.keep_aggregated(kind.tobytes(), small)
    by_node = {field.name: getattr(prices, field.name)[chosen] for field in fields(prices) if field.name != "media_w"}
    return small, replace(prices, **by_node)


def _alike(pricer: Pricer, prices: AppPrices) -> tuple[Ints, Ints]:
    """(N,) the kind of each node, -1 of those that can run nothing, and (P,) one node of each."""
    instance = pricer.instance
    nodes = np.arange(instance.network.size)
    ends = (nodes == instance.source) | (nodes == instance.destination)
    if pricer.label is None:
        pricer.label = _labels(instance, pricer.kind)
    by_node = [getattr(prices, field.name) for field in fields(prices) if field.name != "media_w"]
    figures = np.stack([pricer.label, *by_node])
    kept = np.flatnonzero(instance.allowed.any(axis=0) | ends)
    _, first, like = np.unique(figures[:, kept], axis=1, return_index=True, return_inverse=True)
    order = np.argsort(first)  # classes in the order of their first nodes, whatever the prices
    kinds = np.full(len(nodes), -1, dtype=np.int64)
    kinds[kept] = np.argsort(order)[like.ravel()]
    return kinds, kept[first[order]]


def _labels(instance: Instance, kind: Floats) -> Floats:
    """(N,) a number for each kind of node, whatever the prices: source and destination are kinds of their own."""
    nodes = np.arange(instance.network.size)
    figures = [nodes == instance.source, nodes == instance.destination, kind, instance.network.memory_bytes]
    rows = np.concatenate([np.stack(figures), instance.allowed, instance.heads.can_run])
    _, label = np.unique(rows, axis=1, return_inverse=True)
    return np.asarray(label.ravel(), dtype=np.float64)


def _routes_between(routes: Routes, kind: Ints) -> tuple[Routes, Bools]:
    """Return efficient routes between kinds, and which of them move; apps with the same kinds share them."""
    key = kind.tobytes()
    if (found := routes.between.get(key)) is None:
        number, moving = _efficient(routes, kind)
        found = _routes(routes, kind, number), moving
        if len(routes.between) >= _MOST_KEPT:
            routes.between.clear()
        routes.between[key] = found
    return found


def _efficient(routes: Routes, kind: Ints) -> tuple[Ints, Bools]:
    """(G,) routes that no other between the same kinds, over the same priced media, is better than; whether they move.

    They are sorted by the kind that they lead to.
    """
    source, target, moving = kind[routes.source], kind[routes.target], routes.source != routes.target
    loads = np.zeros((len(routes.priced), len(source)))
    for load, (numbers, s_per_bit) in zip(loads, routes.priced, strict=True):
        load[numbers] = s_per_bit
    hosted = np.flatnonzero((source >= 0) & (target >= 0))
    _, group = np.unique(np.stack([source, target, moving, *(loads > 0.0)])[:, hosted], axis=1, return_inverse=True)
    criteria = np.stack([routes.j_per_bit, routes.s_per_bit, routes.latency_s, *loads], axis=1)
    number = hosted[non_dominated(group.ravel(), criteria[hosted])]
    number = number[np.argsort(target[number], kind="stable")]
    return number, moving[number]


def _routes(routes: Routes, kind: Ints, number: Ints) -> Routes:
    """Return some routes as routes between kinds."""
    source, target = kind[routes.source[number]], kind[routes.target[number]]
    kinds = np.arange(kind.max() + 1)
    by_source = np.argsort(source, kind="stable")
    priced = []
    for numbers, s_per_bit in routes.priced:
        load = np.zeros(len(routes.source))
        load[numbers] = s_per_bit
        priced.append((np.flatnonzero(load[number] > 0.0), load[number][load[number] > 0.0]))
    return Routes(
        table=routes.table,
        media=routes.media,
        source=source,
        target=target,
        option=routes.option[number],
        by_source=by_source,
        source_start=np.searchsorted(source[by_source], kinds),
        j_per_bit=routes.j_per_bit[number],
        s_per_bit=routes.s_per_bit[number],
        latency_s=routes.latency_s[number],
        priced=tuple(priced),
    )


def _instance(instance: Instance, kind: Ints, chosen: Ints) -> Instance:
    destination = instance.destination
    return replace(
        instance,
        network=_network(instance.network, chosen),
        blocks=_costs(instance.blocks, chosen),
        heads=_costs(instance.heads, chosen),
        allowed=instance.allowed[:, chosen],
        source=int(kind[instance.source]),
        destination=None if destination is None else int(kind[destination]),
    )


def _costs(costs: Costs, chosen: Ints) -> Costs:
    return Costs(*(getattr(costs, field.name)[:, chosen] for field in fields(costs)))


def _network(network: Network, chosen: Ints) -> Network:
    """Return some nodes without links, for routes stand for these."""
    names = ("names", "tiers", "hardware")
    named: dict[str, Any] = {name: tuple(getattr(network, name)[node] for node in chosen) for name in names}
    columns = (
        "hosts", "ops_per_s", "j_per_op", "active_power_w", "static_power_w", "idle_power_w", "memory_bytes",
        "max_utilization", "slowest", "fastest",
    )  # fmt: skip
    ends: dict[str, Any] = dict.fromkeys(("link_source", "link_target", "link_medium"), _NO_INTS)
    figures: dict[str, Any] = dict.fromkeys(("link_bit_per_s", "link_latency_s", "link_j_per_bit"), _NO_FLOATS)
    figures |= {name: getattr(network, name)[chosen] for name in columns}
    return replace(network, **named, **ends, **figures)
