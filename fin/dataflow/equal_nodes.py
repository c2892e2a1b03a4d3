"""Of plans that differ by a swap of equal nodes alone, the one that uses the nodes in the order of the topology."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from planner.fin.instance.decision import Decision, Path
from planner.fin.instance.instance import Instance
from planner.fin.instance.ties import TIE, merit_of


def in_topology_order(instance: Instance, plan: Decision) -> Decision:
    """Swap pairs of equal nodes so that the one named first in the topology hosts the earlier block.

    A swap is kept if the plan then costs the same and keeps every limit. Which of several equal plans a search or a
    solver ends with is so of no matter.

    Args:
        instance: The app.
        plan: A plan that keeps every limit.

    Returns:
        The plan with nodes swapped, of the same objective and the same further criteria (`fin.instance.ties`).
    """
    held = merit_of(instance, plan)
    if held is None:
        return plan
    for block in range(len(plan.nodes)):
        for other in _earlier_equals(instance, plan.nodes[block]):
            swapped = _swapped(plan, plan.nodes[block], other)
            if swapped.nodes >= plan.nodes or not _exists(instance, swapped):
                continue
            merit = merit_of(instance, swapped)
            if merit is not None and np.allclose(
                (merit.objective, *merit.criteria), (held.objective, *held.criteria), rtol=TIE, atol=0.0
            ):
                plan = swapped
                break
    return plan


def _earlier_equals(instance: Instance, node: int) -> list[int]:
    """Return the nodes before one that run every block alike, in order; the ends of routes are equal to none."""
    ends = {instance.source, instance.destination}
    if node in ends:
        return []
    network = instance.network
    figures = np.concatenate(
        [
            np.where(instance.allowed, instance.blocks.time_s, np.inf),
            np.where(instance.allowed, instance.blocks.energy_j, np.inf),
            network.memory_bytes[None],
            network.max_utilization[None],
        ]
    )
    same = (figures[:, :node] == figures[:, [node]]).all(axis=0)
    return [other for other in np.flatnonzero(same).tolist() if other not in ends]


def _swapped(plan: Decision, first: int, second: int) -> Decision:
    """Return a plan with two nodes exchanged wherever they occur."""
    swap = {first: second, second: first}

    def moved(path: Path) -> Path:
        return tuple(swap.get(node, node) for node in path)

    results = {head: moved(path) for head, path in plan.results.items()}
    return replace(plan, nodes=moved(plan.nodes), transfers=tuple(map(moved, plan.transfers)), results=results)


def _exists(instance: Instance, plan: Decision) -> bool:
    """Tell whether there is a link wherever data take one."""
    paths = (*plan.transfers, *plan.results.values())
    links = set(zip(instance.network.link_source.tolist(), instance.network.link_target.tolist(), strict=True))
    return all(pair in links for path in paths for pair in pairwise(path))
