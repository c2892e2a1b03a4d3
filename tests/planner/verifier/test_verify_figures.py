"""The verifier on what plans cost: latency statistics, results, sources, and every way of saying what a node takes."""

from __future__ import annotations

import pytest
from edits import whats
from verify_cases import ROUTE, check, claims

HOME = {"apps.0.routes": [ROUTE, {"after": "b3", "result_of": "e3", "path": ["edge", "device"], "bits": 1e4}]}
# 0.75 of the samples carry 1e4 bit home: 0.75 * 1e-3 J and 0.01 + 0.01 = 0.02 s; e1 is home already
STATISTICS = {
    "worst": ("worst", None, {}, 2.165, 2.01, (2.15, 0.015, 1.8, 0.21)),
    # 0.25 * 1.1 + 0.75 * 1.8 = 1.625 and 0.75 * 0.21 = 0.1575
    "mean": ("mean", None, {}, 2.165, 1.7825, (2.15, 0.015, 1.625, 0.1575)),
    "p25": ("p25", None, {}, 2.165, 1.1, (2.15, 0.015, 1.1, 0.0)),
    "p26": ("p26", None, {}, 2.165, 2.01, (2.15, 0.015, 1.8, 0.21)),
    "p100": ("p100", None, {}, 2.165, 2.01, (2.15, 0.015, 1.8, 0.21)),
    "result of e3, worst": ("worst", "device", HOME, 2.16575, 2.03, (2.15, 0.01575, 1.8, 0.23)),
    "result of e3, mean": ("mean", "device", HOME, 2.16575, 1.7975, (2.15, 0.01575, 1.625, 0.1725)),
}


@pytest.mark.parametrize(
    ("statistic", "destination", "routes", "energy", "latency", "breakdown"),
    STATISTICS.values(),
    ids=STATISTICS.keys(),
)
def test_latency_statistics(statistic, destination, routes, energy, latency, breakdown):
    app = {"latency": statistic, "destination": destination, "max_latency_s": None}
    assert check(claims(energy, latency, breakdown, **routes), app=app) == []
    wrong = claims(energy, latency + 0.001, breakdown, **routes)
    assert whats(check(wrong, app=app)) == ["latency_s"]


def test_the_way_home_can_make_an_early_exit_the_last():
    # e1's result goes device -> edge: 2e6 bit take 2.01 s, so e1 is done at 1.1 + 2.01 = 3.11 s, after e3
    # (2.01 s); it takes 0.25 * 0.2 = 0.05 J. The first 75 % are those of e3.
    home = [ROUTE, {"after": "b1", "result_of": "e1", "path": ["device", "edge"], "bits": 2e6}]
    model = {"exits.0.result_bits": 2e6}
    app = {"destination": "edge", "max_latency_s": None, "latency": "worst"}
    worst = claims(2.215, 3.11, (2.15, 0.065, 1.1, 2.01), **{"apps.0.routes": home})
    assert check(worst, model=model, app=app) == []
    p75 = claims(2.215, 2.01, (2.15, 0.065, 1.8, 0.21), **{"apps.0.routes": home})
    assert check(p75, model=model, app={**app, "latency": "p75"}) == []
    assert whats(check(p75, model=model, app={**app, "latency": "p76"})) == [
        "breakdown.compute_s", "breakdown.transfer_s", "latency_s"
    ]  # fmt: skip


@pytest.mark.parametrize("breakdown", [(1.1, 0.91), (1.8, 0.21)])
def test_where_two_exits_are_the_last_the_parts_of_either_are_true(breakdown):
    # 9e5 bit take e1's result to the edge in 0.91 s for 0.09 J: at 2.01 s both are done
    home = [ROUTE, {"after": "b1", "result_of": "e1", "path": ["device", "edge"], "bits": 9e5}]
    right = claims(2.1875, 2.01, (2.15, 0.0375, *breakdown), **{"apps.0.routes": home})
    assert check(right, model={"exits.0.result_bits": 9e5}, app={"destination": "edge"}) == []
    neither = {**right, "apps.0.breakdown": {**right["apps.0.breakdown"], "compute_s": 1.5}}
    found = check(neither, model={"exits.0.result_bits": 9e5}, app={"destination": "edge"})
    assert whats(found) == ["breakdown.compute_s"]


