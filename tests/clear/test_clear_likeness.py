"""Decisions moved to equal nodes: the same loads, powers and times on nodes of the same kinds, over real links."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joint_cases import Case
from profiles import generated

from planner import load_model, plan
from planner.clear.master.symmetry import NodeSymmetry
from planner.clear.pricing.routes import Routes, list_routes
from planner.clear.problem.column import Column, column_of
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.decision import Decision

SEEDS = st.integers(0, 2**32)
FEW = generated(30, 100)
MODEL: dict[str, Any] = {
    "schema_version": "1", "name": "m", "input_bits": 2.0,
    "blocks": [
        {"name": f"b{index}", "ops": ops, "param_bytes": 1.0, "output_bits": 1.0 + index}
        for index, ops in enumerate((3.0, 1.0, 2.0, 4.0))
    ],
    "exits": [
        {"name": "early", "after": "b1", "ops": 0.5, "result_bits": 1.0},
        {"name": "last", "after": "b3", "result_bits": 2.0},
    ],
    "operating_points": [{"name": "all", "exit_fractions": {"early": 0.4, "last": 0.6}, "accuracy": 0.9}],
}  # fmt: skip


def topology(r: Random) -> dict[str, Any]:
    """Two phones before a package whose chiplets are equal, but for some in one corner."""
    chiplet = {"ops_per_s": 20.0, "j_per_op": 0.5, "static_power_w": 0.1, "speed": {"min": 0.5, "max": 1.0}}
    rows, cols = r.choice([(1, 3), (2, 2), (2, 3)])
    up = {"bit_per_s": 5.0, "j_per_bit": 0.1, "bidirectional": True}
    return {
        "schema_version": "1", "name": "t",
        "nodes": [{"name": name, "tier": "mobile", "ops_per_s": 2.0, "j_per_op": 1.0} for name in ("p", "q")],
        "links": [{"source": name, "target": "m", **up} for name in ("p", "q")],
        "packages": [
            {
                "name": "m", "rows": rows, "cols": cols, "chiplet": chiplet, "gateways": [[0, 0]],
                "chiplets": [{"at": [0, 1], "ops_per_s": 30.0}] if r.random() < 0.5 else [],
                "interposer": {"bit_per_s": 50.0, "latency_s": 0.01, "j_per_bit": 0.01},
                "gateway_link": {"bit_per_s": 20.0, "j_per_bit": 0.02},
            }
        ],
    }  # fmt: skip


def draw(r: Random) -> tuple[JointInstance, Routes, NodeSymmetry]:
    apps = tuple(
        ({"name": name, "model": "m.json", "source": name, "destination": name, "rate_per_s": 0.1}, MODEL)
        for name in ("p", "q")
    )
    joint = Case(topology(r), apps).joint()
    routes = list_routes(joint.network, [])
    return joint, routes, NodeSymmetry(joint, routes)


def placed(joint: JointInstance, routes: Routes, app: int, nodes: tuple[int, ...]) -> Decision:
    """Return the decision that runs the blocks on given nodes, over the first route between any two."""
    instance = joint.apps[app].variants[0]
    transfers = tuple(routes.table.path(0, *ends) for ends in pairwise((instance.source, *nodes)))
    assert instance.destination is not None
    results = {
        head: routes.table.path(0, nodes[int(instance.points.exit_block[head])], instance.destination)
        for head in np.flatnonzero(instance.points.on[0]).tolist()
    }
    return Decision(0, nodes, transfers, results)


def drawn(r: Random, joint: JointInstance, routes: Routes) -> tuple[int, Decision]:
    hosts = np.flatnonzero(joint.network.hosts).tolist()
    own = r.sample(hosts, r.randint(1, 3))
    app = r.randrange(joint.count)
    return app, placed(joint, routes, app, tuple(r.choice(own) for _ in range(4)))


def by_node(column: Column) -> dict[int, list[float]]:
    """Return what a column asks of each node: load, powers, memory, and time of each latency."""
    figures = [column.node_load, column.dynamic_w, column.static_w, column.memory_bytes, *column.node_s]
    return {int(node): [float(row[place]) for row in figures] for place, node in enumerate(column.nodes)}


@FEW
@given(SEEDS, st.integers(0, 7))
def test_loads_powers_and_times_are_kept_on_nodes_of_the_same_kinds(seed: int, offset: int) -> None:
    r = Random(seed)
    joint, routes, symmetry = draw(r)
    app, decision = drawn(r, joint, routes)
    moved = symmetry.moved_to(app, decision, offset)
    place = dict(zip(decision.nodes, moved.nodes, strict=True))
    assert moved.nodes == tuple(place[node] for node in decision.nodes)
    assert len(set(place.values())) == len(place), "two nodes became one"
    assert [joint.kinds[node] for node in moved.nodes] == [joint.kinds[node] for node in decision.nodes]
    before, after = (by_node(column_of(app, joint.apps[app].variants[0], each)) for each in (decision, moved))
    assert after.keys() == {place[node] for node in before}
    for node, figures in before.items():
        assert after[place[node]] == pytest.approx(figures, rel=1e-12)


@FEW
@given(SEEDS, st.integers(0, 7))
def test_moved_messages_go_over_links_from_where_they_are_to_where_they_must(seed: int, offset: int) -> None:
    r = Random(seed)
    joint, routes, symmetry = draw(r)
    app, decision = drawn(r, joint, routes)
    moved, instance, network = symmetry.moved_to(app, decision, offset), joint.apps[app].variants[0], joint.network
    links = set(zip(network.link_source.tolist(), network.link_target.tolist(), strict=True))
    for path in (*moved.transfers, *moved.results.values()):
        assert set(pairwise(path)) <= links
    assert [(path[0], path[-1]) for path in moved.transfers] == list(pairwise((instance.source, *moved.nodes)))
    assert moved.results.keys() == decision.results.keys()
    for head, path in moved.results.items():
        assert path[0] == moved.nodes[int(instance.points.exit_block[head])]
        assert path[-1] == instance.destination


@FEW
@given(SEEDS)
def test_decisions_that_differ_by_equal_nodes_become_one(seed: int) -> None:
    r = Random(seed)
    joint, routes, symmetry = draw(r)
    app, decision = drawn(r, joint, routes)
    kinds = joint.kinds
    equal = {kind: np.flatnonzero(kinds == kind).tolist() for kind in np.unique(kinds).tolist()}
    other = {kind: r.sample(nodes, len(nodes)) for kind, nodes in equal.items()}
    swapped = {node: other[kinds[node]][equal[kinds[node]].index(node)] for node in decision.nodes}
    twin = placed(joint, routes, app, tuple(swapped[node] for node in decision.nodes))
    first = symmetry.moved_to(app, decision, 0)
    assert symmetry.moved_to(app, twin, 0) == first
    assert symmetry.moved_to(app, first, 0) == first


def test_the_first_nodes_of_a_kind_are_those_that_cost_least_to_reach() -> None:
    joint, routes, symmetry = draw(Random(0))
    far, near = (joint.network.index(name) for name in ("m[1,1]", "m[0,0]"))
    decision = placed(joint, routes, 0, (far,) * 4)
    assert joint.kinds[far] == joint.kinds[near]
    assert symmetry.moved_to(0, decision, 0).nodes == (near,) * 4
    assert symmetry.largest_class(decision) == int((joint.kinds == joint.kinds[far]).sum())
    around = [symmetry.moved_to(0, decision, offset).nodes[0] for offset in range(symmetry.largest_class(decision) + 1)]
    assert sorted(set(around)) == np.flatnonzero(joint.kinds == joint.kinds[far]).tolist()
    assert around[-1] == around[0]


def test_a_decision_stays_where_no_way_leads_to_the_equal_node() -> None:
    """Of two equal servers that only one phone each reaches, an app of one phone cannot go to the other's."""
    server = {"ops_per_s": 20.0, "j_per_op": 0.5}
    raw = topology(Random(0)) | {"packages": []}
    raw["nodes"] = [*raw["nodes"], {"name": "s", **server}, {"name": "t", **server}]
    raw["links"] = [
        {"source": "p", "target": "s", "bit_per_s": 5.0, "j_per_bit": 0.1},
        {"source": "q", "target": "t", "bit_per_s": 5.0, "j_per_bit": 0.1},
    ]
    apps = tuple(({"name": name, "model": "m.json", "source": name, "rate_per_s": 0.1}, MODEL) for name in ("p", "q"))
    joint = Case(raw, apps).joint()
    routes = list_routes(joint.network, [])
    symmetry, (p, q, s, t) = NodeSymmetry(joint, routes), (joint.network.index(name) for name in "pqst")
    assert joint.kinds[s] == joint.kinds[t]
    for app, source, host in ((0, p, s), (1, q, t)):
        decision = Decision(0, (host,) * 4, ((source, host), (host,), (host,), (host,)), {})
        for offset in (0, 1):
            assert symmetry.moved_to(app, decision, offset) == decision


