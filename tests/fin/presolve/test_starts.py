"""Starting plans: within all limits, and there where no single node holds the network."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
from cases import instance_of, random_case
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.deadline import Deadline
from planner.fin.exact.incumbent import Incumbent
from planner.fin.exact.method import Exact
from planner.fin.graph.extended import build_extended
from planner.fin.instance.decision import evaluate, objective_of, within_limits
from planner.fin.instance.instance import Instance
from planner.fin.method import Options
from planner.fin.presolve.first_fit import offer_first_fits
from planner.schemas import App, Model, Topology, check_document


def chain(blocks: int, nodes: int, room: int) -> Instance:
    """Return a network of equal blocks on a chain of nodes that hold `room` blocks each."""
    names = [f"n{number}" for number in range(nodes)]
    model = {
        "schema_version": "1", "name": "net", "input_bits": 1e5,
        "blocks": [
            {"name": f"b{number}", "ops": 1e7, "param_bytes": 1e6, "output_bits": 1e5} for number in range(blocks)
        ],
    }  # fmt: skip
    topology = {
        "schema_version": "1", "name": "chain",
        "nodes": [{"name": name, "ops_per_s": 1e10, "j_per_op": 1e-10, "memory_bytes": room * 1e6} for name in names],
        "links": [
            {"source": one, "target": other, "bit_per_s": 1e8, "j_per_bit": 1e-9, "bidirectional": True}
            for one, other in pairwise(names)
        ],
    }  # fmt: skip
    app = App(name="app", model="net.json", source="n0")
    instance = instance_of(app, check_document(model, Model), check_document(topology, Topology))
    assert instance is not None
    return instance


@given(st.randoms(use_true_random=False))
def test_no_starting_plan_breaks_a_limit_or_is_below_the_optimum(random: Random) -> None:
    instance = instance_of(*random_case(random))
    if instance is None:
        return
    incumbent = Incumbent(instance)
    offer_first_fits(build_extended(instance), instance, incumbent, Deadline())
    if incumbent.decision is None:
        return
    evaluation = evaluate(instance, incumbent.decision)
    assert within_limits(instance, evaluation)
    best = Exact().solve(instance, Options())
    assert best.plan is not None
    assert objective_of(instance, evaluation) >= objective_of(instance, evaluate(instance, best.plan)) * (1 - 1e-9)


def test_a_network_that_needs_many_nodes_is_split_over_them() -> None:
    instance = chain(blocks=60, nodes=80, room=9)
    incumbent = Incumbent(instance)
    offer_first_fits(build_extended(instance), instance, incumbent, Deadline())
    assert incumbent.decision is not None
    counts = np.bincount(incumbent.decision.nodes)
    assert counts.max() <= 9
    assert counts.sum() == 60
