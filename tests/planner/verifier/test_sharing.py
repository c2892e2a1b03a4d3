"""The verifier on plans with shares: closed-form figures (`two_apps`), and one change at a time."""

from __future__ import annotations

import copy
import math

import pytest
import two_apps
from edits import changed, whats

from planner.files.writing import placement_json
from planner.schemas import Model, Placement, Topology, Workload, check_document
from planner.verifier.verify import verify


def check(placement=(), topology=(), workload=(), model=(), **options):
    """What the verifier finds in the plan of two apps with these changes."""
    document = check_document(changed(two_apps.PLACEMENT, dict(placement)), Placement)
    return found_in(document, topology, workload, model, **options)


def found_in(document, topology=(), workload=(), model=(), **options):
    net = check_document(changed(two_apps.MODEL, dict(model)), Model)
    apps = check_document(changed(two_apps.WORKLOAD, dict(workload)), Workload).apps
    nodes = check_document(changed(two_apps.TOPOLOGY, dict(topology)), Topology)
    return verify(document, nodes, [(app, net) for app in apps], **options)


def test_the_plan_worked_out_by_hand_stands():
    assert check() == []


def test_sums_of_shares_may_be_left_out():
    assert check({"total.node_share_sum": ..., "total.media_share_sum": ...}) == []


MIC_LATENCIES = {
    "worst": (3.75, two_apps.UP_S + two_apps.BACK_S),
    "p26": (3.75, two_apps.UP_S + two_apps.BACK_S),
    "p25": (1.25, 0.0),
    # 0.25 * 1.25 + 0.75 * 3.75 and 0.75 * (0.343333 + 0.07)
    "mean": (3.125, 0.31),
}


@pytest.mark.parametrize(("statistic", "parts"), MIC_LATENCIES.items(), ids=MIC_LATENCIES.keys())
def test_latency_statistics(statistic, parts):
    claims = {
        "apps.1.latency_s": sum(parts),
        "apps.1.breakdown.compute_s": parts[0],
        "apps.1.breakdown.transfer_s": parts[1],
    }
    assert check(claims, workload={"apps.1.latency": statistic}) == []
    wrong = {**claims, "apps.1.latency_s": sum(parts) * 1.0001}
    assert whats(check(wrong, workload={"apps.1.latency": statistic})) == ["latency_s"]


# every figure counts ------------------------------------------------------------------------------


def numbers_in(raw, path=""):
    """The paths of all numbers in a raw document."""
    if isinstance(raw, dict):
        return [found for key, value in raw.items() for found in numbers_in(value, f"{path}.{key}")]
    if isinstance(raw, list):
        return [found for index, value in enumerate(raw) for found in numbers_in(value, f"{path}.{index}")]
    return [path.lstrip(".")] if isinstance(raw, (int, float)) else []


def value_at(raw, path):
    for key in path.split("."):
        raw = raw[int(key)] if isinstance(raw, list) else raw[key]
    return raw


FIGURES = numbers_in(two_apps.PLACEMENT)


def test_the_plan_has_every_figure_that_a_plan_can_have():
    claims = {path.rsplit(".", 1)[-1] for path in FIGURES}
    assert {"energy_j", "latency_s", "accuracy", "compute_j", "transfer_j", "compute_s", "transfer_s"} <= claims
    assert {"power_w", "nodes_used", "node_share_sum", "media_share_sum", "lower_bound", "relative_gap"} <= claims


@pytest.mark.parametrize("path", FIGURES)
@pytest.mark.parametrize("by", [-1e-5, 1e-5])
def test_no_figure_can_be_changed_unseen(path, by):
    value = value_at(two_apps.PLACEMENT, path)
    wrong = value + (1 if by > 0 else -1) if isinstance(value, int) else value * (1 + by) if value else abs(by)
    found = check({path: wrong})
    claim = path.removeprefix("apps.0.").removeprefix("apps.1.")
    assert found
    if not claim.startswith(("shares", "node_speeds", "routes", "certificate")):  # these show in what follows from them
        assert claim in whats(found)


# limits -------------------------------------------------------------------------------------------


def at_rate(mic_rate_per_s):
    """Claims of the plan in which the second app has another rate, with nothing to prove."""
    power_w = 0.2 * 2.97625 + mic_rate_per_s * 4.48375 + 3.3
    placement = {"status": "feasible", "certificate": None, "total.power_w": power_w}
    return {"placement": placement, "workload": {"apps.1.rate_per_s": mic_rate_per_s}}


