"""Several apps on the command line and from Python: plans, checks, comparisons, exit codes, and bad input."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from command_line import Ran, refused, run, write

from planner import InputError, plan
from planner.clear.method import JOINT_METHODS
from planner.schemas import Model, Placement, Topology, Workload, check_document, read_document
from planner.verifier.verify import verify

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
WORKLOAD, TOPOLOGY = EXAMPLES / "small-shared.workload.json", EXAMPLES / "small-shared.json"
SHARED = ("--workload", str(WORKLOAD), "--topology", str(TOPOLOGY))
Json = dict[str, Any]


def document(path: Path) -> Json:
    raw: Json = json.loads(path.read_text(encoding="utf-8"))
    return raw


def files(folder: Path, change: Any) -> tuple[object, ...]:
    """Write the small example with changes; `change` takes the topology and the workload."""
    topology, workload = deepcopy(document(TOPOLOGY)), deepcopy(document(WORKLOAD))
    for app in workload["apps"]:
        app["model"] = str(EXAMPLES / app["model"])
    change(topology, workload)
    return "--workload", write(folder / "w.json", workload), "--topology", write(folder / "t.json", topology)


def test_apps_are_planned_together_and_the_plan_stands(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    ran = run("plan", *SHARED, "--output", path)
    assert (ran.code, ran.err) == (0, "")
    placement = read_document(path, Placement)[0]
    assert placement.total is not None and placement.certificate is not None
    assert placement.certificate.objective == "power_w"
    assert [app.name for app in placement.apps] == ["camera", "microphone"]
    assert placement.provenance is not None and placement.provenance.method == "clear"
    assert set(placement.provenance.inputs) == {"small-shared.workload.json", "small-shared.json", "small.json"}
    checked = run("check", path, *SHARED)
    assert (checked.code, checked.err) == (0, "")
    assert "stands" in checked.out
    assert ran.out.startswith(f"{placement.status}: 611.4 mW for 2 apps, 3 nodes in use, node shares ")
    for line in ("camera: 73.06 mJ", "microphone: 73.06 mJ", "shares    phone-a ", "speeds    edge 0.2", "bound     "):
        assert f"\n{line}" in ran.out


def test_json_is_the_placement(tmp_path: Path) -> None:
    ran = run("plan", *SHARED, "--json", "--method", "alone")
    placement = check_document(json.loads(ran.out), Placement)
    apps = check_document(document(WORKLOAD), Workload).apps
    model = read_document(EXAMPLES / "small.json", Model)[0]
    assert verify(placement, read_document(TOPOLOGY, Topology)[0], [(app, model) for app in apps]) == []


def test_nodes_without_memory_run_what_has_no_parameters(tmp_path: Path) -> None:
    model = document(EXAMPLES / "small.json")
    for part in (*model["blocks"], *model["exits"]):
        part["param_bytes"] = 0

    def change(topology: Json, workload: Json) -> None:
        for node in topology["nodes"]:
            node["memory_bytes"] = 0
        for app in workload["apps"]:
            app["model"] = str(write(tmp_path / "light.json", model))

    ran = run("plan", *files(tmp_path, change))
    assert (ran.code, ran.err) == (0, "")
    assert "611.4 mW" in ran.out


def test_an_app_can_still_be_taken_alone() -> None:
    assert run("plan", *SHARED, "--app", "camera").out.startswith("optimal: ")
    together = json.loads(run("plan", *SHARED, "--app", "camera", "--method", "clear", "--json").out)
    assert together["certificate"]["objective"] == "power_w"
    assert [app["name"] for app in together["apps"]] == ["camera"]


def test_compare_has_a_row_for_every_joint_method() -> None:
    ran = run("compare", *SHARED)
    assert (ran.code, ran.err) == (0, "")
    for name in (*JOINT_METHODS, "power", "node shares", "media shares", "nodes", "over best"):
        assert name in ran.out


def test_compare_of_some_methods_as_json() -> None:
    ran = run("compare", *SHARED, "--methods", "alone,full-dnn", "--json")
    rows = json.loads(ran.out)
    assert [row["method"] for row in rows] == ["alone", "full-dnn"]
    powers = [check_document(row["placement"], Placement).total.power_w for row in rows]  # type: ignore[union-attr] # plans
    assert powers[0] < powers[1]


def test_compare_of_one_app_by_joint_methods() -> None:
    ran = run("compare", *SHARED, "--app", "camera", "--methods", "clear,alone", "--json")
    assert [row["placement"]["certificate"]["objective"] for row in json.loads(ran.out)] == ["power_w", "power_w"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "--method", "gamma"), "plans one app, and there are 2"),
        (("plan", "--method", "nothing"), "there is no such method"),
        (("compare", "--methods", "clear,gamma"), "there is no such method to compare with the others"),
        (("compare", "--methods", "clear,nothing"), "there is no such method"),
        (("plan", "--max-latency", "1s"), "on the command line"),
        (("plan", "--app", "nobody"), "no app of this name"),
    ],
)
def test_what_several_apps_cannot_be_asked(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused(arguments[0], *SHARED, *arguments[1:])


def _set(where: str, **fields: object) -> Any:
    """Return a change of the first node, link or app."""

    def change(topology: Json, workload: Json) -> None:
        (workload if where == "apps" else topology)[where][0].update(fields)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set("apps", rate_per_s=0), "the app loads no node without a rate"),
        (_set("apps", objective="latency"), "apps that are planned together have one objective"),
        (_set("apps", name="microphone"), "microphone"),
        (_set("apps", source="nobody"), "no node of this name"),
        (_set("apps", destination="nobody"), "no node of this name"),
        (_set("apps", pin={"a": ["nobody"]}), "no node of this name"),
        (_set("apps", pin={"z": ["edge"]}), "no block of this name"),
        (_set("apps", rate_per_s=-1), "rate_per_s"),
        (_set("apps", share=0.5), "share"),
        (_set("apps", model="missing.json"), "missing.json"),
        (_set("links", bit_per_s=0), "bit_per_s"),
        (_set("nodes", max_utilization=1.5), "max_utilization"),
        (_set("nodes", speed={"min": 0.8, "max": 0.5}), "speed"),
        (_set("nodes", speed={"min": 0, "max": 1}), "speed"),
        (_set("nodes", ops_per_s=None), "phone-a"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, change: Any, words: str) -> None:
    for command in ("plan", "compare"):
        assert words in refused(command, *files(tmp_path, change))


def test_every_app_that_is_wrong_is_named(tmp_path: Path) -> None:
    def change(topology: Json, workload: Json) -> None:
        workload["apps"][0]["rate_per_s"] = 0
        workload["apps"][1]["source"] = "nobody"

    message = refused("plan", *files(tmp_path, change))
    assert "app camera: rate_per_s" in message
    assert "app microphone: source" in message


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (_set("apps", max_latency_s=0.001), "latency", "camera: the least worst latency is 18.8 ms"),
        (_set("apps", min_accuracy=0.99), "accuracy", "camera: the best accuracy that the model offers is 0.92"),
        (_set("apps", max_energy_j=1e-6), "energy", "camera: the least energy is"),
    ],
)
def test_an_app_that_cannot_be_served_alone_is_infeasible(tmp_path: Path, change: Any, kind: str, words: str) -> None:
    ran = run("plan", *files(tmp_path, change), "--json")
    assert ran.code == 3
    placement = check_document(json.loads(ran.out), Placement)
    assert placement.diagnosis is not None
    assert [row.kind for row in placement.diagnosis.limits] == [kind]
    assert words in ran.err


def test_loads_that_do_not_fit_together_are_infeasible(tmp_path: Path) -> None:
    """Raw input of 4 Mbit at 30 a second is 1.2 of what the radio carries."""

    def change(topology: Json, workload: Json) -> None:
        for app in workload["apps"]:
            app.update(pin={"a": ["edge"]}, rate_per_s=15)

    ran = run("plan", *files(tmp_path, change), "--json")
    assert ran.code == 3
    placement = check_document(json.loads(ran.out), Placement)
    assert placement.diagnosis is not None
    rate, radio = placement.diagnosis.limits
    assert (rate.kind, rate.demand, rate.best) == ("rate", 1.0, pytest.approx(1 / 1.2))
    assert (radio.kind, radio.subject, radio.unit) == ("medium", "radio", "fraction")
    assert (radio.demand, radio.best) == (pytest.approx(1.2), 1.0)


def test_no_answer_in_time_is_unknown() -> None:
    ran = run("plan", *SHARED, "--method", "milp", "--time-limit", "0s")
    assert ran.code == 4
    assert "unknown" in ran.err


def test_a_starting_plan_is_held_where_no_time_is_left_to_improve_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer for it than is allowed to be late."""
    monkeypatch.setattr("planner.clear.solve._LATE_S", 60.0)
    ran = run("plan", *SHARED, "--time-limit", "0s")
    assert ran.code == 0
    assert ran.out.startswith("feasible: ")
    assert "(gap " in ran.out


