"""Baselines that put every app whole on one node.

`full-dnn` and `full-dnn-edge` run DNNs without early exits at full speed, with equal shares for all who use a node or
medium: the fully executed DNNs, mostly at the edge, that the paper's abstract sets itself against. `alone` and
`edge-only` choose a node for each app as if there were no other, with exits, and set speeds and shares by the
geometric program; where those do not suffice, an app that is in the way goes to its next best node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.clear.allocation.allocate import Allocation, Limit, allocate, least_shares
from planner.clear.allocation.app_view import AppView, most_favourable, viewed_instance
from planner.clear.allocation.equal import equal_allocation, first_broken
from planner.clear.allocation.plan import Plan, overfull
from planner.clear.baselines.baseline import HeuristicRun
from planner.clear.problem.chain_relaxation import best_on_nodes
from planner.clear.problem.column import Column, column_of
from planner.clear.problem.instance import JointInstance
from planner.clear.problem.joint_app import JointApp, of_variant
from planner.clear.problem.points import whole_point
from planner.fin.deadline import Deadline
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools
from planner.fin.method import Options
from planner.fin.outcome import Outcome

_MOST_PROGRAMS = 400
"""Choices of nodes for which speeds and shares are sought."""


class FullDnn:
    """Whole DNNs without early exits, each on its cheapest node."""

    name = "full-dnn"
    description = "baseline: no early exits, one node per app, full speed, equal shares"

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Place every app without its early exits on one node."""
        return _full_dnn(joint, options, joint.network.hosts)


class FullDnnEdge:
    """Whole DNNs without early exits, each on its cheapest node that is not mobile."""

    name = "full-dnn-edge"
    description = "baseline: as full-dnn, and nothing runs on mobile nodes"

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Place every app without its early exits on one node that is not mobile."""
        return _full_dnn(joint, options, edge_nodes(joint))


class Alone:
    """Each app on its best single node."""

    name = "alone"
    description = "baseline: each app on the one node that is best for it alone, at the best speeds and shares"

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Place every app on one node."""
        return _alone(joint, options, joint.network.hosts)


class EdgeOnly:
    """Each app on its best single node that is not mobile."""

    name = "edge-only"
    description = "baseline: as alone, and nothing runs on mobile nodes"

    def solve(self, joint: JointInstance, options: Options) -> Outcome[Plan]:
        """Place every app on one node that is not mobile."""
        return _alone(joint, options, edge_nodes(joint))


def edge_nodes(joint: JointInstance) -> Bools:
    """(N,) nodes that host blocks and are not mobile."""
    return np.asarray(joint.network.hosts & np.array([tier != "mobile" for tier in joint.network.tiers]))


@dataclass(frozen=True)
class Candidate:
    """One app whole on one node."""

    column: Column
    node: int
    power_w: float
    """Without idle power, at its cheapest or at full speed."""


_Judged = tuple[Instance, Instance]
"""What an app may do, and the same at the costs by which nodes are compared."""


def _candidates(number: int, app: JointApp, judge: Callable[[Instance], _Judged], nodes: Bools) -> list[Candidate]:
    """Return the app, by variant, on each node where it can run alone, the cheapest first."""
    idle_w = app.variants[0].network.idle_power_w
    rows = [row for variant, instance in app.possible for row in _of_variant(number, variant, judge(instance), nodes)]
    return sorted(rows, key=lambda row: (row.power_w + idle_w[row.node], row.node))


def _of_variant(app: int, variant: int, judged_as: _Judged, nodes: Bools) -> list[Candidate]:
    """Return one variant of an app on each node where it can run alone."""
    instance, judged = judged_as
    found = best_on_nodes(judged.without_metrics(), nodes)  # columns are held against limits on metrics later
    columns = {node: column_of(app, instance, of_variant(decision, variant)) for node, decision in found.items()}
    priced = {node: column_of(app, judged, decision) for node, decision in found.items()}
    return [
        Candidate(columns[node], node, float(own.transfer_w + own.dynamic_w.sum() + own.static_w.sum()))
        for node, own in priced.items()
    ]


def _full_dnn(joint: JointInstance, options: Options, nodes: Bools) -> Outcome[Plan]:
    """Place whole DNNs one after the other."""
    run = HeuristicRun.begin(joint, options)
    plan, left_over = first_fit_plan(joint, nodes, run.deadline)
    if plan is not None or run.deadline.expired:
        return run.outcome(plan)
    name = joint.apps[left_over].name
    return run.outcome(None, f"without early exits and with equal shares, no node is left for all of {name!r}")


def first_fit_plan(joint: JointInstance, nodes: Bools, deadline: Deadline) -> tuple[Plan | None, int]:
    """Place whole DNNs one after the other, equal shares for all; if one is left over, try again with that one first.

    Args:
        joint: The apps.
        nodes: (N,) nodes that may host apps.
        deadline: When to give up.

    Returns:
        The plan, and the number of the app that is left over (-1 where none is).
    """
    lists = _candidates_of_all(joint, _without_exits, nodes, deadline)
    order, left_over = list(range(joint.count)), -1
    for _ in range(joint.count):
        plan, left_over = _first_fit(joint, lists, order, deadline)
        if plan is not None or deadline.expired or order[0] == left_over:
            return plan, left_over
        order = [left_over, *(app for app in order if app != left_over)]
    return None, left_over


