"""What large scenarios get, forced on small ones: joined paths and bounds at other multipliers, before enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from cases import instance_of, random_case, random_model
from enumerated import MOST_PLANS, check_enumerated
from hypothesis import assume, given
from hypothesis import strategies as st
from metric_cases import random_metric_case
from networks import SHAPES, shaped_topology

from planner.fin.bounds.cutting_planes import bounds_of_several
from planner.fin.bounds.dual import dual_bounds
from planner.fin.bounds.relaxation import Relaxation, relax
from planner.fin.deadline import Deadline
from planner.fin.exact import scenario
from planner.fin.exact.method import Exact
from planner.fin.exact.path_joining import joined_path
from planner.fin.graph.extended import build_extended
from planner.fin.graph.feasible import build_feasible
from planner.fin.graph.path_sums import path_sums
from planner.fin.instance.decision import evaluate, objective_of
from planner.fin.instance.instance import Instance
from planner.fin.labels import passes, transfer_paths
from planner.fin.labels.arcs import stages_of, surviving_arcs
from planner.fin.labels.moves import moves_of
from planner.fin.labels.other_multipliers import with_other_multipliers
from planner.fin.labels.tracked_labels import bounds, root_label
from planner.fin.labels.transfer_paths import with_paths
from planner.fin.method import Options
from planner.fin.methods.enumeration import BruteForce
from planner.schemas import App, Model, Topology, check_document


def is_solved_like_enumeration(instance: Instance) -> None:
    """Compare with enumeration while every scenario counts as wide, and many passes are needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenario, "_MANY_PER_LAYER", -1)
        patch.setattr(scenario, "_WIDTHS_OF_PASSES", (1, 2, 5, 300_000))
        patch.setattr(passes, "_FEW", 1)
        found = Exact().solve(instance, Options())
    check_enumerated(instance, found)


@given(st.randoms(use_true_random=False))
def test_wide_scenarios_are_solved_like_enumeration(random: Random) -> None:
    instance = instance_of(*random_case(random))
    assume(instance is not None)
    assert instance is not None
    is_solved_like_enumeration(instance)


@given(st.randoms(use_true_random=False))
def test_wide_scenarios_are_solved_where_narrow_passes_lose_hops(random: Random) -> None:
    app, model, topology = random_metric_case(random, most_nodes=4)
    instance = instance_of(app, model, topology)
    assume(instance is not None)
    assert instance is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "_HOPS_PER_LABEL", 1)
        patch.setattr(transfer_paths, "_MOST_LINKS", 0)
        is_solved_like_enumeration(instance)


@given(st.randoms(use_true_random=False))
def test_wide_scenarios_with_several_limits_are_solved_like_enumeration(random: Random) -> None:
    instance = instance_of(*random_metric_case(random))
    assume(instance is not None)
    assert instance is not None
    is_solved_like_enumeration(instance)


def scenario_of(instance: Instance) -> Relaxation | None:
    """Return the first scenario at its best multipliers, None where none is feasible."""
    feasible = build_feasible(build_extended(instance), instance.network)
    if feasible.graph.shape[0] == 0:
        return None
    several = feasible.graph.further is not None
    duals = bounds_of_several(feasible) if several else dual_bounds(feasible)
    further = None if duals.further is None else duals.further[0]
    return relax(feasible.single(0), float(duals.multiplier[0]), np.inf, further=further)


@given(st.randoms(use_true_random=False), st.sampled_from(SHAPES))
def test_a_joined_path_is_a_path_within_the_limit_on_networks_of_every_shape(random: Random, shape: str) -> None:
    topology = check_document(shaped_topology(random, shape), Topology)
    model = check_document(random_model(random, most_blocks=5), Model)
    instance = instance_of(App(name="a", model=model.name, max_latency_s=random.uniform(0.1, 10.0)), model, topology)
    assume(instance is not None)
    assert instance is not None
    plain = scenario_of(instance)
    path = None if plain is None else joined_path(plain, surviving_arcs(plain, np.inf))
    if plain is None or path is None:
        return
    cost, limited = (float(each[0]) for each in path_sums(plain.graph, path))
    assert limited <= plain.most * (1 + 1e-12)
    assert cost >= plain.lower_bound * (1 - 1e-9)
    links = set(zip(instance.network.link_source.tolist(), instance.network.link_target.tolist(), strict=True))
    before = plain.graph.source
    for layer, node in enumerate(path.node[0].tolist()):
        passed = path.transfer(0, layer, before)
        assert len(set(passed)) == len(passed)
        assert links.issuperset(pairwise(passed))
        assert plain.graph.open[0, layer, node].any()
        before = node


@given(st.randoms(use_true_random=False))
def test_bounds_at_other_multipliers_stay_below_every_plan(random: Random) -> None:
    instance = instance_of(*random_metric_case(random))
    assume(instance is not None and instance.points.count == 1)
    assert instance is not None
    plain = scenario_of(instance)
    best = BruteForce(MOST_PLANS).solve(instance, Options())
    if plain is None or best.plan is None or plain.graph.shape[0] != 1:
        return
    arcs = surviving_arcs(plain, np.inf)
    if not plain.graph.links.single_hop:
        arcs = with_paths(plain, arcs, np.inf, Deadline()) or replace(arcs, between_vertices=False)
    assume(arcs.between_vertices)
    stages = stages_of(plain, arcs)
    wide = with_other_multipliers(plain, moves_of(plain, stages, arcs), stages, Deadline())
    value = objective_of(instance, evaluate(instance, best.plan))
    bound = bounds(wide, root_label(wide), -1)[0]
    assert bounds(plain, root_label(plain), -1)[0] <= bound <= value * (1 + 1e-9) + 1e-12
