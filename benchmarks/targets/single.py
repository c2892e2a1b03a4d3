"""Rows of one app: networks of every shape, many operating points, rates, several limits, reading."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import planner
from benchmarks.fin.designed import EXAMPLES, Designed
from benchmarks.fin.layered import layered
from benchmarks.fin.networks import chain_model, grid, metric_mesh, packages, shaped_instance, star, tree
from benchmarks.fin.scenes import binding_deadline_s, large_instance
from benchmarks.fin.solvers import cspy_labelling, has_cspy, has_pathwyse, pathwyse
from benchmarks.targets.figures import Figure, least_cpu, peak_megabytes
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate
from planner.fin.instance.instance import Instance, build_instance, metric_costs
from planner.fin.instance.metrics import NetworkMetrics
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.maximise.rate import LargestRate
from planner.fin.method import Method, Options
from planner.schemas import App, Model, Topology, check_document, read_document

BLOCKS = 24
_SEED = 1
_PEER_LIMIT_S = 120.0


def _solved(instance: Instance, method: Method | None = None, options: Options | None = None) -> object:
    outcome = (method or Exact()).solve(instance, options or Options())
    if outcome.plan is None:
        message = f"no plan: {outcome.status}"
        raise RuntimeError(message)
    return outcome.plan


def mesh_from_files() -> list[Figure]:
    """Metric mesh of 50 nodes, a model of three exits: the whole `plan()` from files, and reading alone."""
    with tempfile.TemporaryDirectory() as name:
        model, topology = Path(name, "model.json"), Path(name, "topology.json")
        model.write_text(json.dumps(_three_exits()))
        topology.write_text(json.dumps(metric_mesh(50, _SEED)))
        asked: dict[str, Any] = {"model": model, "topology": topology, "min_accuracy": 0.88}
        ends = [planner.plan(**asked, objective=objective).apps[0].latency_s for objective in ("energy", "latency")]
        asked["max_latency_s"] = 0.5 * sum(ends)
        data = topology.read_bytes()
        spent = least_cpu(
            {
                "plan": lambda: planner.plan(**asked),
                "read": lambda: read_document(topology, Topology),
                "json": lambda: json.loads(data),
            },
            15,
        )
    return [
        Figure("metric mesh 24 x 50, three exits: plan() from files", spent["plan"], "s", 0.015),
        Figure("reading and checking its topology, over json.loads", spent["read"] / spent["json"], "times", 3.0),
    ]


def _three_exits() -> dict[str, Any]:
    model = chain_model(BLOCKS, np.random.default_rng(_SEED))
    names = [block["name"] for block in model["blocks"]]
    model["exits"] = [
        {"name": "first", "after": names[BLOCKS // 3 - 1], "ops": 1e7},
        {"name": "second", "after": names[2 * BLOCKS // 3 - 1], "ops": 1e7},
        {"name": "last", "after": names[-1]},
    ]
    fractions = ({"last": 1.0}, {"second": 0.5, "last": 0.5}, {"first": 0.3, "second": 0.3, "last": 0.4})
    model["operating_points"] = [
        {"name": f"p{len(each)}", "exit_fractions": each, "accuracy": 0.91 - 0.01 * len(each)} for each in fractions
    ]
    return model


def mesh_beside_peers() -> list[Figure]:
    """Metric mesh of 50 nodes, one exit: building and search beside the searches of cspy and PathWyse."""
    model = check_document(chain_model(BLOCKS, np.random.default_rng(_SEED)), Model)
    topology = check_document(metric_mesh(50, _SEED), Topology)
    limit_s = shaped_instance(BLOCKS, metric_mesh(50, _SEED), _SEED).limits.latency_s
    app = App(name="app", model=model.name, max_latency_s=limit_s)

    def built() -> Instance:
        return build_instance(app, model, build_network(*expand(topology)))

    instance = built()
    spent = least_cpu({"build": lambda: _solved(built()), "search": lambda: _solved(instance)}, 15)
    found = [
        Figure("metric mesh 24 x 50, one exit: building and search", spent["build"], "s"),
        Figure("the same, search alone", spent["search"], "s"),
    ]
    arcs = layered(built())
    for peer, there, search, target in (
        ("cspy", has_cspy(), cspy_labelling, 200.0), ("PathWyse", has_pathwyse(), pathwyse, None),
    ):  # fmt: skip
        what = f"{peer}'s search over our building and search"
        if there:
            answer = search(arcs, _PEER_LIMIT_S)
            note = "direct links alone" if answer.path is not None else f"no plan in {_PEER_LIMIT_S:g} s"
            found.append(Figure(what, answer.seconds / spent["build"], "times", target, at_least=True, note=note))
        else:
            found.append(Figure(what, None, "times", target, at_least=True, note=f"{peer} is not installed"))
    return found


def shape(what: str, build: Callable[[], Instance], target_s: float, target_mb: float | None = None) -> list[Figure]:
    """One chain on one network: the exact method from the built instance on."""
    instance = build()
    first = least_cpu({"search": lambda: _solved(instance)}, 1)["search"]
    repeats = 15 if first < 0.3 else 3
    spent = min(first, least_cpu({"search": lambda: _solved(instance)}, repeats)["search"])
    found = [Figure(what, spent, "s", target_s)]
    if target_mb is not None:
        found.append(Figure(f"{what}: most memory", peak_megabytes(), "MB", target_mb))
    return found


def star_of_1000() -> list[Figure]:
    """A star."""
    return shape("star of 1,000 nodes", lambda: shaped_instance(BLOCKS, star(1000, _SEED), _SEED), 0.1)


def tree_of_1000() -> list[Figure]:
    """A tree."""
    return shape("tree of 1,000 nodes", lambda: shaped_instance(BLOCKS, tree(1000, _SEED), _SEED), 0.1)


def grid_of_400() -> list[Figure]:
    """A grid."""
    build = lambda: shaped_instance(BLOCKS, grid(20, _SEED), _SEED)  # noqa: E731 - named for its use alone
    return shape("grid 20 x 20 with differing links", build, 0.5)


def five_packages() -> list[Figure]:
    """Chiplets."""
    build = lambda: shaped_instance(BLOCKS, packages(5, 20, _SEED), _SEED)  # noqa: E731 - named for its use alone
    return shape("five packages of 20 x 20", build, 2.0, 200.0)


def mesh_of_400() -> list[Figure]:
    """A full mesh."""
    return shape("full mesh 24 x 400", lambda: large_instance(BLOCKS, 400, _SEED), 0.04)


def mesh_of_1000() -> list[Figure]:
    """A large full mesh."""
    return shape("full mesh 24 x 1000", lambda: large_instance(BLOCKS, 1000, _SEED), 0.109)


def designed_points() -> list[Figure]:
    """Operating points that a measured calibration designs."""
    case = Designed()
    model, _ = read_document(EXAMPLES / case.model, Model)
    network = build_network(*expand(read_document(EXAMPLES / case.topology, Topology)[0]))
    app = App(name="app", model=case.model, min_accuracy=case.min_accuracy, max_latency_s=case.max_latency_s)
    count = build_instance(app, model, network).points.count
    spent = least_cpu({"both": lambda: _solved(build_instance(app, model, network))}, 15)
    return [Figure(f"{count:,} designed points: building and search", spent["both"], "s", 0.008)]


def per_exit_points() -> list[Figure]:
    """Operating points with a threshold per exit."""
    model = check_document(_calibrated(5, 9, np.random.default_rng(0)), Model)
    network = build_network(*expand(check_document(metric_mesh(10, _SEED), Topology)))
    instance = build_instance(App(name="a", model="m", min_accuracy=0.6), model, network, per_exit_thresholds=True)
    instance = instance.with_limits(latency_s=binding_deadline_s(instance))
    return shape(f"{instance.points.count:,} points with a threshold per exit", lambda: instance, 0.5)


def _calibrated(exits: int, thresholds: int, random: np.random.Generator, samples: float = 1e4) -> dict[str, Any]:
    """Return a model whose exits were measured at several thresholds: later exits take more, and are more accurate."""
    blocks = [
        {"name": f"b{index}", "ops": random.uniform(1e8, 5e9), "output_bits": random.uniform(1e5, 4e6)}
        for index in range(2 * exits)
    ]
    counts = {}
    for index in range(exits):
        share = min(1.0, 0.2 + 0.8 * (index + 1) / exits)
        rising = np.linspace(0.02, 1.0, thresholds) ** (1.0 + 1.5 * (exits - 1 - index) / exits)
        exited = np.sort(np.round(rising * share * samples))
        correct = np.maximum.accumulate(
            np.round(exited * np.linspace(0.98, 0.5 + 0.4 * (index + 1) / exits, thresholds))
        )
        if index == exits - 1:
            exited[:], correct[:] = samples, round(0.9 * samples)
        counts[f"e{index}"] = {"exited": exited.tolist(), "correct": np.minimum(correct, exited).tolist()}
    return {
        "schema_version": "1", "name": "m", "input_bits": 4e6, "blocks": blocks,
        "exits": [{"name": f"e{index}", "after": f"b{2 * index + 1}", "ops": 1e6} for index in range(exits)],
        "calibration": {
            "samples": samples, "thresholds": [round(0.1 * index, 3) for index in range(thresholds)], "exits": counts,
        },
    }  # fmt: skip


def largest_rate() -> list[Figure]:
    """The largest sustainable rate on two networks of 50 nodes."""
    found = []
    for what, topology in (("metric mesh", metric_mesh(50, _SEED)), ("star", star(50, _SEED))):
        instance = replace(shaped_instance(BLOCKS, topology, _SEED), minimise="rate")
        spent = least_cpu({"rate": lambda instance=instance: _solved(instance, LargestRate())}, 2)["rate"]
        found.append(Figure(f"objective rate, {what} 24 x 50", spent, "s", 1.0))
    return found


def two_metrics() -> list[Figure]:
    """A deadline and two metrics as limits, beside the deadline alone, on twenty meshes."""
    ratios, solved = {}, 0
    for seed in range(1, 21):
        one, several = _with_metrics(seed)
        works = {"one": lambda one=one: Exact().solve(one, Options()), "two": lambda several=several: _proved(several)}
        spent = least_cpu(works, 3)
        ratios[seed] = spent["two"] / spent["one"]
        solved += _proved(several) == "optimal"
    what = "two metrics as limits, full mesh 24 x 50, over one limit"
    hardest = max(ratios, key=lambda seed: ratios[seed])
    return [
        Figure(f"{what}: median of 20 meshes", float(np.median(list(ratios.values()))), "times", 5.0,
               note=f"{solved} have a plan"),
        Figure(f"{what}: largest of 20 meshes", ratios[hardest], "times", 5.0, note=f"seed {hardest}"),
    ]  # fmt: skip


def _proved(instance: Instance) -> str:
    """Solve an instance, and insist on a proof."""
    status = Exact().solve(instance, Options()).status
    if status not in ("optimal", "infeasible"):
        message = f"no proof: {status}"
        raise RuntimeError(message)
    return status


def _with_metrics(seed: int) -> tuple[Instance, Instance]:
    """Return a mesh with a deadline, and the same with limits midway on a price per second and a factor per joule."""
    instance, random = large_instance(BLOCKS, 50, seed), np.random.default_rng(seed + 100)
    network, nothing = instance.network, np.zeros(50)
    per_s = np.sqrt(network.ops_per_s) / 1e6 * random.uniform(0.5, 1.5, 50)
    per_j = random.uniform(0.2, 1.0, 50)
    figures = (np.stack([per_s, nothing]), np.stack([nothing, per_j]), np.zeros((2, len(network.link_source))))
    network = replace(network, metrics=NetworkMetrics(("price", "carbon"), ("USD", "g"), *figures))
    costs = metric_costs(network, instance.blocks, instance.heads)
    one = replace(instance, network=network, metric_costs=costs)
    frugal = Exact().solve(one, Options()).plan
    limits = {}
    for name in network.metrics.names:
        least = Exact().solve(replace(one, minimise=name), Options()).plan
        if frugal is None or least is None:
            message = "a full mesh always has a plan"
            raise RuntimeError(message)
        limits[name] = 0.5 * (evaluate(one, frugal).metrics[name] + evaluate(one, least).metrics[name])
    return one, replace(one, limits=replace(one.limits, metrics=limits))


def vit_on_chiplets() -> list[Figure]:
    """The example of the first page, from its files."""
    files = {"model": EXAMPLES / "vit.json", "topology": EXAMPLES / "mcm.json"}
    spent = least_cpu({"plan": lambda: planner.plan(**files)}, 10)["plan"]
    return [Figure("examples/vit.json on examples/mcm.json: plan() from files", spent, "s", 0.3)]
