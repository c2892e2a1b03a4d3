"""Good documents of the main formats, and changes of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from planner.schemas import InputError, Problem, check_document
from planner.schemas.export import DOCUMENTS

ROOT = Path(__file__).parents[3]
Json = dict[str, Any]
BIG = 10**400
"""A whole number beyond all floats."""


def model() -> Json:
    return {
        "schema_version": "1",
        "name": "m",
        "citation": "none",
        "input_bits": 8.0,
        "blocks": [
            {"name": "b1", "ops": 1.0, "param_bytes": 1, "output_bits": 2.0},
            {"name": "b2", "ops": 2.0},
            {"name": "b3", "ops": 3.0},
        ],
        "exits": [{"name": "e1", "after": "b1"}, {"name": "e3", "after": "b3", "ops": 1.0}],
        "operating_points": [
            {"name": "all", "exit_fractions": {"e1": 0.4, "e3": 0.6}, "accuracy": 0.7},
            {"name": "last", "exit_fractions": {"e3": 1.0}, "accuracy": 0.8},
        ],
        "calibration": {
            "samples": 10,
            "thresholds": [0.1, 0.5],
            "exits": {
                "e1": {"exited": [3, 6], "correct": [3, 5]},
                "e3": {"exited": [9, 10], "correct": [8, 8]},
            },
        },
        "profiles": {"phone": {"b1": {"time_s": 0.1, "energy_j": 0.2}, "e3": {"time_s": 0.1}}},
    }


def topology() -> Json:
    return {
        "schema_version": "1",
        "name": "t",
        "nodes": [
            {"name": "n1", "ops_per_s": 1.0, "j_per_op": 1.0, "speed": {"min": 0.5, "max": 1.0}},
            {"name": "n2", "hardware": "phone"},
        ],
        "links": [
            {"source": "n1", "target": "n2", "bit_per_s": 5.0},
            {"source": "n2", "target": "p", "bit_per_s": 5.0},
        ],
        "packages": [
            {
                "name": "p",
                "rows": 2,
                "cols": 3,
                "chiplet": {"ops_per_s": 1.0, "active_power_w": 2.0},
                "chiplets": [{"at": [1, 2], "ops_per_s": 3.0}],
                "interposer": {"bit_per_s": 1.0},
                "gateways": [[0, 0], [1, 0]],
                "gateway_link": {"bit_per_s": 1.0},
            }
        ],
    }


def workload() -> Json:
    return {
        "schema_version": "1",
        "apps": [
            {"name": "a", "model": "m.json", "latency": "p95", "max_latency_s": 0.1, "pin": {"b1": ["n1"]}},
            {"name": "b", "model": "m.json"},
        ],
    }


MAKERS = {"model": model, "topology": topology, "workload": workload}
DELETE = object()


def edited(kind: str, *edits: tuple[str, Any]) -> Json:
    """Return a good document with the values at some places such as ``blocks[0].ops`` set or deleted."""
    return with_edits(MAKERS[kind](), *edits)


def with_edits(document: Json, *edits: tuple[str, Any]) -> Json:
    """Change a document at some places, and return it."""
    for where, value in edits:
        *way, last = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", where)]
        place: Any = document
        for part in way:
            place = place[part]
        if value is DELETE:
            del place[last]
        else:
            place[last] = value
    return document


def problems_of(kind: str, document: object) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        check_document(document, DOCUMENTS[kind], "file.json")
    assert caught.value.problems, "an error that says nothing"
    for problem in caught.value.problems:
        assert problem.file == "file.json"
        assert problem.message
        assert problem.fix
    return caught.value.problems
