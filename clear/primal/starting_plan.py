"""Starting plan: the best plan that cheap baselines find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from planner.clear.allocation.plan import Plan
from planner.clear.baselines.sequential import sequential_plan
from planner.clear.baselines.single_node import edge_nodes, first_fit_plan, on_single_nodes, single_nodes
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools

_PROGRAMS = 100
"""Choices of one node per app for which speeds and shares are sought."""
_FEW_APPS = 12
"""Of more apps, single nodes are tried only where nothing else finds a plan."""
_GAP, _POINTS = 0.05, 6
"""Relative gap of each app's search in the sequential plan, and operating points that it tries at first."""


def starting_plan(joint: JointInstance, deadline: Deadline) -> Plan | None:
    """Return the best plan that cheap baselines find.

    Of few apps, each is put on one node. The sequential plan costs a search per app; it is made where time is limited,
    so that a plan is held before anything else begins, and otherwise left to `any_baseline_plan`.

    Args:
        joint: The apps.
        deadline: When to give up.
    """
    best = None
    if joint.count <= _FEW_APPS:
        best = on_single_nodes(joint, single_nodes(joint, joint.network.hosts), _PROGRAMS, deadline)
    if deadline.remaining_s < float("inf") and not deadline.expired:
        other = sequential_plan(joint, _GAP, deadline, _POINTS)
        if other is not None and (best is None or other.power_w < best.power_w):
            best = other
    return best


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
    return on_single_nodes(joint, single_nodes(joint, nodes), 4 * _PROGRAMS, deadline)


def _first_fit(joint: JointInstance, nodes: Bools, deadline: Deadline) -> Plan | None:
    return first_fit_plan(joint, nodes, deadline)[0]
