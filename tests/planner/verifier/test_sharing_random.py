"""The verifier on random plans with shares, against a naive evaluator that follows the samples of each exit.

A sample of exit e runs every block and head up to e, and pays for every transfer on its way; what a plan costs is the
mean over exits. That is another sum than the verifier's, which weighs blocks and transfers by the samples they see.
"""

from __future__ import annotations

import copy
from itertools import pairwise
from random import Random

import pytest
from edits import changed, whats
from hypothesis import assume, given
from hypothesis import strategies as st

from planner.schemas import Model, Placement, Topology, Workload, check_document
from planner.verifier.verify import verify


class Scene:
    """A random topology, apps with a model each, and decisions without figures, as raw documents."""

    def __init__(self, r: Random) -> None:
        self.nodes = [random_node(r, index) for index in range(r.randint(2, 4))]
        names = [node["name"] for node in self.nodes]
        self.links = [
            {
                "source": a, "target": b, "bit_per_s": r.uniform(1, 9), "latency_s": r.choice([0.0, 0.3]),
                "j_per_bit": r.uniform(0, 1), **({"medium": r.choice("xy")} if r.random() < 0.5 else {}),
            }
            for a in names for b in names if a != b
        ]  # fmt: skip
        self.speeds = {
            node["name"]: r.uniform(node["speed"]["min"], node["speed"]["max"])
            for node in self.nodes
            if "speed" in node
        }
        self.apps = [random_app(r, index, names) for index in range(r.randint(2, 3))]
        self.share_out(r)

    def share_out(self, r: Random) -> None:
        """Give every app a share of all that it uses; together at most what there is."""
        most = {node["name"]: node["max_utilization"] for node in self.nodes}
        for kind in ("nodes", "media"):
            weights = [{name: r.uniform(0.2, 1) for name in self.used(app)[kind]} for app in self.apps]
            for app, mine in zip(self.apps, weights, strict=True):
                app[kind] = {
                    name: most.get(name, 1.0) * weight / sum(other.get(name, 0.0) for other in weights)
                    for name, weight in mine.items()
                }

    def used(self, app):
        """The nodes that host a block of an app, and the media that its routes lead over, in order."""
        hops = [hop for path in app["paths"].values() for hop in pairwise(path)]
        media = [medium_of(self.link(*hop)) for hop in hops]
        return {"nodes": list(dict.fromkeys(app["hosts"])), "media": list(dict.fromkeys(media))}

    def link(self, a, b):
        return next(link for link in self.links if (link["source"], link["target"]) == (a, b))

    def node(self, name):
        return next(node for node in self.nodes if node["name"] == name)


def medium_of(link):
    return link.get("medium") or f"{link['source']}->{link['target']}"


def random_node(r, index):
    node = {
        "name": f"n{index}", "ops_per_s": r.uniform(1, 10), "max_utilization": r.choice([0.7, 1.0]),
        "static_power_w": r.choice([0.0, 1.0]), "idle_power_w": r.choice([0.0, 2.0]),
    }  # fmt: skip
    node |= {"j_per_op": r.uniform(0.1, 2)} if r.random() < 0.5 else {"active_power_w": r.uniform(0.1, 5)}
    if r.random() < 0.3:
        node["hardware"] = "h"
    if r.random() < 0.6:
        node["speed"] = {"min": r.uniform(0.2, 1.0), "max": r.uniform(1.0, 1.5)}
    return node


