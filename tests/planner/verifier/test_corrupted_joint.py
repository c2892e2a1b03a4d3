"""False joint placements of apps with several models, batches and skips: fifty of each kind, all rejected."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import pytest
from corruption import false_ones_that_stand, false_placements
from joint_cases import Case
from joint_variant_cases import skip_case, variant_case

from planner.pipeline.request import JointRequest
from planner.pipeline.several_apps import solve_joint

Json = dict[str, Any]
_FALSE = 50
_TRUE = 6
"""Placements of each sort of case that are falsified."""


@cache
def _true_ones(draw: Callable[[int], Case]) -> tuple[tuple[Json, Case], ...]:
    """Return placements with plans, each with its case."""
    found: list[tuple[Json, Case]] = []
    seed = 0
    while len(found) < _TRUE:
        case, seed = draw(seed), seed + 1
        topology, apps = case.documents()
        placement = solve_joint(JointRequest(apps, topology))
        if placement.apps and placement.status == "optimal":
            found.append((json.loads(placement.model_dump_json()), case))
    return tuple(found)


def _other_model(raw: Json, case: Case, r: Random) -> bool:
    app, (asked, models) = _app(raw, case, r)
    if app.get("model") is None:
        app["model"] = r.choice(["m9.json", "nowhere.json"])
        return True
    number = asked["model"].index(app["model"])
    costs = [{key: value for key, value in model.items() if key != "name"} for model in models]
    others = [name for name, own in zip(asked["model"], costs, strict=True) if own != costs[number]]
    app["model"] = r.choice([None, "nowhere.json", *others])
    return True


def _other_batch(raw: Json, case: Case, r: Random) -> bool:
    app, (asked, _) = _app(raw, case, r)
    sizes = {*asked.get("batch", [1]), 5, app["batch"] + 1, 1} - {app["batch"]}
    app["batch"] = r.choice(sorted(sizes))
    return True


def _other_reader(raw: Json, case: Case, r: Random) -> bool:
    app, _ = _app(raw, case, r)
    routes = [route for route in app["routes"] if route.get("to") is not None]
    if not routes:
        return False
    r.choice(routes)["to"] = r.choice(["nowhere", app["assignments"][0]["block"] + "x"])
    return True


def _missing_tensor(raw: Json, case: Case, r: Random) -> bool:
    app, _ = _app(raw, case, r)
    if not app["routes"]:
        return False
    del app["routes"][r.randrange(len(app["routes"]))]
    return True


def _tensor_twice(raw: Json, case: Case, r: Random) -> bool:
    app, _ = _app(raw, case, r)
    if not app["routes"]:
        return False
    app["routes"].append(copy.deepcopy(r.choice(app["routes"])))
    return True


def _other_share(raw: Json, case: Case, r: Random) -> bool:
    app, _ = _app(raw, case, r)
    shares = app["shares"][r.choice(["nodes", "media"])]
    if not shares:
        return False
    shares[r.choice(sorted(shares))] *= r.choice([0.5, 1e-3, 100.0])
    return True


def _app(raw: Json, case: Case, r: Random) -> tuple[Json, tuple[Json, Any]]:
    app = r.choice(raw["apps"])
    return app, next(pair for pair in case.apps if pair[0]["name"] == app["name"])


KINDS = [
    *((variant_case, change) for change in (_other_model, _other_batch, _other_share)),
    *((skip_case, change) for change in (_other_reader, _missing_tensor, _tensor_twice)),
]


@pytest.mark.parametrize(("draw", "change"), KINDS)
def test_fifty_false_ones_of_each_kind_are_rejected(
    draw: Callable[[int], Case], change: Callable[[Json, Case, Random], bool]
) -> None:
    r, tried = Random(0), 0
    while tried < _FALSE:
        true, case = r.choice(_true_ones(draw))
        false = copy.deepcopy(true)
        if change(false, case, r) and false != true:
            topology, apps = case.documents()
            assert false_ones_that_stand([false], topology, apps) == []
            tried += 1


@pytest.mark.parametrize("draw", [variant_case, skip_case])
def test_figures_and_routes_are_recomputed(draw: Callable[[int], Case]) -> None:
    for number, (true, case) in enumerate(_true_ones(draw)):
        topology, apps = case.documents()
        assert false_ones_that_stand([true], topology, apps) == [true]
        assert false_ones_that_stand(false_placements(true, Random(number), _FALSE), topology, apps) == []
