"""The verifier: one lie in a true placement at a time, limits, and answers without a plan."""

from __future__ import annotations

import copy
import math

import pytest
from edits import changed, whats
from verify_cases import APP, DIAGNOSIS, MODEL, PLACEMENT, PLAN, ROUTE, TOPOLOGY, check, claims

from planner.schemas import App, Model, Placement, Topology, check_document
from planner.verifier.verify import verify


def test_a_true_placement_stands():
    assert check() == []


# one lie in the placement at a time ---------------------------------------------------------------

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
    "unknown node": ({"apps.0.assignments.2.node": "moon"}, ["assignments"]),
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


def test_what_another_topology_lacks_is_said_once():
    on_moon = {"apps.0.assignments.1.node": "moon", "apps.0.assignments.2.node": "moon"}
    (found,) = check({**on_moon, "apps.0.routes.0.path": ["device", "moon"]})
    assert (found.what, found.message) == ("assignments", "there is no node 'moon' to run b2 and 1 more block")
    (found,) = check({"apps.0.routes.0.path": ["device", "moon", "edge"]})
    assert (found.what, found.message) == ("routes", "output of b1: there is no node 'moon'")
    results = [{"after": f"b{i}", "result_of": f"e{i}", "path": ["device", "edge"], "bits": 1e3} for i in (1, 3)]
    routes = {"apps.0.assignments.2.node": "device", "apps.0.routes": [ROUTE, *results]}
    found = check(routes, topology={"links.0": ...}, app={"destination": "edge"})
    texts = [each.message for each in found]
    assert [text for text in texts if "no link" in text] == [
        "output of b1 and 2 more routes: there is no link from device to edge"
    ]


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


def test_figures_at_the_ends_of_what_files_may_say_are_recomputed():
    found = check(topology={"nodes.1.ops_per_s": 1e-30, "nodes.1.j_per_op": 1e30})
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