def random_app(r, index, names):
    depth = r.randint(1, 3)
    blocks = [
        {"name": f"b{at}", "ops": r.uniform(0.1, 5), "param_bytes": r.randint(0, 5), "output_bits": r.uniform(0, 4)}
        for at in range(depth)
    ]
    behind = sorted({depth - 1, *r.sample(range(depth), r.randint(0, depth))})
    heads = [
        {"name": f"e{at}", "after": f"b{at}", "ops": r.choice([0.0, 0.5]), "param_bytes": 1, "result_bits": 2.0}
        for at in behind
    ]
    weights = [r.randint(1, 4) for _ in heads]
    source, destination = r.choice(names), r.choice([None, *names])
    hosts = [r.choice(names) for _ in blocks]
    ends = {(None, None): (source, hosts[0])}
    ends |= {(f"b{at}", None): (hosts[at], hosts[at + 1]) for at in range(depth - 1)}
    if destination is not None:
        ends |= {(f"b{at}", f"e{at}"): (hosts[at], destination) for at in behind}
    paths = {}
    for cargo, (a, b) in ends.items():
        between = [name for name in names if name not in (a, b)]
        paths[cargo] = [a, *(r.sample(between, 1) if between and r.random() < 0.4 else []), b] if a != b else [a]
    return {
        "name": f"app{index}", "source": source, "destination": destination, "hosts": hosts, "paths": paths,
        "latency": r.choice(["worst", "mean", "p30", "p80"]),
        "input_bits": r.uniform(0, 4), "blocks": blocks, "heads": heads,
        "fractions": [weight / sum(weights) for weight in weights],
        "profile": {row["name"]: r.uniform(0.1, 2) for row in blocks if r.random() < 0.5},
    }  # fmt: skip


# the naive evaluator ------------------------------------------------------------------------------


def part_of(scene, app, row, at):
    """Seconds of one block or head as the app sees it, seconds that its node is busy, and joules."""
    node = scene.node(app["hosts"][at])
    seconds = row["ops"] / node["ops_per_s"]
    if "hardware" in node:
        seconds = app["profile"].get(row["name"], seconds)
    joules = node["active_power_w"] * seconds if "active_power_w" in node else row["ops"] * node["j_per_op"]
    speed = scene.speeds.get(node["name"], 1.0)
    busy = seconds / speed
    return busy / app["nodes"][node["name"]], busy, joules * speed**2 + node["static_power_w"] * busy


def follow(scene, app, position):
    """What a sample of one exit takes: seconds and joules of computing and transfers, loads of nodes and media."""
    head = app["heads"][position]
    last = int(head["after"][1:])
    compute_s = transfer_s = compute_j = transfer_j = 0.0
    nodes, media = dict.fromkeys(app["nodes"], 0.0), dict.fromkeys(app["media"], 0.0)
    rows = [(app["blocks"][at], at) for at in range(last + 1)]
    rows += [(other, int(other["after"][1:])) for other in app["heads"][: position + 1]]
    for row, at in rows:
        seconds, busy, joules = part_of(scene, app, row, at)
        compute_s, compute_j = compute_s + seconds, compute_j + joules
        nodes[app["hosts"][at]] += busy
    cargoes = [(None, None), *((f"b{at}", None) for at in range(last)), (f"b{last}", head["name"])]
    for cargo in cargoes:
        path = app["paths"].get(cargo, [])
        for hop in pairwise(path):
            link = scene.link(*hop)
            medium, bits = medium_of(link), bits_of(app, cargo)
            media[medium] += bits / link["bit_per_s"]
            transfer_s += link["latency_s"] + bits / (link["bit_per_s"] * app["media"][medium])
            transfer_j += bits * link["j_per_bit"]
    return compute_s, transfer_s, compute_j, transfer_j, nodes, media


def bits_of(app, cargo):
    after, result_of = cargo
    if result_of is not None:
        return 2.0
    return app["input_bits"] if after is None else app["blocks"][int(after[1:])]["output_bits"]


def evaluate(scene, app):
    """Everything that a plan claims of an app, and its loads per inference."""
    ways = [follow(scene, app, position) for position in range(len(app["heads"]))]
    weighed = list(zip(app["fractions"], ways, strict=True))

    def mean(index):
        return sum(fraction * way[index] for fraction, way in weighed)

    if app["latency"] == "mean":
        compute_s, transfer_s = mean(0), mean(1)
    else:
        wanted = 1.0 if app["latency"] == "worst" else int(app["latency"][1:]) / 100
        in_time = sorted(way[0] + way[1] for way in ways)
        enough = [t for t in in_time if sum(q for q, way in weighed if way[0] + way[1] <= t) >= wanted - 1e-9]
        compute_s, transfer_s = next(way[:2] for way in ways if way[0] + way[1] == enough[0])
    loads = {
        kind: {name: sum(q * way[index][name] for q, way in weighed) for name in app[kind]}
        for kind, index in (("nodes", 4), ("media", 5))
    }
    parts = {"compute_j": mean(2), "transfer_j": mean(3), "compute_s": compute_s, "transfer_s": transfer_s}
    return parts, loads


