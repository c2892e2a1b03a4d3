"""Workloads without a choice: speeds and shares are all there is to decide, and a cone program decides them too."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import joint_oracle
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from joint_cases import Case, pinned_case
from joint_plans import violations
from profiles import generated

from planner.clear.allocation.allocate import Allocation, allocate
from planner.clear.allocation.plan import overfull
from planner.clear.method import joint_method
from planner.clear.problem.column import Column, column_of
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.method import Options

SEEDS = st.integers(0, 2**32)
SOME = generated(25, 150)
PRECISION = 1e-6


def way(source: int, target: int) -> tuple[int, ...]:
    """Return the only route of a line of nodes."""
    return tuple(range(source, target + 1)) if source <= target else tuple(range(source, target - 1, -1))


def only_column(app: int, instance: Instance) -> Column:
    """Return the column of an app whose blocks are pinned."""
    depth = int(instance.points.depth[0])
    nodes = tuple(int(np.flatnonzero(instance.allowed[block])[0]) for block in range(depth))
    transfers = tuple(way(a, b) for a, b in pairwise((instance.source, *nodes)))
    results = {}
    if instance.destination is not None:
        for head, block in enumerate(instance.points.exit_block.tolist()):
            if instance.points.fraction[0, head] > 0.0:
                results[head] = way(nodes[block], instance.destination)
    return column_of(app, instance, Decision(0, nodes, transfers, results))


def columns_of(joint: JointInstance) -> list[Column]:
    return [only_column(app, instance) for app, instance in enumerate(joint.variants)]


def case_of(seed: int) -> Case:
    """Return a case in which an app's statistic says which exits must be in time."""
    case = pinned_case(Random(seed))
    assume(all(app["latency"][0] != "p" or "destination" not in app for app, _ in case.apps))
    return case


@pytest.mark.slow
@SOME
@given(SEEDS)
def test_speeds_and_shares_are_those_of_least_power(seed: int) -> None:
    case = case_of(seed)
    joint = case.joint()
    columns = columns_of(joint)
    assume(not overfull(joint, columns))
    least_w = joint_oracle.optimum(case.apps, case.topology).power_w
    found = allocate(joint.network, columns)
    if isinstance(found, Allocation):
        assert found.power_w == pytest.approx(least_w, rel=PRECISION)
        assert found.least_w == pytest.approx(least_w, rel=PRECISION)
    else:
        assert np.isinf(least_w)
        assert found.proved


@given(SEEDS)
def test_power_that_no_speed_changes_is_its_own_bound(seed: int) -> None:
    """Shares are decided to the precision of the solver then; that says nothing of the power."""
    case = case_of(seed)
    for node in case.topology["nodes"]:
        node.pop("speed", None)
    joint = case.joint()
    columns = columns_of(joint)
    assume(not overfull(joint, columns))
    found = allocate(joint.network, columns)
    assume(isinstance(found, Allocation))
    assert found.least_w == found.power_w


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 7, 13, 33, 0, 6, 17])
def test_the_method_finds_them_too(seed: int) -> None:
    case = pinned_case(Random(seed))
    joint = case.joint()
    least_w = joint_oracle.optimum(case.apps, case.topology).power_w
    outcome = joint_method("clear").solve(joint, Options(time_limit_s=60.0))
    assert outcome.lower_bound <= least_w * (1.0 + PRECISION)
    if outcome.plan is None:
        assert np.isinf(least_w)
        assert outcome.status in ("infeasible", "unknown")
    else:
        assert outcome.plan.power_w == pytest.approx(least_w, rel=PRECISION)
        topology, apps = case.documents()
        assert violations(joint, topology, apps, outcome) == []
