"""Clocks of agents: offsets by round trips, one clock on one machine, and what a plan counts as latency."""

from __future__ import annotations

from pathlib import Path

import pytest
from agents import agents, bundle, pieces, placement
from hypothesis import given
from hypothesis import strategies as st

from planner.running.agents.clocks import ClockOffset, machine_id
from planner.running.agents.coordinator import Coordinator
from planner.running.agents.outcome import RunOptions
from planner.running.graph.samples import read_samples
from planner.running.pieces.splitting import PlanToSplit
from planner.running.results.summary import net_s
from planner.schemas.planning.placement import Route

_TRIPS = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=9)


@given(_TRIPS, st.integers(-(10**12), 10**12))
def test_the_offset_is_off_by_half_of_the_fastest_round_trip_at_most(trips: list[tuple[int, int]], ahead: int) -> None:
    clock, now = ClockOffset(), 0
    for there, back in trips:
        clock.observe(now, now + there + back, now + there + ahead)
        now += there + back
    assert abs(clock.offset_ns - ahead) <= min(map(sum, trips)) / 2 + 1e-3


def test_processes_of_one_machine_have_one_clock() -> None:
    clock = ClockOffset()
    clock.observe(0, 1_000_000, 900_000)
    assert clock.of_machine("") == clock.of_machine(None) == clock.offset_ns == 400_000
    if machine_id():
        assert clock.of_machine(machine_id()) == 0.0
        clock.observe(0, 10, 5 * 10**9)  # another time namespace
        assert clock.of_machine(machine_id()) == clock.offset_ns


@pytest.mark.parametrize("source", ["phone", "edge"])
def test_handing_a_sample_to_the_source_is_no_part_of_its_latency(tmp_path: Path, source: str) -> None:
    net, data = bundle(tmp_path)
    routes = (Route(after=None, path=("phone", "edge"), bits=1.0),) if source == "phone" else ()
    plan = placement(net, ["edge"]).model_copy(update={"routes": routes})
    held = pieces(tmp_path, [PlanToSplit("app", net, plan)])
    with agents(("edge",)) as addresses, Coordinator(held, addresses, RunOptions()) as coordinator:
        outcomes = coordinator.run(read_samples(data, net.cuts.inputs).inputs[:5])
    for outcome in outcomes:
        total_s = (outcome.end - outcome.start) * 1e-9
        busy_s = sum(cpu * slow for *_, cpu, slow in outcome.trace) * 1e-9
        handed_s = outcome.handed_ns * 1e-9
        assert (handed_s > 0) == (source == "edge")
        assert busy_s <= net_s(outcome) <= total_s - handed_s + 1e-9
