"""A plan whose every figure is worked out by hand, and changes of it before the verifier.

By hand (seconds, joules):

    device  1e9 ops/s, 1e-9 J/op     b1 1e9 ops: 1.0 s, 1.0 J     e1 1e8 ops: 0.1 s, 0.1 J
    edge    1e10 ops/s, 2e-10 J/op   b2 4e9 ops: 0.4 s, 0.8 J     b3 2e9 ops: 0.2 s, 0.4 J
                                     e3 1e9 ops: 0.1 s, 0.2 J
    cell    1e6 bit/s, 0.01 s, 1e-7 J/bit; 2e5 bit behind b1: 0.21 s, 0.02 J

    e1 keeps 0.25, so b2, b3, e3 and the transfer count 0.75:
    compute_j = 1.1 + 0.75 * 1.4 = 2.15; transfer_j = 0.75 * 0.02 = 0.015; energy_j = 2.165
    e1 is done at 1.1 s; e3 at 1.1 + 0.7 = 1.8 s of computing and 0.21 s of transfer = 2.01 s
"""

from __future__ import annotations

from edits import changed

from planner.schemas import App, Model, Placement, Topology, check_document
from planner.verifier.verify import verify

CELL = {"bit_per_s": 1e6, "latency_s": 0.01, "j_per_bit": 1e-7, "medium": "cell"}
TOPOLOGY = {
    "schema_version": "1",
    "name": "three",
    "nodes": [
        {"name": "edge", "ops_per_s": 1e10, "j_per_op": 2e-10, "idle_power_w": 2.0},
        {"name": "device", "tier": "mobile", "ops_per_s": 1e9, "j_per_op": 1e-9, "idle_power_w": 0.1},
        {"name": "cloud", "tier": "cloud", "ops_per_s": 1e12, "j_per_op": 1e-10, "idle_power_w": 50.0},
    ],
    "links": [
        {"source": "device", "target": "edge", "bidirectional": True, **CELL},
        {"source": "edge", "target": "cloud", "bit_per_s": 1e8, "latency_s": 0.02, "j_per_bit": 1e-8},
    ],
}
MODEL = {
    "schema_version": "1",
    "name": "net",
    "input_bits": 3e5,
    "blocks": [
        {"name": "b1", "ops": 1e9, "param_bytes": 100, "output_bits": 2e5},
        {"name": "b2", "ops": 4e9, "param_bytes": 200, "output_bits": 1e5},
        {"name": "b3", "ops": 2e9, "param_bytes": 300, "output_bits": 9e9},
    ],
    "exits": [
        {"name": "e1", "after": "b1", "ops": 1e8, "param_bytes": 10, "result_bits": 1e3},
        {"name": "e3", "after": "b3", "ops": 1e9, "param_bytes": 30, "result_bits": 1e4},
    ],
    "operating_points": [
        {"name": "all", "exit_fractions": {"e1": 0.25, "e3": 0.75}, "accuracy": 0.8},
        {"name": "full", "exit_fractions": {"e3": 1.0}, "accuracy": 0.9},
        {"name": "early", "exit_fractions": {"e1": 1.0}, "accuracy": 0.6},
    ],
}
APP = {"name": "cam", "model": "net.json", "rate_per_s": 0.5, "max_latency_s": 2.01, "min_accuracy": 0.8}
PLAN = {
    "name": "cam",
    "operating_point": "all",
    "exit_fractions": {"e1": 0.25, "e3": 0.75},
    "assignments": [
        {"block": "b1", "node": "device"},
        {"block": "b2", "node": "edge"},
        {"block": "b3", "node": "edge"},
    ],
    "routes": [{"after": "b1", "path": ["device", "edge"], "bits": 2e5}],
    "energy_j": 2.165,
    "latency_s": 2.01,
    "accuracy": 0.8,
    "breakdown": {"compute_j": 2.15, "transfer_j": 0.015, "compute_s": 1.8, "transfer_s": 0.21},
}
PLACEMENT = {
    "schema_version": "1",
    "status": "optimal",
    "apps": [PLAN],
    "total": {"energy_j": 2.165, "power_w": 0.5 * 2.165 + 2.1, "nodes_used": 2},
    "certificate": {"lower_bound": 2.165, "relative_gap": 0.0, "objective": "energy_j"},
}
ROUTE = PLAN["routes"][0]
DIAGNOSIS = {"summary": "too slow", "limits": []}


def check(placement=(), topology=(), model=(), app=(), **options):
    """What the verifier finds in the base case with changes; each argument is changes or a whole document."""

    def document(schema, raw, changes):
        changes = dict(changes)
        return check_document(changes if "schema_version" in changes else changed(raw, changes), schema)

    apps = [(check_document(changed(APP, dict(app)), App), document(Model, MODEL, model))]
    return verify(document(Placement, PLACEMENT, placement), document(Topology, TOPOLOGY, topology), apps, **options)


def claims(energy, latency, breakdown, **more):
    """Changes that claim these figures, for one app and in total; by default with nothing to prove."""
    names = ("compute_j", "transfer_j", "compute_s", "transfer_s")
    return {
        "status": "feasible",
        "certificate": None,
        "apps.0.energy_j": energy,
        "apps.0.latency_s": latency,
        "apps.0.breakdown": dict(zip(names, breakdown, strict=True)),
        "total.energy_j": energy,
        "total.power_w": 0.5 * energy + 2.1,
        **more,
    }