@pytest.mark.parametrize(
    ("app", "routes", "words"),
    [
        ({"destination": "device"}, [ROUTE], "result of e3, after b3: no route from edge to device"),
        ({}, [], "output of b1: no route from device to edge"),
        ({"source": "edge"}, [ROUTE], "input: no route from edge to device"),
    ],
)
def test_a_missing_route_is_named(app, routes, words):
    (found,) = check({"apps.0.routes": routes}, app=app)
    assert (found.what, found.message) == ("routes", words)


def test_an_exit_that_nobody_takes_runs_but_has_no_result_and_no_say_in_latency():
    # e3 takes none: b2, b3 stay deployed, cost nothing on average, and the latest exit is e1 at 1.1 s
    model = {"operating_points.0.exit_fractions": {"e1": 1.0, "e3": 0.0}}
    plan = {"apps.0.exit_fractions": {"e1": 1.0, "e3": 0.0}}
    app = {"destination": "device"}
    assert check(claims(1.1, 1.1, (1.1, 0.0, 1.1, 0.0), **plan), model=model, app=app) == []


def test_the_input_is_carried_from_the_source():
    # from the edge: 3e5 bit in 0.31 s for 0.03 J
    routes = {"apps.0.routes": [{"after": None, "path": ["edge", "device"], "bits": 3e5}, ROUTE]}
    right = claims(2.195, 2.32, (2.15, 0.045, 1.8, 0.52), **routes)
    assert check(right, app={"source": "edge", "max_latency_s": None}) == []
    assert whats(check(right, app={"source": "device", "max_latency_s": None})) == [
        "breakdown.transfer_j", "breakdown.transfer_s", "energy_j", "latency_s", "routes", "total.energy_j",
        "total.power_w",
    ]  # fmt: skip


def test_without_a_mobile_node_the_first_is_the_source():
    routes = {"apps.0.routes": [{"after": None, "path": ["edge", "device"], "bits": 3e5}, ROUTE]}
    right = claims(2.195, 2.32, (2.15, 0.045, 1.8, 0.52), **routes)
    assert check(right, topology={"nodes.1.tier": "edge"}, app={"max_latency_s": None}) == []


def test_hops_add_up():
    # device -> edge -> cloud: 0.21 s, then 0.02 + 2e5 / 1e8 = 0.022 s;
    # on the cloud b2, b3, e3 take 7e9 / 1e12 = 0.007 s and 0.7 J
    plan = {
        "apps.0.assignments.1.node": "cloud",
        "apps.0.assignments.2.node": "cloud",
        "apps.0.routes.0.path": ["device", "edge", "cloud"],
        "total.power_w": 0.5 * 1.6415 + 50.1,
    }
    # 1.1 + 0.75 * 0.7 = 1.625; 0.75 * (0.02 + 0.002) = 0.0165
    right = claims(1.6415, 1.339, (1.625, 0.0165, 1.107, 0.232), **plan)
    assert check(right) == []


def test_a_relay_that_hosts_nothing_is_not_in_use():
    # as above, but it counts the edge (2 W idle), which only passes data on
    plan = {
        "apps.0.assignments.1.node": "cloud",
        "apps.0.assignments.2.node": "cloud",
        "apps.0.routes.0.path": ["device", "edge", "cloud"],
        "total.power_w": 0.5 * 1.6415 + 52.1,
        "total.nodes_used": 3,
    }
    right = claims(1.6415, 1.339, (1.625, 0.0165, 1.107, 0.232), **plan)
    assert whats(check(right)) == ["total.nodes_used", "total.power_w"]


def test_nothing_is_better_than_a_plan_that_costs_nothing():
    free = {f"nodes.{index}.j_per_op": 0.0 for index in range(3)} | {"links.0.j_per_bit": 0.0}
    plan = claims(0.0, 2.01, (0.0, 0.0, 1.8, 0.21), status="optimal")
    for bound, gap, expected in ((0.0, 0.0, []), (-1.0, 0.0, []), (-1.0, 1.0, ["certificate.relative_gap"])):
        proof = {"certificate": {"lower_bound": bound, "relative_gap": gap, "objective": "energy_j"}}
        assert whats(check({**plan, **proof}, topology=free)) == expected


