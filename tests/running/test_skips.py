"""Networks with skips over several agents: tensors on their own routes, results equal bit by bit, nothing left over."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from agents import NODES, serving, topology
from command_line import run
from onnx_builder import save
from onnx_networks import DIMS, EXITS, SMALL, exits_with_skips, unet

from planner import InputError, Topology, plan
from planner.running.agents.agent import Agent
from planner.running.agents.coordinator import Coordinator
from planner.running.agents.errors import RunFailedError
from planner.running.agents.held import HeldSamples
from planner.running.agents.outcome import Outcome, RunOptions
from planner.running.agents.protocol import Message, MessageError
from planner.running.agents.transport import send
from planner.running.graph.bundle import Bundle, write_bundle
from planner.running.graph.importing import import_onnx
from planner.running.graph.options import ImportOptions
from planner.running.network.sessions import execute, random_inputs, session
from planner.running.pieces.hops import plan_hops
from planner.running.pieces.links import link_table
from planner.running.pieces.reading import Pieces, read_pieces
from planner.running.pieces.splitting import PlanToSplit, split_plans, write_pieces
from planner.running.results.prediction import predict
from planner.running.results.record import Planned, record
from planner.schemas import check_document
from planner.schemas.planning.placement import AppPlacement

zmq = pytest.importorskip("zmq")
BRANCHED = ("unet", "inception", "resnet", "two-inputs", "branching", "exits-skips", "bert")


def imported(name: str, folder: Path, **options: Any) -> Bundle:
    path = save(SMALL[name](), folder / "n.onnx")
    chosen = {"dims": DIMS.get(name, {}), "exits": EXITS.get(name, ()), "cuts": "any", "accuracy": 0.5}
    return import_onnx(path, ImportOptions(**{**chosen, **options}))  # type: ignore[arg-type] # options by name


def placed(bundle: Bundle, nodes: Sequence[str], thresholds: dict[str, float | None] | None = None) -> AppPlacement:
    """Return a plan with given nodes, repeated over the blocks, and without routes: all of them direct."""
    last = bundle.model.exits[-1].name
    on = {last: 1.0} if thresholds is None else {name: 1.0 / len(thresholds) for name in thresholds}
    figures = {"energy_j": 0.0, "latency_s": 0.0, "accuracy": 0.5}
    raw = {
        "name": "app",
        "operating_point": "full",
        "exit_fractions": on,
        "thresholds": thresholds,
        "assignments": [
            {"block": block.name, "node": nodes[index % len(nodes)]} for index, block in enumerate(bundle.model.blocks)
        ],
        **figures,
        "breakdown": {"compute_j": 0.0, "transfer_j": 0.0, "compute_s": 0.0, "transfer_s": 0.0},
    }
    return check_document(raw, AppPlacement)


def split(folder: Path, bundle: Bundle, plan: AppPlacement) -> Pieces:
    _, files = split_plans([PlanToSplit("app", bundle, plan)], "sha256:" + "0" * 64)
    write_pieces(files, folder / "pieces")
    return read_pieces(folder / "pieces")


def executed(held: Pieces, agents: dict[str, Agent], inputs: Sequence[Any], **options: Any) -> list[Outcome]:
    addresses = {name: agent.address for name, agent in agents.items()}
    with Coordinator(held, addresses, RunOptions(in_flight=4, **options)) as coordinator:
        outcomes = coordinator.run(inputs)
        held_samples = [each.samples for agent in agents.values() for each in agent._runs.values()]
        waiting_until = time.monotonic() + 20
        while any(map(len, held_samples)) and time.monotonic() < waiting_until:
            time.sleep(0.01)  # the last result is here before the last tensor is dropped elsewhere
        assert not any(each.held_bytes for each in held_samples), "no tensor is left over"
    return sorted(outcomes, key=lambda outcome: outcome.sample)


def check_results(bundle: Bundle, inputs: Sequence[Any], outcomes: Sequence[Outcome]) -> None:
    whole = session(bundle.graph, "whole", "off")
    assert [outcome.sample for outcome in outcomes] == list(range(len(inputs)))
    for feeds, outcome in zip(inputs, outcomes, strict=True):
        names = list(outcome.outputs)
        for name, value in zip(names, execute(whole, names, feeds, "whole"), strict=True):
            assert np.array_equal(outcome.outputs[name], value), name


@pytest.mark.parametrize("name", BRANCHED)
@pytest.mark.parametrize("nodes", [("phone", "edge", "cloud"), ("edge", "cloud", "edge", "phone", "phone")])
def test_results_are_equal_bit_by_bit(name: str, nodes: Sequence[str], tmp_path: Path) -> None:
    bundle = imported(name, tmp_path)
    held = split(tmp_path, bundle, placed(bundle, nodes))
    (held_plan,) = held.manifest.plans
    assert held_plan.check.bit_equal
    assert (held_plan.transfers is None) == (name in ("bert",) and all(b.inputs is None for b in bundle.model.blocks))
    inputs = [random_inputs(bundle.cuts.inputs, seed) for seed in range(5)]
    with serving(optimisation="off") as agents:
        check_results(bundle, inputs, executed(held, agents, inputs))


@pytest.mark.parametrize("seed", range(4))
def test_results_are_equal_bit_by_bit_wherever_blocks_stand(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    with serving(optimisation="off") as agents:
        for name in ("unet", "inception", "exits-skips"):
            bundle = imported(name, tmp_path)
            nodes = [str(node) for node in random.choice(NODES, len(bundle.model.blocks))]
            held = split(tmp_path / name, bundle, placed(bundle, nodes))
            inputs = [random_inputs(bundle.cuts.inputs, 10 * seed + each) for each in range(2)]
            check_results(bundle, inputs, executed(held, agents, inputs))


def test_samples_that_leave_take_their_held_tensors_along(tmp_path: Path) -> None:
    """Skips pass both exits: they are sent for samples that go on, and dropped for those that left."""
    bundle = imported("exits-skips", tmp_path, blocks=3)
    assert len(bundle.model.blocks) == 3
    inputs = [random_inputs(bundle.cuts.inputs, seed) for seed in range(40)]
    whole = session(bundle.graph, "whole", "off")

    def sure(name: str) -> np.ndarray[Any, Any]:
        scores = np.array([execute(whole, [name], feeds, "whole")[0][0] for feeds in inputs])
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(shares.max(axis=1) / shares.sum(axis=1))

    bounds = {"early": float(np.median(sure("early"))), "late": float(np.median(sure("late")))}
    expected = [
        "early" if early >= bounds["early"] else "late" if late >= bounds["late"] else "y"
        for early, late in zip(sure("early"), sure("late"), strict=True)
    ]
    assert set(Counter(expected)) == {"early", "late", "y"}
    plan = placed(bundle, ["phone", "edge", "cloud"], {**bounds, "y": None})
    held = split(tmp_path, bundle, plan)
    flow = plan_hops(held.manifest.plans[0])
    gates = {(hop.after, hop.to): hop.gate for hop in flow.hops}
    assert gates[-1, 2] == 1, "the gain waits at the source for the second exit"
    assert gates[0, 2] == 1, "and the outer skip at the node that made it"
    with serving(optimisation="off") as agents:
        outcomes = executed(held, agents, inputs)
    assert [outcome.exit for outcome in outcomes] == expected
    check_results(bundle, inputs, outcomes)
    sent = Counter(int(number) for outcome in outcomes for number, _, _ in outcome.moved)
    reached = [40, 40 - expected.count("early"), expected.count("y")]
    assert [sent[hop.number] for hop in flow.hops] == [reached[hop.to] for hop in flow.hops]


def test_memory_for_samples_under_way_is_bounded(tmp_path: Path) -> None:
    bundle = imported("unet", tmp_path)
    held = split(tmp_path, bundle, placed(bundle, ["phone", "edge", "cloud"]))
    inputs = [random_inputs(bundle.cuts.inputs, 0)]
    with (
        serving(most_waiting_bytes=50_000) as agents,
        pytest.raises(RunFailedError, match="under way have more than 50 kB"),
    ):
        executed(held, agents, inputs)


def test_held_samples_count_their_bytes_and_forget() -> None:
    samples = HeldSamples(10_000)
    assert samples.put(1, {"a": np.zeros(500), "b": np.zeros(10, np.int8)}) is not None
    samples.put(1, {"a": np.zeros(10)})
    assert samples.held_bytes == 2000 + 80 + 10
    samples.keep(1, {"b"})
    assert samples.held_bytes == 2000 + 10
    samples.forget(1)
    assert samples.put(1, {"a": np.zeros(5)}) is None
    assert (len(samples), samples.held_bytes) == (0, 0)
    with pytest.raises(MessageError, match="more than"):
        samples.put(2, {"a": np.zeros(2000)})


@pytest.mark.parametrize("name", ["unet", "inception", "exits-skips", "two-inputs", "resnet"])
def test_the_predicted_latency_is_that_of_the_plan(name: str, tmp_path: Path) -> None:
    """The planner's own model of cost is the oracle, results to the source included."""
    bundle = imported(name, tmp_path)
    random = np.random.default_rng(len(name))
    for _ in range(3):
        network = random_topology(random)
        pins = {block.name: [str(random.choice(NODES))] for block in bundle.model.blocks[1::3]}
        found = plan(bundle.model, network, source="phone", destination="phone", objective="latency", pin=pins)
        held = split(tmp_path / "p", bundle, found.apps[0])
        (held_plan,) = held.manifest.plans
        predicted = predict(plan_hops(held_plan), bundle.model, network, found.apps[0].exit_fractions)
        (latency_s,) = predicted.exits_s.values()
        assert latency_s == pytest.approx(found.apps[0].latency_s, rel=1e-9)


