"""What an exact method finds held against enumeration."""

from __future__ import annotations

import numpy as np
import pytest

from planner.fin.instance.decision import Decision, evaluate, objective_of
from planner.fin.instance.instance import Instance
from planner.fin.method import Options
from planner.fin.methods.enumeration import BruteForce
from planner.fin.outcome import Outcome

MOST_PLANS = 1_500
"""Plans to enumerate at most; of more, none that was seen is better than what is held against them."""


def value_of(instance: Instance, outcome: Outcome[Decision]) -> float:
    """Return the objective of the plan of an outcome; infinite without one."""
    return objective_of(instance, evaluate(instance, outcome.plan)) if outcome.plan else np.inf


def check_enumerated(instance: Instance, found: Outcome[Decision], rel: float = 1e-7, plans: int = MOST_PLANS) -> None:
    """Hold status, objective and bound of an exact method against enumeration.

    Args:
        instance: The app.
        found: What the method found.
        rel: Relative tolerance of the objective.
        plans: Plans to enumerate at most.
    """
    brute = BruteForce(plans).solve(instance, Options())
    value, other = value_of(instance, found), value_of(instance, brute)
    assert found.status in ("optimal", "infeasible")
    if brute.status in ("optimal", "infeasible"):
        assert brute.status == found.status
        assert value == pytest.approx(other, rel=rel, abs=1e-12)
    assert value <= other * (1.0 + rel)
    assert found.lower_bound <= value * (1.0 + 1e-9)
    assert found.lower_bound <= other * (1.0 + rel)
