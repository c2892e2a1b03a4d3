"""The best plan of a small fleet by one program over all plans of all users: the oracle of fleets.

Every plan of a class is enumerated over one app's own network (device, link, shared nodes) with all simple paths, and
priced by the evaluation of single apps; SciPy's HiGHS then picks them. Nothing of `planner.fleet` is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import networkx as nx
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from planner.fin.instance.decision import Decision, evaluate, within_limits
from planner.fin.instance.instance import Instance, build_instance
from planner.fin.instance.network import build_network
from planner.schemas import Model, Topology, Workload, check_document

PENALTY_W = 1e5


@dataclass(frozen=True)
class Choice:
    """A plan of one user: its power, its loads on shared rows, what it holds where."""

    owner: int
    power_w: float
    loads: dict[str, float]
    hosts: frozenset[str]
    held: frozenset[tuple[str, str, str, float]]


@dataclass(frozen=True)
class Optimum:
    power_w: float
    unserved: float


def single_app(item: dict[str, Any], link: dict[str, Any], model: dict[str, Any], topology: dict[str, Any]) -> Instance:
    device = {"name": "device", "tier": "mobile", **item["device"]}
    metrics = with_entries(topology.get("metrics", []), device.pop("metrics", {}), link)
    up = {"source": "device", "target": link["node"], "bit_per_s": link["bit_per_s"],
          "latency_s": link.get("latency_s", 0.0), "j_per_bit": link.get("j_per_bit", 0.0)}  # fmt: skip
    down = {
        **up,
        "source": link["node"],
        "target": "device",
        "bit_per_s": link.get("down_bit_per_s", link["bit_per_s"]),
    }
    for each in (up, down):
        each["medium"] = link.get("medium", "own link")
    whole = {**topology, "nodes": [device, *topology["nodes"]], "links": [up, down, *topology["links"]],
             "metrics": metrics}  # fmt: skip
    limits = ("max_latency_s", "latency", "min_accuracy", "max_energy_j", "rate_per_s", "destination", "limits")
    asked = {key: item[key] for key in limits if item.get(key) is not None}
    app = check_document({"schema_version": "1", "apps": [{"name": "a", "model": "m", "source": "device", **asked}]},
                         Workload).apps[0]  # fmt: skip
    network = check_document(whole, Topology)
    return build_instance(
        app, check_document(model, Model), build_network(network.nodes, network.links, (), network.metrics)
    )


def with_entries(metrics: list[dict[str, Any]], device: dict[str, Any], link: dict[str, Any]) -> list[dict[str, Any]]:
    """Return metrics with the entries of a user's device and link."""
    found = []
    for metric in metrics:
        nodes, links = dict(metric["nodes"]), list(metric["links"])
        if metric["name"] in device:
            nodes["device"] = device[metric["name"]]
        if (per_bit := link.get("metrics", {}).get(metric["name"])) is not None:
            for source, target in (("device", link["node"]), (link["node"], "device")):
                links.append({"source": source, "target": target, "per_bit": per_bit})
        found.append({**metric, "nodes": nodes, "links": links})
    return found


def choices_of(owner: int, item: dict[str, Any], model: dict[str, Any], topology: dict[str, Any]) -> list[Choice]:
    found: dict[Any, Choice] = {}
    for link in item["attach"]:
        instance = single_app(item, link, model, topology)
        network = instance.network
        graph = nx.DiGraph(list(zip(network.link_source.tolist(), network.link_target.tolist(), strict=True)))
        graph.add_nodes_from(range(network.size))
        paths = {
            (a, b): [(a,)] if a == b else [tuple(p) for p in nx.all_simple_paths(graph, a, b)]
            for a in range(network.size) for b in range(network.size)
        }  # fmt: skip
        for point in range(instance.points.count):
            for decision in decisions(instance, point, paths):
                value = evaluate(instance, decision)
                if within_limits(instance, value):
                    choice = as_choice(owner, instance, decision, value)
                    found.setdefault(
                        (round(choice.power_w, 12), tuple(sorted(choice.loads.items())), choice.held), choice
                    )
    return list(found.values())


def decisions(instance: Instance, point: int, paths: Any) -> Any:
    depth = int(instance.points.depth[point])
    heads = [
        (index, int(block)) for index, block in enumerate(instance.points.exit_block)
        if instance.points.on[point, index] and instance.points.fraction[point, index] > 0
    ]  # fmt: skip
    allowed = [np.flatnonzero(instance.allowed[block]).tolist() for block in range(depth)]
    for nodes in product(*allowed):
        ends = list(zip((instance.source, *nodes), nodes, strict=False))
        back = [] if instance.destination is None else [(nodes[block], instance.destination) for _, block in heads]
        for chosen in product(*(paths[pair] for pair in (*ends, *back))):
            results = {head: path for (head, _), path in zip(heads, chosen[depth:], strict=False)}
            yield Decision(point, nodes, tuple(chosen[:depth]), results)


