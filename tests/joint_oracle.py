"""Every plan of a small workload, from the raw documents: the oracle of joint planning.

A choice is one app's operating point, host of every block, and route of every message. All choices of all apps are
enumerated, and the power of a combination is the optimum of a geometric program, written out from the model of cost and
solved by CVXPY. What a sample of an exit meets is followed from the source on, message by message, and added up over
exits: another sum than the planner's, which weighs blocks by the samples that they see.

Combinations are solved in the order of a simple lower bound, so that few programs are needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import Any

import networkx as nx
import numpy as np

from fin.network import Floats

FEASIBLE = 1e-9


class GaveUpError(Exception):
    """More combinations were in question than programs may be solved."""


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
        total = [sum(fractions[name] * ways[name][index] for name in fractions) for index in range(5)]
        load, dynamic_j, static_j, carried_j, fixed_s = total
        rate = self.app["rate_per_s"]
        used, memory = self._held()
        for rows in self._in_time(fractions, ways, (load, fixed_s)):
            yield Choice(
                point=self.point["name"], hosts=tuple(self.at.values()), used=used, load=rate * load,
                dynamic_w=rate * dynamic_j, static_w=rate * static_j, carried_w=rate * carried_j, memory=memory,
                late_s=np.array([row[0] for row in rows]), fixed_s=np.array([row[1] for row in rows]),
                most_s=self.app.get("max_latency_s", np.inf), most_w=rate * self.app.get("max_energy_j", np.inf),
                nominal_j=float(dynamic_j.sum() + static_j.sum() + carried_j),
            )  # fmt: skip

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

    def _sample(self, last: dict[str, Any]) -> tuple[Floats, Floats, Floats, float, float]:
        """Return seconds by place, dynamic and static joules by place, joules of transfers, latency of links."""
        count = len(self.places.names)
        seconds, dynamic_j, static_j, carried_j, fixed_s = np.zeros(count), np.zeros(count), np.zeros(count), 0.0, 0.0
        ops = {row["name"]: row["ops"] for row in (*self.model["blocks"], *self.model["exits"])}
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
            if ends:
                break
            before = block
        return seconds, dynamic_j, static_j, carried_j, fixed_s


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
    return np.concatenate([*parts, choice.fixed_s, [choice.carried_w]])


def least_latency(choice: Choice, shared: Places) -> float:
    """Return the latency of an app alone, at full speed."""
    return float((choice.late_s @ (1.0 / (shared.most * shared.fastest)) + choice.fixed_s).max())


# combinations -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Optimum:
    """The least power of all plans; infinite where there is none."""

    power_w: float
    chosen: tuple[Choice, ...] | None
    programs: int
    combinations: int


def optimum(apps: Sequence[tuple[dict[str, Any], dict[str, Any]]], topology: dict[str, Any], **limits: Any) -> Optimum:
    """Return the least power of a workload.

    Args:
        apps: Every app with its model, as documents.
        topology: The topology, as a document.
        limits: As for `best_of`.
    """
    return best_of([choices(app, model, topology) for app, model in apps], places(topology), **limits)


def best_of(
    by_app: Sequence[Sequence[Choice]], shared: Places, known_w: float = np.inf, most_programs: int = 400
) -> Optimum:
    """Return the best combination of choices.

    Args:
        by_app: The choices of every app.
        shared: What they share.
        known_w: Power of a plan that is known; only combinations that may be below it are looked at.
        most_programs: Largest number of geometric programs.

    Raises:
        GaveUpError: That number is not enough.
    """
    numbers, bounds = _in_question(by_app, shared, known_w)
    best_w, best, programs = np.inf, None, 0
    for at in np.argsort(bounds, kind="stable"):
        if bounds[at] >= best_w * (1.0 - 1e-9) or bounds[at] > known_w:
            break
        if programs == most_programs:
            message = f"{len(bounds)} combinations are in question"
            raise GaveUpError(message)
        chosen = tuple(own[number] for own, number in zip(by_app, numbers[at], strict=True))
        power_w = least_power(chosen, shared)
        programs += 1
        if power_w < best_w:
            best_w, best = power_w, chosen
    return Optimum(best_w, best, programs, len(bounds))


def _in_question(by_app: Sequence[Sequence[Choice]], shared: Places, known_w: float) -> tuple[Any, Floats]:
    """Return the combinations that simple necessary conditions leave, as numbers of choices, and bounds of them."""
    stacks = [_Stack.of(own, shared) for own in by_app]
    numbers = np.zeros((1, 0), dtype=np.int64)
    for count, stack in enumerate(stacks, start=1):
        new = np.arange(len(stack.alone_w))
        numbers = np.hstack([np.repeat(numbers, len(new), axis=0), np.tile(new, len(numbers))[:, None]])
        bounds = _bounds(stacks[:count], numbers, shared)
        keep = bounds <= known_w if np.isfinite(known_w) else bounds < np.inf
        numbers, bounds = numbers[keep], bounds[keep]
        if len(numbers) > 3_000_000:
            message = f"{len(numbers)} combinations are in question"
            raise GaveUpError(message)
    return numbers, bounds


@dataclass(frozen=True)
class _Stack:
    """The choices of one app as arrays of C rows."""

    used: Floats
    load: Floats
    dynamic_w: Floats
    static_w: Floats
    memory: Floats
    least_share: Floats
    """(C, P) least share of a place at full speed, with full shares of all else."""
    carried_w: Floats
    alone_w: Floats
    """(C,) least power of the app alone; infinite where it has no plan."""

    @classmethod
    def of(cls, own: Sequence[Choice], shared: Places) -> _Stack:
        shape = (len(own), len(shared.names))
        columns = {
            name: np.array([getattr(choice, name) for choice in own]).reshape(shape)
            for name in ("used", "load", "dynamic_w", "static_w", "memory")
        }
        least = np.array([_least_share(choice, shared) for choice in own]).reshape(shape)
        carried_w = np.array([choice.carried_w for choice in own])
        alone = np.array([alone_w(choice, shared) for choice in own])
        return cls(**columns, least_share=least, carried_w=carried_w, alone_w=alone)


def _least_share(choice: Choice, shared: Places) -> Floats:
    """(P,) share that a place must give, times its speed, whatever else happens; infinite where there is no plan."""
    rates = shared.most * shared.fastest
    least = choice.load.copy()
    for late_s, fixed_s in zip(choice.late_s, choice.fixed_s, strict=True):
        left = choice.most_s - fixed_s - ((late_s / rates).sum() - late_s / rates)
        asked = np.where(late_s > 0.0, np.where(left > 0.0, late_s / np.where(left > 0.0, left, 1.0), np.inf), 0.0)
        late = fixed_s + (late_s / rates).sum() > choice.most_s * (1.0 + FEASIBLE)
        least = np.maximum(least, np.inf if late else asked)
    return least


def alone_w(choice: Choice, shared: Places) -> float:
    """Return a lower bound of an app's power without idle power: all shares are full, one latency at a time."""
    best = 0.0
    slowest = np.maximum(shared.slowest, choice.load / shared.most)
    if (slowest > shared.fastest * (1.0 + FEASIBLE)).any():
        return np.inf
    for late_s, fixed_s in zip(choice.late_s, choice.fixed_s, strict=True):
        for value in (0.0, *10.0 ** np.arange(-4.0, 5.0, 0.25)):
            worth = choice.static_w + value * late_s / shared.most
            with np.errstate(divide="ignore", invalid="ignore"):
                speed = np.where(worth > 0.0, np.cbrt(worth / (2.0 * choice.dynamic_w)), 0.0)
            speed = np.clip(speed, slowest, np.maximum(shared.fastest, slowest))
            limit = value * (choice.most_s - fixed_s) if value > 0.0 else 0.0
            best = max(best, float((choice.dynamic_w * speed**2 + worth / speed).sum()) - limit)
    best += choice.carried_w
    return np.inf if best > choice.most_w * (1.0 + FEASIBLE) else best


