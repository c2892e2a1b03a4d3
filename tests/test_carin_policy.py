"""Every state's design against a brute force of the definitions; what holds of policies whatever the problem."""

from __future__ import annotations

import copy
from itertools import combinations
from random import Random
from typing import Any

import numpy as np
import pytest
from carin_oracle import UP, Joint, best_in, feasible, first_least, random_designs, scored, states, value
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from carin import bounded, scoring
from carin.adapt import adapt
from carin.baselines import score
from carin.candidates import find_candidates
from carin.rass import choose
from carin.scoring import whole_grid
from schemas import Designs, Policy, check_document

Json = dict[str, Any]
RANDOMS = st.randoms(use_true_random=False)
ORACLE_EXAMPLES = 2000 if settings().max_examples > 100 else 100
"""The comparison that all else rests on gets 2,000 examples in CI."""


def adapted(document: Json, **options: Any) -> Policy:
    return adapt(check_document(document, Designs), **options)


def rows_of(policy: Policy) -> dict[tuple[frozenset[str], bool], tuple[tuple[str, ...], bool]]:
    """Return what every state runs, and whether it is degraded."""
    choices = {design.name: tuple(design.choice.values()) for design in policy.design_set}
    return {(frozenset(row.overloaded), row.memory_tight): (choices[row.design], row.degraded) for row in policy.policy}


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


@given(RANDOMS, st.sampled_from([1, 2, 7, 64]))
def test_the_size_of_stretches_says_nothing(random: Random, size: int) -> None:
    document = random_designs(random)
    whole = adapted(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "STRETCH", size)
        parts = adapted(document)
    assert rows_of(parts) == rows_of(whole)
    for one, other in zip(parts.objectives, whole.objectives, strict=True):
        assert one.standard_deviation == pytest.approx(other.standard_deviation, rel=1e-12)


@given(RANDOMS)
def test_leaving_out_dominated_designs_changes_no_state(random: Random) -> None:
    document = random_designs(random, most_designs=8, most_tasks=2)
    pruned = score(check_document(document, Designs))
    assume(pruned.standards.feasible)
    few = find_candidates(pruned.problem, pruned.standards, pruned.grid)
    all_of_them = find_candidates(pruned.problem, pruned.standards, whole_grid(pruned.problem))
    assert few.number.tolist() == all_of_them.number.tolist()
    engines = len(document["engines"])
    assert choose(few, engines).candidate.tolist() == choose(all_of_them, engines).candidate.tolist()


def test_dominated_designs_are_left_out_only_behind_what_dominates_them() -> None:
    document = random_designs(Random(1), most_tasks=1)
    base = document["tasks"][0]["designs"][0]
    better = {**base, "name": "better@0", "energy_j": base["energy_j"] / 2 + 0.001}
    worse = {**base, "name": "worse@0", "energy_j": base["energy_j"] + 1.0}
    elsewhere = {**worse, "name": "elsewhere@0", "engine": "other"}
    document.update(engines=["cpu", "gpu", "npu", "other"], constraints=[], objectives=[{"metric": "energy_j"}])
    document["tasks"][0]["designs"] = [better, worse, elsewhere]
    assert [each.tolist() for each in score(check_document(document, Designs)).grid] == [[0, 2]]
    document["tasks"][0]["designs"] = [worse, better, elsewhere]  # equal in a state that sees no energy, worse is first
    assert [each.tolist() for each in score(check_document(document, Designs)).grid] == [[0, 1, 2]]


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


# A bound on the design set


def lost(document: Json, joints: list[Joint], held: list[Joint]) -> tuple[float, ...]:
    """Return what a set gives up against all joint designs: states degraded, engines, memory, distance."""
    total = [0.0] * 4
    for overloaded, tight in states(document):
        best, degraded = best_in(document, joints, overloaded, tight)
        other, other_degraded = best_in(document, held, overloaded, tight)
        total[0] += other_degraded and not degraded
        total[1] += len(other.engines & overloaded) - len(best.engines & overloaded)
        if other_degraded:
            total[2] += max(0.0, other.memory - best.memory)
        else:
            total[3] += other.distance - best.distance
    return tuple(total)


