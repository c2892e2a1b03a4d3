"""Random workloads of several apps, small enough to look at every plan, as raw documents.

Blocks, nodes and links cost between tenths of a second and seconds; limits are drawn around what each app could do
alone, so that most cases have plans and most limits bite.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import joint_choices
import joint_oracle
import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from profiles import generated

from planner.clear.pricing.dual_prices import DualPrices
from planner.clear.problem.instance import JointInstance, build_joint
from planner.fin.instance.network import Floats, build_network
from planner.fin.instance.packages import expand
from planner.schemas import App, Model, Topology, Workload, check_document
from planner.schemas.planning.variants import variants_of

SEEDS = st.integers(0, 2**32)
FEW = generated(8, 60)


@dataclass(frozen=True)
class Case:
    """One workload: documents of the topology and of every app with its model."""

    topology: dict[str, Any]
    apps: tuple[tuple[dict[str, Any], Any], ...]
    """Each app with its model, or with the models of which one is chosen."""

    def documents(self) -> tuple[Topology, tuple[tuple[App, Model], ...]]:
        """Check and read all documents."""
        workload = {"schema_version": "1", "apps": [app for app, _ in self.apps]}
        apps = check_document(workload, Workload).apps
        models = [[own] if isinstance(own, dict) else own for _, own in self.apps]
        pairs = [
            pair
            for app, own in zip(apps, models, strict=True)
            for pair in variants_of(app, [check_document(model, Model) for model in own])
        ]
        return check_document(self.topology, Topology), tuple(pairs)

    def joint(self) -> JointInstance:
        """Return the case as arrays."""
        topology, apps = self.documents()
        return build_joint(apps, build_network(*expand(topology)))


def random_case(r: Random, most_nodes: int = 4, most_apps: int = 3, most_blocks: int = 4) -> Case:
    """Draw a topology and two or three apps; more of one means fewer of the other, so that all plans can be seen."""
    nodes = r.randint(2, most_nodes)
    topology = _random_topology(r, nodes, r.choice(["full", "full", "line", "random"]))
    count = 2 if nodes == 4 or r.random() < 0.6 else r.randint(2, most_apps)
    blocks = min(most_blocks, 4 if nodes * count <= 4 else 3 if nodes * count <= 6 else 2)
    models = [_random_model(r, r.randint(1 if count > 2 else 2, blocks)) for _ in range(count)]
    names = [node["name"] for node in topology["nodes"]]
    apps = [_random_app(r, index, model, names) for index, model in enumerate(models)]
    if r.random() < 0.2:  # twins, as apps often are
        models[1], apps[1] = models[0], {**apps[0], "name": "a1"}
    for app, model in zip(apps, models, strict=True):
        _limit(r, app, model, topology, count)
    return Case(topology, tuple(zip(apps, models, strict=True)))


def pinned_case(r: Random, most_nodes: int = 4, most_apps: int = 5) -> Case:
    """Draw a case without a choice: one operating point, every block pinned, one route between any two nodes."""
    topology, count = _random_topology(r, r.randint(2, most_nodes), "line"), r.randint(2, most_apps)
    names = [node["name"] for node in topology["nodes"]]
    for node in topology["nodes"]:
        if r.random() < 0.9:
            node.pop("memory_bytes", None)
    apps = []
    for index in range(count):
        model = _random_model(r, r.randint(1, 4))
        model["operating_points"] = [r.choice(model["operating_points"])]
        app = {**_random_app(r, index, model, names), "min_accuracy": 0.0}
        app["pin"] = {block["name"]: [r.choice(names)] for block in model["blocks"]}
        _limit(r, app, model, topology, count)
        apps.append((app, model))
    return Case(topology, tuple(apps))


def _random_topology(r: Random, count: int, kind: str) -> dict[str, Any]:
    nodes = []
    for index in range(count):
        fast = 10.0 ** r.uniform(0, 1) if index else r.uniform(1, 3)
        node: dict[str, Any] = {
            "name": f"n{index}",
            "ops_per_s": fast,
            "static_power_w": r.choice([0.0, 0.0, r.uniform(0, 3)]),
            "idle_power_w": r.choice([0.0, 0.0, r.uniform(0, 1), r.uniform(0, 8)]),
        }
        node |= {"j_per_op": r.uniform(0.1, 3)} if r.random() < 0.5 else {"active_power_w": r.uniform(0.5, 9)}
        if r.random() < 0.3:
            node["memory_bytes"] = float(r.randint(2, 9))
        if r.random() < 0.4:
            node["max_utilization"] = r.choice([0.3, 0.7, 0.9])
        if r.random() < 0.7:
            low, high = r.choice([(0.3, 1.0), (0.2, 1.6), (0.5, 0.8), (1.0, 2.0), (0.6, 0.6)])
            node["speed"] = {"min": low, "max": high}
        nodes.append(node)
    links = []
    for i in range(count):
        for j in range(count):
            present = {"full": True, "line": abs(i - j) == 1, "random": r.random() < 0.6}[kind]
            if i != j and present:
                link = {
                    "source": f"n{i}", "target": f"n{j}", "bit_per_s": r.choice([1.0, 3.0, r.uniform(1, 20)]),
                    "latency_s": r.choice([0.0, 0.0, 0.1]), "j_per_bit": r.choice([0.0, r.uniform(0, 1)]),
                }  # fmt: skip
                if r.random() < 0.5:
                    link["medium"] = r.choice(["x", "x", "y"])
                links.append(link)
    return {"schema_version": "1", "name": "t", "nodes": nodes, "links": links}


def _random_model(r: Random, count: int) -> dict[str, Any]:
    blocks = [
        {
            "name": f"b{index}", "ops": r.choice([0.0, *(r.uniform(0.3, 4) for _ in range(5))]),
            "param_bytes": float(r.randint(0, 3)), "output_bits": r.choice([0.0, *(r.uniform(0.1, 3) for _ in "abc")]),
        }
        for index in range(count)
    ]  # fmt: skip
    behind = sorted({count - 1, *([r.randrange(count)] if r.random() < 0.7 else [])})
    exits = [
        {
            "name": f"e{at}", "after": f"b{at}", "ops": r.choice([0.0, 0.3]), "param_bytes": float(r.randint(0, 1)),
            "result_bits": r.choice([0.0, 0.5, 2.0]),
        }
        for at in behind
    ]  # fmt: skip
    names = [row["name"] for row in exits]
    points = [{"name": "whole", "exit_fractions": {names[-1]: 1.0}, "accuracy": 0.9}]
    for index in range(r.randint(0, 2) if len(names) > 1 else 0):
        early = r.choice([0.3, 0.5, r.uniform(0.1, 0.9), 1.0])
        fractions = {names[0]: early, names[1]: 1.0 - early}
        points.append({"name": f"k{index}", "exit_fractions": fractions, "accuracy": r.choice([0.6, 0.8, 0.9])})
    return {
        "schema_version": "1", "name": "m", "input_bits": r.choice([0.0, r.uniform(0.1, 4)]), "blocks": blocks,
        "exits": exits, "operating_points": points,
    }  # fmt: skip


def _random_app(r: Random, index: int, model: dict[str, Any], names: list[str]) -> dict[str, Any]:
    app: dict[str, Any] = {
        "name": f"a{index}", "model": "m.json", "source": r.choice(names[:2]),
        "min_accuracy": r.choice([0.0, 0.0, 0.8]), "latency": r.choice(["worst", "worst", "mean", "p50", "p95", "p60"]),
    }  # fmt: skip
    if r.random() < 0.35:
        app["destination"] = r.choice(names)
    if r.random() < 0.2:
        app["pin"] = {r.choice(model["blocks"])["name"]: r.sample(names, r.randint(1, 2))}
    return app


def _limit(r: Random, app: dict[str, Any], model: dict[str, Any], topology: dict[str, Any], count: int) -> None:
    """Draw rate and limits around what the app could do alone."""
    choices = joint_choices.choices({**app, "rate_per_s": 1.0}, model, topology)
    busiest = [max(choice.load.max(), 1e-3) for choice in choices]
    app["rate_per_s"] = r.uniform(0.02, 1.2) / count / r.choice(busiest or [1.0])
    fastest = [joint_choices.least_latency(choice, joint_choices.places(topology)) for choice in choices]
    if fastest and r.random() < 0.85:
        app["max_latency_s"] = r.choice([min(fastest), r.choice(fastest)]) * r.uniform(1.01, 5.0) + 1e-3
    if choices and r.random() < 0.15:
        app["max_energy_j"] = r.choice([choice.nominal_j for choice in choices]) * r.uniform(0.7, 2.0) + 1e-3


def least_power(case: Case, known_w: float = np.inf) -> float:
    """Return the least power of a case; only combinations that may be as good as what is known are looked at."""
    try:
        return joint_oracle.optimum(case.apps, case.topology, known_w=known_w).power_w
    except joint_oracle.GaveUpError:
        assume(False)
        raise


def random_prices(r: Random, joint: JointInstance, media: int) -> DualPrices:
    """Draw prices of all that may have one; most are 0 or of the size of what apps cost."""
    size = 10.0 ** r.uniform(-2, 1)

    def some(*shape: int) -> Floats:
        values = [r.choice([0.0, r.uniform(0, size), r.uniform(0, 5 * size)]) for _ in range(int(np.prod(shape)))]
        return np.array(values, dtype=np.float64).reshape(shape)

    nodes = joint.network.size
    memory = np.where(np.isfinite(joint.network.memory_bytes), some(nodes) / 5, 0.0)
    return DualPrices(some(nodes), some(joint.count, nodes), memory, some(media))
