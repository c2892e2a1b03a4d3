"""`planner adapt` for placements: exit codes, the two streams, the file, and what is refused."""

from __future__ import annotations

import json
import re
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import command_line
import pytest

from planner.schemas import check_document, read_document
from planner.schemas.adaptation.placement_policy import PlacementPolicy
from planner.schemas.adaptation.states import States, states_of

run, refused = partial(command_line.run, "adapt"), partial(command_line.refused, "adapt")

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = ("--model", EXAMPLES / "small.json", "--topology", EXAMPLES / "small-topology.json")
Json = dict[str, Any]


def states(folder: Path, *conditions: Json, **fields: Any) -> Path:
    path = folder / "states.json"
    document = {"schema_version": "1", "name": "s", "conditions": list(conditions), **fields}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


EDGE_BUSY = {"name": "edge-busy", "nodes": {"edge": {"slow_down": 10.0}}}
EDGE_LOST = {"name": "edge-lost", "lost_nodes": ["edge"]}
PHONE_LOST = {"name": "phone-lost", "lost_nodes": ["phone"]}


def test_the_table_says_what_to_do_in_every_state(tmp_path: Path) -> None:
    path = states(tmp_path, EDGE_BUSY, PHONE_LOST, EDGE_LOST, most_together=1)
    code, out, err = run(*SMALL, "--states", path, "--max-latency", "50ms", "--min-accuracy", "0.9")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "policy for 'app': 4 states, 2 plans"
    assert lines[1].split() == ["state", "plan", "energy", "latency", "accuracy"]
    assert lines[2].startswith("nothing wrong  p0 ")
    assert lines[4].split()[:2] == ["phone-lost", "-"]
    assert lines[4].endswith("nothing can run: no plan for 'app': the source phone is lost")
    assert lines[5].endswith("degraded: accuracy 0.78, asked for is 0.9")
    assert "p0  half: " in out
    assert "used in 1 of 4 states; kept always, it holds in" in out


def test_the_file_is_a_policy_and_json_is_the_same(tmp_path: Path) -> None:
    path, target = states(tmp_path, EDGE_BUSY), tmp_path / "policy.json"
    code, out, _ = run(*SMALL, "--states", path, "-o", target, "--json")
    assert code == 0
    policy, _ = read_document(target, PlacementPolicy)
    assert check_document(json.loads(out), PlacementPolicy) == policy
    assert set(policy.provenance.inputs) == {"small.json", "small-topology.json", "states.json"}
    assert run(*SMALL, "--states", path, "--json")[1] == out, "two runs differ"


@pytest.mark.slow
def test_a_workload_names_the_app_and_its_limits() -> None:
    workload = EXAMPLES / "vit.workload.json"
    code, out, _ = run(
        "--workload", workload, "--topology", EXAMPLES / "mcm.json", "--states", EXAMPLES / "mcm.states.json", "--json"
    )
    assert code == 0
    assert json.loads(out)["app"] == "camera"


def test_no_plan_in_any_state_is_code_3(tmp_path: Path) -> None:
    code, out, _ = run(*SMALL, "--states", states(tmp_path, EDGE_BUSY), "--max-latency", "1us")
    assert code == 3
    assert out.count("degraded: takes") == 2


def test_no_answer_in_time_is_code_4(tmp_path: Path) -> None:
    path = states(tmp_path, {"name": "phone-hot", "nodes": {"phone": {"slow_down": 2}}})
    model, topology = EXAMPLES / "vit.json", EXAMPLES / "mcm.json"
    code, out, _ = run("--model", model, "--topology", topology, "--states", path, "--time-limit", "0s")
    rows = [line for line in out.splitlines() if "the time limit came" in line]
    assert (code, len(rows)) in ((0, 2), (4, 2))
    assert (code == 4) == all("unknown" in line for line in rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--states", "nowhere.json"], "cannot read the file"),
        (["--states", EXAMPLES / "small.json"], "the file is a model, not states of a topology"),
        (["--states", EXAMPLES / "mcm.states.json", "--source", "moon"], "the topology has no node"),
        (["--states", EXAMPLES / "mcm.states.json"], "the topology has no node or package of this name"),
        (["--states", EXAMPLES / "mcm.states.json", "--max-latency", "soon"], "not a number with the unit s"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments: list[object], message: str) -> None:
    err = refused(*SMALL, *arguments)
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: there is nothing to adapt; give a designs file, or --model"),
        (["d.json", "--model", "m.json"], 'two policies (found "d.json"); give the designs file alone'),
        (["d.json", "--gap", "1%"], "keep --gap"),
        (["d.json", "--pin", "a=b"], "keep --pin"),
        (["--max-designs", "3"], "--max-designs needs a designs file"),
        (["--transfer-from", "d.json", *SMALL], "--transfer-from needs a designs file"),
        (SMALL, "placements need --states"),
        (["--states", "s.json", "--model", "m.json"], "placements need --topology"),
        (["--source", "phone"], "placements need --topology and --states"),
        (["--topology", SMALL[3], "--states", "s.json"], "give a topology, and either a model or a workload"),
    ],
)
def test_designs_and_placements_are_told_apart(arguments: list[object], message: str) -> None:
    assert message in refused(*arguments)


def test_names_that_are_not_there_come_with_file_and_place(tmp_path: Path) -> None:
    path = states(tmp_path, {"name": "a", "nodes": {"edeg": {"slow_down": 2}}, "lost_nodes": ["moon"]})
    err = refused(*SMALL, "--states", path)
    assert f"{path}: conditions[0].nodes.edeg: " in err
    assert "did you mean 'edge'?" in err
    assert f"{path}: conditions[0].lost_nodes[0]: " in err


def test_nan_is_not_a_factor(tmp_path: Path) -> None:
    path = states(tmp_path, {"name": "a", "nodes": {"edge": {"slow_down": float("nan")}}})
    assert "conditions[0].nodes.edge.slow_down" in refused(*SMALL, "--states", path)


@pytest.mark.slow
def test_the_documentation_shows_what_is_printed(tmp_path: Path) -> None:
    page = (EXAMPLES.parent / "docs" / "adapt.md").read_text(encoding="utf-8")
    fences = re.findall(r"```(?:json)?\n(.*?)```", page, re.S)
    command = next(text for text in fences if text.startswith("planner adapt --workload"))
    arguments = shlex.split(command)[2:]
    arguments[arguments.index("-o") + 1] = str(tmp_path / "policy.json")
    arguments = [str(EXAMPLES.parent / part) if part.startswith("examples/") else part for part in arguments]
    assert run(*arguments) == (0, fences[fences.index(command) + 1], "")
    assert read_document(tmp_path / "policy.json", PlacementPolicy)


def test_the_documentations_states_file_is_one() -> None:
    page = (EXAMPLES.parent / "docs" / "adapt.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```json\n(.*?)```", page, re.S)
    assert len(states_of(check_document(json.loads(text), States))) == 8