UNSHARED = {"nodes": {}, "media": {}}
LIMITS = {
    "deadline": ({"workload": {"apps.0.max_latency_s": 3.176}}, ["max_latency_s"]),
    "deadline met": ({"workload": {"apps.0.max_latency_s": 3.0 + 0.01 + 0.1 / 0.6}}, []),
    "deadline of the second": ({"workload": {"apps.1.max_latency_s": 4.163}}, ["max_latency_s"]),
    "energy": ({"workload": {"apps.1.max_energy_j": 4.48}}, ["max_energy_j"]),
    "accuracy": ({"workload": {"apps.1.min_accuracy": 0.81}}, ["min_accuracy"]),
    "memory": ({"topology": {"nodes.2.memory_bytes": 499.0}}, ["memory_bytes"]),
    "sum of shares of a node": ({"topology": {"nodes.2.max_utilization": 0.8999}}, ["max_utilization"]),
    "a missing share is all of it": ({"topology": {"nodes.0.max_utilization": 0.9999}}, ["max_utilization"]),
    # the load of p2 is 0.4, but 0.8 of it is promised
    "a promise counts, not the load": ({"topology": {"nodes.1.max_utilization": 0.79}}, ["max_utilization"]),
    "queue at a node": (at_rate(0.54), ["stability"]),
    "queue at a node, just served": (at_rate(0.4 / 0.75), []),
    "slower than the node can": ({"topology": {"nodes.2.speed.min": 0.51}}, ["node_speeds"]),
    "faster than the node can": ({"topology": {"nodes.2.speed": {"min": 0.1, "max": 0.49}}}, ["node_speeds"]),
    "speed at the edge of the range": ({"topology": {"nodes.2.speed": {"min": 0.5, "max": 0.5}}}, []),
    "speed of a node without a range": ({"topology": {"nodes.2.speed": None}}, ["node_speeds"]),
    "nominal speed is not to be had": ({"topology": {"nodes.0.speed": {"min": 0.5, "max": 0.9}}}, ["node_speeds"]),
    "speed of an idle node": ({"placement": {"node_speeds.cloud": 1.0}}, []),
    "wrong speed of an idle node": ({"placement": {"node_speeds.cloud": 0.9}}, ["node_speeds"]),
    "speed of no node": ({"placement": {"node_speeds.moon": 1.0}}, ["node_speeds"]),
    "share of an idle node": ({"placement": {"apps.0.shares.nodes.cloud": 0.5}}, ["shares.nodes"]),
    "share of no node": ({"placement": {"apps.0.shares.nodes.moon": 0.5}}, ["shares.nodes"]),
    "share of another app's way": ({"placement": {"apps.0.shares.media.edge->p2": 0.5}}, ["shares.media"]),
    "share of a way by the name of its link": ({"placement": {"apps.0.shares.media.p1->edge": 1.0}}, ["shares.media"]),
    "whole share, said": ({"placement": {"apps.0.shares.nodes.p1": 1.0}}, []),
    "no share of a node": ({"placement": {"apps.0.shares.nodes.edge": 0.0}}, ["shares.nodes"]),
    "no share of a medium": ({"placement": {"apps.1.shares.media.cell": 0.0}}, ["shares.media"]),
    "no speed": ({"placement": {"node_speeds.edge": 0.0}}, ["node_speeds"]),
    "another objective": ({"workload": {"apps.0.objective": "latency"}}, ["objective"]),
    "other objectives": (
        {"workload": {"apps.0.objective": "latency", "apps.1.objective": "latency"}},
        ["objective"],
    ),
    "no rate": (
        {"workload": {"apps.0.rate_per_s": 0.0}, "placement": {"total.power_w": 5.0935, "certificate": None}},
        ["certificate", "rate_per_s"],
    ),
    "proof of energy": (
        {"placement": {"certificate": {"lower_bound": 7.46, "relative_gap": 0.0, "objective": "energy_j"}}},
        ["certificate.objective"],
    ),
    "bound above the power": (
        {"placement": {"certificate.lower_bound": 5.6888}},
        ["certificate.lower_bound"],
    ),
    "gap too wide": (
        {"placement": {"certificate": {"lower_bound": 5.68875 / 2, "relative_gap": 0.5, "objective": "power_w"}}},
        ["status"],
    ),
    "gap as wide as was asked for": (
        {
            "placement": {"certificate": {"lower_bound": 5.68875 / 2, "relative_gap": 0.5, "objective": "power_w"}},
            "gap": 0.5,
        },
        [],
    ),
    "app missing": ({"placement": {"apps.1": ...}}, ["apps"]),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), LIMITS.values(), ids=LIMITS.keys())
def test_limits(changes, expected):
    assert whats(check(**changes)) == expected


