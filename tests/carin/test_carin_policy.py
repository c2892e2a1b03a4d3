"""Policies against brute force, and what holds of every policy."""

from __future__ import annotations

import copy
from random import Random

import numpy as np
import pytest
from carin_oracle import UP, best_in, random_designs, scored, states, value
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from policies import ORACLE_EXAMPLES, RANDOMS, adapted, rows_of

from planner.carin import scoring
from planner.carin.candidates import find_candidates
from planner.carin.rass import choose_designs
from planner.carin.scored_designs import score_designs
from planner.carin.scoring import whole_grid
from planner.schemas import Designs, check_document

# Against the brute force


@settings(max_examples=ORACLE_EXAMPLES)
@given(RANDOMS)
def test_every_state_equals_the_brute_force(random: Random) -> None:
    document = random_designs(random)
    joints = scored(document)
    policy = adapted(document)
    if not joints:
        assert policy.diagnosis is not None
        assert (policy.design_set, policy.policy) == ((), ())
        return
    assert policy.feasible_joint_designs == len(joints)
    found = rows_of(policy)
    assert list(found) == [(frozenset(row.overloaded), row.memory_tight) for row in policy.policy]
    for overloaded, tight in states(document):
        best, degraded = best_in(document, joints, overloaded, tight)
        assert found[overloaded, tight] == (best.choice, degraded), (overloaded, tight)
    by_choice = {joint.choice: joint for joint in joints}
    for design in policy.design_set:
        joint = by_choice[tuple(design.choice.values())]
        assert design.distance == pytest.approx(joint.distance, rel=1e-9, abs=1e-9)
        assert design.metrics.memory_bytes == pytest.approx(joint.memory, rel=1e-12)
        assert (design.optimality is None) == (design.distance == 0.0)


@given(RANDOMS)
def test_best_values_and_deviations_are_those_of_the_feasible_joint_designs(random: Random) -> None:
    document = random_designs(random)
    joints = scored(document)
    assume(joints)
    for index, objective in enumerate(adapted(document).objectives):
        column = [joint.values[index] for joint in joints]
        up = objective.metric in UP
        assert objective.best == pytest.approx(max(column) if up else min(column), rel=1e-12)
        if max(column) - min(column) > 1e-12 * max(column):
            assert objective.standard_deviation == pytest.approx(float(np.std(column)), rel=1e-9)
        else:
            assert objective.standard_deviation == 0.0


@given(RANDOMS)
def test_metrics_are_those_that_the_search_saw(random: Random) -> None:
    document = random_designs(random)
    policy = adapted(document)
    for design in policy.design_set:
        joint = tuple(
            next(each for each in task["designs"] if each["name"] == design.choice[task["name"]])
            for task in document["tasks"]
        )
        for metric in ("accuracy", "size_bytes", "memory_bytes", "energy_j"):
            wanted = value(document, joint, {"metric": metric})
            assert getattr(design.metrics, metric) == pytest.approx(wanted, rel=1e-12)
        for statistic in ("mean", "std", "p95"):
            asked = {"metric": "latency_s", "statistic": statistic}
            assert design.metrics.latency_s[statistic] == pytest.approx(value(document, joint, asked), rel=1e-12)
            for name, task in design.metrics.tasks.items():
                wanted = value(document, joint, {**asked, "task": name})
                assert task.latency_s[statistic] == pytest.approx(wanted, rel=1e-12)


# What holds of every policy


@given(RANDOMS)
def test_policies_are_complete_and_use_no_overloaded_engine_unless_they_say_so(random: Random) -> None:
    document = random_designs(random)
    most = random.choice([None, 1, 2, 3])
    policy = adapted(document, max_designs=most)
    assume(policy.diagnosis is None)
    assert set(rows_of(policy)) == set(states(document))
    assert len(policy.policy) == 2 ** len(document["engines"]) * 2
    designs = {design.name: design for design in policy.design_set}
    assert {row.design for row in policy.policy} == set(designs)
    assert policy.policy[0].design == "d0"
    assert (policy.policy[0].overloaded, policy.policy[0].memory_tight) == ((), False)
    assert not policy.policy[0].degraded
    budget = document.get("memory_budget_bytes", float("inf"))
    for row in policy.policy:
        metrics = designs[row.design].metrics
        bad = {task.engine for task in metrics.tasks.values()} & set(row.overloaded)
        too_large = row.memory_tight and metrics.memory_bytes > budget * (1 + 1e-9)
        assert row.degraded == bool(bad or too_large)


@given(RANDOMS)
def test_more_weight_on_an_objective_never_makes_it_worse(random: Random) -> None:
    """Best values and deviations do not depend on weights, so raising w_i lowers (or keeps) f_i's distance.

    With F = sum w_j z_j^2 and x, y the optima before and after w_i grew by d: F(x) <= F(y) and
    F(y) + d z_i(y)^2 <= F(x) + d z_i(x)^2, hence z_i(y) <= z_i(x). That holds in every state, because a state's
    order before distance (engines, memory) does not depend on weights either. Equal values (to 1e-12) are given way.
    """
    document = random_designs(random)
    index = random.randrange(len(document["objectives"]))
    heavier = copy.deepcopy(document)
    heavier["objectives"][index]["weight"] = heavier["objectives"][index].get("weight", 1.0) + random.choice([0.5, 4.0])
    joints = {joint.choice: joint for joint in scored(document)}
    assume(joints)
    before, after = rows_of(adapted(document)), rows_of(adapted(heavier))
    sign = -1.0 if document["objectives"][index]["metric"] in UP else 1.0
    for state in before:
        old, new = (sign * joints[rows[state][0]].values[index] for rows in (before, after))
        assert new <= old + 1e-6 * abs(old)


