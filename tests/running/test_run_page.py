"""The page of a run says what its record says."""

from __future__ import annotations

from pathlib import Path

import pytest
from agents import NODES, agents, bundle, pieces, placement, topology
from command_line import run

from planner.running.agents.coordinator import Coordinator
from planner.running.agents.outcome import RunOptions
from planner.running.graph.samples import read_samples
from planner.running.pieces.links import link_table
from planner.running.pieces.splitting import PlanToSplit
from planner.running.results.calibrating import calibrated_topology
from planner.running.results.record import Planned, record
from planner.running.results.verdicts import slow_pieces
from planner.schemas.bundles.run import PlanRun, Run
from planner.schemas.reading.files import check_document
from planner.units import format_quantity


@pytest.fixture
def held(tmp_path: Path) -> Run:
    net, data = bundle(tmp_path)
    split = pieces(tmp_path, [PlanToSplit("app", net, placement(net, list(NODES)))])
    samples, network = read_samples(data, net.cuts.inputs), topology()
    with (
        agents() as addresses,
        Coordinator(split, addresses, RunOptions(links=link_table(network))) as coordinator,
    ):
        outcomes = coordinator.run(samples.inputs)
        return record(split, coordinator, outcomes, samples.labels, Planned(network), 1.0)


def test_the_page_holds_every_figure_of_the_record(held: Run, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(held.model_dump_json(), encoding="utf-8")
    done = run("report", tmp_path / "run.json", "-o", tmp_path / "run.html")
    assert done.code == 0, done.err
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    (plan,) = held.plans
    for each in plan.exits:
        assert format_quantity(each.latency.median_s or 0.0, "s") in page
    for verdict in plan.verdicts:
        assert verdict.figure in page
    for piece in plan.pieces:
        assert piece.name.replace("+", "+") in page
    assert "links were emulated" in page


def test_latency_without_links_is_neither_better_nor_put_into_a_topology(tmp_path: Path) -> None:
    net, data = bundle(tmp_path)
    split = pieces(tmp_path, [PlanToSplit("app", net, placement(net, list(NODES)))])
    samples, network = read_samples(data, net.cuts.inputs), topology(latency=0.5)
    with agents() as addresses, Coordinator(split, addresses, RunOptions()) as coordinator:
        outcomes = coordinator.run(samples.inputs)
        found = record(split, coordinator, outcomes, samples.labels, Planned(network), 1.0)
    (plan,) = found.plans
    words = {each.figure: each.verdict for each in plan.verdicts}
    assert {words[f"latency of {each.name}"] for each in plan.exits if each.samples} == {"links not emulated"}
    assert words["accuracy"] != "links not emulated"
    (tmp_path / "run.json").write_text(found.model_dump_json(), encoding="utf-8")
    assert run("report", tmp_path / "run.json", "-o", tmp_path / "run.html").code == 0
    assert "links not emulated: latency not compared" in (tmp_path / "run.html").read_text(encoding="utf-8")
    raw = network.model_dump(mode="json", exclude_none=True)
    rates = {(link["latency_s"], link["bit_per_s"]) for link in calibrated_topology(found, network, raw)["links"]}
    assert rates == {(0.5, 5e7)}


def test_a_time_line_adds_up_to_the_latency(held: Run) -> None:
    (plan,) = held.plans
    ends = [step.start_s + step.time_s for step in plan.timeline]
    assert ends == sorted(ends)
    assert plan.predicted_timeline
    common = max(plan.exits, key=lambda each: each.samples)
    total = sum(step.time_s for step in plan.predicted_timeline)
    assert total == pytest.approx(common.latency.predicted_s)


def test_pieces_that_took_longer_than_predicted_are_told_with_what_corrects_them() -> None:
    def told(verdict: str, *pieces: tuple[float | None, float]) -> list[str]:
        rows = [
            {"name": f"p{i}", "node": "phone", "blocks": ["b"], "runs": 1, "predicted_s": one, "cpu_median_s": other}
            for i, (one, other) in enumerate(pieces)
        ]
        figure = {
            "figure": "latency of y",
            "predicted": 1,
            "measured": 2,
            "unit": "s",
            "tolerance": 0,
            "verdict": verdict,
        }
        raw = {"name": "app", "app": "app", "operating_point": "full", "samples": 1, "exits": [], "latency": {}}
        return slow_pieces([check_document({**raw, "pieces": rows, "verdicts": [figure]}, PlanRun)])

    (note,) = told("worse", (0.001, 0.0015), (0.002, 0.003), (None, 5.0))
    assert "the pieces of app took 1.5 ms longer than predicted" in note
    assert "planner calibrate" in note
    assert not told("as predicted", (0.001, 0.0015), (0.002, 0.003))
    assert not told("worse", (0.1, 0.105)), "within a tenth"
    assert not told("worse", (0.0001, 0.0003)), "within 0.3 ms"
    assert not told("worse")
