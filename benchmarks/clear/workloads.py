"""Generated workloads: example models with random rates, deadlines and sources on phones, one cell and a package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from planner.schemas import App, Model, Topology, check_document, read_document
from planner.verifier.points import best_accuracy

_EXAMPLES = Path(__file__).parents[2] / "examples"
_MODELS = {
    "vit.json": (0.95, 0.96),
    "efficientnet-b0-aws.json": (0.6, 0.7),
    "b-alexnet-branchynet.json": (0.77, 0.79),
    "resnet-110-aws.json": (0.8, 0.9),
}
"""Models, with the range that their least accuracy is drawn from."""


@dataclass(frozen=True)
class Setting:
    """Apps that share one topology."""

    apps: tuple[tuple[App, Model], ...]
    topology: Topology


def random_setting(apps: int, seed: int, rows: int = 6, cols: int = 6, phones: int = 3) -> Setting:
    """Return apps on phones, one cell, an edge server and a package of two kinds of chiplets (4 + 36 = 40 nodes)."""
    random = np.random.default_rng(seed)
    topology = check_document(_topology(random, rows, cols, phones, apps), Topology)
    models = {name: example_model(name) for name in _MODELS}
    drawn = []
    for index in range(apps):
        name = list(_MODELS)[int(random.integers(len(_MODELS)))]
        low, high = _MODELS[name]
        app = App(
            name=f"app{index}",
            model=name,
            source=f"phone{int(random.integers(phones))}",
            rate_per_s=float(np.round(random.uniform(0.5, 3.0), 3)),
            max_latency_s=float(np.round(random.uniform(0.25, 1.0), 3)),
            min_accuracy=float(np.floor(1e4 * random.uniform(low, min(high, best_accuracy(models[name])))) / 1e4),
            latency=str(random.choice(["worst", "mean", "p95"])),
        )
        drawn.append((app, models[name]))
    return Setting(tuple(drawn), topology)


def example_model(name: str) -> Model:
    """Return a model of the examples, by the name of its file."""
    return read_document(_EXAMPLES / name, Model)[0]


def _topology(random: Generator, rows: int, cols: int, phones: int, apps: int) -> dict[str, object]:
    slow = [[row, col] for row in range(rows) for col in range(cols) if (row + col) % 2]
    cell = {"bit_per_s": 4e6 * apps, "latency_s": 0.006, "j_per_bit": 7.5e-8, "medium": "cell-up"}
    down = {"bit_per_s": 8e6 * apps, "latency_s": 0.006, "j_per_bit": 6.1e-8, "medium": "cell-down"}
    names = [f"phone{index}" for index in range(phones)]
    return {
        "schema_version": "1",
        "name": f"{phones} phones, an edge server and {rows * cols} chiplets",
        "nodes": [
            *({"name": name, "tier": "mobile", "ops_per_s": 1.77e11 * float(random.uniform(0.7, 1.3)),
               "j_per_op": 2.37e-11, "idle_power_w": 0.2, "speed": {"min": 0.3, "max": 1.0}} for name in names),
            {"name": "edge", "tier": "edge", "ops_per_s": 1.9e13, "active_power_w": 140, "idle_power_w": 20.0},
        ],
        "links": [
            *({"source": name, "target": "edge", **cell} for name in names),
            *({"source": "edge", "target": name, **down} for name in names),
            {"source": "edge", "target": "mcm0", "bit_per_s": 1e11, "latency_s": 1e-6, "j_per_bit": 1e-11,
             "bidirectional": True},
        ],
        "packages": [{
            "name": "mcm0", "rows": rows, "cols": cols,
            "chiplet": {"ops_per_s": 4.52e11, "j_per_op": 1.29e-12, "memory_bytes": 5e7, "idle_power_w": 0.05,
                        "static_power_w": 0.02, "speed": {"min": 0.35, "max": 1.0}},
            "chiplets": [{"at": at, "ops_per_s": 2.26e11, "j_per_op": 0.9e-12, "idle_power_w": 0.03} for at in slow],
            "interposer": {"bit_per_s": 8e11, "latency_s": 3.5e-8, "j_per_bit": 1.17e-12},
            "gateways": [[0, 0]],
            "gateway_link": {"bit_per_s": 8e11, "latency_s": 3.5e-8, "j_per_bit": 1.17e-12},
        }],
    }  # fmt: skip
