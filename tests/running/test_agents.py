"""Pieces on agents: results of the whole network, exits as planned, and every failure as one clear message."""

from __future__ import annotations

import contextlib
import json
import socket as sockets
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import NODES, agents, bundle, pieces, placement, topology
from command_line import run

from planner import InputError
from planner.running.agents.agent import Agent, AgentOptions
from planner.running.agents.clocks import machine_id
from planner.running.agents.connections import Connection, refuse_unreachable
from planner.running.agents.coordinator import Coordinator
from planner.running.agents.errors import RunFailedError
from planner.running.agents.keys import make_keys, read_keys
from planner.running.agents.outcome import RunOptions
from planner.running.agents.protocol import Message
from planner.running.agents.transport import connect, send
from planner.running.graph.samples import read_samples
from planner.running.network.sessions import session
from planner.running.pieces.hops import plan_hops
from planner.running.pieces.links import link_table
from planner.running.pieces.splitting import PlanToSplit
from planner.running.results.prediction import predict
from planner.running.results.record import Planned, record

zmq = pytest.importorskip("zmq")


def split(folder: Path, nodes: list[str] | None = None) -> tuple[Any, Any, Any]:
    net, data = bundle(folder)
    plan = placement(net, nodes or list(NODES))
    held = pieces(folder, [PlanToSplit("app", net, plan)])
    return net, held, read_samples(data, net.cuts.inputs)


def test_results_are_those_of_the_whole_network_and_exits_those_of_the_point(tmp_path: Path) -> None:
    net, held, samples = split(tmp_path)
    with agents() as addresses, Coordinator(held, addresses, RunOptions(in_flight=8)) as coordinator:
        coordinator.warm_up(samples.inputs[0])
        outcomes = coordinator.run(samples.inputs)
        found = record(held, coordinator, outcomes, samples.labels, Planned(topology()), 1.0)
    whole = session(net.graph, "whole")
    for outcome in outcomes:
        (result,) = whole.run([outcome.exit], samples.inputs[outcome.sample])
        assert np.allclose(outcome.outputs[outcome.exit], result, rtol=1e-5, atol=1e-6)
    point = next(p for p in net.model.operating_points if p.name == found.plans[0].operating_point)
    shares = {each.name: each.share for each in found.plans[0].exits}
    assert shares == pytest.approx(point.exit_fractions)
    assert found.plans[0].accuracy == pytest.approx(point.accuracy)
    assert sorted(outcome.sample for outcome in outcomes) == list(range(samples.count))
    reach = [len([o for o in outcomes if any(entry[0] == i for entry in o.trace)]) for i in range(len(held.files))]
    assert reach == [piece.runs for piece in found.plans[0].pieces]
    assert reach[0] == samples.count > reach[-1], "samples that left early never reached the last piece"


def test_emulated_links_take_the_predicted_time(tmp_path: Path) -> None:
    _, held, samples = split(tmp_path)
    network = topology(rate=2e6, latency=0.004)
    (plan,) = held.manifest.plans
    shares = {"e1": 0.3, "e2": 0.3, "y": 0.4}
    predicted = predict(plan_hops(plan), held.models[plan.model], network, shares)
    with agents() as addresses:
        options = RunOptions(links=link_table(network))
        with Coordinator(held, addresses, options) as coordinator:
            coordinator.warm_up(samples.inputs[0])
            outcomes = coordinator.run(samples.inputs[:20])
            found = record(held, coordinator, outcomes, None, Planned(network), 1.0)
    for hop in found.plans[0].hops:
        if hop.messages:
            assert hop.predicted_s is not None
            assert hop.median_s is not None
            assert hop.predicted_s * 0.999 <= hop.median_s <= hop.predicted_s + 0.02, hop
    assert found.emulated_links
    assert set(predicted.exits_s) == {"e1", "e2", "y"}


def test_a_slow_down_is_emulated_and_said(tmp_path: Path) -> None:
    _, held, samples = split(tmp_path, ["edge"])
    walls = []
    for factor in (1.0, 20.0):
        with agents(("edge",), slow_down=factor) as addresses, Coordinator(held, addresses, RunOptions()) as each:
            nodes = {node: (c.slow_down, c.runtime) for node, c in each.connections.items()}
            found = record(held, each, each.run(samples.inputs[:10]), None, Planned(), 1.0, nodes=nodes)
            walls.append(found.plans[0].pieces[0].cpu_median_s)
            assert found.slow_down == ({} if factor == 1.0 else {"edge": 20.0})
    assert walls[1] > 4 * walls[0]


def test_a_lost_agent_ends_the_run_with_its_name(tmp_path: Path) -> None:
    _, held, samples = split(tmp_path)
    with agents(("phone", "edge")) as addresses:
        cloud = Agent(AgentOptions(listen="127.0.0.1:0"))
        ended = threading.Event()
        thread = threading.Thread(target=cloud.serve, args=(ended.is_set,))
        thread.start()
        with Coordinator(held, {**addresses, "cloud": cloud.address}, RunOptions()) as coordinator:
            ended.set()
            thread.join()
            cloud.close()
            with pytest.raises(RunFailedError, match=r"cloud at 127\.0\.0\.1:\d+ was lost"):
                coordinator.run(samples.inputs)


def test_an_agent_that_never_answers_does_not_hang_the_run(tmp_path: Path) -> None:
    _, held, samples = split(tmp_path)
    network = topology(latency=60.0)
    with agents() as addresses:
        options = RunOptions(links=link_table(network), timeout_s=0.3)
        with Coordinator(held, addresses, options) as coordinator, pytest.raises(RunFailedError, match="no result for"):
            coordinator.run(samples.inputs, warm=True)