def test_a_medium_is_shared_out_once():
    # with 0.41 of the cell mic's transfer takes 0.1 / 0.41 s: 1.01 of the cell in all
    up_s = 0.01 + 0.1 / 0.41
    claims = {
        "apps.1.shares.media.cell": 0.41,
        "apps.1.latency_s": 3.75 + up_s + two_apps.BACK_S,
        "apps.1.breakdown.transfer_s": up_s + two_apps.BACK_S,
        "total.media_share_sum": 0.6 + 0.41 + 0.5,
    }
    (found,) = check(claims)
    assert (found.what, found.claimed, found.unit) == ("medium_utilization", 1.0, "fraction")
    assert found.recomputed == pytest.approx(1.01)
    assert "cell" in found.message
    # the same shares of two ways that are media of their own are no conflict
    apart = {"topology": {"links.0.medium": "first"}}
    assert check({**claims, "apps.0.shares.media": {"first": 0.6}}, **apart) == []


def test_a_queue_at_a_medium_must_be_served():
    # mic's output of b1 loads the cell with 0.03; a share of 0.029 is too little, of 0.03 just enough
    for share, expected in ((0.029, ["stability"]), (0.03, [])):
        up_s = 0.01 + 0.1 / share
        claims = {
            "apps.1.shares.media.cell": share,
            "apps.1.latency_s": 3.75 + up_s + two_apps.BACK_S,
            "apps.1.breakdown.transfer_s": up_s + two_apps.BACK_S,
            "total.media_share_sum": 0.6 + share + 0.5,
        }
        assert whats(check(claims, workload={"apps.1.max_latency_s": None})) == expected


def test_a_violation_names_the_app_and_both_values():
    (found,) = check(**at_rate(0.54))
    assert (found.app, found.what, found.claimed) == ("mic", "stability", 0.4)
    assert found.recomputed == pytest.approx(0.405)
    assert "edge" in found.message


@pytest.mark.parametrize("share", [math.nan, -0.5, 1.5])
def test_shares_that_no_file_can_hold(share):
    document = check_document(copy.deepcopy(two_apps.PLACEMENT), Placement)
    cam, mic = document.apps
    shares = cam.shares.model_copy(update={"nodes": {"edge": share}})
    document = document.model_copy(update={"apps": (cam.model_copy(update={"shares": shares}), mic)})
    assert "shares.nodes" in whats(found_in(document))


@pytest.mark.parametrize("change", [{"node_speeds.edge": 1e200}, {"apps.0.shares.nodes.edge": 1e-320}])
def test_extreme_figures_are_violations_and_no_errors(change):
    wide = {"nodes.2.speed": {"min": 1e-30, "max": 1e30}}
    assert {"energy_j", "latency_s"} & set(whats(check(change, topology=wide)))


# plans of one app ---------------------------------------------------------------------------------

ALONE = {
    "apps.1": ...,
    "total": {"energy_j": 2.97625, "power_w": 0.59525 + 3.1, "nodes_used": 2},
    "certificate": {"lower_bound": 0.59525 + 3.1, "relative_gap": 0.0, "objective": "power_w"},
}


def test_one_app_alone_may_have_shares():
    assert check(ALONE, workload={"apps.1": ...}) == []
    energy = {**ALONE, "certificate": {"lower_bound": 2.97625, "relative_gap": 0.0, "objective": "energy_j"}}
    assert check(energy, workload={"apps.1": ...}) == []
    latency = {"apps.1": ..., "apps.0.objective": "latency"}
    assert whats(check(ALONE, workload=latency)) == ["certificate.objective"]


def test_one_app_alone_may_leave_its_shares_out():
    plan = {
        **ALONE,
        "apps.0.shares": UNSHARED,
        "apps.0.latency_s": 2.0 + 0.11,
        "apps.0.breakdown": {"compute_j": 2.96875, "transfer_j": 0.0075, "compute_s": 2.0, "transfer_s": 0.11},
    }
    alone, free = {"apps.1": ...}, {"nodes.2.max_utilization": 1.0}
    assert check(plan, topology=free, workload=alone) == []
    assert whats(check(plan, workload=alone)) == ["max_utilization"]


