"""Memory of the whole model against the smallest node: where it cannot bind, nothing is refused for it."""

from __future__ import annotations

import pytest

from planner import InputError, Model, Topology, plan
from planner.schemas import check_document
from planner.schemas.planning.memory import largest_memory_bytes, least_memory_bytes, memory_may_bind


def tied_model() -> Model:
    blocks = [
        {"name": "b1", "ops": 1e6, "param_bytes": 100, "output_bits": 8e3, "working_bytes": 10, "params": ["table"]},
        {"name": "b2", "ops": 1e6, "param_bytes": 200, "state_bytes": 40, "working_bytes": 30, "params": ["table"]},
    ]
    raw = {"schema_version": "1", "name": "m", "input_bits": 1e3, "blocks": blocks, "params": {"table": 1000}}
    return check_document({**raw, "accuracy": 0.5}, Model)


def topology(memory: float | None) -> Topology:
    nodes = [{"name": name, "ops_per_s": 1e9, "j_per_op": 1e-9, "memory_bytes": memory} for name in ("a", "b")]
    link = {"source": "a", "target": "b", "bit_per_s": 1e8, "bidirectional": True}
    return check_document({"schema_version": "1", "name": "t", "nodes": nodes, "links": [link]}, Topology)


def test_the_largest_need_counts_everything_once() -> None:
    assert largest_memory_bytes(tied_model()) == 100 + 200 + 40 + 10 + 30 + 1000


def test_the_least_memory_is_that_of_the_smallest_chiplet_or_node() -> None:
    raw = topology(5000.0).model_dump(mode="json")
    wire = {"bit_per_s": 1e9}
    chiplet = {"ops_per_s": 1e9, "j_per_op": 1e-9, "memory_bytes": 4000}
    raw["packages"] = [
        {"name": "p", "rows": 1, "cols": 2, "chiplet": chiplet, "chiplets": [{"at": [0, 1], "memory_bytes": 300}],
         "interposer": wire, "gateways": [[0, 0]], "gateway_link": wire}
    ]  # fmt: skip
    assert least_memory_bytes(check_document(raw, Topology)) == 300
    assert not memory_may_bind([tied_model()], least_memory_bytes(topology(None)))


@pytest.mark.parametrize("method", ["gamma", "mcp"])
def test_methods_for_chains_plan_what_fits_everywhere(method: str) -> None:
    assert plan(tied_model(), topology(1380.0), method=method).apps
    with pytest.raises(InputError, match="does not know working_bytes"):
        plan(tied_model(), topology(1379.0), method=method)
