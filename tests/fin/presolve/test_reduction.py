"""Reductions before the exact search: whatever scenarios and nodes they leave out, the optimum is that over all."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from cases import instance_of, random_app, random_model, random_topology
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from planner.fin.deadline import Deadline
from planner.fin.exact import method
from planner.fin.graph.extended import build_extended
from planner.fin.graph.min_plus import Weights, forward, vertex_values
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.subnetwork import on_nodes, on_whole_network
from planner.fin.instance.ties import merit_of
from planner.fin.method import Options
from planner.fin.methods.enumeration import BruteForce
from planner.fin.outcome import Outcome
from planner.fin.presolve import narrowing, reduction
from planner.schemas import App, Model, Topology, Workload, check_document

MOST_PLANS = 4_000


def check_same_merit(instance: Instance, found: Outcome[Decision]) -> None:
    """Compare a plan's merit with that of enumeration."""
    brute = BruteForce(MOST_PLANS).solve(instance, Options())
    if brute.status not in ("optimal", "infeasible"):
        return
    assert found.status == brute.status
    if brute.plan is None or found.plan is None:
        return
    rows = [merit_of(instance, plan) for plan in (found.plan, brute.plan)]
    assert rows[0] is not None
    assert rows[1] is not None
    figures = [(merit.objective, *merit.criteria) for merit in rows if merit is not None]
    np.testing.assert_allclose(figures[0], figures[1], rtol=1e-8, atol=1e-12)


def with_many_points(r: Random) -> Instance | None:
    """Return an app of up to 12 operating points."""
    model, topology = random_model(r), random_topology(r)
    model.pop("calibration", None)
    exits = [row["name"] for row in model["exits"]]
    points = []
    for index in range(r.randint(2, 12)):
        some = r.sample(exits, r.randint(1, len(exits)))
        shares = [r.randint(1, 4) for _ in some]
        fractions = {name: share / sum(shares) for name, share in zip(some, shares, strict=True)}
        points.append({"name": f"k{index}", "exit_fractions": fractions, "accuracy": r.choice([0.6, 0.7, 0.8])})
    model["operating_points"] = points
    workload = {"schema_version": "1", "apps": [random_app(r, model, topology)]}
    app = check_document(workload, Workload).apps[0]
    return instance_of(app, check_document(model, Model), check_document(topology, Topology))


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
def test_scenarios_that_are_left_out_hold_no_better_plan(random: Random) -> None:
    if (instance := with_many_points(random)) is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduction, "_FEW_SCENARIOS", 1)
        patch.setattr(reduction, "_SAMPLED", 1)
        patch.setattr(reduction, "_CLUSTER", random.randint(1, 4))
        check_same_merit(instance, method.Exact().solve(instance, Options()))


