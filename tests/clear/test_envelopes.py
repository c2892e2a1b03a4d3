"""Envelopes, merged nodes and climbs against the sweeps that they stand in for: every operating point, every node."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from joint_cases import random_case
from profiles import examples

from benchmarks.clear.workloads import random_setting
from planner.clear.pricing.aggregation import aggregate_nodes
from planner.clear.pricing.app_arrays import app_arrays
from planner.clear.pricing.cycles import CycleBound
from planner.clear.pricing.multiplier_ascent import of_depth
from planner.clear.pricing.point_tree import PointTree, point_tree
from planner.clear.pricing.routes import list_routes
from planner.clear.pricing.shortest_path import Pricer
from planner.clear.pricing.sweep import AppPrices, Rows
from planner.clear.problem.instance import JointInstance, build_joint
from planner.fin.instance.network import Floats, build_network
from planner.fin.instance.packages import expand

SEEDS = st.integers(0, 2**32)
MOST_POINTS = 20
"""Operating points that all are looked at one by one."""
FEW = settings(max_examples=examples(12, 60))
SLACK = 1e-9


def draw_joint(seed: int) -> JointInstance:
    """A few nodes that all differ, or a package in which many are equal."""
    r = Random(seed)
    if r.random() < 0.5:
        return random_case(r).joint()
    setting = random_setting(2, r.randint(0, 10_000), rows=2, cols=2)
    return build_joint(setting.apps, build_network(*expand(setting.topology)))


def pricers(joint: JointInstance) -> list[tuple[Pricer, PointTree]]:
    routes = list_routes(joint.network, joint.media.tolist())
    trees = [point_tree(app_arrays(app)) for app in joint.variants if app.points.count]
    apps = [app for app in joint.variants if app.points.count]
    return [(Pricer(app, tree.stages, routes), tree) for app, tree in zip(apps, trees, strict=True)]


def draw_prices(joint: JointInstance, pricer: Pricer, random: np.random.Generator) -> AppPrices:
    """Prices of the size of what blocks cost, many of them 0; equal nodes meet the same."""
    kinds = joint.kinds
    size = float(pricer.stages.dynamic_w.max()) * 10.0 ** random.uniform(-2.0, 1.0)

    def some(count: int) -> Floats:
        return np.asarray(size * random.random(count) * (random.random(count) < 0.6))

    memory = some(kinds.max() + 1)[kinds] / max(float(pricer.stages.memory_bytes.max()), 1.0)
    media = some(len(pricer.routes.media))
    return AppPrices(some(kinds.max() + 1)[kinds], some(kinds.max() + 1)[kinds], memory, media)


def draw_rows(pricer: Pricer, prices: AppPrices, rows: list[int], random: np.random.Generator) -> Rows:
    """The same random value of time for some rows."""
    limit_s = pricer.stages.most_s
    power_w = max(float(pricer.stages.dynamic_w.sum(axis=1).max() + prices.node_w.max()), 1e-9)
    value = 0.0 if np.isinf(limit_s) else power_w / limit_s * 10.0 ** random.uniform(-3.0, 3.0)
    return Rows(np.array(rows), np.full(len(rows), value))


def below(lower: Floats, upper: Floats) -> bool:
    """Whether costs are at most others, but for rounding."""
    with np.errstate(invalid="ignore"):
        return bool(((lower <= upper) | (lower - upper <= SLACK * np.abs(upper))).all())


class TestEnvelopes:
    @FEW
    @given(SEEDS)
    def test_no_class_of_plans_of_a_point_is_cheaper_than_with_any_envelope_above_it(self, seed: int) -> None:
        joint, random = draw_joint(seed), np.random.default_rng(seed)
        for pricer, tree in pricers(joint):
            prices = draw_prices(joint, pricer, random)
            point = int(random.integers(tree.points))
            path = [point]
            while path[-1] != tree.root:
                path.append(int(tree.parent[path[-1]]))
            rows = draw_rows(pricer, prices, path, random)
            depth = pricer.stages.depth
            # additive costs of an envelope bound its points' plans, not their additive costs: they take other lines
            costs = pricer.sweep(rows, prices).cost_by_departure
            own = costs[0, : depth[point] + 1]
            for row, envelope in zip(path, costs, strict=True):
                assert below(of_depth(envelope[: depth[row] + 1], int(depth[point])), own)


class TestAggregation:
    @FEW
    @given(SEEDS)
    def test_equal_nodes_as_one_never_cost_more(self, seed: int) -> None:
        """Plans that come back cost the same, for their bound takes equal nodes together anyway."""
        joint, random = draw_joint(seed), np.random.default_rng(seed)
        for pricer, tree in pricers(joint):
            prices = draw_prices(joint, pricer, random)
            small, seen = aggregate_nodes(pricer, prices)
            rows = draw_rows(pricer, prices, [int(random.integers(tree.root + 1))], random)
            assert below(small.sweep(rows, seen).cost_by_departure, pricer.sweep(rows, prices).cost_by_departure)
            own, others = (
                CycleBound(small, seen).cost_by_departure(rows),
                CycleBound(pricer, prices).cost_by_departure(rows),
            )
            np.testing.assert_allclose(own, others, rtol=1e-9)
            assert small.instance.network.size == len(small.kind) <= len(pricer.kind)
