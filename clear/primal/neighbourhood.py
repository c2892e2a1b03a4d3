"""Neighbourhood of a plan: priced columns of every app at the speeds of the plan, copied to equal nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from planner.clear.allocation.plan import Plan
from planner.clear.master.priced_column import PricedColumn, price_columns
from planner.clear.master.symmetry import NodeSymmetry
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.primal.local_search import raised_prices
from planner.clear.problem.column import Column, Key, key_of
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats, Ints, Network

_LEAST_PRICES = (1e-3, 3e-2, 3e-1)
"""Least price of a whole node or medium, in parts of the plan's power. At dearer ones more apps have room on a node
that is nearly free."""
_HOPELESS = 3.0
"""Columns whose transfers alone cost this many times an app's cheapest priced column are left out."""
_SAME = 1e-4
"""Relative difference of shares that makes priced columns of a column different."""
_MORE_PLACES, _MOST_PLACES = 2, 18
"""Equal nodes that priced columns are made on, beyond those of one kind in use, and at most."""

_AtPrices = tuple[PricedColumn | None, ...]
"""A column priced several times; None where it is late."""


def neighbourhood(
    joint: JointInstance, symmetry: NodeSymmetry, known: Sequence[Sequence[Column]], plan: Plan, deadline: Deadline
) -> Iterator[PricedColumn]:
    """Yield priced columns of the columns known of every app, each on several equal nodes and at several prices.

    Args:
        joint: The apps.
        symmetry: Which nodes are equal.
        known: Columns of each app.
        plan: The plan in whose surroundings columns are sought.
        deadline: When to stop.

    Yields:
        Priced columns.
    """
    used = np.unique(np.concatenate([column.nodes for column in plan.columns]))
    places = min(int(np.bincount(joint.kinds[used]).max()) + _MORE_PLACES, _MOST_PLACES)
    held_joint = replace(joint, network=_held_at(joint.network, used, plan.allocation.speed))
    first = [on_first_nodes(joint, symmetry, app, columns) for app, columns in enumerate(known)]
    flat = [column for columns in first for column in columns]
    prices = [raised_prices(joint, plan, least) for least in _LEAST_PRICES]
    at_prices = list(zip(*(price_columns(flat, held_joint, price) for price in prices), strict=True))
    begin = 0
    for app, columns in enumerate(first):
        own = at_prices[begin : begin + len(columns)]
        begin += len(columns)
        for priced, further in _competitive(own, prices[0]):
            column = priced.column
            alone = len(column.nodes) + len(column.media) == 1  # the time limit says what rate it needs
            held = _distinct([priced, *(other for other in further if other is not None and not alone)])
            yield from held
            if deadline.expired:
                continue
            for offset in range(1, min(places, symmetry.largest_class(column.decision))):
                copy = joint.column(app, symmetry.moved_to(app, column.decision, offset), column.exit_set)
                yield from (copied_to(own, copy) for own in held)


def _held_at(network: Network, nodes: Ints, speed: Floats) -> Network:
    """Return the network with some nodes held at their speeds (N,)."""
    slowest, fastest = network.slowest.copy(), network.fastest.copy()
    slowest[nodes] = fastest[nodes] = speed[nodes]
    return replace(network, slowest=slowest, fastest=fastest)


def on_first_nodes(joint: JointInstance, symmetry: NodeSymmetry, app: int, columns: Sequence[Column]) -> list[Column]:
    """Return columns on the first nodes of each kind, those that are copies of others once.

    Args:
        joint: The apps.
        symmetry: Which nodes are equal.
        app: Which app (index).
        columns: Its columns.

    Returns:
        The columns that differ.
    """
    found: dict[Key, Column] = {}
    for column in columns:
        decision = symmetry.moved_to(app, column.decision, 0)
        key = key_of(decision, column.exit_set)
        if key not in found:
            found[key] = column if key == column.key else joint.column(app, decision, column.exit_set)
    return list(found.values())


def _competitive(at_prices: Sequence[_AtPrices], prices: DualPrices) -> list[tuple[PricedColumn, _AtPrices]]:
    """Return columns whose transfers alone do not cost far more than the cheapest column, and their further prices."""
    possible = [(first, tuple(others)) for first, *others in at_prices if first is not None]
    costs_w = [one.power_w + float(prices.node_w[one.column.nodes] @ one.node_share) for one, _ in possible]
    most_w = _HOPELESS * min(costs_w, default=0.0)
    return [(one, others) for one, others in possible if one.column.transfer_w <= most_w]


def _distinct(priced_columns: Sequence[PricedColumn]) -> list[PricedColumn]:
    """Return priced columns of one column without those whose shares are nearly the same as those of one before."""
    found: list[PricedColumn] = []
    for priced in priced_columns:
        share = priced.node_share
        if not any((abs(share - other.node_share) <= _SAME * (1.0 + other.node_share)).all() for other in found):
            found.append(priced)
    return found


def copied_to(priced: PricedColumn, column: Column) -> PricedColumn:
    """Return a priced column of the same column on other nodes; media that only the copy uses have room."""
    moved = dict(zip(priced.column.decision.nodes, column.decision.nodes, strict=True))
    place = np.searchsorted(column.nodes, [moved[node] for node in priced.column.nodes.tolist()])
    speed, share = np.empty(len(place)), np.empty(len(place))
    speed[place], share[place] = priced.speed, priced.node_share
    on_air = dict(zip(priced.column.media.tolist(), priced.medium_share.tolist(), strict=True))
    medium_share = np.array([on_air.get(medium, 1.0) for medium in column.media.tolist()])
    return PricedColumn(column, speed, share, medium_share, priced.power_w)
