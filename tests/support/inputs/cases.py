"""Random small problems with every feature on, built from a random generator so that hypothesis can shrink them."""

from __future__ import annotations

from random import Random
from typing import Any

from planner.fin.instance.instance import Instance, build_instance
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.schemas import App, InputError, Model, Topology, Workload, check_document


def random_topology(r: Random, most_nodes: int = 3) -> dict[str, Any]:
    count = r.randint(1, most_nodes)
    nodes = []
    for index in range(count):
        node: dict[str, Any] = {
            "name": f"n{index}",
            "tier": r.choice(["mobile", "edge", "cloud"]),
            "ops_per_s": r.choice([1.0, 2.0, 4.0, r.uniform(1, 10)]),
            "static_power_w": r.choice([0.0, 0.1]),
        }
        if r.random() < 0.5:
            node["j_per_op"] = r.choice([0.5, 1.0, r.uniform(0.1, 3)])
        else:
            node["active_power_w"] = r.choice([1.0, 3.0, r.uniform(0.1, 9)])
        if r.random() < 0.4:
            node["memory_bytes"] = float(r.randint(1, 8))
        if r.random() < 0.3:
            node["max_utilization"] = r.choice([0.3, 0.5, 0.9])
        if r.random() < 0.3:
            node["hardware"] = "h"
        nodes.append(node)
    links = [
        {
            "source": f"n{i}",
            "target": f"n{j}",
            "bit_per_s": r.choice([1.0, 2.0, 10.0, r.uniform(1, 9)]),
            "latency_s": r.choice([0.0, 0.1, 1.0]),
            "j_per_bit": r.choice([0.0, 0.1, 1.0, r.uniform(0, 1)]),
            **({"medium": "m"} if r.random() < 0.3 else {}),
        }
        for i in range(count)
        for j in range(count)
        if i != j and r.random() < 0.7
    ]
    topology: dict[str, Any] = {"schema_version": "1", "name": "t", "nodes": nodes, "links": links}
    if r.random() < 0.25 and count <= 2:
        topology["packages"] = [
            {
                "name": "p", "rows": 1, "cols": 2, "gateways": [[0, 0]],
                "chiplet": {
                    "ops_per_s": r.uniform(2, 8), "j_per_op": r.uniform(0.1, 1), "memory_bytes": float(r.randint(2, 6)),
                },
                "chiplets": [{"at": [0, 1], "ops_per_s": r.uniform(2, 8)}] if r.random() < 0.5 else [],
                "interposer": {"bit_per_s": 20.0, "latency_s": 0.01, "j_per_bit": 0.01},
                "gateway_link": {"bit_per_s": 10.0, "j_per_bit": 0.02},
            }
        ]  # fmt: skip
        links.append({"source": "n0", "target": "p", "bit_per_s": 5.0, "j_per_bit": 0.1, "bidirectional": True})
    return topology


def random_model(r: Random, most_blocks: int = 4) -> dict[str, Any]:
    count = r.randint(1, most_blocks)
    blocks = [
        {
            "name": f"b{index}",
            "ops": r.choice([1.0, 2.0, r.uniform(0, 8)]),
            "param_bytes": float(r.randint(0, 4)),
            "output_bits": r.choice([0.0, 1.0, 2.0, r.uniform(0, 8)]),
        }
        for index in range(count)
    ]
    exits = [
        {
            "name": f"e{index}", "after": f"b{index}", "ops": r.choice([0.0, 0.5]),
            "param_bytes": float(r.randint(0, 1)), "result_bits": r.choice([0.0, 1.0, 4.0]),
        }
        for index in sorted(r.sample(range(count), r.randint(1, min(3, count))))
    ]  # fmt: skip
    model: dict[str, Any] = {
        "schema_version": "1", "name": "m", "input_bits": r.choice([0.0, 1.0, 3.0]), "blocks": blocks, "exits": exits,
    }  # fmt: skip
    if r.random() < 0.2:
        model["calibration"] = _random_calibration(r, exits)
    if "calibration" not in model or r.random() < 0.5:
        model["operating_points"] = [_random_point(r, index, exits) for index in range(r.randint(1, 3))]
    if r.random() < 0.4:
        model["profiles"] = {
            "h": {
                row["name"]: {
                    "time_s": r.uniform(0.1, 3),
                    **({"energy_j": r.uniform(0.1, 3)} if r.random() < 0.5 else {}),
                }
                for row in blocks + exits
                if r.random() < 0.6
            }
        }
    return model


def _random_point(r: Random, index: int, exits: list[dict[str, Any]]) -> dict[str, Any]:
    on = r.sample(exits, r.randint(1, len(exits)))
    weights = [r.choice([0, 1, 1, 2, 3]) for _ in on]
    if sum(weights) == 0:
        weights[0] = 1
    fractions = {row["name"]: weight / sum(weights) for row, weight in zip(on, weights, strict=True)}
    return {"name": f"k{index}", "exit_fractions": fractions, "accuracy": r.choice([0.5, 0.7, 0.9])}


def _random_calibration(r: Random, exits: list[dict[str, Any]]) -> dict[str, Any]:
    samples = 20
    counts = {}
    for row in exits:
        exited = sorted(r.randint(0, samples) for _ in range(2))
        counts[row["name"]] = {"exited": exited, "correct": [r.randint(0, count) for count in exited]}
    return {"samples": samples, "thresholds": [0.1, 0.5], "exits": counts}


def random_app(r: Random, model: dict[str, Any], topology: dict[str, Any]) -> dict[str, Any]:
    names = [node["name"] for node in topology["nodes"]]
    app: dict[str, Any] = {
        "model": "m",
        "source": "n0",
        "min_accuracy": r.choice([0.0, 0.5, 0.7, 0.9]),
        "latency": r.choice(["worst", "mean", "p50", "p70", "p95"]),
        "objective": r.choice(["energy", "energy", "latency"]),
        "rate_per_s": r.choice([0.0, 0.0, 0.05, 0.2, 0.5]),
    }
    if r.random() < 0.6:
        app["max_latency_s"] = r.uniform(0.5, 12)
    if r.random() < 0.4:
        app["max_energy_j"] = r.uniform(1, 30)
    if r.random() < 0.5:
        app["destination"] = r.choice(names)
    if r.random() < 0.3:
        app["pin"] = {r.choice(model["blocks"])["name"]: r.sample(names, r.randint(1, len(names)))}
    return app


def random_case(r: Random, most_nodes: int = 3, most_blocks: int = 4) -> tuple[App, Model, Topology]:
    """Return one problem whose files are valid; whether it has a plan is open."""
    topology, model = random_topology(r, most_nodes), random_model(r, most_blocks)
    workload = check_document({"schema_version": "1", "apps": [random_app(r, model, topology)]}, Workload)
    return workload.apps[0], check_document(model, Model), check_document(topology, Topology)


def instance_of(app: App, model: Model, topology: Topology) -> Instance | None:
    """Return the arrays of a problem, None where a node lacks a figure that this model needs."""
    try:
        return build_instance(app, model, build_network(*expand(topology)))
    except InputError:
        return None