@given(RANDOMS, st.integers(1, 4))
def test_the_bound_is_kept_and_its_regret_is_the_least(random: Random, most: int) -> None:
    document = random_designs(random)
    joints = scored(document)
    assume(joints)
    policy = adapted(document, max_designs=most)
    free = adapted(document)
    assert 1 <= len(policy.design_set) <= most
    assert policy.design_set[0].choice == free.design_set[0].choice
    regret = policy.regret
    assert regret is not None
    assert regret.proved_least
    assert (regret.max_designs, regret.unbounded_designs) == (most, len(free.design_set))
    by_choice = {joint.choice: joint for joint in joints}
    wanted = [by_choice[tuple(design.choice.values())] for design in free.design_set]
    held = [joint for joint in joints if joint.choice in {tuple(d.choice.values()) for d in policy.design_set}]
    figures = (
        regret.newly_degraded, regret.extra_overloaded_engines, regret.extra_memory_bytes, regret.extra_distance,
    )  # fmt: skip
    wanted_figures = lost(document, joints, held)
    assert figures[:2] + figures[3:] == pytest.approx(wanted_figures[:2] + wanted_figures[3:], rel=1e-6, abs=1e-6)
    assert figures[2] == pytest.approx(wanted_figures[2], rel=1e-6, abs=32)
    pool = wanted if len(joints) > 10 else [wanted[0], *(joint for joint in joints if joint is not wanted[0])]
    for others in combinations(pool[1:], min(most, len(pool)) - 1):
        some = sorted([pool[0], *others], key=joints.index)
        assert_no_less(lost(document, joints, some), figures)


def assert_no_less(one: tuple[float, ...], other: tuple[float, ...]) -> None:
    """Compare losses, the most important first; memory that differs by its rounding to bytes decides nothing."""
    for place, (left, right) in enumerate(zip(one, other, strict=True)):
        if left != pytest.approx(right, rel=1e-6, abs=1e-6):
            assert left > right or (place == 2 and left == pytest.approx(right, abs=32))
            return


@given(RANDOMS)
def test_exchanging_keeps_the_bound_and_tells_that_it_proves_nothing(random: Random) -> None:
    document = random_designs(random)
    proved = adapted(document, max_designs=3)
    assume(proved.diagnosis is None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded, "_MOST_SETS", 0)
        patch.setattr(bounded, "_MOST_CELLS", 100)
        quick = adapted(document, max_designs=3)
    assert quick.regret is not None
    assert proved.regret is not None
    assert len(quick.design_set) <= 3
    if quick.regret.unbounded_designs > 3:
        assert not quick.regret.proved_least

        def loss(policy: Policy) -> tuple[float, ...]:
            regret = policy.regret
            assert regret is not None
            return (
                regret.newly_degraded, regret.extra_overloaded_engines, regret.extra_memory_bytes,
                regret.extra_distance,
            )  # fmt: skip

        assert_no_less(loss(quick), loss(proved))


def test_the_bound_of_the_file_counts_unless_another_is_given() -> None:
    document = random_designs(Random(12), constrained=False)
    assert len(adapted(document).design_set) > 2
    document["max_designs"] = 2
    assert len(adapted(document).design_set) == 2
    assert len(adapted(document, max_designs=1).design_set) == 1


# No joint design meets every constraint


@given(RANDOMS)
def test_the_diagnosis_is_the_best_that_each_bound_could_be(random: Random) -> None:
    document = random_designs(random)
    document["constraints"].append({"metric": "energy_j", "max": 0.01})
    document["constraints"].append({"metric": "accuracy", "min": 0.8})
    policy = adapted(document)
    assume(policy.diagnosis is not None)
    assert policy.diagnosis is not None
    rows = list(policy.diagnosis.constraints)
    for index, constraint in enumerate(document["constraints"]):
        for side in ("max", "min"):
            if side not in constraint:
                continue
            row = rows.pop(0)
            reached = [value(document, joint, constraint) for joint in feasible(document, (index, side))]
            best = (min(reached) if side == "max" else max(reached)) if reached else None
            assert (row.metric, row.task, row.bound) == (constraint["metric"], constraint.get("task"), side)
            assert row.demand == constraint[side]
            assert row.best == (None if best is None else pytest.approx(best, rel=1e-12))
            assert (f" {row.unit}" in row.message) == (row.unit != "fraction")
    assert rows == []


