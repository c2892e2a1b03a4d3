"""Metrics of fleets: limits by class, sums over users, against one program over all plans by other code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from command_line import run
from fleet_cases import random_fleet
from fleet_oracle import optima
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.files.fleet import fleet_json
from planner.fleet.reading.files import read_fleet
from planner.pipeline.fleet import plan_fleet
from planner.schemas import InputError, Model, Topology, check_document, read_document
from planner.schemas.fleets.fleet import Fleet
from planner.schemas.fleets.placement import FleetPlacement
from planner.verifier.fleet import verify_fleet


def plan(case: tuple, **options: object) -> FleetPlacement:
    fleet, topology, models = case
    known = {name: check_document(model, Model) for name, model in models.items()}
    return plan_fleet(check_document(fleet, Fleet), check_document(topology, Topology), models=known, **options)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**9))
def test_limits_on_metrics_hold_and_the_answer_is_the_optimum(seed: int) -> None:
    case = random_fleet(Random(seed), most_users=4, metrics=True)
    relaxed, whole = optima(*case)
    placement = plan(case, gap=1e-6)
    if placement.total is None:
        assert placement.status == "infeasible"
        assert relaxed.unserved > 1e-7
        return
    assert whole.unserved == pytest.approx(0.0, abs=1e-6)
    assert placement.certificate is not None
    assert placement.total.power_w == pytest.approx(whole.power_w, rel=1e-5, abs=1e-9)
    assert placement.certificate.lower_bound <= whole.power_w * (1 + 1e-6) + 1e-9
    limits = {item["name"]: item["limits"] for item in case[0]["classes"]}
    rates = {item["name"]: item["rate_per_s"] for item in case[0]["classes"]}
    names = {metric["name"] for metric in case[1]["metrics"]}
    for group in placement.groups:
        assert set(group.metrics) == names
        for name, most in limits[group.class_name].items():
            assert group.metrics[name] <= most * (1 + 1e-9)
    for name in names:
        total = sum(each.count * rates[each.class_name] * each.metrics[name] for each in placement.groups)
        assert placement.total.metrics[name] == pytest.approx(total)


CITY = Path(__file__).parents[2] / "examples" / "city"
METRICS = [
    {"name": "cost", "unit": "USD", "nodes": {"cloud": {"per_s": 3e-3}, "north": {"per_s": 2e-4}},
     "links": [{"source": "north", "target": "cloud", "per_bit": 1e-12}]},
    {"name": "battery", "unit": "J"},
]  # fmt: skip


def with_metrics(folder: Path, limit: str = "", **changes: object) -> tuple[Path, Path]:
    """Write the city with metrics, the battery of phones and a limit on the cost of photos; return its files."""
    (folder / "city").mkdir()
    for model in ("vit.json", "b-alexnet-branchynet.json"):
        shutil.copy(CITY.parent / model, folder / model)
    fleet = json.loads((CITY / "fleet.json").read_text(encoding="utf-8"))
    fleet["devices"]["phone"]["metrics"] = {"battery": {"per_j": 1.0}}
    topology = json.loads((CITY / "topology.json").read_text(encoding="utf-8"))
    for name, data in (("fleet", fleet), ("topology", topology | {"metrics": METRICS} | changes)):
        (folder / "city" / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
    for name, header, cell in (("classes", "limits.cost", limit), ("attach", "metrics.battery", "2.2e-8")):
        lines = (CITY / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        lines = [f"{lines[0]},{header}", *(f"{line},{cell}" for line in lines[1:])]
        (folder / "city" / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "city" / "fleet.json", folder / "city" / "topology.json"


def test_tables_limit_metrics_and_the_page_and_the_text_show_them(tmp_path: Path) -> None:
    (tmp_path / "free").mkdir()
    (tmp_path / "limited").mkdir()
    free = plan_fleet(*with_metrics(tmp_path / "free"))
    most = max(group.metrics["cost"] for group in free.groups)
    fleet, topology = with_metrics(tmp_path / "limited", limit=repr(most / 2))
    output, page = tmp_path / "plan.json", tmp_path / "page.html"
    done = run("fleet", fleet, "--topology", topology, "-o", output)
    assert done.code == 0, done.err
    assert "cost " in done.out
    assert "USD/s" in done.out
    limited = check_document(json.loads(output.read_text(encoding="utf-8")), FleetPlacement)
    assert limited.total is not None
    assert free.total is not None
    assert max(group.metrics["cost"] for group in limited.groups) <= most / 2 * (1 + 1e-9)
    assert limited.total.power_w > free.total.power_w
    assert run("check", output, "--fleet", fleet, "--topology", topology).code == 0
    assert run("report", output, "--fleet", fleet, "--topology", topology, "-o", page).code == 0
    assert "largest, per inference" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("where", "old", "new", "message"),
    [
        ("city/classes.csv", "limits.cost", "limits.money", "no metric of this name"),
        ("city/attach.csv", "metrics.battery", "metrics.volts", "no metric of this name"),
        ("city/fleet.json", '"battery"', '"volts"', "no metric of this name"),
        ("city/classes.csv", "limits.cost", "cost", "unknown column"),
        ("city/attach.csv", "2.2e-8\n", "-1\n", "not usable"),
    ],
)
def test_metrics_that_are_not_there_are_named(tmp_path: Path, where: str, old: str, new: str, message: str) -> None:
    files = with_metrics(tmp_path, limit="1")
    path = tmp_path / where
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        plan_fleet(*files)


CORRUPTIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "less": lambda data: data["groups"][0]["metrics"].update(cost=0.99 * data["groups"][0]["metrics"]["cost"]),
    "more": lambda data: data["groups"][0]["metrics"].update(battery=1.0 + data["groups"][0]["metrics"]["battery"]),
    "one is missing": lambda data: data["groups"][0]["metrics"].pop("cost"),
    "none is there": lambda data: data["groups"][0].pop("metrics"),
    "an unknown one": lambda data: data["groups"][0]["metrics"].update(volts=1.0),
    "sum less": lambda data: data["total"]["metrics"].update(cost=0.99 * data["total"]["metrics"]["cost"]),
    "sum missing": lambda data: data["total"]["metrics"].pop("battery"),
    "sum unknown": lambda data: data["total"]["metrics"].update(volts=1.0),
    "unit": lambda data: data["metric_units"].update(cost="EUR"),
    "unit missing": lambda data: data.pop("metric_units"),
    "unit unknown": lambda data: data["metric_units"].update(volts="V"),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corrupted_metrics_do_not_stand(tmp_path: Path, name: str) -> None:
    files = with_metrics(tmp_path, limit="1")
    read, topology = read_fleet(files[0]), read_document(files[1], Topology)[0]
    data = fleet_json(plan_fleet(*files))
    data["groups"].sort(key=lambda group: -group["metrics"]["cost"])
    assert not verify_fleet(check_document(data, FleetPlacement), topology, read.columns, read.models)
    CORRUPTIONS[name](data)
    assert verify_fleet(check_document(data, FleetPlacement), topology, read.columns, read.models)


def test_a_plan_beyond_a_limit_on_a_metric_does_not_stand(tmp_path: Path) -> None:
    files = with_metrics(tmp_path)
    read, topology = read_fleet(files[0]), read_document(files[1], Topology)[0]
    placement = plan_fleet(*files)
    most = max(group.metrics["cost"] for group in placement.groups)
    limits = {"cost": np.full(len(read.columns.count), 0.99 * most)}
    found = verify_fleet(placement, topology, replace(read.columns, limits=limits), read.models)
    assert {each.what for each in found} == {"limits.cost"}


def test_a_sum_that_is_missing_and_one_that_is_wrong_have_the_same_unit(tmp_path: Path) -> None:
    files = with_metrics(tmp_path, limit="1")
    read, topology = read_fleet(files[0]), read_document(files[1], Topology)[0]
    for name in ("sum less", "sum missing"):
        data = fleet_json(plan_fleet(*files))
        CORRUPTIONS[name](data)
        found = verify_fleet(check_document(data, FleetPlacement), topology, read.columns, read.models)
        assert [each.message.rpartition(" ")[2] for each in found] == ["USD/s" if name == "sum less" else "J/s"]
