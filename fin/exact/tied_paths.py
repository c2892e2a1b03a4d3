"""Search of the plans that tie with an optimum, scenario by scenario.

A label search just above the optimum lists them. Labels are told apart by the limited sum and by the number of
transfers that move data, so no plan that some criterion prefers is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.incumbent import decision_of
from planner.fin.exact.labelling import search
from planner.fin.exact.relaxation import Relaxation
from planner.fin.exact.resources import scarce_resources
from planner.fin.exact.ties import TIE, TiedPlans
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Floats

_MOST_LABELS = 2_000
"""Labels of a layer, divided among the capacities that each of them tracks: so many are dear to compare."""
_FEWEST_LABELS = 40
_MOST_PLANS = 64
"""Plans of one scenario that are compared."""


def best_of_ties(
    instance: Instance,
    lower_bound: Floats,
    relaxation_of: Callable[[int, float, Deadline], Relaxation],
    held: Decision,
    value: float,
    until: Deadline,
) -> Decision:
    """Return the plan that further criteria prefer among those that tie with an optimum.

    Args:
        instance: The app.
        lower_bound: (K,) bounds of its scenarios.
        relaxation_of: Returns the relaxation of a scenario, given a cutoff and a deadline.
        held: An optimal plan.
        value: Its objective.
        until: When to give up; the best plan until then is returned.
    """
    cutoff = float(np.nextafter(value * (1.0 + TIE), np.inf))
    tied = TiedPlans(instance)
    tied.offer(held)
    try:
        for scenario in np.flatnonzero(lower_bound < cutoff).tolist():
            until.check()
            relaxation = relaxation_of(scenario, cutoff, until)
            if _is_only_path(relaxation, held):
                continue
            for decision in _tied(instance, relaxation, cutoff, until):
                tied.offer(decision)
    except DeadlineReachedError:
        pass
    return tied.best or held


def _is_only_path(relaxation: Relaxation, held: Decision) -> bool:
    """Tell whether bounds leave one path of a scenario alone, and it is a plan that is held."""
    alive, graph = relaxation.alive, relaxation.graph
    if graph.open.shape[-1] > 1 or (alive.sum(axis=1) != 1).any() or (relaxation.passable.sum(axis=1) > 2).any():
        return False
    return int(graph.scenarios.point[0]) == held.point and tuple(alive.argmax(axis=1).tolist()) == held.nodes


def _tied(instance: Instance, relaxation: Relaxation, cutoff: float, until: Deadline) -> list[Decision]:
    """Return the plans of one scenario below a cutoff, as far as labels tell them apart."""
    if not relaxation.alive.any(axis=1).all():
        return []
    scarce = tuple(scarce_resources(relaxation.graph, instance.network, relaxation.alive))
    most_labels = max(_FEWEST_LABELS, _MOST_LABELS // (1 + len(scarce)) ** 2)
    found = search(replace(relaxation, tracked=scarce, ties=True), cutoff, most_labels, until, _MOST_PLANS)
    return [decision_of(relaxation.graph, instance, path) for path in found.paths]
