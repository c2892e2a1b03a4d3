"""Extension of labels along links in parts, and links collected in parts: the parts make no difference."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from cases import instance_of
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fin.scenes import scene
from planner.fin.bounds.dual import dual_bounds
from planner.fin.bounds.relaxation import relax
from planner.fin.deadline import Deadline
from planner.fin.exact.method import Exact
from planner.fin.graph.extended import build_extended
from planner.fin.graph.feasible import build_feasible
from planner.fin.graph.path_sums import path_sums
from planner.fin.instance.instance import Instance
from planner.fin.labels import tracked, transfer_paths
from planner.fin.labels.arcs import Arcs, surviving_arcs
from planner.fin.labels.search import search
from planner.fin.labels.transfer_paths import with_paths
from planner.fin.method import Options
from planner.schemas import App, Model, Topology, check_document


def grid_of_nine(r: Random) -> Instance | None:
    """Return a chain of four blocks on a 3 x 3 grid whose nodes and links all differ, with a deadline that binds."""
    names = [f"n{i}{j}" for i in range(3) for j in range(3)]
    nodes = [{"name": name, "ops_per_s": r.uniform(1.0, 9.0), "j_per_op": r.uniform(0.1, 1.0)} for name in names]
    pairs = [(f"n{i}{j}", f"n{i}{j + 1}") for i in range(3) for j in range(2)]
    pairs += [(f"n{i}{j}", f"n{i + 1}{j}") for i in range(2) for j in range(3)]
    links = [
        {"source": first, "target": second, "bidirectional": True, "bit_per_s": r.uniform(5.0, 20.0),
         "j_per_bit": r.uniform(0.01, 0.2)}
        for first, second in pairs
    ]  # fmt: skip
    blocks = [{"name": f"b{i}", "ops": r.uniform(1.0, 3.0), "output_bits": r.uniform(0.5, 2.0)} for i in range(4)]
    model = {
        "schema_version": "1", "name": "m", "input_bits": 1.0, "blocks": blocks,
        "exits": [{"name": "e", "after": "b3"}],
        "operating_points": [{"name": "k", "exit_fractions": {"e": 1.0}, "accuracy": 0.9}],
    }  # fmt: skip
    app = App(model="m", source="n00", max_latency_s=r.uniform(1.5, 4.0))
    topology = {"schema_version": "1", "name": "grid", "nodes": nodes, "links": links}
    return instance_of(app, check_document(model, Model), check_document(topology, Topology))


@given(st.randoms(use_true_random=False))
def test_labels_extended_in_parts_find_the_same_plan(random: Random) -> None:
    if (instance := grid_of_nine(random)) is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer_paths, "_MOST_LINKS", 0)
        whole = Exact().solve(instance, Options())
        patch.setattr(tracked, "_CELLS_AT_ONCE", 8)
        parts = Exact().solve(instance, Options())
    assert (parts.status, parts.plan) == (whole.status, whole.plan)


@given(st.randoms(use_true_random=False))
def test_paths_listed_beforehand_find_what_going_link_by_link_does(random: Random) -> None:
    if (instance := grid_of_nine(random)) is None:
        return
    feasible = build_feasible(build_extended(instance), instance.network)
    if feasible.graph.shape[0] == 0:
        return
    plain = relax(feasible.single(0), float(dual_bounds(feasible).multiplier[0]), np.inf, ties=random.random() < 0.5)
    listed = search(plain, np.inf, 100_000, Deadline())
    assert with_paths(plain, surviving_arcs(plain, np.inf), np.inf, Deadline())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer_paths, "_MOST_LINKS", 0)
        by_links = search(plain, np.inf, 100_000, Deadline())
    assert listed.best_cost == pytest.approx(by_links.best_cost, rel=1e-12)
    for found in (listed, by_links):
        cost, limited = (float(each[0]) for each in path_sums(plain.graph, found.paths[0]))
        assert cost == pytest.approx(found.best_cost, rel=1e-12)
        assert limited <= plain.most
    assert listed.tied == by_links.tied


@given(st.randoms(use_true_random=False))
def test_links_of_large_networks_are_those_that_bounds_of_all_leave_open(random: Random) -> None:
    direct = random.random() < 0.5  # a link joins every pair of nodes
    instance = scene(blocks=4, nodes=5, seed=random.randrange(1_000)).instance() if direct else grid_of_nine(random)
    if instance is None:
        return
    feasible = build_feasible(build_extended(instance), instance.network)
    if feasible.graph.shape[0] == 0:
        return
    duals = dual_bounds(feasible)
    plain = relax(feasible.single(0), float(duals.multiplier[0]), np.inf)
    within = plain.lower_bound * random.uniform(1.001, 3.0)
    for cutoff in (np.inf, within):
        at_once = plain.fixed(cutoff)
        assert at_once.link_bounds is not None
        few = _by_ends(surviving_arcs(replace(at_once, link_bounds=None), cutoff))
        every = _by_ends(surviving_arcs(at_once, cutoff))
        assert few.keys() == every.keys()
        for ends, figures in few.items():
            assert figures == pytest.approx(every[ends], rel=1e-9, abs=1e-12)


def _by_ends(arcs: Arcs) -> dict[tuple[int, int], list[float]]:
    """Return the figures of arcs by the places that they leave and lead to."""
    columns = [arcs.cost, arcs.limited, *arcs.further.T, *arcs.loads.T, arcs.below, arcs.most_limited]
    ends = zip(arcs.tail.tolist(), arcs.target.tolist(), strict=True)
    return dict(zip(ends, np.array(columns).T.tolist(), strict=True))
