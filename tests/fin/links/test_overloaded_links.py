"""Links that one transfer alone overloads: the exact method against enumeration where rates are near the largest."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from cases import instance_of, random_app, random_model
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import SHAPES, shaped_topology
from profiles import examples

from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate, objective_of
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.links import representation
from planner.fin.links.dense import DenseLinks
from planner.fin.method import Options
from planner.fin.methods.enumeration import BruteForce
from planner.schemas import Model, Topology, Workload, check_document


@pytest.mark.slow
@settings(max_examples=examples(40, 300))
@given(random=st.randoms(use_true_random=False))
def test_exact_equals_enumeration_at_high_rates(random: Random) -> None:
    shape = random.choice([shape for shape in SHAPES if shape != "package"])
    topology = shaped_topology(random, shape, most_nodes=4)
    model = random_model(random, most_blocks=3)
    app = {**random_app(random, model, topology), "pin": {}, "rate_per_s": random.choice([0.2, 0.5, 1.0, 2.0])}
    workload = check_document({"schema_version": "1", "apps": [app]}, Workload)
    instance = instance_of(workload.apps[0], check_document(model, Model), check_document(topology, Topology))
    if instance is None:
        return
    expected = BruteForce().solve(instance, Options())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(representation, "DENSE_SHARE", random.choice([0.0, 2.0]))
        found = Exact().solve(instance, Options())
    assert found.status == expected.status
    if found.plan is not None and expected.plan is not None:
        values = [objective_of(instance, evaluate(instance, plan)) for plan in (found.plan, expected.plan)]
        assert values[0] == pytest.approx(values[1], rel=2e-8, abs=1e-12)


def test_a_path_of_wide_links_is_needed_where_a_narrow_one_is_overloaded() -> None:
    """The direct link is the quicker way for one message, but cannot carry all of them."""
    nodes = [{"name": name, "ops_per_s": 1.0, "j_per_op": 1.0} for name in "abc"]
    ends = {"ab": 3.0, "bc": 3.0, "ac": 2.0, "ba": 9.0, "cb": 9.0, "ca": 9.0}
    links = [{"source": a, "target": b, "bit_per_s": rate} for (a, b), rate in ends.items()]
    topology = check_document({"schema_version": "1", "name": "t", "nodes": nodes, "links": links}, Topology)
    network = build_network(*expand(topology))
    assert DenseLinks(network).single_hop
    assert not DenseLinks(network, (), 2.5).single_hop
    carried = np.array([[2.5]])
    ways = DenseLinks(network).weighted(np.zeros((1, 1, 3)), carried)
    assert np.isinf(ways.leave(0, np.array([[np.inf, np.inf, 0.0]]), np.ones((1, 3), dtype=bool))[0, 0])