def random_topology(random: np.random.Generator) -> Topology:
    nodes = [{"name": name, "ops_per_s": float(random.uniform(1e8, 1e10)), "j_per_op": 1e-9} for name in NODES]
    links = [
        {"source": one, "target": two, "bit_per_s": float(random.uniform(1e6, 1e8)), "latency_s": 0.001}
        for one in NODES
        for two in NODES
        if one != two and {one, two} != {"phone", "cloud"}
    ]
    return check_document({"schema_version": "1", "name": "t", "nodes": nodes, "links": links}, Topology)


def test_transfers_take_their_emulated_time_and_stand_in_the_record(tmp_path: Path) -> None:
    bundle = imported("unet", tmp_path)
    held = split(tmp_path, bundle, placed(bundle, ["phone", "edge", "phone", "edge", "phone"]))
    network = topology(rate=2e7, latency=0.002)
    inputs = [random_inputs(bundle.cuts.inputs, 0)] * 5
    with serving() as agents:
        addresses = {name: agent.address for name, agent in agents.items()}
        with Coordinator(held, addresses, RunOptions(links=link_table(network))) as coordinator:
            outcomes = coordinator.run(inputs)
            found = record(held, coordinator, outcomes, None, Planned(network), 1.0)
    (done,) = found.plans
    skips = [(hop.after, hop.to) for hop in done.hops]
    assert ("block2", "block4") not in skips, "both stand on the edge"
    assert [hop.to for hop in done.hops] == ["block2", "block3", "block4", "block5"]
    for hop in done.hops:
        assert hop.messages == 5
        assert hop.predicted_s == pytest.approx(0.002 + hop.bits / 2e7)
        assert hop.median_s is not None
        assert hop.predicted_s * 0.999 <= hop.median_s
    assert sum(step.time_s for step in done.predicted_timeline) == pytest.approx(done.latency.predicted_s)


