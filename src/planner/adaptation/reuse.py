"""Evaluation of a plan in another instance than it was made for: its cost there, if it is feasible."""

from __future__ import annotations

import numpy as np

from planner.fin.instance.decision import Decision, Evaluation, Path, evaluate, within_limits
from planner.fin.instance.instance import Instance
from planner.schemas.planning.placement import AppPlacement


def evaluate_in(instance: Instance, plan: AppPlacement) -> Evaluation | None:
    """Return what a plan costs in an instance; None where it cannot run there or breaks a limit.

    Args:
        instance: The app on some topology, with its limits.
        plan: A plan of the same app and blocks, perhaps made for another topology or other limits.
    """
    try:
        decision = decision_of_plan(instance, plan)
        if not _may_run(instance, decision):
            return None
        evaluation = evaluate(instance, decision)
    except KeyError:  # a node or link of the plan is not there
        return None
    return evaluation if within_limits(instance, evaluation) else None


def decision_of_plan(instance: Instance, plan: AppPlacement) -> Decision:
    """Return a plan as a decision of an instance; raise KeyError where that lacks its operating point or a node."""
    network, points = instance.network, instance.points
    nodes = tuple(network.index(row.node) for row in plan.assignments)
    paths = {
        (route.after, route.to, route.tensor, route.result_of): _path(instance, route.path) for route in plan.routes
    }
    blocks = instance.block_names
    transfers, there = [], set[tuple[int, int]]()
    for row in instance.inputs(len(nodes)):
        after, start = (None, instance.source) if row.producer < 0 else (blocks[row.producer], nodes[row.producer])
        to, end = None if instance.dataflow is None else blocks[row.reader], nodes[row.reader]
        held = start == end or (row.tensor, end) in there
        transfers.append((end,) if held else paths[after, to, row.name, None])
        there.add((row.tensor, end))
    results: dict[int, Path] = {}
    for head, name in enumerate(points.exit_names):
        block = int(points.exit_block[head])
        if (path := paths.get((blocks[block], None, None, name))) is not None:
            results[head] = path
    return Decision(_point(instance, plan), nodes, tuple(transfers), results)


def _path(instance: Instance, names: tuple[str, ...]) -> Path:
    return tuple(instance.network.index(name) for name in names)


def _point(instance: Instance, plan: AppPlacement) -> int:
    """Return the index of the plan's operating point: by name where the model gives it, by thresholds if designed."""
    points = instance.points
    if plan.thresholds is None:
        if plan.operating_point not in points.given_names:
            raise KeyError(plan.operating_point)
        return points.given_names.index(plan.operating_point)
    wanted = [plan.thresholds.get(name, np.nan) for name in points.exit_names]  # NaN: the exit is off
    row = np.array([np.inf if value is None else value for value in wanted])
    designed = points.thresholds[len(points.given_names) :]
    same = ((designed == row) | (np.isnan(designed) & np.isnan(row))).all(axis=1)
    if not same.any():
        raise KeyError(plan.operating_point)
    return len(points.given_names) + int(np.argmax(same))


def _may_run(instance: Instance, decision: Decision) -> bool:
    """Tell whether every block and head may run where the decision puts it."""
    on = instance.points.on[decision.point]
    nodes = np.array(decision.nodes)
    if not instance.allowed[np.arange(len(nodes)), nodes].all():
        return False
    heads = np.flatnonzero(on)
    return bool(instance.heads.can_run[heads, nodes[instance.points.exit_block[heads]]].all())