# documents ----------------------------------------------------------------------------------------


def rate_of(app, loads):
    """A rate that every queue serves, with a little to spare."""
    most = [app[kind][name] / load for kind in ("nodes", "media") for name, load in loads[kind].items() if load > 0]
    return 0.99 * min(most)


def documents(scene, rates=None):
    """The files of a scene and its plan, with all claims true and all limits just met."""
    plans, requests, models, power_w = [], [], [], 0.0
    for index, app in enumerate(scene.apps):
        parts, loads = evaluate(scene, app)
        rate = rate_of(app, loads) if rates is None else rates[index]
        energy_j = parts["compute_j"] + parts["transfer_j"]
        latency_s = parts["compute_s"] + parts["transfer_s"]
        power_w += rate * energy_j
        plans.append(plan_of(app, parts, energy_j, latency_s))
        requests.append({
            "name": app["name"], "model": "net", "source": app["source"], "destination": app["destination"],
            "rate_per_s": rate, "latency": app["latency"], "max_latency_s": latency_s, "max_energy_j": energy_j,
        })  # fmt: skip
        models.append(model_of(app))
    used = sorted({name for app in scene.apps for name in app["hosts"]})
    power_w += sum(scene.node(name)["idle_power_w"] for name in used)
    placement = {
        "schema_version": "1", "status": "optimal", "apps": plans, "node_speeds": scene.speeds,
        "total": {
            "energy_j": sum(plan["energy_j"] for plan in plans), "power_w": power_w, "nodes_used": len(used),
            "node_share_sum": sum(sum(app["nodes"].values()) for app in scene.apps),
            "media_share_sum": sum(sum(app["media"].values()) for app in scene.apps),
        },
        "certificate": {"lower_bound": power_w, "relative_gap": 0.0, "objective": "power_w"},
    }  # fmt: skip
    topology = {"schema_version": "1", "name": "t", "nodes": memory_of(scene), "links": scene.links}
    return placement, topology, {"schema_version": "1", "apps": requests}, models


def plan_of(app, parts, energy_j, latency_s):
    routes = [
        {"after": after, "result_of": result_of, "path": path, "bits": bits_of(app, (after, result_of))}
        for (after, result_of), path in app["paths"].items()
        if len(path) > 1
    ]
    return {
        "name": app["name"], "operating_point": "all", "routes": routes, "accuracy": 0.9,
        "exit_fractions": {head["name"]: q for head, q in zip(app["heads"], app["fractions"], strict=True)},
        "assignments": [{"block": f"b{at}", "node": node} for at, node in enumerate(app["hosts"])],
        "shares": {"nodes": app["nodes"], "media": app["media"]},
        "energy_j": energy_j, "latency_s": latency_s, "breakdown": parts,
    }  # fmt: skip


def model_of(app):
    fractions = {head["name"]: q for head, q in zip(app["heads"], app["fractions"], strict=True)}
    return {
        "schema_version": "1", "name": "net", "input_bits": app["input_bits"], "blocks": app["blocks"],
        "exits": app["heads"], "profiles": {"h": {name: {"time_s": time} for name, time in app["profile"].items()}},
        "operating_points": [{"name": "all", "exit_fractions": fractions, "accuracy": 0.9}],
    }  # fmt: skip


def memory_of(scene):
    """The nodes, each with just the memory that the plan needs."""
    needed = {node["name"]: 0.0 for node in scene.nodes}
    for app in scene.apps:
        for at, host in enumerate(app["hosts"]):
            heads = [head for head in app["heads"] if head["after"] == f"b{at}"]
            needed[host] += app["blocks"][at]["param_bytes"] + len(heads)
    return [{**node, "memory_bytes": needed[node["name"]]} for node in scene.nodes]