def test_three_processes_compute_what_the_whole_does(tmp_path: Path) -> None:
    """As a user would: import, plan, split and run, with agents as processes of their own."""
    net = save(unet(), tmp_path / "u.onnx")
    data = np.random.default_rng(1).standard_normal((6, 3, 32, 32)).astype(np.float32)
    np.savez(tmp_path / "x.npz", inputs=data)
    (tmp_path / "t.json").write_text(topology(rate=1e9).model_dump_json(), encoding="utf-8")
    assert run("import", net, "-o", tmp_path / "net", "--accuracy", "0.9").code == 0
    pins = [f"--pin=block{number}={node}" for number, node in ((1, "phone"), (2, "edge"), (3, "cloud"))]
    arguments = ("--topology", tmp_path / "t.json", "--source", "phone", "--destination", "phone")
    planned = run("plan", "--model", tmp_path / "net", *arguments, *pins, "-o", tmp_path / "plan.json")
    assert planned.code == 0, planned.err
    assert run("split", tmp_path / "net", tmp_path / "plan.json", "-o", tmp_path / "pieces").code == 0
    command = [sys.executable, "-m", "planner", "agent", "--listen", "127.0.0.1:0", "--optimisation", "off"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in NODES]
    try:
        lines = [process.stdout.readline() for process in processes if process.stdout is not None]
        addresses = {node: line.split()[-1] for node, line in zip(NODES, lines, strict=True)}
        (tmp_path / "nodes.json").write_text(json.dumps(addresses), encoding="utf-8")
        where = ("--nodes", tmp_path / "nodes.json", "--data", tmp_path / "x.npz")
        topology_file = ("--topology", tmp_path / "t.json")
        done = run("run", tmp_path / "pieces", *where, *topology_file, "-o", tmp_path / "run.json")
        assert done.code == 0, done.err
        assert run("report", tmp_path / "run.json", "-o", tmp_path / "run.html").code == 0
        held = read_pieces(tmp_path / "pieces")
        assert {piece.node for piece in held.manifest.plans[0].pieces} == set(NODES)
        with Coordinator(held, addresses, RunOptions(in_flight=3)) as coordinator:
            outcomes = coordinator.run([{"x": sample[None]} for sample in data])
    finally:
        for process in processes:
            process.terminate()
            process.communicate(timeout=20)
    whole = session((tmp_path / "net" / "graph.onnx").read_bytes(), "whole", "off")
    for outcome in outcomes:
        (expected,) = whole.run(["mask"], {"x": data[outcome.sample][None]})
        assert np.array_equal(outcome.outputs["mask"], expected)


