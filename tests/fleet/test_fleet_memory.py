"""The file beside a placement: planning again answers the same with it, without it, and with one that does not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import run

from planner.fleet.again import memory
from planner.fleet.plans import known
from planner.fleet.plans.dominance import efficient

CITY = Path(__file__).parents[2] / "examples" / "city"


@pytest.fixture(autouse=True)
def keep_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LEAST_PLANS", 0)


def plan(folder: Path, output: str, *options: str) -> dict[str, object]:
    files = [str(folder / "fleet.json"), "--topology", str(folder / "topology.json")]
    result = run("fleet", *files, *options, "-o", str(folder / output))
    assert result.code == 0, result.err
    data = json.loads((folder / output).read_text())
    return {name: value for name, value in data.items() if name != "timing"}


@pytest.fixture
def city(tmp_path: Path) -> Path:
    folder = tmp_path / "city"
    shutil.copytree(CITY, folder)
    for model in ("vit.json", "b-alexnet-branchynet.json"):
        shutil.copy(CITY.parent / model, tmp_path)
    plan(folder, "plan.json")
    return folder


def change_a_count(folder: Path) -> None:
    path = folder / "classes.csv"
    lines = path.read_text().splitlines()
    place = lines[0].split(",").index("count")
    cells = lines[1].split(",")
    cells[place] = str(int(cells[place]) + 3)
    path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")


def test_an_answer_is_the_same_with_and_without_the_file(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_a_count(city)
    asked: list[object] = []
    enumerate_plans = known.enumerate_plans
    monkeypatch.setattr(known, "enumerate_plans", lambda kind, _deadline: asked.append(kind) or enumerate_plans(kind))
    fast = plan(city, "fast.json", "--from", str(city / "plan.json"))
    assert not asked, "plans of kinds were enumerated although they are kept"
    (city / "plan.plans.npz").unlink()
    slow = plan(city, "slow.json", "--from", str(city / "plan.json"))
    assert asked
    assert fast == slow


@pytest.mark.parametrize("harm", ["truncated", "no archive", "another placement", "changed"])
def test_a_file_that_does_not_fit_is_not_used(city: Path, harm: str) -> None:
    side, placement = city / "plan.plans.npz", city / "plan.json"
    whole = plan(city, "same.json", "--from", str(placement))
    data = side.read_bytes()
    if harm == "truncated":
        side.write_bytes(data[: len(data) // 2])
    elif harm == "no archive":
        side.write_text("nothing of ours")
    elif harm == "another placement":
        placement.write_text(placement.read_text() + "\n")
        whole = {**whole, "provenance": None}
    else:
        with np.load(side) as file:
            arrays = {name: file[name] for name in file.files}
        arrays["plan_energy_j"] = arrays["plan_energy_j"] * 0.5
        np.savez(side, **arrays)
    found = memory.read_memory(side, placement.read_bytes(), "")
    assert found is None
    again = plan(city, "again.json", "--from", str(placement))
    if harm == "another placement":
        again["provenance"] = None
    assert again == whole
    if harm == "no archive":
        shutil.copy(side, city / "same.plans.npz")
        plan(city, "same.json")
        assert (city / "same.plans.npz").read_text() == "nothing of ours", "a file of the user was overwritten"


def test_a_class_with_new_limits_is_planned_anew(city: Path) -> None:
    path = city / "classes.csv"
    lines = path.read_text().splitlines()
    names = lines[0].split(",")
    cells = [line.split(",") for line in lines[1:]]
    for row in cells[:1]:
        row[names.index("max_latency_s")] = "10"
    path.write_text("\n".join([lines[0], *(",".join(row) for row in cells)]) + "\n")
    fast = plan(city, "fast.json", "--from", str(city / "plan.json"))
    (city / "plan.plans.npz").unlink()
    assert fast == plan(city, "slow.json", "--from", str(city / "plan.json"))


@pytest.mark.parametrize("seed", range(6))
def test_efficient_rows_are_those_that_no_other_one_beats(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 2_500))
    criteria = random.integers(0, 6, (count, int(random.integers(1, 6)))).astype(float)
    groups = random.integers(0, 4, count)
    kept = efficient(groups, criteria)
    for group in range(4):
        rows = criteria[groups == group]
        distinct = np.unique(rows, axis=0)
        no_worse = (distinct[:, None] <= distinct[None]).all(axis=2)
        np.fill_diagonal(no_worse, False)
        best = distinct[~no_worse.any(axis=0)]
        found = criteria[(groups == group) & kept]
        assert np.array_equal(best, np.unique(found, axis=0))
        assert len(found) == len(best)
