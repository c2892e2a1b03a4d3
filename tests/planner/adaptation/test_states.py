"""States of a topology: what files are refused, which states there are, and what each does to the inputs."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from planner.adaptation.check_states import check_states
from planner.adaptation.degradation import combine_conditions, degraded
from planner.fin.instance.packages import expand
from planner.pipeline.request import Request
from planner.schemas import InputError, Model, Topology, Workload, check_document
from planner.schemas.adaptation.states import MOST_STATES, States, states_of

EXAMPLES = Path(__file__).parents[3] / "examples"
Json = dict[str, Any]


def states(*conditions: Json, **fields: Any) -> Json:
    return {"schema_version": "1", "name": "s", "conditions": list(conditions), **fields}


def good() -> Json:
    return states(
        {"name": "busy", "nodes": {"edge": {"slow_down": 2.0}}},
        {"name": "weak", "links": [{"source": "phone", "target": "edge", "bandwidth_factor": 0.5}]},
        {"name": "lost", "lost_nodes": ["cloud"], "lost_links": [{"source": "edge", "target": "cloud"}]},
    )


def topology() -> Topology:
    return check_document(json.loads((EXAMPLES / "small-topology.json").read_text(encoding="utf-8")), Topology)


def many(count: int) -> list[Json]:
    return [{"name": f"c{index}", "lost_nodes": [f"n{index}"]} for index in range(count)]


# place, value, words of the message, words of the advice
BAD = [
    ("conditions", [], "too few entries", "at least one entry"),
    ("conditions[1].name", "busy", "used twice", "a name of its own"),
    ("conditions[0].nodes.edge.slow_down", 0, "greater than or equal to 0.000001", ""),
    ("conditions[0].nodes.edge.slow_down", -2.0, "greater than or equal to 0.000001", ""),
    ("conditions[0].nodes.edge.slow_down", float("nan"), "finite", "finite number"),
    ("conditions[0].nodes.edge.slow_down", float("inf"), "finite", "finite number"),
    ("conditions[0].nodes.edge.slow_down", "2x", "not a number", "plain number"),
    ("conditions[0].nodes.edge.slowdown", 2, "unknown field", "did you mean 'slow_down'?"),
    ("conditions[1].links[0].bandwidth_factor", 0.0, "greater than or equal to 0.000001", ""),
    ("conditions[1].links[0].extra_latency_s", -1.0, "greater than or equal to 0", ""),
    ("conditions[0].nodes", {}, "changes nothing", "give nodes, links"),
    ("conditions[2].lost_nodes", ["cloud", "cloud"], "stands twice", "once"),
    ("conditions[2].nodes", {"cloud": {"slow_down": 2.0}}, "lost and slowed down", "keep one"),
    (
        "conditions[2].links",
        [{"source": "cloud", "target": "edge", "bidirectional": True}],
        "names the link twice",
        "merge",
    ),
    ("most_together", -1, "greater than or equal to 0", ""),
    ("most_together", 1.5, "integer", "whole number"),
    ("combinations", [["busy", "gone"]], "no condition of this name", "busy, weak, lost"),
    ("combinations", [["busy", "busy"]], "stands twice", "once"),
    ("combinations", [["busy", "weak"], ["weak", "busy"]], "combination stands twice", "combinations[0]"),
    ("combinations", [[]], "too few entries", "at least one entry"),
    ("conditions", many(10), f"more than {MOST_STATES} states", "most_together lower"),
]


@pytest.mark.parametrize(("where", "value", "message", "fix"), BAD)
def test_bad_states_are_refused_in_words(where: str, value: Any, message: str, fix: str) -> None:
    document = good()
    *path, last = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", where)]
    place: Any = document
    for part in path:
        place = place[part]
    place[last] = value
    if message.startswith("more than"):
        document["most_together"] = 10
    with pytest.raises(InputError) as caught:
        check_document(document, States, "s.json")
    found = [problem for problem in caught.value.problems if message in problem.message]
    assert found, caught.value
    assert any(fix in problem.fix for problem in found), found
    assert all(problem.file == "s.json" for problem in found)


def test_a_huge_file_is_refused_quickly_too() -> None:
    with pytest.raises(InputError, match=f"more than {MOST_STATES} states"):
        check_document(states(*many(5000), most_together=5000), States)


def names_of(document: Json) -> list[tuple[str, ...]]:
    return [tuple(each.name for each in row) for row in states_of(check_document(document, States))]


def test_every_subset_is_a_state_where_there_are_few_conditions() -> None:
    assert names_of(good()) == [
        (), ("busy",), ("weak",), ("lost",), ("busy", "weak"), ("busy", "lost"), ("weak", "lost"),
        ("busy", "weak", "lost"),
    ]  # fmt: skip
    assert len(names_of(states(*many(6)))) == 64
    assert len(names_of(states(*many(7)))) == 1 + 7 + 21


def test_combinations_are_added_once_in_the_order_of_conditions() -> None:
    document = good()
    document |= {"most_together": 1, "combinations": [["lost", "busy"], ["weak"]]}
    assert names_of(document) == [(), ("busy",), ("weak",), ("lost",), ("busy", "lost")]
    assert names_of({**document, "most_together": 0}) == [(), ("busy", "lost"), ("weak",)]


def check(document: Json, base: Topology) -> list[str]:
    try:
        check_states(check_document(document, States), base, "s.json")
    except InputError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_names_that_the_topology_does_not_have_are_all_reported() -> None:
    document = states(
        {"name": "a", "nodes": {"edeg": {"slow_down": 2.0}}},
        {"name": "b", "lost_nodes": ["moon"], "lost_links": [{"source": "phone", "target": "cloud"}]},
    )
    found = check(document, topology())
    assert len(found) == 3
    assert "conditions[0].nodes.edeg" in found[0]
    assert "did you mean 'edge'?" in found[0]
    assert "use one of cloud, edge, phone" in found[1]
    assert "no link leads from phone to cloud" in found[2]
    assert "use one of: cloud to edge, edge to cloud" in found[2]


def mcm() -> Topology:
    return check_document(json.loads((EXAMPLES / "mcm.json").read_text(encoding="utf-8")), Topology)


def test_what_a_package_cannot_bear_is_said() -> None:
    wires = [{"source": "mcm0[0,0]", "target": "mcm0[0,1]"}, {"source": "mcm0", "target": "mcm0[0,0]"}]
    found = check(states({"name": "a", "lost_nodes": ["mcm0[1,1]"], "lost_links": wires}), mcm())
    assert "a chiplet cannot be lost alone" in found[0]
    assert all("the wires inside a package do not change" in text for text in found[1:])
    assert len(found) == 3
    assert check(states({"name": "a", "nodes": {"mcm0[6,0]": {}, "mcm0[00,0]": {}}}), mcm()) != []
    assert check(states({"name": "a", "nodes": {"mcm0[5,0]": {}, "mcm0": {}}, "lost_nodes": ["cloud"]}), mcm()) == []


def test_a_link_named_the_wrong_way_round_is_told_apart() -> None:
    one_way = topology().model_copy(
        update={"links": (topology().links[0].model_copy(update={"bidirectional": False}),)}
    )
    (found,) = check(states({"name": "a", "lost_links": [{"source": "edge", "target": "phone"}]}), one_way)
    assert "no link leads from edge to phone" in found
    assert "swap source and target" in found


# What a state does to the inputs

BASE_TOPOLOGY: Json = {
    "schema_version": "1",
    "name": "t",
    "nodes": [
        {"name": "phone", "tier": "mobile", "hardware": "soc", "ops_per_s": 8.0, "j_per_op": 1.0},
        {"name": "edge", "hardware": "soc", "ops_per_s": 8.0, "active_power_w": 2.0, "static_power_w": 0.5},
    ],
    "links": [
        {"source": "phone", "target": "edge", "bit_per_s": 4.0, "latency_s": 0.5, "bidirectional": True},
        {"source": "edge", "target": "p", "bit_per_s": 4.0, "bidirectional": True},
    ],
    "packages": [
        {
            "name": "p", "rows": 1, "cols": 3, "gateways": [[0, 0]],
            "chiplet": {"ops_per_s": 6.0, "j_per_op": 0.1, "hardware": "soc"},
            "chiplets": [{"at": [0, 1], "ops_per_s": 12.0, "hardware": "npu"}],
            "interposer": {"bit_per_s": 1.0}, "gateway_link": {"bit_per_s": 1.0},
        }
    ],
}  # fmt: skip
BASE_MODEL: Json = {
    "schema_version": "1", "name": "m", "input_bits": 1.0,
    "blocks": [{"name": "b1", "ops": 8.0}, {"name": "b2", "ops": 8.0}],
    "exits": [{"name": "out", "after": "b2"}],
    "operating_points": [{"name": "all", "exit_fractions": {"out": 1.0}, "accuracy": 0.9}],
    "profiles": {"soc": {"b1": {"time_s": 3.0, "energy_j": 5.0}, "b2": {"time_s": 1.0}}},
}  # fmt: skip


def after(*conditions: Json, pin: Json | None = None) -> Request:
    workload = {"schema_version": "1", "apps": [{"model": "m", "source": "phone", "pin": pin or {}}]}
    app = check_document(workload, Workload).apps[0]
    request = Request(app, check_document(BASE_MODEL, Model), check_document(BASE_TOPOLOGY, Topology))
    document = check_document(states(*conditions), States)
    check_states(document, request.topology)
    result = degraded(request, combine_conditions(document.conditions))
    # what comes out is a file that anyone could have written
    check_document(json.loads(result.topology.model_dump_json(exclude_none=True)), Topology)
    check_document(json.loads(result.model.model_dump_json(exclude_none=True)), Model)
    return result


def test_nothing_changes_where_nothing_is_wrong() -> None:
    document = check_document(states({"name": "a", "nodes": {"edge": {}}}), States)
    request = after(*[condition.model_dump(mode="json") for condition in document.conditions])
    assert request.topology == check_document(BASE_TOPOLOGY, Topology)
    assert request.model == check_document(BASE_MODEL, Model)


def test_a_slow_node_gets_a_profile_of_its_own_and_others_keep_theirs() -> None:
    request = after(
        {"name": "a", "nodes": {"edge": {"slow_down": 2.0}}}, {"name": "b", "nodes": {"edge": {"slow_down": 2.0}}}
    )
    phone, edge = request.topology.nodes
    assert phone.hardware == "soc"
    assert edge.hardware is not None
    assert (edge.ops_per_s, edge.active_power_w, edge.static_power_w) == (2.0, 2.0, 0.5)
    slowed, kept = request.model.profiles[edge.hardware], request.model.profiles["soc"]
    assert (kept["b1"].time_s, kept["b1"].energy_j) == (3.0, 5.0)
    assert (slowed["b1"].time_s, slowed["b1"].energy_j) == (12.0, 5.0)
    assert (slowed["b2"].time_s, slowed["b2"].energy_j) == (4.0, None)


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    name = next(hw for hw in after({"name": "a", "nodes": {"edge": {"slow_down": 2.0}}}).model.profiles if hw != "soc")
    topology = copy.deepcopy(BASE_TOPOLOGY)
    topology["nodes"][0]["hardware"] = name
    app = check_document({"schema_version": "1", "apps": [{"model": "m"}]}, Workload).apps[0]
    request = Request(app, check_document(BASE_MODEL, Model), check_document(topology, Topology))
    document = check_document(states({"name": "a", "nodes": {"edge": {"slow_down": 2.0}}}), States)
    result = degraded(request, combine_conditions(document.conditions))
    assert name not in result.model.profiles
    assert result.topology.nodes[1].hardware in result.model.profiles


def test_chiplets_slow_down_together_and_alone() -> None:
    request = after({"name": "a", "nodes": {"p": {"slow_down": 2.0}, "p[0,2]": {"slow_down": 3.0}}})
    (package,) = request.topology.packages
    by_position = {chiplet.at: chiplet for chiplet in package.chiplets}
    assert package.chiplet.ops_per_s == 3.0
    assert by_position[0, 1].ops_per_s == 6.0
    assert by_position[0, 1].hardware == "npu", "nobody profiles it"
    assert by_position[0, 2].ops_per_s == 1.0
    hardware = [package.chiplet.hardware, by_position[0, 2].hardware]
    assert [request.model.profiles[str(name)]["b1"].time_s for name in hardware] == [6.0, 18.0]


def test_one_direction_of_a_link_weakens_alone() -> None:
    weak = {"source": "phone", "target": "edge", "bandwidth_factor": 0.5, "extra_latency_s": 0.25}
    request = after({"name": "a", "links": [weak]}, {"name": "b", "links": [{**weak, "bidirectional": True}]})
    figures = {(link.source, link.target): (link.bit_per_s, link.latency_s) for link in request.topology.links}
    assert figures[("phone", "edge")] == (1.0, 1.0)
    assert figures[("edge", "phone")] == (2.0, 0.75)
    assert request.topology.links[2].bidirectional, "what nothing touches stays as it is"


def test_what_is_lost_takes_its_links_along() -> None:
    assert [(link.source, link.target) for link in after({"name": "a", "lost_nodes": ["p"]}).topology.links] == [
        ("phone", "edge")
    ]
    assert after({"name": "a", "lost_nodes": ["p"]}).topology.packages == ()
    one_way = after({"name": "a", "lost_links": [{"source": "edge", "target": "phone"}]}).topology.links
    assert [(link.source, link.target, link.bidirectional) for link in one_way] == [
        ("phone", "edge", False), ("edge", "p", True),
    ]  # fmt: skip


def test_pins_to_lost_nodes_are_dropped() -> None:
    request = after({"name": "a", "lost_nodes": ["p"]}, pin={"b1": ["phone", "p[0,0]"], "b2": ["p[0,1]"]})
    assert request.app.pin == {"b1": ("phone",), "b2": ()}


def test_chiplets_of_an_area_slow_down_one_by_one() -> None:
    """An area is the same as its positions one by one, whatever slows down in it."""
    change = combine_conditions(
        check_document(states({"name": "a", "nodes": {"p": {"slow_down": 2.0}, "p[0,2]": {"slow_down": 3.0}}}), States)
        .conditions
    )  # fmt: skip
    expanded = []
    for chiplets in (
        [{"at": [[0, 1], [0, 2]], "ops_per_s": 12.0}],
        [{"at": [0, c], "ops_per_s": 12.0} for c in (1, 2)],
    ):
        topology = copy.deepcopy(BASE_TOPOLOGY)
        topology["packages"][0]["chiplets"] = chiplets
        app = check_document({"schema_version": "1", "apps": [{"model": "m", "source": "phone"}]}, Workload).apps[0]
        request = Request(app, check_document(BASE_MODEL, Model), check_document(topology, Topology))
        expanded.append(expand(degraded(request, change).topology))
    assert expanded[0] == expanded[1]
    assert {node.name: node.ops_per_s for node in expanded[0].nodes}["p[0,2]"] == 2.0
