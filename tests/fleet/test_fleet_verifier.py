"""The verifier of fleets: what is corrupted does not stand, whatever it is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from planner.files.fleet import fleet_json
from planner.fleet.reading.files import ReadFleet, read_fleet
from planner.pipeline.fleet import plan_fleet
from planner.schemas import Topology, check_document, read_document
from planner.schemas.fleets.placement import FleetPlacement
from planner.verifier.fleet import verify_fleet

CITY = Path(__file__).parents[2] / "examples" / "city"
Data = dict[str, Any]


@cache
def inputs() -> tuple[ReadFleet, Topology, Data]:
    placement = plan_fleet(CITY / "fleet.json", CITY / "topology.json")
    topology, _ = read_document(CITY / "topology.json", Topology)
    return read_fleet(CITY / "fleet.json"), topology, fleet_json(placement)


def violations(data: Data, columns: Any = None) -> list[Any]:
    read, topology, _ = inputs()
    placement = check_document(data, FleetPlacement)
    return verify_fleet(placement, topology, columns or read.columns, read.models, 0.01)


def test_the_plan_itself_stands() -> None:
    assert violations(inputs()[2]) == []


def group(field: str, change: Callable[[Any], Any]) -> Callable[[Data], None]:
    def corrupt(data: Data) -> None:
        data["groups"][0][field] = change(data["groups"][0][field])

    return corrupt


def total(field: str, change: Callable[[Any], Any]) -> Callable[[Data], None]:
    def corrupt(data: Data) -> None:
        data["total"][field] = change(data["total"][field])

    return corrupt


def load(field: str, change: Callable[[Any], Any]) -> Callable[[Data], None]:
    def corrupt(data: Data) -> None:
        data["loads"][0][field] = change(data["loads"][0][field])

    return corrupt


def routes(change: Callable[[list[Any]], Any]) -> Callable[[Data], None]:
    def corrupt(data: Data) -> None:
        change(next(each for each in data["groups"] if each["routes"])["routes"])

    return corrupt


def repeat_group(data: Data) -> None:
    data["groups"].append(copy.deepcopy(data["groups"][0]))


def cheaper_bound(data: Data) -> None:
    data["certificate"]["lower_bound"] = data["total"]["power_w"] * 1.01


def loose_bound(data: Data) -> None:
    data["certificate"] |= {"lower_bound": 0.0, "relative_gap": 1.0}


def all_at_the_full_node(data: Data) -> None:
    """Every user of the class with the largest load takes the plan of one of its groups."""
    for name in {each["class"] for each in data["groups"]}:
        same = [each for each in data["groups"] if each["class"] == name]
        if len(same) > 1:
            same[0]["count"] += sum(each["count"] for each in same[1:])
            for each in same[1:]:
                data["groups"].remove(each)


CORRUPTIONS: dict[str, Callable[[Data], None]] = {
    "count more": group("count", lambda n: n + 1),
    "count less": group("count", lambda n: n - 1),
    "count doubled": group("count", lambda n: 2 * n),
    "class unknown": group("class", lambda _: "nobody"),
    "class of others": group("class", lambda _: "harbour/video/phone"),
    "attach unknown": group("attach", lambda _: "west"),
    "attach elsewhere": group("attach", lambda _: "cloud"),
    "point unknown": group("operating_point", lambda _: "none"),
    "energy less": group("energy_j", lambda x: x * 0.99),
    "energy more": group("energy_j", lambda x: x * 1.01),
    "energy nothing": group("energy_j", lambda _: 0.0),
    "energy a hair": group("energy_j", lambda x: x * (1 + 1e-6)),
    "latency less": group("latency_s", lambda x: x * 0.9),
    "latency more": group("latency_s", lambda x: x * 1.1),
    "latency nothing": group("latency_s", lambda _: 0.0),
    "accuracy more": group("accuracy", lambda x: min(1.0, x + 0.01)),
    "accuracy unknown": group("accuracy", lambda _: None),
    "fractions swapped": group("exit_fractions", lambda x: dict(zip(x, reversed(list(x.values())), strict=True))),
    "fractions of one": group("exit_fractions", lambda x: {next(iter(x)): 1.0}),
    "thresholds given": lambda data: data["groups"][0].update(thresholds={"exit3": None}),
    "block missing": group("assignments", lambda x: x[1:]),
    "last block missing": group("assignments", lambda x: x[:-1]),
    "blocks reversed": group("assignments", lambda x: list(reversed(x))),
    "block twice": group("assignments", lambda x: [x[0], *x]),
    "block unknown": group("assignments", lambda x: [{**x[0], "block": "b"}, *x[1:]]),
    "node unknown": group("assignments", lambda x: [{**x[0], "node": "moon"}, *x[1:]]),
    "first block elsewhere": group("assignments", lambda x: [{**x[0], "node": "cloud"}, *x[1:]]),
    "first block on the device": group(
        "assignments", lambda x: [{**x[0], "node": "device" if x[0]["node"] != "device" else "south"}, *x[1:]]
    ),
    "all on the device": group("assignments", lambda x: [{**each, "node": "device"} for each in x[:-1]] + x[-1:]),
    "no routes": routes(lambda x: x.clear()),
    "route twice": routes(lambda x: x.append(x[0])),
    "route from elsewhere": routes(lambda x: x[0].update(path=["cloud", *x[0]["path"][1:]])),
    "route back": routes(lambda x: x[0].update(path=list(reversed(x[0]["path"])))),
    "route without a link": routes(lambda x: x[0].update(path=["device", "cloud"])),
    "route too short": routes(lambda x: x[0].update(path=[*x[0]["path"][:-1], "device"])),
    "route of less": routes(lambda x: x[0].update(bits=x[0]["bits"] / 2)),
    "route of nothing": routes(lambda x: x[0].update(bits=0.0)),
    "route behind another block": routes(lambda x: x[0].update(after="encoder12")),
    "route of a result": routes(lambda x: x[0].update(result_of="exit3")),
    "group twice": repeat_group,
    "group gone": lambda data: data["groups"].pop(),
    "no groups": lambda data: data["groups"].clear(),
    "unserved as well": lambda data: data["unserved"].append({"class": "centre/photo/phone", "count": 1}),
    "unserved unknown": lambda data: data["unserved"].append({"class": "nobody", "count": 1}),
    "power less": total("power_w", lambda x: x * 0.999),
    "power more": total("power_w", lambda x: x * 1.001),
    "idle power": total("idle_power_w", lambda x: x + 1.0),
    "users": total("users", lambda x: x + 1),
    "served": total("served", lambda x: x - 1),
    "nodes used": total("nodes_used", lambda x: x + 1),
    "tier moved": total("tier_w", lambda x: {**x, "edge": x["edge"] + 1.0}),
    "tier unknown": total("tier_w", lambda x: {**x, "moon": 1.0}),
    "total gone": lambda data: data.update(total=None),
    "load less": load("utilization", lambda x: x * 0.9),
    "load capacity": load("capacity", lambda x: x * 0.9),
    "load of another": load("name", lambda _: "moon"),
    "load gone": lambda data: data["loads"].pop(),
    "load twice": lambda data: data["loads"].append(data["loads"][0]),
    "bound above": cheaper_bound,
    "bound gone": lambda data: data.update(certificate=None),
    "gap less": lambda data: data["certificate"].update(relative_gap=0.5),
    "gap gone": lambda data: data["certificate"].update(relative_gap=None),
    "not optimal": loose_bound,
    "infeasible with a plan": lambda data: data.update(status="infeasible"),
    "one plan for all of a class": all_at_the_full_node,
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_what_is_corrupted_does_not_stand(name: str) -> None:
    data = copy.deepcopy(inputs()[2])
    before = copy.deepcopy(data)
    CORRUPTIONS[name](data)
    assert data != before
    assert violations(data), name


def test_a_node_that_the_topology_has_not_is_reported_once() -> None:
    read, topology, data = inputs()
    nodes = tuple(
        each.model_copy(update={"name": {"south": "west"}.get(each.name, each.name)}) for each in topology.nodes
    )
    other = topology.model_copy(update={"nodes": nodes, "links": ()})
    found = verify_fleet(check_document(data, FleetPlacement), other, read.columns, read.models, 0.01)
    about_nodes = [each.message for each in found if "no node" in each.message]
    groups = sum("south" in str(each) for each in data["groups"])
    assert about_nodes == [f"there is no node 'south', which {groups} groups use"]
