"""Every choice of one app in a small workload, from the raw documents: a part of the oracle of joint planning.

A choice is an operating point, the host of every block, and the route of every message. What a sample of an exit meets
is followed from the source on, message by message, and added up over exits: another sum than the planner's, which
weighs blocks by the samples that they see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise, product
from typing import Any

import networkx as nx
import numpy as np

from planner.fin.instance.network import Floats


@dataclass(frozen=True)
class Places:
    """What is shared: nodes, then media, which have one speed."""

    names: tuple[str, ...]
    nodes: int
    most: Floats
    """Largest sum of shares."""
    slowest: Floats
    fastest: Floats
    idle_w: Floats
    memory: Floats


@dataclass(frozen=True)
class Choice:
    """What one app asks of P places at speed 1 and share 1."""

    point: str
    hosts: tuple[str, ...]
    used: Floats
    """(P,) whether a node hosts a block."""
    load: Floats
    dynamic_w: Floats
    static_w: Floats
    carried_w: float
    memory: Floats
    late_s: Floats
    """(R, P) time of each latency that must be in time."""
    fixed_s: Floats
    """(R,) latency of links in it."""
    most_s: float
    most_w: float
    nominal_j: float
    """Energy of an inference at speed 1."""
    metrics: dict[str, tuple[Floats, Floats, float]] = field(default_factory=dict)
    """By name: (P,) what grows with the square of the speed, (P,) what shrinks with it, and transfers; per second."""
    limits: dict[str, float] = field(default_factory=dict)
    """Largest values of metrics, times the rate."""


def places(topology: dict[str, Any]) -> Places:
    """List nodes and media of a topology without packages."""
    nodes = topology["nodes"]
    media = list(dict.fromkeys(_medium(link) for link in topology["links"]))
    ranges = [node.get("speed") or {"min": 1.0, "max": 1.0} for node in nodes]
    ones = [1.0] * len(media)
    return Places(
        names=tuple([node["name"] for node in nodes] + media),
        nodes=len(nodes),
        most=np.array([node.get("max_utilization", 1.0) for node in nodes] + ones),
        slowest=np.array([speed["min"] for speed in ranges] + ones),
        fastest=np.array([speed["max"] for speed in ranges] + ones),
        idle_w=np.array([node.get("idle_power_w", 0.0) for node in nodes] + [0.0] * len(media)),
        memory=np.array([node.get("memory_bytes", np.inf) for node in nodes] + [np.inf] * len(media)),
    )


def _medium(link: dict[str, Any]) -> str:
    return link.get("medium") or f"{link['source']}->{link['target']}"


# choices ------------------------------------------------------------------------------------------


def choices(app: dict[str, Any], model: dict[str, Any], topology: dict[str, Any]) -> list[Choice]:
    """Return every choice of an app but those that another one is at least as good as in every respect."""
    least = app.get("min_accuracy", max(point["accuracy"] for point in model["operating_points"]))
    routes = _Routes(topology)
    found: list[Choice] = []
    for point in model["operating_points"]:
        if point["accuracy"] >= least - 1e-9:
            found += _of_point(app, model, topology, point, routes)
    return _without_worse(found)


def _of_point(
    app: dict[str, Any], model: dict[str, Any], topology: dict[str, Any], point: dict[str, Any], routes: _Routes
) -> Iterator[Choice]:
    blocks = [block["name"] for block in model["blocks"]]
    heads = {head["after"]: head for head in model["exits"] if head["name"] in point["exit_fractions"]}
    deployed = blocks[: 1 + max(blocks.index(name) for name in heads)]
    names = [node["name"] for node in topology["nodes"]]
    hosts_of = [[n for n in names if n in app.get("pin", {}).get(block, names)] for block in deployed]
    sent = [("", model["input_bits"])] + [(b["name"], b["output_bits"]) for b in model["blocks"][: len(deployed) - 1]]
    for hosts in product(*hosts_of):
        at = dict(zip(deployed, hosts, strict=True))
        ends = [(app["source"], hosts[0]), *pairwise(hosts)]
        messages = [((after, ""), bits, *end) for (after, bits), end in zip(sent, ends, strict=True)]
        if app.get("destination"):
            messages += [
                ((block, head["name"]), head["result_bits"], at[block], app["destination"])
                for block, head in heads.items()
                if point["exit_fractions"][head["name"]] > 0.0
            ]
        for ways in product(*(routes.between(a, b, bits) for _, bits, a, b in messages)):
            carried = {key: (bits, way) for (key, bits, _, _), way in zip(messages, ways, strict=True)}
            yield from _Follow(app, model, topology, point, at, heads, carried).choices()


class _Routes:
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
            medium = f"on {_medium(link)}"
            cost[medium] = cost.get(medium, 0.0) + bits / link["bit_per_s"]
        return cost


def _no_worse(first: dict[str, float], second: dict[str, float]) -> bool:
    return all(first.get(key, 0.0) <= second.get(key, 0.0) for key in {*first, *second})


@dataclass
class _Follow:
    """Follows the samples of every exit through a choice."""

    app: dict[str, Any]
    model: dict[str, Any]
    topology: dict[str, Any]
    point: dict[str, Any]
    at: dict[str, str]
    heads: dict[str, dict[str, Any]]
    carried: dict[tuple[str, str], tuple[float, tuple[str, ...]]]

    def choices(self) -> Iterator[Choice]:
        """Yield the choice, once for every set of exits that may be the ones in time."""
        self.places = places(self.topology)
        fractions = {name: q for name, q in self.point["exit_fractions"].items() if q > 0.0}
        ways = {head["name"]: self._sample(head) for head in self.heads.values() if head["name"] in fractions}
        total = [sum(fractions[name] * ways[name][index] for name in fractions) for index in range(6)]
        load, dynamic_j, static_j, carried_j, fixed_s, carried = total
        rate = self.app["rate_per_s"]
        used, memory = self._held()
        for rows in self._in_time(fractions, ways, (load, fixed_s)):
            yield Choice(
                point=self.point["name"], hosts=tuple(self.at.values()), used=used, load=rate * load,
                dynamic_w=rate * dynamic_j, static_w=rate * static_j, carried_w=rate * carried_j, memory=memory,
                late_s=np.array([row[0] for row in rows]), fixed_s=np.array([row[1] for row in rows]),
                most_s=self.app.get("max_latency_s", np.inf), most_w=rate * self.app.get("max_energy_j", np.inf),
                nominal_j=float(dynamic_j.sum() + static_j.sum() + carried_j),
                metrics=self._metrics(load, dynamic_j, static_j, carried),
                limits={name: rate * most for name, most in self.app.get("limits", {}).items()},
            )  # fmt: skip

    def _metrics(self, seconds: Floats, dynamic_j: Floats, static_j: Floats, carried: Floats) -> dict[str, Any]:
        found, rate = {}, self.app["rate_per_s"]
        for number, metric in enumerate(self.topology.get("metrics", [])):
            added = [metric["nodes"].get(name, {}) for name in self.places.names]
            per_s, per_j = (np.array([each.get(key, 0.0) for each in added]) for key in ("per_s", "per_j"))
            static = per_s * seconds + per_j * static_j
            found[metric["name"]] = rate * per_j * dynamic_j, rate * static, rate * float(carried[number])
        return found

    def _in_time(self, fractions, ways, mean):
        """Yield sets of (seconds by place, fixed seconds) that must all be in time."""
        statistic = self.app["latency"]
        if statistic == "mean":
            yield [mean]
            return
        wanted = 1.0 if statistic == "worst" else float(statistic[1:]) / 100.0
        enough = [
            frozenset(names)
            for count in range(1, len(fractions) + 1)
            for names in combinations(fractions, count)
            if sum(fractions[name] for name in names) >= wanted - 1e-9
        ]
        if statistic == "worst":
            enough = [frozenset(fractions)]
        for names in enough:
            if not any(other < names for other in enough):
                yield [(ways[name][0], ways[name][4]) for name in sorted(names)]

    def _held(self) -> tuple[Floats, Floats]:
        used, memory = np.zeros(len(self.places.names)), np.zeros(len(self.places.names))
        bytes_of = {block["name"]: block["param_bytes"] for block in self.model["blocks"]}
        for block, host in self.at.items():
            place = self.places.names.index(host)
            used[place] = 1.0
            memory[place] += bytes_of[block] + (self.heads[block]["param_bytes"] if block in self.heads else 0.0)
        return used, memory

    def _sample(self, last: dict[str, Any]) -> tuple[Floats, Floats, Floats, float, float, Floats]:
        """Return seconds, dynamic and static joules by place, joules of transfers, latency and metrics of links."""
        count = len(self.places.names)
        seconds, dynamic_j, static_j, carried_j, fixed_s = np.zeros(count), np.zeros(count), np.zeros(count), 0.0, 0.0
        ops = {row["name"]: row["ops"] for row in (*self.model["blocks"], *self.model["exits"])}
        metrics = self.topology.get("metrics", [])
        carried = np.zeros(len(metrics))
        before = ""
        for block, host in self.at.items():
            place = self.places.names.index(host)
            node = self.topology["nodes"][place]
            for part in (block, *([self.heads[block]["name"]] if block in self.heads else [])):
                time_s = ops[part] / node["ops_per_s"]
                power = node.get("active_power_w")
                dynamic_j[place] += ops[part] * node["j_per_op"] if power is None else power * time_s
                static_j[place] += node["static_power_w"] * time_s
                seconds[place] += time_s
            ends = block == last["after"]
            for key in ((before, ""), *([(block, last["name"])] if ends else [])):
                bits, path = self.carried.get(key, (0.0, ()))
                for hop in pairwise(path):
                    link = next(row for row in self.topology["links"] if (row["source"], row["target"]) == hop)
                    seconds[self.places.names.index(_medium(link))] += bits / link["bit_per_s"]
                    carried_j += bits * link["j_per_bit"]
                    fixed_s += link["latency_s"]
                    for number, metric in enumerate(metrics):
                        on = [row for row in metric["links"] if (row["source"], row["target"]) == hop]
                        carried[number] += bits * sum(row["per_bit"] for row in on)
            if ends:
                break
            before = block
        return seconds, dynamic_j, static_j, carried_j, fixed_s, carried


def _without_worse(found: list[Choice]) -> list[Choice]:
    """Drop every choice that another one of as many latencies is no worse than in every respect."""
    kept: list[Choice] = []
    for row in sorted(found, key=lambda each: float(_figures(each).sum())):
        figures = _figures(row)
        if not any(len(other.fixed_s) == len(row.fixed_s) and (_figures(other) <= figures).all() for other in kept):
            kept.append(row)
    return kept


def _figures(choice: Choice) -> Floats:
    parts = (choice.used, choice.load, choice.dynamic_w, choice.static_w, choice.memory, choice.late_s.ravel())
    more = [
        np.append(np.concatenate([dynamic, static]), carried) for dynamic, static, carried in choice.metrics.values()
    ]
    return np.concatenate([*parts, choice.fixed_s, [choice.carried_w], *more])


def least_latency(choice: Choice, shared: Places) -> float:
    """Return the latency of an app alone, at full speed."""
    return float((choice.late_s @ (1.0 / (shared.most * shared.fastest)) + choice.fixed_s).max())
