"""Every kind of file that a command reads, with the commands that read it: what mutation tests change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from agents import agents
from command_line import EXAMPLES, run, write
from mutation import Target

SMALL = ("--model", str(EXAMPLES / "small.json"), "--topology", str(EXAMPLES / "small-topology.json"))
SHARED = ("--topology", str(EXAMPLES / "small-shared.json"))
LIMITED = ("--time-limit", "1s")
MODEL, TOPOLOGY = ("--model", "FILE", *SMALL[2:]), (*SMALL[:2], "--topology", "FILE")


def targets(folder: Path) -> list[Target]:
    """Make results to mutate, and return every kind of file with the commands that read it."""
    return [*_inputs(), *_results(folder), *_fleets(folder), *_bundles(folder), *_suites(folder)]


def read(name: str) -> Any:
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def _workload(**further: Any) -> Any:
    """Return the small workload with models that are found from anywhere."""
    apps = read("small-shared.workload.json")
    for app in apps["apps"]:
        app["model"] = str(EXAMPLES / app["model"])
    return apps | further


def _inputs() -> list[Target]:
    metered = ("--topology", str(EXAMPLES / "aws-metered.json"), "--limit", "cost=0.000001")
    batches = ("--topology", str(EXAMPLES / "cameras-and-server.json"), "--rate", "200", "--batch", "1,4,16")
    two, limits = ("--methods", "exact,neurosurgeon"), ("--max-latency", "25ms", "--rate", "3")
    gpus = ("--topology", str(EXAMPLES / "two-gpus.json"), "--source", "cpu", "--objective", "latency")
    edges = ("--topology", str(EXAMPLES / "device-edge-cloud.json"))
    joint = ("plan", "--workload", "FILE", *SHARED)
    return [
        Target("model", read("small.json"), ("plan", *MODEL, *LIMITED), 4),
        Target("calibrated", read("b-alexnet-branchynet.json"), ("plan", *MODEL, *LIMITED)),
        Target("model-limits", read("small.json"), ("plan", *MODEL, *LIMITED, *limits), 2),
        Target("rate", read("small.json"), ("plan", *MODEL, *LIMITED, "--objective", "rate"), 0.5),
        Target("variant", read("small-int8.json"), ("plan", *SMALL[:2], *MODEL, *LIMITED, "--min-accuracy", "0.9")),
        Target("batches", read("small-batches.json"), ("plan", "--model", "FILE", *batches, *LIMITED)),
        Target("metrics", read("efficientnet-b0-aws.json"), ("plan", "--model", "FILE", *metered, *LIMITED), 0.5),
        Target("metered", read("aws-metered.json"), (
            "plan", "--model", str(EXAMPLES / "efficientnet-b0-aws.json"), "--topology", "FILE", *metered[2:], *LIMITED,
        ), 0.5),
        Target("skips", read("inception-3a.json"), ("plan", "--model", "FILE", *edges, *LIMITED)),
        Target("memory", read("mpt-7b.json"), ("plan", "--model", "FILE", *gpus, *LIMITED), 0.2),
        Target("topology", read("small-topology.json"), ("plan", *TOPOLOGY, *LIMITED), 4),
        Target("package", read("mcm.json"), ("plan", *TOPOLOGY, *LIMITED)),
        Target("compare", read("small-topology.json"), ("compare", *TOPOLOGY, *two)),
        Target("pareto", read("small.json"), ("pareto", *MODEL, *LIMITED), 0.5),
        Target("workload", _workload(), (*joint, "--method", "alone", *LIMITED)),
        Target("workload-clear", _workload(), (*joint, *LIMITED), 0.1),
        Target("workload-latency", _workload(objective="latency"), (*joint, "--method", "iao", *LIMITED), 0.3),
    ]  # fmt: skip


def _results(folder: Path) -> list[Target]:
    workload = write(folder / "w.json", _workload())
    states = {
        "schema_version": "1", "name": "s",
        "conditions": [
            {"name": "hot", "nodes": {"phone": {"slow_down": 2.0}}}, {"name": "gone", "lost_nodes": ["cloud"]},
        ],
    }  # fmt: skip
    made = {
        "plan": ("plan", *SMALL), "joint": ("plan", "--workload", workload, *SHARED), "front": ("pareto", *SMALL),
        "policy": ("adapt", EXAMPLES / "synthetic-phone.designs.json"),
    }  # fmt: skip
    for name, words in made.items():
        assert run(*words, "-o", folder / f"{name}.json").code == 0
    plan, joint, front, policy = (json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in made)
    for name in ("small.json", "small-topology.json"):
        shutil.copy(EXAMPLES / name, folder / name)
    trace = "\n".join((EXAMPLES / "synthetic-phone.trace.csv").read_text(encoding="utf-8").splitlines()[:30])
    return [
        Target("plan", plan, ("check", "FILE", *SMALL), 4),
        Target("plan-alone", plan, ("check", "FILE")),
        Target("joint", joint, ("check", "FILE", "--workload", str(workload), *SHARED), 2),
        Target("page", plan, ("report", "FILE", *SMALL, "-o", "OUT"), 0.5),
        Target("front", front, ("report", "FILE", "-o", "OUT"), 0.5),
        Target("designs", read("synthetic-phone.designs.json"), ("adapt", "FILE")),
        Target("policy", policy, ("replay", "FILE", str(EXAMPLES / "synthetic-phone.trace.csv"))),
        Target("trace", trace, ("replay", str(folder / "policy.json"), "FILE"), 1, "mutated.csv"),
        Target("states", states, ("adapt", *SMALL, "--states", "FILE", *LIMITED), 0.5),
    ]


def _fleets(folder: Path) -> list[Target]:
    city = EXAMPLES / "city"
    for name in ("fleet", "classes", "attach"):
        shutil.copytree(city, folder / f"city-{name}")
    for name in ("vit.json", "b-alexnet-branchynet.json"):
        shutil.copy(EXAMPLES / name, folder / name)
    topology = ("--topology", str(city / "topology.json"))
    assert run("fleet", city / "fleet.json", *topology, "-o", folder / "fleet.json").code == 0
    placement = json.loads((folder / "fleet.json").read_text(encoding="utf-8"))
    table = {name: (city / f"{name}.csv").read_text(encoding="utf-8") for name in ("classes", "attach")}
    of_table = ("fleet", "FOLDER/fleet.json", *topology, *LIMITED)
    return [
        Target("fleet", read("city/fleet.json"), ("fleet", "FILE", *topology, *LIMITED), 0.3, "city-fleet/fleet.json"),
        Target("classes", table["classes"], of_table, 0.3, "city-classes/classes.csv"),
        Target("attach", table["attach"], of_table, 0.2, "city-attach/attach.csv"),
        Target("fleet-topology", read("city/topology.json"), (
            "fleet", str(city / "fleet.json"), "--topology", "FILE", *LIMITED,
        ), 0.3),
        Target("fleet-plan", placement, ("check", "FILE", "--fleet", str(city / "fleet.json"), *topology), 2),
        Target("fleet-again", placement, (
            "fleet", str(city / "fleet.json"), *topology, *LIMITED, "--from", "FILE",
        ), 0.2),
    ]  # fmt: skip


def _bundles(folder: Path) -> list[Target]:
    digits, net = EXAMPLES / "digits", folder / "net"
    data = ("--data", str(digits / "held-out.npz"), "--samples", "20", "--timeout", "100ms")
    topology = read("digits/topology.json")
    for node, speed in zip(topology["nodes"], (1e8, 1e9, 1e10), strict=True):
        del node["hardware"]
        node.update(ops_per_s=speed, j_per_op=1e-9)
    on = ("--topology", str(write(folder / "digits.json", topology)))
    calibration = ("--data", digits / "calibration.npz")
    assert run("import", digits / "digits.onnx", "-o", net, "--exits", "early,middle", *calibration).code == 0
    assert run("plan", "--model", net, *on, "--source", "phone", "-o", folder / "digits-plan.json").code == 0
    assert run("split", net, folder / "digits-plan.json", "-o", folder / "pieces").code == 0
    with agents() as addresses:
        nodes = ("--nodes", str(write(folder / "nodes.json", addresses)))
        assert run("run", folder / "pieces", *nodes, *data, *on, "-o", folder / "run.json").code == 0
    for name in ("model", "cuts"):
        shutil.copytree(net, folder / f"net-{name}")
    held = {path: json.loads((folder / path).read_text(encoding="utf-8")) for path in (
        "net/model.json", "net/cuts.json", "pieces/manifest.json", "nodes.json", "run.json",
    )}  # fmt: skip
    plan = ("plan", "--model", "FOLDER", *on, *LIMITED)
    layers = "name,time_s,output_bits,energy_j\ninput,,1e6,\na,0.001,2e5,0.002\nb,0.002,1e4,0.001\nc,0.004,320,0.004\n"
    return [
        Target("bundle-model", held["net/model.json"], plan, 0.5, "net-model/model.json"),
        Target("bundle-cuts", held["net/cuts.json"], plan, 0.5, "net-cuts/cuts.json"),
        Target("cuts-split", held["net/cuts.json"], (
            "split", "FOLDER", str(folder / "digits-plan.json"), "-o", "NEW",
        ), 0.2, "net-cuts/cuts.json"),
        Target("onnx", (digits / "digits.onnx").read_bytes(), ("import", "FILE", "-o", "NEW"), 0.3, "mutated.onnx"),
        Target("layers", layers, ("import", "FILE", "--csv", "-o", "NEW"), 0.5, "layers.csv"),
        # nobody listens any more: a manifest that is right ends in the message that says so
        Target("manifest", held["pieces/manifest.json"], ("run", "FOLDER", *nodes, *data), 0.3, "pieces/manifest.json"),
        Target("nodes", held["nodes.json"], ("run", str(folder / "pieces"), "--nodes", "FILE", *data), 0.3),
        Target("run", held["run.json"], ("report", "FILE", "-o", "OUT"), 0.5),
        Target("calibrate", held["run.json"], ("calibrate", "FILE", "--model", str(net), *on, "-o", "NEW"), 0.5),
    ]  # fmt: skip


def _suites(folder: Path) -> list[Target]:
    suite = f"""schema_version = "1"
name = "s"
case_limit_s = 1
[fixed]
model = "{EXAMPLES}/small.json"
topology = "{EXAMPLES}/small-topology.json"
[axes]
method = ["exact"]
max_latency_s = [0.02, 0.025]
"""
    return [Target("suite", suite, ("bench", "FILE", "-o", "NEW", "--jobs", "1"), 0.2, "mutated.toml")]