def test_work_out_of_order_ends_the_run_and_not_the_agent(tmp_path: Path) -> None:
    """A message asks for the second piece of a sample whose first piece never ran."""
    bundle = imported("exits-skips", tmp_path, blocks=3)
    held = split(tmp_path, bundle, placed(bundle, ["phone", "phone", "edge"], {"early": 0.5, "late": 0.5, "y": None}))
    inputs = [random_inputs(bundle.cuts.inputs, 0)]
    second = held.manifest.plans[0].pieces[1]
    with serving(("phone", "edge")) as agents:
        addresses = {name: agent.address for name, agent in agents.items()}
        with Coordinator(held, addresses, RunOptions()) as coordinator:
            fields = {"run": coordinator.run_id, "plan": "app", "sample": 0, "turn": 77, "warm": True}
            tensors = random_inputs(second.receives, 1)
            work = Message("work", {**fields, "piece": 1, "trace": [], "moved": []}, tensors)
            send(coordinator.connections["phone"].socket, work)
            with pytest.raises(RunFailedError, match="never made here"):
                coordinator.run(inputs * 50)
        assert len(executed(held, agents, inputs)) == 1, "the agent serves the next run"


def test_a_model_whose_inputs_are_not_those_of_the_network_is_refused(tmp_path: Path) -> None:
    bundle = imported("unet", tmp_path)
    blocks = list(bundle.model.blocks)
    assert blocks[3].inputs is not None
    blocks[3] = blocks[3].model_copy(update={"inputs": blocks[3].inputs[:1]})
    changed = bundle.model.model_copy(update={"blocks": tuple(blocks)})
    other = Bundle(changed, bundle.model_json, bundle.cuts, bundle.graph)
    with pytest.raises(InputError, match="inputs of block4"):
        split(tmp_path, other, placed(other, ["phone", "edge"]))


def test_manifests_whose_transfers_lack_something_are_refused(tmp_path: Path) -> None:
    bundle = imported("unet", tmp_path)
    held = split(tmp_path, bundle, placed(bundle, ["phone", "edge", "cloud"]))
    path = tmp_path / "pieces" / "manifest.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    transfers = raw["plans"][0]["transfers"]
    assert transfers
    for change, message in (
        (transfers[:-1], "no transfer brings"),
        ([{**transfers[0], "to": "block9"}], "no piece of this name"),
        ([{**transfers[1], "to": transfers[1]["after"]}], "runs no later"),
        ([*transfers[:1], {**transfers[1], "path": ["cloud", "edge"]}], "not where it is carried from"),
    ):
        raw["plans"][0]["transfers"] = change
        path.write_text(json.dumps(raw), encoding="utf-8")
        with pytest.raises(InputError, match=message):
            plan_hops(read_pieces(tmp_path / "pieces").manifest.plans[0])
    assert len(onnx.load_model_from_string(held.files[held.manifest.plans[0].pieces[0].file]).graph.node) > 0


def test_a_bundle_with_skips_is_profiled_block_by_block(tmp_path: Path) -> None:
    write_bundle(imported("exits-skips", tmp_path), tmp_path / "net")
    done = run("profile", tmp_path / "net", "--hardware", "here", "--repeats", "2")
    assert done.code == 0, done.err
    model = json.loads((tmp_path / "net" / "model.json").read_text(encoding="utf-8"))
    assert set(model["profiles"]["here"]) == {row["name"] for row in (*model["blocks"], *model["exits"])}
    assert exits_with_skips()
