"""Random topologies of every shape: full meshes, grids, packages, stars, trees and sparse graphs."""

from __future__ import annotations

from random import Random
from typing import Any

SHAPES = ("sparse", "dense", "grid", "package", "star", "tree")


def shaped_topology(r: Random, shape: str, most_nodes: int = 6) -> dict[str, Any]:
    """Return a topology.json of 4 to 7 nodes with differing links, some of them on a shared medium.

    All but packages are cut down to the nodes that are asked for.
    """
    if shape == "package":
        return _package(r)
    size = 6 if shape == "grid" else r.randint(4, 6)
    ends = {
        "sparse": [(i, j) for i in range(size) for j in range(i) if r.random() < 0.5],
        "dense": [(i, j) for i in range(size) for j in range(i)],
        "grid": [(i, j) for i in range(6) for j in (i + 1, i + 3) if j < 6 and (j != i + 1 or i % 3 < 2)],
        "star": [(0, i) for i in range(1, size)],
        "tree": [((i - 1) // 2, i) for i in range(1, size)],
    }[shape]
    links = [
        _link(r, f"n{i}", f"n{j}")
        for i, j in ends
        if max(i, j) < most_nodes
        for i, j in ((i, j), (j, i))
        if shape != "sparse" or r.random() < 0.8
    ]
    nodes = [_node(r, f"n{i}") for i in range(min(size, most_nodes))]
    return {"schema_version": "1", "name": shape, "nodes": nodes, "links": links}


def _node(r: Random, name: str) -> dict[str, Any]:
    speed = r.choice([1.0, 2.0, r.uniform(1, 10)])
    node: dict[str, Any] = {"name": name, "ops_per_s": speed, "j_per_op": r.choice([0.5, r.uniform(0.1, 3)])}
    if r.random() < 0.4:
        node["memory_bytes"] = float(r.randint(1, 8))
    return node


def _link(r: Random, source: str, target: str) -> dict[str, Any]:
    link: dict[str, Any] = {
        "source": source, "target": target, "bit_per_s": r.choice([2.0, r.uniform(1, 9)]),
        "latency_s": r.choice([0.0, 0.1, r.uniform(0, 1)]), "j_per_bit": r.choice([0.0, 0.1, r.uniform(0, 1)]),
    }  # fmt: skip
    if r.random() < 0.3:
        link["medium"] = r.choice("ab")
    return link


def _package(r: Random) -> dict[str, Any]:
    wire = {"bit_per_s": r.uniform(5, 20), "latency_s": 0.01, "j_per_bit": r.uniform(0.01, 0.1)}
    chiplet = {"ops_per_s": r.uniform(2, 8), "j_per_op": r.uniform(0.1, 1), "memory_bytes": float(r.randint(2, 6))}
    return {
        "schema_version": "1", "name": "package", "nodes": [_node(r, "n0")],
        "links": [{**_link(r, "n0", "p"), "bidirectional": True}],
        "packages": [{
            "name": "p", "rows": 2, "cols": 2, "gateways": [[0, 0]], "chiplet": chiplet,
            "chiplets": [{"at": [1, 1], "ops_per_s": r.uniform(2, 8)}],
            "interposer": wire, "gateway_link": {"bit_per_s": 10.0, "j_per_bit": 0.02},
        }],
    }  # fmt: skip
