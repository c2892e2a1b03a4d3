"""The verifier on chiplet packages."""

from __future__ import annotations

import pytest
from edits import changed, whats
from verify_cases import check

from planner.schemas import Topology, check_document
from planner.verifier.network import expand

PACKAGE = {
    "name": "mcm0",
    "rows": 2,
    "cols": 3,
    "chiplet": {"ops_per_s": 1e9, "j_per_op": 1e-9, "memory_bytes": 100.0},
    "chiplets": [{"at": [1, 2], "ops_per_s": 5e9}],
    "interposer": {"bit_per_s": 1e6, "latency_s": 0.001, "j_per_bit": 1e-9},
    "gateways": [[0, 0], [1, 0]],
    "gateway_link": {"bit_per_s": 2e6, "latency_s": 0.002, "j_per_bit": 5e-9},
}
CHIPLETS = {
    "schema_version": "1",
    "name": "mcm",
    "nodes": [{"name": "device", "tier": "mobile", "ops_per_s": 1e9, "j_per_op": 1e-9}],
    "links": [{"source": "device", "target": "mcm0", "bit_per_s": 1e6, "j_per_bit": 1e-7}],
    "packages": [PACKAGE],
}
SMALL = {
    "schema_version": "1",
    "name": "small",
    "input_bits": 1e5,
    "blocks": [{"name": "b1", "ops": 1e9, "param_bytes": 60, "output_bits": 2e5}, {"name": "b2", "ops": 5e9}],
    "exits": [{"name": "e", "after": "b2"}],
    "operating_points": [{"name": "all", "exit_fractions": {"e": 1.0}, "accuracy": 0.9}],
}
INSIDE = ["mcm0[0,0]", "mcm0[0,1]", "mcm0[1,1]", "mcm0[1,2]"]
# b1 at [0,0]: 1 s, 1 J; b2 at [1,2]: 5e9 / 5e9 = 1 s, 5 J
# input: 0.1 s, 0.01 J to the I/O die; 0.002 + 0.05 s, 5e-4 J through the gateway
# between: 3 hops of 0.001 + 0.2 s and 2e-4 J: 0.603 s, 6e-4 J
ON_CHIPLETS = {
    "schema_version": "1",
    "status": "optimal",
    "apps": [
        {
            "name": "cam",
            "operating_point": "all",
            "exit_fractions": {"e": 1.0},
            "assignments": [{"block": "b1", "node": INSIDE[0]}, {"block": "b2", "node": INSIDE[-1]}],
            "routes": [
                {"after": None, "path": ["device", "mcm0", INSIDE[0]], "bits": 1e5},
                {"after": "b1", "path": INSIDE, "bits": 2e5},
            ],
            "energy_j": 6.0111,
            "latency_s": 2.755,
            "accuracy": 0.9,
            "breakdown": {"compute_j": 6.0, "transfer_j": 0.0111, "compute_s": 2.0, "transfer_s": 0.755},
        }
    ],
    "total": {"energy_j": 6.0111, "power_w": 0.0, "nodes_used": 2},
    "certificate": {"lower_bound": 6.0111, "relative_gap": 0.0, "objective": "energy_j"},
}
FREE = {"rate_per_s": 0.0, "max_latency_s": None}


def on_chiplets(placement=(), topology=(), app=()):
    return check(changed(ON_CHIPLETS, dict(placement)), changed(CHIPLETS, dict(topology)), SMALL, {**FREE, **dict(app)})


def test_package_expansion():
    network = expand(check_document(CHIPLETS, Topology))
    assert network.nodes["mcm0"] is None
    assert sum(node is not None for node in network.nodes.values()) == 1 + 6
    # mesh of 2 x 3: 2 * 2 + 3 = 7 neighbours; two gateways; both ways; and the one-way link of the topology
    assert len(network.hops) == 2 * (7 + 2) + 1
    assert network.nodes["mcm0[1,2]"].ops_per_s == 5e9
    assert network.nodes["mcm0[1,2]"].memory_bytes == 100.0
    assert network.nodes["mcm0[1,1]"].ops_per_s == 1e9
    assert network.hops["mcm0[1,0]", "mcm0"].bit_per_s == 2e6
    assert ("mcm0", "mcm0[0,1]") not in network.hops
    assert ("mcm0", "device") not in network.hops


def test_a_plan_on_chiplets_stands():
    assert on_chiplets() == []


PACKAGE_LIES = {
    "the I/O die hosts nothing": ({"apps.0.assignments.0.node": "mcm0"}, {}, ["assignments", "routes"]),
    "no diagonal link": ({"apps.0.routes.1.path": [INSIDE[0], INSIDE[2], INSIDE[3]]}, {}, ["routes"]),
    "memory of a chiplet": ({}, {"packages.0.chiplet.memory_bytes": 59.0}, ["memory_bytes"]),
}


@pytest.mark.parametrize(("placement", "topology", "expected"), PACKAGE_LIES.values(), ids=PACKAGE_LIES.keys())
def test_a_lie_about_chiplets_is_found(placement, topology, expected):
    assert whats(on_chiplets(placement, topology)) == expected


def test_without_nodes_the_first_chiplet_is_the_source():
    network = expand(check_document({**CHIPLETS, "nodes": [], "links": []}, Topology))
    assert network.default_source == "mcm0[0,0]"


def test_the_io_die_can_be_the_source():
    plan = {
        "apps.0.routes.0.path": ["mcm0", INSIDE[0]],
        "apps.0.energy_j": 6.0011,
        "apps.0.latency_s": 2.655,
        "apps.0.breakdown": {"compute_j": 6.0, "transfer_j": 0.0011, "compute_s": 2.0, "transfer_s": 0.655},
        "total.energy_j": 6.0011,
        "certificate.lower_bound": 6.0011,
    }
    assert on_chiplets(plan, app={"source": "mcm0"}) == []