def test_latency_as_objective():
    certificate = {"lower_bound": 2.01, "relative_gap": 0.0, "objective": "latency_s"}
    assert check({"certificate": certificate}, app={"objective": "latency"}) == []
    above = {**certificate, "lower_bound": 2.02}
    assert whats(check({"certificate": above}, app={"objective": "latency"})) == ["certificate.lower_bound"]
    assert whats(check(app={"objective": "latency"})) == ["certificate.objective"]


def test_power_as_objective():
    power_w = 0.5 * 2.165 + 2.1
    certificate = {"lower_bound": power_w / 2, "relative_gap": 0.5, "objective": "power_w"}
    assert check({"status": "feasible", "certificate": certificate}) == []
    assert whats(check({"certificate": certificate})) == ["status"]


# costs --------------------------------------------------------------------------------------------

COSTS = {
    # what the edge is, then seconds and joules of b2, b3, e3 together on it
    "ops": ({}, {}, 0.7, 1.4),
    "power goes before j_per_op": ({"nodes.0.active_power_w": 3.0}, {}, 0.7, 2.1),
    "static power": ({"nodes.0.static_power_w": 1.0}, {}, 0.7, 2.1),
    # b2 measured as 0.5 s, 0.3 J; b3 0.2 s, 0.4 J; e3 0.1 s, 0.2 J
    "profile": ({"nodes.0.hardware": "npu"}, {"b2": {"time_s": 0.5, "energy_j": 0.3}}, 0.8, 0.9),
    "profile of a head": ({"nodes.0.hardware": "npu"}, {"e3": {"time_s": 0.5, "energy_j": 0.3}}, 1.1, 1.5),
    "profile of other hardware": (
        {"nodes.0.hardware": "cpu"},
        {"b2": {"time_s": 0.5, "energy_j": 0.3}},
        0.7,
        1.4,
    ),
    "profile without energy": ({"nodes.0.hardware": "npu"}, {"b2": {"time_s": 0.5}}, 0.8, 1.4),
    "profile without energy, power": (
        {"nodes.0.hardware": "npu", "nodes.0.active_power_w": 2.0},
        {"b2": {"time_s": 0.5}},
        0.8,
        1.6,
    ),
    "static power beside a profile": (
        {"nodes.0.hardware": "npu", "nodes.0.static_power_w": 1.0},
        {"b2": {"time_s": 0.5, "energy_j": 0.3}},
        0.8,
        1.7,
    ),
}


@pytest.mark.parametrize(("edge", "profile", "seconds", "joules"), COSTS.values(), ids=COSTS.keys())
def test_costs(edge, profile, seconds, joules):
    compute_j, compute_s = 1.1 + 0.75 * joules, 1.1 + seconds
    right = claims(compute_j + 0.015, compute_s + 0.21, (compute_j, 0.015, compute_s, 0.21))
    assert check(right, topology=edge, model={"profiles": {"npu": profile}}, app={"max_latency_s": None}) == []


def test_a_node_that_nothing_is_known_of_cannot_host():
    edge = {"nodes.0": {"name": "edge", "hardware": "npu"}}
    full = {name: {"time_s": 0.1, "energy_j": 0.1} for name in ("b2", "b3", "e3")}
    right = claims(1.34, 1.61, (1.325, 0.015, 1.4, 0.21), **{"total.power_w": 0.5 * 1.34 + 0.1})
    assert check(right, topology=edge, model={"profiles": {"npu": full}}) == []
    for name, profile in {"b3": None, "e3": {"time_s": 0.1}}.items():
        rows = {key: value for key, value in {**full, name: profile}.items() if value is not None}
        (found,) = check(right, topology=edge, model={"profiles": {"npu": rows}})
        assert found.what == "cost"
        assert name in found.message


def test_a_head_without_work_is_free_everywhere():
    edge = {"nodes.0": {"name": "edge", "hardware": "npu"}}
    rows = {name: {"time_s": 0.1, "energy_j": 0.1} for name in ("b2", "b3")}
    right = claims(1.265, 1.51, (1.25, 0.015, 1.3, 0.21), **{"total.power_w": 0.5 * 1.265 + 0.1})
    assert check(right, topology=edge, model={"profiles": {"npu": rows}, "exits.1.ops": 0.0}) == []
    assert whats(check(right, topology=edge, model={"profiles": {"npu": rows}, "exits.1.ops": 0.1})) == ["cost"]
