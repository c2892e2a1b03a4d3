"""What users may get wrong in a fleet: one message each, ten and a count of many, exit code 2."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from command_line import run

from planner.fleet.reading import plain_csv
from planner.fleet.reading.files import read_fleet
from planner.pipeline.fleet import plan_fleet
from planner.schemas import InputError

CITY = Path(__file__).parents[2] / "examples" / "city"
ATTACH = {"node": "north", "bit_per_s": 7e7, "medium": "cell"}
CLASS = {
    "name": "c", "count": 3, "model": "vit.json", "rate_per_s": 0.1, "min_accuracy": 0.9, "attach": [ATTACH],
    "device": {"ops_per_s": 1e10, "j_per_op": 2e-10},
}  # fmt: skip


def fleet_of(folder: Path, *classes: dict[str, Any]) -> Path:
    shutil.copy(CITY.parent / "vit.json", folder / "vit.json")
    shutil.copy(CITY / "topology.json", folder / "topology.json")
    path = folder / "fleet.json"
    path.write_text(json.dumps({"schema_version": "1", "name": "f", "classes": list(classes)}), encoding="utf-8")
    return path


def test_a_table_in_place_of_a_fleet_and_other_separators_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this is a table"):
        read_fleet(CITY / "classes.csv")
    for name in ("fleet.json", "classes.csv", "attach.csv"):
        shutil.copy(CITY / name, tmp_path / name)
    text = (CITY / "classes.csv").read_text(encoding="utf-8")
    (tmp_path / "classes.csv").write_text(text.replace(",", ";"), encoding="utf-8")
    with pytest.raises(InputError, match="separate cells by commas"):
        read_fleet(tmp_path / "fleet.json")


def test_a_placement_of_a_fleet_is_told_from_one_of_apps(tmp_path: Path) -> None:
    fleet, topology, output = CITY / "fleet.json", CITY / "topology.json", tmp_path / "plan.json"
    assert run("fleet", fleet, "--topology", topology, "-o", output).code == 0
    ran = run("check", output, "--topology", topology, "--model", CITY.parent / "vit.json")
    assert (ran.code, ran.err.count("error:")) == (2, 1)
    assert "the placement of a fleet" in ran.err
    assert "--fleet" in ran.err
    ran = run("fleet", fleet, "--topology", topology, "--from", fleet)
    assert (ran.code, ran.err.count("error:")) == (2, 1)
    assert "the file is a fleet" in ran.err


@pytest.mark.parametrize(
    "classes",
    [
        "",
        "{}\n",
        "\ufeff{}\n",
        "{}",
        "{}\n\n",
        "{}\nx,1,m\n",
        '{}\n"centre, too",3,../vit.json,phone,centre,,,,\n',
        "{}\nq,x,../vit.json,phone,centre,,,,\nr,1.5,,nothing,,,,,2\n",
    ],
)
def test_large_tables_are_read_like_small_ones(classes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fleet.json", "attach.csv"):
        shutil.copy(CITY / name, tmp_path / name)
    for model in ("vit.json", "b-alexnet-branchynet.json"):
        shutil.copy(CITY.parent / model, tmp_path.parent / model)
    text = (CITY / "classes.csv").read_text(encoding="utf-8").rstrip("\n")
    if not classes:
        text = text.partition("\n")[0]
    (tmp_path / "classes.csv").write_text(classes.format(text) or text, encoding="utf-8")
    found = []
    for large in (10**9, 0):
        monkeypatch.setattr(plain_csv, "LARGE_BYTES", large)
        monkeypatch.setattr(plain_csv, "_CHUNK_BYTES", 500)
        try:
            columns = read_fleet(tmp_path / "fleet.json").columns
            found.append([str(getattr(columns, each.name)) for each in fields(columns)])
        except InputError as error:
            found.append([str(problem) for problem in error.problems])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 2.5}, r"classes\[0\].count"),
        ({"count": -1}, r"classes\[0\].count"),
        ({"attach": []}, r"classes\[0\].attach"),
        ({"attach": [{**ATTACH, "node": "west"}]}, "no node of this name"),
        ({"destination": "west"}, "no node of this name"),
        ({"count": 0}, "no class has a user"),
        ({"latency": "p0"}, "0th percentile"),
        ({"latency": "median"}, "not a statistic"),
        ({"device": {}}, "ops_per_s"),
        ({"colour": "red"}, "unknown field"),
        ({"batch": [1, 8]}, "batch: the users of a fleet run no batches; remove it"),
        ({"limits": {"money": 1.0}}, r"class c\.limits\.money: the topology has no metric of this name"),
        ({"limits": {"1 money": 1.0}}, r"limits\.1 money: not a name of a metric .* begin with a letter"),
        ({"attach": [{**ATTACH, "metrics": {"money": 1e-9}}]}, r"class c\.attach\.metrics\.money: the topology has"),
        ({"attach": [{**ATTACH, "metrics": {"money": 0.0}}]}, r"classes\.attach\.metrics\.money: the topology has"),
    ],
)
def test_every_mistake_in_a_class_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = fleet_of(tmp_path, {**CLASS, **change})
    with pytest.raises(InputError, match=message):
        plan_fleet(path, tmp_path / "topology.json")


def test_a_name_of_a_table_that_is_too_long_is_named(tmp_path: Path) -> None:
    for name in ("vit.json", "b-alexnet-branchynet.json"):
        shutil.copy(CITY.parent / name, tmp_path / name)
    shutil.copytree(CITY, tmp_path / "city")
    table = tmp_path / "city" / "classes.csv"
    head, *rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([head, rows[0], "x" * 300 + rows[1]]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"more than 200 characters"):
        plan_fleet(tmp_path / "city" / "fleet.json", CITY / "topology.json")


def test_no_capacity_anywhere_is_named(tmp_path: Path) -> None:
    path = fleet_of(tmp_path, CLASS)
    topology = json.loads((tmp_path / "topology.json").read_text(encoding="utf-8"))
    for node in topology["nodes"]:
        node["max_utilization"] = 0.0
    (tmp_path / "topology.json").write_text(json.dumps(topology), encoding="utf-8")
    with pytest.raises(InputError, match="no shared node has any capacity"):
        plan_fleet(path, tmp_path / "topology.json")


def test_a_node_called_device_is_refused(tmp_path: Path) -> None:
    path = fleet_of(tmp_path, CLASS)
    text = (tmp_path / "topology.json").read_text(encoding="utf-8")
    (tmp_path / "topology.json").write_text(text.replace('"south"', '"device"'), encoding="utf-8")
    with pytest.raises(InputError, match="means the user's own node"):
        plan_fleet(path, tmp_path / "topology.json")


@pytest.mark.parametrize("models", [["vit.json", "vit.json"], ["vit.json"], []])
def test_a_choice_of_models_is_one_clear_message(tmp_path: Path, models: list[str]) -> None:
    path = fleet_of(tmp_path, {**CLASS, "model": models})
    with pytest.raises(InputError) as caught:
        read_fleet(path)
    (problem,) = caught.value.problems
    assert problem.message == "a class of a fleet does not choose between models"
    assert problem.fix == "name one model, or give a class of its own for each"
    assert "model" in problem.path


def test_many_wrong_rows_are_ten_messages_and_a_count(tmp_path: Path) -> None:
    shutil.copytree(CITY, tmp_path / "city")
    rows = ["name,count,model,device,attach,rate_per_s"]
    for index in range(30_000):
        count = "1.5" if index % 10 == 0 else "-3" if index % 10 == 1 else "4"
        rows.append(f"c{index},{count},../vit.json,phone,centre,0.1")
    (tmp_path / "city" / "classes.csv").write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_fleet(tmp_path / "city" / "fleet.json")
    assert len(caught.value.problems) == 11
    assert "row 2, count" in str(caught.value.problems[0])
    assert "and 5,990 more problems (6,000 in all)" in str(caught.value.problems[10])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("watch,centre", "clock,centre", "no device of this name"),
        ("watch,centre", "watch,airport", "no row for it"),
        ("centre/photo/watch", "centre/photo/phone", "used twice"),
        ("0.5,mean", "0.5,median", "not a statistic"),
        ("centre/photo/watch,80", "centre/photo/watch,", "whole number"),
        ("centre/photo/watch,80", "centre/photo/watch,80,1", "does not have 9 cells"),
        ("rate_per_s", "rate", "unknown column"),
        ("name,count", "name,number", "no column 'count'"),
    ],
)
def test_every_mistake_in_a_table_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    shutil.copytree(CITY, tmp_path / "city")
    table = tmp_path / "city" / "classes.csv"
    text = table.read_text(encoding="utf-8")
    assert old in text
    table.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_fleet(tmp_path / "city" / "fleet.json")


def test_tables_and_lists_say_the_same(tmp_path: Path) -> None:
    read = read_fleet(CITY / "fleet.json").columns
    north = {"node": "north", "bit_per_s": 7e7, "latency_s": 0.004, "j_per_bit": 2.2e-8, "medium": "cell-north"}
    south = {"node": "south", "bit_per_s": 2.4e7, "latency_s": 0.004, "j_per_bit": 4.6e-8, "medium": "cell-south"}
    links = [north, south]
    device = {"ops_per_s": 1.5e10, "j_per_op": 2e-10, "memory_bytes": 4e9}
    listed = {**CLASS, "name": "centre/photo/phone", "count": 220, "rate_per_s": 0.2, "max_latency_s": 0.3,
              "latency": "mean", "min_accuracy": 0.95, "attach": links, "device": device}  # fmt: skip
    other = read_fleet(fleet_of(tmp_path, listed)).columns
    assert other.count[0] == read.count[0]
    assert other.max_latency_s[0] == read.max_latency_s[0]
    assert other.link_bit_per_s[:2].tolist() == read.link_bit_per_s[:2].tolist()
    assert other.devices[0] == read.devices[0]
    assert [other.nodes[node] for node in other.link_node[:2]] == [read.nodes[node] for node in read.link_node[:2]]


def test_the_command_plans_and_checks_and_refuses(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    done = run("fleet", CITY / "fleet.json", "--topology", CITY / "topology.json", "-o", plan)
    assert done.code == 0, done.err
    page = (CITY.parents[1] / "docs" / "fleet.md").read_text(encoding="utf-8")
    assert f"```\n{done.out}```" in page, "docs/fleet.md shows what the command prints"
    done = run("check", plan, "--fleet", CITY / "fleet.json", "--topology", CITY / "topology.json")
    assert done.code == 0, done.out
    assert "stands (optimal)" in done.out
    done = run("fleet", CITY / "fleet.json", "--topology", CITY / "topology.json", "--method", "magic")
    assert done.code == 2
    assert "use one of fleet, nearest" in done.err
    done = run("check", plan, "--fleet", CITY / "fleet.json", "--topology", CITY / "topology.json", "--rate", "3")
    assert done.code == 2
    assert "--rate" in done.err


def test_an_answer_without_a_plan_is_read_back_and_says_so(tmp_path: Path) -> None:
    topology = json.loads((CITY / "topology.json").read_text(encoding="utf-8"))
    for node in topology["nodes"]:
        node["max_utilization"] /= 100
    tight, plan, page = tmp_path / "tight.json", tmp_path / "plan.json", tmp_path / "page.html"
    tight.write_text(json.dumps(topology), encoding="utf-8")
    files = ("--fleet", CITY / "fleet.json", "--topology", tight)
    assert run("fleet", CITY / "fleet.json", "--topology", tight, "--method", "nearest", "-o", plan).code == 4
    done = run("check", plan, *files)
    assert (done.code, done.err) == (0, "")
    assert "holds no plan to check (unknown)" in done.out
    assert run("report", plan, *files, "--sites", CITY / "sites.json", "-o", page).code == 0
    assert "holds no plan to draw (unknown)" in page.read_text(encoding="utf-8")
    done = run("fleet", CITY / "fleet.json", "--topology", tight, "--from", plan)
    assert done.code == 2
    assert "holds no plan (unknown)" in done.err


def test_only_fleets_have_sites(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"schema_version": "1", "plan_set": []}), encoding="utf-8")
    done = run("report", policy, "--sites", CITY / "sites.json", "-o", tmp_path / "page.html")
    assert (done.code, done.err.count("error:")) == (2, 1)
    assert "only fleets have sites" in done.err
    assert "--fleet" not in done.err
