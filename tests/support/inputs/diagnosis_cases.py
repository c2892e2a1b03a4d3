"""A phone and an edge too small for what is asked of them, and the diagnosis that a request then gets."""

from __future__ import annotations

from typing import Any

from planner import plan
from planner.schemas import BrokenLimit, Diagnosis, Model, Topology, check_document
from planner.schemas.reading.quantities import told_apart

UNITS = {"latency": "s", "energy": "J", "accuracy": "fraction", "memory": "bytes", "rate": "1/s"}

Json = dict[str, Any]


# Two blocks on a phone (1 op/s, 1 J/op) and an edge (4 op/s, 2 J/op), 4 bit/s, 0.5 s and 0.1 J/bit apart.
# full, (b1, b2) on:  phone phone 6 s 6 J, phone edge 4.5 s 10.4 J, edge edge 4 s 12.8 J, edge phone 8.5 s 9.2 J
# short, b1 on:       phone 2 s 2 J, edge 3 s 4.8 J
FULL = {"name": "full", "exit_fractions": {"e2": 1.0}, "accuracy": 0.9}

SHORT = {"name": "short", "exit_fractions": {"e1": 1.0}, "accuracy": 0.6}


def model(*points: Json, **changes: Any) -> Model:
    document = {
        "schema_version": "1",
        "name": "m",
        "input_bits": 8.0,
        "blocks": [
            {"name": "b1", "ops": 2.0, "param_bytes": 3.0, "output_bits": 4.0},
            {"name": "b2", "ops": 4.0, "param_bytes": 5.0},
        ],
        "exits": [{"name": "e1", "after": "b1", "result_bits": 1.0}, {"name": "e2", "after": "b2", "result_bits": 1.0}],
        "operating_points": list(points or (FULL, SHORT)),
        **changes,
    }
    return check_document(document, Model)


def topology(phone: Json | None = None, edge: Json | None = None, more: Json | None = None) -> Topology:
    document = {
        "schema_version": "1",
        "name": "t",
        "nodes": [
            {"name": "phone", "tier": "mobile", "ops_per_s": 1.0, "j_per_op": 1.0, **(phone or {})},
            {"name": "edge", "tier": "edge", "ops_per_s": 4.0, "j_per_op": 2.0, **(edge or {})},
            *([{"name": "island", "ops_per_s": 1.0, "j_per_op": 1.0, **more}] if more is not None else []),
        ],
        "links": [
            {
                "source": "phone", "target": "edge", "bidirectional": True,
                "bit_per_s": 4.0, "latency_s": 0.5, "j_per_bit": 0.1,
            }
        ],
    }  # fmt: skip
    return check_document(document, Topology)


def why(asked: Model, where: Topology, **limits: Any) -> dict[tuple[str, str], BrokenLimit]:
    """Return the broken limits of a request without a plan, by kind and subject."""
    placement = plan(asked, where, **limits)
    assert placement.status == "infeasible"
    assert placement.diagnosis is not None
    check_units(placement.diagnosis)
    assert placement.diagnosis.summary.startswith("no plan for 'app': ")
    assert placement.diagnosis.limits[0].message in placement.diagnosis.summary
    rows = {(row.kind, row.subject): row for row in placement.diagnosis.limits}
    assert len(rows) == len(placement.diagnosis.limits)
    return rows


def check_units(diagnosis: Diagnosis) -> None:
    """Every number has its unit, and stands in the message."""
    for row in diagnosis.limits:
        assert row.unit == UNITS.get(row.kind, "")
        assert row.message
        if not row.unit:
            assert row.demand is None
            assert row.best is None
        elif row.best is not None:
            unit = {"bytes": "B", "1/s": ""}.get(row.unit, row.unit)
            pair = (row.best, row.best) if row.demand is None else (row.best, row.demand)
            assert told_apart(*pair, unit)[0] in row.message
