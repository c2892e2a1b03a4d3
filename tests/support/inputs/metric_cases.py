"""Random problems with metrics: their definitions in the topology, limits on some of them, one as the objective."""

from __future__ import annotations

from random import Random
from typing import Any

from cases import random_app, random_model, random_topology

from planner.schemas import App, Model, Topology, Workload, check_document

NAMES = ("cost", "carbon", "battery")


def with_metrics(r: Random, topology: dict[str, Any], most: int = 3) -> dict[str, Any]:
    """Return a topology with up to `most` metrics on some of its nodes and links."""
    names = [node["name"] for node in topology["nodes"]]
    names += [package["name"] for package in topology.get("packages", [])]
    names += ["p[0,1]"] if topology.get("packages") and topology["packages"][0]["name"] == "p" else []
    pairs = [(link["source"], link["target"]) for link in topology["links"]]
    pairs += [(link["target"], link["source"]) for link in topology["links"] if link.get("bidirectional")]
    metrics = [
        {
            "name": name,
            "unit": "USD",
            "nodes": {node: _added(r) for node in names if r.random() < 0.7},
            "links": [
                {"source": source, "target": target, "per_bit": r.choice([0.1, 1.0, r.uniform(0, 1)])}
                for source, target in pairs
                if r.random() < 0.5
            ],
        }
        for name in NAMES[: r.randint(1, most)]
    ]
    return {**topology, "metrics": metrics}


def _added(r: Random) -> dict[str, float]:
    return {key: r.choice([0.5, 1.0, r.uniform(0, 2)]) for key in ("per_s", "per_j") if r.random() < 0.7}


def by_metrics(r: Random, app: dict[str, Any], topology: dict[str, Any]) -> dict[str, Any]:
    """Return an app that limits some metrics of the topology, and may minimise one."""
    names = [metric["name"] for metric in topology["metrics"]]
    limits = {name: r.choice([0.0, *(r.uniform(1, 60) for _ in range(5))]) for name in names if r.random() < 0.7}
    app = {**app, "limits": limits}
    return {**app, "objective": r.choice(names)} if r.random() < 0.4 else app


def random_metric_case(r: Random, most_nodes: int = 3, most_blocks: int = 4) -> tuple[App, Model, Topology]:
    """Return one problem with metrics whose files are valid; whether it has a plan is open."""
    topology, model = with_metrics(r, random_topology(r, most_nodes)), random_model(r, most_blocks)
    app = by_metrics(r, random_app(r, model, topology), topology)
    workload = check_document({"schema_version": "1", "apps": [app]}, Workload)
    return workload.apps[0], check_document(model, Model), check_document(topology, Topology)
