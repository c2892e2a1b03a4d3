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

import numpy as np
from joint_messages import Read, Routes, carried_anew, medium_of, names_of, reads

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
    variant: tuple[str, int] = ("", 1)
    """Name of the model, and batch size."""
    shared: frozenset[tuple[int, str, str, float]] = frozenset()
    """Place, path of the model, name and bytes of parameters that a node holds once for all who use them."""


def places(topology: dict[str, Any]) -> Places:
    """List nodes and media of a topology without packages."""
    nodes = topology["nodes"]
    media = list(dict.fromkeys(medium_of(link) for link in topology["links"]))
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


def choices(
    app: dict[str, Any], models: dict[str, Any] | Sequence[dict[str, Any]], topology: dict[str, Any]
) -> list[Choice]:
    """Return every choice of an app but those that another one is at least as good as in every respect.

    Args:
        app: The app.
        models: Its model, or the models of which one is chosen.
        topology: Nodes and links.
    """
    some = [models] if isinstance(models, dict) else models
    least = app.get("min_accuracy", max(point["accuracy"] for model in some for point in model["operating_points"]))
    routes = Routes(topology)
    found: list[Choice] = []
    for model in some:
        pin = {name: nodes for name, nodes in app.get("pin", {}).items() if name in names_of(model)}
        for size in app.get("batch", [1]):
            for point in model["operating_points"]:
                if point["accuracy"] >= least - 1e-9:
                    found += _of_point({**app, "pin": pin}, model, topology, point, routes, size)
    return _without_worse(found)


def _of_point(
    app: dict[str, Any],
    model: dict[str, Any],
    topology: dict[str, Any],
    point: dict[str, Any],
    routes: Routes,
    size: int,
) -> Iterator[Choice]:
    blocks = names_of(model)
    heads = {head["after"]: head for head in model["exits"] if head["name"] in point["exit_fractions"]}
    deployed = blocks[: 1 + max(blocks.index(name) for name in heads)]
    names = [node["name"] for node in topology["nodes"] if node.get("hosts", True)]
    hosts_of = [[n for n in names if n in app.get("pin", {}).get(block, names)] for block in deployed]
    needed = reads(model, len(deployed))
    for hosts in product(*hosts_of):
        at = dict(zip(deployed, hosts, strict=True))
        made = {"": app["source"], **at}
        messages: list[tuple[Any, float, str, str]] = [
            (row, row.bits, made[row.producer], at[row.reader]) for row in carried_anew(needed, at)
        ]
        if app.get("destination"):
            messages += [
                ((block, head["name"]), head["result_bits"], at[block], app["destination"])
                for block, head in heads.items()
                if point["exit_fractions"][head["name"]] > 0.0
            ]
        for ways in product(*(routes.between(a, b, bits) for _, bits, a, b in messages)):
            carried = {key: (bits, way) for (key, bits, _, _), way in zip(messages, ways, strict=True)}
            yield from _Follow(app, model, topology, point, at, heads, carried, size).choices()