def _bounds(stacks: Sequence[_Stack], numbers: Any, shared: Places) -> Floats:
    """(C,) powers that combinations are not below; infinite where they have no plan."""

    def total(name: str) -> Floats:
        return np.asarray(sum(getattr(stack, name)[numbers[:, app]] for app, stack in enumerate(stacks)))

    used = np.stack([stack.used[numbers[:, app]] for app, stack in enumerate(stacks)]).max(axis=0)
    idle_w = used @ shared.idle_w
    least = total("least_share") / shared.most
    fits = (least <= shared.fastest * (1.0 + FEASIBLE)).all(axis=1)
    fits &= (total("memory") <= shared.memory * (1.0 + FEASIBLE)).all(axis=1)
    dynamic_w, static_w = total("dynamic_w"), total("static_w")
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = np.where(static_w > 0.0, np.cbrt(static_w / (2.0 * dynamic_w)), 0.0)
    low = np.minimum(np.maximum(shared.slowest, least), shared.fastest)
    speed = np.clip(speed, low, shared.fastest)
    together = (dynamic_w * speed**2 + static_w / speed).sum(axis=1) + total("carried_w")
    return np.where(fits, np.maximum(together, total("alone_w")) + idle_w, np.inf)


# geometric programs -------------------------------------------------------------------------------


