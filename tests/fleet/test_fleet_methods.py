"""All methods on the same fleets: what they promise, the same answer every time, and what is short."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from fleet_cases import random_fleet
from fleet_oracle import optimum

from planner.fleet.method import FLEET_METHODS
from planner.pipeline.fleet import plan_fleet
from planner.schemas import Model, Topology, check_document
from planner.schemas.fleets.fleet import Fleet
from planner.schemas.fleets.placement import FleetPlacement

CITY = Path(__file__).parents[2] / "examples" / "city"


@pytest.mark.parametrize("method", FLEET_METHODS)
@pytest.mark.parametrize("seed", [3, 8, 21])
def test_no_method_beats_the_optimum_nor_bounds_above_it(method: str, seed: int) -> None:
    fleet, topology, models = random_fleet(Random(seed))
    known = {name: check_document(model, Model) for name, model in models.items()}
    best = optimum(fleet, topology, models)
    placement = plan_fleet(
        check_document(fleet, Fleet), check_document(topology, Topology), models=known, method=method, gap=1e-6
    )
    if placement.total is None or best.unserved:
        assert placement.status in ("infeasible", "unknown")
        return
    assert placement.certificate is not None
    assert placement.total.power_w >= best.power_w * (1 - 1e-6)
    assert placement.certificate.lower_bound <= best.power_w * (1 + 1e-6)
    if method in ("fleet", "ilp"):
        assert placement.total.power_w == pytest.approx(best.power_w, rel=1e-5)


@pytest.mark.parametrize("seed", range(12))
def test_idle_power_is_counted_and_bounded(seed: int) -> None:
    fleet, topology, models = random_fleet(Random(seed), idle=True)
    known = {name: check_document(model, Model) for name, model in models.items()}
    best = optimum(fleet, topology, models)
    placement = plan_fleet(check_document(fleet, Fleet), check_document(topology, Topology), models=known)
    if placement.total is None or placement.certificate is None or best.unserved:
        return
    assert placement.total.power_w >= best.power_w * (1 - 1e-6)
    assert placement.certificate.lower_bound <= best.power_w * (1 + 1e-6)


@pytest.mark.parametrize("method", ["fleet", "cheapest"])
@pytest.mark.parametrize("seed", range(10))
def test_memory_of_shared_nodes_holds_over_all_users(method: str, seed: int) -> None:
    """The verifier, which runs on every plan, counts every block and head once per model and node."""
    fleet, topology, models = random_fleet(Random(seed), memory=True)
    known = {name: check_document(model, Model) for name, model in models.items()}
    best = optimum(fleet, topology, models)
    placement = plan_fleet(
        check_document(fleet, Fleet), check_document(topology, Topology), models=known, method=method
    )
    if placement.total is not None and placement.certificate is not None and not best.unserved:
        assert placement.total.power_w >= best.power_w * (1 - 1e-6)
        assert placement.certificate.lower_bound <= best.power_w * (1 + 1e-6)


def without_time(placement: FleetPlacement) -> str:
    return placement.model_copy(update={"timing": None}).model_dump_json()


def test_the_answer_is_the_same_every_time_and_for_any_number_of_jobs() -> None:
    answers = {
        without_time(plan_fleet(CITY / "fleet.json", CITY / "topology.json", jobs=jobs)) for jobs in (1, 1, 2, 4)
    }
    assert len(answers) == 1


def crowded(tmp_path: Path) -> Path:
    topology = json.loads((CITY / "topology.json").read_text(encoding="utf-8"))
    for node in topology["nodes"]:
        node["max_utilization"] /= 100
    path = tmp_path / "topology.json"
    path.write_text(json.dumps(topology), encoding="utf-8")
    return path


def test_what_is_short_is_named_and_most_can_be_served(tmp_path: Path) -> None:
    topology = crowded(tmp_path)
    placement = plan_fleet(CITY / "fleet.json", topology)
    assert placement.status == "infeasible"
    assert placement.diagnosis is not None
    assert placement.diagnosis.short
    part = plan_fleet(CITY / "fleet.json", topology, serve_most=True)
    assert part.status in ("optimal", "feasible")
    assert part.total is not None
    assert 0 < part.total.served <= placement.diagnosis.most_served < 600
    assert sum(each.count for each in part.unserved) == 600 - part.total.served


@pytest.mark.parametrize("method", FLEET_METHODS)
@pytest.mark.parametrize("serve_most", [False, True])
def test_where_nobody_can_be_served_there_is_no_plan_of_most(serve_most: bool, method: str) -> None:
    net = {"name": "net", "input_bits": 1e5, "blocks": [{"name": "b", "ops": 1e7, "output_bits": 1e3}], "accuracy": 0.9}
    topology = {"name": "far", "nodes": [{"name": "n", "ops_per_s": 1e10, "j_per_op": 1e-10}], "links": []}
    device = {"ops_per_s": 1e9, "j_per_op": 1e-10, "max_utilization": 0.0}
    users = {"name": "c", "count": 5, "model": "net", "rate_per_s": 0.1, "max_latency_s": 0.05, "device": device}
    fleet = {"name": "f", "classes": [{**users, "attach": [{"node": "n", "bit_per_s": 1e6}]}]}
    version = {"schema_version": "1"}
    found = plan_fleet(
        check_document({**version, **fleet}, Fleet),
        check_document({**version, **topology}, Topology),
        models={"net": check_document({**version, **net}, Model)},
        serve_most=serve_most,
        method=method,
    )
    assert (found.status, found.groups) == ("infeasible", ())
    assert found.diagnosis is not None
    assert found.diagnosis.most_served == 0


def test_a_time_limit_leaves_a_plan_for_all_users_with_a_bound() -> None:
    best = plan_fleet(CITY / "fleet.json", CITY / "topology.json", gap=1e-6)
    rushed = plan_fleet(CITY / "fleet.json", CITY / "topology.json", time_limit_s=0.0)
    assert best.total is not None
    assert rushed.total is not None
    assert rushed.total.served == 600
    assert rushed.certificate is not None
    assert rushed.certificate.lower_bound <= best.total.power_w <= rushed.total.power_w * (1 + 1e-9)


@pytest.mark.parametrize("method", ["nearest", "cheapest", "pop", "lp", "ilp"])
def test_a_bound_of_users_without_room_holds_no_penalty(method: str, tmp_path: Path) -> None:
    best = plan_fleet(CITY / "fleet.json", CITY / "topology.json")
    left = plan_fleet(CITY / "fleet.json", crowded(tmp_path), method=method)
    assert best.total is not None
    assert left.status == "unknown"
    assert left.certificate is not None
    assert left.certificate.lower_bound <= 2 * best.total.power_w