def test_no_result_comes_from_an_equal_node_that_no_links_join_to_the_destination() -> None:
    """`left` and `right` are equal; links lead from the source to `left` only, and to the destination from `right`."""
    node = {"ops_per_s": 1e11, "j_per_op": 1e-11, "max_utilization": 0.5}
    names = {"source": node, "left": node, "right": node, "destination": {**node, "j_per_op": 0.0}}
    link = {"bit_per_s": 1e9, "bidirectional": True}
    links = [{"source": "source", "target": "left", **link}, {"source": "right", "target": "destination", **link}]
    topology = {"name": "two parts", "nodes": [{"name": name, **row} for name, row in names.items()], "links": links}
    net = {"name": "net", "input_bits": 1e5, "blocks": [{"name": "b", "ops": 1e7, "output_bits": 1e3}], "accuracy": 0.9}
    app = {"model": "net", "rate_per_s": 5.0, "source": "source", "destination": "destination"}
    apps = [{"name": "a", **app}, {"name": "b", **app, "source": "right"}, {"name": "c", **app, "source": "right"}]
    workload = {"apps": apps, "objective": "accuracy"}
    found = plan(topology=topology, workload=workload, models={"net": load_model(net)})
    assert found.status == "infeasible"
    assert found.diagnosis is not None
    assert [(row.kind, row.message.partition(":")[0]) for row in found.diagnosis.limits] == [("reachability", "a")]
