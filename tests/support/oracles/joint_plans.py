"""Plans of joint methods before the verifier."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from planner.clear.allocation.plan import Plan
from planner.clear.problem.instance import JointInstance
from planner.fin.outcome import Outcome
from planner.pipeline.joint_placement import joint_placement_of
from planner.schemas import App, Model, Topology
from planner.schemas.planning.placement import Provenance
from planner.verifier.verify import Violation, verify


def violations(
    joint: JointInstance, topology: Topology, apps: Sequence[tuple[App, Model]], outcome: Outcome[Plan]
) -> list[Violation]:
    """Return what the verifier finds wrong with an outcome that has a plan; its power must be what the plan says."""
    placement = joint_placement_of(joint, outcome, Provenance(planner="", method=""), 0.0, None)
    assert outcome.plan is not None
    assert placement.total is not None
    assert placement.total.power_w == pytest.approx(outcome.plan.power_w, rel=1e-9)
    return verify(placement, topology, apps)
