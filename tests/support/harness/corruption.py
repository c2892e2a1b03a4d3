"""Placements that are false: true ones with one thing changed, taken away, doubled or added.

Every change here makes a claim untrue or leaves something out, so a verifier must reject each. Changes that may leave a
placement true (another order of routes, a weaker status, a message) are not made.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Any

from planner.schemas import InputError, Placement, Topology, check_document
from planner.verifier.verify import verify

Json = dict[str, Any]
Change = Callable[[Json, Random], bool]
"""Changes raw JSON in place; tells whether there was anything to change."""
_FACTORS = (0.0, 0.5, 1.0 - 1e-6, 1.0 + 1e-6, 1.001, 2.0, -1.0, 1e9)


def _other(value: float, random: Random, whole: float = 0.0) -> float:
    """Return a number that differs visibly from a value that is a part of a whole."""
    if value == 0.0 or abs(value) < 1e-3 * whole:
        return value + max(1e-3 * whole, random.choice((1e-6, 1.0)))
    return value * random.choice(_FACTORS)


def _number(*way: str | int, whole: tuple[str, ...] | None = None) -> Change:
    """Change the number at a path; `whole` is the path of what it is a part of, beside its parent."""

    def change(raw: Json, random: Random) -> bool:
        spot: Any = raw
        parents = [raw]
        for part in way[:-1]:
            spot = spot[random.randrange(len(spot)) if part == "*" else part] if spot else None
            if spot is None:
                return False
            parents.append(spot)
        value = spot.get(way[-1])
        if value is None:
            return False
        size = 0.0 if whole is None else parents[-2][whole[0]]
        spot[way[-1]] = _other(float(value), random, size)
        return True

    return change


def _entry(field: str, what: str) -> Change:
    """Change a list of an app: `drop` an entry, `double` one, `empty` it."""

    def change(raw: Json, random: Random) -> bool:
        entries = random.choice(raw["apps"])[field]
        if not entries:
            return False
        place = random.randrange(len(entries))
        if what == "drop":
            del entries[place]
        elif what == "double":
            entries.insert(place, copy.deepcopy(entries[place]))
        else:
            entries.clear()
        return True

    return change


def _wrong_block(raw: Json, random: Random) -> bool:
    row = random.choice(random.choice(raw["apps"])["assignments"])
    row["block"] = random.choice([row["block"] + "x", "nowhere"])
    return True


def _wrong_node(raw: Json, random: Random) -> bool:
    row = random.choice(random.choice(raw["apps"])["assignments"])
    row["node"] = random.choice([row["node"] + "x", "nowhere"])
    return True


def _wrong_path(raw: Json, random: Random) -> bool:
    routes = random.choice(raw["apps"])["routes"]
    if not routes:
        return False
    route = random.choice(routes)
    path = route["path"]
    kind = random.choice(("reverse", "start", "end", "stranger", "loop", "after", "result_of"))
    if kind == "reverse":
        path.reverse()
    elif kind == "start":
        del path[0]
    elif kind == "end":
        del path[-1]
    elif kind == "stranger":
        path.insert(1, "nowhere")
    elif kind == "loop":
        path.append(path[0])
    elif kind == "after":
        route["after"] = "nowhere"
    else:
        route["result_of"] = "nowhere"
    return True


def _extra_route(raw: Json, random: Random) -> bool:
    app = random.choice(raw["apps"])
    app["routes"].append({"after": random.choice([None, "nowhere"]), "path": ["nowhere", "n0"], "bits": 1.0})
    return True


def _wrong_fraction(raw: Json, random: Random) -> bool:
    fractions = random.choice(raw["apps"])["exit_fractions"]
    name = random.choice(sorted(fractions))
    kind = random.choice(("change", "drop", "add"))
    if kind == "change":
        fractions[name] = fractions[name] * 0.999 if fractions[name] > 0.0 else 1e-3
    elif kind == "drop":
        del fractions[name]
    else:
        fractions["nowhere"] = 0.0
    return True


def _wrong_threshold(raw: Json, random: Random) -> bool:
    thresholds = random.choice(raw["apps"]).get("thresholds")
    if not thresholds:
        return False
    name = random.choice(sorted(thresholds))
    if random.random() < 0.3:
        del thresholds[name]
    elif thresholds[name] is None:
        thresholds[name] = 0.5
    else:
        thresholds[name] = random.choice([None, thresholds[name] + 0.123456])
    return True


def _wrong_name(raw: Json, random: Random) -> bool:
    app = random.choice(raw["apps"])
    app[random.choice(("operating_point", "name"))] += "x"
    return True


def _wrong_status(raw: Json, random: Random) -> bool:
    kind = random.choice(("status", "apps", "total", "certificate", "diagnosis", "objective", "twice", "gap"))
    certificate = raw["certificate"]
    if kind == "status":
        raw["status"] = random.choice(["infeasible", "unknown"])
    elif kind == "apps":
        raw["apps"] = []
    elif kind == "total":
        raw["total"] = None
    elif kind == "certificate" and raw["status"] == "optimal":
        raw["certificate"] = None
    elif kind == "diagnosis":
        raw["diagnosis"] = {"summary": "no plan", "limits": []}
    elif kind == "objective":
        others = {"energy_j": "latency_s", "latency_s": "energy_j", "power_w": "energy_j"}
        certificate["objective"] = others[certificate["objective"]]
    elif kind == "gap":
        certificate["relative_gap"] = random.choice([None, (certificate["relative_gap"] or 0.0) + 1e-6])
    else:
        raw["apps"].append(copy.deepcopy(raw["apps"][0]))
    return True


def _wrong_bound(raw: Json, random: Random) -> bool:
    """Raise the bound above the plan, or lower it without saying so in the gap."""
    certificate = raw["certificate"]
    bound = certificate["lower_bound"]
    certificate["lower_bound"] = random.choice([bound * 1.001, bound * 0.999]) if bound > 0.0 else 1.0
    certificate["relative_gap"] = 0.0
    return bound > 0.0 or raw["total"]["energy_j"] == 0.0


CHANGES: tuple[Change, ...] = (
    _number("apps", "*", "energy_j"),
    _number("apps", "*", "latency_s"),
    _number("apps", "*", "accuracy"),
    _number("apps", "*", "breakdown", "compute_j", whole=("energy_j",)),
    _number("apps", "*", "breakdown", "transfer_j", whole=("energy_j",)),
    _number("apps", "*", "breakdown", "compute_s", whole=("latency_s",)),
    _number("apps", "*", "breakdown", "transfer_s", whole=("latency_s",)),
    _number("apps", "*", "routes", "*", "bits"),
    _number("total", "energy_j"),
    _number("total", "power_w"),
    _number("total", "nodes_used"),
    *(_entry(field, what) for field in ("assignments", "routes") for what in ("drop", "double", "empty")),
    _wrong_block,
    _wrong_node,
    _wrong_path,
    _extra_route,
    _wrong_fraction,
    _wrong_threshold,
    _wrong_name,
    _wrong_status,
    _wrong_bound,
)


def false_placements(true: Json, random: Random, count: int) -> Iterator[Json]:
    """Yield false placements, each a true one with one change.

    Args:
        true: Raw JSON of a placement with a plan that stands before the verifier.
        random: Where choices come from.
        count: How many to try; some changes find nothing to change.
    """
    for _ in range(count):
        raw = copy.deepcopy(true)
        if random.choice(CHANGES)(raw, random) and raw != true:
            yield raw


def false_ones_that_stand(
    documents: Iterable[Json], topology: Topology, pairs: Sequence[tuple[Any, Any]]
) -> list[Json]:
    """Return the false placements in which neither the schema nor the verifier finds a fault.

    Args:
        documents: Raw JSON of placements that are false.
        topology: The topology that they are for.
        pairs: Every app with its model, or its models.
    """
    standing = []
    for raw in documents:
        try:
            held = check_document(raw, Placement)
        except InputError:
            continue
        if not verify(held, topology, pairs):
            standing.append(raw)
    return standing
