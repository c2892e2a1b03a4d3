"""The baseline `milp`: its columns against those of the oracle, its plans against every plan."""

from __future__ import annotations

from random import Random

import joint_choices
import joint_oracle
import numpy as np
import pytest
from hypothesis import Phase, assume, example, given, settings
from hypothesis import strategies as st
from joint_cases import Case, random_case
from joint_plans import violations
from profiles import examples

from planner.clear.baselines import milp
from planner.clear.method import joint_method
from planner.clear.problem.column import Column
from planner.clear.problem.enumeration import all_columns
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.fin.instance.network import Floats
from planner.fin.method import Options

SEEDS = st.integers(0, 2**32)
FEW = settings(max_examples=examples(8, 60), phases=[Phase.explicit, Phase.generate])
MOST_ABOVE = 1e-3


def figures_of(column: Column, joint: JointInstance, shared: joint_choices.Places) -> Floats:
    """Return what a column asks for, place by place in the oracle's order."""
    network = joint.network
    nodes = [shared.names.index(network.names[node]) for node in column.nodes]
    media = [shared.names.index(network.medium_name(medium)) for medium in column.media]
    figures, late_s = np.zeros((5, len(shared.names))), np.zeros((len(column.fixed_s), len(shared.names)))
    figures[0, nodes] = 1.0
    figures[1:, nodes] = column.node_load, column.dynamic_w, column.static_w, column.memory_bytes
    figures[1, media] = column.medium_load
    late_s[:, nodes], late_s[:, media] = column.node_s, column.medium_s
    return np.concatenate([figures.ravel(), latest(late_s, column.fixed_s), [column.transfer_w]])


def figures_of_choice(choice: joint_choices.Choice) -> Floats:
    by_place = [choice.used, choice.load, choice.dynamic_w, choice.static_w, choice.memory]
    return np.concatenate([*by_place, latest(choice.late_s, choice.fixed_s), [choice.carried_w]])


def latest(late_s: Floats, fixed_s: Floats) -> Floats:
    """Return the latencies that are not sure to be shorter than another one, in a row.

    They are told apart by the time on each place and by the sum with the part that no share divides: where neither is
    longer, no shares make the latency longer, since every share is 1 at most.
    """
    rows = np.unique(np.round(np.hstack([late_s, (fixed_s + late_s.sum(axis=1))[:, None]]), 12), axis=0)
    kept = [row for row in rows if not any((row <= other).all() and (row < other).any() for other in rows)]
    return np.concatenate(kept)


def fits_alone(choice: joint_choices.Choice, shared: joint_choices.Places) -> bool:
    least_w = float((choice.dynamic_w * shared.slowest**2 + choice.static_w / shared.fastest).sum()) + choice.carried_w
    return bool(
        joint_choices.least_latency(choice, shared) <= choice.most_s
        and (choice.load <= shared.most * shared.fastest).all()
        and (choice.memory <= shared.memory).all()
        and least_w <= choice.most_w * (1.0 + 1e-9)
    )


def covered(figures: list[Floats], by: list[Floats]) -> bool:
    """Tell whether something is at least as good as each of some."""
    return all(
        any(len(other) == len(row) and (other <= row * (1.0 + 1e-9) + 1e-12).all() for other in by) for row in figures
    )


@FEW
@example(369012)
@given(SEEDS)
def test_columns_are_those_of_the_oracle(seed: int) -> None:
    case = random_case(Random(seed), most_nodes=3)
    joint, shared = case.joint(), joint_choices.places(case.topology)
    columns = all_columns(joint, milp.MOST_PLANS, Deadline())
    for own, (app, model) in zip(columns, case.apps, strict=True):
        assume(app["latency"][0] != "p" or "destination" not in app)  # which exits must be in time is open
        mine = [figures_of(column, joint, shared) for column in own]
        choices = joint_choices.choices(app, model, case.topology)
        assert covered(mine, [figures_of_choice(choice) for choice in choices])
        fitting = [choice for choice in choices if fits_alone(choice, shared)]
        assert covered([figures_of_choice(choice) for choice in fitting], mine)


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_plans_hold_and_are_close_to_the_best(seed: int) -> None:
    case = random_case(Random(seed), most_nodes=3)
    joint = case.joint()
    outcome = joint_method("milp").solve(joint, Options(time_limit_s=60.0))
    power_w = np.inf if outcome.plan is None else outcome.plan.power_w
    try:
        known_w = power_w * (1.0 + 1e-6)
        least_w = joint_oracle.optimum(case.apps, case.topology, known_w=known_w, most_programs=60).power_w
    except joint_oracle.GaveUpError:
        assume(False)
    if outcome.plan is None:
        assert outcome.status == "unknown" or np.isinf(least_w)
        return
    assert outcome.status == "feasible"
    assert power_w >= least_w * (1.0 - 1e-6)  # the plan is one that enumeration knows
    assert power_w <= least_w * (1.0 + MOST_ABOVE)
    topology, apps = case.documents()
    assert violations(joint, topology, apps, outcome) == []


def first_with_a_plan(seed: int) -> Case:
    """Return a case that has a plan."""
    r = Random(seed)
    while True:
        case = random_case(r, most_nodes=3)
        if np.isfinite(joint_oracle.optimum(case.apps, case.topology).power_w):
            return case


def test_too_many_columns_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milp, "MOST_COLUMNS", 1)
    outcome = joint_method("milp").solve(first_with_a_plan(0).joint(), Options())
    assert (outcome.status, outcome.plan) == ("unknown", None)
    assert "columns are too many for one program; it takes 1" in outcome.termination.detail


def test_too_many_plans_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milp, "MOST_PLANS", 1)
    outcome = joint_method("milp").solve(first_with_a_plan(1).joint(), Options())
    assert (outcome.status, outcome.plan) == ("unknown", None)
    assert "more than 1 plans to enumerate" in outcome.termination.detail


def test_a_time_limit_is_no_answer() -> None:
    outcome = joint_method("milp").solve(first_with_a_plan(2).joint(), Options(time_limit_s=1e-9))
    assert outcome.status == "unknown"
    assert "time limit" in outcome.termination.detail
