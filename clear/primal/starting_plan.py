"""Starting plan: the best plan that cheap baselines find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from planner.clear.allocation.app_view import most_favourable
from planner.clear.allocation.plan import Plan
from planner.clear.baselines.sequential import frugal_points, sequential_plan
from planner.clear.baselines.single_node import edge_nodes, first_fit_plan, on_single_nodes, single_nodes
from planner.clear.master.symmetry import NodeSymmetry
from planner.clear.pricing.routes import list_routes
from planner.clear.primal.greedy import greedy_plan
from planner.clear.problem.chain_relaxation import best_on_nodes
from planner.clear.problem.column import Column
from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import of_variant
from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.graph.routes import RouteTable
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools, Floats, Ints

_PROGRAMS = 100
"""Choices of one node per app for which speeds and shares are sought."""
_FEW_APPS = 12
"""Of more apps, single nodes are tried only where nothing else finds a plan."""
_FEW_POINTS = 2
"""Operating points of least energy at which many apps are put on one node each."""
_GAP, _POINTS = 0.05, 6
"""Relative gap of each app's search in the sequential plan, and operating points that it tries at first."""


def starting_plan(joint: JointInstance, deadline: Deadline, end: Deadline) -> Plan | None:
    """Return the best plan that cheap baselines find.

    Of few apps, each is put on one node. Where time is limited, more apps are inserted one after the other, each on its
    best of a few nodes, and the sequential plan is made, which costs a search per app: so a good plan is held before
    anything else begins. Without a limit, the first columns that pricing finds give a better plan of many apps.

    Args:
        joint: The apps.
        deadline: When to begin nothing more.
        end: When to give up what was begun: no plan is worse than a late one.

    Returns:
        A plan that keeps every limit; None where no baseline finds one in time.
    """
    best, limited = None, end.remaining_s < float("inf")
    if joint.count <= _FEW_APPS:
        best = on_single_nodes(joint, single_nodes(joint, joint.network.hosts, end), _PROGRAMS, deadline)
    elif limited:
        best = inserted_plan(joint, end)
    if limited and not deadline.expired:
        other = sequential_plan(joint, _GAP, deadline, _POINTS)
        if other is not None and (best is None or other.power_w < best.power_w):
            best = other
    return best


def inserted_plan(joint: JointInstance, deadline: Deadline) -> Plan | None:
    """Return a plan of apps that are whole on one node each, at few operating points, by greedy insertion.

    Args:
        joint: The apps.
        deadline: When to give up.
    """
    try:
        routes = list_routes(joint.network, joint.media.tolist(), deadline)
    except DeadlineReachedError:
        return None
    symmetry = NodeSymmetry(joint, routes)
    nodes = symmetry.first_nodes & joint.network.hosts
    known = []
    for app, own in enumerate(joint.apps):
        if deadline.expired:
            return None
        known.append(
            [
                column
                for number, variant in own.possible
                for column in _on_single_nodes_of(joint, app, number, variant, nodes, routes.table)
            ]
        )
    return greedy_plan(joint, symmetry, known, deadline) if all(known) else None


def _on_single_nodes_of(
    joint: JointInstance, app: int, number: int, variant: Instance, nodes: Bools, table: RouteTable
) -> list[Column]:
    """Return a column of a variant on each of some nodes (a mask (N,)), at one of few operating points."""
    points = np.flatnonzero(frugal_points(variant, _FEW_POINTS))
    if variant.dataflow is None and variant.destination is None:
        found = (_in_time(joint, app, number, variant, node, points, table) for node in np.flatnonzero(nodes).tolist())
        return [column for column in found if column is not None]
    some = most_favourable(variant.only_points(np.isin(np.arange(variant.points.count), points)))
    plans = best_on_nodes(some.without_metrics(), nodes).values()
    decisions = [of_variant(replace(decision, point=int(points[decision.point])), number) for decision in plans]
    return [joint.column(app, decision) for decision in decisions]


def _in_time(
    joint: JointInstance, app: int, number: int, variant: Instance, node: int, points: Ints, table: RouteTable
) -> Column | None:
    """Return a chain's column on one node at the point of least energy that keeps the deadline at full shares."""
    routes = np.where(table.valid[:, variant.source, node], table.metrics[0, :, variant.source, node], np.inf)
    if not np.isfinite(routes).any():
        return None
    path = table.path(int(routes.argmin()), variant.source, node)
    energy_j = _energy_on(variant, node, points)
    for point in points[np.argsort(energy_j, kind="stable")[: np.isfinite(energy_j).sum()]].tolist():
        depth = int(variant.points.depth[point])
        transfers = (path, *[(node,)] * (depth - 1))
        column = joint.column(app, Decision(point, (node,) * depth, transfers, {}, number))
        late_s = column.node_s.sum(axis=1) / joint.network.fastest[node] + column.medium_s.sum(axis=1) + column.fixed_s
        if (late_s <= column.most_s).all():
            return column
    return None


def _energy_on(variant: Instance, node: int, points: Ints) -> Floats:
    """(P,) joules of computing at some operating points on one node; infinite where it may not run all blocks."""
    chosen, blocks = variant.points, len(variant.block_names)
    reach = chosen.computing_weight(chosen.reach(blocks)[points])
    deployed = np.arange(blocks) < chosen.depth[points][:, None]
    on = chosen.on[points]
    runs = (variant.allowed[:, node] | ~deployed).all(axis=1) & (variant.heads.can_run[:, node] | ~on).all(axis=1)
    block_j = np.where(variant.allowed[:, node], variant.blocks.energy_j[:, node], 0.0)
    head_j = np.where(variant.heads.can_run[:, node], variant.heads.energy_j[:, node], 0.0)
    total = reach @ block_j + (on * reach[:, chosen.exit_block]) @ head_j
    return np.asarray(np.where(runs, total, np.inf))


def any_baseline_plan(joint: JointInstance, deadline: Deadline) -> Plan | None:
    """Return the first plan that any baseline finds, the cheapest baseline first."""
    for baseline in _baselines(joint, deadline):
        if deadline.expired:
            return None
        if (plan := baseline()) is not None:
            return plan
    return None


def _baselines(joint: JointInstance, deadline: Deadline) -> Iterator[Callable[[], Plan | None]]:
    hosts, edge = joint.network.hosts, edge_nodes(joint)
    yield lambda: sequential_plan(joint, _GAP, deadline, _POINTS)
    yield lambda: sequential_plan(joint, _GAP, deadline)
    for nodes in (hosts, edge):
        yield partial(_on_single_nodes, joint, nodes, deadline)
        yield partial(_first_fit, joint, nodes, deadline)


def _on_single_nodes(joint: JointInstance, nodes: Bools, deadline: Deadline) -> Plan | None:
    return on_single_nodes(joint, single_nodes(joint, nodes, deadline), 4 * _PROGRAMS, deadline)


def _first_fit(joint: JointInstance, nodes: Bools, deadline: Deadline) -> Plan | None:
    return first_fit_plan(joint, nodes, deadline)[0]
