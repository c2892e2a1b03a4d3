"""A plan of two apps that share an edge server and a cell, as raw documents, with every figure worked out by hand.

Seconds, joules; the edge runs at speed 0.5, which takes a quarter of its dynamic energy and twice the time:

    p1    1e9 ops/s, 1e-9 J/op                  b1 1e9 ops: 1 s, 1 J
    p2    1e9 ops/s, 2 W, leaks 0.5 W           b1: 1 s, 2 + 0.5 = 2.5 J
    edge  1e10 ops/s, 5 W, leaks 2 W            b2 and e2, 5e9 ops: 0.5 s at nominal speed, 1 s at 0.5;
                                                0.5 * 5 / 4 + 1 * 2 = 2.625 J
    cell  1e6 bit/s, 0.01 s, 1e-7 J/bit         b1's output, 1e5 bit: 0.1 s, 0.01 J
    back  2e6 bit/s, 0.02 s, 2e-7 J/bit         e2's result, 5e4 bit: 0.025 s, 0.01 J

e1 keeps 0.25, so all behind it counts 0.75.

cam (all of p1, 0.5 of the edge, 0.6 of the cell; 0.2 per second)
    energy   1 + 0.75 * 2.625 = 2.96875 and 0.75 * 0.01 = 0.0075
    latency  e1 at 1 s; e2 at 1 + 1 / 0.5 = 3 s and 0.01 + 0.1 / 0.6 s
    loads    p1 0.2; edge 0.2 * 0.75 * 1 = 0.15; cell 0.2 * 0.75 * 0.1 = 0.015

mic (0.8 of p2, 0.4 of the edge, 0.3 of the cell, 0.5 of the way back; 0.4 per second; results return to p2)
    energy   2.5 + 0.75 * 2.625 = 4.46875 and 0.75 * (0.01 + 0.01) = 0.015
    latency  e1 at 1 / 0.8 = 1.25 s; e2 at 1.25 + 1 / 0.4 = 3.75 s and 0.01 + 0.1 / 0.3 + 0.02 + 0.025 / 0.5 s
    loads    p2 0.4; edge 0.4 * 0.75 * 1 = 0.3; cell 0.4 * 0.75 * 0.1 = 0.03; back 0.4 * 0.75 * 0.025 = 0.0075

power  0.2 * 2.97625 + 0.4 * 4.48375 + (0.1 + 0.2 + 3) = 0.59525 + 1.7935 + 3.3 = 5.68875
"""

from __future__ import annotations

CELL = {"bit_per_s": 1e6, "latency_s": 0.01, "j_per_bit": 1e-7, "medium": "cell"}
TOPOLOGY = {
    "schema_version": "1",
    "name": "shared",
    "nodes": [
        {"name": "p1", "tier": "mobile", "ops_per_s": 1e9, "j_per_op": 1e-9, "idle_power_w": 0.1},
        {
            "name": "p2", "tier": "mobile", "ops_per_s": 1e9, "active_power_w": 2.0, "static_power_w": 0.5,
            "idle_power_w": 0.2,
        },
        {
            "name": "edge", "ops_per_s": 1e10, "active_power_w": 5.0, "static_power_w": 2.0, "idle_power_w": 3.0,
            "max_utilization": 0.9, "memory_bytes": 500.0, "speed": {"min": 0.4, "max": 1.2},
        },
        {"name": "cloud", "ops_per_s": 1e12, "j_per_op": 1e-10, "idle_power_w": 70.0},
    ],
    "links": [
        {"source": "p1", "target": "edge", "bidirectional": True, **CELL},
        {"source": "p2", "target": "edge", **CELL},
        {"source": "edge", "target": "p2", "bit_per_s": 2e6, "latency_s": 0.02, "j_per_bit": 2e-7},
    ],
}  # fmt: skip
MODEL = {
    "schema_version": "1",
    "name": "net",
    "input_bits": 3e5,
    "blocks": [
        {"name": "b1", "ops": 1e9, "param_bytes": 100, "output_bits": 1e5},
        {"name": "b2", "ops": 4e9, "param_bytes": 200},
    ],
    "exits": [
        {"name": "e1", "after": "b1", "result_bits": 4e4},
        {"name": "e2", "after": "b2", "ops": 1e9, "param_bytes": 50, "result_bits": 5e4},
    ],
    "operating_points": [{"name": "all", "exit_fractions": {"e1": 0.25, "e2": 0.75}, "accuracy": 0.8}],
}
WORKLOAD = {
    "schema_version": "1",
    "apps": [
        {"name": "cam", "model": "net.json", "source": "p1", "rate_per_s": 0.2, "max_latency_s": 3.2},
        {
            "name": "mic", "model": "net.json", "source": "p2", "destination": "p2", "rate_per_s": 0.4,
            "latency": "p75", "max_latency_s": 4.2, "max_energy_j": 4.5,
        },
    ],
}  # fmt: skip
UP_S, BACK_S = 0.01 + 0.1 / 0.3, 0.02 + 0.025 / 0.5


def _plan(name, phone, shares, energy_j, latency_s, breakdown, routes=()):
    return {
        "name": name,
        "operating_point": "all",
        "exit_fractions": {"e1": 0.25, "e2": 0.75},
        "assignments": [{"block": "b1", "node": phone}, {"block": "b2", "node": "edge"}],
        "routes": [{"after": "b1", "path": [phone, "edge"], "bits": 1e5}, *routes],
        "shares": shares,
        "energy_j": energy_j,
        "latency_s": latency_s,
        "accuracy": 0.8,
        "breakdown": dict(zip(("compute_j", "transfer_j", "compute_s", "transfer_s"), breakdown, strict=True)),
    }


PLACEMENT = {
    "schema_version": "1",
    "status": "optimal",
    "apps": [
        _plan(
            "cam", "p1", {"nodes": {"edge": 0.5}, "media": {"cell": 0.6}},
            2.97625, 3.01 + 0.1 / 0.6, (2.96875, 0.0075, 3.0, 0.01 + 0.1 / 0.6),
        ),
        _plan(
            "mic", "p2", {"nodes": {"p2": 0.8, "edge": 0.4}, "media": {"cell": 0.3, "edge->p2": 0.5}},
            4.48375, 3.75 + UP_S + BACK_S, (4.46875, 0.015, 3.75, UP_S + BACK_S),
            [{"after": "b2", "result_of": "e2", "path": ["edge", "p2"], "bits": 5e4}],
        ),
    ],
    "node_speeds": {"edge": 0.5},
    "total": {
        "energy_j": 7.46, "power_w": 5.68875, "nodes_used": 3,
        "node_share_sum": 1.0 + 0.5 + 0.8 + 0.4, "media_share_sum": 0.6 + 0.3 + 0.5,
    },
    "certificate": {"lower_bound": 5.68875, "relative_gap": 0.0, "objective": "power_w"},
}  # fmt: skip
