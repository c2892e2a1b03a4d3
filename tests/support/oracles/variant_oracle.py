"""The model of cost written anew for apps with variants: every model, batch size, point, placement and route.

It reads raw JSON alone and shares nothing with solvers or the verifier, to be an oracle of both. Packages and designed
operating points are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

Json = dict[str, Any]
SLACK = 1e-9


@dataclass(frozen=True)
class Found:
    """A plan within all limits: which variant it is, and its figures."""

    model: int
    batch: int
    figures: dict[str, float]


class Network:
    """Nodes and directed links of a raw topology without packages."""

    def __init__(self, topology: Json) -> None:
        self.nodes = {node["name"]: node for node in topology["nodes"]}
        self.links: dict[tuple[str, str], Json] = {}
        for link in topology["links"]:
            self.links[link["source"], link["target"]] = link
            if link.get("bidirectional"):
                self.links[link["target"], link["source"]] = link
        self.metrics = topology.get("metrics", [])
        self._routes: dict[tuple[str, str], list[tuple[str, ...]]] = {}

    def all_routes(self, start: str, end: str) -> list[tuple[str, ...]]:
        """Return all simple routes between two nodes, listed once."""
        if (start, end) not in self._routes:
            self._routes[start, end] = self.routes(start, end)
        return self._routes[start, end]

    def routes(self, start: str, end: str, seen: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        """Return all simple routes between two nodes."""
        if start == end:
            return [(*seen, end)]
        found = []
        for source, target in self.links:
            if source == start and target not in (*seen, start):
                found += self.routes(target, end, (*seen, start))
        return found


def plans(app: Json, models: list[Json], topology: Json) -> Iterator[Found]:
    """Yield every plan of every variant that keeps all limits of an app."""
    network = Network(topology)
    least = app.get("min_accuracy")
    if least is None:
        offered = [point.get("accuracy") for model in models for point in model["operating_points"]]
        least = 0.0 if app.get("objective") == "accuracy" else max(value for value in offered if value is not None)
    for index, model in enumerate(models):
        for batch in app.get("batch", [1]):
            for point in model["operating_points"]:
                if point["accuracy"] is None or point["accuracy"] >= least * (1 - SLACK):
                    for figures in _of_point(app, model, batch, point, network):
                        yield Found(index, batch, figures)


def _of_point(app: Json, model: Json, batch: int, point: Json, network: Network) -> Iterator[dict[str, float]]:
    heads = {head["after"]: head for head in model["exits"] if head["name"] in point["exit_fractions"]}
    deepest = max(index for index, block in enumerate(model["blocks"]) if block["name"] in heads)
    blocks = model["blocks"][: deepest + 1]
    allowed = [
        [
            name
            for name in network.nodes
            if name in app.get("pin", {}).get(block["name"], network.nodes)
            and all(
                part_cost(part, network.nodes[name], model, batch) is not None
                for part in (block, heads.get(block["name"]))
                if part is not None
            )
        ]
        for block in blocks
    ]
    for hosts in product(*allowed):
        needs = _needs(app, model, point, blocks, heads, hosts)
        for paths in product(*(network.all_routes(need["from"], need["at"]) for need in needs)):
            figures = _figures(app, model, batch, point, blocks, heads, hosts, needs, paths, network)
            if figures is not None:
                yield figures


def _needs(app: Json, model: Json, point: Json, blocks: list[Json], heads: Json, hosts: tuple[str, ...]) -> list[Json]:
    """List what is carried: for which block or exit, from where to where, its bits and weight."""
    at = {"input": app["source"]} | {block["name"]: host for block, host in zip(blocks, hosts, strict=True)}
    held: dict[tuple[str, str | None], set[str]] = {}
    needs, before, left = [], "input", 0.0
    for block, host in zip(blocks, hosts, strict=True):
        for row in block.get("inputs") or [{"block": before}]:
            key = (row["block"], row.get("tensor"))
            places = held.setdefault(key, {at[row["block"]]})
            if host not in places:
                bits = _bits(model, *key)
                needs.append({"for": block["name"], "from": at[row["block"]], "at": host, "bits": bits,
                              "weight": 1.0 - left})  # fmt: skip
            places.add(host)
        head = heads.get(block["name"])
        left += 0.0 if head is None else point["exit_fractions"][head["name"]]
        before = block["name"]
    for block, host in zip(blocks, hosts, strict=True):
        head = heads.get(block["name"])
        share = 0.0 if head is None else point["exit_fractions"][head["name"]]
        if head is not None and app.get("destination") is not None and share > 0.0:
            needs.append({"for": head["name"], "from": host, "at": app["destination"],
                          "bits": head.get("result_bits", 0.0), "weight": share})  # fmt: skip
    return needs


def _bits(model: Json, producer: str, tensor: str | None) -> float:
    for block in model["blocks"]:
        for row in block.get("inputs") or ():
            if (row["block"], row.get("tensor")) == (producer, tensor) and row.get("bits") is not None:
                return float(row["bits"])
    if producer == "input":
        return float(model["input_bits"])
    return float(next(block["output_bits"] for block in model["blocks"] if block["name"] == producer))


def part_cost(part: Json, node: Json, model: Json, batch: int) -> tuple[float, float] | None:
    """Return seconds and joules of one batch of a block or head on a node; None where it cannot run there."""
    rows = model.get("profiles", {}).get(node.get("hardware"), {})
    time_s = energy_j = None
    if part["name"] in rows:
        entry = rows[part["name"]]
        time_s, energy_j = (_of_batch(entry.get(name), batch) for name in ("time_s", "energy_j"))
        if time_s is None:
            return None
    elif part["ops"] == 0.0 and _only_measured(part["name"], model):
        return None
    else:
        time_s = 0.0 if part["ops"] == 0.0 else batch * part["ops"] / node["ops_per_s"]
    if energy_j is None and node.get("active_power_w") is not None:
        energy_j = node["active_power_w"] * time_s
    elif energy_j is None:
        energy_j = batch * part["ops"] * node["j_per_op"]
    return time_s, energy_j + node.get("static_power_w", 0.0) * time_s


def _only_measured(name: str, model: Json) -> bool:
    """Tell whether no block of a model has operations, and some hardware was measured to need time for a part."""
    if any(block["ops"] > 0.0 for block in model["blocks"]):
        return False
    times = [rows[name]["time_s"] for rows in model.get("profiles", {}).values() if name in rows]
    return any(s > 0.0 for time_s in times for s in (time_s.values() if isinstance(time_s, dict) else [time_s]))


def _of_batch(value: Any, batch: int) -> float | None:
    if isinstance(value, dict):
        return value.get(str(batch))
    return value if batch == 1 else None


def _figures(
    app: Json, model: Json, batch: int, point: Json, blocks: list[Json], heads: Json, hosts: tuple[str, ...],
    needs: list[Json], paths: tuple[tuple[str, ...], ...], network: Network,
) -> dict[str, float] | None:  # fmt: skip
    """Return the figures of a plan, None where it breaks a limit."""
    carried = _carried(batch, needs, paths, network)
    computed = _computed(app, model, batch, point, list(zip(blocks, hosts, strict=True)), heads, carried.way, network)
    metrics = {name: carried.metrics[name] + computed.metrics[name] for name in carried.metrics}
    latency = _statistic(app.get("latency", "worst"), computed.exits)
    energy = carried.energy + computed.energy
    figures = {"energy": energy, "latency": latency, "accuracy": point["accuracy"], **metrics}
    busy, rate = computed.busy, app.get("rate_per_s", 0.0)
    loads = [busy_s / network.nodes[name].get("max_utilization", 1.0) for name, busy_s in busy.items() if busy_s > 0.0]
    figures["bottleneck"] = max([*loads, *carried.air.values()], default=0.0)
    most = {"latency": app.get("max_latency_s"), "energy": app.get("max_energy_j"), **app.get("limits", {})}
    kept = [figures[name] <= limit * (1 + SLACK) for name, limit in most.items() if limit is not None]
    for host, own in computed.memory.items():
        needed = own + computed.working[host] + sum(model["params"][name] for name in computed.params[host])
        kept.append(needed <= network.nodes[host].get("memory_bytes", float("inf")) * (1 + SLACK))
        most_busy = network.nodes[host].get("max_utilization", 1.0)
        kept.append(rate * busy.get(host, 0.0) <= most_busy * (1 + SLACK))
    kept += [rate * load <= 1 + SLACK for load in carried.air.values()]
    return figures if all(kept) else None


@dataclass
class Carried:
    """What the transfers of a plan take."""

    energy: float
    way: dict[str, float]
    """Seconds by the block or exit that something is carried for."""
    air: dict[Any, float]
    """Seconds by medium."""
    metrics: dict[str, float]


def _carried(batch: int, needs: list[Json], paths: tuple[tuple[str, ...], ...], network: Network) -> Carried:
    found = Carried(0.0, {}, {}, dict.fromkeys((metric["name"] for metric in network.metrics), 0.0))
    for need, path in zip(needs, paths, strict=True):
        for pair in pairwise(path):
            link = network.links[pair]
            seconds = link.get("latency_s", 0.0) + batch * need["bits"] / link["bit_per_s"]
            found.way[need["for"]] = found.way.get(need["for"], 0.0) + seconds
            found.energy += need["weight"] * need["bits"] * link.get("j_per_bit", 0.0)
            medium = link.get("medium") or pair
            found.air[medium] = found.air.get(medium, 0.0) + need["weight"] * need["bits"] / link["bit_per_s"]
            for metric in network.metrics:
                for row in metric.get("links", []):
                    if (row["source"], row["target"]) == pair:
                        found.metrics[metric["name"]] += need["weight"] * need["bits"] * row["per_bit"]
    return found


@dataclass
class Computed:
    """What the blocks and heads of a plan take."""

    energy: float
    exits: list[tuple[float, float]]
    """Latency and fraction of samples of each exit that is used."""
    busy: dict[str, float]
    memory: dict[str, float]
    working: dict[str, float]
    params: dict[str, set[str]]
    metrics: dict[str, float]


def _computed(
    app: Json, model: Json, batch: int, point: Json, placed: list[tuple[Json, str]], heads: Json,
    way: dict[str, float], network: Network,
) -> Computed:  # fmt: skip
    found = Computed(0.0, [], {}, {}, {}, {}, dict.fromkeys((metric["name"] for metric in network.metrics), 0.0))
    elapsed, left = (batch - 1) / app["rate_per_s"] if batch > 1 else 0.0, 0.0
    for block, host in placed:
        reach = 0.0 if 1.0 - left < 1e-12 else 1.0 - left
        runs = (1.0 - (1.0 - reach) ** batch) / batch
        head = heads.get(block["name"])
        elapsed += way.get(block["name"], 0.0)
        for part in [block] if head is None else [block, head]:
            cost = part_cost(part, network.nodes[host], model, batch)
            assert cost is not None
            elapsed += cost[0]
            found.energy += runs * cost[1]
            found.busy[host] = found.busy.get(host, 0.0) + runs * cost[0]
            for metric in network.metrics:
                added = metric.get("nodes", {}).get(host, {})
                taken = added.get("per_s", 0.0) * cost[0] + added.get("per_j", 0.0) * cost[1]
                found.metrics[metric["name"]] += runs * taken
            held = part.get("param_bytes", 0.0) + batch * part.get("state_bytes", 0.0)
            found.memory[host] = found.memory.get(host, 0.0) + held
            found.working[host] = max(found.working.get(host, 0.0), batch * part.get("working_bytes", 0.0))
            found.params.setdefault(host, set()).update(part.get("params", ()))
        if head is not None:
            share = point["exit_fractions"][head["name"]]
            if share > 0.0:
                found.exits.append((elapsed + way.get(head["name"], 0.0), share))
            left += share
    return found


def _statistic(kind: str, exits: list[tuple[float, float]]) -> float:
    if kind == "mean":
        return sum(latency * share for latency, share in exits)
    wanted, held = (1.0 if kind == "worst" else float(kind[1:]) / 100.0), 0.0
    for latency, share in sorted(exits):
        held += share
        if kind != "worst" and held >= wanted - SLACK:
            return latency
    return max(latency for latency, _ in exits)


def best(found: list[Found], objective: str) -> float | None:
    """Return the best value of an objective over plans, as methods minimise it; None where there is no plan."""
    values = [
        -plan.figures["accuracy"]
        if objective == "accuracy"
        else plan.figures["bottleneck" if objective == "rate" else objective]
        for plan in found
    ]
    return min(values, default=None)
