"""Resources that may be short at all: those that the most demanding use by all users would overload.

The most demanding use of a node is that every user who can reach it runs all blocks and heads there; of a medium, that
all that a model ever carries passes it. What that does not overload never has a price, and is no criterion of plans.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.instance.fleet_instance import KindPlans
from planner.fleet.instance.local_network import LocalNetwork
from planner.fleet.instance.model_arrays import ModelArrays, TypedCosts
from planner.fleet.instance.resources import Resources
from planner.fleet.plans.enumeration import efficient_plans
from planner.schemas.fleets.columns import FleetColumns


def scarce_resources(
    columns: FleetColumns,
    resources: Resources,
    models: list[ModelArrays],
    costs: list[TypedCosts],
    locals_: list[LocalNetwork],
    pairs: tuple[Ints, Ints, Ints],
) -> Bools:
    """(R + 1,) whether each resource may be short; the last one, which stands for no limit, is not.

    Args:
        columns: The classes.
        resources: The rows.
        models: Arrays of every model.
        costs: Costs of every model by device and type of node.
        locals_: Local networks.
        pairs: Class, link and local network of every pair.

    Returns:
        The mask.
    """
    pair_class, pair_link, pair_local = pairs
    demand = (columns.count * columns.rate_per_s)[pair_class]
    model = columns.model[pair_class]
    bits = np.array([each.input_bits + each.output_bits.sum() + each.result_bits.sum() for each in models])
    most = np.zeros(resources.count + 1)
    access = resources.link_row[pair_link]
    slowest = np.minimum(columns.link_bit_per_s, columns.link_down_bit_per_s)[pair_link]
    np.add.at(most, np.where(access < 0, resources.count, access), demand * bits[model] / slowest)
    by_local = np.zeros((len(locals_), len(models)))
    np.add.at(by_local, (pair_local, model), demand)
    time_s = np.array([_all_blocks_s(each) for each in costs])
    for local, asked in zip(locals_, by_local, strict=True):
        for node, kind in zip(local.nodes, local.types, strict=True):
            most[node] += float(asked @ time_s[:, kind])
        for medium, seconds in _worst_legs(local).items():
            most[resources.nodes + local.media[medium - 1]] += float(asked @ bits) * seconds
    return np.asarray(most > np.append(resources.capacity, np.inf), dtype=np.bool_)


def _all_blocks_s(costs: TypedCosts) -> Floats:
    """(T,) time of all blocks and heads on each type of shared node."""
    every = costs.blocks.time_s.sum(axis=0) + costs.heads.time_s.sum(axis=0)
    return np.asarray(every[costs.devices :], dtype=np.float64)


def _worst_legs(local: LocalNetwork) -> dict[int, float]:
    """Return the longest time that a leg takes of each local medium, in seconds per bit."""
    worst: dict[int, float] = {}
    for leg in local.legs:
        for medium, seconds in leg.media:
            if medium > 0:
                worst[medium] = max(worst.get(medium, 0.0), seconds)
    return worst


def scarce_by_kind(scarce: Bools, rows: list[Ints], signature: Ints) -> list[Bools]:
    """Mark the loads of each kind that may be short, alike for all kinds of one local network's signature.

    Args:
        scarce: (R + 1,) resources that may be short.
        rows: (n, K) resource of each load, for each kind.
        signature: Signature of the local network of each kind.

    Returns:
        For each kind, a (K,) mask of its loads.
    """
    found: dict[tuple[int, bool], Bools] = {}
    own = [bool((each == len(scarce) - 1).any()) for each in rows]
    for each, number, is_own in zip(rows, signature.tolist(), own, strict=True):
        here: Bools = np.asarray(scarce[each].any(axis=0), dtype=np.bool_)
        found[number, is_own] = here | found.get((number, is_own), here)
    return [found[number, is_own] for number, is_own in zip(signature.tolist(), own, strict=True)]


def without_loose_loads(
    kinds: list[KindPlans], resources: Resources, columns: FleetColumns, pair_class: Ints, signature: Ints
) -> list[KindPlans]:
    """Drop plans that are only efficient in loads of resources that no choice among all plans overloads.

    Some optimum is among the plans known, and none of these overloads such a resource; so its load is no criterion, and
    plans that are dominated without it go. That may make further resources loose.

    Args:
        kinds: Kinds with their plans.
        resources: The rows.
        columns: The classes.
        pair_class: (Q,) class of each pair.
        signature: Signature of the local network of each kind.

    Returns:
        The kinds with fewer plans.
    """
    rows = [each.rows for each in kinds]
    scarce = np.ones(resources.count + 1, dtype=bool)
    while True:
        most = np.zeros(resources.count + 1)
        for each in kinds:
            if each.plans.count:
                demand = (columns.count * columns.rate_per_s)[pair_class[each.pairs]]
                values = each.plans.loads_s.max(axis=0)[None] * demand[:, None]
                np.add.at(most, each.rows.reshape(-1), values.reshape(-1))
        still = scarce & (most > np.append(resources.capacity, np.inf))
        if (still == scarce).all():
            return kinds
        scarce = still
        flags = scarce_by_kind(scarce, rows, signature)
        kinds = [
            replace(each, plans=each.plans.take(efficient_plans(each.kind, each.plans, here)))
            for each, here in zip(kinds, flags, strict=True)
        ]
