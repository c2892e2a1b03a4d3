"""Enumeration of all undominated columns of an app, for small workloads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.clear.problem.budget import Budget
from planner.clear.problem.column import Column, column_of, exit_sets_of
from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import JointApp, of_variant
from planner.fin.deadline import Deadline
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Floats, Network
from planner.fin.methods.enumeration import TooManyError, decisions

_FEW_NODES, _FEW_PLANS, _FEW_COLUMNS = 8, 6_000, 2_000
"""A workload is small on so few nodes, with so few plans and columns that may be the best of every app."""


def all_columns(joint: JointInstance, most_plans: int, deadline: Deadline) -> list[list[Column]]:
    """Enumerate the columns of every app: all that it could do alone, but those that another one beats throughout.

    Args:
        joint: The apps.
        most_plans: Largest number of plans per app that is looked at.
        deadline: When to give up.

    Returns:
        Undominated columns, a list for every app in the order of `joint.apps`.

    Raises:
        TooManyError: An app has more plans, or the time is up.
    """
    return [columns_of(number, app, most_plans, deadline) for number, app in enumerate(joint.apps)]


def columns_of(number: int, app: JointApp, most_plans: int, deadline: Deadline) -> list[Column]:
    """Return the columns of one app, of all its variants; see `all_columns`.

    Args:
        number: Which app (index).
        app: The app on the network.
        most_plans: Decisions of a variant above which nothing is listed (count).
        deadline: When to give up.

    Returns:
        The undominated columns that fit alone.
    """
    own = [
        column_of(number, instance, of_variant(decision, variant), exit_set)
        for variant, instance in app.possible
        for decision in decisions(instance, most_plans, deadline)
        for exit_set in range(exit_sets_of(instance, decision))
    ]
    network = app.variants[0].network
    return _undominated([column for column in own if fits_alone(network, column)], network)


def columns_of_few(joint: JointInstance, deadline: Deadline) -> list[list[Column]] | None:
    """Return all columns of all apps where the workload is small; None where it is not, or time is up.

    Args:
        joint: The apps.
        deadline: When to give up.
    """
    if joint.network.size > _FEW_NODES:
        return None
    found: list[list[Column]] = []
    for number, app in enumerate(joint.apps):
        plans = (np.prod(one.allowed.sum(axis=1), dtype=np.float64) * one.points.count for _, one in app.possible)
        if sum(plans) > _FEW_PLANS:
            return None
        try:
            found.append(columns_of(number, app, _FEW_PLANS, deadline))
        except TooManyError:
            return None
        if len(found[-1]) > _FEW_COLUMNS:
            return None
    return found


def fits_alone(network: Network, column: Column) -> bool:
    """Tell whether nothing is too much for an app that has all nodes and media for itself."""
    nodes = column.nodes
    rate = network.max_utilization[nodes] * network.fastest[nodes]
    with np.errstate(divide="ignore", invalid="ignore"):
        node_s = np.where(column.node_s > 0.0, column.node_s / rate, 0.0)
    in_time = column.fixed_s + node_s.sum(axis=1) + column.medium_s.sum(axis=1) <= column.most_s
    return bool(
        in_time.all()
        and (column.node_load <= rate).all()
        and (column.medium_load <= 1.0).all()
        and (column.alone_bytes <= network.memory_bytes[nodes]).all()
        and all(
            budget.least(network.slowest[nodes], network.fastest[nodes]) <= budget.most * (1.0 + TOLERANCE)
            for budget in column.budgets
        )
    )


def memory_figures(columns: Sequence[Column], network: Network) -> Floats:
    """(C, N + S) bytes that columns hold for themselves on each node, and which of S shared parameters they hold.

    The parts of shared parameters that columns count are not compared: a node holds the whole of one that is alone.

    Args:
        columns: C columns of one app.
        network: The N nodes.
    """
    place = {key: network.size + row for row, key in enumerate(sorted({one.key for c in columns for one in c.shared}))}
    found = np.zeros((len(columns), network.size + len(place)))
    for row, column in zip(found, columns, strict=True):
        row[column.nodes] = column.memory_bytes
        for one in column.shared:
            row[one.node] -= one.part_bytes
            row[place[one.key]] = 1.0
    return found


def _undominated(columns: list[Column], network: Network) -> list[Column]:
    """Keep the columns that no other one of as many latencies is at most equal to in every figure."""
    kept: list[Column] = []
    kept_figures: dict[int, list[Floats]] = {}
    memory = memory_figures(columns, network)
    figures = [np.concatenate([_figures(column, network), row]) for column, row in zip(columns, memory, strict=True)]
    for number in sorted(range(len(columns)), key=lambda index: (float(figures[index].sum()), index)):
        others = kept_figures.setdefault(len(columns[number].fixed_s), [])
        if not others or not (np.array(others) <= figures[number]).all(axis=1).any():
            kept.append(columns[number])
            others.append(figures[number])
    return kept


def _figures(column: Column, network: Network) -> Floats:
    """All that a column asks for, over all nodes and media, beside memory."""
    rows = len(column.fixed_s)
    by_node, by_medium = np.zeros((4 + rows, network.size)), np.zeros((1 + rows, network.media))
    by_node[:, column.nodes] = [
        column.node_load, column.dynamic_w, column.static_w, np.ones(len(column.nodes)), *column.node_s,
    ]  # fmt: skip
    by_medium[:, column.media] = [column.medium_load, *column.medium_s]
    parts = [by_node.ravel(), by_medium.ravel(), column.fixed_s, [column.transfer_w]]
    return np.concatenate([*parts, *(limited_figures(budget, column, network) for budget in column.budgets)])


def limited_figures(budget: Budget, column: Column, network: Network) -> Floats:
    """(2 N + 1,) what a limited sum of a column grows with: its parts on every node, and that of transfers.

    Args:
        budget: The limited sum, by node and for transfers.
        column: The column, which names the nodes.
        network: The N nodes.

    Returns:
        (2 N + 1,) figures, in the unit of the limit.
    """
    figures = np.zeros((2, network.size))
    figures[:, column.nodes] = budget.dynamic, budget.static
    return np.append(figures.ravel(), budget.transfer)
