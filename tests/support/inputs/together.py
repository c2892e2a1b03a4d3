"""Random small requests of several apps with every feature on, from a random generator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from cases import random_app, random_model, random_topology

from planner.fin.method import Options
from planner.pipeline.request import JointRequest
from planner.schemas import Model, Topology, Workload, check_document

EXAMPLES = Path(__file__).parents[3] / "examples"
Change = Callable[[Any, Any], None]


def random_request(
    r: Random, method: str = "auto", most_apps: int = 3, time_limit_s: float | None = 5.0
) -> JointRequest:
    """Return apps on nodes with speeds, leakage, idle power, memory, and media that are shared."""
    topology = random_topology(r)
    for node in topology["nodes"]:
        if r.random() < 0.6:
            low, high = r.choice([(0.3, 1.0), (0.5, 1.5), (1.0, 2.0), (0.4, 0.8)])
            node["speed"] = {"min": low, "max": high}
        node["idle_power_w"] = r.choice([0.0, 0.2, 1.0])
        node.pop("hardware", None)  # whether a model profiles it is another question
    models = [random_model(r) for _ in range(r.randint(2, most_apps))]
    apps = []
    for index, model in enumerate(models):
        app = {**random_app(r, model, topology), "name": f"a{index}", "objective": "energy"}
        app["rate_per_s"] = r.choice([0.01, 0.05, 0.1])
        if "max_latency_s" in app:
            app["max_latency_s"] *= 3.0
        apps.append(app)
    workload = check_document({"schema_version": "1", "apps": apps}, Workload)
    pairs = zip(workload.apps, [check_document(model, Model) for model in models], strict=True)
    options = Options(time_limit_s=time_limit_s)
    return JointRequest(tuple(pairs), check_document(topology, Topology), method, options)


def _read(name: str) -> Any:
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def small_request(method: str = "auto", change: Change = lambda topology, apps: None) -> JointRequest:
    """Return the example of two apps on three nodes, changed as asked."""
    topology, workload = _read("small-shared.json"), _read("small-shared.workload.json")
    change(topology, workload["apps"])
    model = check_document(_read("small.json"), Model)
    apps = tuple((app, model) for app in check_document(workload, Workload).apps)
    return JointRequest(apps, check_document(topology, Topology), method, Options())