def found_in(placement, topology, workload, models):
    apps = check_document(copy.deepcopy(workload), Workload).apps
    nets = [check_document(copy.deepcopy(model), Model) for model in models]
    nodes = check_document(copy.deepcopy(topology), Topology)
    return verify(check_document(copy.deepcopy(placement), Placement), nodes, list(zip(apps, nets, strict=True)))


# properties ---------------------------------------------------------------------------------------


@given(st.randoms(use_true_random=False))
def test_a_true_plan_stands(r: Random):
    assert found_in(*documents(Scene(r))) == []


CLAIMS = ("energy_j", "latency_s", "breakdown.compute_j", "breakdown.transfer_j", "breakdown.compute_s")
TOTALS = ("energy_j", "power_w", "node_share_sum", "media_share_sum")


@given(st.randoms(use_true_random=False), st.sampled_from([*CLAIMS, *(f"total.{name}" for name in TOTALS)]))
def test_a_false_claim_is_found(r: Random, claim: str):
    placement, *files = documents(Scene(r))
    path = claim if claim.startswith("total") else f"apps.{r.randrange(len(placement['apps']))}.{claim}"
    target = placement
    for key in path.split("."):
        target = target[int(key)] if isinstance(target, list) else target[key]
    wrong = changed(placement, {path: target * r.choice([0.9999, 1.0001]) + 1e-6})
    assert whats(found_in(wrong, *files)) == [claim]


@given(st.randoms(use_true_random=False), st.sampled_from(["max_latency_s", "max_energy_j"]))
def test_a_limit_that_does_not_hold_is_found(r: Random, limit: str):
    placement, topology, workload, models = documents(Scene(r))
    index = r.randrange(len(workload["apps"]))
    tight = changed(workload, {f"apps.{index}.{limit}": workload["apps"][index][limit] * 0.9999})
    (found,) = found_in(placement, topology, tight, models)
    assert (found.app, found.what) == (f"app{index}", limit)


@given(st.randoms(use_true_random=False))
def test_a_queue_that_grows_for_ever_is_found(r: Random):
    scene = Scene(r)
    index = r.randrange(len(scene.apps))
    rates = [rate_of(app, evaluate(scene, app)[1]) for app in scene.apps]
    rates[index] *= 1.02
    found = found_in(*documents(scene, rates))
    assert found
    assert {(each.app, each.what) for each in found} == {(f"app{index}", "stability")}


@pytest.mark.slow
@given(st.randoms(use_true_random=False), st.sampled_from(["nodes", "media"]))
def test_more_than_there_is_cannot_be_shared_out(r: Random, kind: str):
    scene = Scene(r)
    users = [app for app in scene.apps if app[kind]]
    assume(users)
    name = r.choice(sorted(r.choice(users)[kind]))
    most = scene.node(name)["max_utilization"] if kind == "nodes" else 1.0
    for app in scene.apps:
        if name in app[kind]:
            app[kind][name] *= 1.001
    assume(all(app[kind].get(name, 0.0) <= 1.0 for app in scene.apps))  # no file can hold more
    (found,) = found_in(*documents(scene))
    assert found.what == ("max_utilization" if kind == "nodes" else "medium_utilization")
    assert found.recomputed == pytest.approx(1.001 * most)
    assert name in found.message


@given(st.randoms(use_true_random=False))
def test_a_speed_outside_the_range_is_found(r: Random):
    scene = Scene(r)
    assume(scene.speeds)
    name = r.choice(sorted(scene.speeds))
    at = r.choice(["min", "max"])
    scene.speeds[name] = scene.node(name)["speed"][at] * {"min": 0.999, "max": 1.001}[at]
    (found,) = found_in(*documents(scene))
    assert found.what == "node_speeds"
    assert name in found.message


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
def test_too_little_memory_is_found(r: Random):
    placement, topology, workload, models = documents(Scene(r))
    used = [index for index, node in enumerate(topology["nodes"]) if node["memory_bytes"] >= 1]
    index = r.choice(used)  # the last exit's head alone takes one byte
    tight = changed(topology, {f"nodes.{index}.memory_bytes": topology["nodes"][index]["memory_bytes"] - 0.5})
    (found,) = found_in(placement, tight, workload, models)
    assert found.what == "memory_bytes"
    assert found.message.startswith(f"n{index} ")
