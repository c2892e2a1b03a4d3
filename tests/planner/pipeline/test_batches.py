"""Batches: false placements, bad input, costs by hand, states of a topology, pages, suites and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from command_line import run
from corruption import false_ones_that_stand, false_placements
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from profiles import examples
from undiagnosed import solve_undiagnosed
from variant_cases import raw_case, request_for

import planner
from planner.schemas import InputError

EXAMPLES = Path(__file__).parents[3] / "examples"
MODEL, TOPOLOGY = str(EXAMPLES / "small-batches.json"), str(EXAMPLES / "cameras-and-server.json")

BY_HAND: dict[str, Any] = {
    "name": "m", "input_bits": 100.0,
    "blocks": [{"name": "a", "ops": 10.0, "output_bits": 50.0, "working_bytes": 3.0, "state_bytes": 2.0},
               {"name": "b", "ops": 20.0}],
    "exits": [{"name": "e1", "after": "a"}, {"name": "e2", "after": "b"}],
    "operating_points": [{"name": "k", "exit_fractions": {"e1": 0.5, "e2": 0.5}, "accuracy": 0.9}],
    "profiles": {"h": {"b": {"time_s": {"1": 4.0, "2": 6.0}, "energy_j": {"1": 1.0, "2": 1.5}}}},
}  # fmt: skip
TWO_NODES: dict[str, Any] = {
    "name": "t",
    "nodes": [{"name": "x", "ops_per_s": 10.0, "j_per_op": 0.1, "static_power_w": 0.5}, {"name": "y", "hardware": "h"}],
    "links": [{"source": "x", "target": "y", "bit_per_s": 25.0, "latency_s": 1.0, "j_per_bit": 0.01, "medium": "air"}],
    "metrics": [{"name": "cost", "unit": "USD", "nodes": {"y": {"per_s": 1.0}}}],
}


def test_costs_of_a_batch_by_hand() -> None:
    """Two samples on two nodes, each term of the model of cost once."""
    pin = {"a": "x", "b": "y"}
    plan = planner.plan(BY_HAND, TWO_NODES, batch=2, rate_per_s=0.1, pin=pin).apps[0]
    # a: 2 s per batch on x, 2 J and 1 J static; b goes on unless both leave: 0.75 of 6 s and 1.5 J
    assert plan.batch == 2
    assert plan.breakdown.compute_j == pytest.approx((3.0 + 0.75 * 1.5) / 2)
    assert plan.breakdown.transfer_j == pytest.approx(0.5 * 50 * 0.01)
    assert plan.breakdown.filling_s == pytest.approx(10.0)
    assert plan.latency_s == pytest.approx(10.0 + 2.0 + (1.0 + 2 * 50 / 25.0) + 6.0)
    assert plan.metrics["cost"] == pytest.approx(0.75 * 6.0 / 2)
    rate = planner.plan(BY_HAND, TWO_NODES, batch=2, rate_per_s=0.1, pin=pin, objective="rate").apps[0]
    assert rate.busy_s is not None
    assert rate.busy_s.nodes == pytest.approx({"x": 1.0, "y": 0.75 * 6.0 / 2})
    assert rate.busy_s.media == pytest.approx({"air": 0.5 * 50 / 25.0})
    assert rate.rate_per_s == pytest.approx(1.0 / 2.25)


def test_memory_of_a_batch() -> None:
    for room, status in ((10.0, "optimal"), (9.0, "infeasible")):  # 2 * (3 + 2)
        nodes = [{**TWO_NODES["nodes"][0], "memory_bytes": room}, TWO_NODES["nodes"][1]]
        found = planner.plan(BY_HAND, {**TWO_NODES, "nodes": nodes}, batch=2, rate_per_s=0.01, pin={"a": "x"})
        assert found.status == status


def test_the_best_size_depends_on_the_limits() -> None:
    """Whichever size is chosen, it is the best of the sizes alone."""
    for most_s in (0.04, 0.1, 1.0):
        every = planner.plan(MODEL, TOPOLOGY, batch=[1, 4, 16], rate_per_s=100.0, max_latency_s=most_s)
        alone = [planner.plan(MODEL, TOPOLOGY, batch=b, rate_per_s=100.0, max_latency_s=most_s) for b in (1, 4, 16)]
        assert every.apps[0].energy_j == min(each.apps[0].energy_j for each in alone if each.apps)
        assert planner.check(every) == []
    assert "variant   batch 16" in str(planner.plan(MODEL, TOPOLOGY, batch=[1, 16], rate_per_s=100.0))


@pytest.mark.slow
@settings(max_examples=examples(50, 300))
@given(random=st.randoms(use_true_random=False))
def test_every_false_placement_of_a_batch_is_rejected(random: Random) -> None:
    app, models, topology = raw_case(random, batches=1.0)
    app["objective"] = random.choice(["energy", "latency"])
    try:
        request = request_for(app, models, topology)
        placement = solve_undiagnosed(request)
    except InputError:
        return
    assume(placement.apps)
    true = json.loads(placement.model_dump_json())
    false = [*false_placements(true, random, 20), *_false_batches(true, app["batch"])]
    assert false_ones_that_stand(false, request.topology, request.pairs) == []


def _false_batches(true: dict[str, Any], sizes: list[int]) -> list[dict[str, Any]]:
    """Return a placement with a size that was not asked for, and with another wait for the batch."""
    plan = true["apps"][0]
    filling = {**plan["breakdown"], "filling_s": plan["breakdown"]["filling_s"] * 1.001 + 1e-3}
    others = [{"batch": 7}, {"breakdown": filling}, *([{"batch": 1}] if 1 not in sizes else [])]
    return [{**true, "apps": [{**plan, **changes}]} for changes in others]


@pytest.mark.parametrize("size", [4, 16])
def test_a_plan_of_another_size_is_rejected(size: int) -> None:
    placement = planner.plan(MODEL, TOPOLOGY, batch=[1, 4, 16], rate_per_s=100.0, max_latency_s=0.04)
    other = placement.apps[0].model_copy(update={"batch": size})
    found = planner.check(
        placement.model_copy(update={"apps": (other,)}), TOPOLOGY, model=MODEL, batch=[1, 4, 16], rate_per_s=100.0,
        max_latency_s=0.04,
    )  # fmt: skip
    assert {"energy_j", "latency_s", "breakdown.filling_s"} <= {each.what for each in found}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"batch": 8}, "fills at a rate"),
        ({"batch": [2, 2], "rate_per_s": 1.0}, "stands twice"),
        ({"batch": 0, "rate_per_s": 1.0}, "greater than or equal to 1"),
        ({"batch": [1.5], "rate_per_s": 1.0}, "integer"),
        ({"batch": 5, "rate_per_s": 1.0, "model": "unprofiled"}, "in batches of 5"),
    ],
)
def test_bad_sizes_are_refused_in_one_message(asked: dict[str, Any], words: str) -> None:
    model, topology = MODEL, TOPOLOGY
    if asked.pop("model", None):
        read = json.loads(Path(TOPOLOGY).read_text(encoding="utf-8"))
        topology = {**read, "nodes": [{"name": "gateway", "hosts": False}, read["nodes"][1]]}
    with pytest.raises(InputError, match=words) as refused:
        planner.plan(model, topology, **asked)
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize(
    ("profile", "path"),
    [
        ({"time_s": {"1": 1.0, "8": 2.0}, "energy_j": 1.0}, "energy_j"),
        ({"time_s": 1.0, "energy_j": {"8": 2.0}}, "energy_j"),
        ({"time_s": {"0": 1.0}}, "time_s"),
        ({"time_s": {"x": 1.0}}, "time_s"),
        ({"time_s": {}}, "time_s"),
        ({"time_s": {"1": -1.0}}, "time_s"),
        ({"time_s": "fast"}, "time_s"),
        ({"time_s": None}, "time_s"),
    ],
)
def test_bad_profiles_of_batches_are_one_problem(profile: dict[str, Any], path: str) -> None:
    with pytest.raises(InputError) as refused:
        planner.load_model({**BY_HAND, "profiles": {"h": {"b": profile}}})
    (problem,) = refused.value.problems
    assert problem.path.startswith(f"profiles.h.b.{path}")


def test_apps_planned_together_say_their_batches() -> None:
    apps = [{"name": name, "model": MODEL, "rate_per_s": 1.0, "batch": [1, 4]} for name in ("one", "two")]
    assert {app.batch for app in planner.plan(None, TOPOLOGY, workload={"apps": apps}).apps} == {4}
    assert planner.plan(None, TOPOLOGY, workload={"apps": apps}, app="one").apps[0].batch == 4


def test_states_slow_batches_down_and_fall_back_to_single_samples() -> None:
    slow = {"name": "slow", "nodes": {"server": {"slow_down": 3.0}}}
    states = {"name": "s", "conditions": [slow, {"name": "gone", "lost_nodes": ["server"]}]}
    topology = json.loads(Path(TOPOLOGY).read_text(encoding="utf-8"))
    del topology["nodes"][0]["memory_bytes"]
    policy = planner.adapt(MODEL, topology, states, batch=[4, 16], rate_per_s=100.0)
    rows = {row.conditions: row for row in policy.policy}
    slowed = json.loads(Path(MODEL).read_text(encoding="utf-8"))
    for entry in slowed["profiles"]["server"].values():
        entry["time_s"] = {size: 3.0 * time_s for size, time_s in entry["time_s"].items()}
    expected = planner.plan(slowed, topology, batch=[4, 16], rate_per_s=100.0)
    assert rows["slow",].energy_j == pytest.approx(expected.apps[0].energy_j)
    assert rows["gone",].degraded
    batches = {plan.name: plan.placement.batch for plan in policy.plan_set}
    assert batches[rows[()].plan] == 16
    assert rows["gone",].rate_per_s == pytest.approx(1.0 / 0.15, rel=1e-3)  # 3e9 operations at 2e10 per second


@pytest.mark.parametrize("sizes", [[], 4, [4, 4], [0], [True], ["4"], [2.0]])
def test_bad_sizes_of_a_workload_are_one_problem(sizes: object) -> None:
    with pytest.raises(InputError) as refused:
        planner.load_workload({"apps": [{"model": "m", "rate_per_s": 1.0, "batch": sizes}]})
    (problem,) = refused.value.problems
    assert problem.path.startswith("apps[0].batch")


@pytest.mark.slow
def test_pages_show_the_batch(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    models, topology = [MODEL, str(EXAMPLES / "small-int8.json")], str(EXAMPLES / "small-topology.json")
    placement = planner.plan(models, topology, batch=[4], rate_per_s=10.0)
    page = tmp_path / "page.html"
    planner.write_report(placement, page)
    assert "small-batches.json, batch 4" in page.read_text(encoding="utf-8")


def test_the_command_line_and_suites_take_sizes(tmp_path: Path) -> None:
    files = ("--model", MODEL, "--topology", TOPOLOGY)
    plan = tmp_path / "plan.json"
    done = run("plan", *files, "--rate", "100", "--batch", "1,4,16", "--output", plan)
    assert "batches of 1, 4 or 16" in done.out
    assert json.loads(plan.read_text(encoding="utf-8"))["apps"][0]["batch"] == 16
    assert run("check", plan, *files, "--rate", "100", "--batch", "1,4,16", "--prove").code == 0
    assert "runs batches of 16" in run("check", plan, *files, "--rate", "100", "--batch", "1,4").out
    suite = tmp_path / "suite.toml"
    for path in (MODEL, TOPOLOGY):
        (tmp_path / Path(path).name).write_bytes(Path(path).read_bytes())
    suite.write_text(
        'schema_version = "1"\nname = "s"\n[fixed]\nmodel = "small-batches.json"\n'
        'topology = "cameras-and-server.json"\n'
        "rate_per_s = 100.0\n[axes]\nbatch = [1, 4, 16]\n",
        encoding="utf-8",
    )
    assert run("bench", suite, "--output", tmp_path / "results").code == 0
    assert run("export", tmp_path / "results", "--output", tmp_path / "rows.csv").code == 0
    assert (tmp_path / "rows.csv").read_text(encoding="utf-8").count("optimal") == 3
