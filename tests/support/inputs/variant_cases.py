"""Random small problems of apps with variants: several models of the same blocks, all other features mixed."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from cases import random_app, random_model, random_topology
from dataflow_cases import with_dataflow
from metric_cases import by_metrics, with_metrics

from planner.fin.method import Options
from planner.pipeline.request import Request, request_of
from planner.schemas import Model, Topology, Workload, check_document
from planner.schemas.planning.variants import variants_of

Json = dict[str, Any]


def raw_case(r: Random, most_models: int = 3, batches: float = 0.0) -> tuple[Json, list[Json], Json]:
    """Return a raw app, its models and its topology; with batch sizes in a fraction `batches` of cases."""
    topology = random_topology(r, 3)
    topology.pop("packages", None)
    topology["links"] = [link for link in topology["links"] if "p" not in (link["source"], link["target"])]
    model = random_model(r, 3)
    model.pop("calibration", None)
    if "operating_points" not in model:
        model["operating_points"] = [{"name": "k", "exit_fractions": {model["exits"][-1]["name"]: 1}, "accuracy": 0.7}]
    if r.random() < 0.4:
        model = with_dataflow(r, model)
    app = random_app(r, model, topology)
    if r.random() < 0.3:
        topology = with_metrics(r, topology, 2)
        app = by_metrics(r, app, topology)
    app["objective"] = r.choice([app["objective"], app["objective"], "rate", "accuracy"])
    if r.random() < 0.3:
        del app["min_accuracy"]
    models = [_changed(r, model, index) for index in range(r.randint(1, most_models))]
    app["model"] = [each["name"] for each in models]
    if r.random() < batches:
        app["rate_per_s"] = r.choice([0.02, 0.05, 0.2, 0.5])
        if "max_latency_s" in app:
            app["max_latency_s"] *= r.choice([1.0, 10.0, 30.0])
        app["batch"] = r.sample([1, 2, 3, 8], r.randint(1, 3))
        for model in models:
            _profile_batches(r, model)
    return app, models, topology


def _profile_batches(r: Random, model: Json) -> None:
    """Give some profiles figures of several batch sizes."""
    for rows in model.get("profiles", {}).values():
        for entry in rows.values():
            if r.random() < 0.7:
                sizes = r.sample([1, 2, 3, 8], r.randint(1, 4))
                part = r.uniform(0.2, 1.0)
                for name in list(entry):
                    entry[name] = {str(size): entry[name] * size**part for size in sizes}


def _changed(r: Random, model: Json, index: int) -> Json:
    """Return a variant of a model: other costs, sizes and accuracies."""
    other = copy.deepcopy(model)
    other["name"] = f"m{index}"
    factor = r.choice([1.0, 0.5, 0.25])
    for part in [*other["blocks"], *other["exits"]]:
        part["ops"] *= r.choice([factor, 1.0, 2.0])
        part["param_bytes"] = float(int(part["param_bytes"] * factor))
    if not any(block.get("inputs") for block in other["blocks"]):
        for block in other["blocks"]:
            block["output_bits"] *= factor
    for point in other["operating_points"]:
        point["accuracy"] = r.choice([point["accuracy"], 0.6, 0.8])
    return other


def request_for(app: Json, models: list[Json], topology: Json, method: str = "exact", **options: Any) -> Request:
    """Return the request of raw files."""
    asked = check_document({"schema_version": "1", "apps": [app]}, Workload).apps[0]
    read = [check_document(model, Model) for model in models]
    request = request_of(
        variants_of(asked, read), check_document(topology, Topology), method, Options(**options), False, {}
    )
    assert isinstance(request, Request)
    return request
