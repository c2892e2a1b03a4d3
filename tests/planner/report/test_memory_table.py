"""Memory on pages: sums by hand, and the sums that usage lines show."""

from __future__ import annotations

from random import Random

import pytest
from dataflow_cases import random_dataflow_case
from hypothesis import given
from hypothesis import strategies as st
from undiagnosed import solve_undiagnosed

import planner
from planner.pipeline.request import Request
from planner.pipeline.usage import usage_of
from planner.report.memory_table import memory_tables, memory_uses
from planner.report.plan_page import plan_page
from planner.schemas import App, Model, Topology, check_document
from planner.verifier.network import expand

MODEL = {
    "schema_version": "1",
    "name": "tied",
    "input_bits": 8,
    "params": {"words": 4e7},
    "blocks": [
        {"name": "embed", "ops": 1, "params": ["words"], "working_bytes": 5e6, "output_bits": 8},
        {"name": "logits", "ops": 1, "params": ["words"], "working_bytes": 3e6, "param_bytes": 1e6, "state_bytes": 2e6,
         "inputs": [{"block": "embed"}, {"block": "input"}]},
    ],
}  # fmt: skip
TOPOLOGY = {
    "schema_version": "1",
    "name": "one",
    "nodes": [{"name": "n", "ops_per_s": 1, "j_per_op": 1, "memory_bytes": 5.5e7}],
}


def test_parts_of_the_memory_of_a_node_are_told_apart() -> None:
    plan = planner.plan(MODEL, TOPOLOGY, batch=[2], rate_per_s=0.1)
    topology, model = check_document(TOPOLOGY, Topology), check_document(MODEL, Model)
    app = App(name="app", model="m", batch=(2,), rate_per_s=0.1)
    (table,) = memory_tables(memory_uses(plan, [(app, model)]), expand(topology))
    assert list(table.rows) == [("n", "41 MB", "4 MB", "10 MB", "55 MB", "≤ 55 MB")]
    page = plan_page(plan, topology, [(app, model)], {})
    assert "Memory of nodes" in [section.heading for section in page.sections]


@given(st.randoms(use_true_random=False))
def test_the_parts_add_up_to_the_memory_in_use(random: Random) -> None:
    app, model, topology = random_dataflow_case(random)
    placement = solve_undiagnosed(Request(app, model, topology))
    uses = memory_uses(placement, [(app, model)]) if placement.apps else {}
    for use in usage_of(placement, [(app, model)], topology).nodes:
        assert uses[use.name].total_bytes == pytest.approx(use.memory_bytes, rel=1e-12)
