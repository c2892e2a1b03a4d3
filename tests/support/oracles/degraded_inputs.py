"""Inputs under conditions of a states file, degraded by hand: plain JSON, no code of the planner."""

from __future__ import annotations

import copy
from typing import Any

from planner.pipeline.request import Request
from planner.schemas import App, Model, Topology, Workload, check_document

Json = dict[str, Any]


def app_of(raw: Json) -> App:
    return check_document({"schema_version": "1", "apps": [raw]}, Workload).apps[0]


def degrade(raw_model: Json, raw_topology: Json, raw_app: Json, conditions: list[Json]) -> tuple[Json, Json, Json]:
    """Return model, topology and app under conditions."""
    model, topology, app = copy.deepcopy((raw_model, raw_topology, raw_app))
    links = []
    for link in topology["links"]:
        both = link.pop("bidirectional", False)
        links += [link, {**link, "source": link["target"], "target": link["source"]}] if both else [link]
    for condition in conditions:
        for name, change in condition.get("nodes", {}).items():
            for node in topology["nodes"]:
                if node["name"] == name:
                    slow_down(model, node, change["slow_down"])
        for change in condition.get("links", []):
            for link in links:
                if (link["source"], link["target"]) == (change["source"], change["target"]):
                    link["bit_per_s"] *= change.get("bandwidth_factor", 1.0)
                    link["latency_s"] = link.get("latency_s", 0.0) + change.get("extra_latency_s", 0.0)
        gone = [(link["source"], link["target"]) for link in condition.get("lost_links", [])]
        links = [link for link in links if (link["source"], link["target"]) not in gone]
        for name in condition.get("lost_nodes", []):
            topology["nodes"] = [node for node in topology["nodes"] if node["name"] != name]
            topology["packages"] = [each for each in topology.get("packages", []) if each["name"] != name]
            links = [link for link in links if name not in (link["source"], link["target"])]
    topology["links"] = links
    return model, topology, app


def slow_down(model: Json, node: Json, factor: float) -> None:
    """Slow a node: give it a hardware of its own, so that its profile can change alone."""
    if "ops_per_s" in node:
        node["ops_per_s"] /= factor
    profile = model.get("profiles", {}).get(node.get("hardware"))
    if profile is not None:
        node["hardware"] = f"own hardware of {node['name']}"
        model["profiles"][node["hardware"]] = {
            row: {**entry, "time_s": entry["time_s"] * factor} for row, entry in profile.items()
        }


def request_of(model: Json, topology: Json, app: Json, method: str = "auto") -> Request:
    # a pin to no node is nothing that a file may say, but is what is left of a pin to lost nodes
    pin = {block: tuple(nodes) for block, nodes in app.get("pin", {}).items()}
    checked = app_of({key: value for key, value in app.items() if key != "pin"}).model_copy(update={"pin": pin})
    return Request(checked, check_document(model, Model), check_document(topology, Topology), method)