def test_without_shares_and_speeds_only_the_load_counts():
    # at nominal speed: b2 and e2 take 0.5 s and 2.5 + 1 J; the load of the edge is 0.2 * 0.75 * 0.5 = 0.075
    energy_j = 1 + 0.75 * 3.5 + 0.0075
    plan = {
        "status": "feasible",
        "apps.1": ...,
        "certificate": None,
        "node_speeds": {},
        "total": {"energy_j": energy_j, "power_w": 0.2 * energy_j + 3.1, "nodes_used": 2},
        "apps.0.shares": UNSHARED,
        "apps.0.energy_j": energy_j,
        "apps.0.latency_s": 1.5 + 0.11,
        "apps.0.breakdown": {"compute_j": 3.625, "transfer_j": 0.0075, "compute_s": 1.5, "transfer_s": 0.11},
    }
    # a range of speeds without the nominal one binds only where speeds are chosen
    slow = {"nodes.2.speed": {"min": 0.1, "max": 0.5}}
    for most, expected in ((0.0751, []), (0.0749, ["max_utilization"])):
        tight = {**slow, "nodes.2.max_utilization": most}
        assert whats(check(plan, topology=tight, workload={"apps.1": ...})) == expected
    sums = {**plan, "total": {**plan["total"], "media_share_sum": 1.0}}
    assert whats(check(sums, workload={"apps.1": ...})) == ["total.media_share_sum"]


# names of media -----------------------------------------------------------------------------------


def test_a_medium_may_bear_the_name_of_a_link():
    # the cell is called like mic's way back: one share holds for both media
    up_s = 0.01 + 0.1 / 0.5
    topology = {"links.0.medium": "edge->p2", "links.1.medium": "edge->p2"}
    claims = {
        "apps.0.shares.media": {"edge->p2": 0.5},
        "apps.0.latency_s": 3.0 + up_s,
        "apps.0.breakdown.transfer_s": up_s,
        "apps.1.shares.media": {"edge->p2": 0.5},
        "apps.1.latency_s": 3.75 + up_s + two_apps.BACK_S,
        "apps.1.breakdown.transfer_s": up_s + two_apps.BACK_S,
        "total.media_share_sum": 1.5,
    }
    assert check(claims, topology=topology, workload={"apps.0.max_latency_s": 3.22}) == []


def test_links_of_packages_are_media_by_their_ends():
    package = {
        "name": "mcm0", "rows": 1, "cols": 2, "gateways": [[0, 0]],
        "chiplet": {"ops_per_s": 1e9, "j_per_op": 1e-9, "speed": {"min": 0.5, "max": 1.0}},
        "interposer": {"bit_per_s": 1e6, "j_per_bit": 1e-8},
        "gateway_link": {"bit_per_s": 2e6, "j_per_bit": 1e-8},
    }  # fmt: skip
    topology = {"schema_version": "1", "name": "mcm", "packages": [package]}
    app = {"name": "cam", "model": "net.json", "source": "mcm0", "rate_per_s": 0.1}
    first, second = "mcm0[0,0]", "mcm0[0,1]"
    # input 3e5 bit: 0.15 / 0.5 s, 0.003 J; b1 at speed 0.5: 2 s, 0.25 J; output 1e5 bit: 0.1 / 0.25 s, 0.001 J;
    # b2, e2 at speed 1 with 0.5 of the chiplet: 10 s, 5 J
    energy = {"compute_j": 0.25 + 0.75 * 5.0, "transfer_j": 0.003 + 0.75 * 0.001}
    plan = {
        **two_apps.PLACEMENT["apps"][0],
        "assignments": [{"block": "b1", "node": first}, {"block": "b2", "node": second}],
        "routes": [
            {"after": None, "path": ["mcm0", first], "bits": 3e5},
            {"after": "b1", "path": [first, second], "bits": 1e5},
        ],
        "shares": {"nodes": {second: 0.5}, "media": {f"mcm0->{first}": 0.5, f"{first}->{second}": 0.25}},
        "energy_j": sum(energy.values()),
        "latency_s": 12.7,
        "breakdown": {**energy, "compute_s": 12.0, "transfer_s": 0.7},
    }
    placement = {
        "schema_version": "1", "status": "feasible", "apps": [plan], "node_speeds": {first: 0.5},
        "total": {"energy_j": 4.00375, "power_w": 0.400375, "nodes_used": 2},
    }  # fmt: skip
    workload = check_document({"schema_version": "1", "apps": [app]}, Workload)
    apps = [(workload.apps[0], check_document(two_apps.MODEL, Model))]
    nodes = check_document(topology, Topology)
    assert verify(check_document(placement, Placement), nodes, apps) == []
    wrong = changed(placement, {"node_speeds": {first: 0.5, "mcm0": 0.9}})
    assert whats(verify(check_document(wrong, Placement), nodes, apps)) == ["node_speeds"]


# files --------------------------------------------------------------------------------------------


def test_sums_of_shares_are_written_where_there_are_any():
    written = placement_json(check_document(copy.deepcopy(two_apps.PLACEMENT), Placement))
    assert written["total"] == two_apps.PLACEMENT["total"]
    alone = check_document(changed(two_apps.PLACEMENT, ALONE), Placement)
    assert set(placement_json(alone)["total"]) == {"energy_j", "power_w", "nodes_used"}
