"""Other ways of choosing designs, and why there is none, against their definitions."""

from __future__ import annotations

import copy
from random import Random

import pytest
from carin_oracle import UP, Joint, feasible, lexicographic_argmin, random_designs, scored, value
from hypothesis import assume, given
from policies import RANDOMS, adapted

from planner.schemas import Designs, check_document

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
            assert (row.unit.removeprefix("1") in row.message) == (row.unit != "fraction")
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
            largest_magnitude = max(abs(each.values[index]) for each in joints)
            sign = -1.0 if objective["metric"] in UP else 1.0
            total += (
                sign * objective.get("weight", 1.0) * joint.values[index] / largest_magnitude
                if largest_magnitude
                else 0.0
            )
        return total

    assert choice(found["oodin"].choice) == lexicographic_argmin(joints, weighted_sum).choice
    for name, metric, pick in (
        ("single_model_most_accurate", "accuracy", max),
        ("single_model_smallest", "size_bytes", min),
    ):
        models = []
        for task in document["tasks"]:
            extreme = pick(design[metric] for design in task["designs"])
            models.append(next(d["name"].split("@")[0] for d in task["designs"] if d[metric] == extreme))
        same = [j for j in joints if [each.split("@")[0] for each in j.choice] == models]
        wanted = lexicographic_argmin(same, lambda joint: joint.distance).choice if same else None
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
        wanted += [lexicographic_argmin(joints, lambda joint: joint.distance).choice[0]] if joints else [None]
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
