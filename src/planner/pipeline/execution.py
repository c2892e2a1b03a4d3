"""Execution of pieces on agents: inputs read and checked, samples run, and the record written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from planner.files.reading import read_topology
from planner.measure.energy import counters
from planner.running.agents.coordinator import Coordinator
from planner.running.agents.errors import RunFailedError
from planner.running.agents.keys import read_keys
from planner.running.agents.outcome import RunOptions
from planner.running.graph.samples import Samples, read_samples
from planner.running.pieces.hops import plan_hops
from planner.running.pieces.links import link_table
from planner.running.pieces.reading import Pieces, read_pieces
from planner.running.policies.manager import Manager
from planner.running.policies.switching import Switcher
from planner.running.results.prediction import predict
from planner.running.results.record import MeteredEnergy, Planned, exit_shares, record
from planner.schemas.adaptation.placement_policy import PlacementPolicy
from planner.schemas.adaptation.states import States
from planner.schemas.bundles.manifest import PlanPieces
from planner.schemas.bundles.nodes import Nodes, parse_address
from planner.schemas.bundles.run import Run
from planner.schemas.planning.placement import AppPlacement, Placement
from planner.schemas.planning.topology import Topology
from planner.schemas.reading.files import read_document
from planner.schemas.reading.problems import input_error

DEFAULT_IN_FLIGHT = 64
"""Most samples under way where a rate is given."""


@dataclass(frozen=True)
class RunRequest:
    """What the user asks for."""

    pieces: Path
    nodes: Path
    data: Path
    topology: Path | None = None
    plan: str | None = None
    placement: Path | None = None
    samples: int | None = None
    rate_per_s: float | None = None
    in_flight: int | None = None
    emulate_links: bool = False
    timeout_s: float = 30.0
    keys: Path | None = None
    policy: Path | None = None
    states: Path | None = None


def run(
    pieces: str | Path,
    nodes: str | Path,
    data: str | Path,
    *,
    topology: str | Path | None = None,
    plan: str | None = None,
    samples: int | None = None,
    rate_per_s: float | None = None,
    in_flight: int | None = None,
    emulate_links: bool = False,
    timeout_s: float = 30.0,
    keys: str | Path | None = None,
    placement: str | Path | None = None,
    policy: str | Path | None = None,
    states: str | Path | None = None,
) -> Run:
    """Run pieces on agents, and set what is measured beside what was predicted.

    Args:
        pieces: Folder of pieces, from `split`.
        nodes: File of agents' addresses by node.
        data: An .npz of samples, with labels where accuracy is wanted.
        topology: Topology that was planned, to predict and to emulate links.
        plan: Plan of the folder (default: the first).
        samples: Number of samples (default: all of the data once).
        rate_per_s: Samples started per second (default: the next starts when there is room).
        in_flight: Most samples under way at once (default: 1, or 64 with a rate).
        emulate_links: Hold messages as the topology's links would.
        timeout_s: Longest time without any result, in seconds.
        keys: Folder of keys, if the agents have them.
        placement: Placement, for the energy that it predicts.
        policy: Policy of placements: plans are switched by state.
        states: States that the policy was made for.

    Returns:
        Latencies, exit shares and accuracy by exit, measured beside predicted.

    Raises:
        InputError: An input cannot be used.
        RunFailedError: An agent is lost, refuses or does not answer; its `run` holds what came back before.
    """
    request = RunRequest(
        pieces=Path(pieces),
        nodes=Path(nodes),
        data=Path(data),
        topology=None if topology is None else Path(topology),
        plan=plan,
        samples=samples,
        rate_per_s=rate_per_s,
        in_flight=in_flight,
        emulate_links=emulate_links,
        timeout_s=timeout_s,
        keys=None if keys is None else Path(keys),
        placement=None if placement is None else Path(placement),
        policy=None if policy is None else Path(policy),
        states=None if states is None else Path(states),
    )
    return execute(request)


def execute(request: RunRequest) -> Run:
    """Run pieces on agents.

    Raises:
        InputError: An input cannot be used.
        RunFailedError: An agent is lost, refuses or does not answer; its `run` holds what came back before.
    """
    pieces = read_pieces(request.pieces)
    chosen = _chosen(pieces, request)
    pieces = replace(pieces, manifest=pieces.manifest.model_copy(update={"plans": chosen}))
    addresses = read_nodes(request.nodes)
    samples = _repeated(read_samples(request.data, chosen[0].inputs), request.samples)
    topology = None if request.topology is None else read_topology(request.topology, {})
    if request.emulate_links and topology is None:
        raise input_error("links are emulated by the topology's", "give --topology too", path="--emulate-links")
    options = RunOptions(
        rate_per_s=request.rate_per_s,
        in_flight=request.in_flight or (1 if request.rate_per_s is None else DEFAULT_IN_FLIGHT),
        timeout_s=request.timeout_s,
        keys=read_keys(request.keys),
        may_lack=request.policy is not None,
        links=link_table(topology) if request.emulate_links and topology is not None else None,
    )
    planned = Planned(topology, _placements(request))
    switcher = _switcher(pieces, request, topology)
    with Coordinator(pieces, addresses, options) as coordinator, counting("running", samples.count) as progress:
        nodes = {node: (each.slow_down, each.runtime) for node, each in coordinator.connections.items()}
        coordinator.warm_up(samples.inputs[0])
        meters, failure = counters(), None
        began, before = time.monotonic(), [meter.read_j() for meter in meters]
        try:
            outcomes = coordinator.run(samples.inputs, switcher, progress)
        except RunFailedError as error:
            outcomes, failure = coordinator.done, error
            if not outcomes:
                raise
        wall_s, after = time.monotonic() - began, [meter.read_j() for meter in meters]
        used_j = [meter.used_j(*pair) for meter, *pair in zip(meters, before, after, strict=True)]
        metered = metered_energy(used_j, coordinator.on_one_machine)
        switches = () if switcher is None else switcher.switches
        found = record(pieces, coordinator, outcomes, samples.labels, planned, wall_s, switches, nodes, metered)
    if failure is None:
        return found
    note = f"the run ended early, after {len(outcomes)} of {samples.count} samples: {failure}"
    raise RunFailedError(str(failure), found.model_copy(update={"notes": (*found.notes, note)}))


def metered_energy(used_j: Sequence[float], on_one_machine: bool) -> MeteredEnergy:
    """Return the energy of a run by the counters of this machine, where they count all agents.

    Args:
        used_j: Energy by processor package, in joules; empty where no counter may be read.
        on_one_machine: Whether all agents run on this machine.
    """
    if not used_j:
        return MeteredEnergy(None, "not measured: this machine has no energy counters (RAPL) that may be read")
    if not on_one_machine:
        return MeteredEnergy(None, "not measured: agents run on other machines")
    return MeteredEnergy(sum(used_j), "energy counters (RAPL) of this machine, all that it did meanwhile included")


def _switcher(pieces: Pieces, request: RunRequest, topology: Topology | None) -> Switcher | None:
    """Return the observer that switches plans by the policy; None without a policy.

    Raises:
        InputError: The states or the topology are not given, or the pieces are not those of the policy.
    """
    if request.policy is None:
        return None
    if request.states is None or topology is None:
        fix = "give --states and --topology, which the policy was made for"
        raise input_error("a policy is followed by its states and its topology", fix, path="--policy")
    policy, digest = read_document(request.policy, PlacementPolicy)
    if digest != pieces.manifest.plan_sha256:
        fix = "split this policy: planner split BUNDLE POLICY"
        raise input_error("the pieces are not those of this policy", fix, file=str(request.policy))
    states, _ = read_document(request.states, States)
    plans = {plan.name: plan_hops(plan) for plan in pieces.manifest.plans}
    times = {}
    for name, flow in plans.items():
        model = pieces.models[flow.plan.model]
        times[name] = predict(flow, model, topology, exit_shares(flow.plan, model)).pieces_s
    return Switcher(Manager(policy, states), link_table(topology), plans, times)


def read_nodes(path: Path) -> dict[str, str]:
    """Return addresses by node; raise InputError for what is none."""
    nodes, _ = read_document(path, Nodes)
    for address in nodes.root.values():
        parse_address(address, str(path))
    return dict(nodes.root)


def _chosen(pieces: Pieces, request: RunRequest) -> tuple[PlanPieces, ...]:
    plans = pieces.manifest.plans
    if request.policy is not None:
        return plans
    name = request.plan or plans[0].name
    found = tuple(plan for plan in plans if plan.name == name)
    if not found:
        fix = f"use one of {', '.join(plan.name for plan in plans)}"
        raise input_error("the folder has no such plan", fix, path="--plan", value=name)
    return found


def _repeated(samples: Samples, count: int | None) -> Samples:
    """Return as many samples as are asked for, from the start again where there are fewer."""
    if count is None:
        return samples
    import numpy as np

    rows = [index % samples.count for index in range(count)]
    labels = None if samples.labels is None else samples.labels[np.array(rows)]
    return Samples(tuple(samples.inputs[row] for row in rows), labels)


def _placements(request: RunRequest) -> dict[str, AppPlacement] | None:
    if request.placement is None:
        return None
    placement, _ = read_document(request.placement, Placement)
    return {app.name: app for app in placement.apps}


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal; nothing where nobody looks."""
    import sys

    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