@dataclass
class _Follow:
    """Follows the samples of every exit through a choice."""

    app: dict[str, Any]
    model: dict[str, Any]
    topology: dict[str, Any]
    point: dict[str, Any]
    at: dict[str, str]
    heads: dict[str, dict[str, Any]]
    carried: dict[Any, tuple[float, tuple[str, ...]]]
    """By `Read`, or by block and head for results: bits of a sample, and their route."""
    size: int = 1
    """Samples that run together."""

    def choices(self) -> Iterator[Choice]:
        """Yield the choice, once for every set of exits that may be the ones in time."""
        self.places = places(self.topology)
        fractions = {name: q for name, q in self.point["exit_fractions"].items() if q > 0.0}
        ways = {head["name"]: self._sample(head) for head in self.heads.values() if head["name"] in fractions}
        total = [sum(fractions[name] * ways[name][index] for name in fractions) for index in range(6)]
        load, dynamic_j, static_j, carried_j, fixed_s, carried = total
        mean = (load, fixed_s)
        if self.size > 1:
            load, dynamic_j, static_j = self._of_batches(fractions, load)
        rate = self.app["rate_per_s"]
        used, memory = self._held()
        for rows in self._in_time(fractions, ways, mean):
            yield Choice(
                point=self.point["name"], hosts=tuple(self.at.values()), used=used, load=rate * load,
                dynamic_w=rate * dynamic_j, static_w=rate * static_j, carried_w=rate * carried_j, memory=memory,
                late_s=np.array([row[0] for row in rows]), fixed_s=np.array([row[1] for row in rows]),
                most_s=self.app.get("max_latency_s", np.inf), most_w=rate * self.app.get("max_energy_j", np.inf),
                nominal_j=float(dynamic_j.sum() + static_j.sum() + carried_j),
                metrics=self._metrics(load, dynamic_j, static_j, carried),
                limits={name: rate * most for name, most in self.app.get("limits", {}).items()},
                variant=(self.model["name"], self.size), shared=self._shared(),
            )  # fmt: skip

    def _of_batches(self, fractions: dict[str, float], mean_s: Floats) -> tuple[Floats, Floats, Floats]:
        """Return load, dynamic and static joules of a sample where a batch goes on as long as any of its samples."""
        load, dynamic_j, static_j = np.zeros((3, len(self.places.names)))
        load[self.places.nodes :] = mean_s[self.places.nodes :] / self.size
        left = sum(fractions.values())
        for block, host in self.at.items():
            place, runs = self.places.names.index(host), (1.0 - (1.0 - left) ** self.size) / self.size
            for part in self._parts(block):
                seconds, dynamic, static = self._cost(part, place)
                load[place] += runs * seconds
                dynamic_j[place] += runs * dynamic
                static_j[place] += runs * static
            left -= fractions.get(self.heads[block]["name"], 0.0) if block in self.heads else 0.0
        return load, dynamic_j, static_j

    def _parts(self, block: str) -> list[str]:
        return [block, *([self.heads[block]["name"]] if block in self.heads else [])]

    def _cost(self, part: str, place: int) -> tuple[float, float, float]:
        """Return seconds, dynamic and static joules of a whole batch of a block or head."""
        node = self.topology["nodes"][place]
        ops = next(row["ops"] for row in (*self.model["blocks"], *self.model["exits"]) if row["name"] == part)
        profile = self.model.get("profiles", {}).get(node.get("hardware"), {}).get(part)
        ops *= self.size
        time_s = ops / node["ops_per_s"]
        power = node.get("active_power_w")
        if profile is not None:
            time_s = profile["time_s"].get(str(self.size), np.inf)
        dynamic_j = ops * node["j_per_op"] if power is None else power * time_s
        if profile is not None and "energy_j" in profile:
            dynamic_j = profile["energy_j"].get(str(self.size), np.inf)
        return time_s, dynamic_j, node["static_power_w"] * time_s

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

    @property
    def _filling_s(self) -> float:
        return (self.size - 1) / self.app["rate_per_s"]

    def _held(self) -> tuple[Floats, Floats]:
        used, memory = np.zeros(len(self.places.names)), np.zeros(len(self.places.names))
        working = np.zeros(len(memory))
        for block, host in self.at.items():
            place = self.places.names.index(host)
            used[place] = 1.0
            for part in self._rows(block):
                memory[place] += part["param_bytes"] + self.size * part.get("state_bytes", 0.0)
                working[place] = max(working[place], self.size * part.get("working_bytes", 0.0))
        return used, memory + working

    def _rows(self, block: str) -> list[dict[str, Any]]:
        own = next(row for row in self.model["blocks"] if row["name"] == block)
        return [own, *([self.heads[block]] if block in self.heads else [])]

    def _shared(self) -> frozenset[tuple[int, str, str, float]]:
        path = self.app["model"] if isinstance(self.app["model"], str) else f"{self.model['name']}.json"
        return frozenset(
            (self.places.names.index(host), path, name, self.model["params"][name])
            for block, host in self.at.items()
            for part in self._rows(block)
            for name in part.get("params", [])
        )

    def _sample(self, last: dict[str, Any]) -> tuple[Floats, Floats, Floats, float, float, Floats]:
        """Return seconds, dynamic and static joules by place, joules of transfers, latency and metrics of links."""
        count = len(self.places.names)
        seconds, dynamic_j, static_j, carried_j = np.zeros(count), np.zeros(count), np.zeros(count), 0.0
        fixed_s = self._filling_s
        metrics = self.topology.get("metrics", [])
        carried = np.zeros(len(metrics))
        for block, host in self.at.items():
            place = self.places.names.index(host)
            for part in self._parts(block):
                time_s, dynamic, static = self._cost(part, place)
                seconds[place] += time_s
                dynamic_j[place] += dynamic
                static_j[place] += static
            ends = block == last["after"]
            brought = [way for key, way in self.carried.items() if isinstance(key, Read) and key.reader == block]
            result = [self.carried[block, last["name"]]] if ends and (block, last["name"]) in self.carried else []
            for bits, path in (*brought, *result):
                for hop in pairwise(path):
                    link = next(row for row in self.topology["links"] if (row["source"], row["target"]) == hop)
                    seconds[self.places.names.index(medium_of(link))] += self.size * bits / link["bit_per_s"]
                    carried_j += bits * link["j_per_bit"]
                    fixed_s += link["latency_s"]
                    for number, metric in enumerate(metrics):
                        on = [row for row in metric["links"] if (row["source"], row["target"]) == hop]
                        carried[number] += bits * sum(row["per_bit"] for row in on)
            if ends:
                break
        return seconds, dynamic_j, static_j, carried_j, fixed_s, carried


def _without_worse(found: list[Choice]) -> list[Choice]:
    """Drop every choice that another one of as many latencies is no worse than in every respect."""
    figures = [_figures(choice) for choice in found]
    kept: list[int] = []
    for new in np.argsort([float(own.sum()) for own in figures], kind="stable").tolist():
        alike = [
            figures[old]
            for old in kept
            if len(found[old].fixed_s) == len(found[new].fixed_s) and found[old].shared <= found[new].shared
        ]
        if not alike or not (np.array(alike) <= figures[new]).all(axis=1).any():
            kept.append(new)
    return [found[index] for index in kept]


def _figures(choice: Choice) -> Floats:
    parts = (choice.used, choice.load, choice.dynamic_w, choice.static_w, choice.memory, choice.late_s.ravel())
    more = [
        np.append(np.concatenate([dynamic, static]), carried) for dynamic, static, carried in choice.metrics.values()
    ]
    return np.concatenate([*parts, choice.fixed_s, [choice.carried_w], *more])


def least_latency(choice: Choice, shared: Places) -> float:
    """Return the latency of an app alone, at full speed."""
    return float((choice.late_s @ (1.0 / (shared.most * shared.fastest)) + choice.fixed_s).max())
