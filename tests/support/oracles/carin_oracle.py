"""CARIn's definitions once more, one joint design at a time, in plain Python and from the raw file alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations, product
from math import fsum, sqrt
from random import Random
from typing import Any

Json = dict[str, Any]
UP = ("accuracy", "throughput_per_s")
SAME = 1e-12
"""Values this close, relative to their size or to 1, are the same."""


@dataclass
class Joint:
    """A joint design that meets every constraint."""

    choice: tuple[str, ...]
    engines: set[str]
    memory: float
    values: list[float]
    designs: tuple[Json, ...] = ()
    distance: float = 0.0


def value(document: Json, joint: tuple[Json, ...], asked: Json) -> float:
    """Return what an objective or constraint is about."""
    crowd = Counter(design["engine"] for design in joint)
    found = []
    for task, design in zip(document["tasks"], joint, strict=True):
        if asked.get("task") not in (None, task["name"]):
            continue
        metric = asked["metric"]
        if metric in ("latency_s", "throughput_per_s"):
            k = crowd[design["engine"]]
            factors = document.get("contention", {}).get(design["engine"])
            latency = design["latency_s"][asked.get("statistic") or "mean"] * (factors[k - 1] if factors else k)
            found.append(latency if metric == "latency_s" else 1.0 / latency)
        else:
            found.append(design[metric])
    if metric == "accuracy":
        return fsum(found) / len(found)
    return {"latency_s": max, "throughput_per_s": min}.get(metric, fsum)(found)


def feasible(document: Json, relaxed: tuple[int, str] | None = None) -> Iterator[tuple[Json, ...]]:
    """Go through the joint designs that meet every bound, but for one that is given up."""
    for joint in product(*(task["designs"] for task in document["tasks"])):
        for index, constraint in enumerate(document.get("constraints", [])):
            got = value(document, joint, constraint)
            if "max" in constraint and (index, "max") != relaxed and got > constraint["max"] * (1 + 1e-9):
                break
            if "min" in constraint and (index, "min") != relaxed and got < constraint["min"] * (1 - 1e-9):
                break
        else:
            yield joint


def scored(document: Json) -> list[Joint]:
    """Return the joint designs that meet every constraint, with their distances, in lexicographic order."""
    found = []
    for joint in feasible(document):
        values = [value(document, joint, objective) for objective in document["objectives"]]
        engines = {design["engine"] for design in joint}
        memory = fsum(design["memory_bytes"] for design in joint)
        found.append(Joint(tuple(design["name"] for design in joint), engines, memory, values, joint))
    squares = [[0.0] for _ in found]
    for index, objective in enumerate(document["objectives"]):
        column = [joint.values[index] for joint in found]
        if not column or max(column) - min(column) <= SAME * max(column):
            continue
        best = max(column) if objective["metric"] in UP else min(column)
        mean = fsum(column) / len(column)
        deviation = sqrt(fsum((each - mean) ** 2 for each in column) / len(column))
        for each, terms in zip(column, squares, strict=True):
            terms.append(objective.get("weight", 1.0) * ((each - best) / deviation) ** 2)
    for joint, terms in zip(found, squares, strict=True):
        joint.distance = sqrt(fsum(terms))
    return found


def lexicographic_argmin(joints: list[Joint], *keys: Any) -> Joint:
    """Return the first of the least, by one key after the other."""
    for key in keys:
        least = min(map(key, joints))
        joints = [joint for joint in joints if key(joint) <= least + SAME * max(abs(least), 1.0)]
    return joints[0]


def states(document: Json) -> Iterator[tuple[frozenset[str], bool]]:
    engines = document["engines"]
    sets = chain.from_iterable(combinations(engines, size) for size in range(len(engines) + 1))
    return ((frozenset(some), tight) for some, tight in product(sets, (False, True)))


def best_in(document: Json, joints: list[Joint], overloaded: frozenset[str], tight: bool) -> tuple[Joint, bool]:
    """Return the design of a state, and whether it is degraded."""
    budget = document.get("memory_budget_bytes")
    fitting = [joint for joint in joints if not tight or budget is None or joint.memory <= budget * (1 + 1e-9)]
    if good := [joint for joint in fitting if not joint.engines & overloaded]:
        return lexicographic_argmin(good, lambda joint: joint.distance), False
    keys = (lambda joint: len(joint.engines & overloaded), lambda joint: joint.memory, lambda joint: joint.distance)
    return lexicographic_argmin(joints, *keys), True


def random_designs(r: Random, most_designs: int = 4, most_tasks: int = 3, constrained: bool = True) -> Json:
    """Return a designs file; half of them with few different values, so that much is equal."""
    coarse = r.random() < 0.5

    def number(low: float, high: float) -> float:
        return r.choice((low, (low + high) / 2, high)) if coarse else r.uniform(low, high)

    engines = ["cpu", "gpu", "npu"][: r.randint(1, 3)]
    tasks = []
    for t in range(r.randint(1, most_tasks)):
        designs = []
        for d in range(r.randint(1, most_designs)):
            mean = number(0.01, 0.1)
            std, p95 = r.choice((0.0, number(0.001, 0.01))), mean * number(1.0, 2.0)
            designs.append({
                "name": f"m{d // 2}@{d}", "engine": r.choice(engines), "accuracy": number(0.5, 0.9),
                "size_bytes": number(1e6, 3e6), "memory_bytes": number(1e6, 9e6), "energy_j": number(0.001, 0.1),
                "latency_s": {"mean": mean, "std": std, "p95": p95},
            })  # fmt: skip
        tasks.append({"name": f"t{t}", "designs": designs})
    document: Json = {"schema_version": "1", "name": "random", "engines": engines, "tasks": tasks}
    if r.random() < 0.8:
        document["memory_budget_bytes"] = len(tasks) * r.uniform(1e6, 9e6)
    document["contention"] = {
        engine: [1.0] + [number(1.0, 3.0) for _ in tasks[1:]] for engine in engines if r.random() < 0.5
    }
    document["objectives"] = [_random_objective(r, tasks) for _ in range(r.randint(1, 4))]
    document["constraints"] = [_random_constraint(r, document) for _ in range(r.randint(0, 3) if constrained else 0)]
    return document


def _random_measure(r: Random, tasks: list[Json]) -> Json:
    metric = r.choice(["latency_s", "throughput_per_s", "energy_j", "memory_bytes", "size_bytes", "accuracy"])
    asked: Json = {"metric": metric}
    if metric in ("latency_s", "throughput_per_s") and r.random() < 0.7:
        asked["statistic"] = r.choice(["mean", "p95"] + ["std"] * (metric == "latency_s"))
    if r.random() < 0.5:
        asked["task"] = r.choice(tasks)["name"]
    return asked


def _random_objective(r: Random, tasks: list[Json]) -> Json:
    asked = _random_measure(r, tasks)
    if r.random() < 0.7:
        asked["weight"] = r.choice([0.0, 0.5, 1.0, 3.0])
    return asked


def _random_constraint(r: Random, document: Json) -> Json:
    """Return a bound at the value of some joint design."""
    asked = _random_measure(r, document["tasks"])
    joint = tuple(r.choice(task["designs"]) for task in document["tasks"])
    slack = r.choice((0.8, 1.0, 1.2))
    if asked["metric"] in UP:
        return {**asked, "min": min(value(document, joint, asked) / slack, 1e30)}
    return {**asked, "max": value(document, joint, asked) * slack}
