"""The verifier against closed-form numbers, and against one lie at a time.

The base case, by hand (seconds, joules):

    device  1e9 ops/s, 1e-9 J/op     b1 1e9 ops: 1.0 s, 1.0 J     e1 1e8 ops: 0.1 s, 0.1 J
    edge    1e10 ops/s, 2e-10 J/op   b2 4e9 ops: 0.4 s, 0.8 J     b3 2e9 ops: 0.2 s, 0.4 J
                                     e3 1e9 ops: 0.1 s, 0.2 J
    cell    1e6 bit/s, 0.01 s, 1e-7 J/bit; 2e5 bit behind b1: 0.21 s, 0.02 J

    e1 keeps 0.25, so b2, b3, e3 and the transfer count 0.75:
    compute_j = 1.1 + 0.75 * 1.4 = 2.15; transfer_j = 0.75 * 0.02 = 0.015; energy_j = 2.165
    e1 is done at 1.1 s; e3 at 1.1 + 0.7 = 1.8 s of computing and 0.21 s of transfer = 2.01 s
"""

from __future__ import annotations

import copy
import math

import pytest
from edits import changed, whats

from planner.expansion import expand
from planner.points import best_accuracy, designed_point
from planner.verifier import verify
from schemas import App, Model, Placement, Topology, check_document

CELL = {"bit_per_s": 1e6, "latency_s": 0.01, "j_per_bit": 1e-7, "medium": "cell"}
TOPOLOGY = {
    "schema_version": "1",
    "name": "three",
    "nodes": [
        {"name": "edge", "ops_per_s": 1e10, "j_per_op": 2e-10, "idle_power_w": 2.0},
        {"name": "device", "tier": "mobile", "ops_per_s": 1e9, "j_per_op": 1e-9, "idle_power_w": 0.1},
        {"name": "cloud", "tier": "cloud", "ops_per_s": 1e12, "j_per_op": 1e-10, "idle_power_w": 50.0},
    ],
    "links": [
        {"source": "device", "target": "edge", "bidirectional": True, **CELL},
        {"source": "edge", "target": "cloud", "bit_per_s": 1e8, "latency_s": 0.02, "j_per_bit": 1e-8},
    ],
}
MODEL = {
    "schema_version": "1",
    "name": "net",
    "input_bits": 3e5,
    "blocks": [
        {"name": "b1", "ops": 1e9, "param_bytes": 100, "output_bits": 2e5},
        {"name": "b2", "ops": 4e9, "param_bytes": 200, "output_bits": 1e5},
        {"name": "b3", "ops": 2e9, "param_bytes": 300, "output_bits": 9e9},
    ],
    "exits": [
        {"name": "e1", "after": "b1", "ops": 1e8, "param_bytes": 10, "result_bits": 1e3},
        {"name": "e3", "after": "b3", "ops": 1e9, "param_bytes": 30, "result_bits": 1e4},
    ],
    "operating_points": [
        {"name": "all", "exit_fractions": {"e1": 0.25, "e3": 0.75}, "accuracy": 0.8},
        {"name": "full", "exit_fractions": {"e3": 1.0}, "accuracy": 0.9},
        {"name": "early", "exit_fractions": {"e1": 1.0}, "accuracy": 0.6},
    ],
}
APP = {"name": "cam", "model": "net.json", "rate_per_s": 0.5, "max_latency_s": 2.01, "min_accuracy": 0.8}
PLAN = {
    "name": "cam",
    "operating_point": "all",
    "exit_fractions": {"e1": 0.25, "e3": 0.75},
    "assignments": [
        {"block": "b1", "node": "device"},
        {"block": "b2", "node": "edge"},
        {"block": "b3", "node": "edge"},
    ],
    "routes": [{"after": "b1", "path": ["device", "edge"], "bits": 2e5}],
    "energy_j": 2.165,
    "latency_s": 2.01,
    "accuracy": 0.8,
    "breakdown": {"compute_j": 2.15, "transfer_j": 0.015, "compute_s": 1.8, "transfer_s": 0.21},
}
PLACEMENT = {
    "schema_version": "1",
    "status": "optimal",
    "apps": [PLAN],
    "total": {"energy_j": 2.165, "power_w": 0.5 * 2.165 + 2.1, "nodes_used": 2},
    "certificate": {"lower_bound": 2.165, "relative_gap": 0.0, "objective": "energy_j"},
}
DIAGNOSIS = {"summary": "too slow", "limits": []}


