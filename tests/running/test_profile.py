"""Profiles, links and calibration: what is measured is what a model and a topology then say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from agents import NODES, agents, bundle, pieces, placement, topology
from command_line import run
from onnx_builder import save
from onnx_networks import plain

from planner.running.agents.coordinator import Coordinator
from planner.running.agents.outcome import RunOptions
from planner.running.graph.bundle import read_bundle, write_bundle
from planner.running.graph.importing import import_onnx
from planner.running.graph.options import ImportOptions
from planner.running.graph.samples import read_samples
from planner.running.pieces.hops import plan_hops
from planner.running.pieces.links import link_table
from planner.running.pieces.splitting import PlanToSplit
from planner.running.pieces.times import Timed
from planner.running.results.record import Planned, record
from planner.running.timing.links import SIZES, fit_link
from planner.running.timing.profile import WHOLE, Profiled, profile
from planner.schemas import Model, Topology, read_document


def test_blocks_are_scaled_to_the_whole_network(tmp_path: Path) -> None:
    net, _ = bundle(tmp_path)
    blocks = [block.name for block in net.cuts.blocks]

    def timer(parts: Any) -> dict[str, Timed]:
        assert set(parts) == {WHOLE, *blocks, "e1", "e2"}
        return {name: Timed(2.0 if name == WHOLE else 0.5, 1.0) for name in parts}

    found = profile(net, timer)
    assert found.sum_over_whole == pytest.approx(len(blocks) * 0.5 / 2.0)
    assert sum(found.times_s[name] for name in blocks) == pytest.approx(2.0)
    assert found.times_s["y"] == 0.0
    assert found.times_s["e1"] == found.times_s[blocks[0]]
    assert found.start_s == pytest.approx(max(0.0, len(blocks) * 0.5 - 2.0) / (len(blocks) - 1))


@pytest.mark.parametrize(("start_s", "told"), [(0.2, True), (0.01, False)])
def test_the_start_of_a_piece_is_told_where_it_counts(start_s: float, told: bool) -> None:
    notes = Profiled({"block1": 0.4, "block2": 0.6}, 1.2, 1.0, start_s).notes
    assert any("every further piece of a plan costs about 200 ms" in note for note in notes) == told


def test_a_profile_goes_into_the_model_here_and_from_an_agent(tmp_path: Path) -> None:
    net, _ = bundle(tmp_path)
    write_bundle(net, tmp_path / "net")
    done = run("profile", tmp_path / "net", "--hardware", "phone", "--repeats", "3", "--power-w", "4")
    assert done.code == 0, done.err
    with agents(("edge",), slow_down=3.0) as addresses:
        common = ("profile", tmp_path / "net", "--hardware", "edge", "--repeats", "3")
        done = run(*common, "--agent", addresses["edge"])
        assert done.code == 0, done.err
        assert run(*common, "--agent", addresses["edge"]).code == 0
    held = read_bundle(tmp_path / "net").model
    assert set(held.profiles) == {"phone", "edge"}
    for row in held.profiles["phone"].values():
        assert row.energy_j == pytest.approx(4 * row.time_s, rel=1e-4)
    assert all(row.energy_j is None for row in held.profiles["edge"].values())
    assert held.citation.count("profile edge:") == 1
    assert "slowed down 3 times" in held.citation
    assert set(held.profiles["phone"]) == {each.name for each in (*held.blocks, *held.exits)}


def test_a_fitted_link_is_the_one_that_made_the_times() -> None:
    for latency, rate in ((0.001, 2e7), (0.0, 1e9), (0.02, 1e6)):
        fit = fit_link(list(SIZES), [latency + 8 * size / rate for size in SIZES])
        assert fit.bit_per_s == pytest.approx(rate)
        assert fit.latency_s == pytest.approx(latency, abs=1e-9)
        assert fit.time_s(8e6) == pytest.approx(latency + 8e6 / rate)
        assert "at once" not in fit.text


def test_a_token_bucket_is_fitted_as_one() -> None:
    rate, burst_bits, small_s = 1e8, 8 * 70_000, 0.0003
    times = [max(small_s, small_s + (8 * size - burst_bits) / rate) for size in SIZES]
    fit = fit_link(list(SIZES), times)
    assert fit.bit_per_s == pytest.approx(rate)
    assert fit.burst_bits == pytest.approx(burst_bits)
    assert "about 560 kbit pass at once" in fit.text
    for size in (500, 50_000, 110_000, 5_000_000):
        assert fit.time_s(8 * size) == pytest.approx(max(small_s, small_s + (8 * size - burst_bits) / rate))


def test_large_messages_that_scatter_do_not_move_small_ones() -> None:
    exact = [0.0002 + 8 * size / 1e8 for size in SIZES]
    fit = fit_link(list(SIZES), [*exact[:-1], exact[-1] * 1.02])
    assert fit.time_s(8e5) == pytest.approx(0.0002 + 8e5 / 1e8, abs=1e-4)


def test_links_to_agents_are_measured(tmp_path: Path) -> None:
    with agents(("edge",)) as addresses:
        done = run("profile", tmp_path, "--hardware", "phone", "--links", f"edge={addresses['edge']}")
    assert done.code == 0, done.err
    there, back = json.loads(done.out)["links"]
    assert (there["source"], there["target"], back["source"]) == ("phone", "edge", "edge")
    assert there["bit_per_s"] > 1e7
    assert 0 <= there["latency_s"] < 0.1


def test_calibration_makes_the_plan_say_what_was_measured(tmp_path: Path) -> None:
    net, data = bundle(tmp_path)
    write_bundle(net, tmp_path / "net")
    held = pieces(tmp_path, [PlanToSplit("app", net, placement(net, list(NODES)))])
    network = topology(rate=1e7, latency=0.001)
    samples = read_samples(data, net.cuts.inputs)
    with agents() as addresses:
        options = RunOptions(links=link_table(topology(rate=2e6, latency=0.003)))
        with Coordinator(held, addresses, options) as coordinator:
            outcomes = coordinator.run(samples.inputs[:30])
            found = record(held, coordinator, outcomes, None, Planned(network), 1.0)
    (tmp_path / "run.json").write_text(found.model_dump_json(), encoding="utf-8")
    (tmp_path / "t.json").write_text(network.model_dump_json(exclude_none=True), encoding="utf-8")
    done = run(
        *("calibrate", tmp_path / "run.json", "--model", tmp_path / "net"),
        *("--topology", tmp_path / "t.json", "-o", tmp_path / "new"),
    )
    assert done.code == 0, done.err
    model, _ = read_document(tmp_path / "new" / "model.json", Model)
    corrected, _ = read_document(tmp_path / "new" / "topology.json", Topology)
    (plan,) = held.manifest.plans
    from planner.running.results.prediction import predict

    again = predict(plan_hops(plan), model, corrected, {each.name: each.share for each in found.plans[0].exits})
    for piece, time_s in zip(found.plans[0].pieces, again.pieces_s, strict=True):
        if piece.cpu_median_s is not None:
            assert time_s == pytest.approx(piece.cpu_median_s, rel=1e-3)
    measured = {hop.path: hop.median_s for hop in found.plans[0].hops if hop.result_of is None}
    for hop in again.hops:
        if len(hop.path) == 1:
            continue
        if measured[hop.path] is not None:
            assert hop.time_s == pytest.approx(measured[hop.path], rel=1e-3)


def test_a_run_of_another_model_does_not_calibrate(tmp_path: Path) -> None:
    net, data = bundle(tmp_path)
    held = pieces(tmp_path, [PlanToSplit("app", net, placement(net, ["edge"]))])
    with agents(("edge",)) as addresses, Coordinator(held, addresses, RunOptions()) as coordinator:
        outcomes = coordinator.run(read_samples(data, net.cuts.inputs).inputs[:3])
        found = record(held, coordinator, outcomes, None, Planned(topology()), 1.0)
    (tmp_path / "run.json").write_text(found.model_dump_json(), encoding="utf-8")
    (tmp_path / "t.json").write_text(topology().model_dump_json(exclude_none=True), encoding="utf-8")
    other = net.model.model_copy(update={"name": "other"})
    (tmp_path / "other.json").write_text(other.model_dump_json(exclude_none=True), encoding="utf-8")
    arguments = ("--model", tmp_path / "other.json", "--topology", tmp_path / "t.json", "-o", tmp_path / "new")
    done = run("calibrate", tmp_path / "run.json", *arguments)
    assert done.code == 2
    assert f"the run is of {net.model.name}, not of this model" in done.err
    assert not (tmp_path / "new").exists()


def test_profiling_a_plain_model_file_is_refused(tmp_path: Path) -> None:
    write_bundle(import_onnx(save(plain(), tmp_path / "n.onnx"), ImportOptions(accuracy=0.5)), tmp_path / "net")
    assert run("profile", tmp_path / "net" / "model.json", "--hardware", "x").code == 2
    assert run("profile", tmp_path / "net", "--hardware", "x", "--agent", "nowhere").code == 2
