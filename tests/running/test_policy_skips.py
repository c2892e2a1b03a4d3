"""Policies of networks with skips: transfers that share a link are one observation, and results stay the same."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import agents, policy_of, topology
from onnx_builder import save
from onnx_networks import SMALL

from planner.running.agents.agent import Agent, AgentOptions
from planner.running.agents.coordinator import Coordinator
from planner.running.agents.errors import RunFailedError
from planner.running.agents.outcome import Outcome, RunOptions
from planner.running.graph.bundle import Bundle
from planner.running.graph.importing import import_onnx
from planner.running.graph.options import ImportOptions
from planner.running.network.sessions import random_inputs, session
from planner.running.pieces.hops import PlanHops, plan_hops
from planner.running.pieces.links import link_table
from planner.running.pieces.reading import Pieces, read_pieces
from planner.running.pieces.splitting import PlanToSplit, split_plans, write_pieces
from planner.running.policies.manager import Manager
from planner.running.policies.switching import Switcher, link_times
from planner.schemas import States, Topology, check_document
from planner.schemas.planning.placement import AppPlacement

HALF = {
    "name": "half",
    "links": [{"source": "phone", "target": "edge", "bidirectional": True, "bandwidth_factor": 0.5}],
}
GONE = {"name": "gone", "lost_nodes": ["edge"]}
NETWORK = topology(rate=2e7, latency=0.002)
SLOW = topology(rate=1e4, latency=10.0)
"""Links that no transfer of a busy machine is slower than: no link looks weak."""


def prepared(folder: Path, name: str = "inception", network: Topology = NETWORK) -> tuple[Bundle, Pieces, Switcher]:
    """Return a network with skips, the pieces of a plan over two nodes and of one without the edge, and a switcher."""
    options = ImportOptions(cuts="any", accuracy=0.5)
    bundle = import_onnx(save(SMALL[name](), folder / "n.onnx"), options)
    assert any(block.inputs is not None for block in bundle.model.blocks)
    names = [block.name for block in bundle.model.blocks]
    plans = {}
    for label, far in (("p0", "edge"), ("p1", "phone")):
        assignments = [{"block": each, "node": "phone" if i < 2 else far} for i, each in enumerate(names)]
        figures = {"energy_j": 0.0, "latency_s": 0.0, "accuracy": 0.5}
        zero = dict.fromkeys(("compute_j", "transfer_j", "compute_s", "transfer_s"), 0.0)
        fractions = {bundle.model.exits[-1].name: 1.0}
        raw = {"name": "app", "operating_point": "full", "exit_fractions": fractions, "assignments": assignments}
        plans[label] = check_document({**raw, **figures, "breakdown": zero}, AppPlacement)
    _, files = split_plans([PlanToSplit(label, bundle, plan) for label, plan in plans.items()], "sha256:" + "0" * 64)
    write_pieces(files, folder / "pieces")
    held = read_pieces(folder / "pieces")
    flows = {plan.name: plan_hops(plan) for plan in held.manifest.plans}
    never = {label: tuple(1.0 for _ in flow.plan.pieces) for label, flow in flows.items()}  # no slow node is ever seen
    states = check_document({"schema_version": "1", "name": "s", "conditions": [HALF, GONE]}, States)
    return bundle, held, Switcher(Manager(policy_of(plans, ROWS), states), link_table(network), flows, never)


ROWS = {(): "p0", ("half",): "p1", ("gone",): "p1"}


def outcome_of(flow: PlanHops, rate: float, latency_s: float) -> Outcome:
    """Return a sample whose transfers share a link: each starts when the one before has left."""
    free, moved = 0.0, []
    for hop in flow.hops:
        if hop.via is not None:
            free += hop.bits / rate
            moved.append((hop.number, 0.0, (free + latency_s) * 1e9))
    return Outcome(0, flow.plan.name, "y", 0, 1, 1, (), tuple(moved), {})


def test_transfers_that_share_a_link_do_not_look_like_a_weak_link(tmp_path: Path) -> None:
    _, _, switcher = prepared(tmp_path)
    flow = switcher.plans["p0"]
    carried = [hop for hop in flow.hops if hop.via is not None]
    assert len(carried) > 1
    rate, latency_s = 2e7, 0.002
    ((time_s, bits),) = link_times(flow, outcome_of(flow, rate, latency_s)).values()
    assert bits == sum(hop.bits for hop in carried)
    assert time_s == pytest.approx(latency_s + bits / rate)
    for _ in range(10):
        switcher._observe(outcome_of(flow, rate, latency_s))
    assert switcher.manager.conditions == ()
    slow = outcome_of(flow, 0.4 * rate, latency_s)
    for _ in range(2):
        switcher._observe(slow)
    assert switcher.manager.conditions == (), "one sample is one observation, whatever it carries"
    switcher._observe(slow)
    assert switcher.manager.conditions == ("half",)


def check_results(bundle: Bundle, inputs: list[Any], outcomes: list[Outcome]) -> None:
    whole = session(bundle.graph, "whole", "off")
    assert sorted(outcome.sample for outcome in outcomes) == list(range(len(inputs)))
    for outcome in outcomes:
        for name, value in outcome.outputs.items():
            assert np.array_equal(value, whole.run([name], inputs[outcome.sample])[0])


def test_a_run_begins_without_an_agent_where_the_policy_has_a_plan_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.running.agents.connections.GREETING_S", 1.0)
    bundle, held, switcher = prepared(tmp_path, network=SLOW)
    inputs = [random_inputs(bundle.cuts.inputs, seed) for seed in range(5)]
    with agents(("phone",), optimisation="off") as addresses:
        every = {**addresses, "edge": "127.0.0.1:9"}
        with Coordinator(held, every, RunOptions(may_lack=True)) as coordinator:
            coordinator.warm_up(inputs[0])
            outcomes = coordinator.run(inputs, switcher)
        with pytest.raises(RunFailedError, match=r"edge at 127\.0\.0\.1:9 cannot be reached"):
            Coordinator(held, every, RunOptions()).__enter__()
        switcher.manager.policy = policy_of({"p0": switcher.manager.policy.plan_set[0].placement}, {(): "p0"})
        with Coordinator(held, every, RunOptions(may_lack=True)) as coordinator:
            coordinator.warm_up(inputs[0])
            with pytest.raises(RunFailedError, match=r"edge at 127\.0\.0\.1:9 was lost|no plan of the policy runs"):
                coordinator.run(inputs, switcher)
    check_results(bundle, inputs, outcomes)
    assert {outcome.plan for outcome in outcomes} == {"p1"}


def test_an_agent_that_is_lost_while_samples_warm_it_up_is_one_lost_before_the_run(tmp_path: Path) -> None:
    bundle, held, switcher = prepared(tmp_path, network=SLOW)
    inputs = [random_inputs(bundle.cuts.inputs, seed) for seed in range(5)]
    with agents(("phone",), optimisation="off") as addresses, contextlib.ExitStack() as stack:
        every = {**addresses, **stack.enter_context(agents(("edge",), optimisation="off"))}
        with Coordinator(held, every, RunOptions(may_lack=True)) as coordinator:
            stack.close()
            coordinator.warm_up(inputs[0])
            outcomes = coordinator.run(inputs, switcher)
    check_results(bundle, inputs, outcomes)
    assert {outcome.plan for outcome in outcomes} == {"p1"}


@pytest.mark.parametrize("name", ["inception", "unet", "resnet"])
def test_a_lost_agent_switches_the_plan_and_no_result_changes(tmp_path: Path, name: str) -> None:
    bundle, held, switcher = prepared(tmp_path, name, SLOW)
    inputs = [random_inputs(bundle.cuts.inputs, seed) for seed in range(60)]
    edge = Agent(AgentOptions(listen="127.0.0.1:0", optimisation="off"))
    ended = threading.Event()
    thread = threading.Thread(target=edge.serve, args=(ended.is_set,))
    thread.start()

    def observe(each: Coordinator, outcome: Outcome | None) -> None:
        switcher(each, outcome)
        if outcome is not None and outcome.sample >= 20 and not ended.is_set():
            ended.set()
            thread.join()
            edge.close()

    try:
        with agents(("phone",), optimisation="off") as addresses:
            every = {**addresses, "edge": edge.address}
            with Coordinator(held, every, RunOptions(in_flight=6)) as coordinator:
                outcomes = coordinator.run(inputs, observe)
    finally:
        ended.set()
        thread.join()
    check_results(bundle, inputs, outcomes)
    assert "gone" in switcher.manager.conditions
    assert {outcome.plan for outcome in outcomes} == {"p0", "p1"}