def check(placement=(), topology=(), model=(), app=(), **options):
    """What the verifier finds in the base case with changes; each argument is changes or a whole document."""

    def document(schema, raw, changes):
        changes = dict(changes)
        return check_document(changes if "schema_version" in changes else changed(raw, changes), schema)

    apps = [(check_document(changed(APP, dict(app)), App), document(Model, MODEL, model))]
    return verify(document(Placement, PLACEMENT, placement), document(Topology, TOPOLOGY, topology), apps, **options)


def claims(energy, latency, breakdown, **more):
    """Changes that claim these figures, for one app and in total; by default with nothing to prove."""
    names = ("compute_j", "transfer_j", "compute_s", "transfer_s")
    return {
        "status": "feasible",
        "certificate": None,
        "apps.0.energy_j": energy,
        "apps.0.latency_s": latency,
        "apps.0.breakdown": dict(zip(names, breakdown, strict=True)),
        "total.energy_j": energy,
        "total.power_w": 0.5 * energy + 2.1,
        **more,
    }


def test_a_true_placement_stands():
    assert check() == []


# one lie in the placement at a time ---------------------------------------------------------------

ROUTE = PLAN["routes"][0]
LIES = {
    "energy": ({"apps.0.energy_j": 2.165001}, ["energy_j"]),
    "latency": ({"apps.0.latency_s": 2.0}, ["latency_s"]),
    "accuracy": ({"apps.0.accuracy": 0.81}, ["accuracy"]),
    "compute energy": ({"apps.0.breakdown.compute_j": 2.165}, ["breakdown.compute_j"]),
    "transfer energy": ({"apps.0.breakdown.transfer_j": 0.02}, ["breakdown.transfer_j"]),
    "compute time": ({"apps.0.breakdown.compute_s": 1.1}, ["breakdown.compute_s"]),
    "transfer time": ({"apps.0.breakdown.transfer_s": 0.2}, ["breakdown.transfer_s"]),
    "point": ({"apps.0.operating_point": "none"}, ["operating_point"]),
    "fraction": (
        {"apps.0.exit_fractions": {"e1": 0.3, "e3": 0.7}},
        ["exit_fractions.e1", "exit_fractions.e3"],
    ),
    "exits": ({"apps.0.exit_fractions": {"e3": 1.0}}, ["exit_fractions"]),
    "thresholds": ({"apps.0.thresholds": {"e1": 0.5, "e3": None}}, ["thresholds"]),
    "missing block": ({"apps.0.assignments.2": ...}, ["assignments"]),
    "double block": ({"apps.0.assignments.3": {"block": "b3", "node": "edge"}}, ["assignments"]),
    "order": ({"apps.0.assignments.1.block": "b3", "apps.0.assignments.2.block": "b2"}, ["assignments"]),
    "unknown block": ({"apps.0.assignments.0.block": "b9"}, ["assignments"]),
    "unknown node": ({"apps.0.assignments.2.node": "moon"}, ["assignments", "routes"]),
    "no route": ({"apps.0.routes": []}, ["routes"]),
    "route's start": ({"apps.0.routes.0.path": ["edge", "device"]}, ["routes"]),
    "route's end": ({"apps.0.routes.0.path": ["device", "edge", "cloud"]}, ["routes"]),
    "no such hop": ({"apps.0.routes.0.path": ["device", "cloud", "edge"]}, ["routes"]),
    "unknown hop": ({"apps.0.routes.0.path": ["device", "moon", "edge"]}, ["routes"]),
    "bits": ({"apps.0.routes.0.bits": 1e5}, ["routes.bits"]),
    "twice": ({"apps.0.routes.1": ROUTE}, ["routes"]),
    "superfluous": ({"apps.0.routes.1": {"after": "b2", "path": ["edge", "cloud"], "bits": 1e5}}, ["routes"]),
    "input to itself": (
        {"apps.0.routes.1": {"after": None, "path": ["edge", "device"], "bits": 3e5}},
        ["routes"],
    ),
    "result to nowhere": (
        {"apps.0.routes.1": {"after": "b3", "result_of": "e3", "path": ["edge", "device"], "bits": 1e4}},
        ["routes"],
    ),
    "app's name": ({"apps.0.name": "other"}, ["apps"]),
    "app twice": ({"apps.1": PLAN}, ["apps"]),
    "app too many": ({"apps.1": {**PLAN, "name": "other"}}, ["apps"]),
    "app missing": ({"apps": []}, ["apps"]),
    "total energy": ({"total.energy_j": 2.0}, ["total.energy_j"]),
    "total power": ({"total.power_w": 0.5 * 2.165}, ["total.power_w"]),
    "nodes used": ({"total.nodes_used": 3}, ["total.nodes_used"]),
    "no total": ({"total": None}, ["total"]),
    "bound above": ({"certificate.lower_bound": 2.1650001}, ["certificate.lower_bound"]),
    "gap": ({"status": "feasible", "certificate.lower_bound": 1.0825}, ["certificate.relative_gap"]),
    "gap claimed": ({"certificate.relative_gap": 0.1}, ["certificate.relative_gap"]),
    "no gap": ({"certificate.relative_gap": None}, ["certificate.relative_gap"]),
    "not optimal": (
        {"certificate": {**PLACEMENT["certificate"], "lower_bound": 1.0825, "relative_gap": 0.5}},
        ["status"],
    ),
    "no proof": ({"certificate": None}, ["certificate"]),
    "other objective": (
        {"certificate": {"lower_bound": 2.01, "relative_gap": 0.0, "objective": "latency_s"}},
        ["certificate.objective"],
    ),
    "diagnosis": ({"diagnosis": DIAGNOSIS}, ["diagnosis"]),
    # with half of the cell the transfer takes 0.2 s more
    "share": (
        {"apps.0.shares": {"media": {"cell": 0.5}}},
        ["breakdown.transfer_s", "latency_s", "max_latency_s"],
    ),
    "speed": (
        {"node_speeds": {"cloud": 0.5}},
        ["node_speeds"],
    ),
    "sum of no shares": ({"total.node_share_sum": 2.0}, ["total.node_share_sum"]),
    "infeasible with a plan": (
        {"status": "infeasible", "diagnosis": DIAGNOSIS},
        ["certificate", "status", "total"],
    ),
    "unknown with a plan": ({"status": "unknown"}, ["certificate", "status", "total"]),
}