def _without_exits(instance: Instance) -> _Judged:
    """Return the app with the operating point of fewest exits alone, and the same at full speed."""
    if instance.points.count:
        instance = instance.only_points(np.arange(instance.points.count) == whole_point(instance))
    return instance, viewed_instance(instance, AppView.entire(instance.network, instance.network.fastest))


def _first_fit(
    joint: JointInstance, lists: Sequence[list[Candidate]], order: Sequence[int], deadline: Deadline
) -> tuple[Plan | None, int]:
    """Give each app in turn the cheapest node where all so far keep their limits; else name the one left over."""
    network, placed = joint.network, dict[int, Candidate]()
    for app in order:
        used = {candidate.node for candidate in placed.values()}
        idle_w = [0.0 if row.node in used else float(network.idle_power_w[row.node]) for row in lists[app]]
        ranked = sorted(zip(lists[app], idle_w, strict=True), key=lambda pair: pair[0].power_w + pair[1])
        for candidate, _ in () if deadline.expired else ranked:
            columns = [row.column for row in (*placed.values(), candidate)]
            allocation = equal_allocation(network, columns, network.fastest)
            if not overfull(joint, columns) and first_broken(columns, allocation) is None:
                placed[app] = candidate
                break
        else:
            return None, app
    columns = [placed[app].column for app in range(joint.count)]
    return Plan(_as_in(joint, columns), equal_allocation(network, columns, network.fastest)), -1


def _as_in(joint: JointInstance, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return columns whose operating point is numbered as in the apps of `joint`, not as the whole one alone."""
    points = [whole_point(joint.apps[column.app].chosen_by(column.decision)) for column in columns]
    return tuple(
        replace(column, decision=replace(column.decision, point=point))
        for column, point in zip(columns, points, strict=True)
    )


def _alone(joint: JointInstance, options: Options, nodes: Bools) -> Outcome[Plan]:
    run = HeuristicRun.begin(joint, options)
    lists = single_nodes(joint, nodes, run.deadline)
    if empty := [app.name for app, rows in zip(joint.apps, lists, strict=True) if not rows]:
        return run.outcome(None, f"no single node can run all of {', '.join(map(repr, empty))} within its limits")
    plan = on_single_nodes(joint, lists, _MOST_PROGRAMS, run.deadline)
    return run.outcome(plan, "with each app on one node, no choice of nodes that was tried leaves enough for all")


def single_nodes(joint: JointInstance, nodes: Bools, deadline: Deadline) -> list[list[Candidate]]:
    """Return, for each app, the nodes where it can run whole, the cheapest first.

    Args:
        joint: The apps.
        nodes: (N,) nodes that may host apps.
        deadline: When to give up; of the apps that are left, the lists are empty.

    Returns:
        One list per app, in their order.
    """
    return _candidates_of_all(joint, _at_its_best, nodes, deadline)


def _candidates_of_all(
    joint: JointInstance, judge: Callable[[Instance], _Judged], nodes: Bools, deadline: Deadline
) -> list[list[Candidate]]:
    """Return the nodes of each app; none of those that are not looked at before the deadline."""
    return [[] if deadline.expired else _candidates(number, app, judge, nodes) for number, app in enumerate(joint.apps)]


def _at_its_best(instance: Instance) -> _Judged:
    return instance, most_favourable(instance)


def on_single_nodes(
    joint: JointInstance, lists: Sequence[Sequence[Candidate]], most_programs: int, deadline: Deadline
) -> Plan | None:
    """Put each app on its best node; while shares do not suffice, move the app in the way that it costs least.

    Args:
        joint: The apps.
        lists: What each app may take, the best first.
        most_programs: Choices of nodes for which speeds and shares are sought at most.
        deadline: When to give up.

    Returns:
        The plan, or None where the choices run out, or programs or time before.
    """
    if not all(lists):
        return None
    chosen = [0] * joint.count
    for _ in range(most_programs):
        columns = [rows[place].column for rows, place in zip(lists, chosen, strict=True)]
        found = _in_the_way(joint, columns)
        if isinstance(found, Allocation):
            return Plan(tuple(columns), least_shares(joint.network, columns, found))
        moves = [app for app in found if chosen[app] + 1 < len(lists[app])]
        if not moves or deadline.expired:
            return None
        chosen[min(moves, key=lambda app: _extra_w(lists[app], chosen[app]))] += 1
    return None


def _extra_w(rows: Sequence[Candidate], place: int) -> float:
    return rows[place + 1].power_w - rows[place].power_w


def _in_the_way(joint: JointInstance, columns: Sequence[Column]) -> Allocation | list[int]:
    """Return the best speeds and shares, or the apps that cannot have them together."""
    if full := overfull(joint, columns):
        return [column.app for column in columns if column.nodes[0] in full]
    found = allocate(joint.network, columns)
    if isinstance(found, Allocation):
        return found
    return sorted({app for limit in found.limits for app in _apps_of(limit, columns)}) or list(range(joint.count))


def _apps_of(limit: Limit, columns: Sequence[Column]) -> list[int]:
    """Return the apps that a limit is about."""
    kind, app, place = limit
    if kind == "node":
        return [column.app for column in columns if place in column.nodes]
    if kind == "medium":
        return [column.app for column in columns if place in column.media]
    return [app]