@settings(max_examples=50)
@given(st.randoms(use_true_random=False))
def test_bounds_of_clusters_are_below_every_path_of_their_scenarios(random: Random) -> None:
    if (instance := with_many_points(random)) is None or instance.points.count == 0:
        return
    graph = build_extended(instance)
    weights = Weights.lagrangian(np.full(graph.shape[0], random.choice([0.0, random.uniform(0.0, 2.0)])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduction, "_CLUSTER", random.randint(1, 4))
        least = reduction.least_of_clusters(graph, vertex_values(graph, weights), weights, Deadline())
    assert (least <= forward(graph, weights).values[:, -1].min(axis=1) * (1 + 1e-12)).all()


def full_mesh(r: Random) -> Instance | None:
    """Return an app on a full mesh on which no relay helps, with limits that bind now and then."""
    nodes, blocks = r.randint(3, 6), r.randint(1, 3)
    figures: list[dict[str, Any]] = [
        {"name": f"n{i}", "ops_per_s": r.choice([1.0, 2.0, 5.0]), "j_per_op": r.choice([0.1, 0.2, 0.5]),
         **({"memory_bytes": r.choice([1.0, 2.0])} if r.random() < 0.3 else {})}
        for i in range(nodes)
    ]  # fmt: skip
    links = [
        {"source": f"n{i}", "target": f"n{j}", "bit_per_s": r.choice([1.0, 1.5, 2.0]),
         "j_per_bit": r.choice([0.1, 0.15, 0.2]), "latency_s": r.choice([0.1, 0.2])}
        for i in range(nodes) for j in range(nodes) if i != j
    ]  # fmt: skip
    chain = [
        {"name": f"b{i}", "ops": r.choice([1.0, 2.0, 3.0]), "param_bytes": 1.0, "output_bits": r.choice([0.5, 1.0])}
        for i in range(blocks)
    ]
    exits = [{"name": "last", "after": f"b{blocks - 1}"}, *([{"name": "first", "after": "b0"}] if blocks > 1 else [])]
    points: list[dict[str, Any]] = [{"name": "full", "exit_fractions": {"last": 1.0}, "accuracy": 0.9}]
    if blocks > 1:
        points.append({"name": "short", "exit_fractions": {"first": 1.0}, "accuracy": 0.6})
        points.append({"name": "both", "exit_fractions": {"first": 0.5, "last": 0.5}, "accuracy": 0.8})
    model = {
        "schema_version": "1", "name": "m", "input_bits": r.choice([1.0, 2.0]), "blocks": chain, "exits": exits,
        "operating_points": points,
    }  # fmt: skip
    app = App(
        model="m", source="n0", rate_per_s=r.choice([0.0, 0.2]), min_accuracy=r.choice([0.5, 0.7]),
        max_latency_s=r.uniform(0.5, 8.0), latency=r.choice(["worst", "mean"]),
        objective=r.choice(["energy", "latency"]),
    )  # fmt: skip
    topology = {"schema_version": "1", "name": "t", "nodes": figures, "links": links}
    return instance_of(app, check_document(model, Model), check_document(topology, Topology))


@pytest.mark.slow
@settings(max_examples=examples(12, 100))  # enumeration of each takes a second
@given(st.randoms(use_true_random=False))
def test_nodes_that_are_left_out_host_no_better_plan(random: Random) -> None:
    if (instance := full_mesh(random)) is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(method, "FEW_NODES", 2)
        patch.setattr(narrowing, "_PER_LAYER", 1)
        check_same_merit(instance, method.Exact().solve(instance, Options()))


def test_a_network_is_narrowed_to_the_nodes_that_pay() -> None:
    """Ten nodes are a hundred times dearer than two: they are left out."""
    nodes = [{"name": f"n{i}", "ops_per_s": 1.0, "j_per_op": 1.0 if i < 2 else 100.0} for i in range(12)]
    links = [
        {"source": f"n{i}", "target": f"n{j}", "bit_per_s": 10.0, "j_per_bit": 0.1}
        for i in range(12) for j in range(12) if i != j
    ]  # fmt: skip
    model = {
        "schema_version": "1", "name": "m", "input_bits": 1.0, "exits": [{"name": "e", "after": "b1"}],
        "blocks": [{"name": f"b{i}", "ops": 1.0, "output_bits": 1.0} for i in range(2)],
        "operating_points": [{"name": "k", "exit_fractions": {"e": 1.0}, "accuracy": 0.9}],
    }  # fmt: skip
    topology = {"schema_version": "1", "name": "t", "nodes": nodes, "links": links}
    app = App(model="m", source="n1", max_latency_s=5.0)
    instance = instance_of(app, check_document(model, Model), check_document(topology, Topology))
    assert instance is not None
    kept = narrowing.narrowed_nodes(instance, Deadline())
    assert kept is not None
    assert kept.tolist() == [1]
    plan = method.Exact().solve(on_nodes(instance, kept), Options()).plan
    assert plan is not None
    assert on_whole_network(plan, kept).nodes == (1, 1)