@pytest.mark.parametrize(("changes", "expected"), LIES.values(), ids=LIES.keys())
def test_a_lie_is_found(changes, expected):
    assert whats(check(changes)) == expected


def test_a_violation_holds_both_values():
    (found,) = check({"apps.0.energy_j": 2.0})
    assert (found.app, found.what, found.claimed, found.unit) == ("cam", "energy_j", 2.0, "J")
    assert found.recomputed == pytest.approx(2.165, rel=1e-12)
    assert "2.165" in found.message


def test_whole_shares_and_nominal_speeds_stand():
    shares = {"nodes": {"edge": 1.0}, "media": {"cell": 1.0}}
    assert check({"apps.0.shares": shares, "node_speeds": {"edge": 1.0}}) == []


def test_rounding_is_no_violation():
    assert check({"apps.0.energy_j": 2.165 * (1 + 5e-10), "total.energy_j": 2.165 * (1 - 5e-10)}) == []


@pytest.mark.parametrize("field", ["energy_j", "latency_s", "accuracy"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_and_infinity_never_stand(field, value):
    placement = check_document(copy.deepcopy(PLACEMENT), Placement)
    plan = placement.apps[0].model_copy(update={field: value})
    placement = placement.model_copy(update={"apps": (plan,)})
    apps = [(check_document(APP, App), check_document(MODEL, Model))]
    assert whats(verify(placement, check_document(TOPOLOGY, Topology), apps)) == [field]


def test_a_cost_that_overflows_never_stands():
    found = check(topology={"nodes.1.ops_per_s": 1e-308, "nodes.1.j_per_op": 1e308})
    assert {"energy_j", "latency_s", "max_latency_s", "total.energy_j"} <= set(whats(found))


def test_the_gap_that_was_asked_for_is_optimal():
    changes = {"certificate": {"lower_bound": 2.165 * 0.95, "relative_gap": 0.05, "objective": "energy_j"}}
    assert whats(check(changes)) == ["status"]
    assert check(changes, gap=0.05) == []
    assert check({**changes, "status": "feasible"}) == []


# limits -------------------------------------------------------------------------------------------

LIMITS = {
    "latency": ({"app": {"max_latency_s": 2.0}}, ["max_latency_s"]),
    "latency met": ({"app": {"max_latency_s": 2.01 / (1 + 5e-10)}}, []),
    "energy": ({"app": {"max_energy_j": 2.1}}, ["max_energy_j"]),
    "energy met": ({"app": {"max_energy_j": 2.165}}, []),
    "accuracy": ({"app": {"min_accuracy": 0.81}}, ["min_accuracy"]),
    "accuracy unless relaxed": ({"app": {"min_accuracy": None}}, ["min_accuracy"]),
    "pin": ({"app": {"pin": {"b2": ["device", "cloud"]}}}, ["pin"]),
    "pin met": ({"app": {"pin": {"b2": ["cloud", "edge"]}}}, []),
    "pin of no block": ({"app": {"pin": {"b9": ["edge"]}}}, ["pin"]),
    "no source": ({"app": {"source": "moon"}}, ["source"]),
    "no destination": ({"app": {"destination": "moon"}}, ["destination"]),
    "memory of blocks and heads": ({"topology": {"nodes.1.memory_bytes": 109}}, ["memory_bytes"]),
    "memory enough": ({"topology": {"nodes.1.memory_bytes": 110, "nodes.0.memory_bytes": 530}}, []),
    "memory of the edge": ({"topology": {"nodes.0.memory_bytes": 529}}, ["memory_bytes"]),
    # device: 0.5 * 1.1 = 0.55; edge: 0.5 * 0.75 * 0.7 = 0.2625
    "utilization": ({"topology": {"nodes.1.max_utilization": 0.549}}, ["max_utilization"]),
    "utilization by reach": ({"topology": {"nodes.0.max_utilization": 0.2624}}, ["max_utilization"]),
    "utilization met": (
        {"topology": {"nodes.1.max_utilization": 0.55, "nodes.0.max_utilization": 0.2625}},
        [],
    ),
}


@pytest.mark.parametrize(("changes", "expected"), LIMITS.values(), ids=LIMITS.keys())
def test_limits(changes, expected):
    assert whats(check(**changes)) == expected


def test_memory_is_loaded_at_rate_0_and_time_is_not():
    changes = {"total.power_w": 2.1}
    topology = {"nodes.1.memory_bytes": 100, "nodes.1.max_utilization": 0.0}
    assert whats(check(changes, topology=topology, app={"rate_per_s": 0.0})) == ["memory_bytes"]


def test_medium_load_is_weighted_by_reach():
    # 0.75 of the inferences send for 0.2 s: 6.666 per second fill the medium
    topology = {"nodes.0.max_utilization": 1.0, "nodes.1.ops_per_s": 1e12}
    slow = claims(2.165, 0.9111, (2.15, 0.015, 0.7011, 0.21), **{"total.power_w": 6.6 * 2.165 + 2.1})
    blocks = {"blocks.1.ops": 0.0, "blocks.2.ops": 0.0, "exits.1.ops": 0.0}
    fast = claims(1.115, 0.2111, (1.1, 0.015, 0.0011, 0.21), **{"total.power_w": 6.6 * 1.115 + 2.1})
    assert check(fast, topology=topology, model=blocks, app={"rate_per_s": 6.6}) == []
    fuller = {**fast, "total.power_w": 6.7 * 1.115 + 2.1}
    assert whats(check(fuller, topology=topology, model=blocks, app={"rate_per_s": 6.7})) == ["medium_utilization"]
    assert whats(check(slow, topology=topology, app={"rate_per_s": 6.6})) == ["max_utilization"]


# statistics, results and sources ------------------------------------------------------------------

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


# several apps -------------------------------------------------------------------------------------


def two_apps(topology=(), name="mic", **changes):
    """Two apps with the same plan and no shares; the second may have another name."""
    plans = [PLAN, {**PLAN, "name": "mic"}]
    placement = {
        **PLACEMENT,
        "apps": plans,
        "total": {"energy_j": 4.33, "power_w": 4.33 * 0.5 + 2.1, "nodes_used": 2},
        "certificate": {"lower_bound": 4.265, "relative_gap": 0.0, "objective": "power_w"},
        **changes,
    }
    model = check_document(MODEL, Model)
    apps = [(check_document(raw, App), model) for raw in (APP, {**APP, "name": name})]
    document = check_document(changed(TOPOLOGY, dict(topology)), Topology)
    return verify(check_document(placement, Placement), document, apps)


def test_apps_that_name_no_shares_take_all_of_what_they_use():
    # two whole shares of the device, the edge and the cell are one too many each
    assert [found.what for found in two_apps()] == ["max_utilization", "max_utilization", "medium_utilization"]


WITH_SHARES = {
    "shares": {"apps.0.shares": {"nodes": {"edge": 1.0}}},
    "speeds": {"node_speeds": {"edge": 1.0}},
    "power": {"certificate": {"lower_bound": 0.5 * 2.165 + 2.1, "relative_gap": 0.0, "objective": "power_w"}},
}


@pytest.mark.parametrize("changes", WITH_SHARES.values(), ids=WITH_SHARES.keys())
def test_shares_speeds_or_power_make_a_plan_one_with_shares(changes):
    # device, edge and cell are taken whole; the device's load of 0.55 would be fine without shares
    sums = {"total.node_share_sum": 2.0, "total.media_share_sum": 1.0}
    assert check({**changes, **sums}) == []
    assert whats(check({**changes, **sums}, topology={"nodes.1.max_utilization": 0.6})) == ["max_utilization"]
    assert check(topology={"nodes.1.max_utilization": 0.6}) == []


def test_several_apps_make_a_plan_one_with_shares():
    found = two_apps({"nodes.1.max_utilization": 1.0}, certificate=None, status="feasible")
    assert "max_utilization" in whats(found)


def test_apps_share_memory():
    # together: device 220 B, edge 1060 B
    assert two_apps({"nodes.1.memory_bytes": 220.0, "nodes.0.memory_bytes": 1060.0}) == two_apps()
    tight = two_apps({"nodes.1.memory_bytes": 219.0, "nodes.0.memory_bytes": 1059.0})
    assert [found.what for found in tight[:2]] == ["memory_bytes", "memory_bytes"]


def test_two_apps_of_one_name_cannot_be_told_apart():
    messages = [found.message for found in two_apps(name="cam") if (found.app, found.what) == ("cam", "apps")]
    assert messages == ["2 apps have this name, so their plans cannot be told apart"]


def test_links_without_medium_are_media_of_their_own():
    # the app above sends 0.75 * 0.2 s per inference one way; its result takes 1.2e5 bit = 0.75 * 0.12 s back
    model = {"exits.1.result_bits": 1.2e5, "blocks.1.ops": 0.0, "blocks.2.ops": 0.0, "exits.1.ops": 0.0}
    topology = {"nodes.1.ops_per_s": 1e12}
    routes = [ROUTE, {"after": "b3", "result_of": "e3", "path": ["edge", "device"], "bits": 1.2e5}]
    app = {"destination": "device", "rate_per_s": 6.0}
    # 0.15 + 0.09 = 0.24 s of the medium per inference: 1.44 at 6 per second; apart 0.9 and 0.54
    energy_j = 1.1 + 0.75 * (0.02 + 0.012)
    right = claims(
        energy_j,
        0.0011 + 0.21 + 0.13,
        (1.1, 0.024, 0.0011, 0.34),
        **{"apps.0.routes": routes, "total.power_w": 6.0 * energy_j + 2.1},
    )
    assert whats(check(right, topology=topology, model=model, app=app)) == ["medium_utilization"]
    apart = {**topology, "links.0.medium": None}
    assert check(right, topology=apart, model=model, app=app) == []


# packages -----------------------------------------------------------------------------------------

PACKAGE = {
    "name": "mcm0",
    "rows": 2,
    "cols": 3,
    "chiplet": {"ops_per_s": 1e9, "j_per_op": 1e-9, "memory_bytes": 100.0},
    "chiplets": [{"at": [1, 2], "ops_per_s": 5e9}],
    "interposer": {"bit_per_s": 1e6, "latency_s": 0.001, "j_per_bit": 1e-9},
    "gateways": [[0, 0], [1, 0]],
    "gateway_link": {"bit_per_s": 2e6, "latency_s": 0.002, "j_per_bit": 5e-9},
}
CHIPLETS = {
    "schema_version": "1",
    "name": "mcm",
    "nodes": [{"name": "device", "tier": "mobile", "ops_per_s": 1e9, "j_per_op": 1e-9}],
    "links": [{"source": "device", "target": "mcm0", "bit_per_s": 1e6, "j_per_bit": 1e-7}],
    "packages": [PACKAGE],
}
SMALL = {
    "schema_version": "1",
    "name": "small",
    "input_bits": 1e5,
    "blocks": [{"name": "b1", "ops": 1e9, "param_bytes": 60, "output_bits": 2e5}, {"name": "b2", "ops": 5e9}],
    "exits": [{"name": "e", "after": "b2"}],
    "operating_points": [{"name": "all", "exit_fractions": {"e": 1.0}, "accuracy": 0.9}],
}
INSIDE = ["mcm0[0,0]", "mcm0[0,1]", "mcm0[1,1]", "mcm0[1,2]"]
# b1 at [0,0]: 1 s, 1 J; b2 at [1,2]: 5e9 / 5e9 = 1 s, 5 J
# input: 0.1 s, 0.01 J to the I/O die; 0.002 + 0.05 s, 5e-4 J through the gateway
# between: 3 hops of 0.001 + 0.2 s and 2e-4 J: 0.603 s, 6e-4 J
ON_CHIPLETS = {
    "schema_version": "1",
    "status": "optimal",
    "apps": [
        {
            "name": "cam",
            "operating_point": "all",
            "exit_fractions": {"e": 1.0},
            "assignments": [{"block": "b1", "node": INSIDE[0]}, {"block": "b2", "node": INSIDE[-1]}],
            "routes": [
                {"after": None, "path": ["device", "mcm0", INSIDE[0]], "bits": 1e5},
                {"after": "b1", "path": INSIDE, "bits": 2e5},
            ],
            "energy_j": 6.0111,
            "latency_s": 2.755,
            "accuracy": 0.9,
            "breakdown": {"compute_j": 6.0, "transfer_j": 0.0111, "compute_s": 2.0, "transfer_s": 0.755},
        }
    ],
    "total": {"energy_j": 6.0111, "power_w": 0.0, "nodes_used": 2},
    "certificate": {"lower_bound": 6.0111, "relative_gap": 0.0, "objective": "energy_j"},
}
FREE = {"rate_per_s": 0.0, "max_latency_s": None}


def on_chiplets(placement=(), topology=(), app=()):
    return check(changed(ON_CHIPLETS, dict(placement)), changed(CHIPLETS, dict(topology)), SMALL, {**FREE, **dict(app)})


def test_package_expansion():
    network = expand(check_document(CHIPLETS, Topology))
    assert network.nodes["mcm0"] is None
    assert sum(node is not None for node in network.nodes.values()) == 1 + 6
    # mesh of 2 x 3: 2 * 2 + 3 = 7 neighbours; two gateways; both ways; and the one-way link of the topology
    assert len(network.hops) == 2 * (7 + 2) + 1
    assert network.nodes["mcm0[1,2]"].ops_per_s == 5e9
    assert network.nodes["mcm0[1,2]"].memory_bytes == 100.0
    assert network.nodes["mcm0[1,1]"].ops_per_s == 1e9
    assert network.hops["mcm0[1,0]", "mcm0"].bit_per_s == 2e6
    assert ("mcm0", "mcm0[0,1]") not in network.hops
    assert ("mcm0", "device") not in network.hops


def test_a_plan_on_chiplets_stands():
    assert on_chiplets() == []


PACKAGE_LIES = {
    "the I/O die hosts nothing": ({"apps.0.assignments.0.node": "mcm0"}, {}, ["assignments", "routes"]),
    "no diagonal link": ({"apps.0.routes.1.path": [INSIDE[0], INSIDE[2], INSIDE[3]]}, {}, ["routes"]),
    "memory of a chiplet": ({}, {"packages.0.chiplet.memory_bytes": 59.0}, ["memory_bytes"]),
}


@pytest.mark.parametrize(("placement", "topology", "expected"), PACKAGE_LIES.values(), ids=PACKAGE_LIES.keys())
def test_a_lie_about_chiplets_is_found(placement, topology, expected):
    assert whats(on_chiplets(placement, topology)) == expected


def test_without_nodes_the_first_chiplet_is_the_source():
    network = expand(check_document({**CHIPLETS, "nodes": [], "links": []}, Topology))
    assert network.default_source == "mcm0[0,0]"


def test_the_io_die_can_be_the_source():
    plan = {
        "apps.0.routes.0.path": ["mcm0", INSIDE[0]],
        "apps.0.energy_j": 6.0011,
        "apps.0.latency_s": 2.655,
        "apps.0.breakdown": {"compute_j": 6.0, "transfer_j": 0.0011, "compute_s": 2.0, "transfer_s": 0.655},
        "total.energy_j": 6.0011,
        "certificate.lower_bound": 6.0011,
    }
    assert on_chiplets(plan, app={"source": "mcm0"}) == []


# designed operating points ------------------------------------------------------------------------

CALIBRATION = {
    "samples": 1000,
    "thresholds": [0.9, 0.5, 0.1],
    "exits": {
        "e1": {"exited": [200, 500, 700], "correct": [190, 440, 560]},
        "e3": {"exited": [600, 800, 950], "correct": [590, 760, 880]},
    },
}
DESIGNED = {**MODEL, "calibration": CALIBRATION, "operating_points": []}
# e1 at 0.5 takes 500, 440 of them right (c = 0.88); e3 takes the other 500. Its row of most exited is 0.1:
# 880 of all 1000 right (c = 0.88), 880 - 0.88 * 500 = 440 of them among its own: 880 of 1000 in all
HALF = {"apps.0.thresholds": {"e1": 0.5, "e3": None}, "apps.0.exit_fractions": {"e1": 0.5, "e3": 0.5}}
HALF |= {"apps.0.operating_point": "designed", "apps.0.accuracy": 0.88}
# reach 0.5 of b2, b3, e3 and the transfer: 1.1 + 0.7 = 1.8 and 0.01
HALF = claims(1.81, 2.01, (1.8, 0.01, 1.8, 0.21), **HALF)


def test_a_designed_point_stands():
    assert check(HALF, model=DESIGNED) == []
    # e3 alone reaches 0.88, which is the best that counts
    assert check(HALF, model=DESIGNED, app={"min_accuracy": None}) == []


DESIGN_LIES = {
    "threshold not calibrated": ({"apps.0.thresholds": {"e1": 0.6, "e3": None}}, ["thresholds"]),
    "threshold nearly calibrated": ({"apps.0.thresholds": {"e1": 0.5 + 1e-12, "e3": None}}, ["thresholds"]),
    "last exit with a threshold": ({"apps.0.thresholds": {"e1": 0.5, "e3": 0.1}}, ["thresholds"]),
    "early exit without one": ({"apps.0.thresholds": {"e1": None, "e3": None}}, ["thresholds"]),
    "unknown exit": ({"apps.0.thresholds": {"e2": 0.5, "e3": None}}, ["thresholds"]),
    "no exit": ({"apps.0.thresholds": {}}, ["thresholds"]),
    "no thresholds": ({"apps.0.thresholds": None}, ["operating_point"]),
    "accuracy": ({"apps.0.accuracy": 0.89}, ["accuracy"]),
    "fractions": (
        {"apps.0.exit_fractions": {"e1": 0.4, "e3": 0.6}},
        ["exit_fractions.e1", "exit_fractions.e3"],
    ),
    "other exits": ({"apps.0.exit_fractions": {"e3": 1.0}}, ["exit_fractions"]),
}


@pytest.mark.parametrize(("changes", "expected"), DESIGN_LIES.values(), ids=DESIGN_LIES.keys())
def test_a_lie_about_a_design_is_found(changes, expected):
    assert whats(check({**HALF, **changes}, model=DESIGNED)) == expected


def test_the_best_accuracy_is_the_better_of_given_points_and_the_deepest_exit():
    assert best_accuracy(check_document(DESIGNED, Model)) == 0.88
    assert best_accuracy(check_document({**DESIGNED, "operating_points": MODEL["operating_points"]}, Model)) == 0.9
    shallow = {**DESIGNED, "calibration": {**CALIBRATION, "exits": {"e1": CALIBRATION["exits"]["e1"]}}}
    assert best_accuracy(check_document(shallow, Model)) == 0.56


def test_a_design_below_the_best_is_found():
    # e1 at 0.1 takes 700 with 560 right (c = 0.8); e3: 880 - 0.88 * 700 = 264 of 300: 824 of 1000
    plan = {
        "apps.0.thresholds": {"e1": 0.1, "e3": None},
        "apps.0.exit_fractions": {"e1": 0.7, "e3": 0.3},
        "apps.0.accuracy": 0.824,
        "apps.0.operating_point": "designed",
    }
    # 1.1 + 0.3 * 1.4 = 1.52; 0.3 * 0.02 = 0.006
    right = claims(1.526, 2.01, (1.52, 0.006, 1.8, 0.21), **plan)
    assert check(right, model=DESIGNED) == []
    assert whats(check(right, model=DESIGNED, app={"min_accuracy": None})) == ["min_accuracy"]


FOUR = {
    "schema_version": "1",
    "name": "four",
    "input_bits": 0,
    "blocks": [{"name": f"b{index}", "ops": 1} for index in range(4)],
    "exits": [{"name": f"e{index}", "after": f"b{index}"} for index in (3, 0, 1, 2)],
    "calibration": {
        "samples": 100,
        "thresholds": [0.5],
        "exits": {
            "e0": {"exited": [40], "correct": [20]},
            "e1": {"exited": [30], "correct": [30]},
            "e2": {"exited": [60], "correct": [54]},
            "e3": {"exited": [80], "correct": [72]},
        },
    },
}
NESTING = {
    # all on: e0 keeps 40 (20 right). e1 keeps none: e0 lets more go. e2, beyond e0 (c 0.5 against 0.9):
    # 60 - 40 = 20, right 54 - 0.9 * 40 = 18. e3, beyond e2 (c 0.9 against 72 / 100): 40, 72 - 0.9 * 60 = 18
    "all": (["e0", "e1", "e2", "e3"], [0.4, 0.0, 0.2, 0.4], 0.56),
    # e1 keeps 30 right; e2, beyond e1 (c 1 against 0.9): 30, right 54 - 30 = 24; e3 as above: 40 and 18
    "without the first": (["e1", "e2", "e3"], [0.3, 0.3, 0.4], 0.72),
    # e3, beyond e1 (c 1 against 0.72): 70, right 72 - 30 = 42
    "one early exit": (["e1", "e3"], [0.3, 0.7], 0.72),
    # e0 keeps 40 (20 right); e1 takes all that remain, 60: its c is 30 / 100, right 30 - 0.5 * 40 = 10
    "the rest at a shy exit": (["e0", "e1"], [0.4, 0.6], 0.3),
    # nothing is left to cut: 20 samples were never judged, so they count as wrong
    "the last alone": (["e3"], [1.0], 0.72),
}


@pytest.mark.parametrize(("names", "fractions", "accuracy"), NESTING.values(), ids=NESTING.keys())
def test_nesting(names, fractions, accuracy):
    model = check_document(FOUR, Model)
    thresholds = dict.fromkeys(names[:-1], 0.5) | {names[-1]: None}
    point = designed_point(model, model.calibration, thresholds)
    assert [point.fractions[name] for name in names] == pytest.approx(fractions, abs=1e-12)
    assert point.accuracy == pytest.approx(accuracy, abs=1e-12)


def test_right_samples_are_clipped():
    # e1: 10 - max(0.9, 10 / 50) * 40 is below 0, so none of its 10 is right; e2 (last): c is 0.95,
    # 95 - 0.95 * 50 = 47.5 of 50
    exits = {
        "e0": {"exited": [40], "correct": [36]},
        "e1": {"exited": [50], "correct": [10]},
        "e2": {"exited": [100], "correct": [95]},
    }
    model = check_document({**FOUR, "calibration": {**FOUR["calibration"], "exits": exits}}, Model)
    point = designed_point(model, model.calibration, {"e0": 0.5, "e1": 0.5, "e2": None})
    assert point.accuracy == pytest.approx((36 + 0 + 47.5) / 100, abs=1e-12)


def test_of_exits_that_let_equally_many_go_the_first_counts():
    # e0 and e1 let 40 go, c is 0.75 and 0.5; e2, with c = 0.6, takes the other 60: 60 - 0.75 * 40 = 30 right
    exits = {
        "e0": {"exited": [40], "correct": [30]},
        "e1": {"exited": [40], "correct": [20]},
        "e2": {"exited": [100], "correct": [60]},
    }
    model = check_document({**FOUR, "calibration": {**FOUR["calibration"], "exits": exits}}, Model)
    point = designed_point(model, model.calibration, {"e0": 0.5, "e1": 0.5, "e2": None})
    assert point.accuracy == pytest.approx(0.6, abs=1e-12)


def test_an_exit_that_lets_none_go():
    exits = {"e0": {"exited": [0], "correct": [0]}, "e1": {"exited": [50], "correct": [45]}}
    model = check_document({**FOUR, "calibration": {**FOUR["calibration"], "exits": exits}}, Model)
    point = designed_point(model, model.calibration, {"e0": 0.5, "e1": None})
    assert point.fractions == {"e0": 0.0, "e1": 1.0}
    assert point.accuracy == pytest.approx(0.45, abs=1e-12)


# no plan ------------------------------------------------------------------------------------------

NOTHING = {"schema_version": "1", "status": "infeasible", "diagnosis": DIAGNOSIS}
NO_PLAN = {
    "infeasible": ({}, []),
    "no diagnosis": ({"diagnosis": None}, ["diagnosis"]),
    "unknown": ({"status": "unknown", "diagnosis": None}, []),
    "unknown with a bound": (
        {
            "status": "unknown",
            "diagnosis": None,
            "certificate": {"lower_bound": 1.0, "relative_gap": None, "objective": "energy_j"},
        },
        [],
    ),
    "speeds of nothing": ({"node_speeds": {"edge": 1.0}}, ["node_speeds"]),
    "unknown with a diagnosis": ({"status": "unknown"}, ["diagnosis"]),
    "total of nothing": ({"total": PLACEMENT["total"]}, ["total"]),
    "gap of nothing": (
        {"certificate": {"lower_bound": 1.0, "relative_gap": 0.0, "objective": "energy_j"}},
        ["certificate"],
    ),
}


@pytest.mark.parametrize(("changes", "expected"), NO_PLAN.values(), ids=NO_PLAN.keys())
def test_no_plan(changes, expected):
    assert whats(check(changed(NOTHING, changes))) == expected
