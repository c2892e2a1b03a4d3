"""Random small fleets with every feature on, as documents."""

from __future__ import annotations

from random import Random
from typing import Any


def random_model(r: Random, name: str) -> dict[str, Any]:
    blocks = [
        {"name": f"b{i}", "ops": r.choice([0.0, r.uniform(1, 9)]), "param_bytes": r.choice([0.0, 1.0, 2.0]),
         "output_bits": r.uniform(0, 6)}
        for i in range(r.randint(1, 3))
    ]  # fmt: skip
    behind = sorted(r.sample(range(len(blocks)), r.randint(1, len(blocks))))
    if behind[-1] != len(blocks) - 1:
        behind[-1] = len(blocks) - 1
    exits = [
        {"name": f"e{i}", "after": f"b{i}", "ops": r.choice([0.0, 1.0]), "result_bits": r.choice([0.0, 2.0]),
         "param_bytes": r.choice([0.0, 1.0])}
        for i in dict.fromkeys(behind)
    ]  # fmt: skip
    points = []
    for number in range(r.randint(1, 2)):
        on = sorted({*r.sample(range(len(exits)), r.randint(1, len(exits))), *([len(exits) - 1] if number else [])})
        weights = [r.choice([0.0, 1.0, r.uniform(0.1, 1)]) for _ in on[:-1]] + [1.0]
        fractions = {exits[i]["name"]: weight / sum(weights) for i, weight in zip(on, weights, strict=True)}
        points.append({"name": f"p{number}", "exit_fractions": fractions, "accuracy": r.choice([0.5, 0.7, 0.9])})
    return {
        "schema_version": "1", "name": name, "input_bits": r.choice([0.0, r.uniform(1, 9)]), "blocks": blocks,
        "exits": exits, "operating_points": points,
    }  # fmt: skip


def random_shared(r: Random, idle: bool = False, memory: bool = False) -> dict[str, Any]:
    """Return a topology of two to four shared nodes: a tree, or a mesh."""
    count = r.randint(2, 4)
    nodes = []
    for index in range(count):
        node: dict[str, Any] = {
            "name": f"n{index}", "tier": "edge" if index else "cloud", "ops_per_s": r.choice([20.0, r.uniform(10, 90)]),
            "j_per_op": r.uniform(0.05, 0.6), "max_utilization": r.choice([1.0, 0.5, r.uniform(0.1, 0.9)]),
        }  # fmt: skip
        if idle and r.random() < 0.7:
            node["idle_power_w"] = r.uniform(0.2, 4.0)
        if memory and r.random() < 0.7:
            node["memory_bytes"] = float(r.randint(2, 7))
        nodes.append(node)
    links = []
    for index in range(1, count):
        pairs = [(index, r.randrange(index))] + ([(index, 0)] if r.random() < 0.4 else [])
        for source, target in dict.fromkeys(pairs):
            links.append(
                {"source": f"n{source}", "target": f"n{target}", "bit_per_s": r.uniform(20, 99),
                 "latency_s": r.choice([0.0, 0.01]), "j_per_bit": r.uniform(0.0, 0.1),
                 "bidirectional": r.random() < 0.6, **({"medium": "wan"} if r.random() < 0.3 else {})}
            )  # fmt: skip
    return {"schema_version": "1", "name": "shared", "nodes": nodes, "links": links}


def random_class(r: Random, name: str, models: list[str], nodes: list[str], most_users: int) -> dict[str, Any]:
    attach = []
    for node in r.sample(nodes, r.randint(1, min(2, len(nodes)))):
        link = {"node": node, "bit_per_s": r.uniform(20, 60), "latency_s": r.choice([0.0, 0.02]),
                "j_per_bit": r.uniform(0.01, 0.1)}  # fmt: skip
        if r.random() < 0.5:
            link["down_bit_per_s"] = r.uniform(20, 99)
        if r.random() < 0.7:
            link["medium"] = f"cell-{node}"
        attach.append(link)
    item: dict[str, Any] = {
        "name": name, "count": r.randint(1, most_users), "model": r.choice(models), "attach": attach,
        "rate_per_s": r.choice([0.0, 0.2, r.uniform(0.1, 1.0)]), "latency": r.choice(["worst", "mean", "p60"]),
        "device": {"ops_per_s": r.uniform(4, 20), "j_per_op": r.uniform(0.3, 1.5)},
    }  # fmt: skip
    if r.random() < 0.5:
        item["max_latency_s"] = r.uniform(0.5, 3.0)
    if r.random() < 0.3:
        item["min_accuracy"] = r.choice([0.5, 0.7])
    if r.random() < 0.2:
        item["max_energy_j"] = r.uniform(3, 30)
    if r.random() < 0.3:
        item["destination"] = r.choice(["device", r.choice(nodes)])
    if r.random() < 0.3:
        item["device"]["memory_bytes"] = float(r.randint(0, 4))
    if r.random() < 0.3:
        item["device"]["max_utilization"] = r.uniform(0.1, 0.9)
    return item


def add_metrics(r: Random, topology: dict[str, Any], classes: list[dict[str, Any]]) -> None:
    """Give a topology metrics, devices and links entries for them, and classes limits on them."""
    nodes = [node["name"] for node in topology["nodes"]]
    ends = [(link["source"], link["target"]) for link in topology["links"]]
    ends += [(link["target"], link["source"]) for link in topology["links"] if link["bidirectional"]]

    def figures() -> dict[str, float]:
        return {"per_s": r.choice([0.0, r.uniform(0, 9)]), "per_j": r.choice([0.0, r.uniform(0, 2)])}

    topology["metrics"] = [
        {"name": name, "unit": "USD" if name == "cost" else "g",
         "nodes": {node: figures() for node in nodes if r.random() < 0.7},
         "links": [{"source": a, "target": b, "per_bit": r.uniform(0, 0.3)} for a, b in ends if r.random() < 0.7]}
        for name in r.sample(["cost", "carbon"], r.randint(1, 2))
    ]  # fmt: skip
    names = [metric["name"] for metric in topology["metrics"]]
    for item in classes:
        item["device"]["metrics"] = {name: figures() for name in names if r.random() < 0.6}
        for link in item["attach"]:
            link["metrics"] = {name: r.uniform(0, 0.3) for name in names if r.random() < 0.6}
        item["limits"] = {name: r.uniform(0.5, 12.0) for name in names if r.random() < 0.6}


def random_fleet(
    r: Random, most_users: int = 6, *, metrics: bool = False, **shared: bool
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return a fleet, its topology, and its models by name."""
    topology = random_shared(r, **shared)
    models = {f"m{i}.json": random_model(r, f"m{i}") for i in range(r.randint(1, 2))}
    nodes = [node["name"] for node in topology["nodes"]]
    classes = [
        random_class(r, f"c{i}", list(models), nodes, most_users) for i in range(r.randint(1, 4))
    ]  # fmt: skip
    if metrics:
        add_metrics(r, topology, classes)
    return {"schema_version": "1", "name": "random", "classes": classes}, topology, models
