"""The exact method over links against a search over a table of routes, on networks of every shape."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from cases import instance_of, random_app, random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import SHAPES, shaped_topology
from profiles import examples
from table_search import table_search

from planner.fin.exact import scenario
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate, objective_of
from planner.fin.instance.instance import Instance
from planner.fin.links import representation
from planner.fin.links.dense import DenseLinks
from planner.fin.links.representation import links_of
from planner.fin.links.sparse import SparseLinks
from planner.fin.method import Options
from planner.schemas import Model, Topology, Workload, check_document


def shaped_instance(r: Random, shape: str) -> Instance | None:
    topology, model = shaped_topology(r, shape), random_model(r, most_blocks=3)
    workload = check_document({"schema_version": "1", "apps": [random_app(r, model, topology)]}, Workload)
    return instance_of(workload.apps[0], check_document(model, Model), check_document(topology, Topology))


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=examples(40, 300))
@given(random=st.randoms(use_true_random=False))
def test_exact_equals_a_search_over_a_table_of_routes(shape: str, random: Random) -> None:
    """Media, memory, destinations, percentiles and both objectives, whichever way links are held."""
    instance = shaped_instance(random, shape)
    expected = None if instance is None else table_search(instance)
    if instance is None or expected is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(representation, "DENSE_SHARE", random.choice([0.0, 2.0]))
        patch.setattr(scenario, "_MANY_PER_LAYER", random.choice([-1, 4]))
        outcome = Exact().solve(instance, Options())
    assert outcome.status == ("optimal" if np.isfinite(expected) else "infeasible")
    if outcome.plan is not None:
        value = objective_of(instance, evaluate(instance, outcome.plan))
        assert value == pytest.approx(expected, rel=2e-8, abs=1e-12)


def test_links_are_matrices_where_many_pairs_are_linked() -> None:
    r = Random(0)
    dense, tree = shaped_instance(r, "dense"), shaped_instance(r, "tree")
    assert dense is not None
    assert tree is not None
    assert isinstance(links_of(dense.network), DenseLinks)
    patched = SparseLinks(tree.network)
    assert len(patched.source) == len(tree.network.link_source)


@given(random=st.randoms(use_true_random=False))
def test_both_kinds_of_links_list_the_same_hops(random: Random) -> None:
    instance = shaped_instance(random, random.choice(SHAPES))
    if instance is None:
        return
    network = instance.network
    nodes = np.array([random.randrange(network.size) for _ in range(3)])
    usable = np.array([random.random() < 0.7 for _ in range(network.size)])
    found = []
    for links in (DenseLinks(network), SparseLinks(network)):
        hops = links.out_of(nodes, usable)
        np.testing.assert_array_equal(links.between(nodes[hops.row], hops.target), hops.link)
        rows = zip(hops.row.tolist(), hops.target.tolist(), links.metrics[:, hops.link].T.tolist(), strict=True)
        found.append(sorted((row, target, tuple(figures)) for row, target, figures in rows))
    assert found[0] == found[1]
    expected = {(row, int(target)) for row, node in enumerate(nodes)
                for target in network.link_target[network.link_source == node] if usable[target]}  # fmt: skip
    assert {row[:2] for row in found[0]} == expected
