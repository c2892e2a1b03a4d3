"""Random small problems whose blocks are no chain and whose memory is more than a sum, all features mixed."""

from __future__ import annotations

from random import Random
from typing import Any

from cases import random_app, random_model, random_topology
from metric_cases import by_metrics, with_metrics

from planner.schemas import App, Model, Topology, Workload, check_document


def with_dataflow(r: Random, model: dict[str, Any]) -> dict[str, Any]:
    """Give blocks inputs, working memory, states and shared parameters."""
    blocks = model["blocks"]
    sizes: dict[tuple[str, str | None], float] = {}
    for index, block in enumerate(blocks):
        if r.random() < 0.3:
            continue
        names = ["input", *(earlier["name"] for earlier in blocks[:index])]
        chosen = r.sample(names, r.randint(1, min(3, len(names))))
        if index and r.random() < 0.7 and blocks[index - 1]["name"] not in chosen:
            chosen[0] = blocks[index - 1]["name"]
        block["inputs"] = []
        for name in chosen:
            row: dict[str, Any] = {"block": name}
            if r.random() < 0.4:
                tensor = r.choice(["a", "b"])
                row |= {
                    "tensor": tensor,
                    "bits": sizes.setdefault((name, tensor), r.choice([0.0, 1.0, r.uniform(0, 8)])),
                }
            block["inputs"].append(row)
    parts = [*blocks, *model["exits"]]
    for part in parts:
        if r.random() < 0.4:
            part["working_bytes"] = float(r.randint(0, 3))
        if r.random() < 0.3:
            part["state_bytes"] = float(r.randint(0, 2))
    for name in ("p", "q")[: r.randint(0, 2)]:
        users = r.sample(parts, r.randint(1, min(3, len(parts))))
        model.setdefault("params", {})[name] = float(r.randint(0, 4))
        for part in users:
            part.setdefault("params", []).append(name)
    return model


def random_dataflow_case(r: Random, most_nodes: int = 3, most_blocks: int = 4) -> tuple[App, Model, Topology]:
    """Return one problem whose files are valid; whether it has a plan is open."""
    topology = random_topology(r, most_nodes)
    model = with_dataflow(r, random_model(r, most_blocks))
    app = random_app(r, model, topology)
    if r.random() < 0.4:
        topology = with_metrics(r, topology)
        app = by_metrics(r, app, topology)
    workload = check_document({"schema_version": "1", "apps": [app]}, Workload)
    return workload.apps[0], check_document(model, Model), check_document(topology, Topology)
