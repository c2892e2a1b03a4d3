"""Baselines for several apps: figures by hand, FIN as the oracle of one app, plans that stand before the verifier."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from profiles import examples
from together import random_request, small_request

from planner.clear.allocation.app_view import AppView, most_favourable, viewed_instance
from planner.clear.baselines.baseline import own_bound_w
from planner.clear.diagnosis.flow_relaxation import maximum_rates
from planner.clear.method import JOINT_METHODS, joint_method
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate
from planner.fin.instance.packages import expand
from planner.fin.method import Options
from planner.pipeline.dispatch import answer
from planner.pipeline.several_apps import joint_of
from planner.schemas import InputError
from planner.verifier.verify import verify

BASELINES = [name for name in JOINT_METHODS if name != "clear"]
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.slow
@settings(max_examples=examples(50, 300))
@given(seeds)
def test_plans_stand_and_bounds_are_below_them_and_loads_are_not_too_much(seed):
    request = random_request(Random(seed))
    placements = {name: answer(replace(request, method=name)) for name in BASELINES}
    powers = [each.total.power_w for each in placements.values() if each.total is not None]
    for placement in placements.values():
        # answer() has verified them; once more, so that this test does not rest on it
        assert verify(placement, request.topology, request.apps) == []
        if placement.certificate is not None and powers:
            assert placement.certificate.lower_bound <= min(powers) * (1 + 1e-9)
    if powers:
        assert {each.status for each in placements.values()} <= {"optimal", "feasible", "unknown"}
        assert maximum_rates(joint_of(request)).part == pytest.approx(1.0)
        assert np.isfinite(own_bound_w(joint_of(request)))
    for name in ("alone", "fin-in-order"):
        check_kept(request, placements[name])


def check_kept(request, placement):
    """Limits hold to 1e-9 in the solver of geometric programs; what it leaves over must not add up to more."""
    most = {node.name: node.max_utilization for node in expand(request.topology).nodes}
    held: Counter[str] = Counter()
    for (app, _), placed in zip(request.apps, placement.apps, strict=False):
        held.update(placed.shares.nodes)
        assert placed.latency_s <= (app.max_latency_s or np.inf) * (1 + 6e-10)
        assert placed.energy_j <= (np.inf if app.max_energy_j is None else app.max_energy_j) * (1 + 6e-10)
    assert all(share <= most[node] * (1 + 1e-10) for node, share in held.items())


def test_whole_dnns_by_hand():
    """All on the edge at full speed: 4 Mbit of input at 50 nJ/bit, 3.001e9 ops at 20 pJ/op, leakage 0.2 W."""
    placement = answer(small_request("full-dnn"))
    energy_j = 4e6 * 5e-8 + 3.001e9 * 2e-11 + 0.2 * 3.001e9 / 1e12
    assert [app.operating_point for app in placement.apps] == ["full", "full"]
    assert [app.energy_j for app in placement.apps] == pytest.approx([energy_j, energy_j])
    assert placement.total.power_w == pytest.approx(7 * energy_j + 0.1)
    assert all(app.shares.nodes == {"edge": 0.5} and app.shares.media == {"radio": 0.5} for app in placement.apps)
    late_s = 0.002 + 4e6 / (1e8 * 0.5) + 3.001e9 / (1e12 * 0.5)
    assert [app.latency_s for app in placement.apps] == pytest.approx([late_s, late_s])
    assert placement.node_speeds == {"edge": 1.0}


def test_alone_takes_the_slowest_speed_that_pays_by_hand():
    """Dynamic energy falls with the square of the speed, leakage grows: at a fifth of the speed both are least."""
    placement = answer(small_request("alone"))
    ops = 0.8e9 + 0.5 * 2.2e9 + 1e6 + 0.5e6
    energy_j = 4e6 * 5e-8 + ops * 2e-11 * 0.04 + 0.2 * ops / 1e12 / 0.2
    assert placement.node_speeds["edge"] == pytest.approx(0.2, rel=1e-6)
    assert [app.energy_j for app in placement.apps] == pytest.approx([energy_j, energy_j], rel=1e-6)


def test_nothing_runs_on_phones_where_that_is_asked():
    for name in ("edge-only", "full-dnn-edge"):
        nodes = {row.node for app in answer(small_request(name)).apps for row in app.assignments}
        assert nodes == {"edge"}


@given(seeds)
def test_one_app_in_order_is_fins_optimum(seed):
    """With one app alone, what is left is everything: the energy is that of FIN's exact search at nominal speed."""
    request = random_request(Random(seed))
    request = replace(request, apps=request.apps[:1])
    joint = joint_of(request)
    network = joint.network
    instance = joint.apps[0].variants[0]
    nominal = (
        (network.max_utilization == 1.0).all() and (network.slowest <= 1.0).all() and (network.fastest >= 1.0).all()
    )
    assume(bool(nominal) and instance.points.count > 0)
    fin = Exact().solve(instance, Options())
    found = joint_method("fin-in-order").solve(joint, Options())
    assert (found.plan is None) == (fin.plan is None)
    if found.plan is not None and fin.plan is not None:
        column = found.plan.columns[0]
        own = found.plan.power_w - float(network.idle_power_w[column.nodes].sum())
        assert own == pytest.approx(instance.rate_per_s * evaluate(instance, fin.plan).energy_j, rel=1e-8)


@given(seeds)
def test_no_speed_and_no_share_beats_the_most_favourable_app(seed):
    """The favourable app takes no more time and no more energy than the app on any slices at any speeds."""
    r = Random(seed)
    joint = joint_of(random_request(r))
    network = joint.network
    speed = np.array([r.uniform(low, high) for low, high in zip(network.slowest, network.fastest, strict=True)])
    share = network.max_utilization * np.array([r.uniform(0.1, 1.0) for _ in range(network.size)])
    view = AppView(speed, share, np.array([r.uniform(0.1, 1.0) for _ in range(network.media)]))
    for app in joint.variants:
        best, own = most_favourable(app), viewed_instance(app, view)
        for easy, real in ((best.blocks, own.blocks), (best.heads, own.heads)):
            assert (easy.time_s <= real.time_s * (1 + 1e-12)).all()
            assert (easy.energy_j <= real.energy_j * (1 + 1e-12)).all()
        assert (best.network.link_bit_per_s >= own.network.link_bit_per_s).all()


def test_a_baseline_says_what_it_cannot_find():
    def hurry(topology, apps):
        for app in apps:
            app["max_latency_s"] = 0.075

    for name, words in (("full-dnn", "with equal shares"), ("edge-only", "leaves enough for all")):
        placement = answer(small_request(name, hurry))
        assert placement.status == "unknown"
        assert words in placement.message


def test_there_is_no_method_of_that_name():
    with pytest.raises(InputError, match="there is no such method for several apps"):
        joint_method("nobody")