def test_addresses_where_nobody_listens_and_nodes_without_agent(tmp_path: Path, monkeypatch: Any) -> None:
    _, held, _ = split(tmp_path)
    monkeypatch.setattr("planner.running.agents.connections.GREETING_S", 0.5)
    nowhere = dict.fromkeys(NODES, "127.0.0.1:1")
    with pytest.raises(RunFailedError, match="cannot be reached"), Coordinator(held, nowhere, RunOptions()):
        pass
    with pytest.raises(InputError, match="no agent"), Coordinator(held, {"phone": "127.0.0.1:1"}, RunOptions()):
        pass


def test_an_agent_on_loopback_cannot_be_reached_from_another_machine(tmp_path: Path) -> None:
    _, held, _ = split(tmp_path)
    flow = plan_hops(held.manifest.plans[0])
    assert flow.peers() == {("phone", "edge"), ("edge", "cloud")}
    at = {"phone": "10.0.0.2:1", "edge": "127.0.0.1:2", "cloud": "10.0.0.3:1"}
    for machine, refused in (("elsewhere", True), (machine_id(), machine_id() == "")):
        there = {node: Connection(node, address, None, None, machine=machine) for node, address in at.items()}
        with pytest.raises(InputError, match="cannot reach edge at 127") if refused else contextlib.nullcontext():
            refuse_unreachable(flow.peers(), there)
        refuse_unreachable({("edge", "cloud"), ("edge", "lost")}, there)


def test_another_version_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    _, held, _ = split(tmp_path)
    monkeypatch.setattr("planner.running.agents.agent.planner_version", lambda: "9.9")
    with agents() as addresses, pytest.raises(RunFailedError, match=r"is planner 9\.9"):
        Coordinator(held, addresses, RunOptions()).__enter__()


def test_a_piece_that_is_not_that_of_the_manifest_is_refused(tmp_path: Path) -> None:
    _, held, _ = split(tmp_path)
    first, second = list(held.files)[:2]
    held.files[first] = held.files[second]
    with agents() as addresses, pytest.raises(RunFailedError, match="hash differs"):
        Coordinator(held, addresses, RunOptions()).__enter__()


def test_a_busy_port_and_loopback_only_without_keys() -> None:
    with sockets.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("agent", "--listen", f"127.0.0.1:{port}")
        assert done.code == 2
        assert "cannot listen there" in done.err
    done = run("agent", "--listen", "0.0.0.0:7070")
    assert done.code == 2
    assert "loopback only" in done.err
    assert run("agent", "--listen", "nowhere").code == 2


def test_keys_let_their_holders_in_and_nobody_else(tmp_path: Path, monkeypatch: Any) -> None:
    _, held, samples = split(tmp_path)
    make_keys(tmp_path / "keys")
    make_keys(tmp_path / "others")
    assert (tmp_path / "keys" / "planner.key_secret").stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="keys already"):
        make_keys(tmp_path / "keys")
    monkeypatch.setattr("planner.running.agents.connections.GREETING_S", 1.5)
    keys = read_keys(tmp_path / "keys")
    with agents(keys=keys) as addresses:
        with Coordinator(held, addresses, RunOptions(keys=keys)) as coordinator:
            assert len(coordinator.run(samples.inputs[:5], warm=True)) == 5
        for wrong in (None, read_keys(tmp_path / "others")):
            began = time.monotonic()
            with pytest.raises(RunFailedError, match=r"keys|does not answer"):
                Coordinator(held, addresses, RunOptions(keys=wrong)).__enter__()
            assert time.monotonic() - began < 30


def test_a_stranger_without_a_key_gets_nothing(tmp_path: Path) -> None:
    """Not a byte of an answer, neither over ZeroMQ nor to raw bytes."""
    make_keys(tmp_path / "keys")
    with agents(("edge",), keys=read_keys(tmp_path / "keys")) as addresses:
        with zmq.Context() as context:
            stranger = connect(context, addresses["edge"], None)
            for _ in range(20):
                send(stranger, Message("hello"))
            assert not stranger.poll(700)
            stranger.close(linger=0)
        host, _, port = addresses["edge"].rpartition(":")
        with sockets.create_connection((host, int(port)), timeout=2) as raw:
            raw.sendall(b'GET / HTTP/1.0\r\n\r\n{"planner":1,"kind":"hello"}' * 50)
            raw.settimeout(0.7)
            try:
                answer = raw.recv(10_000)
            except (TimeoutError, ConnectionError):
                answer = b""
            assert b"welcome" not in answer
            assert len(answer) < 100, "at most ZeroMQ's own greeting"


def test_the_command_runs_pieces_and_writes_a_record(tmp_path: Path) -> None:
    split(tmp_path)
    (tmp_path / "t.json").write_text(topology().model_dump_json(exclude_none=True), encoding="utf-8")
    with agents() as addresses:
        (tmp_path / "nodes.json").write_text(json.dumps(addresses), encoding="utf-8")
        common = ("run", tmp_path / "pieces", "--nodes", tmp_path / "nodes.json", "--data", tmp_path / "data.npz")
        done = run(*common, "--topology", tmp_path / "t.json", "-o", tmp_path / "run.json", "--rate", "200")
        assert done.code == 0, done.err
        assert "share of e1" in done.out
        held = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
        assert held["plans"][0]["samples"] == 60
        done = run(*common, "--emulate-links")
        assert done.code == 2
        assert "--topology" in done.err
        done = run(*common, "--plan", "p9")
        assert done.code == 2
        assert "use one of app" in done.err
    (tmp_path / "nodes.json").write_text('{"phone": "here"}', encoding="utf-8")
    assert run(*common).code == 2