def least_power(chosen: Sequence[Choice], shared: Places) -> float:
    """Return the least power of a combination, by CVXPY; infinite where it is infeasible."""
    import cvxpy

    held = sum(choice.memory for choice in chosen)
    if (held > shared.memory * (1.0 + FEASIBLE)).any():
        return np.inf
    speed = {n: cvxpy.Variable(pos=True) for n in range(shared.nodes) if any(c.used[n] for c in chosen)}
    limits = [s >= shared.slowest[n] for n, s in speed.items()] + [s <= shared.fastest[n] for n, s in speed.items()]
    shares = [
        {p: cvxpy.Variable(pos=True) for p in range(len(shared.names)) if c.load[p] + c.late_s[:, p].sum() > 0.0}
        for c in chosen
    ]
    for place in range(len(shared.names)):
        mine = [own[place] for own in shares if place in own]
        limits += [sum(mine) <= shared.most[place]] if mine else []
    power, constant = [], 0.0
    for choice, own in zip(chosen, shares, strict=True):
        rate = {p: share * speed[p] if p in speed else share for p, share in own.items()}
        limits += [choice.load[p] / rate[p] <= 1.0 for p in own if choice.load[p] > 0.0]
        computing = [choice.dynamic_w[n] * s**2 for n, s in speed.items() if choice.dynamic_w[n] > 0.0]
        computing += [choice.static_w[n] / s for n, s in speed.items() if choice.static_w[n] > 0.0]
        for late_s, fixed_s in zip(choice.late_s, choice.fixed_s, strict=True):
            if np.isfinite(choice.most_s):
                terms = [late_s[p] / rate[p] for p in own if late_s[p] > 0.0]
                left = choice.most_s - fixed_s
                if left <= 0.0 or (not terms and left < 0.0):
                    return np.inf
                limits += [sum(terms) / left <= 1.0] if terms else []
        if np.isfinite(choice.most_w):
            left = choice.most_w - choice.carried_w
            if left < 0.0 or (left == 0.0 and computing):
                return np.inf
            limits += [sum(computing) / left <= 1.0] if computing else []
        power += computing
        constant += choice.carried_w
    used = np.max([choice.used for choice in chosen], axis=0)
    constant += float(used @ shared.idle_w)
    goal = sum(power) if power else next(iter(speed.values()))
    problem = cvxpy.Problem(cvxpy.Minimize(goal), limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "may be inaccurate": judged by the status below
        problem.solve(solver=cvxpy.CLARABEL, gp=True, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    if "infeasible" in problem.status:
        return np.inf
    if problem.value is None or not np.isfinite(problem.value):
        message = f"CVXPY ends with {problem.status}"
        raise GaveUpError(message)
    return constant + (float(problem.value) if power else 0.0)