@pytest.mark.slow
@given(RANDOMS, st.sampled_from([1, 2, 7, 64]))
def test_the_size_of_chunks_says_nothing(random: Random, size: int) -> None:
    document = random_designs(random)
    whole = adapted(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "CHUNK_SIZE", size)
        parts = adapted(document)
    assert rows_of(parts) == rows_of(whole)
    for one, other in zip(parts.objectives, whole.objectives, strict=True):
        assert one.standard_deviation == pytest.approx(other.standard_deviation, rel=1e-12)


@given(RANDOMS)
def test_leaving_out_dominated_designs_changes_no_state(random: Random) -> None:
    document = random_designs(random, most_designs=8, most_tasks=2)
    pruned = score_designs(check_document(document, Designs))
    assume(pruned.standardisation.feasible)
    few = find_candidates(pruned.space, pruned.standardisation, pruned.grid)
    all_of_them = find_candidates(pruned.space, pruned.standardisation, whole_grid(pruned.space))
    assert few.number.tolist() == all_of_them.number.tolist()
    engines = len(document["engines"])
    assert choose_designs(few, engines).candidate.tolist() == choose_designs(all_of_them, engines).candidate.tolist()


def test_dominated_designs_are_left_out_only_behind_what_dominates_them() -> None:
    document = random_designs(Random(1), most_tasks=1)
    base = document["tasks"][0]["designs"][0]
    better = {**base, "name": "better@0", "energy_j": base["energy_j"] / 2 + 0.001}
    worse = {**base, "name": "worse@0", "energy_j": base["energy_j"] + 1.0}
    elsewhere = {**worse, "name": "elsewhere@0", "engine": "other"}
    document.update(engines=["cpu", "gpu", "npu", "other"], constraints=[], objectives=[{"metric": "energy_j"}])
    document["tasks"][0]["designs"] = [better, worse, elsewhere]
    assert [each.tolist() for each in score_designs(check_document(document, Designs)).grid] == [[0, 2]]
    document["tasks"][0]["designs"] = [worse, better, elsewhere]  # equal in a state that sees no energy, worse is first
    assert [each.tolist() for each in score_designs(check_document(document, Designs)).grid] == [[0, 1, 2]]


def test_of_equal_designs_the_first_counts() -> None:
    design = {"engine": "cpu", "memory_bytes": 1.0, "latency_s": {"mean": 1.0}}
    tasks = [{"name": name, "designs": [{"name": each, **design} for each in "abc"]} for name in ("s", "t")]
    document = {
        "schema_version": "1", "name": "equal", "engines": ["cpu"], "tasks": tasks,
        "objectives": [{"metric": "latency_s"}],
    }  # fmt: skip
    policy = adapted(document)
    assert [design.choice for design in policy.design_set] == [{"s": "a", "t": "a"}]
    assert (policy.design_set[0].distance, policy.design_set[0].optimality) == (0.0, None)


def test_without_a_budget_memory_is_never_in_the_way() -> None:
    document = random_designs(Random(11), constrained=False)
    document.pop("memory_budget_bytes", None)
    found = rows_of(adapted(document))
    assert all(found[overloaded, True] == found[overloaded, False] for overloaded, _ in found)


def test_tiny_and_huge_figures_are_told_apart() -> None:
    for scale in (1e-200, 1e-30, 1.0, 1e29):
        designs = [
            {"name": f"m@{i}", "engine": "cpu", "memory_bytes": scale * i, "energy_j": scale * (5 - i)}
            for i in range(1, 5)
        ]
        document = {
            "schema_version": "1", "name": "scales", "engines": ["cpu"], "tasks": [{"name": "t", "designs": designs}],
            "objectives": [{"metric": "memory_bytes"}, {"metric": "energy_j", "weight": 3}],
        }  # fmt: skip
        policy = adapted(document)
        assert policy.design_set[0].choice == {"t": "m@3"}
        assert policy.design_set[0].distance == pytest.approx(np.sqrt((4 + 3) / 1.25), rel=1e-12)


def test_results_do_not_change_from_run_to_run() -> None:
    document = random_designs(Random(11))
    assert adapted(document) == adapted(document)


def test_the_pool_of_candidates_is_compared_early_where_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    document = random_designs(Random(12), constrained=False)
    whole = adapted(document)
    monkeypatch.setattr("planner.carin.candidates._POOL", 1)
    monkeypatch.setattr(scoring, "CHUNK_SIZE", 3)
    assert rows_of(adapted(document)) == rows_of(whole)
