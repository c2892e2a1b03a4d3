"""Plans are switched by what is observed, with hysteresis, and no sample is lost."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from agents import agents, bundle, pieces, placement, policy_of, topology

from planner import InputError
from planner.running.agents.agent import Agent, AgentOptions
from planner.running.agents.coordinator import Coordinator
from planner.running.agents.errors import RunFailedError
from planner.running.agents.outcome import Outcome, RunOptions
from planner.running.graph.samples import read_samples
from planner.running.pieces.hops import plan_hops
from planner.running.pieces.links import link_table
from planner.running.pieces.splitting import PlanToSplit
from planner.running.policies.manager import Manager, degraded_rates
from planner.running.policies.switching import Switcher
from planner.running.results.prediction import predict
from planner.schemas import States, check_document

WEAK = {
    "name": "weak",
    "links": [{"source": "phone", "target": "edge", "bidirectional": True, "bandwidth_factor": 0.05}],
}
GONE = {"name": "gone", "lost_nodes": ["edge"]}
HOT = {"name": "hot", "nodes": {"edge": {"slow_down": 4.0}}}


def states() -> States:
    return check_document({"schema_version": "1", "name": "s", "conditions": [WEAK, GONE, HOT]}, States)


ROWS: dict[tuple[str, ...], str | None] = {(): "p0", ("weak",): "p1", ("gone",): "p1", ("hot",): "p0"}


def test_conditions_hold_after_some_observations_and_pass_after_more(tmp_path: Path) -> None:
    net, _ = bundle(tmp_path)
    plans = {"p0": placement(net, ["phone", "edge"]), "p1": placement(net, ["phone"])}
    manager = Manager(policy_of(plans, ROWS), states(), patience=3, release=5)
    path = ("phone", "edge")
    chosen = []
    for time_s in [0.001] * 3 + [0.02] * 2 + [0.001] + [0.02] * 4 + [0.001] * 4 + [0.02] + [0.001] * 5:
        manager.observe_link(path, time_s, 0.001, 0.0)
        chosen.append(manager.plan())
    assert chosen == ["p0"] * 8 + ["p1"] * 11 + ["p0"]
    manager.observe_node("edge", 1.9)
    assert manager.conditions == ()
    for _ in range(3):
        manager.observe_node("edge", 2.1)
    assert manager.conditions == ("hot",)
    manager.observe_loss("edge")
    assert manager.plan() in ("p0", "p1")
    assert manager.conditions == ("gone", "hot")


def test_a_policy_of_other_states_is_refused(tmp_path: Path) -> None:
    net, _ = bundle(tmp_path)
    plans = {"p0": placement(net, ["phone"])}
    with pytest.raises(InputError, match="condition"):
        Manager(policy_of(plans, {(): "p0", ("rain",): "p0"}), states())


def prepared(folder: Path, rows: dict[tuple[str, ...], str | None] = ROWS) -> tuple[Any, Any, Any]:
    net, data = bundle(folder)
    plans = {"p0": placement(net, ["phone", "edge"]), "p1": placement(net, ["phone"])}
    held = pieces(folder, [PlanToSplit(name, net, plan) for name, plan in plans.items()])
    network = topology(rate=1e7, latency=0.0005)
    by_name = {plan.name: plan_hops(plan) for plan in held.manifest.plans}
    shares = {"e1": 0.3, "e2": 0.3, "y": 0.4}
    times = {
        name: predict(flow, held.models[flow.plan.model], network, shares).pieces_s for name, flow in by_name.items()
    }
    slow = {name: tuple(1.0 for _ in each) for name, each in times.items()}  # no slow node is ever seen
    switcher = Switcher(Manager(policy_of(plans, rows), states()), link_table(network), by_name, slow)
    return held, read_samples(data, net.cuts.inputs), switcher


def test_a_weak_link_switches_the_plan_and_back_and_no_sample_is_lost(tmp_path: Path) -> None:
    held, samples, switcher = prepared(tmp_path)
    inputs = [samples.inputs[index % samples.count] for index in range(300)]
    with agents(("phone", "edge")) as addresses:
        options = RunOptions(links=switcher.links, in_flight=4, rate_per_s=60)
        with Coordinator(held, addresses, options) as coordinator:
            coordinator.warm_up(inputs[0])
            condition = switcher.manager.states.conditions[0]
            weak = {"/".join(ends): rate for ends, rate in degraded_rates(condition, switcher.links.links).items()}
            good = {path: switcher.links.path_rates(path.split("/")) for path in weak}
            seen: list[str] = []

            def observe(each: Coordinator, outcome: Outcome | None) -> None:
                switcher(each, outcome)
                seen.append("" if outcome is None else outcome.plan)
                if len(seen) == 60:
                    each.change_links(weak)
                if len(seen) == 180:
                    each.change_links(good)

            outcomes = coordinator.run(inputs, observe)
            for _ in range(20):  # a busy machine needs longer to see six good transfers in a row
                if switcher.switches[-1].plan == "p0":
                    break
                coordinator.run(inputs[:60], observe)
    assert sorted(outcome.sample for outcome in outcomes) == list(range(300))
    assert [(each.plan, each.conditions) for each in switcher.switches][:1] == [("p1", ("weak",))]
    assert seen[0] == "p0"
    assert "p1" in seen[60:]
    assert switcher.switches[-1].plan == "p0", "the link is good again, though the plan of now does not use it"


def test_a_lost_agent_switches_the_plan_and_its_samples_are_sent_again(tmp_path: Path) -> None:
    held, samples, switcher = prepared(tmp_path)
    inputs = [samples.inputs[index % samples.count] for index in range(120)]
    edge = Agent(AgentOptions(listen="127.0.0.1:0"))
    ended = threading.Event()
    thread = threading.Thread(target=edge.serve, args=(ended.is_set,))
    thread.start()
    stopped: list[int] = []

    def observe(each: Coordinator, outcome: Outcome | None) -> None:
        switcher(each, outcome)
        if outcome is not None and outcome.sample >= 30 and not stopped:
            stopped.append(outcome.sample)
            ended.set()
            thread.join()
            edge.close()

    with agents(("phone",)) as addresses:
        every = {**addresses, "edge": edge.address}
        with Coordinator(held, every, RunOptions(in_flight=8)) as coordinator:
            outcomes = coordinator.run(inputs, observe)
    assert sorted(outcome.sample for outcome in outcomes) == list(range(120))
    assert switcher.switches[-1].plan == "p1"
    assert outcomes[-1].plan == "p1"


def test_a_state_in_which_nothing_runs_ends_the_run(tmp_path: Path) -> None:
    held, samples, switcher = prepared(tmp_path, {(): "p0", ("gone",): None})
    switcher.manager.observe_loss("edge")
    with (
        agents(("phone", "edge")) as addresses,
        Coordinator(held, addresses, RunOptions()) as coordinator,
        pytest.raises(RunFailedError, match="no plan of the policy runs"),
    ):
        coordinator.run(samples.inputs, switcher)
