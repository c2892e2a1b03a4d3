"""Extension of labels along links in parts: the parts make no difference."""

from __future__ import annotations

from random import Random

import pytest
from cases import instance_of
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.exact import transfers
from planner.fin.exact.method import Exact
from planner.fin.instance.instance import Instance
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
    whole = Exact().solve(instance, Options())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfers, "_CELLS_AT_ONCE", 8)
        parts = Exact().solve(instance, Options())
    assert (parts.status, parts.plan) == (whole.status, whole.plan)
