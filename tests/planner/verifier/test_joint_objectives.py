"""Placements for objectives of all apps, corrupted figure by figure: every corruption is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from planner import InputError, plan
from planner.files.writing import placement_json
from planner.schemas import App, Model, Placement, Topology, check_document, read_document
from planner.schemas.planning.workload import Workload
from planner.verifier.verify import verify

EXAMPLES = Path(__file__).parents[3] / "examples"
OBJECTIVES = ("latency", "accuracy", "cost")
METRICS = [
    {
        "name": "cost",
        "unit": "USD",
        "nodes": {"edge": {"per_s": 3e-4, "per_j": 1e-5}, "phone-a": {"per_j": 2e-5}},
        "links": [{"source": "phone-a", "target": "edge", "per_bit": 1e-12}],
    }
]


@cache
def inputs() -> tuple[Topology, tuple[tuple[App, Model], ...], dict[str, Any]]:
    """Return the example with a metric, and its topology as a document."""
    topology = {**json.loads((EXAMPLES / "small-shared.json").read_text(encoding="utf-8")), "metrics": METRICS}
    workload, _ = read_document(EXAMPLES / "small-shared.workload.json", Workload)
    model, _ = read_document(EXAMPLES / "small.json", Model)
    return check_document(topology, Topology), tuple((app, model) for app in workload.apps), topology


@cache
def planned(objective: str) -> Placement:
    """Plan the example for an objective."""
    return plan(topology=inputs()[2], workload=EXAMPLES / "small-shared.workload.json", objective=objective)


def broken(raw: dict[str, Any], objective: str) -> bool:
    """Tell whether a placement is refused, by its schema or by the verifier."""
    topology, apps, _ = inputs()
    try:
        held = check_document(raw, Placement)
    except InputError:  # out of range: refused before the verifier
        return True
    return bool(verify(held, topology, apps, objective=objective))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every figure that is claimed and not 0."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(item, (dict, list)):
            yield from leaves(item, (*path, key))
        elif isinstance(item, (int, float)) and item != 0:
            yield (*path, key)


def changed(raw: dict[str, Any], path: tuple[Any, ...], factor: float) -> dict[str, Any]:
    """Return a copy with one figure multiplied; counts change by one."""
    found = deepcopy(raw)
    *above, last = path
    at: Any = found
    for key in above:
        at = at[key]
    at[last] = at[last] + 1 if isinstance(at[last], int) else at[last] * factor
    return found


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_plan_stands(objective: str) -> None:
    topology, apps, _ = inputs()
    assert planned(objective).status == "optimal"
    assert verify(planned(objective), topology, apps, objective=objective) == []


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_corrupted_figure_is_found(objective: str) -> None:
    raw = placement_json(planned(objective))
    kept = {key: raw[key] for key in ("apps", "total", "certificate", "node_speeds") if key in raw}
    tried = [(path, factor) for path in leaves(kept) for factor in (1.01, 0.99)]
    assert len(tried) >= 50
    upper = objective == "accuracy"
    harmless = ("certificate", "upper_bound" if upper else "lower_bound"), 1.01 if upper else 0.99
    missed = [each for each in tried if each != harmless and not broken(changed(raw, *each), objective)]
    assert missed == []


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_plan_for_one_objective_is_none_for_another(objective: str) -> None:
    raw = placement_json(planned(objective))
    for other in ("power", "money", *OBJECTIVES):
        assert broken(raw, other) == (other != objective)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_bound_of_the_other_side_or_none_is_found(objective: str) -> None:
    raw = deepcopy(placement_json(planned(objective)))
    certificate = raw["certificate"]
    bounds = {key: certificate.pop(key) for key in ("lower_bound", "upper_bound") if key in certificate}
    (name, value), other = next(iter(bounds.items())), {"lower_bound": "upper_bound", "upper_bound": "lower_bound"}
    certificate[other[name]] = value
    assert broken(raw, objective)
    del certificate[other[name]]
    assert broken(raw, objective)
