"""Placements of networks that are no chains, and of memory beyond a sum: every corruption is rejected."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

import pytest
from cases import instance_of
from dataflow_cases import random_dataflow_case

from planner.files.writing import placement_json
from planner.fin.exact.method import Exact
from planner.fin.method import Options
from planner.pipeline.placement import placement_of
from planner.schemas import App, Model, Placement, Provenance, Topology, check_document
from planner.verifier.verify import verify

WANTED = 50


@cache
def _stored() -> list[tuple[App, Model, Topology, dict[str, Any]]]:
    """Return plans that stand, with the inputs that they were made for."""
    found = []
    for seed in range(700):
        app, model, topology = random_dataflow_case(Random(seed))
        instance = instance_of(app, model, topology)
        if instance is None or instance.is_plain or instance.points.count == 0:
            continue
        outcome = Exact().solve(instance, Options(gap=0.1))
        if outcome.plan is not None:
            placement = placement_of(instance, outcome, Provenance(planner="", method="exact"), 0.0, None)
            found.append((app, model, topology, placement_json(placement)))
    return found


def _plans() -> Iterator[tuple[App, Model, Topology, dict[str, Any], Random]]:
    for number, (app, model, topology, raw) in enumerate(_stored()):
        yield app, model, topology, copy.deepcopy(raw), Random(number)


def _rejects(raw: dict[str, Any], app: App, model: Model, topology: Topology) -> bool:
    return bool(verify(check_document(raw, Placement), topology, [(app, model)], 1.0))


def _drop(routes: list[Any], r: Random, model: Model) -> None:
    del routes[r.randrange(len(routes))]


def _double(routes: list[Any], r: Random, model: Model) -> None:
    routes.append(copy.deepcopy(r.choice(routes)))


def _to_another(routes: list[Any], r: Random, model: Model) -> None:
    route = r.choice(routes)
    names = [block.name for block in model.blocks]
    route["to"] = r.choice([name for name in (*names, "nowhere") if name != route.get("to")])


def _another_tensor(routes: list[Any], r: Random, model: Model) -> None:
    route = r.choice(routes)
    route["tensor"] = "nothing" if route.get("tensor") is None else None


def _bits(routes: list[Any], r: Random, model: Model) -> None:
    route = r.choice(routes)
    route["bits"] = route["bits"] * 1.001 + 1e-3


def _backwards(routes: list[Any], r: Random, model: Model) -> None:
    r.choice(routes)["path"].reverse()


@pytest.mark.slow
@pytest.mark.parametrize("change", [_drop, _double, _to_another, _another_tensor, _bits, _backwards])
def test_a_wrong_route_is_rejected(change):
    tried = 0
    for app, model, topology, raw, random in _plans():
        routes = [row for row in raw["apps"][0]["routes"] if row.get("to") is not None]
        if not routes:
            continue
        rest = [row for row in raw["apps"][0]["routes"] if row.get("to") is None]
        change(routes, random, model)
        raw["apps"][0]["routes"] = routes + rest
        assert _rejects(raw, app, model, topology)
        tried += 1
        if tried == WANTED:
            return
    pytest.fail(f"only {tried} placements to corrupt")


@pytest.mark.parametrize("field", ["param_bytes", "working_bytes", "state_bytes", "params"])
def test_memory_that_is_short_is_rejected(field):
    """A part needs a little more of one kind than its node has left."""
    tried = 0
    for app, model, topology, raw, random in _plans():
        node = random.choice(raw["apps"][0]["assignments"])["node"]
        here = {row["block"] for row in raw["apps"][0]["assignments"] if row["node"] == node}
        limits = {row.name: row.memory_bytes for row in topology.nodes}
        if limits.get(node) is None:
            continue
        changed = model.model_dump(mode="json")
        block = random.choice([row for row in changed["blocks"] if row["name"] in here])
        more = float(limits[node] or 0.0) * 1.000001 + 1e-6
        if field == "params":
            block["params"] = [*block["params"], "extra"]
            changed["params"] = {**changed["params"], "extra": more}
        else:
            block[field] += more
        assert _rejects(raw, app, check_document(changed, Model), topology)
        tried += 1
        if tried == WANTED:
            return
    pytest.fail(f"only {tried} placements to corrupt")


def test_apps_of_one_model_share_its_parameters():
    """By hand: two apps of a model with 6 B of parameters and 1 B of blocks each need 8 B, not 14 B."""
    raw = {
        "schema_version": "1",
        "name": "m",
        "input_bits": 0,
        "params": {"p": 6.0},
        "blocks": [{"name": "a", "ops": 0, "param_bytes": 1, "params": ["p"]}],
    }
    model = check_document(raw, Model)
    app = {"operating_point": "full", "exit_fractions": {"output": 1.0}, "energy_j": 0, "latency_s": 0,
           "accuracy": None, "assignments": [{"block": "a", "node": "n"}], "shares": {"nodes": {"n": 0.5}},
           "breakdown": {"compute_j": 0, "transfer_j": 0, "compute_s": 0, "transfer_s": 0}}  # fmt: skip
    placement = {
        "schema_version": "1", "status": "feasible", "apps": [{"name": "x", **app}, {"name": "y", **app}],
        "total": {"energy_j": 0, "power_w": 0, "nodes_used": 1},
    }  # fmt: skip
    apps = [(App(name=name, model="m.json", rate_per_s=1.0), model) for name in ("x", "y")]
    for memory_bytes, faults in ((8.0, 0), (7.9, 1)):
        nodes = [{"name": "n", "ops_per_s": 1.0, "j_per_op": 1.0, "memory_bytes": memory_bytes}]
        topology = check_document({"schema_version": "1", "name": "t", "nodes": nodes, "links": []}, Topology)
        found = verify(check_document(placement, Placement), topology, apps)
        assert [row.what for row in found] == ["memory_bytes"] * faults
