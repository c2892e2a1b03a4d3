"""Fronts against full enumeration on random problems with every feature on; the command; what a partial front says."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pytest
from cases import instance_of, random_case
from command_line import SMALL, names_in, refused, run, write
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from planner.commands.inputs import read_planned
from planner.commands.options import Limits, Sources
from planner.fin.deadline import Deadline
from planner.fin.instance.decision import evaluate, within_limits
from planner.fin.instance.instance import Instance
from planner.fin.methods.enumeration import TooManyError, decisions
from planner.library.requests import request_for, single_app_request
from planner.pipeline.pareto import RESOLUTION, pareto
from planner.pipeline.request import Request
from planner.schemas import App, Front, Model, Topology, check_document, read_document
from planner.verifier.verify import verify

ROOT = Path(__file__).parents[2]
MOST_PLANS = 4_000
Point = tuple[float, float, float]
"""Energy (J), latency (s), accuracy."""


def all_points(instance: Instance) -> list[Point] | None:
    """Return what every plan within the limits costs, None where there are too many."""
    points = []
    try:
        for decision in decisions(instance, MOST_PLANS, Deadline()):
            cost = evaluate(instance, decision)
            if within_limits(instance, cost):
                points.append((cost.energy_j, cost.latency_s, float(instance.points.accuracy[decision.point])))
    except TooManyError:
        return None
    return points


def covers(front: Point, plan: Point, by: float = RESOLUTION) -> bool:
    """Tell whether a point is no worse than a plan, but for a relative difference."""
    return front[0] <= plan[0] * (1 + by) and front[1] <= plan[1] * (1 + by) and front[2] >= plan[2] - 1e-12


def points_of(front: Front) -> list[Point]:
    return [(point.energy_j, point.latency_s, point.accuracy) for point in front.points]


def request_of(app: App, model: Model, topology: Topology) -> Request:
    return Request(app.model_copy(update={"objective": "energy"}), model, topology)


@settings(max_examples=examples(60, 300))
@given(st.randoms(use_true_random=False))
def test_the_front_equals_that_of_all_plans(random: Random) -> None:
    app, model, topology = random_case(random)
    instance = instance_of(app, model, topology)
    plans = None if instance is None else all_points(instance)
    if plans is None:
        return
    front = pareto(request_of(app, model, topology))
    found = points_of(front)
    assert front.status == ("complete" if plans else "infeasible")
    assert (front.diagnosis is None) == bool(plans)
    # none is missing: every plan there is has a point that is no worse in any respect
    for plan in plans:
        assert any(covers(point, plan) for point in found), plan
    # none is too much: no plan is better than a point in all that matters
    for point in found:
        assert any(point == pytest.approx(plan, rel=1e-9, abs=1e-12) for plan in plans)
        better = [plan for plan in plans if covers(plan, point, 0.0) and not covers(point, plan, 1e-7)]
        assert not better, (point, better)
        assert sum(covers(other, point, 0.0) for other in found) == 1


@settings(max_examples=examples(60, 300))
@given(st.randoms(use_true_random=False))
def test_every_plan_stands_and_its_bound_holds_for_plans_as_fast_and_accurate(random: Random) -> None:
    app, model, topology = random_case(random, most_nodes=4, most_blocks=5)
    if instance_of(app, model, topology) is None:
        return
    front = pareto(request_of(app, model, topology))
    for point in front.points:
        limits = {"max_latency_s": point.latency_s, "min_accuracy": point.accuracy, "objective": "energy"}
        if point.latency_s > 0.0:
            tightened = app.model_copy(update=limits)
            assert not verify(point.placement, topology, [(tightened, model)])
        assert point.placement.certificate is not None
        assert point.placement.certificate.lower_bound >= point.energy_j * (1 - RESOLUTION)


def partial_request() -> Request:
    sources = Sources(ROOT / "examples/device-edge-cloud.json", [ROOT / "examples/b-alexnet-branchynet.json"])
    from planner.fin.method import Options

    return single_app_request(request_for(read_planned(sources, Limits()), "auto", Options(), False))


@cache
def whole_front() -> Front:
    return pareto(partial_request())


def test_a_partial_front_is_a_part_of_the_whole_and_says_where_it_stopped() -> None:
    request = partial_request()
    whole = whole_front()
    assert whole.status == "complete"
    assert whole.message == ""
    part = pareto(request, most_points=9)
    assert part.status == "partial"
    assert set(points_of(part)) < set(points_of(whole))
    assert len(part.points) == 9
    assert part.message.startswith("stopped after 9 points; missing are points of accuracy 0.7954 and at most ")
    exactly = pareto(request, most_points=len(whole.points))
    assert exactly == replace_searches(whole, exactly.searches)


def replace_searches(front: Front, searches: int) -> Front:
    return front.model_copy(update={"searches": searches})


def test_groups_of_levels_leave_out_no_point() -> None:
    """Level by level gives the same front as groups that are halved, which take fewer searches."""
    from planner.pipeline.one_app import instance_of as arrays_of
    from planner.pipeline.pareto import _Walk

    request = partial_request()
    app = request.app.model_copy(update={"min_accuracy": 0.0})
    instance = arrays_of(replace(request, app=app))
    walk = _Walk([instance], None, Deadline(), lambda found, accuracy: None)
    for level in sorted(set(instance.points.accuracy.tolist()), reverse=True):
        walk.scan([level], instance.limits.latency_s)
    alone = {(f.cost.energy_j, f.cost.latency_s, f.accuracy) for f in walk.found}
    assert alone == set(points_of(whole_front()))


def test_no_time_is_an_unknown_front() -> None:
    front = pareto(partial_request(), time_limit_s=0.0)
    assert front.status == "unknown"
    assert not front.points
    assert front.message.startswith("the time limit came")


def test_a_front_is_the_same_in_every_run() -> None:
    assert pareto(partial_request()) == whole_front()


# ---------------------------------------------------------------------------------------------------------------------
# The command


def test_the_command_prints_the_table_and_writes_the_front(tmp_path: Path) -> None:
    file = tmp_path / "front.json"
    ran = run("pareto", *SMALL, "--output", file)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "complete: 5 points of energy, worst latency and accuracy; no other plan within the limits is as good in all "
        "three",
        "energy   latency   accuracy  operating point  nodes",
        "118 mJ   27.56 ms  0.92      full             phone > cloud",
        "126 mJ   18.8 ms   0.92      full             phone > edge",
        "101 mJ   27.84 ms  0.9       half             phone > edge > cloud",
        "104 mJ   18.8 ms   0.9       half             phone > edge",
        "80.1 mJ  16.02 ms  0.78      short            phone",
    ]
    front, _ = read_document(file, Front)
    assert set(front.provenance.inputs) == {"small.json", "small-topology.json"}
    rows = list(csv.DictReader(io.StringIO(run("pareto", *SMALL, "--csv").out)))
    assert [float(row["energy_j"]) for row in rows] == [point.energy_j for point in front.points]
    assert [float(row["latency_s"]) for row in rows] == [point.latency_s for point in front.points]
    assert rows[0]["nodes"] == "phone > cloud"


def test_each_plan_of_a_front_passes_the_check_command(tmp_path: Path) -> None:
    run("pareto", *SMALL, "-o", tmp_path / "front.json")
    for point in json.loads((tmp_path / "front.json").read_text(encoding="utf-8"))["points"]:
        plan = write(tmp_path / "plan.json", point["placement"])
        ran = run(
            "check", plan, *SMALL, "--min-accuracy", point["accuracy"], "--max-latency", f"{point['latency_s']!r}s"
        )
        assert ran.code == 0, ran.out


def test_limits_hold_and_outcomes_have_their_exit_codes(tmp_path: Path) -> None:
    limited = run("pareto", *SMALL, "--min-accuracy", "0.9", "--max-energy", "110mJ", "--csv")
    assert [row["operating_point"] for row in csv.DictReader(io.StringIO(limited.out))] == ["half", "half"]
    none = run("pareto", *SMALL, "--max-latency", "1us")
    assert (none.code, none.out) == (3, "")
    assert none.err.startswith("infeasible: ")
    unknown = run("pareto", *SMALL, "--time-limit", "0s")
    assert (unknown.code, unknown.out) == (4, "")
    assert unknown.err.startswith("unknown: ")
    partial = run("pareto", *SMALL, "--max-points", "2", "--csv")
    assert partial.code == 0
    assert partial.err.startswith("partial: stopped after 2 points")
    assert "each belongs to the front, and some are missing" in run("pareto", *SMALL, "--max-points", "2").out


def test_bad_input_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "front.json"
    assert "no node of this name" in refused("pareto", *SMALL, "--source", "nobody", "-o", file)
    assert "not a number" in refused("pareto", *SMALL, "--max-latency", "fast", "-o", file)
    assert "give one of --model and --workload" in refused("pareto", *SMALL[2:], "-o", file)
    assert "cannot write" in refused("pareto", *SMALL, "-o", tmp_path)
    assert names_in(tmp_path) == []


def test_a_front_file_is_checked_like_every_other() -> None:
    front = pareto(partial_request(), most_points=2)
    document = json.loads(front.model_dump_json())
    assert check_document(document, Front) == front


def test_a_point_is_a_plan_of_one_app(tmp_path: Path) -> None:
    path = tmp_path / "front.json"
    assert run("pareto", *SMALL, "--output", path).code == 0
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["points"][1]["placement"]["apps"] = []
    message = refused("report", write(path, raw), "--output", tmp_path / "page.html")
    assert message.startswith(f"error: {path}: points[1].placement.apps: a point of a front is a plan of one app")
