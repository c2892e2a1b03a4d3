"""Greedy insertion: a first plan from the columns that pricing found, one app after the other.

Each app takes the priced column that adds the least power to what those before it ask of nodes and media, the idle
power of nodes that it puts into use included. Columns are copied to further equal nodes as the first ones fill up, and
priced at several prices of shares: at low ones an app takes much of a node and slows it down, at high ones it leaves
room for others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from planner.clear.allocation.plan import Plan, plan_of
from planner.clear.master.priced_column import PricedColumn, price_columns
from planner.clear.master.symmetry import NodeSymmetry
from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.primal.annealing import Asked, asked_by, places_of, summed
from planner.clear.primal.neighbourhood import on_first_nodes
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Path

_LEVELS = (1e-3, 3e-2, 1.0)
"""Least price of a whole node or medium, in parts of the power of all apps."""

_ORDERS = 30
"""Orders of apps that are tried: one that finds no room is the first the next time."""

_WHOLE: Asked = (0.0, 0.0, 1.0, 0.0, 1)
"""All of a medium."""


def greedy_plan(
    joint: JointInstance,
    symmetry: NodeSymmetry,
    known: Sequence[Sequence[Column]],
    deadline: Deadline,
) -> Plan | None:
    """Build a plan by inserting one app after the other, with columns known or their copies on equal nodes.

    Args:
        joint: The apps.
        symmetry: Equal nodes.
        known: Columns known of every app.
        deadline: When to give up.

    Returns:
        A plan; None where an app finds no room.
    """
    first = [on_first_nodes(joint, symmetry, app, columns) for app, columns in enumerate(known)]
    flat = [column for columns in first for column in columns]
    offers: list[list[PricedColumn]] = [[] for _ in known]
    for prices in _price_levels(joint, flat):
        for priced in price_columns(flat, joint, prices):
            if priced is not None:
                offers[priced.column.app].append(priced)
    return inserted(joint, symmetry, offers, deadline)


def inserted(
    joint: JointInstance,
    symmetry: NodeSymmetry,
    offers: Sequence[Sequence[PricedColumn]],
    deadline: Deadline,
    opened: Collection[int] = (),
) -> Plan | None:
    """Build a plan by inserting one app after the other, with priced columns or their copies on equal nodes.

    Args:
        joint: The apps.
        symmetry: Equal nodes.
        offers: Priced columns of every app.
        deadline: When to give up.
        opened: Nodes whose idle power is not counted, as if they were in use whatever apps do.

    Returns:
        A plan; None where an app finds no room.
    """
    if not all(offers):
        return None
    least_w = [min(priced.power_w for priced in own) for own in offers]
    order = sorted(range(joint.count), key=lambda app: (-least_w[app], app))
    copies = _Copies(joint, symmetry)
    for _ in range(_ORDERS):
        found = _in_order(_Insertion(joint, copies, opened), offers, order, deadline)
        if not isinstance(found, int):
            return plan_of(joint, found)
        if order[0] == found or deadline.expired:
            return None
        order = [found, *(app for app in order if app != found)]
    return None


def _in_order(
    insertion: _Insertion, offers: Sequence[Sequence[PricedColumn]], order: Sequence[int], deadline: Deadline
) -> list[Column] | int:
    """Insert apps in an order; return the column of each app, or the number of the first that finds no room."""
    chosen = dict[int, Column]()
    for app in order:
        found = None if deadline.expired else insertion.insert(offers[app])
        if found is None:
            return app
        chosen[app] = found
    return [chosen[app] for app in range(len(order))]


def _price_levels(joint: JointInstance, columns: Sequence[Column]) -> list[DualPrices]:
    """Return prices of shares that grow from level to level; idle power is passed on at all of them."""
    shared = DualPrices.none(joint)
    least_w = np.full(joint.count, np.inf)
    for column in columns:
        power_w = column.transfer_w + float((column.dynamic_w + column.static_w).sum())
        least_w[column.app] = min(least_w[column.app], power_w)
    total_w = float(least_w[np.isfinite(least_w)].sum())
    return [
        replace(
            shared,
            node_w=np.maximum(shared.node_w, level * total_w),
            media_w=np.maximum(shared.media_w, level * total_w),
        )
        for level in _LEVELS
    ]


class _Copies:
    """Priced columns on further equal nodes; columns are computed of those that are chosen alone."""

    def __init__(self, joint: JointInstance, symmetry: NodeSymmetry) -> None:
        self._joint, self._symmetry = joint, symmetry
        self._asked: dict[tuple[int, int], list[tuple[int, Asked]]] = {}
        self._number = {medium: joint.network.size + place for place, medium in enumerate(joint.media.tolist())}
        self._media_of: dict[Path, list[int]] = {}
        self._places_of: dict[tuple[int, int], tuple[dict[int, int], list[int]]] = {}
        """Where the nodes of a column go, and the media that it then loads, by column and offset."""

    def most(self, priced: PricedColumn) -> int:
        """Return the number of places where a priced column can be."""
        return self._symmetry.largest_class(priced.column.decision)

    def asked(self, priced: PricedColumn, offset: int) -> list[tuple[int, Asked]]:
        """Return what the copy that passes over some nodes of each class asks of each place."""
        key = id(priced), offset
        if key not in self._asked:
            self._asked[key] = self._moved(priced, offset) if offset else asked_by(priced, self._joint)
        return self._asked[key]

    def column(self, priced: PricedColumn, offset: int) -> Column:
        """Return the column of a copy."""
        column = priced.column
        decision = self._symmetry.moved_to(column.app, column.decision, offset)
        return self._joint.column(column.app, decision, column.exit_set) if offset else column

    def _moved(self, priced: PricedColumn, offset: int) -> list[tuple[int, Asked]]:
        """Move what is asked of nodes to equal ones, and keep the shares of media; new media have room."""
        column, size = priced.column, self._joint.network.size
        key = id(column), offset
        if key not in self._places_of:  # at several prices of shares the same
            decision = self._symmetry.moved_to(column.app, column.decision, offset)
            paths = (*decision.transfers, *decision.results.values())
            loaded = dict.fromkeys(place for path in paths if len(path) > 1 for place in self._media(path))
            self._places_of[key] = dict(zip(column.decision.nodes, decision.nodes, strict=True)), list(loaded)
        places, media = self._places_of[key]
        held = self.asked(priced, 0)
        on_air = {place: asked for place, asked in held if place >= size}
        moved = [(places[place], asked) for place, asked in held if place < size]
        return moved + [(place, on_air.get(place, _WHOLE)) for place in media]

    def _media(self, path: Path) -> list[int]:
        """Return the media with a price on a path, by their places."""
        if path not in self._media_of:
            network = self._joint.network
            media = [int(network.link_medium[network.link(*ends)]) for ends in pairwise(path)]
            self._media_of[path] = [self._number[medium] for medium in media if medium in self._number]
        return self._media_of[path]


class _Insertion:
    """What the apps so far ask of every node and medium."""

    def __init__(self, joint: JointInstance, copies: _Copies, opened: Collection[int]) -> None:
        self._copies, self._places = copies, places_of(joint.network, joint.media)
        idle_w = joint.network.idle_power_w.copy()
        idle_w[list(opened)] = 0.0
        self._idle_w: list[float] = [*idle_w.tolist(), *([0.0] * len(joint.media))]
        self._held: list[Asked] = [(0.0, 0.0, 0.0, 0.0, 0)] * len(self._places)
        self._cost_w = [0.0] * len(self._places)
        of_kind = np.bincount(joint.kinds[list(opened)]) if opened else np.ones(1, dtype=np.int64)
        self._used = int(of_kind.max()) - 1
        """Most equal nodes that were passed over so far."""

    def insert(self, offers: Sequence[PricedColumn]) -> Column | None:
        """Give an app its cheapest priced column on nodes in use, or on the next ones; None where nothing has room."""
        most = [self._copies.most(priced) for priced in offers]
        least_w, chosen, used = np.inf, None, self._used
        for offset in range(max(most)):
            if offset > self._used + 1 and chosen is not None:
                break
            for priced, places in zip(offers, most, strict=True):
                if offset < places:
                    added_w = self._added_w(priced, self._copies.asked(priced, offset))
                    if added_w < least_w:
                        least_w, chosen, used = added_w, (priced, offset), max(self._used, offset)
        if chosen is None:
            return None
        self._used = used
        for place, asked_of in self._copies.asked(*chosen):
            self._held[place] = summed(self._held[place], asked_of)
            self._cost_w[place] = self._cost_of(place, self._held[place])
        return self._copies.column(*chosen)

    def _added_w(self, priced: PricedColumn, asked: Sequence[tuple[int, Asked]]) -> float:
        """Return the power that a priced column adds; infinite where it does not fit."""
        added_w = float(priced.column.transfer_w)
        for place, asked_of in asked:
            added_w += self._cost_of(place, summed(self._held[place], asked_of)) - self._cost_w[place]
        return added_w

    def _cost_of(self, place: int, asked: Asked) -> float:
        return float(self._places[place].power_w(asked) + self._idle_w[place])