def test_a_node_that_may_not_be_busy_at_all_hosts_nothing(tmp_path: Path) -> None:
    ran = run("plan", *files(tmp_path, _set("nodes", max_utilization=0)), "--method", "alone", "--json")
    assert ran.code == 0
    nodes = {row["node"] for app in json.loads(ran.out)["apps"] for row in app["assignments"]}
    assert "phone-a" not in nodes


# From Python


def test_python_plans_a_workload() -> None:
    placement = plan(workload=WORKLOAD, topology=TOPOLOGY, method="alone")
    typed = plan(
        workload=check_document(document(WORKLOAD), Workload),
        topology=read_document(TOPOLOGY, Topology)[0],
        models={"small.json": read_document(EXAMPLES / "small.json", Model)[0]},
        method="alone",
    )
    assert placement.apps == typed.apps
    assert placement.total is not None and placement.total.power_w > 0


def test_python_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="either a model or a workload"):
        plan(topology=TOPOLOGY)
    with pytest.raises(InputError, match="either a model or a workload"):
        plan(EXAMPLES / "small.json", TOPOLOGY, workload=WORKLOAD)
    with pytest.raises(InputError, match="leave out rate_per_s, min_accuracy"):
        plan(workload=WORKLOAD, topology=TOPOLOGY, rate_per_s=3.0, min_accuracy=0.5)


def test_a_run_keeps_its_streams_apart() -> None:
    ran: Ran = run("plan", *SHARED, "--method", "full-dnn", "--json")
    assert json.loads(ran.out)["provenance"]["method"] == "full-dnn"
    assert ran.err == ""
