"""Energy in the record of a run: as planned, and by counters where they count all agents."""

from __future__ import annotations

from pathlib import Path

import pytest
from agents import agents, bundle, pieces, placement, topology

from planner.pipeline.execution import metered_energy
from planner.report.run.run_page import run_page
from planner.running.agents.coordinator import Coordinator
from planner.running.agents.outcome import RunOptions
from planner.running.graph.samples import read_samples
from planner.running.pieces.splitting import PlanToSplit
from planner.running.results.record import MeteredEnergy, Planned, record
from planner.text.run import run_text

pytest.importorskip("zmq")


def test_energy_is_planned_by_the_manifest_and_measured_by_counters(tmp_path: Path) -> None:
    net, data = bundle(tmp_path)
    plan = placement(net, ["phone", "edge"]).model_copy(update={"energy_j": 0.25})
    held = pieces(tmp_path, [PlanToSplit("app", net, plan)])
    inputs = read_samples(data, net.cuts.inputs).inputs[:8]
    with agents(("phone", "edge")) as addresses, Coordinator(held, addresses, RunOptions()) as coordinator:
        assert coordinator.on_one_machine
        outcomes = coordinator.run(inputs)
        counted = record(
            *(held, coordinator, outcomes, None, Planned(topology()), 1.0),
            metered=MeteredEnergy(4.0, "counters"),
        )
        plain = record(held, coordinator, outcomes, None, Planned(topology()), 1.0)
    (measured,), (unmeasured,) = counted.plans, plain.plans
    assert measured.energy is not None
    assert unmeasured.energy is not None
    assert (measured.energy.predicted_j, measured.energy.measured_j) == (0.25, 0.5)
    assert (unmeasured.energy.predicted_j, unmeasured.energy.measured_j) == (0.25, None)
    assert "500 mJ" in run_text(counted)
    assert "energy: not measured" in run_text(plain)
    tiles = {tile.name: tile.value for tile in run_page(counted).tiles}
    assert tiles["measured energy, app"] == "500 mJ"
    assert "--emulate-links was not given" in " ".join(plain.notes)
    assert measured.model == net.model.name


def test_counters_count_only_where_all_agents_are_here() -> None:
    assert metered_energy([1.0, 2.0], True).total_j == 3.0
    assert metered_energy([1.0], False).source == "not measured: agents run on other machines"
    assert metered_energy([], True).total_j is None
