"""Networks of every shape with differing links: metric mesh, star, tree, grid, and chains of chiplet packages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng

from benchmarks.fin.scenes import binding_deadline_s
from planner.fin.instance.instance import Instance, build_instance
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.schemas import App, Model, Topology, check_document

Document = dict[str, Any]


def shaped_instance(blocks: int, topology: Document, seed: int) -> Instance:
    """Return a chain of blocks on a topology, with a deadline midway between fastest and most frugal plan."""
    random = default_rng(seed)
    model = check_document(chain_model(blocks, random), Model)
    network = build_network(*expand(check_document(topology, Topology)))
    instance = build_instance(App(name="app", model=model.name), model, network)
    return instance.with_limits(latency_s=binding_deadline_s(replace(instance)))


def chain_model(blocks: int, random: Generator) -> Document:
    """Return a model of a chain of random blocks with one exit at its end."""
    chain = [
        {"name": f"b{index}", "ops": float(random.uniform(1e8, 5e9)), "output_bits": float(random.uniform(1e5, 4e6))}
        for index in range(blocks)
    ]
    last = {"name": "last", "after": chain[-1]["name"]}
    point = {"name": "full", "exit_fractions": {"last": 1.0}, "accuracy": 0.9}
    return {
        "schema_version": "1", "name": f"chain-{blocks}", "input_bits": 4e6,
        "blocks": chain, "exits": [last], "operating_points": [point],
    }  # fmt: skip


def _nodes(names: list[str], random: Generator) -> list[Document]:
    """Faster nodes take more energy per operation, with some noise."""
    speed = 10.0 ** random.uniform(10.0, 12.0, len(names))
    joules = 1e-11 * (speed / 1e10) ** 0.5 * random.uniform(0.7, 1.4, len(names))
    rows = zip(names, speed.tolist(), joules.tolist(), strict=True)
    return [{"name": name, "ops_per_s": ops, "j_per_op": each} for name, ops, each in rows]


def _link(source: str, target: str, random: Generator) -> Document:
    """A link both ways whose figures differ by up to four times."""
    return {
        "source": source, "target": target, "bidirectional": True, "bit_per_s": float(1e8 / random.uniform(1, 4)),
        "j_per_bit": float(2e-8 * random.uniform(1, 4)), "latency_s": float(1e-3 * random.uniform(1, 4)),
    }  # fmt: skip


def _topology(name: str, nodes: list[Document], links: list[Document], **more: object) -> Document:
    return {"schema_version": "1", "name": name, "nodes": nodes, "links": links, **more}


def metric_mesh(nodes: int, seed: int) -> Document:
    """Every node is linked to every other; latency grows with distance, energy with its square."""
    random = default_rng(seed)
    places = random.uniform(0.0, 1.0, (nodes, 2))
    names = [f"n{index}" for index in range(nodes)]
    distance = np.hypot(*(places[:, None] - places).transpose(2, 0, 1)).tolist()
    links = [
        {"source": names[i], "target": names[j], "bit_per_s": 1e8,
         "latency_s": 1e-3 + 4e-3 * distance[i][j], "j_per_bit": 1e-8 + 8e-8 * distance[i][j] ** 2}
        for i in range(nodes) for j in range(nodes) if i != j
    ]  # fmt: skip
    return _topology(f"metric-{nodes}", _nodes(names, random), links)


def star(nodes: int, seed: int) -> Document:
    """One hub, the source, that all others are linked to."""
    return _tree(nodes, seed, lambda _: 0, "star")


def tree(nodes: int, seed: int) -> Document:
    """Every node has three children; the root is the source."""
    return _tree(nodes, seed, lambda index: (index - 1) // 3, "tree")


def _tree(nodes: int, seed: int, parent: Callable[[int], int], name: str) -> Document:
    random = default_rng(seed)
    names = [f"n{index}" for index in range(nodes)]
    links = [_link(names[parent(index)], names[index], random) for index in range(1, nodes)]
    return _topology(f"{name}-{nodes}", _nodes(names, random), links)


def grid(side: int, seed: int) -> Document:
    """A square grid whose links all differ; the source is a corner."""
    random = default_rng(seed)
    names = [[f"n{row}-{column}" for column in range(side)] for row in range(side)]
    links = [_link(names[i][j], names[i][j + 1], random) for i in range(side) for j in range(side - 1)]
    links += [_link(names[i][j], names[i + 1][j], random) for i in range(side - 1) for j in range(side)]
    return _topology(f"grid-{side}", _nodes([name for row in names for name in row], random), links)


def packages(count: int, side: int, seed: int) -> Document:
    """A phone beside a chain of packages of equal chiplets, each package faster and hungrier than the one before."""
    random = default_rng(seed)
    names = [f"p{index}" for index in range(count)]
    links = [_link(*pair, random) for pair in zip(["phone", *names], names, strict=False)]
    some = [
        {"name": name, "rows": side, "cols": side, "gateways": [[0, 0]],
         "chiplet": {"ops_per_s": 1e11 * (1 + index), "j_per_op": 2e-12 * (1 + index)},
         "interposer": {"bit_per_s": 8e11, "latency_s": 2e-8, "j_per_bit": 1.3e-12},
         "gateway_link": {"bit_per_s": 2e11, "latency_s": 1e-7, "j_per_bit": 5e-12}}
        for index, name in enumerate(names)
    ]  # fmt: skip
    return _topology(f"packages-{count}x{side}", _nodes(["phone"], random), links, packages=some)
