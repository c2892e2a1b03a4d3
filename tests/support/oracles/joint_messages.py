"""Messages of one app in a small workload, from the raw documents: what is carried, and over which routes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import networkx as nx


class Read(NamedTuple):
    """A tensor that a block reads."""

    reader: str
    producer: str
    """Block that makes it; empty for the input of the model."""
    tensor: str
    bits: float


def medium_of(link: dict[str, Any]) -> str:
    return link.get("medium") or f"{link['source']}->{link['target']}"


def names_of(model: dict[str, Any]) -> list[str]:
    return [block["name"] for block in model["blocks"]]


def reads(model: dict[str, Any], depth: int) -> list[Read]:
    """Return what the first blocks read, in order."""
    sizes = {"": model["input_bits"]} | {block["name"]: block["output_bits"] for block in model["blocks"]}
    found, before = [], ""
    for block in model["blocks"][:depth]:
        for row in block.get("inputs") or [{"block": before or "input"}]:
            producer = "" if row["block"] == "input" else row["block"]
            found.append(Read(block["name"], producer, row.get("tensor", ""), row.get("bits", sizes[producer])))
        before = block["name"]
    return found


def carried_anew(needed: Sequence[Read], at: dict[str, str]) -> list[Read]:
    """Return the tensors that are carried: a node that has one, or got it before, does not get it again."""
    found: list[Read] = []
    held: set[tuple[str, str, str]] = set()
    for row in needed:
        there = (row.producer, row.tensor, at[row.reader])
        if there not in held:
            found.append(row)
        held.add(there)
    return found


class Routes:
    """All simple paths between two nodes, but those that another one is no worse than in every respect."""

    def __init__(self, topology: dict[str, Any]) -> None:
        self._links = {(link["source"], link["target"]): link for link in topology["links"]}
        self._metrics = topology.get("metrics", [])
        self._graph = nx.DiGraph(list(self._links))
        self._graph.add_nodes_from(node["name"] for node in topology["nodes"])

    def between(self, source: str, target: str, bits: float) -> list[tuple[str, ...]]:
        if source == target:
            return [(source,)]
        found: list[tuple[tuple[str, ...], dict[str, float]]] = []
        for path in nx.all_simple_paths(self._graph, source, target):
            cost = self._cost(path, bits)
            if not any(_no_worse(other, cost) for _, other in found):
                found = [row for row in found if not _no_worse(cost, row[1])] + [(tuple(path), cost)]
        return [path for path, _ in found]

    def _cost(self, path: Sequence[str], bits: float) -> dict[str, float]:
        cost = {"joules": 0.0, "seconds": 0.0}
        for metric in self._metrics:
            on = [
                row["per_bit"]
                for row in metric["links"]
                for hop in pairwise(path)
                if (row["source"], row["target"]) == hop
            ]
            cost[f"metric {metric['name']}"] = bits * sum(on)
        for hop in pairwise(path):
            link = self._links[hop]
            cost["joules"] += bits * link["j_per_bit"]
            cost["seconds"] += link["latency_s"]
            medium = f"on {medium_of(link)}"
            cost[medium] = cost.get(medium, 0.0) + bits / link["bit_per_s"]
        return cost


def _no_worse(first: dict[str, float], second: dict[str, float]) -> bool:
    return all(first.get(key, 0.0) <= second.get(key, 0.0) for key in {*first, *second})
