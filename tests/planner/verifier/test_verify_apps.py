"""The verifier on several apps: names, shares, memory and media of their own."""

from __future__ import annotations

import pytest
from edits import changed, whats
from verify_cases import APP, MODEL, PLACEMENT, PLAN, ROUTE, TOPOLOGY, check, claims

from planner.schemas import App, Model, Placement, Topology, check_document
from planner.verifier.verify import verify


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
