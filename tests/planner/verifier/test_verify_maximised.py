"""The verifier on rates and accuracies: what is planned stands, and fifty corruptions of each kind do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from cases import random_case
from undiagnosed import solve_undiagnosed

from planner.fin.method import Options, methods_of
from planner.pipeline.prove import prove
from planner.pipeline.request import Request
from planner.schemas import App, InputError, Model, Placement, Topology, check_document
from planner.verifier.verify import verify

Json = dict[str, Any]
Case = tuple[Json, App, Model, Topology]


def planned(seed: int, objective: str, method: str = "exact") -> Case | None:
    app, model, topology = random_case(Random(seed))
    app = app.model_copy(update={"objective": objective})
    try:
        # verified, or an internal error
        placement = solve_undiagnosed(Request(app, model, topology, method, Options()))
    except InputError:
        return None
    return (json.loads(placement.model_dump_json()), app, model, topology) if placement.apps else None


def stands(case: Case) -> bool:
    raw, app, model, topology = case
    try:
        return not verify(check_document(raw, Placement), topology, [(app, model)])
    except InputError:
        return False


def _plan(raw: Json) -> Json:
    return raw["apps"][0]


def _scaled(value: float, r: Random) -> float:
    return value * r.choice([0.5, 1.0 - 1e-6, 1.0 + 1e-6, 2.0])


def wrong_rate(raw: Json, r: Random) -> bool:
    plan = _plan(raw)
    plan["rate_per_s"] = 5.0 if plan["rate_per_s"] is None else _scaled(plan["rate_per_s"], r) or 1.0
    return True


def no_rate(raw: Json, r: Random) -> bool:
    plan = _plan(raw)
    changed = plan["rate_per_s"] is not None
    plan["rate_per_s"] = None
    return changed


def wrong_busy_time(raw: Json, r: Random) -> bool:
    times = [kind for kind in _plan(raw)["busy_s"].values() if kind]
    if not times:
        return False
    kind = r.choice(times)
    name = r.choice(sorted(kind))
    kind[name] = _scaled(kind[name], r)
    return True


def a_busy_time_too_many(raw: Json, r: Random) -> bool:
    _plan(raw)["busy_s"][r.choice(["nodes", "media"])]["nobody"] = 1.0
    return True


def a_busy_time_too_few(raw: Json, r: Random) -> bool:
    times = [kind for kind in _plan(raw)["busy_s"].values() if kind]
    return bool(times) and r.choice(times).popitem() is not None


def no_busy_times(raw: Json, r: Random) -> bool:
    _plan(raw)["busy_s"] = None
    return True


def wrong_bottleneck(raw: Json, r: Random) -> bool:
    plan = _plan(raw)
    plan["bottleneck"] = "nobody" if plan["bottleneck"] is None else r.choice([None, "nobody"])
    return True


def bound_below(raw: Json, r: Random) -> bool:
    proof = raw["certificate"]
    proof["upper_bound"] = 1e-3 if proof["upper_bound"] is None else proof["upper_bound"] * r.choice([0.5, 1.0 - 1e-6])
    return bool(proof["upper_bound"])


def bound_above(raw: Json, r: Random) -> bool:
    proof = raw["certificate"]
    if not proof["upper_bound"]:
        return False
    proof["upper_bound"] *= r.choice([1.001, 2.0])
    if r.random() < 0.5:
        proof["relative_gap"] = 1.0 - (_plan(raw)["rate_per_s"] or _plan(raw)["accuracy"]) / proof["upper_bound"]
    return True


def lower_bound(raw: Json, r: Random) -> bool:
    raw["certificate"]["lower_bound"] = 0.0
    return True


def wrong_gap(raw: Json, r: Random) -> bool:
    raw["certificate"]["relative_gap"] = r.choice([1e-3, 0.5])
    return True


def wrong_objective(raw: Json, r: Random) -> bool:
    raw["certificate"]["objective"] = r.choice(["energy_j", "latency_s", "nothing"])
    return True


def rate_of_another_objective(raw: Json, r: Random) -> bool:
    what = r.choice(["rate_per_s", "busy_s", "bottleneck"])
    _plan(raw)[what] = {"rate_per_s": 1.0, "busy_s": {"nodes": {}, "media": {}}, "bottleneck": "n0"}[what]
    return True


OF_CERTIFICATE = (bound_below, bound_above, lower_bound, wrong_gap, wrong_objective)
OF_RATE = (
    wrong_rate, no_rate, wrong_busy_time, a_busy_time_too_many, a_busy_time_too_few, no_busy_times, wrong_bottleneck,
)  # fmt: skip
KINDS = [("rate", change) for change in (*OF_RATE, *OF_CERTIFICATE)]
KINDS += [("accuracy", change) for change in (*OF_CERTIFICATE, rate_of_another_objective)]
WANTED = 50


@pytest.mark.slow
@pytest.mark.parametrize(("objective", "change"), KINDS, ids=lambda each: getattr(each, "__name__", each))
def test_fifty_corrupted_placements_are_rejected(objective: str, change: Callable[[Json, Random], bool]) -> None:
    rejected = 0
    for seed in range(2_000):
        if (case := planned_once(seed % 150, objective)) is None:
            continue
        raw = json.loads(json.dumps(case[0]))
        if change(raw, Random(seed)):
            assert not stands((raw, *case[1:])), (seed, raw)
            rejected += 1
        if rejected == WANTED:
            return
    raise AssertionError(rejected)


_KEPT: dict[tuple[int, str], Case | None] = {}


def planned_once(seed: int, objective: str) -> Case | None:
    if (seed, objective) not in _KEPT:
        _KEPT[seed, objective] = planned(seed, objective)
    return _KEPT[seed, objective]


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["rate", "accuracy"])
def test_plans_of_every_method_stand_and_can_be_proved_again(objective: str) -> None:
    for seed in range(8):
        for name in methods_of(objective):
            if (case := planned(seed, objective, name)) is None:
                continue
            raw, app, model, topology = case
            placement = check_document(raw, Placement)
            verdict = prove(placement, Request(app, model, topology, "exact", Options()), 1e-6).verdict
            assert verdict == "proved" or placement.status == "feasible", (seed, name)
            assert verdict != "refuted"
