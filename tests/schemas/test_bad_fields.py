"""Fields of documents: each bad one is refused by its path, with the value found and advice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from schema_documents import BIG, DELETE, MAKERS, edited, problems_of

from planner.schemas.export import DOCUMENTS, json_schema
from planner.schemas.reading.forms import FORMS, METRIC_NAME

# kind, place, value, words of the message, words of the fix, path of the problem (if it is not the place)
BAD: list[tuple[Any, ...]] = [
    # unknown fields
    ("model", "blocks[0].opps", 1, "unknown field", "did you mean 'ops'?"),
    ("model", "citations", "x", "unknown field", "did you mean 'citation'?"),
    ("model", "zzz", 1, "unknown field", "remove it (known here: schema_version, name"),
    ("model", "calibration.sample", 1, "unknown field", "did you mean 'samples'?"),
    ("model", "profiles.phone.b1.time", 1, "unknown field", "'time_s'"),
    ("topology", "nodes[0].ops_per_sec", 1, "unknown field", "did you mean 'ops_per_s'?"),
    ("topology", "nodes[0].speed.maxi", 1, "unknown field", "did you mean 'max'?"),
    ("topology", "packages[0].row", 1, "unknown field", "did you mean 'rows'?"),
    ("topology", "packages[0].interposer.latency", 1, "unknown field", "'latency_s'"),
    ("workload", "apps[0].max_latency", 1, "unknown field", "did you mean 'max_latency_s'?"),
    # forms of texts
    (
        "model", "profiles.phone.e3.time_s", {"08": 1.0},
        "not a batch size", 'from 1 to 9999999, such as "8"', "profiles.phone.e3.time_s.08",
    ),
    ("topology", "metrics", [{"name": "2nd", "unit": "g"}], "not a name of a", "phone_battery", "metrics[0].name"),
    ("topology", "metrics", [{"name": "c" * 101, "unit": "g"}], "100 characters", "shorten it", "metrics[0].name"),
    # wrong types
    ("model", "blocks[1].ops", "50ms", "not a number", "plain number in the unit"),
    ("model", "blocks[1].ops", True, "not a number", "plain number"),
    ("model", "blocks[1].ops", None, "not a number", "plain number"),
    ("model", "blocks[1].ops", [1.0], "not a number", "plain number"),
    ("model", "blocks[1].ops", BIG, "not a number", "plain number"),
    ("model", "blocks[1].name", 5, "not a text", "text in quotes"),
    ("model", "blocks", {}, "not a list", "list"),
    ("model", "blocks[1]", "b2", "not an object", "object"),
    ("model", "operating_points[0].exit_fractions", [0.4], "not an object", "object"),
    ("model", "profiles", [], "not an object", "object"),
    ("model", "schema_version", 1, "'1'"),
    ("model", "schema_version", "2", "'1'"),
    ("topology", "links[0].bidirectional", "yes", "boolean", "true or false"),
    ("topology", "packages[0].rows", 2.5, "integer", "whole number"),
    ("topology", "nodes[0].tier", "phone", "'mobile', 'edge', 'cloud' or 'chiplet'"),
    ("topology", "links[0].source", {}, "not a text", "text in quotes"),
    ("topology", "packages[0].name", {}, "not a text", "text in quotes"),
    (
        "topology", "packages[0].chiplets[0].at", [{}, 0],
        "integer", "whole number", "packages[0].chiplets[0].at[0]",
    ),
    ("workload", "apps[0].max_latency_s", "50ms", "not a number", "plain number"),
    ("workload", "apps[0].pin", {"b1": "n1"}, "not a list", "list", "apps[0].pin.b1"),
    ("workload", "apps[0].objective", "", "at least 1 character"),
    ("workload", "apps[0].latency", "p200", "not a statistic", "percentile such as p95"),
    ("workload", "apps[0].latency", "median", "not a statistic", "percentile such as p95"),
    ("workload", "apps[0].latency", "p0", "0th percentile", "p1 to p100"),
    # ranges
    ("model", "blocks[0].ops", -1, "greater than or equal to 0"),
    ("model", "blocks[0].param_bytes", -1, "greater than or equal to 0"),
    ("model", "input_bits", -0.5, "greater than or equal to 0"),
    ("model", "operating_points[1].accuracy", 1.5, "less than or equal to 1"),
    ("model", "operating_points[1].accuracy", -0.1, "greater than or equal to 0"),
    ("model", "calibration.samples", 0, "greater than 0"),
    ("topology", "nodes[0].ops_per_s", 0, "greater than 0"),
    ("topology", "nodes[0].max_utilization", 1.01, "less than or equal to 1"),
    ("topology", "nodes[0].memory_bytes", -1, "greater than or equal to 0"),
    ("topology", "nodes[0].speed.min", 0, "greater than 0"),
    ("topology", "nodes[0].speed", {"min": 0.9, "max": 0.5}, "above the fastest", "swap"),
    ("topology", "links[0].bit_per_s", 0, "greater than 0"),
    ("topology", "links[0].latency_s", -1e-09, "greater than or equal to 0"),
    ("topology", "packages[0].rows", 0, "greater than or equal to 1"),
    ("topology", "packages[0].cols", 257, "less than or equal to 256"),
    ("workload", "apps[0].rate_per_s", -1, "greater than or equal to 0"),
    ("workload", "apps[0].max_latency_s", 0, "greater than 0"),
    ("workload", "apps[0].min_accuracy", 80, "less than or equal to 1"),
    # beyond what can be computed with
    ("model", "blocks[0].ops", 1e308, "too large (at most 1e+30)"),
    ("model", "blocks[0].param_bytes", 2e30, "too large (at most 1e+30)"),
    ("topology", "nodes[0].ops_per_s", 1e-300, "greater than 0 (at least 1e-30)"),
    ("topology", "nodes[0].speed.max", 1e31, "too large (at most 1e+30)"),
    ("topology", "links[0].bit_per_s", 1e-31, "greater than 0 (at least 1e-30)"),
    ("workload", "apps[0].rate_per_s", 1e99, "too large (at most 1e+30)"),
    # not finite
    ("model", "blocks[0].ops", float("nan"), "finite", "finite number"),
    ("model", "blocks[0].ops", float("inf"), "finite", "finite number"),
    ("topology", "nodes[0].ops_per_s", float("inf"), "finite", "finite number"),
    ("topology", "links[0].j_per_bit", float("nan"), "finite", "finite number"),
    ("workload", "apps[0].max_latency_s", float("inf"), "finite", "finite number"),
    ("model", "calibration.thresholds[0]", float("nan"), "finite", "finite number"),
    ("model", "operating_points[0].exit_fractions.e1", BIG, "not a number"),
    # names used twice
    ("model", "blocks[2].name", "b1", "used twice", "blocks[0] has it already"),
    ("model", "exits[1].name", "e1", "used twice", "exits[0] has it already"),
    ("model", "operating_points[1].name", "all", "used twice", "operating_points[0]"),
    ("model", "exits[0].name", "b2", "a block has this name too", "rename the exit"),
    ("topology", "nodes[1].name", "n1", "used twice", "nodes[0] has it already"),
    ("topology", "packages[0].name", "n1", "a node has this name too", "rename"),
    ("topology", "nodes[1].name", "p[1,2]", "a chiplet has this name too", "rename"),
    ("workload", "apps[1].name", "a", "used twice", "apps[0] has it already"),
    # names missing or empty
    ("model", "blocks[0].name", DELETE, "required field is missing", "add the field"),
    ("model", "blocks[0].name", "", "at least 1 character", "give a name"),
    ("model", "name", DELETE, "required field is missing", "add the field"),
    ("model", "exits[0].after", DELETE, "required field is missing", "add the field"),
    ("model", "operating_points[0].name", DELETE, "required", "add the field"),
    ("model", "schema_version", DELETE, "required field is missing", 'add schema_version with the value "1"'),
    ("topology", "nodes[0].name", DELETE, "required field is missing", "add the field"),
    ("topology", "links[0].target", DELETE, "required field is missing", "add the field"),
    ("topology", "packages[0].gateways", DELETE, "required field is missing", "add"),
    ("workload", "apps[0].model", DELETE, "required field is missing", "add the field"),
    # names that lead nowhere
    ("model", "exits[0].after", "b9", "no block of this name", "'b1', 'b2', 'b3'"),
    (
        "model", "exits[0].after", "b3",
        "two exits stand behind one block", "'e1' is there already", "exits[1].after",
    ),
    (
        "model", "operating_points[1].exit_fractions", {"e9": 1},
        "no exit", "'e1', 'e3'", "operating_points[1].exit_fractions.e9",
    ),
    ("model", "calibration.exits.e9", {"exited": [1, 1], "correct": [1, 1]}, "no exit", "'e3'"),
    ("model", "profiles.phone.b9", {"time_s": 1.0}, "no block or exit", "'b1'"),
    ("topology", "links[0].target", "n9", "leads nowhere", "name a node"),
    ("topology", "links[0].source", "p[2,0]", "leads nowhere", "name a node"),
    # sums and counts
    (
        "model", "operating_points[0].exit_fractions.e1", 0.5,
        "sum to 1.1", "sum to 1", "operating_points[0].exit_fractions",
    ),
    (
        "model", "operating_points[0].exit_fractions.e1", 0.40001,
        "sum to", "1e-6", "operating_points[0].exit_fractions",
    ),
    ("model", "calibration.exits.e1.exited", [3], "1 counts for 2", "one count"),
    ("model", "calibration.exits.e1.correct", [1, 2, 3], "3 counts for 2", "one count"),
    ("model", "calibration.exits.e1.correct[1]", 7, "more right than left"),
    ("model", "calibration.exits.e3.exited[1]", 11, "more than all 10"),
    ("model", "calibration.exits.e1.exited[0]", -1, "greater than or equal"),
    ("model", "calibration.thresholds", [0.1, 0.1], "stands twice", "once"),
    # links and packages
    ("topology", "links[0].target", "n1", "from a node to itself", "remove it"),
    (
        "topology", "links[1]", {"source": "n1", "target": "n2", "bit_per_s": 1},
        "a second link from n1 to n2", "links[0]",
    ),
    (
        "topology", "links[1]", {"source": "n2", "target": "n1", "bit_per_s": 1, "bidirectional": True},
        "a second link from n1 to n2", "links[0]",
    ),
    (
        "topology", "links[1]", {"source": "p", "target": "p[1,0]", "bit_per_s": 1},
        "wire between these two", "gateway",
    ),
    (
        "topology", "links[1]", {"source": "p[0,1]", "target": "p[0,0]", "bit_per_s": 1},
        "wire between", "interposer",
    ),
    ("topology", "packages[0].chiplets[0].at", [2, 0], "outside the package", "rows 0..1"),
    ("topology", "packages[0].chiplets[0].at", [0, 3], "outside the package", "columns 0..2"),
    (
        "topology", "packages[0].chiplets[0].at", [-1, 0],
        "greater than or equal", "", "packages[0].chiplets[0].at[0]",
    ),
    ("topology", "packages[0].chiplets[0].at", [1], "required", "add", "packages[0].chiplets[0].at[1]"),
    ("topology", "packages[0].gateways[1]", [2, 0], "outside the package", "rows 0..1"),
    ("topology", "packages[0].gateways[1]", [1], "required", "add", "packages[0].gateways[1][1]"),
    ("topology", "packages[0].chiplets[0].at", [[0, 0], [2, 0]], "outside the package", "rows 0..1"),
    ("topology", "packages[0].chiplets[0].at", [[1, 1], [0, 2]], "not the upper left", "lower row and column first"),
    (
        "topology", "packages[0].chiplets[0].at", [[0, 0], [1, "x"]],
        "integer", "whole number", "packages[0].chiplets[0].at[1][1]",
    ),
    (
        "topology", "packages[0].chiplets", [{"at": [[0, 0], [1, 1]]}, {"at": [1, 1]}],
        "this position stands twice", "merge", "packages[0].chiplets[1].at",
    ),
    (
        "topology", "packages[0].chiplets", [{"at": [[0, 0], [0, 1], [1, 1]]}],
        "a list of more than two positions", "an entry of chiplets for each position", "packages[0].chiplets[0].at",
    ),
    (
        "topology", "packages[0].chiplets", [{"at": [0, 1]}, {"at": [0, 1]}],
        "this position stands twice", "merge", "packages[0].chiplets[1].at",
    ),
    ("topology", "nodes[0].ops_per_s", DELETE, "nothing says how fast n1", "ops_per_s"),
    ("topology", "nodes[0].j_per_op", DELETE, "what energy n1 takes", "active_power_w"),
    (
        "topology", "packages[0].chiplet", {"ops_per_s": 1.0},
        "this chiplet takes", "", "packages[0].chiplet.j_per_op",
    ),
    # nothing there
    ("model", "blocks", [], "too few entries", "at least one entry"),
    ("model", "operating_points[0].exit_fractions", {}, "too few entries", "at least one"),
    ("model", "calibration.thresholds", [], "too few entries", "at least one entry"),
    ("model", "calibration.exits", {}, "too few entries", "at least one entry"),
    ("topology", "packages[0].gateways", [], "too few entries", "at least one entry"),
    ("workload", "apps", [], "too few entries", "at least one entry"),
    ("workload", "apps[0].pin.b1", [], "pinned to no node", "at least one node"),
]  # fmt: skip


def patterns(schema: object) -> Iterator[str]:
    """Yield every pattern of a JSON schema."""
    if isinstance(schema, dict):
        yield from (value for key, value in schema.items() if key == "pattern" and isinstance(value, str))
        schema = list(schema.values())
    for part in schema if isinstance(schema, list) else ():
        yield from patterns(part)


def test_every_form_of_texts_is_told_in_words():
    found = {pattern for kind in DOCUMENTS for pattern in patterns(json.loads(json_schema(kind)))}
    assert METRIC_NAME.pattern in found
    assert found <= set(FORMS)


@pytest.mark.parametrize("row", BAD, ids=lambda row: f"{row[0]}:{row[1]}")
def test_a_bad_field_is_named_with_its_value_and_a_fix(row: tuple[Any, ...]) -> None:
    kind, place, value, message = row[:4]
    fix = row[4] if len(row) > 4 else ""
    path = row[5] if len(row) > 5 else place
    found = problems_of(kind, edited(kind, (place, value)))
    fitting = [problem for problem in found if problem.path == path and message in problem.message]
    assert len(fitting) == 1, found
    assert fix in fitting[0].fix
    assert str(fitting[0]).startswith(f"file.json: {path}: ")
    assert str(fitting[0]).endswith(f"; {fitting[0].fix}")


@pytest.mark.parametrize(
    ("kind", "place", "value", "shown"),
    [
        ("model", "blocks[1].ops", "50ms", '"50ms"'),
        ("model", "blocks[1].ops", -3, "-3"),
        ("model", "exits[0].after", "b9", '"b9"'),
        ("model", "blocks[0].ops", float("nan"), "NaN"),
        ("topology", "packages[0].gateways[1]", [2, 0], "[2, 0]"),
        ("model", "blocks[1].ops", "x" * 1000, '"' + "x" * 56 + "..."),
    ],
)
def test_the_value_found_is_shown(kind: str, place: str, value: object, shown: str) -> None:
    (problem,) = problems_of(kind, edited(kind, (place, value)))
    assert problem.value == shown
    assert f"(found {shown})" in str(problem)


@pytest.mark.parametrize("kind", MAKERS)
def test_json_schema_agrees_on_types_and_unknown_fields(kind: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(json_schema(kind)))
    assert validator.is_valid(MAKERS[kind]())
    checked = 0
    words = ("unknown field", "not a number", "required field", "greater than", "less than", "too large")
    for name, place, value, message, *_ in BAD:
        if name == kind and value is not BIG and message.startswith(words):
            assert not validator.is_valid(edited(kind, (place, value))), place
            checked += 1
    assert checked > 3