# Baselines


@given(RANDOMS)
def test_baselines_equal_their_definitions(random: Random) -> None:
    document = random_designs(random)
    joints = scored(document)
    assume(joints)
    found = adapted(document).baselines

    def weighted_sum(joint: Joint) -> float:
        total = 0.0
        for index, objective in enumerate(document["objectives"]):
            largest = max(abs(each.values[index]) for each in joints)
            sign = -1.0 if objective["metric"] in UP else 1.0
            total += sign * objective.get("weight", 1.0) * joint.values[index] / largest if largest else 0.0
        return total

    assert choice(found["oodin"].choice) == first_least(joints, weighted_sum).choice
    for name, metric, pick in (
        ("single_model_most_accurate", "accuracy", max),
        ("single_model_smallest", "size_bytes", min),
    ):
        models = []
        for task in document["tasks"]:
            extreme = pick(design[metric] for design in task["designs"])
            models.append(next(d["name"].split("@")[0] for d in task["designs"] if d[metric] == extreme))
        same = [j for j in joints if [each.split("@")[0] for each in j.choice] == models]
        wanted = first_least(same, lambda joint: joint.distance).choice if same else None
        assert choice(found[name].choice) == wanted
        assert bool(found[name].message) == (wanted is None)


def choice(found: dict[str, str] | None) -> tuple[str, ...] | None:
    return None if found is None else tuple(found.values())


@given(RANDOMS)
def test_the_best_per_task_is_blind_to_the_others(random: Random) -> None:
    document = random_designs(random)
    assume(scored(document))
    wanted = []
    for task in document["tasks"]:
        about = (None, task["name"])
        alone = {
            **document, "tasks": [task],
            "objectives": [each for each in document["objectives"] if each.get("task") in about],
            "constraints": [
                each for each in document["constraints"]
                if each.get("task") == task["name"] or ("task" not in each and each["metric"] != "accuracy")
            ],
        }  # fmt: skip
        joints = scored(alone)
        wanted += [first_least(joints, lambda joint: joint.distance).choice[0]] if joints else [None]
    found = adapted(document).baselines["best_per_task"]
    assert choice(found.choice) == (None if None in wanted else tuple(wanted))
    if found.choice is not None:
        joint = tuple(
            next(each for each in task["designs"] if each["name"] == found.choice[task["name"]])
            for task in document["tasks"]
        )
        assert found.feasible == (joint in list(feasible(document)))


def test_transferred_designs() -> None:
    here = random_designs(Random(16), constrained=False)
    there = copy.deepcopy(here)
    usual = adapted(here).design_set[0]
    baseline = adapted(here, transfer_from=check_document(there, Designs)).baselines["transferred"]
    assert (baseline.choice, baseline.distance) == (usual.choice, usual.distance)
    assert baseline.optimality_ratio == pytest.approx(1.0)
    for task in there["tasks"]:
        for design in task["designs"]:
            design["name"] += "x"
    missing = adapted(here, transfer_from=check_document(there, Designs)).baselines["transferred"]
    assert missing.choice is None
    assert "has no design" in missing.message


@given(RANDOMS)
def test_no_feasible_baseline_is_nearer_than_the_policy(random: Random) -> None:
    document = random_designs(random)
    policy = adapted(document)
    for baseline in policy.baselines.values():
        if baseline.feasible:
            assert baseline.distance is not None
            assert baseline.distance >= policy.design_set[0].distance * (1 - 1e-9) - 1e-9
            assert baseline.optimality_ratio is None or baseline.optimality_ratio >= 1 - 1e-6


def test_results_do_not_change_from_run_to_run() -> None:
    document = random_designs(Random(11))
    assert adapted(document) == adapted(document)


def test_the_pool_of_candidates_is_compared_early_where_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    document = random_designs(Random(12), constrained=False)
    whole = adapted(document)
    monkeypatch.setattr("carin.candidates._POOL", 1)
    monkeypatch.setattr(scoring, "STRETCH", 3)
    assert rows_of(adapted(document)) == rows_of(whole)
