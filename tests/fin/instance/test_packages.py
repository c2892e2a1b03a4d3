"""Packages written out: nodes, names, what differs at a position, interposer and gateway links."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.schemas import Topology, check_document
from planner.verifier import network as verifier

SPECIAL = {"at": [1, 2], "ops_per_s": 9.0, "j_per_op": None, "memory_bytes": 7.0, "idle_power_w": 0.25}


def topology(**changes: Any) -> Topology:
    """Return one node and a package of 2 rows and 3 columns with two gateways."""
    package = {
        "name": "m",
        "rows": 2,
        "cols": 3,
        "chiplet": {
            "ops_per_s": 4.0, "j_per_op": 0.5, "memory_bytes": 100.0, "max_utilization": 0.9,
            "idle_power_w": 0.1, "static_power_w": 0.2, "hardware": "h", "speed": {"min": 0.5, "max": 1.5},
        },
        "chiplets": [SPECIAL],
        "interposer": {"bit_per_s": 80.0, "latency_s": 0.01, "j_per_bit": 0.001},
        "gateways": [[0, 0], [1, 0]],
        "gateway_link": {"bit_per_s": 20.0, "latency_s": 0.02, "j_per_bit": 0.002},
        **changes,
    }  # fmt: skip
    node = {"name": "phone", "tier": "mobile", "ops_per_s": 1.0, "j_per_op": 1.0}
    link = {"source": "phone", "target": "m", "bit_per_s": 5.0, "bidirectional": True}
    document = {"schema_version": "1", "name": "t", "nodes": [node], "links": [link], "packages": [package]}
    return check_document(document, Topology)


def test_names_and_order_of_nodes() -> None:
    expansion = expand(topology())
    assert [node.name for node in expansion.nodes] == [
        "phone", "m", "m[0,0]", "m[0,1]", "m[0,2]", "m[1,0]", "m[1,1]", "m[1,2]",
    ]  # fmt: skip
    assert expansion.routers == ("m",)
    assert [node.tier for node in expansion.nodes] == ["mobile"] + 7 * ["chiplet"]


def test_what_differs_at_a_position_differs_there_only() -> None:
    package = topology().packages[0]
    for node in expand(topology()).nodes[2:]:
        expected = {field: getattr(package.chiplet, field) for field in type(package.chiplet).model_fields}
        if node.name == "m[1,2]":  # null is the same as not given
            expected |= {"ops_per_s": 9.0, "memory_bytes": 7.0, "idle_power_w": 0.25}
        assert {field: getattr(node, field) for field in expected} == expected, node.name


def test_a_mesh_with_gateways_is_wired() -> None:
    links = expand(topology()).links
    assert len(links) == 1 + 7 + 2
    assert all(link.bidirectional and link.medium is None for link in links)
    inner = {frozenset((link.source, link.target)) for link in links if "m" not in (link.source, link.target)}
    assert inner == {
        frozenset((f"m[{r},{c}]", f"m[{s},{d}]"))
        for r in range(2) for c in range(3) for s in range(2) for d in range(3)
        if abs(r - s) + abs(c - d) == 1
    }  # fmt: skip
    costs = {(link.source == "m", link.bit_per_s, link.latency_s, link.j_per_bit) for link in links[1:]}
    assert costs == {(False, 80.0, 0.01, 0.001), (True, 20.0, 0.02, 0.002)}
    assert [link.target for link in links if link.source == "m"] == ["m[0,0]", "m[1,0]"]


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 4), (5, 1), (3, 3), (6, 6)])
def test_counts(rows: int, cols: int) -> None:
    expansion = expand(topology(rows=rows, cols=cols, chiplets=[], gateways=[[0, 0]]))
    assert len(expansion.nodes) == 2 + rows * cols
    assert len(expansion.links) == 2 + rows * (cols - 1) + (rows - 1) * cols


def test_a_gateway_named_twice_is_wired_once() -> None:
    links = expand(topology(gateways=[[0, 0], [0, 0]])).links
    assert [link.target for link in links if link.source == "m"] == ["m[0,0]"]


def test_the_io_die_hosts_nothing_and_every_hop_goes_both_ways() -> None:
    network = build_network(*expand(topology()))
    assert network.hosts.tolist() == [True, False] + 6 * [True]
    assert len(network.link_source) == 2 * (1 + 7 + 2)
    for source, target in zip(network.link_source, network.link_target, strict=True):
        assert network.link(target, source) != network.link(source, target)
    assert len(set(network.link_medium.tolist())) == 20  # each direction is a medium of its own
    special = network.index("m[1,2]")
    assert network.ops_per_s[special] == 9.0
    assert network.memory_bytes[special] == 7.0
    assert network.j_per_op[special] == 0.5
    assert network.max_utilization[special] == 0.9


def test_without_packages_nothing_changes() -> None:
    document = {
        "schema_version": "1", "name": "t",
        "nodes": [{"name": name, "ops_per_s": 1.0, "j_per_op": 1.0} for name in "ab"],
        "links": [{"source": "a", "target": "b", "bit_per_s": 1.0}],
    }  # fmt: skip
    plain = check_document(document, Topology)
    assert expand(plain) == (plain.nodes, plain.links, (), ())


def test_two_packages_do_not_mix() -> None:
    document = topology().model_dump(mode="json")
    small = {"name": "q", "rows": 1, "cols": 1, "chiplets": [], "gateways": [[0, 0]]}
    document["packages"].append({**document["packages"][0], **small})
    expansion = expand(check_document(document, Topology))
    assert expansion.routers == ("m", "q")
    assert [node.name for node in expansion.nodes][-2:] == ["q", "q[0,0]"]
    assert [link.target for link in expansion.links if link.source.startswith("q")] == ["q[0,0]"]


@given(st.randoms(use_true_random=False))
def test_areas_are_all_their_positions(r: Random) -> None:
    """An area written as corners gives the nodes of the same entry at every position, in solvers and verifier."""
    rows, cols = r.randint(1, 6), r.randint(1, 6)
    cut = r.randint(1, rows)
    areas = [[[0, 0], [cut - 1, cols - 1]]] + ([[[cut, 0], [rows - 1, cols - 1]]] if cut < rows else [])
    entries = [{"at": area, "memory_bytes": 10.0 + index} for index, area in enumerate(areas) if r.random() < 0.8]
    single = [
        {**entry, "at": [row, column]}
        for entry in entries
        for row in range(entry["at"][0][0], entry["at"][1][0] + 1)
        for column in range(cols)
    ]
    one, other = (topology(rows=rows, cols=cols, chiplets=each, gateways=[[0, 0]]) for each in (entries, single))
    assert expand(one) == expand(other)
    assert verifier.expand(one) == verifier.expand(other)
    memory = {node.name: node.memory_bytes for node in expand(one).nodes if node.name.startswith("m[")}
    assert memory == {name: verifier.expand(one).nodes[name].memory_bytes for name in memory}
    assert check_document(one.model_dump(mode="json"), Topology) == one
