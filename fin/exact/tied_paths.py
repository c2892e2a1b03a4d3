"""Search of the plans that tie with an optimum, scenario by scenario.

A label search just above the optimum lists them. Labels are told apart by the limited sum and by the number of
transfers that move data, so no plan that some criterion prefers is dropped.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fin.exact.dual import DualBounds
from planner.fin.exact.incumbent import decision_of
from planner.fin.exact.labelling import search
from planner.fin.exact.relaxation import relax
from planner.fin.exact.resources import scarce_resources
from planner.fin.exact.ties import TIE, merit_of, preferred
from planner.fin.graph.feasible import FeasibleGraph
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance

_MOST_LABELS = 2_000
_MOST_PLANS = 64
"""Plans of one scenario that are compared."""


def best_of_ties(
    instance: Instance, feasible: FeasibleGraph, duals: DualBounds, held: Decision, value: float, until: Deadline
) -> Decision:
    """Return the plan that further criteria prefer among those that tie with an optimum.

    Args:
        instance: The app.
        feasible: Its scenarios.
        duals: Their bounds.
        held: An optimal plan.
        value: Its objective.
        until: When to give up; the best plan until then is returned.
    """
    cutoff = float(np.nextafter(value * (1.0 + TIE), np.inf))
    plans, merits = [held], [merit_of(instance, held)]
    try:
        for scenario in np.flatnonzero(duals.lower_bound < cutoff).tolist():
            until.check()
            single = feasible.single(scenario)
            for decision in _tied(instance, single, float(duals.multiplier[scenario]), cutoff, until):
                if (merit := merit_of(instance, decision)) is not None:
                    plans.append(decision)
                    merits.append(merit)
    except DeadlineReachedError:
        pass
    known = [merit for merit in merits if merit is not None]
    return plans[preferred(known)] if len(known) == len(plans) else held


def _tied(
    instance: Instance, single: FeasibleGraph, multiplier: float, cutoff: float, until: Deadline
) -> list[Decision]:
    """Return the plans of one scenario below a cutoff, as far as labels tell them apart."""
    relaxation = relax(single, multiplier, cutoff, until)
    if not relaxation.alive.any(axis=1).all():
        return []
    scarce = tuple(scarce_resources(relaxation.graph, instance.network, relaxation.alive))
    found = search(replace(relaxation, tracked=scarce, ties=True), cutoff, _MOST_LABELS, until, _MOST_PLANS)
    return [decision_of(relaxation.graph, instance, path) for path in found.paths]
