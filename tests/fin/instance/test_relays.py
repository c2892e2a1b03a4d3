"""Nodes that host nothing: sensors, switches and access points as sources, routers and destinations."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from cases import random_app, random_model, random_topology
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import against_oracle
from undiagnosed import undiagnosed

from planner import plan, verify
from planner.schemas import App, InputError, Model, Topology, Workload, check_document

HOPS = {"bit_per_s": 1e8, "latency_s": 0.001, "j_per_bit": 1e-8, "bidirectional": True}
SENSOR: dict[str, Any] = {
    "schema_version": "1",
    "name": "plant",
    "nodes": [
        {"name": "sensor", "tier": "mobile", "hosts": False},
        {"name": "switch", "hosts": False},
        {"name": "gateway", "ops_per_s": 1e10, "j_per_op": 1e-10},
    ],
    "links": [{"source": "sensor", "target": "switch", **HOPS}, {"source": "switch", "target": "gateway", **HOPS}],
}
NET: dict[str, Any] = {
    "schema_version": "1",
    "name": "net",
    "input_bits": 1e6,
    "blocks": [{"name": "a", "ops": 1e8, "output_bits": 1e5}, {"name": "b", "ops": 1e8, "output_bits": 1e4}],
}


def topology(**changes: Any) -> Topology:
    return check_document({**SENSOR, **changes}, Topology)


def test_a_sensor_sends_over_a_switch_to_the_node_that_computes() -> None:
    placement = plan(check_document(NET, Model), topology())
    (app,) = placement.apps
    assert placement.status == "optimal"
    assert {row.node for row in app.assignments} == {"gateway"}
    assert [route.path for route in app.routes] == [("sensor", "switch", "gateway")]
    # 2e8 operations, and 1e6 bit over two hops
    assert app.energy_j == pytest.approx(2e8 * 1e-10 + 2 * 1e6 * 1e-8, rel=1e-12)
    assert app.latency_s == pytest.approx(0.02 + 2 * (0.001 + 0.01), rel=1e-12)


@pytest.mark.parametrize("method", ["exact", "gamma", "mcp", "ilp", "brute", "neurosurgeon"])
def test_a_switch_may_need_the_results(method: str) -> None:
    placement = plan(check_document(NET, Model), topology(), destination="switch", method=method)
    assert placement.apps[0].energy_j == pytest.approx(0.02 + 0.02 + 1e4 * 1e-8, rel=1e-9)


def test_several_apps_share_a_network_with_relays() -> None:
    apps = [{"name": name, "model": "net", "rate_per_s": 2.0, "destination": "sensor"} for name in ("x", "y")]
    work = check_document({"schema_version": "1", "apps": apps}, Workload)
    placement = plan(topology=topology(), workload=work, models={"net": check_document(NET, Model)})
    assert placement.status == "optimal"
    assert {row.node for app in placement.apps for row in app.assignments} == {"gateway"}


def test_the_verifier_lets_no_block_run_on_a_relay() -> None:
    model, where = check_document(NET, Model), topology()
    raw = json.loads(plan(model, where).model_dump_json())
    raw["apps"][0]["assignments"][0]["node"] = "switch"
    found = verify(check_document(raw, type(plan(model, where))), where, [(App(model="net"), model)])
    assert any(violation.message == "switch hosts no block" for violation in found)


def test_problems_name_what_hosts_nothing() -> None:
    with pytest.raises(InputError, match="this node hosts no block"):
        plan(check_document(NET, Model), topology(), pin={"a": ["switch"]})
    with pytest.raises(InputError, match="no node hosts blocks"):
        topology(nodes=[{**node, "hosts": False} for node in SENSOR["nodes"]])
    with pytest.raises(InputError, match="nothing says how fast sensor is"):
        topology(nodes=[{"name": "sensor"}, *SENSOR["nodes"][1:]])


@settings(max_examples=against_oracle(100))
@given(st.randoms(use_true_random=False))
def test_methods_agree_where_some_nodes_only_relay(random: Random) -> None:
    raw, net = random_topology(random), random_model(random)
    for node in raw["nodes"]:
        if random.random() < 0.4:
            node.update(hosts=False)
            for name in ("ops_per_s", "j_per_op", "active_power_w", "hardware"):
                node.pop(name, None)
    app = random_app(random, net, raw)
    try:
        where, model = check_document(raw, Topology), check_document(net, Model)
        asked = check_document({"schema_version": "1", "apps": [app]}, Workload)
        inputs = {"topology": where, "workload": asked, "models": {app["model"]: model}}
        placements = [plan(**inputs, method="exact")]
        with undiagnosed():  # one that explains itself is enough
            placements += [plan(**inputs, method=method) for method in ("brute", "ilp")]
    except InputError:
        return
    statuses = {placement.status for placement in placements}
    assert len(statuses) == 1
    relays = {node["name"] for node in raw["nodes"] if node.get("hosts") is False}
    for placement in placements:
        assert not relays & {row.node for plan in placement.apps for row in plan.assignments}
    if placements[0].apps:
        field = "energy_j" if asked.apps[0].objective == "energy" else "latency_s"
        best = [getattr(placement.apps[0], field) for placement in placements]
        assert best == pytest.approx([best[0]] * 3, rel=1e-7)


def test_pages_and_tables_show_relays(tmp_path) -> None:
    model, where, page = tmp_path / "net.json", tmp_path / "plant.json", tmp_path / "plan.html"
    model.write_text(json.dumps(NET))
    where.write_text(json.dumps(SENSOR))
    inputs, placed = ("--model", model, "--topology", where), tmp_path / "plan.json"
    assert run("plan", *inputs, "--output", placed).code == 0
    assert run("check", placed, *inputs).code == 0
    assert run("compare", *inputs).code == 0
    assert run("report", placed, *inputs, "--output", page).code == 0
    assert "switch" in page.read_text(encoding="utf-8")