def as_choice(owner: int, instance: Instance, decision: Decision, value: Any) -> Choice:
    network = instance.network
    loads = {f"node {network.names[n]}": float(value.utilization[n]) for n in range(network.size)}
    loads |= {f"medium {network.medium_name(m)}": float(value.media_load[m]) for m in range(network.media)}
    loads = {key: load for key, load in loads.items() if load > 0 and key not in ("node device", "medium own link")}
    hosts = frozenset(network.names[n] for n in decision.nodes if network.names[n] != "device")
    held = []
    for block, node in enumerate(decision.nodes):
        name = network.names[node]
        held.append((name, "block", instance.block_names[block], float(instance.block_bytes[block])))
        for index, behind in enumerate(instance.points.exit_block):
            if instance.points.on[decision.point, index] and behind == block:
                held.append((name, "head", instance.points.exit_names[index], float(instance.head_bytes[index])))
    held = frozenset(each for each in held if each[0] != "device" and each[3] > 0)
    return Choice(owner, instance.rate_per_s * value.energy_j, loads, hosts, held)


def optimum(fleet: dict[str, Any], topology: dict[str, Any], models: dict[str, Any], whole: bool = True) -> Optimum:
    """Return the least power with as few users unserved as can be (in parts, unless `whole`)."""
    return best_of(fleet["classes"], topology, all_choices(fleet, topology, models), whole)


def optima(fleet: dict[str, Any], topology: dict[str, Any], models: dict[str, Any]) -> tuple[Optimum, Optimum]:
    """Return the optimum in parts of users, and the one in whole users, over the same choices."""
    choices = all_choices(fleet, topology, models)
    return (
        best_of(fleet["classes"], topology, choices, whole=False),
        best_of(fleet["classes"], topology, choices, whole=True),
    )


def all_choices(fleet: dict[str, Any], topology: dict[str, Any], models: dict[str, Any]) -> list[Choice]:
    return [
        choice for owner, item in enumerate(fleet["classes"])
        for choice in choices_of(owner, item, models[item["model"]], topology)
    ]  # fmt: skip


def best_of(classes: list[dict[str, Any]], topology: dict[str, Any], choices: list[Choice], whole: bool) -> Optimum:
    count, users = len(choices), len(classes)
    nodes = {node["name"]: node for node in topology["nodes"]}
    used = sorted({host for choice in choices for host in choice.hosts})
    parts = sorted({(each[0], classes[choice.owner]["model"], *each[1:]) for choice in choices for each in choice.held})
    size = count + users + len(used) + len(parts)
    cost = np.zeros(size)
    cost[:count] = [choice.power_w for choice in choices]
    cost[count : count + users] = PENALTY_W
    cost[count + users : count + users + len(used)] = [nodes[name].get("idle_power_w", 0.0) for name in used]
    rows, low, high = [], [], []

    def row(entries: dict[int, float], least: float, most: float) -> None:
        line = np.zeros(size)
        for index, value in entries.items():
            line[index] += value
        rows.append(line)
        low.append(least)
        high.append(most)

    for owner, item in enumerate(classes):
        own = {i: 1.0 for i, choice in enumerate(choices) if choice.owner == owner}
        row({**own, count + owner: 1.0}, item["count"], item["count"])
    for name in sorted({key for choice in choices for key in choice.loads}):
        kind, _, what = name.partition(" ")
        capacity = nodes[what].get("max_utilization", 1.0) if kind == "node" else 1.0
        row({i: choice.loads[name] for i, choice in enumerate(choices) if name in choice.loads}, -np.inf, capacity)
    for i, choice in enumerate(choices):
        most = classes[choice.owner]["count"]
        for host in choice.hosts:
            if nodes[host].get("idle_power_w", 0.0) > 0.0:
                row({i: 1.0, count + users + used.index(host): -float(most)}, -np.inf, 0.0)
        for each in choice.held:
            place = parts.index((each[0], classes[choice.owner]["model"], *each[1:]))
            if nodes[each[0]].get("memory_bytes") is not None:
                row({i: 1.0, count + users + len(used) + place: -float(most)}, -np.inf, 0.0)
    for name, node in nodes.items():
        if node.get("memory_bytes") is not None:
            at = count + users + len(used)
            row({at + i: each[4] for i, each in enumerate(parts) if each[0] == name}, -np.inf, node["memory_bytes"])
    integrality = np.ones(size) if whole else np.zeros(size)
    most = np.full(size, np.inf)
    most[count + users :] = 1.0
    found = milp(cost, constraints=LinearConstraint(np.array(rows), low, high), bounds=Bounds(0, most),
                 integrality=integrality, options={"mip_rel_gap": 1e-9})  # fmt: skip
    assert found.status == 0, found.message
    left = float(found.x[count : count + users].sum())
    return Optimum(float(cost @ found.x) - PENALTY_W * left, left)
