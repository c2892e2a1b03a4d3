"""Profiles, links and calibration from Python: the same figures and files as those of the commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from agents import NODES, agents, bundle, pieces, placement, topology
from command_line import run

import planner
from planner.running.agents.errors import RunFailedError
from planner.running.graph.bundle import read_bundle, write_bundle
from planner.running.pieces.splitting import PlanToSplit
from planner.running.results.calibrating import _corrected


def test_a_profile_is_written_into_the_bundle_and_returned(tmp_path: Path) -> None:
    write_bundle(bundle(tmp_path)[0], tmp_path / "net")
    here = planner.profile(tmp_path / "net", "phone", repeats=2, power_w=4.0)
    with agents(("edge",), slow_down=2.0) as addresses:
        there = planner.profile(str(tmp_path / "net"), "edge", repeats=2, agent=addresses["edge"])
    model = read_bundle(tmp_path / "net").model
    for hardware, found in (("phone", here), ("edge", there)):
        held = {name: row.time_s for name, row in model.profiles[hardware].items()}
        assert held == pytest.approx(found.times_s, rel=1e-4)
    assert "stated power of 4 W" in model.citation


@pytest.mark.parametrize("options", [{"threads": 0}, {"repeats": 0}, {"power_w": -1.0}, {"power_w": float("nan")}])
def test_options_out_of_range_are_refused(tmp_path: Path, options: dict[str, float]) -> None:
    write_bundle(bundle(tmp_path)[0], tmp_path / "net")
    before = (tmp_path / "net" / "model.json").read_bytes()
    with pytest.raises(planner.InputError, match=next(iter(options))):
        planner.profile(tmp_path / "net", "phone", **options)  # type: ignore[arg-type] # values of mixed types
    assert (tmp_path / "net" / "model.json").read_bytes() == before


def test_links_are_those_of_a_topology() -> None:
    with agents(("edge",)) as addresses:
        there, back = planner.measure_links({"edge": addresses["edge"]}, "phone")
    for link in (there, back):
        assert planner.Link(**link.fields).bit_per_s == pytest.approx(link.fit.bit_per_s, rel=1e-4)
    assert (there.source, there.target, back.source, back.target) == ("phone", "edge", "edge", "phone")


def test_an_agent_that_is_not_there_is_told() -> None:
    with pytest.raises(RunFailedError, match="cannot be reached"):
        planner.measure_links({"edge": "127.0.0.1:9"}, "phone")


def test_a_run_corrects_model_and_topology_as_the_command_does(tmp_path: Path) -> None:
    net, data = bundle(tmp_path)
    write_bundle(net, tmp_path / "net")
    held = pieces(tmp_path, [PlanToSplit("app", net, placement(net, list(NODES)))])
    (tmp_path / "t.json").write_text(topology().model_dump_json(exclude_none=True), encoding="utf-8")
    with agents() as addresses:
        (tmp_path / "nodes.json").write_text(json.dumps(addresses), encoding="utf-8")
        done = planner.run(held.folder, tmp_path / "nodes.json", data, topology=tmp_path / "t.json", samples=8)
    (tmp_path / "run.json").write_text(done.model_dump_json(), encoding="utf-8")
    found = planner.calibrate(tmp_path / "run.json", tmp_path / "net", tmp_path / "t.json")
    found.write(tmp_path / "library")
    files = ("--model", tmp_path / "net", "--topology", tmp_path / "t.json")
    assert run("calibrate", tmp_path / "run.json", *files, "-o", tmp_path / "command").code == 0
    for name in ("model.json", "topology.json"):
        written = (tmp_path / "library" / name).read_text(encoding="utf-8")
        assert written == (tmp_path / "command" / name).read_text(encoding="utf-8")
    assert planner.plan(found.model, found.topology, source="phone").status == "optimal"
    new, plan = tmp_path / "command", tmp_path / "plan.json"
    assert run("plan", "--model", new, "--topology", new / "topology.json", "--source", "phone", "-o", plan).code == 0
    done = run("split", new, plan, "-o", tmp_path / "again")
    assert done.code == 0, "the corrected model is a bundle, whose plans run"


def test_energies_follow_corrected_times() -> None:
    row = {"time_s": 0.002, "energy_j": 0.01, "x": 1}
    assert _corrected(row, 0.003) == {"time_s": 0.003, "energy_j": 0.015, "x": 1}
    assert _corrected({"time_s": 0.0, "energy_j": 0.01}, 0.003) == {"time_s": 0.003, "energy_j": 0.01}
    assert _corrected({}, 0.003) == {"time_s": 0.003}
